"""What the site is made of, as hashes: by these, and never by times, is it known what is built."""

import hashlib
import platform
from collections.abc import Iterable
from importlib.metadata import distributions
from pathlib import Path

from tools.paths import ROOT

PAGES = {".ipynb", ".md"}
# Besides the chapters; requirements.txt is here as what is installed.
SOURCES = ("_config.yml", "_toc.yml", "emlib", "site", "tools")


def files(path: Path) -> list[Path]:
    """The file, or the files of the folder, without those that are hidden or made by Python."""
    if path.is_file():
        return [path]
    return [
        file
        for file in sorted(path.rglob("*"))
        if file.is_file()
        and not any(
            part.startswith(".") or part == "__pycache__" or part == "node_modules"
            for part in file.relative_to(path).parts
        )
    ]


def digest(folder: Path, paths: Iterable[Path]) -> str:
    """A hash of the names, within the folder, and the contents of files."""
    whole = hashlib.sha256()
    for path in paths:
        whole.update(f"{path.relative_to(folder).as_posix()}\0".encode())
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def surroundings(chapters: Path) -> str:
    """A hash of what every page depends on: all but the text of the pages.

    These are the tools with the packages that are installed, the site's own files and settings, the
    package that the reference describes, the bibliography beside the chapters, and the glossary,
    whose words every page links to.
    """
    installed = sorted(f"{found.name} {found.version}" for found in distributions())
    sources = [file for name in SOURCES for file in files(ROOT / name)]
    beside = [
        file for file in files(chapters) if file.suffix not in PAGES or file.name == "glossary.md"
    ]
    names = [file.name for file in files(chapters)]
    parts = [
        platform.python_version(),
        *installed,
        digest(ROOT, sources),
        digest(chapters, beside),
        *names,
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def fingerprint(chapters: Path) -> str:
    """A hash of all that the site depends on."""
    return f"{surroundings(chapters)}-{digest(chapters, files(chapters))}"
