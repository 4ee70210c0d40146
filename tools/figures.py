"""The figures among a notebook's outputs: found, made light, compared."""

import base64
import copy
import io
import math
import re
from typing import Any

from PIL import Image, ImageChops, ImageStat

EMBEDDED = re.compile(r"(?<=data:image/png;base64,)[A-Za-z0-9+/=]+")
COLOURS = 256
# Root mean square over the pixels, of 255: a little less than the tests of figures allow.
VISIBLE = 0.9


def lighten(png: str) -> str:
    """The same picture in a palette of 256 colours, a third of the bytes; or as it is, if it shows.

    It shows in photographs.
    """
    image = Image.open(io.BytesIO(base64.b64decode(png)))
    if image.mode == "P":
        return png
    full = image.convert("RGB")
    palette = full.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    if distance(palette.convert("RGB"), full) > VISIBLE:
        return png
    buffer = io.BytesIO()
    palette.save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


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
