"""Sphinx extension: an equation that a comment in code names is a link, with its number."""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from tools.equations import COMMENT, LABEL

HIGHLIGHTED = re.compile(f'(?<=<span class="c1">){COMMENT.pattern}')


def link_equations(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document
) -> None:
    """Turn each label after `# Equation` into a link; the style shows its number behind it."""
    homes = app.env.get_domain("math").data["objects"]

    def link(match: re.Match[str]) -> str:
        label = match[0]
        if label not in homes:
            return label
        home, place = homes[label][0], nodes.make_id(f"equation-{label}")
        number = app.env.toc_fignumbers[home]["displaymath"][place]
        address = f"{app.builder.get_relative_uri(pagename, home)}#{place}"
        dotted = app.config.math_numsep.join(map(str, number))
        return f'<a class="equation" href="{address}" data-number="({dotted})">{label}</a>'

    if "body" in context:
        body = context["body"]
        context["body"] = HIGHLIGHTED.sub(lambda found: LABEL.sub(link, found[0]), body)


def setup(app: Sphinx) -> dict[str, Any]:
    """Work on every page just before it is written."""
    app.connect("html-page-context", link_equations)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
