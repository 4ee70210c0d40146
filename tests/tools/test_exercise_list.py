"""The page of all exercises."""

import re

from tools import notebooks
from tools.exercise_list import exercise_list
from tools.paths import CHAPTERS


def test_the_page_of_all_exercises_has_every_exercise_of_every_chapter():
    page = (CHAPTERS / "exercises.md").read_text(encoding="utf8")
    assert page == exercise_list(), "run `make outputs`"
    listed = re.findall(r"\{ref\}`([\w-]+)`", page)
    written = [
        label
        for path in CHAPTERS.glob("*.ipynb")
        for cell in notebooks.load(path).cells
        for label in re.findall(r"\{exercise-start\}.*\n:label: (\S+)", cell.source)
    ]
    assert sorted(listed) == sorted(written)
