"""Build the book unless it is built: what has changed is known before anything slow is imported."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import locket

from tools.fingerprint import fingerprint
from tools.paths import BUILD, CHAPTERS

# Beside a built site, the fingerprint of what it was built from.
RECORD = "html.built-from"


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Let one build work in the folder at a time; another waits."""
    out.mkdir(parents=True, exist_ok=True)
    with locket.lock_file(str(out / "building.lock")):
        yield


def is_current(out: Path, made_of: str) -> bool:
    """Whether the site in the folder was built from sources with this fingerprint."""
    index, record = out / "html" / "index.html", out / RECORD
    return index.exists() and record.exists() and record.read_text(encoding="utf8") == made_of


def build_book() -> None:
    """Execute what has changed and build the site of the whole book."""
    with alone(BUILD):
        made_of = fingerprint(CHAPTERS)
        if is_current(BUILD, made_of):
            print("Nothing has changed since the last build")
        else:
            from tools.website import build_with_outputs

            build_with_outputs(CHAPTERS, BUILD)
            if fingerprint(CHAPTERS) == made_of:  # else somebody was still writing
                (BUILD / RECORD).write_text(made_of, encoding="utf8")
    print(f"The book is at {BUILD / 'html' / 'index.html'}")
