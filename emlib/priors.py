"""Maximum a posteriori estimates of Gaussian mixtures: conjugate priors as points already seen.

Statistics add, so a conjugate prior is a few more of them: the M-step stays the one it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import xlogy

from emlib import mixture
from emlib.blocks import Blocks
from emlib.covariances import Full, Gaussians, Spherical
from emlib.gaussian import GaussianStatistics
from emlib.mixture import MixtureParams
from emlib.validation import shaped

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Prior:
    """Dirichlet prior on the weights, normal-inverse-Wishart on means and covariances.

    What is None is taken from the data, as Fraley and Raftery (2007, J. Classif. 24, 155-181)
    do: weak, but enough that no component can collapse.

    Attributes
    ----------
    weight_concentration : float
        Of the Dirichlet, at least 1; the prior counts for that less one points per component.
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
        if not 1 <= self.weight_concentration < np.inf:
            raise ValueError(
                "weight_concentration must be at least 1, or the prior has no maximum, "
                f"got {self.weight_concentration}"
            )
        if not 0 <= self.mean_precision < np.inf:
            raise ValueError(f"mean_precision must not be negative, got {self.mean_precision}")

    def bound(self, data: Blocks, k: int, family: Gaussians) -> BoundPrior:
        """The prior in the units of `data`, for `k` components."""
        d, units = data.shape[1], data.units
        freedom = d + 2 if self.degrees_of_freedom is None else self.degrees_of_freedom
        if not d - 1 < freedom < np.inf:
            raise ValueError(f"degrees_of_freedom must be above D - 1 = {d - 1}, got {freedom}")
        mean = shaped("the prior's mean", self.mean, (d,))
        mean = np.zeros(d) if mean is None else units.standardise(mean)
        scale = self._scale(data, k, family)
        return BoundPrior(
            family, k, self.weight_concentration, mean, self.mean_precision, freedom, scale
        )

    def _scale(self, data: Blocks, k: int, family: Gaussians) -> Array:
        """The scale matrix, or variances, in the units of `data`."""
        d = data.shape[1]
        if self.scale is None:
            one = mixture.statistics(np.ones((data.shape[0], 1)), data, family)
            scale = family.mle(one)[1] / k ** (2 / d)
            return scale if family.tied else np.asarray(scale[0])
        shape = family.shape(1, d) if family.tied else family.shape(1, d)[1:]
        given = np.asarray(shaped("the prior's scale", self.scale, shape))
        values = np.linalg.eigvalsh(given) if isinstance(family, Full) else given
        if np.any(values <= 0) or not np.allclose(given, given.T):
            raise ValueError("the prior's scale must be symmetric and positive definite")
        return family.rescaled(given, data.units.per_scale)


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
    def _count(self) -> float:
        """For how many points the prior on a covariance counts, its mean's included."""
        d = len(self.mean)
        if self.family.tied:
            return self.degrees_of_freedom + d + 1 + self.k
        if isinstance(self.family, Full):
            return self.degrees_of_freedom + d + 2
        if isinstance(self.family, Spherical):
            return (self.degrees_of_freedom + d + 2) / d
        return self.degrees_of_freedom + 3

    def m_step(self, statistics: GaussianStatistics) -> MixtureParams:
        """The maximum of the expected complete-data log-posterior."""
        tied = self.family.tied
        n, seen = statistics.n, np.full(self.k, self.mean_precision)
        scales = self.scale if tied else np.repeat(self.scale[None], self.k, axis=0)
        zeros = np.zeros((self.k, len(self.mean)))
        prior = GaussianStatistics(seen, zeros, scales, self.mean + zeros, tied)
        means, covariances = replace(self.family, floor=0.0).mle(statistics + prior)
        share = (n + seen) / (n + self._count)
        if tied:
            share = np.asarray((n + seen).sum() / (n.sum() + self._count))
        weights = n + self.weight_concentration - 1
        # The transposes let the components' axis, the first, be the one that is multiplied.
        covariances = self.family.floored((covariances.T * share).T)
        return MixtureParams(weights / weights.sum(), means, covariances)

    def log_density(self, params: MixtureParams) -> float:
        """Log of the prior density, up to a constant."""
        d, w = len(self.mean), self.family.whiteners(params.covariances, self.k)
        precisions, off = self.family.precisions(w), params.means - self.mean
        log_det = 2 * self.family.log_normalisers(w, d) + d * np.log(2 * np.pi)
        covariance = self._count * log_det - (precisions * self.scale).reshape(self.k, -1).sum(1)
        if self.family.tied:
            covariance = covariance[:1]
        mean = self.mean_precision * (self.family.times(precisions, off) * off).sum()
        weights = xlogy(self.weight_concentration - 1, params.weights).sum()
        return float(weights + 0.5 * (covariance.sum() - mean))
