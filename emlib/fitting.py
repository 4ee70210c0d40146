"""A model bound to its data: what comes between the steps of a model and its estimator.

EM works in standard units, so that no digits are lost to a far mean or to odd units, and results
come back in the user's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, TypeVar

from scipy.optimize import linear_sum_assignment

from emlib.em import Nudge, Visitor, maximise, progress_bar
from emlib.results import DegenerateWarning, EMResult, StopReason
from emlib.squarem import Coordinates
from emlib.types import Array, Generator, Integers

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
        How much less the log-likelihood is in the user's units.
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

    def climb(self, start: P, model: Any, rng: Generator) -> EMResult[P]:
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
        return replace(
            result, stop=StopReason.DEGENERATE, message=message, warning=DegenerateWarning
        )

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
