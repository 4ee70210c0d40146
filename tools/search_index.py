"""The index of the site's search: one entry for each section, in words as its readers see them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from bs4 import BeautifulSoup, Tag

# What a section shows besides its words.
NOT_WORDS = (
    ".katex, .cell_input, .cell_output, .headerlink, .em-player, .em-question, script, style, nav"
)
THEIRS = re.compile(
    r"^\s*<script[^>]*(?:searchtools|language_data|searchindex)\.js[^>]*></script>\s*$",
    re.MULTILINE,
)
TITLE = ".section-number, .headerlink, .katex-mathml"


def pages(html: Path) -> list[Path]:
    """Every page of the site, without what serves only the theme."""
    found = sorted(html.rglob("*.html"))
    return [page for page in found if page.relative_to(html).parts[0] != "_static"]


def words(tag: Tag) -> str:
    """The text of an element on one line, without spaces before commas and within brackets."""
    text = re.sub(r"\s+", " ", tag.get_text(" ")).strip()
    return re.sub(r"(?<=[(\[]) | (?=[,.;:?!)\]])", "", text)


def entries(page: Path, address: str) -> Iterator[dict[str, str]]:
    """Title, text and address of each section of a page, subsections apart."""
    article = BeautifulSoup(page.read_text(encoding="utf8"), "html.parser").article
    if article is None:
        return
    for part in article.select(TITLE):
        part.decompose()
    heading = article.h1
    name = words(heading) if heading else ""
    for part in article.select(NOT_WORDS):
        part.decompose()
    # From the innermost outwards, each taken out of the one around it: words that a glossary or
    # the reference explains, then sections.
    found = []
    for term in reversed(article.select("dt[id]")):
        meaning = term.find_next_sibling("dd")
        text = words(meaning.p or meaning) if isinstance(meaning, Tag) else ""
        title = words(term.select_one(".sig-name") or term)
        found.append({"title": title, "page": name, "url": f"{address}#{term['id']}", "text": text})
        term.extract()
        if isinstance(meaning, Tag):
            meaning.extract()
    for section in reversed(article.select("section")):
        heading = section.find(["h1", "h2", "h3", "h4"])
        section.extract()
        if isinstance(heading, Tag):
            heading.extract()
            place = f"{address}#{section['id']}"
            text = words(section)
            found.append({"title": words(heading), "page": name, "url": place, "text": text})
    yield from reversed(found)


def own_search(html: Path) -> None:
    """Give the site the index, and take Sphinx's own search, by whole pages, out of it."""
    index: list[dict[str, str]] = []
    for page in pages(html):
        page.write_text(THEIRS.sub("", page.read_text(encoding="utf8")), encoding="utf8")
        index += entries(page, page.relative_to(html).as_posix())
    for name in ("searchindex.js", "_static/searchtools.js", "_static/language_data.js"):
        (html / name).unlink(missing_ok=True)
    # A script and not data, because a page from disk may not fetch any.
    text = json.dumps(index, ensure_ascii=False, separators=(",", ":"))
    (html / "_static").mkdir(exist_ok=True)
    (html / "_static" / "search-index.js").write_text(f"window.bookSections={text};\n", "utf8")
