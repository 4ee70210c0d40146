"""The Gaussian mixture as two pure functions, `e_step` and `m_step`, for the loop `emlib.em`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from emlib import gaussian
from emlib.gaussian import GaussianStatistics

Array = NDArray[np.float64]


@dataclass(frozen=True)
class MixtureParams:
    """Parameters theta of a mixture of K Gaussians in D dimensions.

    Attributes
    ----------
    weights : ndarray of shape (K,)
        pi: non-negative, summing to one.
    means : ndarray of shape (K, D)
        mu.
    covariances : ndarray of shape (K, D, D)
        Sigma: variances on the diagonal, not standard deviations.
    """

    weights: Array
    means: Array
    covariances: Array


def log_joint(params: MixtureParams, x: ArrayLike) -> Array:
    """Logarithm of p(x_n, z_n = k): one row per point, one column per component.

    Parameters
    ----------
    params : MixtureParams
    x : array of shape (N, D)

    Returns
    -------
    ndarray of shape (N, K)
    """
    with np.errstate(divide="ignore"):
        log_weights = np.log(params.weights)
    # Equation mix-joint: log pi_k + log N(x_n | mu_k, Sigma_k)
    return log_weights + gaussian.log_density(x, params.means, params.covariances)


def log_density(params: MixtureParams, x: ArrayLike) -> Array:
    """Logarithm of p(x_n), an array of shape (N,).

    Examples
    --------
    >>> one = MixtureParams(np.ones(1), np.zeros((1, 1)), np.ones((1, 1, 1)))
    >>> log_density(one, [[0.0]]).round(4)
    array([-0.9189])
    """
    # Equation mix-density: the log of a sum, computed without leaving log space
    return np.asarray(logsumexp(log_joint(params, x), axis=1))


def responsibilities(params: MixtureParams, x: ArrayLike) -> Array:
    """r_nk = p(z_n = k | x_n): an array of shape (N, K) whose rows sum to one.

    Examples
    --------
    >>> two = MixtureParams(np.full(2, 0.5), np.array([[-1.0], [1.0]]), np.ones((2, 1, 1)))
    >>> responsibilities(two, [[0.0], [1.0]]).round(3)
    array([[0.5  , 0.5  ],
           [0.119, 0.881]])
    """
    return _posterior(params, x)[0]


def _posterior(params: MixtureParams, x: ArrayLike) -> tuple[Array, Array]:
    """Responsibilities r_nk and, beside them since they need it, log p(x_n)."""
    joint = log_joint(params, x)
    log_p = logsumexp(joint, axis=1, keepdims=True)
    # Equation mix-responsibilities: Bayes' rule
    return np.exp(joint - log_p), log_p[:, 0]


def e_step(params: MixtureParams, x: ArrayLike) -> tuple[GaussianStatistics, float]:
    """Expected sufficient statistics of every component, and the log-likelihood.

    Parameters
    ----------
    params : MixtureParams
    x : array of shape (N, D)

    Returns
    -------
    statistics : GaussianStatistics
        With a leading axis of length K.
    log_likelihood : float
        Of all the data, at `params`.
    """
    r, log_p = _posterior(params, x)
    # Equation mix-loglik
    return gaussian.sufficient_statistics(x, r), float(log_p.sum())


def m_step(statistics: GaussianStatistics, floor: float = 0.0) -> MixtureParams:
    """Weights, means and covariances from expected statistics: a weighted MLE per component.

    Parameters
    ----------
    statistics : GaussianStatistics
        With a leading axis of length K.
    floor : float
        Lower bound on the eigenvalues of every covariance, in squared units of the data.

    Returns
    -------
    MixtureParams

    Raises
    ------
    DegenerateError
        If a component has lost all its points.
    """
    fitted = gaussian.mle(statistics, floor)
    # Equation mix-weights: pi_k = N_k / N
    weights = statistics.n / statistics.n.sum()
    return MixtureParams(weights, fitted.mean, fitted.covariance)


def sample(
    params: MixtureParams, n: int, rng: np.random.Generator
) -> tuple[Array, NDArray[np.intp]]:
    """Draw `n` points and the hidden labels they came with: z first, then x given z.

    Returns
    -------
    x : ndarray of shape (n, D)
    z : ndarray of shape (n,)
    """
    z = rng.choice(len(params.weights), size=n, p=params.weights)
    factors = np.stack([gaussian.cholesky_factor(c) for c in params.covariances])
    noise = rng.standard_normal((n, params.means.shape[1]))
    return params.means[z] + np.einsum("nij,nj->ni", factors[z], noise), z


def nudge(
    statistics: GaussianStatistics, rng: np.random.Generator, size: float
) -> GaussianStatistics:
    """Statistics as if each component's points had been moved by `size` of its spread.

    For the confirmation in `emlib.em`: whatever the move, the result is a valid statistic.
    """
    n, sum_x = statistics.n[:, None], statistics.sum_x
    variance = np.diagonal(statistics.sum_xx, axis1=1, axis2=2) / n - (sum_x / n) ** 2
    move = size * np.sqrt(np.maximum(variance, 0)) * rng.standard_normal(sum_x.shape)
    # (x + d)(x + d)' = xx' + xd' + dx' + dd', summed over the component's points
    cross = np.einsum("ki,kj->kij", sum_x, move)
    squares = np.einsum("ki,kj->kij", n * move, move)
    sum_xx = statistics.sum_xx + cross + np.swapaxes(cross, 1, 2) + squares
    return GaussianStatistics(statistics.n, sum_x + n * move, sum_xx)
