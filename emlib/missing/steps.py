"""The Gaussian with holes: maximum likelihood from rows of which only a part was seen.

A row's pattern says which of its features were seen. Given the parameters, all rows of one
pattern are treated alike, and they enter the E-step only through sums. So the sums are formed
once, per pattern, and an EM step never looks at the rows again. Its M-step is that of complete
data, `emlib.gaussian.mle`.

Orchard and Woodbury (1972), Proc. 6th Berkeley Symposium 1, 697-715; Dempster, Laird and Rubin
(1977), J. R. Statist. Soc. B 39, 1-38, section 4.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import issparse

from emlib import gaussian
from emlib.gaussian import LOG_2PI, Gaussian, GaussianStatistics
from emlib.trees import add
from emlib.types import Array, Integers, Mask
from emlib.validation import check_data

# Numbers in the stack of matrices of one block of patterns: a few megabytes.
BLOCK = 400_000


@dataclass(frozen=True, eq=False)
class Patterns:
    """Rows with holes as the E-step reads them: their sums, by the pattern of what was seen.

    They take the memory of P D D numbers: much less than the rows if many rows share a pattern,
    and more if hardly any do.

    Attributes
    ----------
    seen : ndarray of bool, of shape (P, D)
        The patterns, each once.
    n : ndarray of shape (P,)
        Number of rows of each.
    sum_x : ndarray of shape (P, D)
        Sums of x - origin over the rows of a pattern; zero where it was not seen.
    sum_xx : ndarray of shape (P, D, D)
        Sums of (x - origin)(x - origin)', zero likewise.
    origin : ndarray of shape (D,)
        From where x is measured: the mean of what was seen.
    """

    seen: Mask
    n: Array
    sum_x: Array
    sum_xx: Array
    origin: Array

    @classmethod
    def of(cls, x: ArrayLike | Patterns) -> Patterns | Self:
        """The sums of a table of shape (N, D) in which NaN marks the holes.

        Raises
        ------
        ValueError
            If the table is empty or holds infinities.

        Examples
        --------
        >>> patterns = Patterns.of([[1.0, 2.0], [3.0, np.nan], [5.0, np.nan]])
        >>> patterns.seen.tolist(), patterns.n.tolist()
        ([[True, False], [True, True]], [2.0, 1.0])
        """
        if isinstance(x, Patterns):
            return x
        rows = Rows.of(x)
        origin = rows.x.sum(axis=0) / np.maximum(rows.seen.sum(axis=0), 1)
        r = np.where(rows.seen, rows.x - origin, 0.0)
        sum_x = np.stack([r[group].sum(axis=0) for group in rows.groups])
        sum_xx = np.stack([r[group].T @ r[group] for group in rows.groups])
        n = np.array([len(group) for group in rows.groups], dtype=float)
        return cls(rows.patterns, n, sum_x, sum_xx, origin)

    def blocks(self) -> Iterator[Patterns]:
        """The same, a few patterns at a time, so that what is computed from them stays small."""
        for part in _slices(len(self.n), self.seen.shape[1]):
            yield replace(
                self,
                seen=self.seen[part],
                n=self.n[part],
                sum_x=self.sum_x[part],
                sum_xx=self.sum_xx[part],
            )

    def about(self, mean: Array) -> tuple[Array, Array]:
        """The sums of x - mean and of (x - mean)(x - mean)', of shapes (P, D) and (P, D, D)."""
        step = (mean - self.origin) * self.seen
        n = self.n[:, None]
        half = (self.sum_x - 0.5 * n * step)[:, :, None] * step[:, None, :]
        return self.sum_x - n * step, self.sum_xx - half - np.swapaxes(half, 1, 2)


class Regression(NamedTuple):
    """What the seen features say about the others, for each of P patterns.

    Attributes
    ----------
    roots : ndarray of shape (P, D, D)
        Inverse Cholesky factors of the seen block of the covariance; ones on the diagonal
        elsewhere.
    coefficients : ndarray of shape (P, D, D)
        B: its rows are the holes, its columns the features seen; zero elsewhere.
    covariances : ndarray of shape (P, D, D)
        C, of the holes given the features seen; zero elsewhere.
    """

    roots: Array
    coefficients: Array
    covariances: Array


def regression(covariance: Array, seen: Mask) -> Regression:
    """Regress the holes of each pattern on what was seen.

    Parameters
    ----------
    covariance : ndarray of shape (D, D)
    seen : ndarray of bool, of shape (P, D)

    Raises
    ------
    DegenerateError
        If the covariance is not positive definite.

    Examples
    --------
    >>> found = regression(np.array([[4.0, 2.0], [2.0, 3.0]]), np.array([[True, False]]))
    >>> found.coefficients[0, 1, 0], found.covariances[0, 1, 1]
    (np.float64(0.5), np.float64(2.0))
    """
    rows, columns = seen[:, :, None], seen[:, None, :]
    # A hole gets a variance of one and no covariances: then all patterns make one stack.
    seen_block = np.where(rows & columns, covariance, np.eye(len(covariance)))
    roots = gaussian.inverse_factor(seen_block)
    half = roots @ np.where(rows & ~columns, covariance, 0.0)
    # Equation miss-coefficients
    coefficients = np.swapaxes(half, 1, 2) @ roots
    # Equation miss-left
    left = np.where(~rows & ~columns, covariance, 0.0) - np.swapaxes(half, 1, 2) @ half
    return Regression(roots, coefficients, left)


def e_step(params: Gaussian, data: ArrayLike | Patterns) -> tuple[GaussianStatistics, float]:
    """Expected sums of (1, x, x x') given what was seen, and the log-likelihood of that.

    Parameters
    ----------
    params : Gaussian
        With mean of shape (D,) and covariance of shape (D, D).
    data : array of shape (N, D) with NaN in the holes, or Patterns
        Patterns are formed once and used by every step.

    Returns
    -------
    statistics : GaussianStatistics
        Measured from the mean of `params`.
    log_likelihood : float

    Raises
    ------
    DegenerateError
        If the covariance is not positive definite.
    ValueError
        If shapes do not fit.

    Examples
    --------
    >>> x = [[1.0, 1.0], [2.0, np.nan]]
    >>> statistics, _ = e_step(Gaussian(np.zeros(2), np.array([[1.0, 0.5], [0.5, 1.0]])), x)
    >>> statistics.sum_x  # the hole counts 0.5 * 2 = 1
    array([3., 2.])
    >>> statistics.sum_xx[1, 1]  # 1 and 1 squared, and what the regression leaves open
    np.float64(2.75)
    """
    patterns = Patterns.of(data)
    _check_params(params, patterns.seen.shape[1])
    parts = (_e_step(params, block) for block in patterns.blocks())
    total: tuple[GaussianStatistics, float] = reduce(add, parts)
    return total


def _e_step(params: Gaussian, patterns: Patterns) -> tuple[GaussianStatistics, float]:
    roots, coefficients, left = regression(params.covariance, patterns.seen)
    sum_x, sum_xx = patterns.about(params.mean)
    # What was seen stays as it is, and the rest is predicted from it.
    fill = coefficients + patterns.seen[:, :, None] * np.eye(len(params.mean))
    # Equation miss-sum-x
    expected_x = np.einsum("pij,pj->i", fill, sum_x)
    # Equations miss-sum-xx and miss-patterns
    expected_xx = (fill @ sum_xx @ np.swapaxes(fill, 1, 2)).sum(axis=0)
    expected_xx += np.tensordot(patterns.n, left, axes=1)
    squares = ((roots @ sum_xx) * roots).sum()
    # Equation miss-loglik
    constant = patterns.n @ (LOG_2PI * patterns.seen.sum(axis=1) + log_determinants(roots))
    symmetric = 0.5 * (expected_xx + expected_xx.T)
    n = np.asarray(patterns.n.sum())
    statistics = GaussianStatistics(n, expected_x, symmetric, params.mean)
    return statistics, float(-0.5 * (constant + squares))


def m_step(statistics: GaussianStatistics, floor: float = 0.0) -> Gaussian:
    """The parameters of maximum likelihood: the M-step is that of complete data.

    Parameters
    ----------
    statistics : GaussianStatistics
    floor : float
        Lower bound on every eigenvalue of the covariance.

    Raises
    ------
    DegenerateError
        If a feature does not vary.

    Examples
    --------
    >>> from emlib import em
    >>> x = np.array([[1.0, 2.0], [2.0, 3.5], [3.0, 6.5], [4.0, 8.0], [9.0, np.nan]])
    >>> result = em(e_step, m_step, Gaussian(np.zeros(2), np.eye(2)), x, nudge=nudge)
    >>> result.params.mean.round(3)  # the mean of 2, 3.5, 6.5, 8 alone would be 5
    array([3.8 , 7.73])
    """
    # Equation miss-mstep
    return gaussian.mle(statistics, floor)


def nudge(
    statistics: GaussianStatistics, rng: np.random.Generator, size: float
) -> GaussianStatistics:
    """Statistics as if the mean had moved by `size` of the spread and the ellipse been turned.

    For the confirmation in `emlib.em`: with holes a likelihood can have saddles.
    """
    params = gaussian.mle(statistics)
    root, d = gaussian.cholesky_factor(params.covariance), len(params.mean)
    turned = root @ (np.eye(d) + size * rng.standard_normal((d, d)) / np.sqrt(d))
    return GaussianStatistics(
        statistics.n,
        np.zeros(d),
        statistics.n * (turned @ turned.T),
        params.mean + size * root @ rng.standard_normal(d),
    )


def log_density(params: Gaussian, x: ArrayLike) -> Array:
    """Log-density of what was seen of each row; zero for a row of which nothing was.

    Parameters
    ----------
    params : Gaussian
    x : array of shape (N, D) with NaN in the holes

    Returns
    -------
    ndarray of shape (N,)

    Examples
    --------
    >>> standard = Gaussian(np.zeros(2), np.eye(2))
    >>> log_density(standard, [[0.0, 0.0], [0.0, np.nan], [np.nan, np.nan]]).round(3)
    array([-1.838, -0.919,  0.   ])
    """
    rows = Rows.of(x)
    _check_params(params, rows.x.shape[1])
    r, found = np.where(rows.seen, rows.x - params.mean, 0.0), np.zeros(len(rows.x))
    for (roots, _, _), seen, groups in rows.regressions(params):
        # Equation miss-loglik
        constants = LOG_2PI * seen.sum(axis=1) + log_determinants(roots)
        for root, constant, group in zip(roots, constants, groups, strict=True):
            found[group] -= 0.5 * (constant + ((r[group] @ root.T) ** 2).sum(axis=1))
    return found


def impute(params: Gaussian, x: ArrayLike) -> Array:
    """`x` with every hole filled by its expectation, given what was seen of the row.

    The best guess of each value. The filled table as a whole varies too little: for that use
    `draw`.

    Parameters
    ----------
    params : Gaussian
    x : array of shape (N, D) with NaN in the holes

    Returns
    -------
    ndarray of shape (N, D)

    Examples
    --------
    >>> params = Gaussian(np.zeros(2), np.array([[1.0, 0.5], [0.5, 1.0]]))
    >>> impute(params, [[2.0, np.nan], [np.nan, np.nan]])
    array([[2., 1.],
           [0., 0.]])
    """
    return _filled(params, x, None)


def draw(params: Gaussian, x: ArrayLike, rng: np.random.Generator) -> Array:
    """`x` with every hole filled by a draw, given what was seen of the row.

    Parameters
    ----------
    params : Gaussian
    x : array of shape (N, D) with NaN in the holes
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape (N, D)

    Examples
    --------
    >>> params = Gaussian(np.zeros(2), np.array([[1.0, 0.5], [0.5, 1.0]]))
    >>> x = np.tile([2.0, np.nan], (100_000, 1))
    >>> filled = draw(params, x, np.random.default_rng(0))[:, 1]
    >>> filled.mean().round(1), filled.var().round(2)  # B x = 1 and C = 0.75
    (np.float64(1.0), np.float64(0.75))
    """
    return _filled(params, x, rng)


def _filled(params: Gaussian, x: ArrayLike, rng: np.random.Generator | None) -> Array:
    rows = Rows.of(x)
    _check_params(params, rows.x.shape[1])
    filled = np.tile(params.mean, (len(rows.x), 1))
    if rng is not None:  # a whole row is drawn, and then moved to where its seen part belongs
        filled = gaussian.sample(params, len(rows.x), rng)
    r = np.where(rows.seen, rows.x - filled, 0.0)
    for (_, coefficients, _), _, groups in rows.regressions(params):
        for b, group in zip(coefficients, groups, strict=True):
            # Equation miss-expectation
            filled[group] += r[group] @ b.T
    return np.where(rows.seen, rows.x, filled)


class Rows(NamedTuple):
    """A table with holes, its rows grouped by pattern.

    Attributes
    ----------
    x : ndarray of shape (N, D)
        Zero in the holes.
    seen : ndarray of bool, of shape (N, D)
    patterns : ndarray of bool, of shape (P, D)
    groups : list of P arrays
        The numbers of the rows of each pattern.
    """

    x: Array
    seen: Mask
    patterns: Mask
    groups: list[Integers]

    @classmethod
    def of(cls, x: ArrayLike) -> Self:
        """Checked and grouped; NaN marks the holes."""
        if issparse(x) or np.ma.is_masked(x) or np.iscomplexobj(x):
            check_data(x)  # which says what is wrong
        table = np.asarray(x, dtype=float)
        seen = ~np.isnan(table)
        filled = check_data(np.where(seen, table, 0.0))
        bits = np.packbits(seen, axis=1)  # eight features to a byte: faster to sort
        _, first, kind = np.unique(bits, axis=0, return_index=True, return_inverse=True)
        order = np.argsort(kind.ravel(), kind="stable")
        groups = np.split(order, np.cumsum(np.bincount(kind.ravel()))[:-1])
        return cls(filled, seen, seen[first], groups)

    def regressions(self, params: Gaussian) -> Iterator[tuple[Regression, Mask, list[Integers]]]:
        """The regressions of some patterns at a time, with the patterns and their rows."""
        for part in _slices(*self.patterns.shape):
            seen = self.patterns[part]
            yield regression(params.covariance, seen), seen, self.groups[part]


def log_determinants(roots: Array) -> Array:
    """Of the covariances whose inverse Cholesky factors are given."""
    return -2 * np.log(np.diagonal(roots, axis1=-2, axis2=-1)).sum(axis=-1)


def _slices(count: int, d: int) -> Iterator[slice]:
    """So many matrices at a time that a block is not too large."""
    size = max(BLOCK // d**2, 1)
    return (slice(start, start + size) for start in range(0, count, size))


def _check_params(params: Gaussian, d: int) -> None:
    if params.mean.shape != (d,) or params.covariance.shape != (d, d):
        raise ValueError(
            f"data with {d} features need a mean of shape ({d},) and a covariance of shape "
            f"({d}, {d}), got {params.mean.shape} and {params.covariance.shape}"
        )
