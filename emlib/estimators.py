"""What the estimators of all models have in common: settings, checks, starts, and warnings.

The conventions are scikit-learn's. Each model's own are in the `estimators` of its folder.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from emlib import validation as check
from emlib.families import Family
from emlib.fitting import Problem
from emlib.holding import Held
from emlib.results import (
    DegenerateError,
    DegenerateWarning,
    EMResult,
    Interrupted,
    StopReason,
)
from emlib.types import Array, Generator
from emlib.wording import sentence, shown

P = TypeVar("P")
COUNTS = {"n_components": 1, "n_init": 1, "max_iter": 0}
# A component that has fewer values of a feature says next to nothing about it.
FEWEST_VALUES = 0.1
SIZES = ("tol", "covariance_floor", "reg_covar")
FLAGS = ("accelerate", "warm_start", "stationary")


@dataclass(eq=False, repr=False)
class Estimator(BaseEstimator):
    """The settings of a climb, and a fit that is made or leaves everything as it was."""

    _: KW_ONLY
    tol: float = 1e-8
    max_iter: int = 2000
    verbose: bool | int = False

    result_: EMResult[Any] = field(init=False)
    results_: list[EMResult[Any]] = field(init=False)

    # The allowed values of settings that are words; whether NaN is welcome in data; and what to do
    # with text.
    _choices: ClassVar[dict[str, Any]] = {}
    _takes_nan: ClassVar[bool] = False
    _of_text: ClassVar[str] = ""

    def __sklearn_tags__(self) -> Tags:
        """What data may be, in scikit-learn's words."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self._takes_nan
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """What pickles and copies keep: of the parameters on a path, only the first and the last.

        Those of every iteration from every start can be hundreds of times as large as the model.
        """
        state = dict(super().__getstate__())
        if {"result_", "results_"} <= state.keys():
            state["results_"] = [result.without_path() for result in self.results_]
            state["result_"] = state["results_"][self.results_.index(self.result_)]
        return state

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """Check the settings, and leave the estimator as it was if what is done then fails."""
        before = dict(vars(self))
        try:
            self._check_settings()
            yield
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _check_settings(self) -> None:
        """A ValueError that names the first setting that makes no sense."""
        for name, value in vars(self).items():
            if name in COUNTS:
                check.count(name, value, COUNTS[name])
            if name in SIZES and not (name == "reg_covar" and value is None):
                check.size(name, value)
            if name in FLAGS and not isinstance(value, bool | np.bool_):
                raise ValueError(f"{name} must be True or False, got {shown(value)}")
            if name == "verbose" and not isinstance(value, bool | np.bool_):
                check.count(name, value, 0)
            allowed = self._choices.get(name)
            if allowed is not None and (not isinstance(value, str) or value not in allowed):
                raise ValueError(f"{name} must be one of {list(allowed)}, got {value!r}")

    def _climb(
        self, problem: Problem[P, Any], start: Callable[[int], P], rng: Generator
    ) -> EMResult[P]:
        """Climb from the starts, by number; set what every fit shows, and return the best.

        A start from which a climb cannot begin is passed over, if there is another.
        """
        results, failure = [], DegenerateError()
        # Each climb nudges with a generator of its own: the next start hangs on `rng` alone.
        for number, own in enumerate(rng.spawn(getattr(self, "n_init", 1))):
            try:
                results.append(problem.climb(start(number), self, own))
            except DegenerateError as error:
                failure = error
            if results and results[-1].stop is StopReason.INTERRUPTED:
                break
        if not results:
            raise failure
        # The highest; but any other is better than a collapse, which is not comparable.
        grade = {StopReason.DEGENERATE: 0, StopReason.OBJECTIVE_FELL: 1}
        best = max(results, key=lambda result: (grade.get(result.stop, 2), result.objective))
        self.results_ = [problem.restored(problem.aligned(result, best)) for result in results]
        self.result_ = result = self.results_[results.index(best)]
        self.converged_, self.n_iter_ = result.converged, result.n_iter
        return result

    def _warn(self, advice: str) -> None:
        """Warn of a fit not to be trusted, in the line that called `fit`; go on with Ctrl-C."""
        result = self.result_
        if self.results_[-1].stop is StopReason.INTERRUPTED:
            raise Interrupted(result)
        if result.warning is not None:
            warnings.warn(result.message, result.warning, stacklevel=3)
        elif not result.converged:
            warnings.warn(f"{result.message}. {advice}", ConvergenceWarning, stacklevel=3)

    def _table(self, X: ArrayLike, reset: bool, **options: Any) -> Array:
        """`X` as scikit-learn checks it, with errors in plainer words.

        `reset` is True for a fit; `options` are those of `sklearn.utils.validation.validate_data`.
        """
        try:
            if np.asarray(X).dtype.kind in "mM":  # of dates it would take the ticks of a clock
                raise TypeError
            return np.asarray(validate_data(self, X, reset=reset, dtype=np.float64, **options))
        except TypeError as error:
            check.columns("data", X, self._of_text)
            if "NAType" in str(error):
                check.numbers("data", X)  # says it in plainer words
            if any(word in str(error) for word in ("parse", "np.matrix", "Feature names")):
                raise  # these say what is wrong
            raise TypeError(  # in words for which scikit-learn's checks look
                "data as an argument must be numbers, not a date, a string or anything that is not "
                "a number"
            ) from None
        except ValueError as error:
            if "omplex" not in str(error):
                # says it in plainer words, if about numbers
                check.numbers("data", X, finite=False, hint=self._of_text)
            raise


@dataclass(eq=False, repr=False)
class ComponentsEstimator(Estimator):
    """A model of K components of a family: a mixture, or a chain whose states emit them."""

    n_components: int = 1
    _: KW_ONLY
    n_init: int = 1
    hold: Any = ()
    random_state: Any = None

    # The parameters besides the components; and what users call the family's, where that differs.
    _outer: ClassVar[tuple[str, ...]]
    _renamed: ClassVar[dict[str, str]] = {}

    def _family(self, X: ArrayLike | None = None) -> Family:
        """The family that the settings ask for; `X` are the data of a fit."""
        raise NotImplementedError

    def _given(self, family: Any, k: int, d: int) -> tuple[Array | None, ...]:
        """The explicit components of the start, checked; None for those that are to be drawn."""
        raise NotImplementedError

    def _fitted_family(self) -> Family:
        """The family of the fit; settings change only what is fitted next."""
        raise NotImplementedError

    def _names(self, family: Family) -> list[str]:
        """The names of the family's parameters, as users know them."""
        return [self._renamed.get(name, name) for name in family.parameters]

    def _show(self, params: Iterable[Array], family: Family) -> None:
        """Set the fitted parameters, those outside the components first."""
        for name, part in zip((*self._outer, *self._names(family)), params, strict=True):
            setattr(self, f"{name}_", part.copy())

    def _fitted_parts(self) -> list[Array]:
        """The fitted parameters as `_show` has set them, or a user; the outer ones first."""
        names = [f"{name}_" for name in (*self._outer, *self._names(self._fitted_family()))]
        lacking, message = [name for name in names if not hasattr(self, name)], None
        if len(lacking) < len(names):
            message = f"This %(name)s lacks {', '.join(lacking)}: set all of {names}, or call fit"
        check_is_fitted(self, names, msg=message)
        arrays = [check.numbers(name, getattr(self, name)) for name in names]
        first = len(self._outer)
        check.numbers(names[first], arrays[first], shape=(None, None))
        return arrays


def warn_of_unseen(seen: Array, part: str, held: Held) -> None:
    """Warn, in the line that called `fit`, of features that a component has hardly any values of.

    `seen` says, in shape (K, D), how many values of a feature belong to a component. What is held
    needs none; and a component without any value is empty, of which others warn.
    """
    if held.inner and all(held.inner):
        return
    hardly = seen < FEWEST_VALUES
    hardly[hardly.all(axis=1)] = False
    hardly[list(held.components)] = False
    for k in np.flatnonzero(hardly.any(axis=1)):
        were_hardly = sentence("feature", np.flatnonzero(hardly[k]), "was hardly", "were hardly")
        message = (
            f"{were_hardly} observed in {part} {k}: there the data say next to nothing about that"
        )
        warnings.warn(message, DegenerateWarning, stacklevel=3)


def generator(random_state: Any, size: int | None = None) -> Generator:
    """NumPy's new generator, from what scikit-learn takes as a `random_state`.

    Its seed is one number of 31 bits; with a `size`, that many.
    """
    try:
        state = check_random_state(random_state)
    except (TypeError, ValueError):
        raise ValueError(
            "random_state must be None, a RandomState, or a whole number from 0 to 2**32 - 1, "
            f"got {shown(random_state)}"
        ) from None
    return np.random.default_rng(state.randint(2**31, size=size))
