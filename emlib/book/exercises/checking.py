"""How an answer is checked: against the right one, then against the likely mistakes."""

from __future__ import annotations

import copy
import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import numpy as np
from numpy.typing import NDArray

# What is said of an answer, here and on the book's site.
RIGHT = "Right."
OPEN = "Not answered yet: your answer goes where the dots are."
DOTS = "Not answered yet: dots are left in your list."
TEXT = "That is text. Give numbers, without quotes, such as 0.25 or [1/3, 2]."
FORM = "Your answer is {given}; expected {wanted}."
POINT = "A decimal is written with a point: {number}."
POINTS = "Write numbers with a decimal point, separated by commas: {numbers}."
THOUSANDS = "Write thousands without a space or comma: {numbers}."
ONE_NUMBER, LIST = "a single number", "a list of length {length}"
NOT_FINITE = "Your answer contains a value that is not a finite number (nan or inf)."
NOT_YET = "Not yet. {hint}"
FEWER_DIGITS = "Right as far as it goes: give {digits}."
CUT = "Round, do not cut: give {digits}, the last of them rounded."
PER_CENT = "That is in per cent: give numbers up to 1."

WITH_COMMAS = re.compile(r"[+-]?\d+,\d+(?:[;\s]+[+-]?\d+,\d+)+")
COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is right, and what to say about it."""

    right: bool
    message: str


@dataclass(frozen=True)
class Exercise:
    """An exercise whose answer is a number or an array of numbers.

    Attributes
    ----------
    answer : float or array-like
    mistakes : tuple of (wrong answer, hint)
        Wrong answers that are foreseen, each with a hint at what was overlooked.
    hint : str
        For any other wrong answer; must not give the answer away.
    rtol, atol : float
        How close is right. By default three digits are enough; a question for which they are
        not says how many.
    """

    answer: Any
    mistakes: tuple[tuple[Any, str], ...] = ()
    hint: str = "Read the question once more, then the section it refers to."
    rtol: float = 5e-3
    atol: float = 0.0

    def grade(self, given: Any) -> Verdict:
        """Compare `given` with the answer and the foreseen mistakes."""
        if callable(given):
            return Verdict(False, "This asks for a value, and you gave a function: call it first.")
        trouble = _with_points(given, self.answer) or _shape_trouble(given, self.answer)
        if trouble in ("", NOT_FINITE):
            given = np.reshape(np.asarray(given, float), np.shape(self.answer))
            if np.all(self._close(given, self.answer)):
                return Verdict(True, RIGHT)
        if _numbers(given) is None:
            return Verdict(False, trouble)
        # A foreseen mistake may have infinities, or another shape than the answer.
        if hint := self._foreseen(given, self._close):
            return _not_yet(hint)
        if trouble:
            return Verdict(False, self._with_thousands(given) or trouble)
        if np.all(_is_rounded(given, self.answer)):
            return _not_yet(FEWER_DIGITS.format(digits=self.digits()))
        if self._is_per_cent(given):
            return _not_yet(PER_CENT)
        if hint := self._foreseen(given, _is_rounded):
            return _not_yet(hint)
        return _not_yet(CUT.format(digits=self.digits()) if self._is_cut(given) else self.hint)

    def _with_thousands(self, given: Any) -> str:
        """How to write what was given with 1,250 or 1 250 for 1250, if it is then known; or ''."""
        if not isinstance(given, (list, tuple)) or len(given) <= np.size(self.answer):
            return ""
        joined = _joined(given) if np.ndim(given) == 1 else []
        if len(joined) != np.size(self.answer):
            return ""
        value = np.reshape(joined, np.shape(self.answer))
        known = np.all(self._close(value, self.answer)) or self._foreseen(value, self._close)
        written = ", ".join(f"{number:.12g}" for number in joined)
        return THOUSANDS.format(numbers=written) if known else ""

    def digits(self) -> str:
        """With how many digits the answer is taken, in words: "three digits", "one decimal"."""
        count, unit = self._n_digits(), "digit" if self.rtol else "decimal"
        return f"{COUNTS[count]} {unit}{'s' * (count > 1)}" if count else "more digits"

    def decimals(self) -> NDArray[np.int64]:
        """The decimals of each number of the answer, where it has as many digits as are asked."""
        answer = np.asarray(self.answer, dtype=float)
        if not self.rtol:
            return np.full(answer.shape, self._n_digits())
        size = np.log10(np.abs(np.where(answer == 0, 1, answer)))
        return np.asarray(self._n_digits() - 1 - np.floor(size).astype(int))

    def _n_digits(self) -> int:
        """The fewest digits, or decimals, to which the answer may be rounded; 0 if too many."""
        form = ".{}g" if self.rtol else ".{}f"
        for count in range(1, len(COUNTS)):
            rounded = [float(format(v, form.format(count))) for v in np.ravel(self.answer)]
            if np.all(self._close(np.reshape(rounded, np.shape(self.answer)), self.answer)):
                return count
        return 0

    def _is_cut(self, given: NDArray[np.float64]) -> bool:
        """Whether each number is right, or the answer's digits with those behind them left out."""
        scales = [10.0 ** (self.decimals() + more) for more in (-1, 0, 1, 2)]
        cut = [np.isclose(given, np.trunc(self.answer * c) / c, rtol=1e-9, atol=0) for c in scales]
        cut[0] &= np.abs(given - self.answer) <= 0.05 * np.abs(self.answer)  # a digit too few
        return bool(np.all(self._close(given, self.answer) | np.any(cut, axis=0)))

    def _is_per_cent(self, given: NDArray[np.float64]) -> bool:
        """Whether numbers up to 1 were given as per cent, and the others are right."""
        size, share = np.abs(self.answer), given / 100
        # A number below the tolerance is near only to what is within five per cent of it.
        slack = np.where(size > self.atol, self.atol, 0.05 * size)
        near = np.abs(share - self.answer) <= self.rtol * size + slack
        parts = (size <= 1) & (near | _is_rounded(share, self.answer))
        return bool(np.all(parts | self._close(given, self.answer)))

    def _foreseen(self, given: Any, same: Callable[[Any, Any], NDArray[np.bool_]]) -> str:
        """The hint for the first foreseen mistake that is the same as `given`, or ''."""
        for wrong, hint in self.mistakes:
            if np.shape(wrong) == np.shape(given) and np.all(same(given, wrong)):
                return hint
        return ""

    def _close(self, given: Any, value: Any) -> NDArray[np.bool_]:
        return np.isclose(np.asarray(given, float), value, rtol=self.rtol, atol=self.atol)


@dataclass(frozen=True)
class FunctionExercise:
    """An exercise whose answer is a function, compared with a reference on given arguments.

    Attributes
    ----------
    reference : callable
    cases : tuple of tuples
        The arguments of each call.
    mistakes : tuple of (wrong function, hint)
        Plausible wrong functions, each with a hint.
    hint : str
        For any other wrong function.
    """

    reference: Callable[..., Any]
    cases: tuple[tuple[Any, ...], ...]
    mistakes: tuple[tuple[Callable[..., Any], str], ...] = ()
    hint: str = "Try it on a case small enough to do by hand."
    rtol: float = 1e-6
    atol: float = 1e-12

    def grade(self, given: Any) -> Verdict:
        """Call `given` on every case and compare what it returns."""
        if not callable(given):
            quotes = "quotes and without " if isinstance(given, str) else ""
            said = f"This asks for a function: give its name, without {quotes}calling it."
            return Verdict(False, said)
        try:
            # On copies: a function that changes its arguments must not change the reference's.
            values = [given(*copy.deepcopy(case)) for case in self.cases]
        except Exception as error:  # whatever the reader's function raises is the reader's news
            return Verdict(False, f"Your function raised {type(error).__name__}: {error}")
        if any(value is None for value in values):
            return Verdict(False, "Your function returns nothing: does it end with a return?")
        for value in values:
            if _numbers(value) is None:
                return Verdict(False, f"Expected numbers, but got {type(value).__name__}.")
        for reference, hint in ((self.reference, ""), *self.mistakes):
            if self._agrees(values, reference):
                return _not_yet(hint) if hint else Verdict(True, RIGHT)
        trouble = _shape_trouble(values[0], self.reference(*self.cases[0]))
        return Verdict(False, trouble) if trouble else _not_yet(self.hint)

    def _agrees(self, values: list[Any], function: Callable[..., Any]) -> bool:
        expected = [function(*case) for case in self.cases]
        return all(
            (np.shape(v) == np.shape(e) or _one_in_brackets(v, e))
            and np.allclose(v, e, rtol=self.rtol, atol=self.atol)
            for v, e in zip(values, expected, strict=True)
        )


def check(name: str, answer: Any = ...) -> None:
    """Print whether `answer` to the exercise `name` is right; if not, a hint.

    Parameters
    ----------
    name : str
        As printed in the exercise, "chapter.exercise".
    answer : object
        A number, an array or a function, as the exercise asks.

    Raises
    ------
    ValueError
        If there is no exercise of that name.
    """
    print(grade(name, answer).message)


def grade(name: str, answer: Any) -> Verdict:
    """What `check` prints, as a value: for a teacher who grades many answers."""
    exercise = find(name)
    if answer is ... or answer is None:
        return Verdict(False, OPEN)
    if _has_dots(answer):
        return Verdict(False, DOTS)
    return exercise.grade(answer)


def all_exercises() -> Mapping[str, Exercise | FunctionExercise]:
    """Every exercise of the book by name."""
    return {name: found for chapter in _chapters() for name, found in _of(chapter).items()}


def _chapters() -> list[str]:
    package = import_module("emlib.book.exercises")
    return [module.name for module in iter_modules(package.__path__) if module.name != "checking"]


def _of(chapter: str) -> Mapping[str, Exercise | FunctionExercise]:
    module = import_module(f"emlib.book.exercises.{chapter}")
    return {f"{chapter}.{name}": exercise for name, exercise in module.EXERCISES.items()}


def find(name: str) -> Exercise | FunctionExercise:
    """The exercise of that name, as "chapter.exercise"; ValueError if there is none."""
    # Some chapters' answers take a second to compute: only those of the one that is asked for.
    chapter = name.partition(".")[0]
    exercises = _of(chapter) if chapter in _chapters() else {}
    if name not in exercises:
        near = difflib.get_close_matches(name, all_exercises(), n=1)
        meant = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"there is no exercise {name!r}.{meant}")
    return exercises[name]


def _not_yet(hint: str) -> Verdict:
    return Verdict(False, NOT_YET.format(hint=hint))


def _shape_trouble(given: Any, answer: Any) -> str:
    """What is wrong with the form of an answer, before its value is looked at; or ''."""
    array = _numbers(given)
    if array is None:
        kind = type(given).__name__
        return TEXT if _has_text(given) else f"Expected numbers, but got {kind}."
    if array.shape != np.shape(answer) and not _one_in_brackets(array, answer):
        return FORM.format(given=_form(array.shape), wanted=_form(np.shape(answer)))
    if not np.all(np.isfinite(array)):
        return NOT_FINITE
    return ""


def _with_points(given: Any, answer: Any) -> str:
    """How to write what was given with decimal commas, as 0,55 or "0,733; 0,4"; or ''."""
    if isinstance(given, str):
        text = given.strip(" []()")
        numbers = ", ".join(text.replace(",", ".").replace(";", " ").split())
        return POINTS.format(numbers=numbers) if WITH_COMMAS.fullmatch(text) else ""
    # In Python, 0,55 is a pair of whole numbers.
    is_pair = isinstance(given, tuple) and [type(value) for value in given] == [int, int]
    if np.ndim(answer) == 0 and is_pair and given[1] >= 0:
        return POINT.format(number=f"{given[0]}.{given[1]}")
    return ""


def _joined(given: Sequence[Any]) -> list[float]:
    """The numbers, where 1, 250 has become 1250: what has three digits goes to what precedes it.

    A zero may be what Python has made of 000.
    """
    joined: list[float] = []
    begun = False  # whether the last number may have more digits to come
    for number in given:
        if begun and (number == 0 or 100 <= number < 1000):
            joined[-1] = float(np.copysign(1000 * abs(joined[-1]) + number, joined[-1]))
        else:
            joined.append(float(number))
            begun = 1 <= abs(number) < 1000
        begun = begun and type(number) is int
    return joined


def _form(shape: tuple[int, ...]) -> str:
    """What an array of this shape is, in words."""
    if len(shape) > 1:
        return f"an array of shape {shape}"
    return LIST.format(length=shape[0]) if shape else ONE_NUMBER


def _one_in_brackets(given: Any, answer: Any) -> bool:
    """Whether a number was asked for, and given as [8] instead of 8."""
    return np.ndim(answer) == 0 and np.size(given) == 1


def _is_rounded(given: Any, answer: Any) -> NDArray[np.bool_]:
    """For each number whether it is the answer's with fewer digits, and within five per cent."""
    given, answer = np.asarray(given, dtype=float), np.asarray(answer, dtype=float)
    finite = np.isfinite(given) & np.isfinite(answer)
    given, answer = np.where(finite, given, np.inf), np.where(finite, answer, 0)
    rounded = np.stack([np.round(answer, d) for d in range(8)])
    same = np.abs(given - rounded) <= 1e-9 * np.abs(rounded)
    near = np.abs(given - answer) <= 0.05 * np.abs(answer)
    return np.asarray(same.any(axis=0) & near)


def _numbers(value: Any) -> NDArray[np.float64] | None:
    """The value as an array of floats, or None where it is not one."""
    try:
        return None if _has_text(value) else np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        return None


def _has_dots(value: Any) -> bool:
    """Whether the value is a list, tuple or array in which dots, or None, are left."""
    value = value.tolist() if isinstance(value, np.ndarray) else value
    if isinstance(value, (list, tuple)):
        return any(v is ... or v is None or _has_dots(v) for v in value)
    return False


def _has_text(value: Any) -> bool:
    """Whether the value is text, or a list or tuple with text in it."""
    if isinstance(value, (list, tuple)):
        return any(map(_has_text, value))
    return isinstance(value, (str, bytes)) or np.asarray(value).dtype.kind in "US"
