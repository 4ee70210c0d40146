"""Gaussian families, by the form of their covariances: full, tied, diagonal, spherical.

Shapes are scikit-learn's: (K, D, D), (D, D), (K, D) and (K,). So covariances are matrices or
variances, and every operation on them has these two cases; the forms themselves only say which
products of two features they need. A whitener W is an inverse root of a covariance: the features
of W (x - mu) are independent, with variance one. It is a lower triangle, or a vector of D numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, ClassVar

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import ndtri

from emlib import gaussian
from emlib import validation as check
from emlib.families import SEED, Components, Family
from emlib.gaussian import LOG_2PI, GaussianStatistics
from emlib.results import DegenerateError
from emlib.types import Array, Generator, Integers
from emlib.units import Units
from emlib.wording import sentence, shown

# A variance that exceeds the ridge by less than this share of it says more about the ridge.
SMALLEST_BESIDE_RIDGE = 0.01
# How much a nudge turns an ellipse, beside how much it moves it.
TURN = 0.3


@dataclass(frozen=True, eq=False)
class Gaussians(Family):
    """What the four forms have in common; the components are means and covariances.

    Attributes
    ----------
    floor : float
        Lower bound on every eigenvalue of every covariance; for estimators, once every feature is
        scaled to unit variance.
    ridge : float or ndarray of shape (D,)
        Added to the diagonals as scikit-learn's `reg_covar` is, in the units of x. EM with a
        ridge is not exact.
    """

    floor: float = 0.0
    ridge: float | Array = 0.0

    def __post_init__(self) -> None:
        check.size("floor", self.floor)
        is_array = isinstance(self.ridge, np.ndarray)
        check.size("ridge", check.numbers("ridge", self.ridge).min() if is_array else self.ridge)

    def check_range(self, components: Components) -> None:
        if self.matrices:
            check.symmetric("covariances", components[1])

    def check_statistics(self, statistics: GaussianStatistics) -> GaussianStatistics:
        return gaussian.check_statistics(statistics, self.form)

    standardised = whitens = True
    # The form's name; whether covariances are matrices, and whether all components share one.
    form: ClassVar[str]
    matrices: ClassVar[bool] = False
    tied: ClassVar[bool] = False

    def key(self) -> Hashable:
        return type(self)  # floor and ridge change no feature

    def natural(self, components: Components) -> Array:
        # log N(x | mu, Sigma) = c - mu' Lambda mu / 2 + (Lambda mu)' x - x' Lambda x / 2
        means, w = components[0], self.whiteners(components)
        precision = precisions(w)
        if self.matrices:
            linear = (precision @ means[:, :, None])[:, :, 0]
            i, j, times = triangle(means.shape[1])
            squares = precision[:, i, j] * times
        else:
            linear = precision * means
            squares = precision[:, :1] if self.common_scale else precision
        constant = log_normalisers(w) - 0.5 * (linear * means).sum(axis=1)
        return np.concatenate([constant[:, None], linear, -0.5 * squares], axis=1)

    def statistics(self, sums: Array, shared: Array, d: int) -> GaussianStatistics:
        sum_xx = products = shared if self.tied else sums[:, d + 1 :]
        if self.matrices:
            (i, j, _), sum_xx = triangle(d), np.empty((*products.shape[:-1], d, d))
            sum_xx[..., i, j] = sum_xx[..., j, i] = products
        elif self.common_scale:
            sum_xx = products[:, 0]
        return GaussianStatistics(sums[:, 0], sums[:, 1 : d + 1], sum_xx, form=self.form)

    def mle(self, statistics: GaussianStatistics) -> Components:
        """Means and covariances of maximum likelihood, under the floor."""
        return gaussian.moments(statistics, self.floor, self.ridge)

    holds_parts = True

    def around(
        self, statistics: GaussianStatistics, given: Components, held: tuple[bool, ...]
    ) -> GaussianStatistics:
        # About a mean that is held, the mean is zero by assumption, and squares are the covariance.
        if not held[0]:
            return statistics
        about = statistics.about(given[0])
        return replace(about, sum_x=np.zeros_like(about.sum_x))

    def bounded(self, components: Components) -> Components:
        means, covariances = components
        if self.matrices:
            return means, gaussian.clip_eigenvalues(covariances, self.floor)
        return means, np.maximum(covariances, self.floor)

    def expected(self, components: Components, n: Array) -> GaussianStatistics:
        """Statistics of `n` points, of shape (K,), from which `mle` makes these components."""
        means, covariances = components
        one = GaussianStatistics(n, np.zeros_like(means), covariances, means, self.form)
        return replace(one, sum_xx=covariances * one.count)

    def revived(self, statistics: GaussianStatistics) -> GaussianStatistics:
        k, d = statistics.sum_x.shape
        seeds = SEED * statistics.n.sum() * ~(statistics.n > 0)
        # In standard units, in which fits work, all points together have mean 0 and variance 1.
        return statistics + self.expected(self.spheres(np.zeros((k, d))), seeds)

    def spheres(self, means: Array) -> Components:
        """Components about these means, of shape (K, D), whose features have variance one."""
        k, d = means.shape
        one = np.eye(d) if self.matrices else 1.0
        return means, np.broadcast_to(one, self.shapes(k, d)[1])

    def nudge(
        self, statistics: GaussianStatistics, rng: Generator, size: float
    ) -> GaussianStatistics:
        """Statistics as if each component had been moved by `size` of its spread, and turned.

        Moves go along each component's own axes, so they make sense for correlated features too,
        and no two are alike, so that components that have become equal are told apart. Matrices
        are turned, because where values are missing a correlation of zero can be a saddle. Shares
        are evened out, which brings back a component that has died.
        """
        means, covariances = self.mle(statistics)
        # The normal distribution in K slices of equal probability: one for each component.
        slices = rng.permuted(np.indices(means.shape)[0], axis=0)
        step = size * ndtri((slices + rng.uniform(0.25, 0.75, means.shape)) / len(means))
        for k, w in enumerate(self.whiteners((means, covariances))):
            step[k] = unwhiten(w, step[k][:, None])[:, 0]
        if self.matrices:
            # With random numbers of its own, so that the turn does not move the starts to come.
            covariances = gaussian.turned(covariances, rng.spawn(1)[0], TURN * size)
        n = statistics.n
        return self.expected((means + step, covariances), (1 - size) * n + size * n.mean())

    def check_fit(self, x: Array) -> None:
        # What a variance is shared with, or added to, makes up for a feature that is constant.
        check.spread(x, constants=self.common_scale or bool(np.all(np.asarray(self.ridge) > 0)))

    def in_units(self, units: Units) -> Gaussians:
        return self if self.exact else replace(self, ridge=self.ridge * units.per_scale**2)

    def to_units(self, components: Any, units: Units) -> Any:
        means, covariances = components
        return (
            None if means is None else units.standardise(means),
            None if covariances is None else self.rescaled(covariances, units.per_scale),
        )

    def from_units(self, components: Components, units: Units) -> Components:
        means, covariances = components
        return means * units.scale + units.origin, self.rescaled(covariances, units.scale)

    def statistics_to_units(
        self, statistics: GaussianStatistics, units: Units
    ) -> GaussianStatistics:
        sum_xx = self.rescaled(statistics.sum_xx, units.per_scale)
        origin = units.standardise(statistics.origin + np.zeros_like(statistics.sum_x))
        sum_x = statistics.sum_x * units.per_scale
        return replace(statistics, sum_x=sum_x, sum_xx=sum_xx, origin=origin)

    def rescaled(self, covariances: Array, scale: Array) -> Array:
        """The covariances, or sums of squares, of features that are multiplied by `scale`."""
        if self.matrices:
            return covariances * np.outer(scale, scale)
        return covariances * (scale[0] if self.common_scale else scale) ** 2

    def collapse(self, components: Components, part: str) -> str | None:
        covariances, least, slack = components[1], self.floor, 1e-6
        if np.all(np.asarray(self.ridge) > 0):
            # In units of the ridge, how much is there beside it?
            ridge = self.pooled(np.broadcast_to(self.ridge, components[0].shape[1]))
            covariances = self.rescaled(covariances, ridge**-0.5)
            least, slack = 1.0, SMALLEST_BESIDE_RIDGE
        if self.matrices:
            values = np.atleast_2d(np.linalg.eigvalsh(covariances))
        else:
            values = np.sort(covariances.reshape(len(covariances), -1), axis=1)
        rounding = 4 * np.finfo(float).eps * values[:, -1]
        on_floor = np.flatnonzero(values[:, 0] <= least * (1 + slack) + rounding)
        if not len(on_floor):
            return None
        collapsed = sentence(part, on_floor, "has collapsed", "have collapsed")
        collapsed = "the covariance has collapsed" if self.tied else collapsed
        rest, lower = "rests on the floor", "covariance_floor"
        if not self.exact:
            rest, lower = "is hardly more than the ridge", "reg_covar"
        return (
            f"{collapsed} onto too few or identical points, or onto features that are "
            f"constant, or depend linearly on each other: the covariance {rest} "
            f"and the likelihood says nothing. Use fewer {part}s, more starts (n_init), a prior "
            "whose scale is not singular, or drop duplicate features. If it really is that narrow, "
            f"or held so, lower {lower}."
        )

    def n_parameters(self, k: int, d: int) -> int:
        per_covariance = d * (d + 1) // 2 if self.matrices else self.n_more(d)
        return k * d + (1 if self.tied else k) * per_covariance

    def sample(self, components: Components, z: Integers, rng: Generator) -> Array:
        means = components[0]
        noise = rng.standard_normal((len(z), means.shape[1]))
        for k, w in enumerate(self.whiteners(components)):
            noise[z == k] = unwhiten(w, noise[z == k].T).T
        return means[z] + noise

    def to_free(self, components: Components) -> tuple[Array, ...]:
        means, covariances = components
        if not self.matrices:
            return means, np.log(covariances)
        # The lower triangles of Cholesky factors, with the logarithms of their diagonals.
        roots, i = gaussian.cholesky_factor(covariances), np.arange(means.shape[-1])
        roots[..., i, i] = np.log(roots[..., i, i])
        return means, roots

    def from_free(self, free: tuple[Array, ...]) -> Components:
        means, roots = free
        if not self.matrices:
            return self.bounded((means, np.exp(roots)))
        factors, i = np.tril(roots), np.arange(means.shape[-1])
        factors[..., i, i] = np.exp(factors[..., i, i])
        return self.bounded((means, factors @ np.swapaxes(factors, -1, -2)))

    def whiteners(self, components: Components) -> Array:
        """W of every component, of shape (K, D, D) or (K, D)."""
        means, covariances = components
        if self.matrices:
            w = gaussian.inverse_factor(covariances)
            return np.broadcast_to(w, (len(means), *w.shape)) if self.tied else w
        if not (covariances > 0).all():
            raise DegenerateError(gaussian.NOT_POSITIVE)
        w = 1 / np.sqrt(covariances)
        return np.broadcast_to(w.reshape(len(means), -1), means.shape)

    def as_matrices(self, components: Components) -> Array:
        """The covariance matrix of every component, of shape (K, D, D)."""
        means, covariances = components
        k, d = means.shape
        if self.matrices:
            return np.broadcast_to(covariances, (k, d, d))
        return np.eye(d) * np.broadcast_to(covariances.reshape(k, -1), (k, d))[:, None]

    def in_shape(self, per_component: Array) -> Array:
        """Whiteners or precisions of every component, in the shape of the covariances."""
        if self.tied:
            return per_component[0]
        return per_component[:, 0] if self.common_scale else per_component

    def squares(self, x: Array, r: Array) -> Array:
        """Sums of squares of `x`, of shape (D, B), with weights `r` of shape (B,)."""
        if self.matrices:
            rooted = x * np.sqrt(r)  # NumPy is twice as fast on a matrix times its own transpose
            return rooted @ rooted.T
        return np.einsum("db,db->b", x, x) @ r if self.common_scale else (x * x) @ r

    def prior_count(self, freedom: float, k: int, d: int) -> float:
        """For how many points an inverse Wishart prior, and one on a mean, count together."""
        if self.matrices:
            return freedom + d + 1 + (k if self.tied else 1)
        return (freedom + d + 2) / d if self.common_scale else freedom + 3


class Full(Gaussians):
    """Every component has a covariance matrix of its own, of shape (K, D, D)."""

    parameters = {"means": "KD", "covariances": "KDD"}
    form = "full"
    matrices = True

    def n_more(self, d: int) -> int:
        return d * (d + 1) // 2

    def fill(self, x: Array, out: Array) -> None:
        start = 0
        for i in range(len(x)):
            stop = start + len(x) - i
            np.multiply(x[i], x[i:], out=out[start:stop])
            start = stop


class Tied(Full):
    """All components have the same covariance matrix, of shape (D, D).

    x' Lambda x is then the same for all: the responsibilities need linear features only, and the
    sum of x x' over the data never changes.
    """

    parameters = {"means": "KD", "covariances": "DD"}
    form = "tied"
    tied = True

    def n_more(self, d: int) -> int:
        return 0

    def fill(self, x: Array, out: Array) -> None:
        pass

    def shared(self, x: Array) -> Array:
        products = np.empty((super().n_more(len(x)), x.shape[1]))
        super().fill(x, products)
        return products


class Diagonal(Gaussians):
    """Features are independent within a component; variances of shape (K, D)."""

    parameters = {"means": "KD", "covariances": "KD"}
    form = "diag"

    def n_more(self, d: int) -> int:
        return d

    def fill(self, x: Array, out: Array) -> None:
        np.multiply(x, x, out=out)


class Spherical(Gaussians):
    """One variance for all features of a component; shape (K,)."""

    parameters = {"means": "KD", "covariances": "K"}
    form = "spherical"
    common_scale = True

    def n_more(self, d: int) -> int:
        return 1

    def fill(self, x: Array, out: Array) -> None:
        np.einsum("db,db->b", x, x, out=out[0])


# What estimators show besides a family's parameters.
NAMES_TAKEN = {"weights", "startprob", "transmat", "converged", "n_iter", "result", "results"}
NAMES_TAKEN |= {"lower_bound", "lower_bounds", "n_features_in", "feature_names_in"}
FORMS: dict[str, Callable[..., Gaussians]] = {
    form.form: form for form in (Full, Tied, Diagonal, Spherical)
}


def family_of(setting: Any) -> Family:
    """The family that an estimator's setting asks for; by default full Gaussians."""
    if not isinstance(setting, Family | None):
        raise ValueError(f"family must be an emlib.families.Family, got {shown(setting)}")
    if setting is None:
        return Full(floor=1e-8)
    parameters = getattr(setting, "parameters", None)
    if not isinstance(parameters, dict) or [*parameters.values()][:1] != ["KD"]:
        raise ValueError(
            "parameters of a family must be a dict of names and axes, of which the first must have "
            "the axes KD, a row for each component and a column for each feature; "
            f"{shown(setting)} has parameters = {parameters}"
        )
    if taken := NAMES_TAKEN.intersection(parameters):
        raise ValueError(
            f"a family's parameter may not be named {min(taken)!r}: under that name estimators "
            "show something else. Choose another"
        )
    return setting


def precisions(w: Array) -> Array:
    """The inverses of the covariances whose whiteners are `w`, in their shape."""
    return np.swapaxes(w, -1, -2) @ w if w.ndim == 3 else w**2


def log_normalisers(w: Array) -> Array:
    """The logarithms of what makes the densities integrate to one, of shape (K,)."""
    diagonals = w.diagonal(axis1=-2, axis2=-1) if w.ndim == 3 else w
    return np.log(diagonals).sum(axis=1) - 0.5 * w.shape[1] * LOG_2PI


def whiten(w: Array, x: Array) -> Array:
    """W x for one component and x of shape (D, B)."""
    return w @ x if w.ndim == 2 else w[:, None] * x


def unwhiten(w: Array, z: Array) -> Array:
    """The x of shape (D, B) whose W x is z."""
    return solve_triangular(w, z, lower=True) if w.ndim == 2 else z / w[:, None]


@cache
def triangle(d: int) -> tuple[Integers, Integers, Array]:
    """The products x_i x_j with i <= j: i, j, and how often each occurs in the matrix x x'."""
    i, j = np.triu_indices(d)
    return i, j, np.where(i == j, 1.0, 2.0)
