"""Sphinx extension: an index of the glossary's words, by the sections that teach them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from glossary_letters import letters
from glossary_links import GLOSSARY, WITHOUT, pattern
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment.adapters.indexentries import IndexEntries
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

ENTRY = re.compile(r"^(\w.*)\n  (\S.*)$", re.MULTILINE)
HOME = re.compile(r"See \[[^\]]*\]\((\w+)\.ipynb(?:#[\w-]+)?\)")
OTHER_NAMES = re.compile(r"^([^.:]{1,80}):")
PLACE, INDEX = "book-index", "chapters/word_index"
CODE = "reference.html#emlib."
LONGEST_NAME = 4  # words


def homes(glossary: str) -> dict[str, str]:
    """The page that teaches each word of the glossary's source, by its name."""
    found = {}
    for word, meaning in ENTRY.findall(glossary):
        if home := HOME.search(meaning):
            found[word] = home[1]
    return found


def other_names(glossary: str) -> Iterator[tuple[str, str]]:
    """Other names of a word, as its meaning begins with them, and the word."""
    for word, meaning in ENTRY.findall(glossary):
        if names := OTHER_NAMES.match(meaning):
            for name in names[1].split(","):
                short = re.sub(r"^\s*(?:or|the|The|an?|An?)?\s+", "", f" {name}").strip()
                if len(short.split()) <= LONGEST_NAME and not short.endswith("'s"):
                    yield short, word


class IndexEntry(SphinxTransform):
    """Put words into the index: at every heading that has them, and where their home uses them."""

    default_priority = 500

    def apply(self, **_: Any) -> None:
        """Mark the sections of this page."""
        name = self.env.docname
        text = Path(self.env.doc2path(GLOSSARY)).read_text(encoding="utf8")
        if name == GLOSSARY:
            for other, word in other_names(text):
                self.mark(self.document, ("see", f"{other}; {word}"))
        elif name not in WITHOUT and not name.startswith("chapters/answers"):
            titles = self.titles()
            for word, home in homes(text).items():
                self.index(word, titles, is_home=name == f"chapters/{home}")

    def titles(self) -> dict[nodes.section, str]:
        """The sections of this page, and their headings."""
        # What an exercise asks is a section too, but has no heading, and loses its name.
        found = self.document.findall(nodes.section)
        return {s: s[0].astext() for s in found if s.children and isinstance(s[0], nodes.title)}

    def index(self, word: str, titles: dict[nodes.section, str], *, is_home: bool) -> None:
        """Mark the sections of this page that teach a word."""
        use = pattern(word)
        teaching = [section for section, title in titles.items() if use.search(title)]
        if is_home and not teaching:
            paragraphs = self.document.findall(nodes.paragraph)
            first = next((p for p in paragraphs if use.search(p.astext())), None)
            while first is not None and first not in titles:
                first = first.parent
            teaching = [first] if first is not None else list(titles)[:1]
        for section in teaching:
            self.mark(section, ("single", word), place=section["ids"][0])

    def mark(self, parent: nodes.Element, kind: tuple[str, str], place: str = "") -> None:
        """Put an entry behind the heading of a section, or at the end of a page."""
        entry = addnodes.index(entries=[(*kind, place, "", None)])
        if isinstance(parent, nodes.section):
            parent.insert(1, entry)
        else:
            parent.append(entry)


class BookIndex(SphinxDirective):
    """The index of the book, on a page like others."""

    def run(self) -> list[nodes.Node]:
        """Keep the place until all pages have been read."""
        return [nodes.container(classes=[PLACE])]


class FillIndex(SphinxPostTransform):
    """Write the index where its directive stands."""

    default_priority = 5
    formats = ("html",)

    def run(self, **_: Any) -> None:
        """Write a list for each letter."""
        for place in self.document.findall(nodes.container):
            if PLACE in place["classes"]:
                index = IndexEntries(self.env).create_index(self.app.builder)
                self.homes = {
                    name: links[0][1]
                    for _, entries in index
                    for name, (links, *_) in entries
                    if links
                }
                place += letters({letter: f"index-{letter}" for letter, _ in index})
                for letter, entries in index:
                    items = nodes.bullet_list("", *(self.item(*entry) for entry in entries))
                    place += [nodes.rubric(text=letter, ids=[f"index-{letter}"]), items]

    def item(self, name: str, content: Any) -> nodes.list_item:
        """A word, the sections where it stands, and what is below it."""
        links, below, _ = content
        paragraph = nodes.paragraph()
        if links:
            paragraph += self.link(name, links[0][1])
            for i, (_, address) in enumerate(links[1:], 2):
                paragraph += [nodes.Text(", "), self.link(f"[{i}]", address)]
        elif name.startswith("see ") and (home := self.homes.get(name.removeprefix("see "))):
            paragraph += [nodes.Text("see "), self.link(name.removeprefix("see "), home)]
        else:
            paragraph += nodes.Text(name)
        item = nodes.list_item("", paragraph)
        if below:
            item += nodes.bullet_list("", *(self.item(word, (at, [], "")) for word, at in below))
        return item

    def link(self, text: str, address: str) -> nodes.reference:
        """A link from this page, to an address that counts from the top of the site."""
        up = "../" * self.env.docname.count("/")
        link = nodes.reference("", "", internal=True, refuri=up + address)
        name, bracket, rest = text.partition(" (")
        # What `emlib` calls something is code, and where it belongs, behind it, is not.
        if CODE in address and not text.startswith("("):
            link += [nodes.literal(text=name), nodes.Text(bracket + rest)]
        else:
            link += nodes.Text(text)
        return link


def setup(app: Sphinx) -> dict[str, Any]:
    """Mark while pages are read, and list once all are."""
    app.add_directive("book-index", BookIndex)
    app.add_transform(IndexEntry)
    app.add_post_transform(FillIndex)
    # Whatever page has changed, the one with the index is written again.
    app.connect("env-updated", lambda _, env: sorted({INDEX} & env.found_docs))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
