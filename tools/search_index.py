"""The index of the site's search: one entry for each section, in words as its readers see them."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from bs4 import BeautifulSoup, Tag

# What a section shows besides its words.
NOT_WORDS = ".cell_input, .cell_output, .headerlink, .em-player, .em-question, script, style, nav"
THEIRS = re.compile(
    r"^\s*<script[^>]*(?:searchtools|language_data|searchindex)\.js[^>]*></script>\s*$",
    re.MULTILINE,
)
NUMBERS = ".section-number, .headerlink"
FORMULA, SPAN = re.compile(r'<span class="katex">'), re.compile(r"<(/?)span\b")
CODE = re.compile(r"<pre>.*?</pre>", re.DOTALL)


def pages(html: Path) -> list[Path]:
    """Every page of the site."""
    return sorted(html.rglob("*.html"))


def words(tag: Tag) -> str:
    """The text of an element on one line, without spaces before commas and within brackets."""
    text = re.sub(r"\s+", " ", tag.get_text(" ")).strip()
    return re.sub(r"(?<=[(\[]) | (?=[,.;:?!)\]])", "", text)


def without_formulas(text: str) -> str:
    """The HTML without code, with dots for formulas, which are slow to parse, and whole words."""
    kept, at = [], 0
    for formula in FORMULA.finditer(text):
        depth = 0
        for tag in SPAN.finditer(text, formula.start()):
            depth += -1 if tag[1] else 1
            if depth == 0:
                kept.append(f"{text[at : formula.start()]}…")
                at = tag.end() + len(">")
                break
    return CODE.sub("", "".join([*kept, text[at:]])).replace("<wbr>", "")


def without_sphinx_search(text: str) -> str:
    """The page without the scripts of Sphinx's own search, by whole pages."""
    return THEIRS.sub("", text)


def entries(text: str, address: str) -> Iterator[dict[str, str]]:
    """Title, text and address of each section of a page, subsections apart."""
    article = BeautifulSoup(without_formulas(text), "html.parser").article
    if article is None or article.select_one(".book-index"):  # which has nothing of its own
        return
    for part in article.select(NUMBERS):
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


def write_index(html: Path, sections: Iterable[dict[str, str]]) -> None:
    """Lay the index beside the site's scripts: a script too, as a page from disk may fetch none."""
    text = json.dumps(list(sections), ensure_ascii=False, separators=(",", ":"))
    (html / "_static").mkdir(exist_ok=True)
    (html / "_static" / "search-index.js").write_text(f"window.bookSections={text};\n", "utf8")
