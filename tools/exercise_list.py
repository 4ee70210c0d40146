"""The page that lists all exercises, made from the chapters."""

import re
from pathlib import Path

from tools.notebooks import shared
from tools.paths import CHAPTERS, write_atomically
from tools.references import chapter_numbers

EXERCISE = re.compile(r"\{exercise-start\} (\S+): (.*)\n:label: (\S+)")
KINDS = ("Warm-up", "Core", "Challenge")


def exercise_list(chapters: Path = CHAPTERS) -> str:
    """The page as Markdown: for each chapter a heading, for each kind a line."""
    lines = [
        "# All exercises",
        "",
        "Warm-ups take a few minutes each, core exercises ten to twenty-five, challenges half an "
        "hour or more. Every exercise has a worked solution.",
    ]
    for page in chapter_numbers():
        cells = shared(chapters / f"{page}.ipynb").cells
        prose = [cell.source for cell in cells if cell.cell_type != "code"]
        title = prose[0].split("\n", 1)[0].removeprefix("# ")
        lines += ["", f"## {title}", "", f"In [{title}]({page}.ipynb#exercises):", ""]
        found = [match for text in prose for match in EXERCISE.findall(text)]
        for kind in KINDS:
            titled = [f"{{ref}}`{label}` {words}" for sort, words, label in found if sort == kind]
            if titled:
                listed = "; ".join(titled)
                lines.append(f"- **{kind}**: {listed}{'' if listed.endswith('?') else '.'}")
    return "\n".join(lines) + "\n"


def write_exercise_list() -> None:
    """Write the page into chapters/."""
    write_atomically(CHAPTERS / "exercises.md", exercise_list())
