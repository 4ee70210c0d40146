"""Sphinx extension: the first use of a glossary's word on each page leads to the glossary."""

import re
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

GLOSSARY = "chapters/glossary"
WITHOUT = {GLOSSARY, "chapters/exercises", "chapters/bibliography"}
# Within these a link would be in the way.
CLOSED = (nodes.reference, nodes.title, nodes.caption, nodes.literal, nodes.rubric, nodes.term)


def pattern(word: str) -> re.Pattern[str]:
    """The word as prose writes it: also in the plural, and at the beginning of a sentence."""
    spelt = re.escape(word).replace(r"\ ", r"\s+").replace("'", "['’]").replace("–", "[-–]")
    first = f"[{word[0].upper()}{word[0].lower()}]" if word[:2].islower() else spelt[0]
    return re.compile(rf"(?<![\w-]){first}{spelt[1:]}s?(?![\w-])")


class GlossaryLinks(SphinxPostTransform):
    """Turn the first use of each word into a reference to its entry."""

    default_priority = 5  # before references are resolved

    def run(self, **_: Any) -> None:
        """Look for each word among the page's paragraphs."""
        if self.env.docname in WITHOUT:
            return
        domain = self.env.get_domain("std")
        words = [name for kind, name in domain.data["objects"] if kind == "term"]
        texts = "\n".join(self.document.findall(nodes.Text))
        for word in sorted(words, key=len, reverse=True):
            use = pattern(word)
            if use.search(texts):
                self.link_first(word, use)

    def link_first(self, word: str, use: re.Pattern[str]) -> None:
        """Split the text that holds the first use into what is before it, a link, and the rest."""
        for paragraph in self.document.findall(nodes.paragraph):
            for text in paragraph.findall(nodes.Text):
                found = use.search(text)
                if found and not in_any(text, CLOSED) and not beside_html(text):
                    link = addnodes.pending_xref(
                        "", refdomain="std", reftype="term", reftarget=word, refexplicit=True
                    )
                    link["refdoc"] = self.env.docname
                    link += nodes.inline("", found[0], classes=["glossary"])
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
    app.add_post_transform(GlossaryLinks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
