"""Where things are."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = ROOT / "chapters"
BUILD = ROOT / "_build"
MUTANTS = ROOT / "mutants"  # where mutmut works: it takes no other folder


def write_atomically(path: Path, text: str) -> None:
    """Write a whole file or nothing, so that an interruption leaves no half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf8", newline="\n")
    temporary.replace(path)
