"""Notebooks and pictures, made for tests of the tools."""

import base64
import io

import nbformat
from nbformat.v4 import new_notebook
from PIL import Image

FIGURE = "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([0, {top}])\nplt.show()"


def save(path, *cells):
    nbformat.write(new_notebook(cells=list(cells)), path)
    return path


def encoded(image):
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def decoded(png):
    return Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
