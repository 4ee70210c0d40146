"""Maximum a posteriori estimates of mixtures: conjugate priors as points already seen.

Statistics add, so a conjugate prior is a few more of them: the M-step stays the one it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self, cast

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import xlogy

from emlib import validation as check
from emlib.covariances import Gaussians, log_normalisers, precisions, whiten
from emlib.families import Family, Sums
from emlib.gaussian import LOG_2PI, GaussianStatistics
from emlib.mixture.blocks import Blocks
from emlib.mixture.steps import MixtureParams, Params, statistics
from emlib.trees import leaves
from emlib.types import Array

# The logarithm of the smallest probability that has all digits.
LOWEST = float(np.log(np.finfo(float).tiny))


@dataclass(frozen=True, eq=False)
class Prior:
    """Dirichlet prior on the weights, normal-inverse-Wishart on means and covariances.

    What is None is taken from the data, as Fraley and Raftery (2007, J. Classif. 24, 155-181)
    do. That is enough to keep components from collapsing, unless the data's own covariance is
    singular (features that depend on each other, or as many as points): then give a `scale`.

    In effect it adds 2 D + 4 points to each full covariance (D + 5 to a diagonal one), with the
    spread of one. With few features that is weak. With many it is not, and variances come out too
    small: a `scale` that many times as large as the data's covariance pulls them towards that.

    Attributes
    ----------
    weight_concentration : float
        Of the Dirichlet, at least 1; the prior counts for that many points, less one, per
        component.
    mean : array of shape (D,), optional
        Of the means; by default that of the data.
    mean_precision : float
        How many points the prior on a mean counts for.
    degrees_of_freedom : float, optional
        Of the inverse Wishart, above D - 1; by default D + 2.
    scale : array, optional
        Scale matrix of the inverse Wishart, (D, D); variances (D,) or a number where covariances
        are diagonal or spherical. By default the data's covariance over K^(2/D).
    """

    weight_concentration: float = 1.0
    mean: ArrayLike | None = None
    mean_precision: float = 0.01
    degrees_of_freedom: float | None = None
    scale: ArrayLike | None = None

    def __post_init__(self) -> None:
        for name in ("weight_concentration", "mean_precision"):
            check.size(name, getattr(self, name))
        if self.degrees_of_freedom is not None:
            check.size("degrees_of_freedom", self.degrees_of_freedom)
        if self.weight_concentration < 1:
            raise ValueError(
                "weight_concentration must be at least 1, or the prior has no maximum, "
                f"got {self.weight_concentration}"
            )

    def bound(self, data: Blocks, k: int) -> BoundPrior:
        """The prior in the units of `data`, for `k` components."""
        d, units, family = data.x.shape[1], data.units, cast(Gaussians, data.family)
        freedom = d + 2 if self.degrees_of_freedom is None else self.degrees_of_freedom
        if freedom <= d - 1:
            raise ValueError(f"degrees_of_freedom must be above D - 1 = {d - 1}, got {freedom}")
        mean = check.shaped("the prior's mean", self.mean, (d,))
        mean = np.zeros(d) if mean is None else units.standardise(mean)
        scale = self._scale(data, k, family)
        return BoundPrior(
            family, k, self.weight_concentration, mean, self.mean_precision, freedom, scale
        )

    def _scale(self, data: Blocks, k: int, family: Gaussians) -> Array:
        """The scale matrix, or variances, in the units of `data`."""
        n, d = data.x.shape
        if self.scale is None:
            one = statistics(np.ones((n, 1)), replace(data, holes=None), family)
            scale = family.mle(one)[1] / k ** (2 / d)
            if data.holes is not None:  # these hold the mean, which has no spread
                scale = family.rescaled(scale, family.pooled(data.n_seen / data.n) ** -0.5)
            return scale if family.tied else scale[0]
        shape = family.shapes(1, d)[1]
        shape = shape if family.tied else shape[1:]
        given = check.positive_definite("the prior's scale", self.scale, shape, family.matrices)
        assert given is not None
        return family.rescaled(given, data.units.per_scale)


def prior_of(setting: Any) -> Prior | None:
    """The prior that an estimator's setting asks for, or a ValueError."""
    if not isinstance(setting, Prior | None):
        raise ValueError(f"prior must be an emlib.Prior or None, got {setting!r}")
    return setting


@dataclass(frozen=True, eq=False)
class BoundPrior:
    """A prior with every number known: the M-step and the log-density that go with it."""

    family: Gaussians
    k: int
    weight_concentration: float
    mean: Array
    mean_precision: float
    degrees_of_freedom: float
    scale: Array

    @property
    def count(self) -> float:
        """For how many points the prior on a covariance counts, including its mean's."""
        return self.family.prior_count(self.degrees_of_freedom, self.k, len(self.mean))

    def m_step(self, statistics: GaussianStatistics) -> MixtureParams:
        """The maximum of the expected complete-data log-posterior."""
        if not (statistics.n > 0).all():
            statistics = self.family.revived(statistics)
        family, n, zeros = self.family, statistics.n, np.zeros_like(statistics.sum_x)
        seen = np.full(self.k, self.mean_precision)
        scales = np.broadcast_to(self.scale, family.shapes(*zeros.shape)[1])
        prior = GaussianStatistics(seen, zeros, scales, self.mean + zeros, family.form)
        means, covariances = replace(family, floor=0.0).mle(statistics + prior)
        # The sums of squares are those of n + seen points, but are shared among n + count.
        share = (n + seen) / (n + self.count)
        if family.tied:
            share = (n + seen).sum() / (n.sum() + self.count)
        weights = n + self.weight_concentration - 1
        # The transposes let the components' axis, the first, be the one that is multiplied.
        means, covariances = family.bounded((means, (covariances.T * share).T))
        return MixtureParams(weights / weights.sum(), means, covariances)

    def log_density(self, params: Params) -> float:
        """Log of the prior density, up to a constant."""
        family, (weights, means, covariances) = self.family, params
        w = family.whiteners((means, covariances))
        log_det = 2 * log_normalisers(w) + len(self.mean) * LOG_2PI
        precision, off = precisions(w), means - self.mean
        traces = (family.in_shape(precision) * self.scale).sum()
        squares = self.mean_precision * sum(
            (whiten(w_k, off_k[:, None]) ** 2).sum() for w_k, off_k in zip(w, off, strict=True)
        )
        n_covariances = 1 if family.tied else self.k
        covariance = self.count * log_det[:n_covariances].sum() - traces
        shares = xlogy(self.weight_concentration - 1, weights).sum()
        return float(shares + 0.5 * (covariance - squares))


@dataclass(frozen=True, eq=False)
class AnswersPrior:
    """Dirichlet priors on tables: every answer to every question was seen `count` times before."""

    family: Family
    count: float

    @classmethod
    def of(cls, family: Family, concentration: float) -> Self | None:
        """The prior of the setting `probabilities_prior`: none at its default, 1."""
        if check.size("probabilities_prior", concentration) < 1:
            raise ValueError(
                "probabilities_prior must be at least 1, or the prior has no maximum, "
                f"got {concentration}"
            )
        return None if concentration == 1 else cls(family, concentration - 1)

    def m_step(self, statistics: Sums) -> Params:
        """The maximum of the expected complete-data log-posterior."""
        if not (statistics.n > 0).all():
            statistics = self.family.revived(statistics)
        n, sum_x, sum_more = leaves(statistics)
        more = Sums(n, sum_x + self.count, sum_more + self.count)
        return (n / n.sum(), *self.family.mle(more))

    def log_density(self, params: Params) -> float:
        """Log of the prior density, up to a constant."""
        # Except for the first, the coefficients of T(x) are the answers' log-probabilities. One
        # that is held at zero must not drown the rest.
        log_p = np.maximum(self.family.natural(params[1:])[:, 1:], LOWEST)
        return self.count * float(log_p.sum())
