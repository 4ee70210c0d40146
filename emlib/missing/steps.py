"""The Gaussian with holes: maximum likelihood from rows of which only a part was seen.

A row's pattern says which of its features were seen. Given the parameters, all rows of one
pattern are treated alike, and they enter the E-step only through sums. So a pattern keeps no more
rows than it takes to have its sums, and the work of a step grows with the number of patterns. Its
M-step is that of complete data, `emlib.gaussian.mle`.

Orchard and Woodbury (1972), Proc. 6th Berkeley Symposium 1, 697-715; Dempster, Laird and Rubin
(1977), J. R. Statist. Soc. B 39, 1-38, section 4.1.
"""

from __future__ import annotations

from functools import reduce

import numpy as np
from numpy.typing import ArrayLike

from emlib import gaussian
from emlib import validation as check
from emlib.gaussian import Gaussian, GaussianStatistics
from emlib.missing.conditionals import conditional
from emlib.missing.patterns import Block, Patterns, Rows
from emlib.trees import add
from emlib.types import Array, Generator
from emlib.validation import LARGEST, SMALLEST


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
        If shapes do not fit, or something is not finite.

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
    params = checked_params(params, patterns.seen.shape[1])
    whitener = gaussian.inverse_factor(params.covariance)
    step = params.mean - patterns.origin
    parts = (_e_step(params, whitener, step, block) for block in patterns.blocks)
    return reduce(add, parts)


def _e_step(
    params: Gaussian, whitener: Array, step: Array, block: Block
) -> tuple[GaussianStatistics, float]:
    form, n = conditional(params, whitener, block), block.n
    rows, squares = form.fill(block.about(step))
    filled = rows.reshape(-1, len(step))
    # Equation miss-sum-x
    expected_x = block.weights.ravel() @ filled
    # Equations miss-sum-xx and miss-patterns
    expected_xx = filled.T @ filled + form.left(n)
    # Equation miss-loglik
    log_likelihood = -0.5 * float(n @ form.log_constants + squares.sum())
    symmetric = 0.5 * (expected_xx + expected_xx.T)
    statistics = GaussianStatistics(np.asarray(n.sum()), expected_x, symmetric, params.mean)
    return statistics, log_likelihood


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
    ValueError
        If the statistics are not finite, or not those of one Gaussian.

    Examples
    --------
    >>> from emlib import em
    >>> x = np.array([[1.0, 2.0], [2.0, 3.5], [3.0, 6.5], [4.0, 8.0], [9.0, np.nan]])
    >>> result = em(e_step, m_step, Gaussian(np.zeros(2), np.eye(2)), x, nudge=nudge)
    >>> result.params.mean.round(3)  # the mean of 2, 3.5, 6.5, 8 alone would be 5
    array([3.8 , 7.73])
    """
    if not isinstance(statistics, GaussianStatistics) or statistics.form != "full":
        raise ValueError(
            f"statistics must be GaussianStatistics of form 'full', got {statistics!r}"
        )
    if check.numbers("n", statistics.n, shape=()) == 0:
        raise ValueError("n, the number of rows, must be above zero: there are no data")
    # Equation miss-mstep
    return gaussian.mle(statistics, floor)


def nudge(statistics: GaussianStatistics, rng: Generator, size: float) -> GaussianStatistics:
    """Statistics as if the mean had moved by `size` of the spread and the ellipse been turned.

    For the confirmation in `emlib.em`: with holes a likelihood can have saddles.
    """
    check.size("size", size)
    check.generator(rng)
    params = m_step(statistics)
    turned = gaussian.turned(params.covariance, rng, size)
    step = gaussian.cholesky_factor(params.covariance) @ rng.standard_normal(len(params.mean))
    return GaussianStatistics(
        statistics.n, np.zeros_like(step), statistics.n * turned, params.mean + size * step
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
    params = checked_params(params, rows.x.shape[1])
    whitener = gaussian.inverse_factor(params.covariance)
    r, found = np.where(rows.seen, rows.x - params.mean, 0.0), np.zeros(len(rows.x) + 1)
    for block in rows.blocks(r):
        form = conditional(params, whitener, block)
        _, squares = form.fill(block.x)
        # Equation miss-loglik
        found[block.rows] -= 0.5 * (form.log_constants[:, None] + squares)
    return found[:-1]  # the last was for padding


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


def draw(params: Gaussian, x: ArrayLike, rng: Generator) -> Array:
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
    check.generator(rng)
    return _filled(params, x, rng)


def _filled(params: Gaussian, x: ArrayLike, rng: Generator | None) -> Array:
    rows = Rows.of(x)
    params = checked_params(params, rows.x.shape[1])
    whitener = gaussian.inverse_factor(params.covariance)
    guess = np.tile(params.mean, (len(rows.x), 1))
    if rng is not None:  # a whole row is drawn, and then moved to where its seen part belongs
        guess = gaussian.sample(params, len(rows.x), rng)
    r = np.where(rows.seen, rows.x - guess, 0.0)
    moved = np.zeros((len(guess) + 1, len(params.mean)))
    for block in rows.blocks(r):
        moved[block.rows] = conditional(params, whitener, block).fill(block.x)[0]
    return np.where(rows.seen, rows.x, guess + moved[:-1])  # the last was for padding


def checked_params(params: Gaussian, d: int) -> Gaussian:
    """Mean and covariance of one Gaussian of `d` features as arrays, or a ValueError."""
    if not isinstance(params, Gaussian):
        raise ValueError(f"params must be a Gaussian(mean, covariance), got {params!r}")
    mean, covariance = gaussian.checked_params(params.mean, params.covariance, d)
    check.numbers("mean", mean, shape=(d,))
    variances = covariance.diagonal(axis1=-2, axis2=-1)
    largest = max(np.abs(mean).max(), np.sqrt(np.abs(variances).max()))
    if largest > LARGEST or 0 < variances.min() < SMALLEST**2:
        raise ValueError(
            "mean or covariance holds numbers whose squares or inverses are out of a float's "
            "range. Rescale the features."
        )
    return Gaussian(mean, covariance)
