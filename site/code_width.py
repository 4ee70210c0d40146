"""Sphinx extension: code and printed text say how wide they are, so that phones can fit them."""

import html
import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

BLOCK = re.compile(r'<div class="highlight">(?=<pre>(.*?)</pre>)', re.DOTALL)
# The style shows an equation's number behind its name.
NUMBERED = re.compile(r'<a class="equation"[^>]*data-number="([^"]*)"[^>]*>')
TAG = re.compile(r"<[^>]+>")
ALWAYS_FITS = 30  # characters: a line that a narrow phone shows whole
FURTHER = 2  # characters


def lines_of(code: str) -> list[str]:
    """The lines that highlighted code shows."""
    return html.unescape(TAG.sub("", NUMBERED.sub(r"\1 ", code))).splitlines()


def deepest(lines: list[str]) -> int:
    """How far the furthest of the lines that may have to break is set in."""
    long = [line for line in lines if len(line) > ALWAYS_FITS]
    return max((len(line) - len(line.lstrip()) for line in long), default=0)


def measured(block: re.Match[str]) -> str:
    """The block's opening tag with its longest line, and where its broken lines go on."""
    lines = lines_of(block[1])
    longest = max(map(len, lines), default=0)
    if longest <= ALWAYS_FITS:
        return block[0]
    hang = deepest(lines) + FURTHER
    return f'<div class="highlight" style="--longest:{longest};--hang:{hang}ch">'


def measure_code(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document
) -> None:
    """Go through the code of a page, and through what it prints."""
    if "body" in context:
        context["body"] = BLOCK.sub(measured, context["body"])


def setup(app: Sphinx) -> dict[str, Any]:
    """Work on every page just before it is written, once equations in code have their numbers."""
    app.connect("html-page-context", measure_code, priority=700)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
