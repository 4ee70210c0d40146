"""Sphinx extension: pages with a laboratory load its script and style, and no other page does."""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

MARK = 'class="em-laboratory"'
WHOLE = "chapters/laboratory"
BEFORE_THE_THEME = 100


def load(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document
) -> None:
    """Add script and style where the laboratory is; its own page has no second sidebar."""
    if MARK not in context.get("body", ""):
        return
    app.add_css_file("laboratory.css")
    app.add_js_file("laboratory.js", loading_method="defer")
    if pagename == WHOLE:
        context["meta"] = {**(context["meta"] or {}), "html_theme.sidebar_secondary.remove": True}


def setup(app: Sphinx) -> dict[str, Any]:
    """Work on every page just before it is written."""
    app.connect("html-page-context", load, priority=BEFORE_THE_THEME)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
