"""Gaussian components by the form of their covariances: full, tied, diagonal, spherical.

Each is a family as `emlib.families` describes it. Shapes are scikit-learn's: (K, D, D), (D, D),
(K, D) and (K,). A whitener W is an inverse root of a covariance: the features of W (x - mu) are
independent, with variance one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from emlib import gaussian
from emlib.gaussian import LOG_2PI, GaussianStatistics

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Gaussians(ABC):
    """What the four forms have in common.

    Attributes
    ----------
    floor : float
        Lower bound on every eigenvalue of every covariance.
    ridge : float or ndarray of shape (D,)
        Added to the diagonals as scikit-learn's `reg_covar` is. EM with a ridge is not exact.
    """

    floor: float = 0.0
    ridge: float | Array = 0.0
    tied: ClassVar[bool] = False

    def natural(self, means: Array, covariances: Array) -> tuple[Array, Array]:
        """The coefficients eta of T(x) and of U(x)."""
        w = self.whiteners(covariances, len(means))
        precisions = self.precisions(w)
        # log N(x | mu, Sigma) = c - mu' Lambda mu / 2 + (Lambda mu)' x - x' Lambda x / 2
        linear = self.times(precisions, means)
        constant = self.log_normalisers(w, means.shape[1]) - 0.5 * (linear * means).sum(axis=1)
        return self.arranged(_beside(constant[:, None], linear), precisions)

    def mle(self, statistics: GaussianStatistics) -> tuple[Array, Array]:
        """Means and covariances of maximum likelihood, under the floor."""
        gaussian.check_alive(statistics.n)
        # Equation ml-gaussian-mean
        mean = statistics.sum_x / statistics.n[:, None]
        mean_square, covariances = self.moments(statistics, mean)
        gaussian.check_cancellation(
            self.variances(covariances),
            self.variances(mean_square),
            self.floor + float(np.min(self.ridge)),
        )
        if np.any(self.ridge):
            covariances = self.ridged(covariances)
        return statistics.origin + mean, self.floored(covariances)

    def n_parameters(self, k: int, d: int) -> int:
        """Free parameters of K means and their covariances."""
        return k * (d + self.extra(d)) + len(self.shared(np.empty((d, 0))))

    def expected(self, n: Array, means: Array, covariances: Array) -> GaussianStatistics:
        """Statistics of which `mle` makes these parameters."""
        sums = self.times_n(covariances, n, means.shape[1])
        return GaussianStatistics(n, np.zeros_like(means), sums, means, self.tied)

    def draw(
        self, z: NDArray[np.intp], rng: np.random.Generator, means: Array, covariances: Array
    ) -> Array:
        """A point from component z_n for each n, of shape (N, D)."""
        noise = rng.standard_normal((len(z), means.shape[1]))
        for k, w in enumerate(self.whiteners(covariances, len(means))):
            noise[z == k] = self.unwhiten(w, noise[z == k].T).T
        return means[z] + noise

    def shapes(self, k: int, d: int) -> tuple[tuple[int, ...], ...]:
        """The shapes of K means and their covariances."""
        return (k, d), self.shape(k, d)

    def shared(self, x: Array) -> Array:
        """U(x): nothing, but for tied covariances."""
        return np.empty((0, x.shape[1]))

    @abstractmethod
    def extra(self, d: int) -> int:
        """How many quadratic features T(x) has."""

    @abstractmethod
    def fill(self, x: Array, out: Array) -> None:
        """Write the quadratic features of `x`, of shape (D, B), into `out`."""

    @abstractmethod
    def arranged(self, linear: Array, precisions: Array) -> tuple[Array, Array]:
        """Coefficients of T(x) and U(x) from those of (1, x) and the precisions."""

    @abstractmethod
    def statistics(self, sums: Array, shared: Array, d: int) -> GaussianStatistics:
        """The sums of T(x) and U(x), by name."""

    @abstractmethod
    def moments(self, statistics: GaussianStatistics, mean: Array) -> tuple[Array, Array]:
        """Mean squares about the origin, and covariances about the mean."""

    @abstractmethod
    def times_n(self, covariances: Array, n: Array, d: int) -> Array:
        """Sums of squares about the mean, of `n` points."""

    @abstractmethod
    def squares(self, x: Array, r: Array) -> Array:
        """Sums of squares of `x`, of shape (D, B), with weights `r`."""

    @abstractmethod
    def variances(self, covariances: Array) -> Array:
        """The variance of every feature."""

    @abstractmethod
    def ridged(self, covariances: Array) -> Array:
        """With the ridge added."""

    @abstractmethod
    def floored(self, covariances: Array) -> Array:
        """With every eigenvalue at the floor or above: the maximum under that bound."""

    @abstractmethod
    def extremes(self, covariances: Array) -> tuple[Array, Array]:
        """Smallest and largest eigenvalue of each covariance."""

    @abstractmethod
    def shape(self, k: int, d: int) -> tuple[int, ...]:
        """The shape of the covariances."""

    @abstractmethod
    def rescaled(self, covariances: Array, scale: Array) -> Array:
        """Covariances of features that are multiplied by `scale`."""

    @abstractmethod
    def whiteners(self, covariances: Array, k: int) -> Array:
        """W of every component."""

    @abstractmethod
    def whiten(self, w: Array, x: Array) -> Array:
        """W x, for x of shape (D, B)."""

    @abstractmethod
    def unwhiten(self, w: Array, z: Array) -> Array:
        """The x whose W x is z."""

    @abstractmethod
    def precisions(self, w: Array) -> Array:
        """Lambda, the inverse of Sigma, from W."""

    @abstractmethod
    def times(self, precisions: Array, means: Array) -> Array:
        """Lambda mu."""

    @abstractmethod
    def log_normalisers(self, w: Array, d: int) -> Array:
        """Log of what makes the density integrate to one."""

    @abstractmethod
    def log_roots(self, covariances: Array) -> Array:
        """Covariances as numbers that may take any value."""

    @abstractmethod
    def from_log_roots(self, roots: Array) -> Array:
        """The inverse of `log_roots`."""


class Full(Gaussians):
    """Every component has a covariance matrix of its own, of shape (K, D, D)."""

    def extra(self, d: int) -> int:
        return d * (d + 1) // 2

    def fill(self, x: Array, out: Array) -> None:
        start = 0
        for i in range(len(x)):
            stop = start + len(x) - i
            np.multiply(x[i], x[i:], out=out[start:stop])
            start = stop

    def arranged(self, linear: Array, precisions: Array) -> tuple[Array, Array]:
        return _beside(linear, -0.5 * _packed(precisions)), np.empty(0)

    def statistics(self, sums: Array, shared: Array, d: int) -> GaussianStatistics:
        return GaussianStatistics(sums[:, 0], sums[:, 1 : d + 1], _unpacked(sums[:, d + 1 :], d))

    def moments(self, statistics: GaussianStatistics, mean: Array) -> tuple[Array, Array]:
        # Equation ml-gaussian-covariance
        mean_square = statistics.sum_xx / statistics.n[:, None, None]
        return mean_square, mean_square - mean[:, :, None] * mean[:, None, :]

    def times_n(self, covariances: Array, n: Array, d: int) -> Array:
        return covariances * n[:, None, None]

    def squares(self, x: Array, r: Array) -> Array:
        rooted = x * np.sqrt(r)  # NumPy is twice as fast on a matrix times its own transpose
        return np.asarray(rooted @ rooted.T)

    def variances(self, covariances: Array) -> Array:
        return covariances.diagonal(axis1=-2, axis2=-1)

    def ridged(self, covariances: Array) -> Array:
        return covariances + self.ridge * np.eye(covariances.shape[-1])

    def floored(self, covariances: Array) -> Array:
        return gaussian.clip_eigenvalues(covariances, self.floor)

    def extremes(self, covariances: Array) -> tuple[Array, Array]:
        values = np.atleast_2d(np.linalg.eigvalsh(covariances))
        return values[:, 0], values[:, -1]

    def shape(self, k: int, d: int) -> tuple[int, ...]:
        return (k, d, d)

    def rescaled(self, covariances: Array, scale: Array) -> Array:
        return covariances * np.outer(scale, scale)

    def whiteners(self, covariances: Array, k: int) -> Array:
        return gaussian.inverse_factor(covariances)

    def whiten(self, w: Array, x: Array) -> Array:
        return np.asarray(w @ x)

    def unwhiten(self, w: Array, z: Array) -> Array:
        return np.asarray(solve_triangular(w, z, lower=True))

    def precisions(self, w: Array) -> Array:
        return np.asarray(np.swapaxes(w, -1, -2) @ w)

    def times(self, precisions: Array, means: Array) -> Array:
        return np.asarray(precisions @ means[..., None])[..., 0]

    def log_normalisers(self, w: Array, d: int) -> Array:
        return np.asarray(np.log(self.variances(w)).sum(axis=-1) - 0.5 * d * LOG_2PI)

    def log_roots(self, covariances: Array) -> Array:
        # The lower triangles of Cholesky factors, with the logarithms of their diagonals.
        roots = gaussian.cholesky_factor(covariances)
        i = np.arange(roots.shape[-1])
        roots[..., i, i] = np.log(roots[..., i, i])
        return roots

    def from_log_roots(self, roots: Array) -> Array:
        factors, i = np.tril(roots), np.arange(roots.shape[-1])
        factors[..., i, i] = np.exp(factors[..., i, i])
        return factors @ np.swapaxes(factors, -1, -2)


class Tied(Full):
    """All components have the same covariance matrix, of shape (D, D).

    x' Lambda x is then the same for all: the responsibilities need linear features only, and the
    sum of x x' over the data never changes.
    """

    tied = True

    def extra(self, d: int) -> int:
        return 0

    def fill(self, x: Array, out: Array) -> None:
        pass

    def shared(self, x: Array) -> Array:
        products = np.empty((super().extra(len(x)), x.shape[1]))
        super().fill(x, products)
        return products

    def arranged(self, linear: Array, precisions: Array) -> tuple[Array, Array]:
        return linear, -0.5 * _packed(precisions[0])

    def statistics(self, sums: Array, shared: Array, d: int) -> GaussianStatistics:
        return GaussianStatistics(sums[:, 0], sums[:, 1:], _unpacked(shared, d), tied=True)

    def moments(self, statistics: GaussianStatistics, mean: Array) -> tuple[Array, Array]:
        n = statistics.n
        mean_square = statistics.sum_xx / n.sum()
        return mean_square, mean_square - (n / n.sum() * mean.T) @ mean

    def times_n(self, covariances: Array, n: Array, d: int) -> Array:
        return np.asarray(covariances * n.sum())

    def shape(self, k: int, d: int) -> tuple[int, ...]:
        return (d, d)

    def whiteners(self, covariances: Array, k: int) -> Array:
        w = super().whiteners(covariances, 1)
        return np.broadcast_to(w, (k, *w.shape))


class Diagonal(Gaussians):
    """Features are independent within a component; variances of shape (K, D)."""

    def extra(self, d: int) -> int:
        return d

    def fill(self, x: Array, out: Array) -> None:
        np.multiply(x, x, out=out)

    def arranged(self, linear: Array, precisions: Array) -> tuple[Array, Array]:
        return _beside(linear, -0.5 * precisions), np.empty(0)

    def statistics(self, sums: Array, shared: Array, d: int) -> GaussianStatistics:
        return GaussianStatistics(sums[:, 0], sums[:, 1 : d + 1], sums[:, d + 1 :])

    def moments(self, statistics: GaussianStatistics, mean: Array) -> tuple[Array, Array]:
        mean_square = statistics.sum_xx / statistics.n[:, None]
        return mean_square, mean_square - mean**2

    def times_n(self, covariances: Array, n: Array, d: int) -> Array:
        return covariances * n[:, None]

    def squares(self, x: Array, r: Array) -> Array:
        return np.asarray((x * x) @ r)

    def variances(self, covariances: Array) -> Array:
        return covariances

    def ridged(self, covariances: Array) -> Array:
        return covariances + self.ridge

    def floored(self, covariances: Array) -> Array:
        return np.maximum(covariances, self.floor)

    def extremes(self, covariances: Array) -> tuple[Array, Array]:
        variances = covariances.reshape(len(covariances), -1)
        return variances.min(axis=1), variances.max(axis=1)

    def shape(self, k: int, d: int) -> tuple[int, ...]:
        return (k, d)

    def rescaled(self, covariances: Array, scale: Array) -> Array:
        return covariances * scale**2

    def whiteners(self, covariances: Array, k: int) -> Array:
        return 1 / np.sqrt(gaussian.check_positive(covariances))

    def whiten(self, w: Array, x: Array) -> Array:
        return np.asarray(w[:, None] * x)

    def unwhiten(self, w: Array, z: Array) -> Array:
        return np.asarray(z / w[:, None])

    def precisions(self, w: Array) -> Array:
        return w**2

    def times(self, precisions: Array, means: Array) -> Array:
        return precisions * means

    def log_normalisers(self, w: Array, d: int) -> Array:
        return np.asarray(d * np.log(w).mean(axis=1) - 0.5 * d * LOG_2PI)

    def log_roots(self, covariances: Array) -> Array:
        return np.log(covariances)

    def from_log_roots(self, roots: Array) -> Array:
        return np.exp(roots)


class Spherical(Diagonal):
    """One variance for all features of a component; shape (K,)."""

    def extra(self, d: int) -> int:
        return 1

    def fill(self, x: Array, out: Array) -> None:
        np.einsum("db,db->b", x, x, out=out[0])

    def statistics(self, sums: Array, shared: Array, d: int) -> GaussianStatistics:
        return GaussianStatistics(sums[:, 0], sums[:, 1 : d + 1], sums[:, d + 1])

    def moments(self, statistics: GaussianStatistics, mean: Array) -> tuple[Array, Array]:
        d = mean.shape[1]
        mean_square = statistics.sum_xx / statistics.n / d
        return mean_square, mean_square - (mean**2).sum(axis=1) / d

    def times_n(self, covariances: Array, n: Array, d: int) -> Array:
        return covariances * n * d

    def squares(self, x: Array, r: Array) -> Array:
        return np.asarray(np.einsum("db,db->b", x, x) @ r)

    def rescaled(self, covariances: Array, scale: Array) -> Array:
        return np.asarray(covariances * scale[0] ** 2)

    def ridged(self, covariances: Array) -> Array:
        return covariances + np.mean(self.ridge)

    def shape(self, k: int, d: int) -> tuple[int, ...]:
        return (k,)

    def whiteners(self, covariances: Array, k: int) -> Array:
        return super().whiteners(covariances, k)[:, None]


FORMS: dict[str, Callable[..., Gaussians]] = {
    "full": Full,
    "tied": Tied,
    "diag": Diagonal,
    "spherical": Spherical,
}


def _beside(left: Array, right: Array) -> Array:
    return np.concatenate([left, right], axis=1)


@cache
def _triangle(d: int) -> tuple[NDArray[np.intp], Array, NDArray[np.intp]]:
    """The products x_i x_j with i <= j, as an order of the entries of a symmetric matrix.

    Where in the flattened matrix each is, how often it occurs, and which one every entry is.
    """
    i, j = np.triu_indices(d)
    which = np.empty((d, d), dtype=np.intp)
    which[i, j] = which[j, i] = np.arange(len(i))
    return i * d + j, np.where(i == j, 1.0, 2.0), which


def _packed(precisions: Array) -> Array:
    """Coefficients of x_i x_j for i <= j: each product off the diagonal occurs twice."""
    *stack, d, _ = precisions.shape
    places, times, _ = _triangle(d)
    return precisions.reshape(*stack, d * d).take(places, axis=-1) * times


def _unpacked(sums: Array, d: int) -> Array:
    """Symmetric matrices from the sums of x_i x_j for i <= j."""
    return sums.take(_triangle(d)[2], axis=-1)
