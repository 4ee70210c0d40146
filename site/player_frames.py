"""Sphinx extension: the frames of players are files, which a page loads when its reader asks."""

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

FRAME = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=]+)")


def write_frames(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document
) -> None:
    """Write each embedded picture of a page into a file named by its content, and refer to it."""
    folder = Path(app.outdir, app.builder.imagedir)

    def stored(match: re.Match[str]) -> str:
        picture = base64.b64decode(match[1])
        name = f"frame-{hashlib.sha256(picture).hexdigest()[:16]}.png"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(picture)
        return f"{'../' * pagename.count('/')}{app.builder.imagedir}/{name}"

    if "body" in context:
        context["body"] = FRAME.sub(stored, context["body"])


def setup(app: Sphinx) -> dict[str, Any]:
    """Work on every page just before it is written."""
    app.connect("html-page-context", write_frames)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
