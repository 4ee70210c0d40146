"""From sequences and settings to fits of a hidden Markov model: what an estimator's `fit` does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from itertools import permutations
from typing import Any

import numpy as np
from scipy.special import softmax

from emlib import mixture
from emlib.em import SAME_VALUE
from emlib.fitting import Problem
from emlib.hmm import steps
from emlib.hmm.priors import ChainPrior, with_symbols
from emlib.hmm.sequences import Sequences
from emlib.hmm.stationary import stationary as stationary_of
from emlib.hmm.steps import HMMParams, HMMStatistics
from emlib.holding import Held
from emlib.mixture.fitting import (
    completed,
    draw_responsibilities,
    first_m_step,
    nearest,
    nearest_order,
    with_known,
)
from emlib.results import DegenerateError
from emlib.squarem import Coordinates
from emlib.types import Array, Generator, Integers

# Steps that every drawn transition matrix has seen between any two states.
STEPS_SEEN = 1.0
MOST_PERMUTED = 4


def problem_of(
    sequences: Sequences, stationary: bool, prior: ChainPrior, held: Held, accelerate: bool
) -> Problem[HMMParams, HMMStatistics]:
    """A hidden Markov model with all that is needed to fit it to the sequences."""
    family, units = sequences.data.family, sequences.data.units
    searches = stationary and not held.outer[1]  # what is held needs no search
    m_step = partial(prior.m_step if prior else steps.maximum, family=family, stationary=searches)

    def restore(params: HMMParams) -> HMMParams:
        return params._replace(components=family.from_units(params.components, units))

    def holding(statistics: HMMStatistics, given: HMMParams) -> HMMParams:
        emissions = held.about_held(statistics.emissions, given.components, family)
        found = m_step(replace(statistics, emissions=emissions))
        flat = (*found[:2], *found.components), (*given[:2], *given.components)
        startprob, transmat, *components = held.put_back(*flat)
        return HMMParams(startprob, transmat, tuple(components))

    return Problem(
        e_step=steps.expectations,
        m_step=m_step,
        holding=holding if held else None,
        nudge=partial(steps.moved, family=family),
        data=sequences,
        n=sequences.n,
        collapse=lambda params: family.collapse(params.components, "state"),
        restore=restore,
        log_scale=sequences.data.log_scale,
        responsibilities=lambda params: steps.smoothed(params, sequences)[0],
        # In another order of the states it is another model, if something tells them apart.
        relabelled=None
        if held or sequences.states is not None or not prior.treats_states_alike
        else partial(steps.relabelled, family=family),
        log_prior=prior.log_density if prior else None,
        coordinates=coordinates(sequences, len(prior.starts), stationary) if accelerate else None,
    )


def start(
    sequences: Sequences,
    prior: ChainPrior,
    explicit: Any,
    how: str | None,
    rng: Generator,
) -> HMMParams:
    """The first parameters, in the units in which EM works: explicit where given, else drawn.

    Parameters
    ----------
    sequences : Sequences
    prior : ChainPrior
    explicit : HMMParams
        The parameters that are given, in the user's units; None for those that are to be drawn.
    how : str, optional
        The way in which states are told apart, one of `emlib.mixture.starts`; at random if None.
    rng : numpy.random.Generator
    """
    data, family, k = sequences.data, sequences.data.family, len(prior.starts)
    given: Any = explicit._replace(components=family.to_units(explicit.components, data.units))
    are_given = [part is not None for part in (*given[:2], *given.components)]
    drawn, order = given, np.arange(k)
    if not all(are_given):
        r, shares = draw_shares(sequences, k, explicit.components, how, rng)

        def m_step(emissions: Any) -> mixture.steps.Params:
            # What is not given is not forbidden: where a prior counts, it counts from the start.
            emissions = with_symbols(emissions, prior.symbols)
            return mixture.steps.maximum(emissions, family, revive=True)

        seen = STEPS_SEEN + sequences.transitions(shares)
        transmat = seen / seen.sum(axis=1, keepdims=True)
        drawn = HMMParams(np.full(k, 1 / k), transmat, first_m_step(m_step, r, data)[1:])

    def completed_in(order: Integers) -> HMMParams:
        found = steps.relabelled(drawn, order, family)
        first = completed(given.components, found.components)
        startprob, transmat = completed(given[:2], found[:2])
        return HMMParams(startprob, transmat, family.bounded(first))

    if any(are_given):
        steps.checked_params(completed_in(order), family, data.x.shape[1])
    if given.components[0] is None:
        one = steps.evenly(drawn.components)
        order = nearest_order(one, (None, *given.components), family, sequences.states)
        if any(are_given[:2]):
            order = likeliest_order(order, completed_in, sequences)
    return completed_in(order)


def draw_shares(
    sequences: Sequences, k: int, components: Any, how: str | None, rng: Generator
) -> tuple[Array, Array]:
    """Responsibilities to start from, for explicit `components` as in `start`.

    For each row of the data, (N, K), and for each observation, (K, T) in packed order.
    """
    data, places = sequences.data, components[0]
    if all(part is not None for part in components):
        given = data.family.bounded(data.family.to_units(components, data.units))
        r = mixture.responsibilities(steps.evenly(given), data)
    elif places is not None:
        r = nearest(data, places)
    elif how is None or len(data.x) < k:
        r = rng.dirichlet(np.ones(k), size=len(data.x))
    else:
        r = draw_responsibilities(data, k, how, rng)
    shares = sequences.per_observation(r.T, 1 / k)
    if sequences.states is None:
        return r, shares
    shares = with_known(shares, sequences.states, matching=places is None)
    return (sequences.per_value(shares) / np.maximum(data.count(slice(None)), 1)).T, shares


def likeliest_order(
    order: Integers, completed_in: Callable[[Integers], HMMParams], sequences: Sequences
) -> Integers:
    """The order of what was drawn in which it suits best what is given; begun from `order`.

    All orders of up to four states are tried; with more, moves or exchanges as long as one helps.
    """

    @cache
    def log_likelihood(order: tuple[int, ...]) -> float:
        try:
            return steps.expectations(completed_in(np.array(order)), sequences)[1]
        except DegenerateError:
            return -np.inf

    best = tuple(order)
    highest = log_likelihood(best)
    while True:
        candidates = permutations(best) if len(best) <= MOST_PERMUTED else near(best)
        scores = {order: log_likelihood(order) for order in candidates}
        likeliest = max(scores, key=scores.__getitem__)
        if not scores[likeliest] > highest + SAME_VALUE * abs(highest):
            return np.array(best)
        best, highest = likeliest, scores[likeliest]


def near(order: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """The orders in which one has moved to another place, or two have changed places."""
    for i, j in permutations(range(len(order)), 2):
        moved = [*order[:i], *order[i + 1 :]]
        moved.insert(j, order[i])
        yield tuple(moved)
        changed = list(order)
        changed[i], changed[j] = order[j], order[i]
        yield tuple(changed)


def coordinates(sequences: Sequences, k: int, stationary: bool) -> Coordinates:
    """Chains as vectors of any numbers: logarithms of probabilities, and the family's own."""
    family = sequences.data.family
    shapes = family.shapes(k, sequences.data.x.shape[1])

    def to_free(params: HMMParams) -> HMMParams:
        startprob, transmat, components = params
        return HMMParams(np.log(startprob), np.log(transmat), family.to_free(components))

    def from_free(free: HMMParams) -> HMMParams:
        transmat = softmax(free.transmat, axis=1)
        startprob = stationary_of(transmat) if stationary else softmax(free.startprob)
        return HMMParams(startprob, transmat, family.from_free(free.components))

    example = HMMParams(np.empty(k), np.empty((k, k)), tuple(map(np.empty, shapes)))
    return Coordinates.of(example, to_free, from_free)
