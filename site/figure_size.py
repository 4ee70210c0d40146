"""Sphinx extension: say how large each picture is, so that no text moves when it arrives."""

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from PIL import Image
from sphinx.application import Sphinx

IMAGE = re.compile(r'<img (?=[^>]*src="[^"]*_images/([^"]+\.png)")')
PIXELS_PER_CSS_PIXEL = 2  # figures are saved at 200 dpi, to be sharp on the screens of today


def size_images(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document
) -> None:
    """Add to each picture of a page its size, and let those below the fold wait."""
    files = {name: Path(app.srcdir, path) for path, name in app.builder.images.items()}

    def sized(match: re.Match[str]) -> str:
        with Image.open(files[match[1]]) as image:
            width, height = (round(side / PIXELS_PER_CSS_PIXEL) for side in image.size)
        return f'<img width="{width}" height="{height}" loading="lazy" '

    if "body" in context:
        context["body"] = IMAGE.sub(sized, context["body"])


def setup(app: Sphinx) -> dict[str, Any]:
    """Work on every page just before it is written."""
    app.connect("html-page-context", size_images)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
