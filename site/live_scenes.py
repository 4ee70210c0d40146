"""Sphinx extension: pages with pictures of scenes load what lets their readers drive them."""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

SCENE = re.compile(r"<figure class='em-scene' data-scene='([\w-]+)'>.*?</figure>", re.DOTALL)
NAMED = re.compile(r"“(The laboratory)”")


def load(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document
) -> None:
    """Link each scene's words to its place in the laboratory, and add the loader to the page."""
    body, found = SCENE.subn(linked, context.get("body", ""))
    if found:
        context["body"] = body
        app.add_css_file("laboratory.css")
        app.add_js_file("live_scenes.js", loading_method="defer")


def linked(scene: re.Match[str]) -> str:
    """The figure, with the name of the laboratory as a link to this scene in it."""
    return NAMED.sub(rf'<a href="laboratory.html#scene={scene[1]}">\1</a>', scene[0], count=1)


def setup(app: Sphinx) -> dict[str, Any]:
    """Work on every page just before it is written."""
    app.connect("html-page-context", load)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
