"""Mixtures of any family as two pure functions, `e_step` and `m_step`, for the loop `emlib.em`.

Gaussians with full covariances are the default; others are in `emlib.covariances`, and counts in
`emlib.families`. Parameters are the weights, then the components' parameters in the family's
order: `MixtureParams` for Gaussians, `(weights, rates)` for Poisson counts, and so on.

What runs in every iteration of a fit, whose start is checked: `emlib.em.steps` alternates
`engine.expectations`, the E-step, block by block, and `maximum`, the M-step, which for Gaussians
is `emlib.gaussian.moments`. `e_step` and `m_step` are the same behind a check of what they get.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from emlib import validation as check
from emlib.families import Family, category
from emlib.mixture import engine
from emlib.mixture.blocks import FULL, Blocks
from emlib.types import Array, Generator, Integers

Params = tuple[Array, ...]


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


def e_step(
    params: Params, x: ArrayLike | Blocks, family: Family | None = None
) -> tuple[Any, float]:
    """Expected sufficient statistics of every component, and the log-likelihood.

    Parameters
    ----------
    params : MixtureParams, or a tuple of weights and the family's parameters
    x : array of shape (N, D), or Blocks
        As `Blocks`, points may have weights, and are checked once and not at every step.
    family : Family, optional
        By default that of `Blocks`; for an array, Gaussians with full covariances.

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
    params, data = checked(params, x, family)
    return engine.expectations(params, data)


def checked(params: Params, x: ArrayLike | Blocks, family: Family | None) -> tuple[Params, Blocks]:
    """Parameters and data, once it is seen that they make sense: the door of every function."""
    data = Blocks.of(x, family)
    if isinstance(x, Blocks):
        _ = data.checked
    return checked_params(params, data.family, data.x.shape[1], data.labels), data


def checked_params(
    params: Params, family: Family, d: int | None = None, labels: Integers | None = None
) -> Params:
    """Weights and components as arrays that belong together, or a ValueError that names one."""
    check_parts(params, family)
    components = family.check_components(tuple(params[1:]), d)
    weights = check.numbers("weights", params[0], shape=(len(components[0]),))
    check.sums("weights", weights)
    if labels is not None and labels.max() >= len(weights):
        raise ValueError(f"labels must be below {len(weights)}, the number of components")
    return (weights, *components)


def check_parts(params: Params, family: Family) -> None:
    """An error unless there is a part for the weights and each of the family's parameters."""
    check.kind("family", family, Family)
    names = ("weights", *family.parameters)
    if not isinstance(params, tuple | list) or len(params) != len(names):
        raise ValueError(f"params must be a tuple of {', '.join(names)}")


def m_step(statistics: Any, family: Family = FULL, revive: bool = False) -> Any:
    """Parameters from expected statistics: shares, and a weighted MLE per component.

    Parameters
    ----------
    statistics : GaussianStatistics, or Sums for counts
        With a leading axis of length K.
    family : Family
    revive : bool
        Whether a component without any points starts anew, as wide as all points together and so
        nearly empty that the likelihood does not see it.

    Returns
    -------
    MixtureParams, or a tuple of weights and the family's parameters

    Raises
    ------
    DegenerateError
        If a component has lost all its points.
    """
    check.kind("family", family, Family)
    return named(maximum(family.check_statistics(statistics), family, revive), family)


def maximum(statistics: Any, family: Family, revive: bool = False) -> Params:
    """The M-step of statistics that need no check, such as those of an E-step."""
    if revive and not (statistics.n > 0).all():
        statistics = family.revived(statistics)
    components = family.mle(statistics)
    # Equation mix-weights: pi_k = N_k / N
    weights = statistics.n / statistics.n.sum()
    return (weights, *components)


def named(params: Params, family: Family) -> Any:
    """Parameters as users see them: for Gaussians as `MixtureParams`."""
    is_gaussian = tuple(family.parameters) == MixtureParams._fields[1:]
    return MixtureParams(*params) if is_gaussian else params


def log_joint(params: Params, x: ArrayLike | Blocks, family: Family | None = None) -> Array:
    """Logarithm of p(x_n, z_n = k), -inf where it is zero: a row per point, a column per component.

    Parameters
    ----------
    params : MixtureParams, or a tuple of weights and the family's parameters
    x : array of shape (N, D), or Blocks
    family : Family, optional
        As in `e_step`.

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
    params, data = checked(params, x, family)
    return engine.log_joint(params, data).T


def log_density(params: Params, x: ArrayLike | Blocks, family: Family | None = None) -> Array:
    """Logarithm of p(x_n), an array of shape (N,); -inf where no component reaches.

    Takes what `log_joint` does.

    Examples
    --------
    >>> one = MixtureParams(np.ones(1), np.zeros((1, 1)), np.ones((1, 1, 1)))
    >>> log_density(one, [[0.0]]).round(4)
    array([-0.9189])
    """
    params, data = checked(params, x, family)
    form, found = engine.form_of(params, data), np.empty(len(data.x))
    for rows in form.slices:
        log_p = form.posterior(rows)[1]
        found[rows] = np.where(log_p > engine.IMPOSSIBLE, log_p + form.log_shared(), -np.inf)
    return found


def responsibilities(params: Params, x: ArrayLike | Blocks, family: Family | None = None) -> Array:
    """r_nk = p(z_n = k | x_n): an array of shape (N, K) whose rows sum to one.

    Takes what `log_joint` does.

    Examples
    --------
    >>> two = MixtureParams(np.full(2, 0.5), np.array([[-1.0], [1.0]]), np.ones((2, 1, 1)))
    >>> responsibilities(two, [[0.0], [1.0]]).round(3)
    array([[0.5  , 0.5  ],
           [0.119, 0.881]])
    """
    params, data = checked(params, x, family)
    r = np.empty((len(params[0]), len(data.x)))
    engine.responsibilities(engine.form_of(params, data), r)
    return r.T


def statistics(r: Array, x: ArrayLike | Blocks, family: Family | None = None) -> Any:
    """The sums of T(x), each point weighted by its responsibilities `r` of shape (N, K)."""
    data = Blocks.of(x, family)
    r = check.weights(check.numbers("r", r, shape=(len(data.x), None)), len(data.x), "r")
    r = r.T * data.count(slice(None))
    if data.family.shared is not None:  # which are summed over points, whatever the component
        data = replace(data, weights=r.sum(axis=0))
    return engine.statistics(engine.form_without_params(data, len(r)), r)


def relabelled(params: Params, order: Integers, family: Family = FULL) -> Any:
    """The same mixture, or its standard errors, with the components in another order."""
    check_parts(params, family)
    order = check.order(order, len(params[0]))
    return named((params[0][order], *family.relabelled(params[1:], order)), family)


def sample(params: Params, n: int, rng: Generator, family: Family = FULL) -> tuple[Array, Integers]:
    """Draw `n` points and the hidden labels they came with: z first, then x given z.

    Returns
    -------
    x : ndarray of shape (n, D)
    z : ndarray of shape (n,)
    """
    params = checked_params(params, family)
    check.count("n", n, 0)
    z = category(params[0], check.generator(rng).uniform(size=n))
    return family.sample(params[1:], z, rng), z


def nudge(statistics: Any, rng: Generator, size: float, family: Family = FULL) -> Any:
    """Statistics as if the components had been moved, for the confirmation in `emlib.em`."""
    check.kind("family", family, Family)
    statistics = family.check_statistics(statistics)
    return family.nudge(statistics, check.generator(rng), check.size("size", size))
