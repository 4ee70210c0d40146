"""Sphinx extension: in a table, long names break where they may, and E-step nowhere."""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

CELL = re.compile(r"<t([dh])[ >].*?</t\1>", re.DOTALL)
CODE = re.compile(r'(?<=<span class="pre">)[^<]+')
AFTER = re.compile(r"(?<=[._(,/])(?=\w)")
STEP = re.compile(r"(?<![\w-])[EM]-steps?(?![\w-])(?![^<]*>)")


def breakable(cell: str) -> str:
    """The cell, whose code may break after a dot, an underscore, a comma, a slash or a bracket."""
    return CODE.sub(lambda code: AFTER.sub("<wbr>", code[0]), cell)


def with_whole_steps(cell: str) -> str:
    """The cell, in which no line ends within E-step or M-step."""
    return STEP.sub(r'<span class="whole">\g<0></span>', cell)


def offer_breaks(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document
) -> None:
    """Go through the cells of a page's tables."""
    if "body" in context:
        context["body"] = CELL.sub(
            lambda cell: with_whole_steps(breakable(cell[0])), context["body"]
        )


def setup(app: Sphinx) -> dict[str, Any]:
    """Work on every page just before it is written."""
    app.connect("html-page-context", offer_breaks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
