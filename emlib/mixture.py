"""The Gaussian mixture as two pure functions, `e_step` and `m_step`, for the loop `emlib.em`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from emlib import gaussian
from emlib.em import DegenerateError
from emlib.gaussian import GaussianStatistics

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
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

    Raises
    ------
    ValueError
        If the data are not a table of finite numbers.
    DegenerateError
        If a covariance is not positive definite.
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
    lost = np.flatnonzero(~np.isfinite(log_p))
    if len(lost):
        raise DegenerateError(
            f"point {lost[0]} has density zero under every component: it is too far from all of "
            "them for a float to hold. Is it an outlier, or a start far from the data?"
        )
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

    Raises
    ------
    ValueError
        If the data are not a table of finite numbers.
    DegenerateError
        If a covariance is not positive definite, or a point has density zero everywhere.
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
    """Statistics as if each component had been moved by `size` of its spread, and shares evened.

    For the confirmation in `emlib.em`. Moves go along each component's own axes, so they make
    sense for correlated features too; evening out brings back a component that has died.
    """
    n, sum_x, sum_xx = statistics.n[:, None], statistics.sum_x, statistics.sum_xx
    mean = sum_x / n
    covariance = sum_xx / n[..., None] - mean[:, :, None] * mean[:, None, :]
    values, vectors = np.linalg.eigh(covariance)
    axes = vectors * np.sqrt(np.maximum(values, 0))[:, None, :]
    move = size * np.einsum("kij,kj->ki", axes, rng.standard_normal(sum_x.shape))
    # (x + d)(x + d)' = xx' + xd' + dx' + dd', summed over the component's points
    cross = np.einsum("ki,kj->kij", sum_x, move)
    squares = np.einsum("ki,kj->kij", n * move, move)
    sum_xx = sum_xx + cross + np.swapaxes(cross, 1, 2) + squares
    share = (1 - size) + size * n.mean() / n
    return GaussianStatistics(
        statistics.n * share[:, 0], (sum_x + n * move) * share, sum_xx * share[..., None]
    )
