"""Recall questions: five a chapter, one right choice each, and a reason for every choice."""

import pytest
from bs4 import BeautifulSoup

from emlib.book.recall import questions, recall
from tools.paths import ROOT
from tools.references import chapter_numbers

FOLDER = ROOT / "emlib" / "book" / "recall"
CHAPTERS = sorted(path.stem for path in FOLDER.glob("*.toml"))

NUMBERED = sorted(chapter_numbers())

chapters = pytest.mark.parametrize("chapter", CHAPTERS)


def test_every_numbered_chapter_has_its_questions():
    assert CHAPTERS == NUMBERED


@chapters
def test_five_questions_with_one_right_choice_each_and_reasons(chapter):
    asked = questions(chapter)
    assert len(asked) == 5
    assert len({question.ask for question in asked}) == 5
    for question in asked:
        assert 3 <= len(question.choices) <= 5
        assert sum(choice.right for choice in question.choices) == 1
        assert len({choice.text for choice in question.choices}) == len(question.choices)
        short = [choice.why for choice in question.choices if len(choice.why.split()) < 5]
        assert not short, f"a reason has five words at least: {short}"


@chapters
def test_the_right_choice_is_not_known_by_its_place_or_its_length(chapter):
    asked = questions(chapter)
    places = {[choice.right for choice in question.choices].index(True) for question in asked}
    assert len(places) > 1
    longest = [question.ask for question in asked if right_is_longest(question)]
    assert len(longest) <= 3, f"no choice is longer than the right one: {longest}"


def right_is_longest(question):
    """Whether no other choice is longer than the right one."""
    longest = max(len(choice.text) for choice in question.choices)
    return any(choice.right and len(choice.text) == longest for choice in question.choices)


def test_to_choose_the_longest_is_no_better_than_to_guess():
    asked = [question for chapter in CHAPTERS for question in questions(chapter)]
    by_chance = sum(1 / len(question.choices) for question in asked)
    assert 0.7 * by_chance < sum(map(right_is_longest, asked)) < 1.2 * by_chance


@chapters
def test_a_notebook_shows_what_the_file_says(chapter):
    soup = BeautifulSoup(recall(chapter).data, "html.parser")
    assert soup.section["data-chapter"] == chapter
    for question, item in zip(questions(chapter), soup.select("li"), strict=True):
        assert item.p.get_text() == question.ask
        for choice, shown in zip(question.choices, item.select("details"), strict=True):
            assert shown.summary.get_text() == choice.text
            verdict = "Right. " if choice.right else "No. "
            assert shown.select_one("p").get_text() == verdict + choice.why
