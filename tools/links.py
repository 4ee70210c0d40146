"""Whether the addresses elsewhere that the book names still answer, as Sphinx's linkcheck asks."""

import json
import re
import socket
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.execute import plain
from tools.paths import BUILD, CHAPTERS
from tools.quiet import run_quietly
from tools.website import JUPYTER_BOOK, assemble

# Nearly all references are addresses of this host.
HOST = "doi.org"
NO_NETWORK = f"{HOST} cannot be reached, so no link was checked: this needs a network."
# A host that answers so refuses programs, or is slow; it says nothing of the page.
REFUSED = re.compile(r"(?:401|403|405|418|429|503) |.*timed out", re.DOTALL)


def verdicts(lines: Iterable[str]) -> tuple[list[str], list[str]]:
    """Of linkcheck's records, the links that are dead, and those whose hosts would not say."""
    dead: set[str] = set()
    unsaid: set[str] = set()
    for record in map(json.loads, lines):
        if record["status"] in ("broken", "timeout"):
            said = record["info"] or "timed out"
            where = f"{record['filename']}: {record['uri']} ({said})"
            (unsaid if REFUSED.match(said) else dead).add(where)
    return sorted(dead), sorted(unsaid)


def ask(chapters: Path, folder: Path) -> list[str]:
    """Let Sphinx ask for every address of the book once; return its records, as JSON."""
    source, work = folder / "source", folder / "work"
    assemble(chapters, source)
    to = ["--path-output", str(work), "--builder", "linkcheck"]
    run = run_quietly([*JUPYTER_BOOK, "build", str(source), *to])
    output = work / "_build" / "html" / "output.json"  # Jupyter Book calls every folder so
    if not output.exists():
        raise SystemExit(f"{plain(run.stdout)}\nThe links were not checked: see above.")
    return output.read_text(encoding="utf8").splitlines()


def links() -> None:
    """Ask for every address of the book that is elsewhere, and say which are dead."""
    try:
        socket.create_connection((HOST, 443), timeout=20).close()
    except OSError:
        raise SystemExit(NO_NETWORK) from None
    BUILD.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=BUILD, prefix="links-") as folder:
        records = ask(CHAPTERS, Path(folder))
    dead, unsaid = verdicts(records)
    elsewhere = sum('"uri": "http' in record for record in records)
    print(f"{elsewhere} links were checked")
    if unsaid:
        print("These hosts answer no program; look at them in a browser:", *unsaid, sep="\n  ")
    if dead:
        raise SystemExit("\n  ".join(["These are dead:", *dead]))
