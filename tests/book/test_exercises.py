"""Checking answers: right is right, and every wrong answer gets a hint that helps."""

from fractions import Fraction

import numpy as np
import pytest

from emlib.book.exercises import Exercise, FunctionExercise, check, grade
from emlib.book.exercises.checking import all_exercises

EXERCISES = all_exercises()


def mistakes():
    return [(name, wrong, hint) for name, e in EXERCISES.items() for wrong, hint in e.mistakes]


@pytest.mark.parametrize("name", EXERCISES)
def test_the_right_answer_is_right(name):
    exercise = EXERCISES[name]
    right = exercise.reference if isinstance(exercise, FunctionExercise) else exercise.answer
    assert grade(name, right).right


@pytest.mark.parametrize(("name", "wrong", "hint"), mistakes())
def test_a_foreseen_mistake_gets_its_own_hint(name, wrong, hint):
    given = [wrong]
    if not callable(wrong):  # numbers are typed as they are printed, to five digits or fewer
        given.append(np.reshape([float(f"{v:.5g}") for v in np.ravel(wrong)], np.shape(wrong)))
    for answer in given:
        verdict = grade(name, answer)
        assert not verdict.right
        assert hint in verdict.message


@pytest.mark.parametrize("name", EXERCISES)
def test_anything_else_is_wrong_and_gets_a_hint(name):
    exercise = EXERCISES[name]
    if isinstance(exercise, FunctionExercise):
        verdict = grade(name, lambda *args: 12345.678 + 0 * np.asarray(exercise.reference(*args)))
    else:
        verdict = grade(name, np.asarray(exercise.answer) * 0 + 12345.678)
    assert not verdict.right
    assert verdict.message == f"Not yet. {exercise.hint}"


@pytest.mark.parametrize("name", [n for n, e in EXERCISES.items() if isinstance(e, Exercise)])
def test_no_hint_gives_the_number_away(name):
    exercise = EXERCISES[name]
    hints = [exercise.hint, *(hint for _, hint in exercise.mistakes)]
    for value in np.ravel(exercise.answer):
        text = f"{value:.4g}"
        if len(text.strip("-")) > 2:
            assert not any(text in hint for hint in hints)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (..., "Not answered yet"),
        (None, "Not answered yet"),
        (np.nan, "not a finite number"),
        ([1.0, 2.0], "expected a single number"),
        ("eleven", "without quotes"),
        ("8", "without quotes"),
        ({}, "Expected numbers"),
        ([[8.0, 1.0]], "expected a single number"),
        (len, "you gave a function"),
    ],
)
def test_answers_of_the_wrong_kind_are_told_so(answer, said):
    assert said in grade("mixtures.count", answer).message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (3.0, "This asks for a function"),
        (lambda r: r, "raised TypeError"),
        (lambda r, _: r, "shape"),
        (lambda *_: "text", "Expected numbers"),
        (lambda *_: [[1.0], [2.0, 3.0]], "Expected numbers"),
        (lambda *_: None, "does it end with a return?"),
    ],
)
def test_functions_of_the_wrong_kind_are_told_so(answer, said):
    assert said in grade("mixtures.mstep", answer).message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (0.733, "Right."),
        ([0.733], "Right."),
        (0.73, "give three digits"),
        (0.7, "give three digits"),
        (73.3, "per cent"),
        (73, "per cent"),
        (0.74, "read again"),
        (0.72, "read again"),
        (1.0, "read again"),
        (0.0, "read again"),
    ],
)
def test_fewer_digits_and_per_cent_are_told_from_wrong(answer, said):
    assert said in Exercise(11 / 15, hint="read again", rtol=1e-3).grade(answer).message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ([1 / 3, 12.5], "Right."),
        ((1 / 3, 12.5), "Right."),
        (np.array([1 / 3, 12.5]), "Right."),
        ([Fraction(1, 3), Fraction(25, 2)], "Right."),
        ([0.333, 12.5], "Right."),
        ([33.3, 12.5], "per cent"),
        ([0.33, 12.5], "give three digits"),
        (["1/3", 12.5], "without quotes"),
        ([1 / 3, 1250], "read again"),
        ([1 / 3], "a list of length 1; expected a list of length 2"),
    ],
)
def test_an_answer_may_have_any_form_that_python_has_for_numbers(answer, said):
    assert said in Exercise([1 / 3, 12.5], hint="read again", rtol=2e-3).grade(answer).message


@pytest.mark.parametrize(
    ("name", "answer", "said"),
    [
        ("faster.draws", (1, 250), "Write thousands without a space or comma: 1250."),
        ("faster.draws", (2, 500), "Write thousands without a space or comma: 2500."),
        ("faster.draws", (5, 0), "Write thousands without a space or comma: 5000."),
        ("faster.draws", (1.0, 250.0), "a list of length 2"),
        ("faster.draws", (1, 25), "A decimal is written with a point: 1.25."),
        ("faster.draws", (0, 1, 250), "a list of length 3"),
        ("gmm.units", (-2, 243.9), "Write thousands without a space or comma: -2243.9."),
        ("gmm.units", (-2, 300.5), "a list of length 2"),
        ("convergence.flat", [0.6, 8, 333], "without a space or comma: 0.6, 8333."),
        ("convergence.flat", [0.6, 8, 33], "a list of length 3"),
        ("latent.responsibilities", (0.18, 0, 820), "a list of length 3"),
    ],
)
def test_a_number_known_but_for_its_thousands_is_not_called_wrong(name, answer, said):
    assert said in grade(name, answer).message


def test_dots_left_in_a_list_are_no_answer():
    said = "Not answered yet: dots are left in your list."
    assert grade("byhand.mstep", [0.725, 0.386, ..., ...]).message == said
    assert grade("byhand.mstep", ([0.725, 0.386], [0.7, None])).message == said
    assert grade("byhand.mstep", np.array([0.725, 0.386, ..., ...])).message == said


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ([0.5, 0, 42.3], "Right."),
        ([50, 0, 42.3], "per cent"),
        ([48.2, 0.5, 42.3], "per cent"),
        ([0.5, 14, 42.3], "compare entropies"),
        ([0.5, 0.9, 42.3], "compare entropies"),
    ],
)
def test_what_is_near_to_a_small_number_is_not_taken_for_per_cent(answer, said):
    assert said in grade("howmany.merge", answer).message


def test_shares_to_within_a_tolerance_may_be_given_as_per_cent():
    assert "Right." in grade("byhand.many", [0.63, 0.90]).message
    assert "per cent" in grade("byhand.many", [63, 90]).message


@pytest.mark.parametrize(
    ("exercise", "digits"),
    [
        (Exercise(11 / 15, rtol=1e-3), "three digits"),
        (Exercise([0.5, 1234.5], rtol=1e-4), "five digits"),
        (Exercise([79.5093, 6.1514], rtol=0, atol=0.06), "one decimal"),
        (Exercise(79.5093, rtol=0, atol=0.006), "two decimals"),
    ],
)
def test_so_many_digits_are_asked_for_as_are_needed(exercise, digits):
    assert exercise.digits() == digits


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ([20.095, 0.436], "Right."),
        ([19.667, 0.764], "plain mean"),
        ([19.67, 0.76], "plain mean"),
        ([20.095, 0.436, 1.0], "two numbers"),
        ([20.095], "expected a list of length 2"),
        ([np.inf, 0.436], "not a finite number"),
    ],
)
def test_a_mistake_is_known_with_fewer_digits_and_in_another_shape(answer, said):
    mistakes = (([19.6667, 0.7638], "plain mean"), ([20.095, 0.436, 1], "two numbers"))
    assert said in Exercise([20.095, 0.436], mistakes, atol=1e-3, rtol=0).grade(answer).message


def test_unknown_exercise_is_an_error_that_suggests_one():
    with pytest.raises(ValueError, match=r"Did you mean 'mixtures\.count'"):
        check("mixtures.counts", 1)


def test_check_prints_the_verdict(capsys):
    check("mixtures.count", 8)
    check("mixtures.count")
    assert capsys.readouterr().out.splitlines()[0] == "Right."


def test_a_function_that_changes_its_arguments_is_not_taken_in():
    def cheat(r, x):
        r[:], x[:] = 1.0, 2.0
        return np.array([[1.0, 1.0], [2.0, 2.0], [0.0, 0.0]])

    assert not grade("mixtures.mstep", cheat).right
