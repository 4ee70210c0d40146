"""Sphinx extension: pictures whose colours must stay, such as photographs, on dark paper too.

Other figures are inverted by the style, which would turn a photograph into its negative. A figure
with the class `dark-light` gets a second picture instead, for the dark: its paper is dark and its
ink light, while photographs in it, and coloured points, are what they were.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np
from docutils import nodes
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from sphinx.application import Sphinx

PICTURE = re.compile(r'<img (?=[^>]*class="dark-light")[^>]*src="[^"]*_images/([^"]+)\.png"[^>]*>')
GROUND = 18.0  # the page's own grey in the dark, #121212
SMALLEST = 60  # pixels: the side of a photograph is longer, that of a letter shorter


def photographs(rgb: NDArray[np.float64]) -> list[tuple[slice, slice]]:
    """The rectangles that are filled with something else than white paper."""
    marks, _ = ndimage.label(rgb.min(axis=2) < 250)
    found = []
    for i, place in enumerate(ndimage.find_objects(marks), 1):
        filled = ndimage.binary_fill_holes(marks[place] == i)
        if min(filled.shape) > SMALLEST and filled.mean() > 0.9:
            found.append(place)
    return found


def at_night(picture: Image.Image) -> Image.Image:
    """The picture on dark paper: greys turned round, colours and photographs kept."""
    rgb = np.asarray(picture.convert("RGB"), dtype=float)
    paper = np.clip(rgb.min(axis=2, keepdims=True) / 55 - 200 / 55, 0, 1)  # at a point's edge
    colours = rgb - (rgb - GROUND) * paper
    greys = 255 - (255 - GROUND) / 255 * rgb
    is_grey = np.ptp(rgb, axis=2, keepdims=True) < 5
    night = np.where(is_grey, greys, colours)
    for place in photographs(rgb):
        night[place] = rgb[place]
    dark = Image.fromarray(night.round().astype(np.uint8))
    return dark.quantize(256, method=Image.Quantize.MEDIANCUT) if picture.mode == "P" else dark


def add_night_pictures(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document
) -> None:
    """Put each such picture on the page twice: the theme shows the one for the reader's mode."""
    folder = Path(app.outdir, app.builder.imagedir)
    files = {Path(name).stem: Path(app.srcdir, path) for path, name in app.builder.images.items()}

    def both(match: re.Match[str]) -> str:
        folder.mkdir(parents=True, exist_ok=True)
        at_night(Image.open(files[match[1]])).save(folder / f"{match[1]}-night.png", optimize=True)
        light = match[0].replace('class="dark-light"', 'class="only-light"')
        dark = match[0].replace('class="dark-light"', 'class="only-dark"')
        dark = dark.replace(f"{match[1]}.png", f"{match[1]}-night.png")
        return f"<span>{light}{dark}</span>"  # a caption beside a hidden picture would be hidden

    if "body" in context:
        context["body"] = PICTURE.sub(both, context["body"])


def setup(app: Sphinx) -> dict[str, Any]:
    """Work on every page just before it is written, once pictures have their sizes."""
    app.connect("html-page-context", add_night_pictures, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
