"""The Gaussian: density, sufficient statistics, weighted maximum likelihood, sampling.

Everything takes a leading axis of components where it makes sense. The same formulas for other
forms of covariance are in `emlib.covariances`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dtrtri

from emlib import validation as check
from emlib.results import DegenerateError
from emlib.trees import Additive
from emlib.types import Array, Generator, Integers, Mask
from emlib.wording import sentence

LOG_2PI = float(np.log(2 * np.pi))
# E[x^2] - E[x]^2 is wrong by about this times E[x^2]; more than a millionth of it is too much.
ROUNDING_OF_VARIANCE = 8 * np.finfo(float).eps
LARGEST_SHARE_LOST = 1e-6
# What the features before leave of a variance is rounding if it is less than this share of it.
SMALLEST_SHARE_LEFT = 64 * np.finfo(float).eps
NOT_POSITIVE = (
    "a covariance is not positive definite. If it was fitted, a component has collapsed onto too "
    "few points, or features depend linearly on each other: use fewer components or a floor. If it "
    "was given, it is not a covariance: variances go on its diagonal, not standard deviations."
)


class Gaussian(NamedTuple):
    """Parameters of a Gaussian in D dimensions.

    Attributes
    ----------
    mean : ndarray of shape (..., D)
    covariance : ndarray of shape (..., D, D)
        Variances on the diagonal, not standard deviations.
    """

    mean: Array
    covariance: Array


@dataclass(frozen=True, eq=False)
class GaussianStatistics(Additive):
    """The sums through which data enter a Gaussian's likelihood: sum of T(x) = (1, x, x x').

    Attributes
    ----------
    n : ndarray of shape (...)
        Sum of the weights; the number of points if there are none.
    sum_x : ndarray of shape (..., D)
    sum_xx : ndarray of shape (..., D, D)
        Or only what other forms of covariance need: sums of squares (K, D) where features are
        independent, (K,) where they also have one variance, one matrix (D, D) where components
        share it.
    origin : ndarray of shape (..., D), or 0
        From where x was measured. Near a component's mean, sums of squares lose no digits.
    form : {'full', 'tied', 'diag', 'spherical'}
        What `sum_xx` keeps of x x', by the form of the covariances.
    """

    n: Array
    sum_x: Array
    sum_xx: Array
    origin: Array | float = 0.0
    form: str = "full"

    def __add__(self, other: GaussianStatistics) -> GaussianStatistics:
        """Statistics add, once they are measured from the same origin."""
        if np.any(self.origin != other.origin):
            other = other.about(self.origin)
        return replace(
            self,
            n=self.n + other.n,
            sum_x=self.sum_x + other.sum_x,
            sum_xx=self.sum_xx + other.sum_xx,
        )

    def __getitem__(self, which: Mask) -> GaussianStatistics:
        """The statistics of some of the components."""
        return replace(
            self,
            n=self.n[which],
            sum_x=self.sum_x[which],
            sum_xx=self.sum_xx if self.form == "tied" else self.sum_xx[which],
            origin=np.broadcast_to(self.origin, self.sum_x.shape)[which],
        )

    def about(self, origin: Array | float) -> GaussianStatistics:
        """The same statistics, measured from another origin."""
        n, step = self.n[..., None], self.origin - np.asarray(origin) + np.zeros_like(self.sum_x)
        # (x + s)(x + s)' = x x' + x s' + s x' + s s', summed over the component's points
        half = self.sum_x + 0.5 * n * step
        products = PRODUCTS[self.form]
        sum_xx = self.sum_xx + np.einsum(products, half, step) + np.einsum(products, step, half)
        return replace(self, sum_x=self.sum_x + n * step, sum_xx=sum_xx, origin=origin)

    @property
    def count(self) -> Array:
        """How many numbers each entry of `sum_xx` is a sum of: n, except in pooled forms."""
        if self.form == "tied":
            return self.n.sum()
        if self.form == "spherical":
            return self.n * self.sum_x.shape[-1]
        return self.n[..., None] if self.form == "diag" else self.n[..., None, None]


# What each form keeps of a matrix per component.
KEPT = {"full": "kij->kij", "tied": "kij->ij", "diag": "kii->ki", "spherical": "kii->k"}
# The products left right' of two vectors per component, in the form of `sum_xx`; and the diagonals
# of such products, of shape (..., D), or what is there of them.
PRODUCTS = {
    "full": "...i,...j->...ij",
    "tied": "ki,kj->ij",
    "diag": "...i,...i->...i",
    "spherical": "...i,...i->...",
}
DIAGONALS = {
    "full": "...ii->...i",
    "tied": "ii->i",
    "diag": "...i->...i",
    "spherical": "...->...",
}


def log_density(x: ArrayLike, mean: ArrayLike, covariance: ArrayLike) -> Array:
    """Logarithm of the Gaussian density at each row of `x`.

    Parameters
    ----------
    x : array of shape (N, D)
    mean : array of shape (D,) or (K, D)
    covariance : array of shape (D, D) or (K, D, D)

    Returns
    -------
    ndarray of shape (N,) or (N, K)
        In nats. It is the log of a density, not of a probability: it may exceed zero.

    Raises
    ------
    ValueError
        If the data are not finite numbers in two dimensions.
    DegenerateError
        If a covariance is not positive definite.

    Examples
    --------
    >>> log_density([[0.0]], [0.0], [[1.0]]).round(4)
    array([-0.9189])
    """
    x = check.data(x)
    mean, covariance = checked_params(mean, covariance, x.shape[1])
    if mean.ndim == 1:
        return _log_density(x, mean, covariance)
    components = zip(mean, covariance, strict=True)
    return np.stack([_log_density(x, *component) for component in components], axis=1)


def checked_params(mean: ArrayLike, covariance: ArrayLike, d: int) -> tuple[Array, Array]:
    """Mean and covariance, or K of each, as arrays that fit data with `d` features.

    Or a ValueError. Whether a covariance is positive definite shows when it is factorised.
    """
    mean, covariance = check.numbers("mean", mean), check.numbers("covariance", covariance)
    if mean.ndim not in (1, 2) or mean.shape[-1] != d or covariance.shape != (*mean.shape, d):
        raise ValueError(
            f"data with {d} features need a mean of shape ({d},) and a covariance of shape "
            f"({d}, {d}), or K of each, got {mean.shape} and {covariance.shape}"
        )
    check.symmetric("covariance", covariance)
    return mean, covariance


def _log_density(x: Array, mean: Array, covariance: Array) -> Array:
    factor = cholesky_factor(covariance)
    # One factor gives the distances and the determinant, and is refused if there is no density.
    residuals = solve_triangular(factor, (x - mean).T, lower=True, check_finite=False)
    log_determinant = 2 * np.log(np.diag(factor)).sum()
    with np.errstate(over="ignore"):  # a density of zero, which its logarithm shows as -inf
        squares: Array = (residuals**2).sum(axis=0)
    return -0.5 * (x.shape[1] * LOG_2PI + float(log_determinant) + squares)


def cholesky_factor(covariance: Array) -> Array:
    """The lower triangular L with L L' = covariance, or a stack of them; or DegenerateError."""
    try:
        factor = np.asarray(np.linalg.cholesky(covariance), dtype=float)
    except np.linalg.LinAlgError as error:
        raise DegenerateError(NOT_POSITIVE) from error
    # What the features before leave of a variance may be rounding, and still be above zero.
    left = factor.diagonal(axis1=-2, axis2=-1) ** 2
    if (left <= SMALLEST_SHARE_LEFT * covariance.diagonal(axis1=-2, axis2=-1)).any():
        raise DegenerateError(NOT_POSITIVE)
    return factor


def turned(covariance: Array, rng: Generator, size: float) -> Array:
    """Covariances, one or a stack, of ellipses stretched and turned at random by about `size`."""
    root = cholesky_factor(covariance)
    turn = size * rng.standard_normal(root.shape) / np.sqrt(root.shape[-1])
    moved = root + root @ turn
    return moved @ np.swapaxes(moved, -1, -2)


def inverse_factor(covariance: Array) -> Array:
    """The inverse W of the Cholesky factor, or a stack: W (x - mean) has covariance one."""
    factors = cholesky_factor(covariance)
    stack = factors.reshape(-1, *factors.shape[-2:])
    # For draws from the Gaussian this is as accurate as solving with the triangle.
    return np.array([dtrtri(factor, lower=True)[0] for factor in stack]).reshape(factors.shape)


def sufficient_statistics(x: ArrayLike, weights: ArrayLike | None = None) -> GaussianStatistics:
    """Weighted sums of (1, x, x x').

    Parameters
    ----------
    x : array of shape (N, D)
        Centre data whose mean is far from zero first: squares lose digits.
    weights : array of shape (N,) or (N, K), optional
        Non-negative; in a mixture the responsibilities, one column per component.

    Returns
    -------
    GaussianStatistics
        With a leading axis K if the weights have one.

    Examples
    --------
    >>> sufficient_statistics([[1.0], [3.0]]).sum_xx
    array([[10.]])
    """
    x = check.data(x)
    w = check.weights(weights, len(x))
    if w.ndim == 1:
        return GaussianStatistics(np.asarray(w.sum()), w @ x, (w[:, None] * x).T @ x)
    # Equation mix-statistics: S_k = sum over n of r_nk T(x_n)
    sum_xx = np.stack([(w[:, [k]] * x).T @ x for k in range(w.shape[1])])
    return GaussianStatistics(w.sum(axis=0), w.T @ x, sum_xx)


def moments(
    statistics: GaussianStatistics, floor: float, ridge: float | Array = 0.0
) -> tuple[Array, Array]:
    """Means and covariances of maximum likelihood: of a single Gaussian, or of every component.

    Covariances are in the form of `sum_xx`. The `ridge`, a number or one for each of D features,
    is added to their diagonals, and their eigenvalues are raised to the `floor`. A DegenerateError
    if a component has no weight, or if a variance above floor and ridge is lost in rounding.
    """
    n, count, form = check_alive(statistics.n), statistics.count, statistics.form
    # Equation ml-gaussian-mean
    mean = statistics.sum_x / n[..., None]
    # Equation ml-gaussian-covariance
    mean_square = statistics.sum_xx / count
    covariance = mean_square - np.einsum(PRODUCTS[form], statistics.sum_x, mean) / count
    # Variances, as differences from mean squares, may have lost their digits.
    variances = np.einsum(DIAGONALS[form], covariance)  # a view: what is added to it is added there
    error = ROUNDING_OF_VARIANCE * np.einsum(DIAGONALS[form], mean_square)
    lost = (error > LARGEST_SHARE_LOST * variances) & (error > floor + np.min(ridge))
    if lost.any():
        raise DegenerateError(
            f"the variance of feature {np.argwhere(lost)[0][-1]} is zero, or so small beside the "
            "square of the mean that it is lost in rounding. Is the feature constant, has a "
            "component collapsed onto one point, or is the start far from all data? If not, "
            "subtract the feature's mean first."
        )
    variances += np.mean(ridge) if form == "spherical" else ridge
    if form in ("full", "tied"):
        return statistics.origin + mean, clip_eigenvalues(covariance, floor)
    return statistics.origin + mean, np.maximum(covariance, floor)


def mle(statistics: GaussianStatistics, floor: float = 0.0) -> Gaussian:
    """Maximum likelihood from sufficient statistics; for a mixture, of each component.

    Parameters
    ----------
    statistics : GaussianStatistics
    floor : float
        Lower bound on every eigenvalue of the covariance. Clipping eigenvalues is the exact
        maximum under that bound, so EM stays monotone with it.

    Returns
    -------
    Gaussian

    Raises
    ------
    DegenerateError
        If a component has no weight, or its variance is zero or lost in rounding because the
        mean is too far from zero.

    Examples
    --------
    >>> fitted = mle(sufficient_statistics([[1.0], [3.0]]))
    >>> fitted.mean, fitted.covariance
    (array([2.]), array([[1.]]))
    """
    check.size("floor", floor)
    return Gaussian(*moments(check_statistics(statistics), floor))


def sample(params: Gaussian, n: int, rng: Generator) -> Array:
    """Draw `n` points, as an array of shape (n, D).

    Examples
    --------
    >>> standard = Gaussian(np.zeros(2), np.eye(2))
    >>> sample(standard, 5, np.random.default_rng(0)).shape
    (5, 2)
    """
    check.kind("params", params, Gaussian)
    mean = check.numbers("mean", params.mean, shape=(None,))
    mean, covariance = checked_params(mean, params.covariance, len(mean))
    check.count("n", n, 0)
    factor = cholesky_factor(covariance)
    return mean + check.generator(rng).standard_normal((n, len(factor))) @ factor.T


def check_statistics(statistics: GaussianStatistics, form: str | None = None) -> GaussianStatistics:
    """The sums as arrays; or an error that names one that is wrong, or a form other than `form`."""
    check.kind("statistics", statistics, GaussianStatistics)
    if form not in (None, statistics.form):
        raise ValueError(f"statistics are those of {statistics.form} covariances, not of {form}")
    n = check.numbers("n", statistics.n)
    sum_x = check.numbers("sum_x", statistics.sum_x, shape=(*n.shape, None))
    if not sum_x.size or (n < 0).any():
        raise ValueError(f"n and sum_x must not be empty, and n not negative, got n = {n}")
    origin = check.numbers("origin", statistics.origin)
    if origin.ndim:
        origin = check.numbers("origin", origin, shape=sum_x.shape)
    d = sum_x.shape[-1]
    shapes = {"full": (*sum_x.shape, d), "tied": (d, d), "diag": sum_x.shape, "spherical": n.shape}
    sum_xx = check.numbers("sum_xx", statistics.sum_xx, shape=shapes[statistics.form])
    if statistics.form in ("full", "tied"):
        check.symmetric("sum_xx", sum_xx)
    mean = sum_x / np.where(n > 0, n, 1)[..., None]
    about_mean = sum_xx - np.einsum(PRODUCTS[statistics.form], sum_x, mean)
    spread, squares = (np.einsum(DIAGONALS[statistics.form], s) for s in (about_mean, sum_xx))
    if (spread < -LARGEST_SHARE_LOST * squares).any():
        raise ValueError(
            "sum_xx is too small to go with n and sum_x: no points have such sums of squares"
        )
    return GaussianStatistics(n, sum_x, sum_xx, origin, statistics.form)


def clip_eigenvalues(covariance: Array, floor: float) -> Array:
    """The covariance, or stack of them, with every eigenvalue raised to at least `floor`."""
    try:  # cheaper than eigenvalues, and done if they are above the floor
        if floor > 0:
            np.linalg.cholesky(covariance - floor * np.eye(covariance.shape[-1]))
        return covariance
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(covariance)
        raised = np.maximum(values, floor)[..., None, :]
        return (vectors * raised) @ np.swapaxes(vectors, -1, -2)


def patterns_of(seen: Mask) -> tuple[Mask, Integers]:
    """The P different rows of a mask (N, D), of shape (P, D), and which of them each row is.

    Examples
    --------
    >>> patterns_of(np.array([[True, False], [True, True], [True, False]]))[1]
    array([0, 1, 0])
    """
    # Bytes of eight bits: rows of these are quickly compared.
    bits = np.ascontiguousarray(np.packbits(seen, axis=1))
    rows = bits.view(f"V{bits.shape[1]}")[:, 0]
    _, first, which = np.unique(rows, return_index=True, return_inverse=True)
    return seen[first], which


def check_alive(n: Array) -> Array:
    """The weights of the components, if all are above zero; or DegenerateError."""
    weights = np.asarray(n, dtype=float)
    if not (weights > 0).all():
        raise DegenerateError(lost_points(np.flatnonzero(~(np.atleast_1d(weights) > 0))))
    return weights


def lost_points(which: Integers) -> str:
    """What to say about components without any points."""
    lost = sentence("component", which, "has lost all its points", "have lost all their points")
    return f"{lost}. Use fewer components."
