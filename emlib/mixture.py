"""Mixtures of any family as two pure functions, `e_step` and `m_step`, for the loop `emlib.em`.

Gaussians with full covariances are the default; others are in `emlib.covariances`, and counts in
`emlib.families`. Parameters are the weights, then the components' parameters in the family's
order: `MixtureParams` for Gaussians, `(weights, rates)` for Poisson counts, and so on.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emlib import engine
from emlib.blocks import Blocks
from emlib.covariances import Full, Gaussians
from emlib.families import Family
from emlib.gaussian import GaussianStatistics

Array = NDArray[np.float64]
Params = tuple[Array, ...]
FULL = Full()


class MixtureParams(NamedTuple):
    """Parameters theta of a mixture of K Gaussians in D dimensions.

    Attributes
    ----------
    weights : ndarray of shape (K,)
        pi: non-negative, summing to one.
    means : ndarray of shape (K, D)
        mu.
    covariances : ndarray of shape (K, D, D)
        Sigma: variances on the diagonal, not standard deviations. Of shape (D, D), (K, D) or
        (K,) for tied, diagonal and spherical covariances.
    """

    weights: Array
    means: Array
    covariances: Array


def log_joint(params: Params, x: ArrayLike | Blocks, family: Family = FULL) -> Array:
    """Logarithm of p(x_n, z_n = k): one row per point, one column per component.

    Parameters
    ----------
    params : MixtureParams, or a tuple of weights and the family's parameters
    x : array of shape (N, D)
    family : Family

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
    data = Blocks.of(x)
    form = engine.form_for(params, data, family)
    joint = np.empty((len(params[0]), data.shape[0]))
    for rows in data.slices(max(form.height, len(params[0]))):
        form.read(data, rows)
        # Equation mix-joint: log pi_k + log p(x_n | theta_k)
        joint[:, rows] = form.log_joint() + form.log_shared()
    return joint.T


def log_components(components: Params, x: ArrayLike | Blocks, family: Family = FULL) -> Array:
    """Logarithm of p(x_n | theta_k), an array of shape (N, K); -inf where it is zero.

    Parameters
    ----------
    components : tuple of arrays
        The family's parameters, without weights.
    x : array of shape (N, D)
    family : Family
    """
    log_b = log_joint(evenly(components), x, family)
    log_b += np.log(log_b.shape[1])
    log_b[log_b < engine.IMPOSSIBLE] = -np.inf
    return log_b


def evenly(components: Params) -> Params:
    """The mixture in which these components have the same weight."""
    k = len(components[0])
    return (np.full(k, 1 / k), *components)


def log_density(params: Params, x: ArrayLike | Blocks, family: Family = FULL) -> Array:
    """Logarithm of p(x_n), an array of shape (N,); -inf where no component reaches.

    Examples
    --------
    >>> one = MixtureParams(np.ones(1), np.zeros((1, 1)), np.ones((1, 1, 1)))
    >>> log_density(one, [[0.0]]).round(4)
    array([-0.9189])
    """
    data = Blocks.of(x)
    result = np.empty(data.shape[0])
    for form, rows, _, log_p in engine.posteriors(params, data, family, strict=False):
        result[rows] = log_p + form.log_shared()
    return result


def responsibilities(params: Params, x: ArrayLike | Blocks, family: Family = FULL) -> Array:
    """r_nk = p(z_n = k | x_n): an array of shape (N, K) whose rows sum to one.

    Examples
    --------
    >>> two = MixtureParams(np.full(2, 0.5), np.array([[-1.0], [1.0]]), np.ones((2, 1, 1)))
    >>> responsibilities(two, [[0.0], [1.0]]).round(3)
    array([[0.5  , 0.5  ],
           [0.119, 0.881]])
    """
    data = Blocks.of(x)
    result = np.empty((len(params[0]), data.shape[0]))
    for _, rows, r, _ in engine.posteriors(params, data, family):
        result[:, rows] = r
    return result.T


def e_step(params: Params, x: ArrayLike | Blocks, family: Family = FULL) -> tuple[Any, float]:
    """Expected sufficient statistics of every component, and the log-likelihood.

    Parameters
    ----------
    params : MixtureParams, or a tuple of weights and the family's parameters
    x : array of shape (N, D), or Blocks
        As `Blocks`, points may have weights, and are checked once and not at every step.
    family : Family

    Returns
    -------
    statistics : GaussianStatistics, or Sums for counts
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
    data, log_likelihood = Blocks.of(x), 0.0
    for form, rows, r, log_p in engine.posteriors(params, data, family):
        if data.weights is not None:
            r *= data.weights[rows]
            log_p *= data.weights[rows]
        # Equation mix-loglik
        log_likelihood += float(log_p.sum())
        form.add(r)
    statistics, shared = form.total(data)
    return statistics, log_likelihood + shared


def statistics(r: Array, x: ArrayLike | Blocks, family: Family = FULL) -> Any:
    """The sums of T(x), each point weighted by its responsibilities `r` of shape (N, K)."""
    data = Blocks.of(x)
    d = data.shape[1]
    no_eta = np.zeros((r.shape[1], 1 + d + family.extra(d)))
    form = engine.Natural(family, d, no_eta, np.zeros(len(family.shared(np.empty((d, 0))))))
    for rows in data.slices(max(form.height, r.shape[1])):
        form.read(data, rows)
        form.add(r[rows].T * data.count(rows))
    return form.total(data)[0]


def m_step(statistics: Any, family: Family = FULL) -> Any:
    """Parameters from expected statistics: shares, and a weighted MLE per component.

    Parameters
    ----------
    statistics : GaussianStatistics, or Sums for counts
        With a leading axis of length K.
    family : Family

    Returns
    -------
    MixtureParams, or a tuple of weights and the family's parameters

    Raises
    ------
    DegenerateError
        If a component has lost all its points.
    """
    components = family.mle(statistics)
    # Equation mix-weights: pi_k = N_k / N
    weights = statistics.n / statistics.n.sum()
    if isinstance(family, Gaussians):
        return MixtureParams(weights, *components)
    return (weights, *components)


def relabelled(
    params: MixtureParams, order: NDArray[np.intp], family: Gaussians = FULL
) -> MixtureParams:
    """The same mixture with its components in another order."""
    covariances = params.covariances if family.tied else params.covariances[order]
    return MixtureParams(params.weights[order], params.means[order], covariances)


def sample(
    params: Params, n: int, rng: np.random.Generator, family: Family = FULL
) -> tuple[Array, NDArray[np.intp]]:
    """Draw `n` points and the hidden labels they came with: z first, then x given z.

    Returns
    -------
    x : ndarray of shape (n, D)
    z : ndarray of shape (n,)
    """
    weights, *components = params
    z = rng.choice(len(weights), size=n, p=weights)
    return family.draw(z, rng, *components), z


def nudge(
    statistics: GaussianStatistics,
    rng: np.random.Generator,
    size: float,
    family: Gaussians = FULL,
) -> GaussianStatistics:
    """Statistics as if each component had been moved by `size` of its spread, and shares evened.

    For the confirmation in `emlib.em`. Moves go along each component's own axes, so they make
    sense for correlated features too; evening out brings back a component that has died.
    """
    means, covariances = family.mle(statistics)
    step = size * rng.standard_normal(means.shape)
    for k, w in enumerate(family.whiteners(covariances, len(means))):
        step[k] = family.unwhiten(w, step[k][:, None])[:, 0]
    n = statistics.n
    return family.expected((1 - size) * n + size * n.mean(), means + step, covariances)
