"""What EM finds: the path it took, where and why it stopped, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Generic, TypeVar

from emlib.types import Array

P = TypeVar("P")
S = TypeVar("S")
# As a share of the objective: a fall by less is rounding.
FALL_TOLERANCE = 1e-8
# What steps may raise where EM itself does not lead: beside the path, or after a leap.
FAILURES = (ArithmeticError, AssertionError, RuntimeError, ValueError)


class StopReason(Enum):
    """Why the loop stopped."""

    CONVERGED = "converged"
    MAX_ITER = "iteration limit"
    OBJECTIVE_FELL = "objective fell"
    DEGENERATE = "degenerate"
    INTERRUPTED = "interrupted"


class DegenerateError(ArithmeticError, ValueError):
    """Raised by a model's step when the parameters or statistics it was given are not usable."""


class ImpossibleError(DegenerateError):
    """Raised for data that a model cannot have produced: their log-likelihood is minus infinity.

    Its `row` is that of the data, if there is one that no component can have produced.
    """

    def __init__(self, message: str, row: int = -1) -> None:
        super().__init__(message)
        self.row = row


class Interrupted(KeyboardInterrupt):
    """Raised after Ctrl-C; its `result`, an EMResult, has the path so far.

    Estimators also keep it, as `result_`.
    """

    def __init__(self, result: EMResult[Any]) -> None:
        super().__init__(f"{result.message}; the path so far is in `result`")
        self.result = result


class DegenerateWarning(RuntimeWarning):
    """The fit ended at a solution that says more about the method than about the data."""


class ObjectiveFellWarning(RuntimeWarning):
    """The objective fell, which exact E- and M-steps cannot do: a step has a bug."""


WARNINGS = {
    StopReason.OBJECTIVE_FELL: ObjectiveFellWarning,
    StopReason.DEGENERATE: DegenerateWarning,
}


@dataclass(frozen=True, eq=False)
class Visit(Generic[P, S]):
    """A point on EM's path: parameters, and what the E-step says about them.

    Attributes
    ----------
    params : P
    statistics : S
        The expected sufficient statistics at `params`.
    objective : float
        Log-likelihood (plus log-prior) at `params`.
    leapt : bool
        Whether a leap of SQUAREM led here, and not an EM step.
    """

    params: P
    statistics: S
    objective: float
    leapt: bool = False


@dataclass(frozen=True, eq=False)
class Trace(Generic[P]):
    """What EM visited, in order.

    Attributes
    ----------
    params : tuple of P
        The parameters at every iteration; the start is number 0. Of a path on which they would
        take more than 32 MiB, and in pickles and copies of estimators, only those at its start
        and its end.
    objective : ndarray of shape (n_iter + 1,)
        The objective (log-likelihood, plus log-prior if there is one) at each of them.
        A nudge off a saddle counts as an iteration.
    nudged_at : tuple of int
        Iterations reached by a nudge off a saddle and not by an EM step: only there
        may the objective be lower than the one before.
    leapt_at : tuple of int
        Iterations reached by a leap of SQUAREM.
    """

    params: tuple[P, ...] = field(repr=False)
    objective: Array = field(repr=False)
    nudged_at: tuple[int, ...] = ()
    leapt_at: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.objective)


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
        True: nudged away, EM came back to the same value; from a saddle it hardly ever does.
        False: it did not come back. None: not checked, or no nudge made sense.
    trace : Trace
        Parameters and objective at every iteration.
    n_steps : int
        Steps taken in all, including those of the confirmation and leaps that led nowhere.
    warning : type of Warning or None
        What kind of warning this end deserves; its words are the `message`.
    """

    params: P
    objective: float
    stop: StopReason
    message: str
    remaining_gain: float
    confirmed: bool | None
    trace: Trace[P] = field(repr=False)
    n_steps: int
    warning: type[Warning] | None = field(default=None, repr=False)

    @property
    def converged(self) -> bool:
        """Whether the stopping rule was met."""
        return self.stop is StopReason.CONVERGED

    @property
    def n_iter(self) -> int:
        """Number of iterations from the start to `params`, including any nudge off a saddle."""
        return len(self.trace) - 1

    def without_path(self) -> EMResult[P]:
        """The result with the parameters of its start and its end only."""
        params = self.trace.params
        return replace(self, trace=replace(self.trace, params=params[:1] + params[1:][-1:]))
