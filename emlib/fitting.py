"""From data and settings to fits: what `GaussianMixture.fit` does, in pure functions.

EM runs on centred, scaled data, so that no digits are lost to a far mean or to odd units, and
results come back in the units of the data.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.special import softmax
from sklearn.exceptions import ConvergenceWarning

from emlib import mixture
from emlib.blocks import Blocks
from emlib.covariances import FORMS, Full, Gaussians
from emlib.em import WARNINGS, DegenerateError, EMResult, StopReason, em
from emlib.gaussian import GaussianStatistics
from emlib.mixture import MixtureParams
from emlib.priors import BoundPrior
from emlib.settings import inverses, shares
from emlib.squarem import Coordinates
from emlib.starts import STARTS
from emlib.units import Units
from emlib.validation import check_spread, listed, shaped

P = TypeVar("P")
Array = NDArray[np.float64]
# A component whose responsibilities sum to less than this has no points to speak of.
EMPTY = 1e-3
# The share of the points that a component gets which has none at all.
REVIVED = 1e-12


@dataclass(frozen=True, eq=False)
class Problem:
    """Data in standard units, and the M-step that the settings ask for.

    Attributes
    ----------
    model : GaussianMixture
        Whose settings are meant; nothing of it is changed.
    data : Blocks
    family : Gaussians
    prior : BoundPrior, optional
    kept : ndarray of shape (N,), optional
        Which of the points given have a weight above zero; all if None.
    """

    model: Any
    data: Blocks
    family: Gaussians
    prior: BoundPrior | None
    kept: NDArray[np.bool_] | None = None

    @classmethod
    def of(cls, model: Any, x: NDArray[Any], weights: Array | None) -> Problem:
        """The settings of `model` and the checked data."""
        kept = None
        if weights is not None and not np.all(weights > 0):
            kept = weights > 0
            x, weights = x[kept], weights[kept]
        _check_enough(x, model.n_components)
        data = Blocks.standard(x, weights, common=model.covariance_type == "spherical")
        family = family_of(model, data.units)
        prior = model.prior and model.prior.bound(data, model.n_components, family)
        return cls(model, data, family, prior, kept)

    @property
    def m_step(self) -> Callable[[Any], MixtureParams]:
        """Maximum likelihood, or a posteriori."""
        m_step: Callable[[Any], MixtureParams] = partial(mixture.m_step, family=self.family)
        if self.prior is not None:
            m_step = self.prior.m_step
        return partial(_m_step, family=self.family, m_step=m_step)

    def fit_all(
        self, known: MixtureParams | None, rng: np.random.Generator
    ) -> list[EMResult[MixtureParams]]:
        """One climb per start; a start that cannot be used is passed over if another can."""

        def climb(number: int) -> EMResult[MixtureParams]:
            start = self._start(known if number == 0 else None, rng)
            result = name_collapsed(self._climb(start, rng), self.family, len(self.data.x))
            return self.data.units.restore_result(result, self.data.n, self.family)

        return all_climbs(self.model.n_init, climb)

    def _climb(self, start: MixtureParams, rng: np.random.Generator) -> EMResult[MixtureParams]:
        model, family = self.model, self.family
        leaps = coordinates(family, *start.means.shape) if model.accelerate else False
        return em(
            partial(mixture.e_step, family=family),
            self.m_step,
            start,
            self.data,
            tol=model.tol * self.data.n,
            max_iter=model.max_iter,
            log_prior=None if self.prior is None else self.prior.log_density,
            nudge=partial(mixture.nudge, family=family),
            accelerate=leaps,
            exact=not np.any(family.ridge),
            rng=rng,
            progress=bool(model.verbose),
            warn=False,  # what is wrong with the result that is kept, the estimator says
        )

    def _start(self, known: MixtureParams | None, rng: np.random.Generator) -> MixtureParams:
        """The first parameters, in standard units: explicit where given, and above the floor."""
        given, r = self._given(), self._given_responsibilities()
        if known is not None and known.means.shape == (self.model.n_components, self.data.shape[1]):
            start = self.data.units.standardise_params(known, self.family)
        elif len(given) == 3:
            start = MixtureParams(**given)
        else:
            start = self._drawn(r, rng)._replace(**given)
        return start._replace(covariances=self.family.floored(start.covariances))

    def _given(self) -> dict[str, Array]:
        """The explicit parts of the start, in standard units."""
        model, units = self.model, self.data.units
        d, k = self.data.shape[1], model.n_components
        weights = shares("weights_init", model.weights_init, (k,))
        means = shaped("means_init", model.means_init, (k, d))
        kind = model.covariance_type
        covariances = inverses("precisions_init", model.precisions_init, kind, k, d)
        given = {}
        if weights is not None:
            given["weights"] = weights
        if means is not None:
            given["means"] = units.standardise(means)
        if covariances is not None:
            given["covariances"] = self.family.rescaled(covariances, units.per_scale)
        return given

    def _given_responsibilities(self) -> Array | None:
        """Those of the points that count; a point of weight zero does not."""
        given = self.model.responsibilities_init
        n = len(self.data.x if self.kept is None else self.kept)
        r = shares("responsibilities_init", given, (n, self.model.n_components))
        return r if r is None or self.kept is None else r[self.kept]

    def _drawn(self, r: Array | None, rng: np.random.Generator) -> MixtureParams:
        """An M-step from given or drawn responsibilities."""
        if r is None:
            x = self.data.units.standardise(self.data.x)
            r = STARTS[self.model.init_params](x, self.model.n_components, rng, self.data.weights)
        return self.m_step(mixture.statistics(r, self.data, self.family))


def all_climbs(n: int, climb: Callable[[int], EMResult[P]]) -> list[EMResult[P]]:
    """The results of `n` climbs, by number; one that cannot begin is passed over if another can."""
    results, failure = [], DegenerateError()
    for number in range(n):
        try:
            results.append(climb(number))
        except DegenerateError as error:
            failure = error
    if not results:
        raise failure
    return results


def warn_of(result: EMResult[Any], advice: str) -> None:
    """Warn of a result that is not to be trusted, in the line that called the caller."""
    if result.stop in WARNINGS:
        warnings.warn(result.message, WARNINGS[result.stop], stacklevel=3)
    elif not result.converged:
        warnings.warn(f"{result.message}. {advice}", ConvergenceWarning, stacklevel=3)


def _m_step(
    statistics: GaussianStatistics, family: Gaussians, m_step: Callable[[Any], MixtureParams]
) -> MixtureParams:
    """The M-step; a component without any point starts anew, wide and nearly empty.

    Its share is too small to be seen in the likelihood, until it finds points of its own.
    """
    dead = ~(statistics.n > 0)
    if np.any(dead):
        k, d = statistics.sum_x.shape
        unit = np.eye(d) if isinstance(family, Full) else 1.0
        seeds = REVIVED * statistics.n.sum() * dead
        covariances = np.broadcast_to(unit, family.shape(k, d))
        statistics = statistics + family.expected(seeds, np.zeros((k, d)), covariances)
    return m_step(statistics)


def family_of(model: Any, units: Units) -> Gaussians:
    """The covariance type of `model`, with its floor or its ridge, in standard units."""
    if model.reg_covar is None:
        return FORMS[model.covariance_type](floor=float(model.covariance_floor))
    return FORMS[model.covariance_type](ridge=model.reg_covar * units.per_scale**2)


def coordinates(family: Gaussians, k: int, d: int) -> Coordinates:
    """Mixtures as vectors of any numbers: logarithms of the weights, means, log-roots."""

    def to_vector(params: MixtureParams) -> Array:
        roots = family.log_roots(params.covariances)
        return np.concatenate([np.log(params.weights), params.means.ravel(), roots.ravel()])

    def from_vector(vector: Array) -> MixtureParams:
        weights, means, roots = np.split(vector, [k, k + k * d])
        covariances = family.from_log_roots(roots.reshape(family.shape(k, d)))
        return MixtureParams(softmax(weights), means.reshape(k, d), family.floored(covariances))

    return Coordinates(to_vector, from_vector)


def rank(result: EMResult[Any]) -> tuple[bool, bool, float]:
    """A degenerate solution's likelihood is not comparable: any other is better."""
    sound = result.stop is not StopReason.DEGENERATE
    return sound, result.stop is not StopReason.OBJECTIVE_FELL, result.objective


def name_collapsed(
    result: EMResult[MixtureParams], family: Gaussians, n: int
) -> EMResult[MixtureParams]:
    """Call the result degenerate if a component rests on the floor or is empty, and say which."""
    empty = np.flatnonzero(n * result.params.weights < EMPTY)
    message = collapse(result.params.covariances, family)
    if len(empty):
        message = f"component {listed(empty)} has lost all its points. Use fewer components."
    if message is None:
        return result
    return replace(result, stop=StopReason.DEGENERATE, message=message)


def collapse(covariances: Array, family: Gaussians, part: str = "component") -> str | None:
    """What to say if covariances rest on the floor; None if they do not."""
    narrowest, widest = family.extremes(covariances)
    rounding = 4 * np.finfo(float).eps * widest
    on_floor = np.flatnonzero(narrowest <= family.floor * (1 + 1e-6) + rounding)
    if not len(on_floor):
        return None
    which = "the covariance" if family.tied else f"{part} {listed(on_floor)}"
    return (
        f"{which} has collapsed onto too few or identical points, or "
        "onto features that depend linearly on each other: its covariance rests on the floor "
        f"and its likelihood says nothing. Use fewer {part}s, more starts (n_init), a prior, "
        "or drop duplicate features. If it really is that narrow, lower covariance_floor."
    )


def aligned(
    result: EMResult[MixtureParams], best: EMResult[MixtureParams], problem: Problem
) -> EMResult[MixtureParams]:
    """The result with its components in the order in which they claim the best result's points."""
    if result is best:
        return result
    claims = (
        mixture.responsibilities(r.params, problem.data.x, problem.family) for r in (best, result)
    )
    ours, theirs = claims
    order = linear_sum_assignment(ours.T @ theirs, maximize=True)[1]
    relabel = partial(mixture.relabelled, order=order, family=problem.family)
    trace = replace(result.trace, params=tuple(relabel(p) for p in result.trace.params))
    return replace(result, params=trace.params[-1], trace=trace)


def _check_enough(x: NDArray[Any], n_components: int) -> None:
    n = len(x)
    if n < 2:
        raise ValueError(f"n_samples={n}: one point has no spread. At least two are needed.")
    if n_components > n:
        raise ValueError(f"n_components={n_components} is more than n_samples={n}: use fewer.")
    check_spread(x)
