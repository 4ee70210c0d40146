"""From sequences and settings to fits of a hidden Markov model: what an estimator's `fit` does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import permutations

import numpy as np

from emlib import mixture
from emlib.em import SAME_VALUE
from emlib.families import Components
from emlib.fitting import Problem
from emlib.hmm import steps
from emlib.hmm.priors import ChainPrior
from emlib.hmm.sequences import Sequences
from emlib.hmm.steps import HMMParams, HMMStatistics
from emlib.holding import Held
from emlib.mixture.fitting import (
    draw_responsibilities,
    first_components,
    first_m_step,
    nearest,
    with_known,
)
from emlib.results import DegenerateError
from emlib.types import Array

# Steps that every drawn transition matrix has seen between any two states.
STEPS_SEEN = 1.0
MOST_PERMUTED = 4


def problem_of(
    sequences: Sequences, stationary: bool, prior: ChainPrior, held: Held
) -> Problem[HMMParams, HMMStatistics]:
    """A hidden Markov model with all that is needed to fit it to the sequences."""
    family, units = sequences.data.family, sequences.data.units
    m_step = partial(prior.m_step if prior else steps.maximum, family=family, stationary=stationary)

    def restore(params: HMMParams) -> HMMParams:
        return params._replace(components=family.from_units(params.components, units))

    def holding(statistics: HMMStatistics, given: HMMParams) -> HMMParams:
        emissions = held.about_held(statistics.emissions, given.components, family)
        found = m_step(replace(statistics, emissions=emissions))
        startprob, transmat = held.put_back_outer(found[:2], given[:2])
        return HMMParams(startprob, transmat, held.put_back(found.components, given.components))

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
        responsibilities=lambda params: steps.smoothed(params, sequences, family)[0],
        # In another order of the states it is another model, if something tells them apart.
        relabelled=None
        if held or sequences.states is not None or not prior.treats_states_alike
        else partial(steps.relabelled, family=family),
        log_prior=prior.log_density if prior else None,
    )


def start(
    sequences: Sequences,
    k: int,
    chain: tuple[Array | None, Array | None],
    components: tuple[Array | None, ...],
    how: str | None,
    rng: np.random.Generator,
) -> HMMParams:
    """The first parameters, in the units of the data: explicit where given, drawn where not.

    Parameters
    ----------
    sequences : Sequences
    k : int
        Number of states.
    chain : tuple
        The start and the transition matrix, each None if it is to be drawn.
    components : tuple
        The explicit components, in the user's units, each None if it is to be drawn.
    how : str, optional
        The way in which states are told apart, one of `emlib.mixture.starts`; at random if None.
    rng : numpy.random.Generator
    """
    startprob, transmat = chain
    data, family = sequences.data, sequences.data.family
    own: Components = ()
    if startprob is None or transmat is None or any(part is None for part in components):
        r, shares = draw_shares(sequences, k, components, how, rng)
        m_step = partial(mixture.steps.maximum, family=family, revive=True)
        own = first_m_step(m_step, r, data)[1:]
        seen = STEPS_SEEN + sequences.transitions(shares)
        transmat = seen / seen.sum(axis=1, keepdims=True) if transmat is None else transmat
        startprob = np.full(k, 1 / k) if startprob is None else startprob
    first = first_components(family, data.units, components, own)
    params = HMMParams(startprob, transmat, first)
    if any(part is not None for part in (*chain, *components)):
        steps.checked_params(params, family, data.x.shape[1])
    told = components[0] is not None or sequences.states is not None
    if not told and any(part is not None for part in chain):
        return in_order_of_the_chain(params, sequences)
    return params


def draw_shares(
    sequences: Sequences,
    k: int,
    components: tuple[Array | None, ...],
    how: str | None,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """Responsibilities to start from, with the arguments of `start`.

    For each row of the data, (N, K), and for each observation, (K, T) in packed order.
    """
    data, places = sequences.data, components[0]
    if all(part is not None for part in components):
        given = first_components(data.family, data.units, components, ())
        r = mixture.responsibilities(steps.evenly(given), data, data.family)
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


def in_order_of_the_chain(params: HMMParams, sequences: Sequences) -> HMMParams:
    """The same states in the order in which they suit the chain best: that of the likelihood.

    All orders of up to four states are tried; of more, a move or an exchange as long as one helps.
    """

    def reordered(order: tuple[int, ...]) -> HMMParams:
        components = sequences.data.family.relabelled(params.components, np.array(order))
        return params._replace(components=components)

    def log_likelihood(order: tuple[int, ...]) -> float:
        try:
            return steps.expectations(reordered(order), sequences)[1]
        except DegenerateError:
            return -np.inf

    best = tuple(range(len(params.startprob)))
    highest = log_likelihood(best)
    while True:
        candidates = permutations(best) if len(best) <= MOST_PERMUTED else near(best)
        scores = {order: log_likelihood(order) for order in candidates}
        order = max(scores, key=scores.__getitem__)
        if not scores[order] > highest + SAME_VALUE * abs(highest):
            return reordered(best)
        best, highest = order, scores[order]


def near(order: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """The orders in which one has moved to another place, or two have changed places."""
    for i, j in permutations(range(len(order)), 2):
        moved = [*order[:i], *order[i + 1 :]]
        moved.insert(j, order[i])
        yield tuple(moved)
        changed = list(order)
        changed[i], changed[j] = order[j], order[i]
        yield tuple(changed)
