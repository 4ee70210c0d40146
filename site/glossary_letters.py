"""Sphinx extension: a line of letters at the top of the glossary, each a link to its first word."""

from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform


def letters(places: dict[str, str]) -> nodes.paragraph:
    """A line of letters, each a link to its place on the page."""
    line = nodes.paragraph(classes=["em-letters"])
    for letter, place in places.items():
        line += [nodes.reference("", letter, internal=True, refid=place), nodes.Text(" ")]
    return line


class GlossaryLetters(SphinxPostTransform):
    """Put the letters before the list of words."""

    default_priority = 5
    formats = ("html",)

    def run(self, **_: Any) -> None:
        """Look for a glossary on the page."""
        for glossary in list(self.document.findall(addnodes.glossary)):
            first: dict[str, str] = {}
            for term in glossary.findall(nodes.term):
                first.setdefault(term.astext()[0].upper(), term["ids"][0])
            glossary.parent.insert(glossary.parent.index(glossary), letters(first))


def setup(app: Sphinx) -> dict[str, Any]:
    """Work on every page once it is read."""
    app.add_post_transform(GlossaryLetters)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
