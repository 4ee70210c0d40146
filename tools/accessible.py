"""Mend what the theme's pages lack for keyboards and for people who hear a page."""

import re

# The names that are seen are the better ones: voice control goes by them.
MISNAMED = re.compile(
    r'(?<=<summary) aria-label="[^"]*"|(search-button-field[^>]*?) aria-label="[^"]*"'
)
# Every exercise and proof of a page has the same, and an id is to be there once.
TWICE = re.compile(
    r'(<section(?: class="[^"]*")?|<div class="proof admonition")'
    r' id="(?:proof|(?:exercise|solution|proof)-content)"'
)
# The role of a cited work is no longer in use, and a list without items that are heard is none.
CITED = re.compile(
    r'(?<=<div) role="list"(?= class="citation-list")'
    r'|(class="citation"[^>]*) role="doc-biblioentry"'
)
# The empty corner of a table heads nothing.
EMPTY_HEAD = re.compile(r'<th( class="[^"]*")?><p></p></th>')
# A formula alone in a table's head is seen, and is to be read out, too.
TO_HEAD_END = r"(?:(?!</th>).)*?"
HEAD_FORMULA = re.compile(
    rf'(<th class="[^"]*"><p>)(?=<span class="math notranslate">{TO_HEAD_END}'
    rf'<annotation encoding="application/x-tex">([^<]*)</annotation>{TO_HEAD_END}</span></p></th>)'
)


def accessible(text: str) -> str:
    """The page with right names, ids that are there once, and all of it within landmarks."""
    text = MISNAMED.sub(r"\1", text)
    text = TWICE.sub(r"\1", text)
    text = CITED.sub(r"\1", text)
    # contents.js marks where the reader is, and the theme would mark it where it was.
    text = text.replace('<nav id="pst-page-toc-nav"', '<nav id="page-contents"')
    text = EMPTY_HEAD.sub(r"<td\1></td>", text)
    text = HEAD_FORMULA.sub(r'\1<span class="visually-hidden">\2</span>', text)
    return re.sub(
        r'(<div[^>]*class="bd-sidebar-primary bd-sidebar[^"]*")',
        r'\1 role="region" aria-label="Book"',
        text,
    )
