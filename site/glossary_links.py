"""Sphinx extension: the first use of a glossary's word on each page leads to the glossary.

The link's title is what the word means, which `assets/glossary.js` shows beside it.
"""

import re
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import make_refnode

GLOSSARY = "chapters/glossary"
WITHOUT = {GLOSSARY, "chapters/exercises", "chapters/bibliography"}
# Within these a link would be in the way.
CLOSED = (nodes.reference, nodes.title, nodes.caption, nodes.literal, nodes.rubric, nodes.term)


def pattern(word: str) -> re.Pattern[str]:
    """The word as prose writes it: also in the plural, and at the beginning of a sentence."""
    spelt = re.escape(word).replace(r"\ ", r"\s+").replace("'", "['’]").replace("–", "[-–]")
    first = f"[{word[0].upper()}{word[0].lower()}]" if word[:2].islower() else spelt[0]
    return re.compile(rf"(?<![\w-]){first}{spelt[1:]}s?(?![\w-])")


def note_meanings(app: Sphinx, doctree: nodes.document) -> None:
    """Keep, with the glossary, each word's place on its page and what it means.

    The last sentence of an entry, which says where to read more, is left out.
    """
    meanings = {}
    for glossary in doctree.findall(addnodes.glossary):
        for entry in glossary.findall(nodes.definition_list_item):
            meaning, _, _ = entry[-1].astext().partition(" See ")
            for term in entry.findall(nodes.term):
                meanings[term.astext()] = (term["ids"][0], meaning)
    if meanings:
        app.env.metadata[app.env.docname]["meanings"] = meanings


class GlossaryLinks(SphinxPostTransform):
    """Turn the first use of each word into a reference to its entry."""

    default_priority = 5  # before references are resolved

    def run(self, **_: Any) -> None:
        """Look for each word among the page's paragraphs."""
        if self.env.docname in WITHOUT:
            return
        words = self.env.metadata[GLOSSARY].get("meanings", {})
        paragraphs = self.document.findall(nodes.paragraph)
        texts = "\n".join(text for p in paragraphs for text in p.findall(nodes.Text))
        for word in sorted(words, key=len, reverse=True):
            use = pattern(word)
            if use.search(texts):
                self.link_first(use, *words[word])

    def link_first(self, use: re.Pattern[str], place: str, meaning: str) -> None:
        """Split the text that holds the first use into what is before it, a link, and the rest."""
        for paragraph in self.document.findall(nodes.paragraph):
            for text in paragraph.findall(nodes.Text):
                found = use.search(text)
                if found and not in_any(text, CLOSED) and not beside_html(text):
                    shown = nodes.inline("", found[0], classes=["glossary"])
                    page, builder = self.env.docname, self.app.builder
                    link = make_refnode(builder, page, GLOSSARY, place, shown, title=meaning)
                    before, after = text[: found.start()], text[found.end() :]
                    parts = [nodes.Text(before), link, nodes.Text(after)]
                    text.parent.replace(text, [part for part in parts if part.astext()])
                    return


def in_any(node: nodes.Node, kinds: tuple[type[nodes.Node], ...]) -> bool:
    """Whether the node lies within one of these kinds."""
    while node is not None:
        if isinstance(node, (*kinds, addnodes.pending_xref)):
            return True
        node = node.parent
    return False


def beside_html(text: nodes.Text) -> bool:
    """Whether HTML that a page's author wrote, such as a link, may stand around the text."""
    return any(isinstance(node, nodes.raw) for node in text.parent)


def setup(app: Sphinx) -> dict[str, Any]:
    """Work on every page once all are read."""
    app.connect("doctree-read", note_meanings)
    app.add_post_transform(GlossaryLinks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
