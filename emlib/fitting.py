"""From starts to a fit: what the estimators of all models have in common.

EM works in standard units, so that no digits are lost to a far mean or to odd units, and results
come back in the units of the data.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data

from emlib.em import Nudge, Visitor, maximise, progress_bar
from emlib.results import WARNINGS, DegenerateError, EMResult, Interrupted, StopReason
from emlib.squarem import Coordinates
from emlib.types import Array, Integers
from emlib.validation import check_count, check_size, numbers, shown

P = TypeVar("P")
S = TypeVar("S")


@dataclass(frozen=True, eq=False)
class Problem(Generic[P, S]):
    """A model bound to data in the units in which EM works, and the way back to the user's.

    Attributes
    ----------
    e_step, m_step, nudge, data, log_prior, exact, coordinates
        As in `emlib.em`.
    n : float
        Number of observations, for each of which an estimator's `tol` is meant.
    weight : float
        Of an observation, on average. EM works on objectives that are divided by it, so that
        nothing depends on the unit in which weights are measured.
    collapse : callable params -> str or None
        What to say if the parameters are those of a collapse.
    restore : callable params -> params
        From the units in which EM works to the user's.
    log_scale : float
        What the log-likelihood is less in the user's units.
    responsibilities : callable params -> ndarray of shape (N, K), optional
    relabelled : callable (params, order) -> params, optional
        The same model with its components in another order. Both are needed for several starts.
    holding : callable (statistics, given) -> params, optional
        The M-step if some parameters are held as they are `given` by the start.
    """

    e_step: Callable[[P, Any], tuple[S, float]]
    m_step: Callable[[S], P]
    nudge: Nudge[S]
    data: Any
    n: float
    collapse: Callable[[P], str | None]
    restore: Callable[[P], P]
    log_scale: float
    responsibilities: Callable[[P], Array] | None = None
    relabelled: Callable[[P, Integers], P] | None = None
    log_prior: Callable[[P], float] | None = None
    coordinates: Coordinates | None = None
    exact: bool = True
    weight: float = 1.0
    holding: Callable[..., P] | None = None

    def m_step_from(self, start: P) -> Callable[[S], P]:
        """The M-step of a climb from `start`, of which something may be held."""
        return partial(self.holding, given=start) if self.holding else self.m_step

    def climb(self, start: P, model: Any, rng: np.random.Generator) -> EMResult[P]:
        """One climb from `start`, with `tol`, `max_iter` and `verbose` of the estimator `model`."""
        with progress_bar(bool(model.verbose)) as bar:
            result = maximise(
                Visitor(self.e_step, self.data, self.log_prior, bar, unit=self.weight),
                self.m_step_from(start),
                start,
                tol=model.tol * self.n / self.weight,
                max_iter=model.max_iter,
                nudge=self.nudge,
                rng=rng,
                coordinates=self.coordinates,
                exact=self.exact,
            )
        message = self.collapse(result.params)
        if message is None or result.stop is StopReason.INTERRUPTED:
            return result
        return replace(result, stop=StopReason.DEGENERATE, message=message)

    def aligned(self, result: EMResult[P], best: EMResult[P]) -> EMResult[P]:
        """The result with components in the order in which they claim the points of the best."""
        if result is best or self.responsibilities is None or self.relabelled is None:
            return result
        r, other = self.responsibilities(best.params), self.responsibilities(result.params)
        order = linear_sum_assignment(r.T @ other, maximize=True)[1]
        params = tuple(self.relabelled(params, order) for params in result.trace.params)
        return replace(result, params=params[-1], trace=replace(result.trace, params=params))

    def restored(self, result: EMResult[P]) -> EMResult[P]:
        """The result in the user's units."""
        trace = replace(
            result.trace,
            params=tuple(self.restore(params) for params in result.trace.params),
            objective=result.trace.objective * self.weight - self.log_scale,
        )
        return replace(
            result,
            params=trace.params[-1],
            objective=float(trace.objective[-1]),
            remaining_gain=result.remaining_gain * self.weight,
            trace=trace,
        )


@contextmanager
def all_or_nothing(model: Any) -> Iterator[None]:
    """Leave an estimator as it was if what is done in this context fails."""
    before = dict(vars(model))
    try:
        yield
    except BaseException:
        vars(model).clear()
        vars(model).update(before)
        raise


def fit_from_starts(
    model: Any, problem: Problem[P, S], start: Callable[[int], P], rng: np.random.Generator
) -> EMResult[P]:
    """Climb from the starts of an estimator, by number; set what every fit shows, return the best.

    A start from which a climb cannot begin is passed over, if there is another.
    """
    results, failure = [], DegenerateError()
    for number in range(getattr(model, "n_init", 1)):
        try:
            results.append(problem.climb(start(number), model, rng))
        except DegenerateError as error:
            failure = error
        if results and results[-1].stop is StopReason.INTERRUPTED:
            break
    if not results:
        raise failure
    # The highest; but any other is better than a collapse, which is not comparable.
    grade = {StopReason.DEGENERATE: 0, StopReason.OBJECTIVE_FELL: 1}
    best = max(results, key=lambda result: (grade.get(result.stop, 2), result.objective))
    model.results_ = [problem.restored(problem.aligned(result, best)) for result in results]
    model.result_ = result = model.results_[results.index(best)]
    model.converged_, model.n_iter_ = result.converged, result.n_iter
    return result


def warn_of(model: Any, advice: str) -> None:
    """Warn of a fit that is not to be trusted, in the line that called `fit`; go on with Ctrl-C."""
    result: EMResult[Any] = model.result_
    if model.results_[-1].stop is StopReason.INTERRUPTED:
        raise Interrupted(result)
    if result.stop in WARNINGS:
        warnings.warn(result.message, WARNINGS[result.stop], stacklevel=3)
    elif not result.converged:
        warnings.warn(f"{result.message}. {advice}", ConvergenceWarning, stacklevel=3)


def table_of(model: Any, X: ArrayLike, reset: bool, **options: Any) -> Array:
    """`X` as scikit-learn checks it for an estimator, with errors in plainer words.

    `reset` is True for a fit; `options` are those of `sklearn.utils.validation.validate_data`.
    """
    try:
        if np.asarray(X).dtype.kind in "mM":  # of dates it would take the ticks of a clock
            raise TypeError
        return np.asarray(validate_data(model, X, reset=reset, dtype=np.float64, **options))
    except TypeError as error:
        if "NAType" in str(error):
            numbers("data", X)  # says it in plainer words
        if any(word in str(error) for word in ("parse", "np.matrix", "Feature names")):
            raise  # these say what is wrong
        raise TypeError(  # in words for which scikit-learn's checks look
            "data as an argument must be numbers, not a date, a string or anything that is no "
            "number"
        ) from None
    except ValueError as error:
        if "omplex" not in str(error):
            numbers("data", X, finite=False)  # says it in plainer words, if it is about numbers
        raise


def generator(random_state: Any, size: int | None = None) -> np.random.Generator:
    """NumPy's new generator, from what scikit-learn takes as a `random_state`."""
    try:
        state = check_random_state(random_state)
    except (TypeError, ValueError):
        raise ValueError(
            "random_state must be None, a RandomState, or a whole number from 0 to 2**32 - 1, "
            f"got {shown(random_state)}"
        ) from None
    return np.random.default_rng(state.randint(2**31, size=size))


COUNTS = {"n_components": 1, "n_init": 1, "max_iter": 0}
SIZES = ("tol", "covariance_floor", "reg_covar")
FLAGS = ("accelerate", "warm_start", "stationary")


def check_settings(model: Any, choices: Mapping[str, Any]) -> None:
    """A ValueError that names the first setting of an estimator that makes no sense.

    `choices` are the allowed values of settings that are words.
    """
    for name, value in vars(model).items():
        if name in COUNTS:
            check_count(name, value, COUNTS[name])
        if name in SIZES and not (name == "reg_covar" and value is None):
            check_size(name, value)
        if name in FLAGS and not isinstance(value, bool | np.bool_):
            raise ValueError(f"{name} must be True or False, got {shown(value)}")
        if name == "verbose" and not isinstance(value, bool | np.bool_):
            check_count(name, value, 0)
        if name in choices and (not isinstance(value, str) or value not in choices[name]):
            raise ValueError(f"{name} must be one of {list(choices[name])}, got {value!r}")
