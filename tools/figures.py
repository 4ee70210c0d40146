"""The figures among a notebook's outputs: found, made light, compared."""

import base64
import copy
import io
import math
import re
from typing import Any

from PIL import Image, ImageChops, ImageStat

EMBEDDED = re.compile(r"(?<=data:image/png;base64,)[A-Za-z0-9+/=]+")
# Numbers of colours, and how far off a picture may be with them (root mean square over the
# pixels, of 255): at most a little less than the tests of figures allow.
PALETTES = {128: 0.5, 256: 0.9}


def lighten(png: str) -> str:
    """The same picture in a small palette, a third of the bytes; or as it is, if that would show.

    It shows in photographs.
    """
    image = Image.open(io.BytesIO(base64.b64decode(png)))
    if image.mode == "P":
        return png
    full = image.convert("RGB")
    median, plain = Image.Quantize.MEDIANCUT, Image.Dither.NONE
    for colours, most in PALETTES.items():
        # One step of k-means moves each colour of the median cut to the middle of its pixels.
        palette = full.quantize(colours, method=median, kmeans=1, dither=plain)
        if distance(palette.convert("RGB"), full) <= most:
            buffer = io.BytesIO()
            palette.save(buffer, "PNG", optimize=True)
            return base64.b64encode(buffer.getvalue()).decode()
    return png


def lighten_outputs(outputs: list[Any]) -> None:
    """Lighten every figure among a cell's outputs, those embedded in HTML too, in place."""
    for output in outputs:
        data = output.get("data", {})
        if "image/png" in data:
            data["image/png"] = lighten(data["image/png"])
        if "text/html" in data:
            data["text/html"] = EMBEDDED.sub(lambda m: lighten(m[0]), data["text/html"])


def take_figures(outputs: list[Any]) -> tuple[list[Any], list[Image.Image]]:
    """The outputs without their figures, and the figures in order."""
    outputs, found = copy.deepcopy(outputs), []
    for output in outputs:
        data = output.get("data", {})
        if "image/png" in data:
            found.append(data.pop("image/png"))
        if "text/html" in data:
            found += EMBEDDED.findall(data["text/html"])
            data["text/html"] = EMBEDDED.sub("figure", data["text/html"])
    return outputs, [Image.open(io.BytesIO(base64.b64decode(f))).convert("RGB") for f in found]


def distance(left: Image.Image, right: Image.Image) -> float:
    """Root mean square difference of two pictures' pixels; infinite if their sizes differ."""
    if left.size != right.size:
        return math.inf
    by_band = ImageStat.Stat(ImageChops.difference(left, right)).rms
    return math.hypot(*by_band) / math.sqrt(len(by_band))
