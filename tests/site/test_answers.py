"""Where a page of the site has a field for an answer, and where paper has the question alone."""

import importlib.util
from types import SimpleNamespace

import pytest
from docutils import nodes

from emlib.book.exercises.checking import OPEN
from tools.asked import asked, given
from tools.paths import ROOT

spec = importlib.util.spec_from_file_location("answers", ROOT / "site" / "answers.py")
answers = importlib.util.module_from_spec(spec)
spec.loader.exec_module(answers)


def shown(source):
    """What is left of a cell with this code that waits for an answer, as text."""
    code = nodes.container("", nodes.literal_block(source, source))
    output = nodes.container("", nodes.literal_block(OPEN, OPEN))
    page = nodes.section("", nodes.container("", code, output, classes=["cell"]))
    run = SimpleNamespace(env=SimpleNamespace(docname="chapters/x"), document=page)
    run.put = lambda cell: answers.Answers.put(run, cell)
    answers.Answers.run(run)
    return page.astext()


NUMBER = 'answer = ...  # three digits\ncheck("byhand.six", answer)'
FUNCTION = 'answer = ...  # your function\ncheck("byhand.counts", answer)'


@pytest.mark.parametrize("source", [NUMBER, FUNCTION])
def test_what_an_exercise_gives_is_its_code_without_the_question(source):
    assert given(source) == ""
    assert given(f"x = 1\n\n{source}") == "x = 1"
    assert given("answer = 3\nprint(answer)") == "answer = 3\nprint(answer)"


def test_a_cell_may_ask_twice():
    twice = f'{NUMBER}\nend = ...\ncheck("byhand.map_end", end)'
    assert asked(twice) == [("three digits", "byhand.six"), ("", "byhand.map_end")]
    assert given(twice) == ""


def test_the_site_has_a_field_for_numbers_and_the_code_of_functions():
    typed = shown(f"x = 1\n\n{NUMBER}")
    assert typed.startswith("x = 1")
    assert "check(" not in typed
    assert "Your answer: three digits" in typed
    programmed = shown(FUNCTION)
    assert programmed.startswith(FUNCTION)
    assert "chapters/x-exercises.ipynb" in programmed
    assert OPEN not in typed + programmed
