"""Sphinx extension: on the first page, a list item that names a figure of a chapter shows it."""

from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform


class PartPictures(SphinxPostTransform):
    """Turn each item with a `numref` into the figure it names, with the item's text below."""

    default_priority = 5  # before references are resolved

    def run(self, **_: Any) -> None:
        """Go through the lists of the book's first page."""
        if self.env.docname != self.config.root_doc:
            return
        for listing in self.document.findall(nodes.bullet_list):
            named = [(item, figure_named_in(item)) for item in listing.findall(nodes.list_item)]
            if named and all(label for _, label in named):
                listing["classes"].append("em-parts")
                for item, label in named:
                    item.children = [self.card(item, label)]
                    item.children[0].parent = item

    def card(self, item: nodes.list_item, label: str) -> nodes.figure:
        """The picture of a figure, wherever in the book it stands, over the item's words."""
        page, place = self.env.get_domain("std").data["anonlabels"][label]
        original = next(
            figure
            for figure in self.env.get_doctree(page).findall(nodes.figure)
            if place in figure["ids"]
        )
        picture = next(original.findall(nodes.image)).deepcopy()
        words = nodes.caption("", "", *item[0].children)
        return nodes.figure("", picture, words, ids=[f"part-{label}"])


def figure_named_in(item: nodes.list_item) -> str:
    """The label of the first figure that an item refers to, or ''."""
    for reference in item.findall(addnodes.pending_xref):
        if reference["reftype"] == "numref":
            return str(reference["reftarget"])
    return ""


def write_first_page(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Have the first page written whenever another changes, whose figure it may show."""
    return [app.config.root_doc]


def setup(app: Sphinx) -> dict[str, Any]:
    """Work on the first page once all are read."""
    app.connect("env-updated", write_first_page)
    app.add_post_transform(PartPictures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
