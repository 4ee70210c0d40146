"""Figures are made lighter without a visible change, and compared pixel by pixel."""

import base64
import io

import pytest
from PIL import Image

from tests.tools.helpers import decoded, encoded
from tools import figures


def test_lighten_keeps_the_picture_and_does_nothing_the_second_time():
    picture = Image.merge("RGB", [Image.linear_gradient("L")] * 3)  # 256 colours
    light = figures.lighten(encoded(picture))
    assert Image.open(io.BytesIO(base64.b64decode(light))).mode == "P"
    assert figures.distance(decoded(light), picture) < 0.5
    assert figures.lighten(light) == light


def test_lighten_leaves_a_picture_alone_that_needs_more_colours():
    ramp = Image.linear_gradient("L")
    picture = encoded(Image.merge("RGB", [ramp, ramp.rotate(90), ramp.rotate(180)]))
    assert figures.lighten(picture) == picture


def test_figures_are_found_and_lightened_wherever_they_are():
    orange = encoded(Image.new("RGB", (8, 6), "#de8f05"))
    html = "<img src='data:image/png;base64,{}' alt='Orange'>"
    outputs = [{"data": {"image/png": orange}}, {"data": {"text/html": html.format(orange)}}]
    figures.lighten_outputs(outputs)
    assert orange not in str(outputs)
    rest, found = figures.take_figures(outputs)
    assert rest == [{"data": {}}, {"data": {"text/html": html.format("figure")}}]
    assert [picture.getpixel((0, 0)) for picture in found] == [(0xDE, 0x8F, 0x05)] * 2
    assert "image/png" in outputs[0]["data"]


def test_distance_is_the_root_mean_square_over_pixels_and_colours():
    black = Image.new("RGB", (2, 2))
    corner = black.copy()
    corner.putpixel((0, 0), (60, 60, 60))
    assert figures.distance(black, black) == 0
    assert figures.distance(black, corner) == pytest.approx((60**2 / 4) ** 0.5)
    assert figures.distance(black, Image.new("RGB", (2, 3))) == float("inf")
