"""Where a page of the site has a field for an answer, paper has the question alone."""

import importlib.util
from types import SimpleNamespace

import pytest
from docutils import nodes

from emlib.book.exercises.checking import OPEN
from tools.paths import ROOT

spec = importlib.util.spec_from_file_location("answers", ROOT / "site" / "answers.py")
answers = importlib.util.module_from_spec(spec)
spec.loader.exec_module(answers)


def shown(source, builder, image_format):
    """What is left of a cell with this code that waits for an answer, as text."""
    code = nodes.container("", nodes.literal_block(source, source))
    output = nodes.container("", nodes.literal_block(OPEN, OPEN))
    page = nodes.section("", nodes.container("", code, output, classes=["cell"]))
    made = SimpleNamespace(name=builder, format=image_format)
    run = SimpleNamespace(
        app=SimpleNamespace(builder=made), env=SimpleNamespace(docname="chapters/x"), document=page
    )
    run.put = lambda cell: answers.Answers.put(run, cell)
    answers.Answers.run(run)
    return page.astext()


NUMBER = 'answer = ...  # three digits\ncheck("byhand.six", answer)'
FUNCTION = 'answer = ...  # your function\ncheck("byhand.counts", answer)'


@pytest.mark.parametrize(("builder", "form"), [("latex", "latex"), ("epub", "html")])
@pytest.mark.parametrize("source", [NUMBER, FUNCTION])
def test_paper_has_no_room_for_an_answer(source, builder, form):
    assert shown(source, builder, form) == ""
    assert shown(f"x = 1\n\n{source}", builder, form) == "x = 1"


def test_the_site_has_a_field_for_numbers_and_the_code_of_functions():
    typed = shown(f"x = 1\n\n{NUMBER}", "html", "html")
    assert typed.startswith("x = 1")
    assert "check(" not in typed
    assert "Your answer: three digits" in typed
    programmed = shown(FUNCTION, "html", "html")
    assert programmed.startswith(FUNCTION)
    assert "chapters/x-exercises.ipynb" in programmed
    assert OPEN not in typed + programmed
