"""The one EM loop of the book: every model, from two coins to images, runs through `em`.

A model is two pure functions:

    e_step(params, data) -> (expected statistics, log-likelihood)
    m_step(statistics)   -> params

The loop knows everything else: the trace, when to stop and why, whether the point it
stopped at is a maximum or a saddle, and that the objective must never fall.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import partial, reduce
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from emlib.squarem import Coordinates, leap, plain_coordinates
from emlib.trees import add, map_leaves

P = TypeVar("P")
S = TypeVar("S")
Nudge = Callable[[S, np.random.Generator, float], S]

NUDGE_SIZES = (0.3, 0.1, 0.03)
MAX_ESCAPES = 20
FALL_TOLERANCE = 1e-8
ROUNDING = 2 * np.finfo(float).eps
SAME_VALUE = 1e-9
# Leaps may be so many EM steps long at first; four times that where they succeed.
FIRST_LEAP = 4.0


class StopReason(Enum):
    """Why the loop stopped."""

    CONVERGED = "converged"
    MAX_ITER = "iteration limit"
    OBJECTIVE_FELL = "objective fell"
    DEGENERATE = "degenerate"


class DegenerateError(ArithmeticError, ValueError):
    """Raised by a model's step when the parameters or statistics it was given are not usable."""


class DegenerateWarning(RuntimeWarning):
    """The fit ended at a solution that says more about the method than about the data."""


class ObjectiveFellWarning(RuntimeWarning):
    """The objective fell, which exact E- and M-steps cannot do: a step has a bug."""


WARNINGS = {
    StopReason.OBJECTIVE_FELL: ObjectiveFellWarning,
    StopReason.DEGENERATE: DegenerateWarning,
}


@dataclass(frozen=True, eq=False)
class Trace(Generic[P]):
    """What EM visited, in order.

    Attributes
    ----------
    params : tuple of P
        The parameters at every iteration; the start is number 0.
    objective : ndarray of shape (n_iter + 1,)
        The objective (log-likelihood, plus log-prior if there is one) at each of them.
        A nudge off a saddle counts as an iteration.
    nudged_at : tuple of int
        Iterations reached by a nudge off a saddle and not by an EM step: only there
        may the objective be lower than the one before.
    leapt_at : tuple of int
        Iterations reached by a leap of SQUAREM.
    """

    params: tuple[P, ...]
    objective: NDArray[np.float64]
    nudged_at: tuple[int, ...] = ()
    leapt_at: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.params)


@dataclass(frozen=True, eq=False)
class EMResult(Generic[P]):
    """Where EM stopped, why, and how sure we are.

    Attributes
    ----------
    params : P
        The last good parameters; `objective` is their objective, not the one before.
    objective : float
        Log-likelihood (plus log-prior) at `params`.
    stop : StopReason
        Why the loop stopped.
    message : str
        The same in words.
    remaining_gain : float
        Aitken's estimate of how much the objective would still gain; inf if unknown. Noisy
        where the steps are close to rounding.
    confirmed : bool or None
        True: nudged away, EM came back to the same value, so this is no saddle.
        False: it did not come back. None: not checked, or no nudge made sense.
    trace : Trace
        Parameters and objective at every iteration.
    n_steps : int
        Steps taken in all, those of the confirmation and leaps taken back included.
    """

    params: P
    objective: float
    stop: StopReason
    message: str
    remaining_gain: float
    confirmed: bool | None
    trace: Trace[P]
    n_steps: int

    @property
    def converged(self) -> bool:
        """Whether the stopping rule was met."""
        return self.stop is StopReason.CONVERGED

    @property
    def n_iter(self) -> int:
        """Number of iterations from the start to `params`, any nudge off a saddle included."""
        return len(self.trace) - 1


def em(
    e_step: Callable[[P, Any], tuple[S, float]],
    m_step: Callable[[S], P],
    params: P,
    data: Any,
    *,
    tol: float = 1e-6,
    max_iter: int = 1000,
    log_prior: Callable[[P], float] | None = None,
    nudge: Nudge[S] | None = None,
    confirm: bool = True,
    accelerate: bool | Coordinates = False,
    exact: bool = True,
    map: Callable[..., Iterable[Any]] | None = None,  # noqa: A002 - it is a map
    rng: np.random.Generator | None = None,
    progress: bool = False,
    warn: bool = True,
) -> EMResult[P]:
    """Run EM from `params` until the estimated remaining gain is below `tol`.

    Parameters
    ----------
    e_step : callable (params, data) -> (statistics, log-likelihood)
        Expected sufficient statistics and the log-likelihood, both at `params`, in double
        precision. Statistics are a number, an array, or a tuple, list, dict or dataclass of them.
    m_step : callable statistics -> params
        The parameters that maximise the expected complete-data log-likelihood, as a new object.
    params : P
        The start. Anything that `e_step` takes.
    data : object
        Passed to `e_step` as it is; with `map`, an iterable of chunks of data.
    tol : float
        In units of the objective (nats, for the whole data set). The loop stops when both
        the last step and Aitken's estimate of what is still to gain are below it.
    max_iter : int
        The most EM iterations of one climb: the first, and each that follows a nudge.
    log_prior : callable params -> float, optional
        For MAP estimates: added to the log-likelihood to form the objective.
    nudge : callable (statistics, rng, size) -> statistics, optional
        How to perturb the statistics for the confirmation; `size` is relative.
        The default multiplies every entry by a random factor near one.
    confirm : bool
        Whether to nudge the solution and see that EM returns to it. A saddle, where EM
        stays for ever, is left that way. Costs a second, short climb.
    accelerate : bool or Coordinates
        Whether to leap ahead along the path of the steps (SQUAREM). A leap that leads lower, or
        nowhere, is taken back. `Coordinates` show the parameters as a vector that may take any
        values; True takes their numbers as they are.
    exact : bool
        False if the steps only approximate E and M, so that a falling objective is no mistake.
    map : callable (function, chunks) -> iterable, optional
        With which to run the E-step over a list of chunks: the built-in `map`, an executor's
        or a Dask client's. The chunks' statistics are added. Futures are waited for.
    rng : numpy.random.Generator, optional
        Source of the nudges; by default a fixed one, so that `em` is deterministic.
    progress : bool
        Whether to show a progress bar.
    warn : bool
        Whether to warn of a result that is not to be trusted; `stop` says it in any case.

    Returns
    -------
    EMResult

    Raises
    ------
    ValueError
        If `tol` or `max_iter` make no sense, or the objective at the start is not finite.
    TypeError
        If `e_step` does not return a pair, or the statistics cannot be added or nudged.

    Warns
    -----
    ObjectiveFellWarning, DegenerateWarning
        If that is why it stopped; the last good parameters are returned all the same.

    Notes
    -----
    Stopping: Boehning et al. (1994), Ann. Inst. Stat. Math. 46, 373-388.

    Examples
    --------
    Two coins, five sets of ten tosses; which coin was used is hidden.

    >>> import numpy as np
    >>> heads, tosses = np.array([5.0, 9, 8, 4, 7]), 10
    >>> def e_step(theta, heads):
    ...     joint = 0.5 * theta ** heads[:, None] * (1 - theta) ** (tosses - heads[:, None])
    ...     r = joint / joint.sum(axis=1, keepdims=True)
    ...     return (r.T @ heads, r.T @ (tosses - heads)), np.log(joint.sum(axis=1)).sum()
    >>> def m_step(counts):
    ...     return counts[0] / (counts[0] + counts[1])
    >>> result = em(e_step, m_step, np.array([0.6, 0.5]), heads)
    >>> result.params.round(2)
    array([0.8 , 0.52])
    >>> result.stop, result.confirmed
    (<StopReason.CONVERGED: 'converged'>, True)
    """
    _check_settings(tol, max_iter)
    total = e_step
    if map is not None:
        _check_chunks(data)
        total = partial(_mapped_e_step, e_step, map)
    # Also a disabled bar starts a thread, so there is none.
    with tqdm(unit=" iterations") if progress else nullcontext() as bar:
        leaps = plain_coordinates(params) if accelerate is True else accelerate or None
        climber = _Climber(total, m_step, data, log_prior, tol, max_iter, bar, exact, leaps, warn)
        climb = climber.climb(params)
        _check_start(climb.objective[0])
        confirmed = None
        if confirm and climb.stop is StopReason.CONVERGED:
            shake = relative_nudge if nudge is None else nudge
            climb, confirmed = _confirm(climber, climb, shake, rng or np.random.default_rng(0))
    if warn and climb.stop in WARNINGS:
        warnings.warn(climb.message, WARNINGS[climb.stop], stacklevel=2)
    return _result(climb, confirmed, climber.n_steps)


def relative_nudge(statistics: S, rng: np.random.Generator, size: float) -> S:
    """Multiply every entry of the statistics by a random factor near one.

    Right for counts and other non-negative sums. A model with sums that constrain each other
    (a Gaussian's first and second moments), or that may be zero, passes a nudge of its own.
    """

    def shaken(leaf: Any) -> Any:
        if isinstance(leaf, bool):
            return leaf
        values = np.asarray(leaf)
        if not np.issubdtype(values.dtype, np.number):
            raise TypeError(f"statistics must be numbers or arrays, got {leaf!r}; or pass a nudge")
        return leaf * np.exp(size * rng.standard_normal(values.shape))

    nudged: S = map_leaves(shaken, statistics)
    return nudged


@dataclass
class _Climb(Generic[P]):
    """One uninterrupted run of EM steps, with any climbs that a nudge has appended to it."""

    params: list[P] = field(default_factory=list)
    objective: list[float] = field(default_factory=list)
    nudged_at: tuple[int, ...] = ()
    leapt_at: tuple[int, ...] = ()
    longest_leap: float = FIRST_LEAP
    beside: Any = None
    statistics: Any = None
    stop: StopReason = StopReason.MAX_ITER
    message: str = ""
    remaining_gain: float = np.inf

    @property
    def since_leap(self) -> int:
        """Number of points reached by EM steps alone, the first of them by leap or as the start."""
        return len(self.params) - max((0, *self.leapt_at))

    def note(self, params: P, objective: float, statistics: Any) -> None:
        """Add a visited point."""
        self.params.append(params)
        self.objective.append(objective)
        self.statistics = statistics

    def then(self, other: _Climb[P]) -> _Climb[P]:
        return replace(
            other,
            params=self.params + other.params,
            objective=self.objective + other.objective,
            nudged_at=(*self.nudged_at, len(self.params)),
            leapt_at=(*self.leapt_at, *(len(self.params) + i for i in other.leapt_at)),
        )


@dataclass
class _Climber(Generic[P, S]):
    """The EM map and its stopping rule, bound to one model and one data set."""

    e_step: Callable[[P, Any], tuple[S, float]]
    m_step: Callable[[S], P]
    data: Any
    log_prior: Callable[[P], float] | None
    tol: float
    max_iter: int
    bar: Any
    exact: bool
    coordinates: Coordinates | None
    warn: bool
    n_steps: int = 0

    def climb(self, params: P) -> _Climb[P]:
        """Iterate E and M from `params` until one of the four reasons to stop."""
        run: _Climb[P] = _Climb()
        try:
            while self._visit(run, params) and len(run.params) <= self.max_iter:
                params = self._leap(run, self.step(run.statistics))
        except (ArithmeticError, np.linalg.LinAlgError) as error:
            if not run.params:
                raise
            run.stop, run.message = StopReason.DEGENERATE, str(error)
        return run

    def _leap(self, run: _Climb[P], params: P) -> P:
        """`params`; or after two EM steps a leap beyond it, if higher, and the step from there."""
        if self.coordinates is None or run.since_leap % 3 or len(run.params) > self.max_iter:
            return params
        ahead = leap(self.coordinates, run.params[-2], run.params[-1], params, run.longest_leap)
        if ahead is None:
            return params
        further, length = ahead
        tried = self._tried(further, run.objective[-1])
        if tried is None:
            run.longest_leap = max(run.longest_leap / 2, FIRST_LEAP)
            return params
        if length == run.longest_leap:
            run.longest_leap *= 4
        statistics, objective, onward = tried
        run.leapt_at, run.beside = (*run.leapt_at, len(run.params)), params
        run.note(further, objective, statistics)
        return onward

    def _tried(self, params: P, lowest: float) -> tuple[S, float, P] | None:
        """E- and M-step where a leap led, unless that is lower or nowhere."""
        try:
            with np.errstate(all="ignore"):
                statistics, objective = self._evaluate(params)
                if lowest <= objective < np.inf:
                    return statistics, objective, self.step(statistics)
        except (ArithmeticError, ValueError, np.linalg.LinAlgError):
            pass
        self.n_steps += 1
        return None

    def _take_back(self, run: _Climb[P]) -> bool:
        """If the last point was a leap, visit the EM step in its place; whether to go on."""
        if not run.leapt_at or run.leapt_at[-1] < len(run.params) - 1:
            return False
        # From valid parameters EM cannot fall: the leap led out of the model, whatever its height.
        run.params.pop()
        run.objective.pop()
        run.leapt_at, run.longest_leap = run.leapt_at[:-1], FIRST_LEAP
        run.stop, run.message = StopReason.MAX_ITER, ""
        return self._visit(run, run.beside)

    def step(self, statistics: S) -> P:
        """One M-step, counted."""
        self.n_steps += 1
        if self.bar is not None:
            self.bar.update()
        return self.m_step(statistics)

    def _evaluate(self, params: P) -> tuple[S, float]:
        """E-step at `params`: statistics and objective."""
        statistics, objective = _pair(self.e_step(params, self.data))
        if self.log_prior is not None:
            objective += float(self.log_prior(params))
        return statistics, objective

    def _visit(self, run: _Climb[P], params: P) -> bool:
        """E-step at `params`, noted in `run`; whether to go on."""
        statistics, objective = self._evaluate(params)
        if run.params and not self._is_acceptable(run, objective):
            return self._take_back(run)
        run.note(params, objective, statistics)
        if self._has_arrived(run):
            run.stop = StopReason.CONVERGED
            return False
        run.message = f"stopped after {self.max_iter} iterations, before convergence"
        return bool(np.isfinite(objective))

    def _is_acceptable(self, run: _Climb[P], objective: float) -> bool:
        """Neither non-finite nor a fall; if it is, `run` keeps its last good point."""
        at = f"at iteration {len(run.params)}"
        fall = run.objective[-1] - objective
        if not np.isfinite(objective):
            run.stop = StopReason.DEGENERATE
            run.message = (
                f"the objective became {objective} {at}; the parameters before it are kept"
            )
        elif self.exact and fall > FALL_TOLERANCE * _scale(run.objective):
            run.stop = StopReason.OBJECTIVE_FELL
            run.message = (
                f"the objective fell by {fall:.3g} {at}; exact E- and M-steps cannot do that, "
                "so look for a mistake in one of them"
            )
        else:
            return True
        return False

    def _has_arrived(self, run: _Climb[P]) -> bool:
        """Both the last step and the estimated rest of the way are below `tol`."""
        if run.since_leap < 3:
            return False
        step, before = (run.objective[-i] - run.objective[-i - 1] for i in (1, 2))
        if not self.exact:  # then a step down is a step, too
            step, before = abs(step), abs(before)
        rounding = ROUNDING * _scale(run.objective)
        if step <= rounding:
            # No gain that floating point could show; a tiny fall is rounding too.
            run.message = "the steps are lost in rounding"
            return True
        run.remaining_gain = _aitken_gain(step, before)
        run.message = f"estimated remaining gain {run.remaining_gain:.1e}"
        # Differences of nearly equal numbers are noisy: take the largest gain they allow.
        largest = max(step, _aitken_gain(step + rounding, before - rounding))
        if run.leapt_at and run.since_leap == 3:
            # The leap shows what is to gain in directions in which steps are too slow to tell.
            largest = max(largest, run.objective[-1] - run.objective[-4])
        return largest <= self.tol


def _aitken_gain(step: float, step_before: float) -> float:
    """What is still to gain if steps go on shrinking by the same factor: a geometric series."""
    if step_before <= 0 or step >= step_before:
        return np.inf
    rate = step / step_before
    return step * rate / (1 - rate)


def _scale(objective: list[float]) -> float:
    """The size against which rounding in the objective is measured."""
    return max(1.0, abs(objective[-1]))


def _confirm(
    climber: _Climber[P, S], climb: _Climb[P], nudge: Nudge[S], rng: np.random.Generator
) -> tuple[_Climb[P], bool | None]:
    """Nudge the solution: EM must return to its value. If it ends higher, go on from there."""
    for _ in range(MAX_ESCAPES):
        same = max(2 * climber.tol, SAME_VALUE * _scale(climb.objective))
        confirmed = None
        for other in _nudged_climbs(climber, climb.statistics, nudge, rng):
            gain = other.objective[-1] - climb.objective[-1]
            if gain > same:
                climb = climb.then(other)
                break
            if gain >= -same:
                return climb, True
            confirmed = False
        else:
            return climb, confirmed
        if climb.stop is not StopReason.CONVERGED:
            break
    return climb, False


def _nudged_climbs(
    climber: _Climber[P, S], statistics: S, nudge: Nudge[S], rng: np.random.Generator
) -> Iterator[_Climb[P]]:
    """Climbs from smaller and smaller nudges; those that fail say nothing and are left out."""
    for size in NUDGE_SIZES:
        try:
            with np.errstate(all="ignore"):
                other = climber.climb(climber.step(nudge(statistics, rng, size)))
        except (ArithmeticError, ValueError, np.linalg.LinAlgError):
            continue
        if other.stop is StopReason.OBJECTIVE_FELL and climber.warn:
            warnings.warn(f"after a nudge, {other.message}", ObjectiveFellWarning, stacklevel=4)
        if other.stop not in WARNINGS and np.all(np.isfinite(other.objective)):
            yield other


def _result(climb: _Climb[P], confirmed: bool | None, n_steps: int) -> EMResult[P]:
    trace = Trace(tuple(climb.params), np.array(climb.objective), climb.nudged_at, climb.leapt_at)
    return EMResult(
        params=climb.params[-1],
        objective=climb.objective[-1],
        stop=climb.stop,
        message=climb.message,
        remaining_gain=climb.remaining_gain,
        confirmed=confirmed,
        trace=trace,
        n_steps=n_steps,
    )


def _mapped_e_step(
    e_step: Callable[[P, Any], tuple[S, float]],
    map_chunks: Callable[..., Iterable[Any]],
    params: P,
    chunks: Any,
) -> tuple[S, float]:
    """Statistics add: the E-step of all the data is the sum of the chunks' E-steps."""
    parts = map_chunks(partial(e_step, params), chunks)
    total: tuple[S, float] = reduce(add, (_pair(_waited_for(part)) for part in parts))
    return total


def _pair(returned: Any) -> tuple[Any, float]:
    """What an E-step returned, as statistics and a plain number."""
    try:
        statistics, log_likelihood = returned
        return statistics, float(log_likelihood)
    except (TypeError, ValueError) as error:
        raise TypeError(
            "e_step must return (statistics, log-likelihood), the second a single number"
        ) from error


def _waited_for(part: Any) -> Any:
    """The value of a future; anything else as it is."""
    return part.result() if hasattr(part, "result") else part


def _check_chunks(chunks: Any) -> None:
    """Every iteration must be able to go through the chunks again."""
    if iter(chunks) is chunks or not len(chunks):
        raise ValueError("with map, data must be a list of chunks, at least one: not a generator")


def _check_start(objective: float) -> None:
    if not np.isfinite(objective):
        raise ValueError(
            f"the objective at the start is {objective}: the start gives some data point no "
            "probability, or is not a valid parameter. Choose another start."
        )


def _check_settings(tol: float, max_iter: int) -> None:
    if not 0 <= tol < np.inf:
        raise ValueError(f"tol must be zero or positive, and finite, got {tol}")
    if int(max_iter) != max_iter or max_iter < 1:
        raise ValueError(f"max_iter must be a whole number, at least 1, got {max_iter}")
