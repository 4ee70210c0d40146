"""Sphinx extension: pages with a laboratory load its script and style, and no other page does."""

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

PLACE = re.compile(r'<div class="em-laboratory".*?</div>', re.DOTALL)
WHOLE = "chapters/laboratory"
BEFORE_THE_THEME = 100


def load(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document
) -> None:
    """Add script and style where the laboratory is.

    Its own page has no second sidebar, and still pictures of all scenes, which are seen in print
    and without script.
    """
    if not PLACE.search(context.get("body", "")):
        return
    app.add_css_file("laboratory.css")
    app.add_js_file("laboratory.js", loading_method="defer")
    if pagename == WHOLE:
        stills = Path(app.srcdir, "site", "stills.html").read_text(encoding="utf8")
        context["body"] = PLACE.sub(lambda place: place[0] + stills, context["body"])
        context["meta"] = {**(context["meta"] or {}), "html_theme.sidebar_secondary.remove": True}


def setup(app: Sphinx) -> dict[str, Any]:
    """Work on every page just before it is written."""
    app.connect("html-page-context", load, priority=BEFORE_THE_THEME)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
