"""The one EM loop of the book: every model, from two coins to images, runs through `em`.

A model is two pure functions:

    e_step(params, data) -> (expected statistics, log-likelihood)
    m_step(statistics)   -> params

`steps` alternates them, and `climb` follows the steps until there is a reason to stop. `maximise`
climbs from a start, and makes sure that the end is a maximum and not a saddle. `em` is all that,
for everyone to call.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial, reduce
from itertools import islice
from typing import Any, Generic, TypeVar

import numpy as np
from tqdm import tqdm

from emlib import validation as check
from emlib.results import (
    FAILURES,
    FALL_TOLERANCE,
    WARNINGS,
    DegenerateError,
    EMResult,
    Interrupted,
    ObjectiveFellWarning,
    StopReason,
    Trace,
    Visit,
)
from emlib.squarem import Coordinates, leaps
from emlib.trees import add, leaves, map_leaves, parts
from emlib.types import Generator
from emlib.wording import shown

P = TypeVar("P")
S = TypeVar("S")
Nudge = Callable[[S, Generator, float], S]


def steps(
    visit: Callable[[P], Visit[P, S]], m_step: Callable[[S], P], point: Visit[P, S]
) -> Iterator[Visit[P, S]]:
    """EM from `point` on: every point that it visits, without end."""
    while True:
        yield point
        params = m_step(point.statistics)  # the M-step
        point = visit(params)  # the E-step


def climb(
    points: Iterator[Visit[P, S]], tol: float, max_iter: int, exact: bool = True
) -> Path[P, S]:
    """Follow the points until there is a reason to stop; a bad point is left out of the path."""
    path: Path[P, S] = Path()
    try:
        for i, point in enumerate(islice(points, max_iter + 1)):
            if not np.isfinite(point.objective):
                return path.ended(
                    StopReason.DEGENERATE,
                    f"the objective became {point.objective} at iteration {i}; the parameters "
                    "before it are kept",
                )
            before = path.objective[-1] if i else -np.inf
            if exact and before - point.objective > FALL_TOLERANCE * max(1.0, abs(before)):
                path.fall = before - point.objective
                return path.ended(
                    StopReason.OBJECTIVE_FELL,
                    f"the objective fell by {path.fall:.3g} at "
                    f"iteration {i}; exact E- and M-steps cannot do that, so look for a mistake "
                    "in one of them; or e_step returns something other than the log-likelihood at "
                    "its params, such as Q; or one of m_step and log_prior has a prior that the "
                    "other has not",
                )
            path.add(point)
            path.remaining_gain, largest = gains_to_come(path, exact)
            if largest <= tol:
                return path.ended(
                    StopReason.CONVERGED, f"estimated remaining gain {path.remaining_gain:.1e}"
                )
    except DegenerateError as error:
        return path.ended(StopReason.DEGENERATE, str(error))
    except (ArithmeticError, np.linalg.LinAlgError) as error:
        return path.ended(
            StopReason.DEGENERATE,
            f"{type(error).__name__} after iteration {len(path.objective) - 1}: {error}",
        )
    except KeyboardInterrupt:
        return path.ended(
            StopReason.INTERRUPTED, f"interrupted after {len(path.objective) - 1} iterations"
        )
    return path.ended(
        StopReason.MAX_ITER, f"stopped after {max_iter} iterations, before convergence"
    )


ROUNDING = 2 * np.finfo(float).eps
NOISE = 1e-12  # a sum over many data may fall by this share of itself without a mistake


def gains_to_come(path: Path[P, S], exact: bool) -> tuple[float, float]:
    """Aitken's estimate of what the objective will still gain, and the most that it may gain.

    If steps go on shrinking by the same factor, what is left is a geometric series (Boehning et
    al. 1994, Ann. Inst. Stat. Math. 46, 373-388). With fewer than two steps there is no telling.
    """
    since_leap = len(path.objective) - max((0, *path.leapt_at))
    if since_leap < 3:
        return path.remaining_gain, np.inf
    step, before = (path.objective[-i] - path.objective[-i - 1] for i in (1, 2))
    if not exact:  # then a step down is a step, too
        step, before = abs(step), abs(before)
    size = max(1.0, abs(path.objective[-1]))
    rounding = ROUNDING * size
    if step < -NOISE * size:  # a fall is no sign that the top is near
        return np.inf, np.inf
    if step <= rounding:  # as far as floating point can tell; a tiny fall is rounding too
        return 0.0, 0.0
    # Differences of nearly equal numbers are noisy: take the largest gain they allow.
    largest = max(step, geometric_rest(step + rounding, before - rounding))
    if path.leapt_at and since_leap == 3:
        # The leap shows what there is to gain in directions in which steps are too slow to tell.
        largest = max(largest, path.objective[-1] - path.objective[-4])
    return geometric_rest(step, before), largest


def geometric_rest(step: float, before: float) -> float:
    """The sum of all steps to come if each is to the one before it as `step` is to `before`."""
    if before <= 0 or step >= before:
        return np.inf
    rate = step / before
    return step * rate / (1 - rate)


NUDGE_SIZES = (0.3, 0.1, 0.03)
MAX_ESCAPES = 20
# Bytes (32 MiB) of the parameters on a path that are kept.
PATH_MEMORY = 2**25
SAME_VALUE = 1e-9


def maximise(
    visit: Visitor[P, S],
    m_step: Callable[[S], P],
    params: P,
    *,
    tol: float,
    max_iter: int,
    nudge: Nudge[S] | None,
    rng: Generator,
    coordinates: Coordinates | None = None,
    exact: bool = True,
) -> EMResult[P]:
    """Climb from `params`, and on from every saddle, to a maximum, without warnings.

    Those are left to the caller: see `EMResult.warning`.

    Parameters
    ----------
    visit : Visitor
        The E-step, bound to the data.
    m_step, params, tol, max_iter, rng
        As in `em`.
    nudge : callable, optional
        As in `em`; None to leave the end unconfirmed.
    coordinates : Coordinates, optional
        In which SQUAREM leaps; None for EM alone.
    exact : bool
        False if the steps only approximate E and M, so that a falling objective is no mistake.
    """

    def climb_from(params: P) -> Path[P, S]:
        with np.errstate(all="ignore"):  # one error about an impossible start says enough
            point = visit(params)
        if not np.isfinite(point.objective):
            raise ValueError(
                f"the objective at the start is {point.objective}: the start gives some data point "
                "no probability, or is not a valid parameter. Choose another start."
            )
        walk = partial(steps, visit, m_step)
        points = walk(point)
        if coordinates is not None:
            points = leaps(walk, visit, m_step, point, coordinates, exact)
        return climb(points, tol, max_iter, exact)

    def climb_nudged(statistics: S, size: float) -> Path[P, S] | None:
        assert nudge is not None
        try:
            with np.errstate(all="ignore"):
                path = climb_from(m_step(nudge(statistics, rng, size)))
        except FAILURES:
            return None
        except KeyboardInterrupt:
            return Path[P, S]().ended(StopReason.INTERRUPTED, "")
        # Where a nudge leads, a covariance may rest on its floor and leave only half of the digits.
        if path.stop is StopReason.OBJECTIVE_FELL and path.fall > tol:
            falls.append(path.fall)
        return None if path.stop in WARNINGS else path

    falls: list[float] = []
    path, confirmed = climb_from(params), None
    if nudge is not None and path.stop is StopReason.CONVERGED:
        path, confirmed = confirm(path, climb_nudged, tol)
    message = path.message
    if falls:
        message += (
            f"; but after a nudge of the statistics, the objective fell by {max(falls):.3g}: a "
            "step has a mistake; or from nudged statistics the M-step makes invalid parameters, "
            "such as weights that do not sum to one. Then let it normalise them, or give a nudge"
        )
    return EMResult(
        params=path.params[-1],
        objective=path.objective[-1],
        stop=path.stop,
        message=message,
        remaining_gain=path.remaining_gain,
        confirmed=confirmed,
        warning=WARNINGS.get(path.stop, ObjectiveFellWarning if falls else None),
        trace=Trace(tuple(path.params), np.array(path.objective), path.nudged_at, path.leapt_at),
        n_steps=len(visit.objectives) - 1,  # the first visit took no step
    )


def confirm(
    path: Path[P, S], climb_nudged: Callable[[S, float], Path[P, S] | None], tol: float
) -> tuple[Path[P, S], bool | None]:
    """Nudge the end of the path: EM must return to its value. If it ends higher, go on from there.

    Smaller nudges follow where a larger one leads lower, or nowhere. An end that was not nudged
    itself is neither confirmed nor refused: its climb ran out of iterations, or it was the last of
    too many.
    """
    for _ in range(MAX_ESCAPES):
        same = max(2 * tol, SAME_VALUE * max(1.0, abs(path.objective[-1])))
        confirmed = None
        for size in NUDGE_SIZES:
            other = climb_nudged(path.statistics, size)
            if other is None:
                continue
            if other.stop is StopReason.INTERRUPTED:
                return path.ended(other.stop, "interrupted while the end was confirmed"), None
            gain = other.objective[-1] - path.objective[-1]
            if gain > same:
                path = path.then(other)
                break
            if gain >= -same:
                return path, True
            if other.stop is StopReason.CONVERGED:  # else it was only not given the time
                confirmed = False
        else:
            return path, confirmed
        if path.stop is not StopReason.CONVERGED:
            break
    return path, None


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
    map: Callable[..., Iterable[Any]] | None = None,  # noqa: A002 - it is a map
    rng: Generator | None = None,
    progress: bool = False,
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
        the last step and Aitken's estimate of what is still to be gained are below it.
    max_iter : int
        The most EM iterations of one climb: the first, and each that follows a nudge. With 0, the
        result is the start.
    log_prior : callable params -> float, optional
        For MAP estimates: added to the log-likelihood to form the objective. `m_step` must then
        maximise the expected log-likelihood plus this.
    nudge : callable (statistics, rng, size) -> statistics, optional
        How to perturb the statistics for the confirmation; `size` is relative.
        The default multiplies every entry but Python's `int` by a random factor near one.
    confirm : bool
        Whether to nudge the solution and see that EM returns to it. A saddle, where EM
        stays for ever, is nearly always left that way. Costs a second, short climb.
    accelerate : bool or Coordinates
        Whether to leap ahead along the path of the steps (SQUAREM). A leap that leads lower, or
        nowhere, is not taken. `Coordinates` show the parameters as a vector that may take any
        values; True takes their numbers as they are, and no leap makes one negative that was not,
        or takes one out of the range from 0 to 1 that was in it.
    map : callable (function, chunks) -> iterable, optional
        What runs the E-step over a list of chunks: the built-in `map`, an executor's
        or a Dask client's. The chunks' statistics are added. Futures are waited for.
    rng : numpy.random.Generator, optional
        Source of the nudges; by default a fixed one, so that `em` is deterministic.
    progress : bool
        Whether to show a progress bar.

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
    check.size("tol", tol)
    check.count("max_iter", max_iter, 0)
    steps_given = {"e_step": e_step, "m_step": m_step}
    may_be_none = {"log_prior": log_prior, "nudge": nudge, "map": map}
    for name, step in (steps_given | may_be_none).items():
        if not callable(step) and not (step is None and name in may_be_none):
            raise TypeError(f"{name} must be a function, got {step!r}")
    if rng is not None:
        check.generator(rng)
    check.kind("accelerate", accelerate, bool | Coordinates, "True, False or Coordinates")
    for leaf in leaves(params) if accelerate is True else ():
        if np.asarray(leaf).dtype.kind not in "biuf":
            raise TypeError(
                f"with accelerate=True parameters must be numbers, got {shown(leaf)} among them: "
                "give Coordinates in its place"
            )
    if map is not None and (isinstance(data, np.ndarray) or iter(data) is data or not len(data)):
        raise ValueError(
            "with map, data must be a list of chunks, at least one: not a generator, and not an "
            "array, of which np.array_split(data, n) makes a list"
        )
    if map is None:
        e_step = Watched("e_step", e_step)
    coordinates = accelerate if isinstance(accelerate, Coordinates) else None
    if accelerate is True:  # numbers as they are
        coordinates = Coordinates.of(params)._replace(keep_ranges=True)
    with progress_bar(progress) as bar:
        visit: Visitor[P, S] = Visitor(e_step, data, log_prior, bar, map)
        result = maximise(
            visit,
            Watched("m_step, or e_step," if map else "m_step", m_step, [snapshot(params)]),
            params,
            tol=tol,
            max_iter=max_iter,
            nudge=(nudge or relative_nudge) if confirm else None,
            rng=rng or np.random.default_rng(0),
            coordinates=coordinates,
        )
    if result.stop is StopReason.INTERRUPTED:
        raise Interrupted(result)
    if result.warning is not None:
        warnings.warn(result.message, result.warning, stacklevel=2)
    if result.converged and (oddity := visit.oddity(result.trace)):
        result = replace(result, message=result.message + oddity, confirmed=None)
    return result


def relative_nudge(statistics: S, rng: Generator, size: float) -> S:
    """Multiply every entry of the statistics by a random factor near one.

    An `int` among entries that are not all whole numbers stays as it is: it is a size.

    Right for counts and other non-negative sums. A model with sums that constrain each other
    (a Gaussian's first and second moments), or that may be zero, passes a nudge of its own.
    """
    are_counts = all(isinstance(leaf, int | str) for leaf in leaves(statistics))

    def shaken(leaf: Any) -> Any:
        if isinstance(leaf, bool | str) or (isinstance(leaf, int) and not are_counts):
            return leaf
        values = np.asarray(leaf)
        if not np.issubdtype(values.dtype, np.number):
            raise TypeError(f"statistics must be numbers or arrays, got {leaf!r}; or pass a nudge")
        return leaf * np.exp(size * rng.standard_normal(values.shape))

    return map_leaves(shaken, statistics)


@dataclass
class Visitor(Generic[P, S]):
    """The E-step bound to its data: statistics and objective at the parameters it is called with.

    Attributes
    ----------
    e_step, data, log_prior, map
        As in `em`.
    bar : object, optional
        A progress bar, to be moved on by every visit.
    unit : float
        By what the objective is divided.
    objectives : list of float
        Those at all visits so far.
    """

    e_step: Callable[[P, Any], tuple[S, float]]
    data: Any
    log_prior: Callable[[P], float] | None = None
    bar: Any = None
    map: Callable[..., Iterable[Any]] | None = None
    unit: float = 1.0
    objectives: list[float] = field(default_factory=list)

    def __call__(self, params: P) -> Visit[P, S]:
        """E-step at `params`, of all the data or chunk by chunk: statistics add."""
        if self.bar is not None:
            self.bar.update()
        if self.map is None:
            statistics, objective = as_pair(self.e_step(params, self.data))
        else:
            statistics, objective = reduce(add, self.chunks(params))
        if self.log_prior is not None:
            log_prior: Any = self.log_prior(params)
            try:
                objective += float(log_prior)
            except (TypeError, ValueError):
                raise TypeError(
                    f"log_prior must return a single number, got {log_prior!r}"
                ) from None
        objective /= self.unit
        self.objectives.append(objective)
        return Visit(params, statistics, objective)

    def oddity(self, trace: Trace[P]) -> str | None:
        """What to say if the objectives at all visits do not look like those of data, or None."""
        seen = set(self.objectives)
        is_odd = len(seen) == 1 or all(value.is_integer() for value in seen)
        if not is_odd or not differ(trace.params[0], trace.params[-1]):
            return None
        found = f"exactly {seen.pop():g}" if len(seen) == 1 else "a whole number"
        return (
            f"; but the objective was {found} at all {len(self.objectives)} visits, although the "
            "parameters changed: does e_step return the log-likelihood at its params, unrounded?"
        )

    def chunks(self, params: P) -> Iterator[tuple[S, float]]:
        """What the E-step says about each chunk; an error says which, and none may be lost."""
        assert self.map is not None
        count = 0
        try:
            for returned in self.map(partial(self.e_step, params), self.data):
                yield as_pair(returned)
                count += 1
        except Exception as error:
            error.add_note(f"This happened in the E-step of chunk {count} of {len(self.data)}.")
            raise
        if count != len(self.data):
            raise ValueError(f"map returned {count} results for {len(self.data)} chunks")


@dataclass
class Watched:
    """A step of EM whose first two calls are watched: it may write into nothing that it was given.

    Attributes
    ----------
    name : str
    step : callable
    kept : list, optional
        Snapshots of what it may not change later either, to which those of what it returns are
        added: the M-step's parameters, which the trace keeps.
    """

    name: str
    step: Callable[..., Any]
    kept: list[tuple[Any, dict[Any, bytes]]] | None = None
    calls: int = 0

    def __call__(self, argument: Any, *rest: Any) -> Any:
        """The step itself, or a ValueError if it changes what it should not."""
        if self.calls == 2:
            return self.step(argument, *rest)
        self.calls += 1
        tables = (x for x in rest if isinstance(x, np.ndarray) and x.nbytes <= PATH_MEMORY)
        given = [*(self.kept or []), *map(snapshot, (argument, *tables))]
        returned = self.step(argument, *rest)
        for tree, before in given:
            if not before.items() <= contents(tree).items():
                raise ValueError(
                    f"{self.name} writes into an array that it was given, or has returned before, "
                    "so that parameters and objective no longer belong together: let it return new "
                    "arrays, as np.copy makes them"
                )
        if self.kept is not None:
            self.kept.append(snapshot(returned))
        return returned


def snapshot(tree: Any) -> tuple[Any, dict[Any, bytes]]:
    """A tree, and the numbers in its leaves as they are now."""
    return tree, contents(tree)


def contents(tree: Any, place: tuple[Any, ...] = ()) -> dict[Any, bytes]:
    """The numbers in the leaves of a tree, by their place in it, and how many parts lists have."""
    found = parts(tree)
    if found is None:
        values = np.asarray(tree)
        if values.dtype == object and values is not tree:
            # A table with a column of words makes objects anew: not where they are, what they say.
            return {place: repr(values.tolist()).encode()}
        return {place: values.tobytes()}
    # A dict that has defaults may be longer once it has been read.
    size = {} if isinstance(tree, dict) else {place: bytes(len(found))}
    each = (contents(part, (*place, name)) for name, (part,) in found.items())
    return size | {here: values for leaf in each for here, values in leaf.items()}


def differ(params: Any, others: Any) -> bool:
    """Whether two trees of parameters differ by more than rounding explains."""
    pairs = zip(leaves(params), leaves(others), strict=False)
    try:
        return any(not np.allclose(a, b, rtol=1e-6, atol=0, equal_nan=True) for a, b in pairs)
    except (TypeError, ValueError):  # of another kind than numbers
        return False


def as_pair(returned: Any) -> tuple[Any, float]:
    """What an E-step returned, or promised for later, as statistics and a plain number."""
    pair = returned.result() if hasattr(returned, "result") else returned
    try:
        statistics, log_likelihood = pair
        return statistics, float(log_likelihood)
    except (TypeError, ValueError) as error:
        raise TypeError(
            "e_step must return (statistics, log-likelihood), the second a single number"
        ) from error


def progress_bar(shown: bool) -> Any:
    """A context with a bar that counts iterations; with None if it is not to be shown."""
    # Even a disabled bar starts a thread, so there is none.
    return tqdm(unit=" iterations") if shown else nullcontext()


@dataclass
class Path(Generic[P, S]):
    """The points of one climb, with those of any climbs that a nudge has added to it.

    Attributes
    ----------
    params : list
        Those of every point; of a path on which they would take more than `PATH_MEMORY`, of its
        start and its end.
    objective : list of float
        That of every point.
    size : int
        Of the parameters of one point, in bytes.
    statistics : S
        Of the last point only: those of all points would fill the memory.
    nudged_at, leapt_at : tuple of int
        Points that were reached by a nudge, and by a leap.
    stop, message, remaining_gain
        As in `EMResult`.
    fall : float
        By how much the objective fell, if that is why it stopped.
    """

    params: list[P] = field(default_factory=list)
    objective: list[float] = field(default_factory=list)
    size: int = 0
    statistics: Any = None
    nudged_at: tuple[int, ...] = ()
    leapt_at: tuple[int, ...] = ()
    stop: StopReason = StopReason.MAX_ITER
    message: str = ""
    remaining_gain: float = np.inf
    fall: float = 0.0

    def add(self, point: Visit[P, S]) -> None:
        """Add a point to the end."""
        if point.leapt:
            self.leapt_at = (*self.leapt_at, len(self.objective))
        if not self.objective:
            self.size = sum(np.asarray(leaf).nbytes for leaf in leaves(point.params))
        self.params.append(point.params)
        self.objective.append(point.objective)
        self.statistics = point.statistics
        self._forget()

    def _forget(self) -> None:
        """Keep no parameters but those of the start and the end, if all were too many."""
        if self.size * len(self.objective) > PATH_MEMORY:
            del self.params[1:-1]

    def ended(self, stop: StopReason, message: str) -> Path[P, S]:
        """The path, with the reason why it ends here."""
        self.stop, self.message = stop, message
        return self

    def then(self, other: Path[P, S]) -> Path[P, S]:
        """The path, and after a nudge the other."""
        n = len(self.objective)
        path = replace(
            other,
            params=self.params + other.params,
            objective=self.objective + other.objective,
            nudged_at=(*self.nudged_at, n),
            leapt_at=(*self.leapt_at, *(n + i for i in other.leapt_at)),
        )
        path._forget()
        return path
