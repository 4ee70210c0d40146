"""From data and settings to fits of a mixture: what an estimator's `fit` does before the loop.

The loop itself, `steps` and `climb`, is in `emlib.em`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.special import softmax
from sklearn.metrics import pairwise_distances_argmin

from emlib.families import LOG_ZERO, Family
from emlib.fitting import Problem
from emlib.gaussian import lost_points
from emlib.holding import Held
from emlib.mixture import engine, steps
from emlib.mixture.blocks import Blocks
from emlib.mixture.priors import AnswersPrior, BoundPrior
from emlib.mixture.starts import STARTS
from emlib.mixture.steps import Params
from emlib.results import DegenerateError
from emlib.squarem import Coordinates
from emlib.types import Array, Generator, Integers
from emlib.units import Units

# This many complete rows for each component are enough to find clusters in.
COMPLETE_ROWS = 10
# A component whose responsibilities sum to less than this has no points to speak of.
FEWEST_POINTS = 1e-3


def problem_of(
    data: Blocks, prior: BoundPrior | AnswersPrior | None, k: int, accelerate: bool, held: Held
) -> Problem[Params, Any]:
    """A mixture of K components of the data's family, with all that is needed to fit it."""
    family, units = data.family, data.units
    lightest = 1.0 if data.weights is None else data.weights.min()
    m_step = prior.m_step if prior else partial(steps.maximum, family=family, revive=True)
    return Problem(
        e_step=engine.expectations,
        m_step=m_step,
        holding=partial(m_step_holding, m_step=m_step, held=held, family=family) if held else None,
        nudge=family.nudge,
        data=data,
        n=data.n,
        collapse=partial(collapse, family=family, n=data.n / lightest),
        restore=partial(restored, family=family, units=units),
        log_scale=data.log_scale,
        responsibilities=partial(steps.responsibilities, x=data),
        # Where labels are known or something is held, another order is another model.
        relabelled=None
        if held or data.labels is not None
        else partial(steps.relabelled, family=family),
        log_prior=None if prior is None else prior.log_density,
        coordinates=coordinates(family, k, data.x.shape[1]) if accelerate else None,
        exact=family.exact,
        weight=data.n / len(data.x),
    )


def collapse(params: Params, family: Family, n: float) -> str | None:
    """What to say about a component that is empty or has collapsed; None if none is.

    `n` is the number of points, each of the weight of the lightest.
    """
    empty = np.flatnonzero(n * params[0] < FEWEST_POINTS)
    if len(empty):
        return lost_points(empty)
    return family.collapse(params[1:], "component")


def standardised(params: Params, family: Family, units: Units) -> Params:
    """The mixture in `units`, if these are its parameters in the user's."""
    return (params[0], *family.to_units(params[1:], units))


def m_step_holding(
    statistics: Any, m_step: Callable[[Any], Params], held: Held, family: Family, given: Params
) -> Params:
    """The M-step of what is not held; the rest is as `given`, in the units in which EM works."""
    return held.put_back(m_step(held.about_held(statistics, given[1:], family)), given)


def restored(params: Params, family: Family, units: Units) -> Params:
    """The mixture in the user's units, if these are its parameters in `units`."""
    return steps.named((params[0], *family.from_units(params[1:], units)), family)


def start(
    problem: Problem[Params, Any],
    k: int,
    explicit: tuple[Any, ...],
    r: Array | None,
    how: str,
    rng: Generator,
) -> Params:
    """The first parameters, in the units in which EM works: explicit where given, else drawn.

    Parameters
    ----------
    problem : Problem
    k : int
        Number of components.
    explicit : tuple
        The parameters that are given, in the user's units; None for those that are to be drawn.
    r : ndarray of shape (N, K), optional
        Explicit responsibilities.
    how : str
        The way in which responsibilities are drawn if there are none, one of `STARTS`.
    rng : numpy.random.Generator
    """
    data: Blocks = problem.data
    family, places = data.family, explicit[1]
    given = params = (explicit[0], *family.to_units(explicit[1:], data.units))
    is_given = any(part is not None for part in given)
    if any(part is None for part in given):
        if r is not None:
            shares = r
        elif places is not None:
            shares = nearest(data, places)
        else:
            shares = draw_responsibilities(data, k, how, rng)
        if data.labels is not None:
            shares = with_known(shares.T, data.labels, matching=r is None and places is None).T
        drawn = first_m_step(problem.m_step, shares, data, lift=r is None)
        if r is None and places is None:
            order = nearest_order(drawn, given, family, data.labels)
            drawn = steps.relabelled(drawn, order, family)
        params = completed(given, drawn)
    params = (params[0], *family.bounded(params[1:]))
    if is_given:
        steps.checked_params(params, family, data.x.shape[1])
    return params


def first_m_step(
    m_step: Callable[[Any], Params], r: Array, data: Blocks, lift: bool = True
) -> Params:
    """The parameters that the M-step makes from responsibilities of shape (N, K).

    With `lift`, without probabilities of zero that would stay. Components may be so narrow, and so
    far apart, that squares about the data's origin have no digits left: then about their means.
    """
    family, statistics = data.family, steps.statistics(r, data)
    statistics = family.lifted(statistics) if lift else statistics
    try:
        return m_step(statistics)
    except DegenerateError:
        if not family.whitens or not (statistics.n > 0).all():
            raise
        form = engine.form_about(statistics.sum_x / statistics.n[:, None], data)
        return m_step(engine.statistics(form, r.T * data.count(slice(None))))


def warm_start(data: Blocks, last: Params, explicit: tuple[Any, ...], held: Held) -> Params:
    """Parameters to go on from, in the units in which EM works: the last fit's, or what is held.

    `last` and `explicit` are in the user's units. Where labels are known, components take the order
    in which these are likeliest, unless something of a component is held.
    """
    family = data.family
    params = standardised(held.put_back(last, explicit), family, data.units)
    params = (params[0], *family.bounded(params[1:]))
    steps.checked_params(params, family, data.x.shape[1])
    if data.labels is None or any((*held.inner, held.components)):
        return params
    return in_order_of_labels(params, data, any(held.outer))


def in_order_of_labels(params: Params, data: Blocks, weights_are_held: bool) -> Params:
    """The same mixture, with its components in the order in which known labels are likeliest.

    `params` are in the units of `data.units`. Where weights are held only the components change
    places, and only if all the data are then likelier.
    """
    assert data.labels is not None
    known = np.flatnonzero(data.labels >= 0)
    some = replace(data.some(known), weights=None, labels=None)
    log_p = np.maximum(engine.log_joint(params, some), LOG_ZERO)
    told = np.eye(len(params[0]))[:, data.labels[known]] * data.count(known)
    order = linear_sum_assignment(told @ log_p.T, maximize=True)[1]
    ordered: Params = steps.relabelled(params, order, data.family)
    if not weights_are_held:
        return ordered

    def log_likelihood(params: Params) -> float:
        try:
            return engine.expectations(params, data)[1]
        except DegenerateError:
            return -np.inf

    return max(params, (params[0], *ordered[1:]), key=log_likelihood)


def nearest_order(
    drawn: Params, given: tuple[Array | None, ...], family: Family, labels: Integers | None
) -> Integers:
    """The order in which what was drawn is nearest to what is given, in the same units.

    Components of which labels are known stay where these say.
    """
    k = len(drawn[0])
    order, distances = np.arange(k), np.zeros((k, k))
    free = order if labels is None else np.setdiff1d(order, labels)
    for part, other, axes in zip(given, drawn, ("K", *family.parameters.values()), strict=True):
        if part is not None and axes.startswith("K"):
            largest = max(np.abs(part).max(), np.abs(other).max(), np.finfo(float).tiny)
            steps_apart = (part[:, None] / largest - other / largest).reshape(k, k, -1)
            gap = np.square(steps_apart).sum(axis=2)
            distances += gap / max(gap.max(), np.finfo(float).tiny)
    order[free] = free[linear_sum_assignment(distances[np.ix_(free, free)])[1]]
    return order


def completed(given: tuple[Array | None, ...], drawn: tuple[Array, ...]) -> tuple[Array, ...]:
    """The parts that are given, and where there is none, what was drawn."""
    return tuple(d if g is None else g for g, d in zip(given, drawn, strict=True))


def draw_responsibilities(data: Blocks, k: int, how: str, rng: Generator) -> Array:
    """Responsibilities of shape (N, K) from one of the `STARTS`, for which features weigh alike.

    Means that stand for what was not seen look like a cluster. So if there are enough
    complete rows, the others go to the nearest of their clusters, by what was seen.
    """
    x = units_for_distances(data).standardise(data.x)
    if data.holes is None or len(data.complete) < COMPLETE_ROWS * k or how == "random":
        return STARTS[how](x, k, rng, data.weights)
    complete = data.complete
    weights = None if data.weights is None else data.weights[complete]
    r = STARTS[how](x[complete], k, rng, weights)
    centres = (r.T @ x[complete]) / r.sum(axis=0)[:, None]
    distances = [np.square(np.where(data.holes, 0.0, x - centre)).sum(axis=1) for centre in centres]
    shares = np.eye(k)[np.argmin(distances, axis=0)]
    shares[complete] = r
    return shares


def with_known(r: Array, labels: Integers, matching: bool) -> Array:
    """Shares (K, N) in which the labels that are known (not -1) are told.

    With `matching`, the components first take the order in which they suit these labels best.
    """
    known, r = np.flatnonzero(labels >= 0), r.copy()
    told = np.eye(len(r))[:, labels[known]]
    if matching:
        r = r[linear_sum_assignment(told @ r[:, known].T, maximize=True)[1]]
    r[:, known] = told
    return r


def nearest(data: Blocks, places: Array) -> Array:
    """Responsibilities of shape (N, K): all of a point's to the nearest of K places."""
    units = units_for_distances(data)
    labels = pairwise_distances_argmin(units.standardise(data.x), units.standardise(places))
    return np.eye(len(places))[labels]


def units_for_distances(data: Blocks) -> Units:
    """Units in which every feature has standard deviation one, for k-means and nearest places."""
    if data.family.standardised:
        return data.units
    units = data.standard_units()
    return Units(units.origin, np.where(units.scale > 0, units.scale, 1.0))


def coordinates(family: Family, k: int, d: int) -> Coordinates:
    """Mixtures as vectors of any numbers: logarithms of the weights, and the family's own."""

    def to_free(params: Params) -> Params:
        return np.log(params[0]), *family.to_free(params[1:])

    def from_free(free: Params) -> Params:
        return (softmax(free[0]), *family.from_free(free[1:]))

    return Coordinates.of(tuple(map(np.empty, ((k,), *family.shapes(k, d)))), to_free, from_free)
