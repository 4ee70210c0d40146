"""What a page needs to tell a reader who types an answer what `check` would tell."""

from __future__ import annotations

import json
from typing import Any, TypeGuard

import numpy as np

from emlib.book.exercises import checking
from emlib.book.exercises.checking import Exercise, FunctionExercise

LONGEST = 10  # a list that a reader would still type
EMPTY = "Type your answer first."  # a page has no dots for it to stand in place of
TEXT = "Give numbers and nothing else, such as 0.25 or, if there are several, 1/3, 2."

WORDS = {
    "right": checking.RIGHT,
    "open": EMPTY,
    "text": TEXT,
    "point": checking.POINT,
    "points": checking.POINTS,
    "thousands": checking.THOUSANDS,
    "form": checking.FORM,
    "one": checking.ONE_NUMBER,
    "list": checking.LIST,
    "notFinite": checking.NOT_FINITE,
    "notYet": checking.NOT_YET,
    "fewerDigits": checking.FEWER_DIGITS,
    "cut": checking.CUT,
    "perCent": checking.PER_CENT,
}

_PRINTABLE = "".join(map(chr, range(33, 127)))
_TURNED = str.maketrans(_PRINTABLE, _PRINTABLE[47:] + _PRINTABLE[:47])


def can_be_typed(exercise: Exercise | FunctionExercise) -> TypeGuard[Exercise]:
    """Whether the answer is a number or a short list, compared and nothing more."""
    # A subclass has a way of its own to tell right from wrong.
    return type(exercise) is Exercise and np.size(exercise.answer) <= LONGEST


def data(exercise: Exercise) -> dict[str, Any]:
    """All that `Exercise.grade` compares and says, as JSON can hold it.

    A number is a string, for JSON has no infinity; a single number has `form` 0, a list 1.
    """
    return {
        "answer": _value(exercise.answer),
        "mistakes": [{**_value(wrong), "hint": hint} for wrong, hint in exercise.mistakes],
        "hint": exercise.hint,
        "rtol": exercise.rtol,
        "atol": exercise.atol,
        "digits": exercise.digits(),
        "decimals": exercise.decimals().ravel().tolist(),
        "words": WORDS,
    }


def concealed(exercise: Exercise) -> str:
    """The data as text that nobody reads by accident: each character turned by 47 places."""
    return turned(json.dumps(data(exercise), ensure_ascii=False))


def turned(text: str) -> str:
    """The text in ROT47; a second turn gives it back."""
    return text.translate(_TURNED)


def _value(numbers: Any) -> dict[str, Any]:
    flat = [repr(float(value)) for value in np.ravel(numbers)]
    return {"form": np.ndim(numbers), "numbers": flat}
