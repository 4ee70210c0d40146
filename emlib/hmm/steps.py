"""Hidden Markov models as two pure functions, `e_step` and `m_step`, for the loop `emlib.em`.

An HMM is a mixture whose hidden labels remember: components are those of `emlib.mixture`, in any
of its families; in place of the weights there are the start and the steps of a Markov chain.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from emlib import validation as check
from emlib.em import relative_nudge
from emlib.families import Components, Family
from emlib.hmm import walks
from emlib.hmm.sequences import FULL, Sequences
from emlib.hmm.stationary import stationary_m_step
from emlib.mixture import engine
from emlib.results import ImpossibleError
from emlib.trees import Additive, add
from emlib.types import Array, Generator, Integers, Mask
from emlib.wording import with_value


class HMMParams(NamedTuple):
    """Parameters theta of a hidden Markov model with K states.

    Attributes
    ----------
    startprob : ndarray of shape (K,)
        pi_k = p(z_1 = k).
    transmat : ndarray of shape (K, K)
        A_jk = p(z_t = k | z_{t-1} = j): rows sum to one.
    components : tuple of ndarray
        In the family's order: (means, covariances), (rates,), (probabilities,).
    """

    startprob: Array
    transmat: Array
    components: tuple[Array, ...]


@dataclass(frozen=True, eq=False)
class HMMStatistics(Additive):
    """Expected statistics of the complete data: they add.

    Attributes
    ----------
    starts : ndarray of shape (K,)
        How many sequences start in each state.
    transitions : ndarray of shape (K, K)
        How many steps go from one state to another.
    emissions : GaussianStatistics or Sums
        As those of a mixture.
    params : HMMParams
        At which they were computed: states that are never visited keep theirs.
    """

    starts: Array
    transitions: Array
    emissions: Any
    params: HMMParams

    def __add__(self, other: HMMStatistics) -> HMMStatistics:
        """Statistics of more sequences."""
        return HMMStatistics(
            self.starts + other.starts,
            self.transitions + other.transitions,
            add(self.emissions, other.emissions),
            self.params,
        )


def e_step(
    params: HMMParams, x: ArrayLike | Sequences, family: Family | None = None
) -> tuple[HMMStatistics, float]:
    """Expected statistics of the complete data, and the log-likelihood.

    Parameters
    ----------
    params : HMMParams
    x : Sequences, or an array of shape (T, D) as one sequence
    family : Family, optional
        By default that of the sequences; for an array, Gaussians with full covariances.

    Returns
    -------
    statistics : HMMStatistics
    log_likelihood : float

    Raises
    ------
    ValueError
        If the data are not a table of finite numbers, or the chain's rows do not sum to one.
    DegenerateError
        If the data are impossible, or the components not valid.

    Examples
    --------
    >>> two = (np.array([[-1.0], [1.0]]), np.ones((2, 1, 1)))
    >>> params = HMMParams(np.full(2, 0.5), np.array([[0.9, 0.1], [0.1, 0.9]]), two)
    >>> statistics, log_likelihood = e_step(params, [[-1.0], [-1.0], [1.0]])
    >>> statistics.transitions.round(2)
    array([[1.35, 0.45],
           [0.01, 0.18]])
    """
    params, sequences = checked(params, x, family)
    return expectations(params, sequences)


def expectations(params: HMMParams, sequences: Sequences) -> tuple[HMMStatistics, float]:
    """The E-step of what needs no check, as in a fit."""
    form, packed, log_likelihood = _posterior(params, sequences)
    starts = packed.responsibilities[:, sequences.pieces.firsts].sum(axis=1)
    r = sequences.per_value(packed.responsibilities)
    emissions = engine.statistics(form, r)
    return HMMStatistics(starts, packed.transitions, emissions, params), log_likelihood


def checked(
    params: HMMParams, x: ArrayLike | Sequences, family: Family | None
) -> tuple[HMMParams, Sequences]:
    """Parameters and data, once it is seen that they make sense: the door of every function."""
    sequences = Sequences.of(x, family=family)
    if isinstance(x, Sequences):
        _ = sequences.data.checked
    return checked_params(params, sequences.data.family, sequences.data.x.shape[1]), sequences


def checked_params(params: HMMParams, family: Family, d: int | None = None) -> HMMParams:
    """Chain and components as arrays that belong together, or a ValueError that names one."""
    check.kind("family", family, Family)
    if not isinstance(params, tuple | list) or len(params) != len(HMMParams._fields):
        raise ValueError("params must be HMMParams: startprob, transmat, and a tuple of components")
    components = family.check_components(params[2], d)
    k = len(components[0])
    startprob = check.numbers("startprob", params[0], shape=(k,))
    transmat = check.numbers("transmat", params[1], shape=(k, k))
    check.sums("startprob", startprob)
    check.sums("transmat", transmat)
    return HMMParams(startprob, transmat, components)


def check_statistics(statistics: HMMStatistics, family: Family) -> HMMStatistics:
    """The statistics as arrays; or an error that names a part that is wrong."""
    check.kind("family", family, Family)
    check.kind("statistics", statistics, HMMStatistics)
    emissions, params = family.check_statistics(statistics.emissions), statistics.params
    check.kind("params", params, HMMParams)
    k = len(emissions.n)
    if len(params.startprob) != k:
        raise ValueError(f"emissions are those of {k} states, and params are not")
    starts = check.numbers("starts", statistics.starts, shape=(k,))
    transitions = check.numbers("transitions", statistics.transitions, shape=(k, k))
    for name, counts in (("starts", starts), ("transitions", transitions)):
        if (counts < 0).any():
            raise ValueError(f"{name} must not be negative")
    if not starts.any():
        raise ValueError("starts are all zero: at least one sequence must start")
    return HMMStatistics(starts, transitions, emissions, params)


def m_step(statistics: HMMStatistics, family: Family = FULL, stationary: bool = False) -> HMMParams:
    """Parameters from expected statistics: shares of starts and steps, a weighted MLE per state.

    A state that is never visited keeps its component, and one that is never left keeps its
    row of `transmat`: the data say nothing about them.

    Parameters
    ----------
    statistics : HMMStatistics
    family : Family
    stationary : bool
        Whether the start has the chain's stationary distribution. That M-step has no closed
        form; the transition matrix is then found by BFGS, started at the closed one.

    Raises
    ------
    DegenerateError
        If a covariance cannot be computed.
    """
    return maximum(check_statistics(statistics, family), family, stationary)


def maximum(statistics: HMMStatistics, family: Family, stationary: bool = False) -> HMMParams:
    """The M-step of statistics that need no check, such as those of an E-step."""
    startprob, transmat = chain_m_step(statistics, stationary)
    seen = visited(statistics)
    if seen.all():
        return HMMParams(startprob, transmat, family.mle(statistics.emissions))
    components = family.refit(statistics.emissions, seen, statistics.params.components)
    return HMMParams(startprob, transmat, components)


def chain_m_step(statistics: HMMStatistics, stationary: bool) -> tuple[Array, Array]:
    """The part of the M-step that is the chain's: its start and its transition matrix."""
    transitions, params = statistics.transitions, statistics.params
    left = transitions.sum(axis=1, keepdims=True)
    # Equation hmm-transmat
    transmat = np.where(left > 0, transitions / np.where(left > 0, left, 1), params.transmat)
    if stationary:
        return stationary_m_step(statistics.starts, transitions, transmat, params.transmat)
    # Equation hmm-start
    return statistics.starts / statistics.starts.sum(), transmat


def visited(statistics: HMMStatistics) -> Mask:
    """Which states are visited at all."""
    return statistics.emissions.n > walks.SMALLEST_SUM


def nudge(
    statistics: HMMStatistics, rng: Generator, size: float, family: Family = FULL
) -> HMMStatistics:
    """For the confirmation in `emlib.em`: states moved as in a mixture, forbidden steps kept."""
    statistics = check_statistics(statistics, family)
    return moved(statistics, check.generator(rng), check.size("size", size), family)


def moved(statistics: HMMStatistics, rng: Generator, size: float, family: Family) -> HMMStatistics:
    """`nudge` of statistics that need no check."""
    emissions = statistics.emissions
    if not np.all(emissions.n > 0):
        emissions = family.revived(emissions)
    emissions = family.nudge(emissions, rng, size)
    starts, transitions = relative_nudge((statistics.starts, statistics.transitions), rng, size)
    return replace(statistics, starts=starts, transitions=transitions, emissions=emissions)


def log_emission(
    params: HMMParams, x: ArrayLike | Sequences, family: Family | None = None
) -> Array:
    """Logarithm of p(x_t | z_t = k), of shape (T, K); -inf where it is zero.

    Where nothing was observed it is the logarithm of one.

    Examples
    --------
    >>> two = (np.array([[-1.0], [1.0]]), np.ones((2, 1, 1)))
    >>> params = HMMParams(np.full(2, 0.5), np.full((2, 2), 0.5), two)
    >>> log_emission(params, [[-1.0], [1.0]]).round(3)
    array([[-0.919, -2.919],
           [-2.919, -0.919]])
    """
    params, sequences = checked(params, x, family)
    return sequences.pieces.in_order(_log_emission(params, sequences)).T


def _log_emission(params: HMMParams, sequences: Sequences, possible: bool = False) -> Array:
    """`log_emission` of shape (K, T), packed; -inf where another state is known, too.

    If it must be `possible`, an ImpossibleError names what no state can have emitted.
    """
    data = sequences.data
    log_b = engine.log_joint(evenly(params.components), data)
    if possible:
        with _named_by_row(sequences):
            engine.check_possible(log_b.max(axis=0), data)
    log_b = sequences.per_observation(log_b + np.log(len(log_b)), 0.0)
    sequences.rule_out(log_b, -np.inf)
    return log_b


def smoothed(
    params: HMMParams, x: ArrayLike | Sequences, family: Family | None = None
) -> tuple[Array, float]:
    """gamma_tk = p(z_t = k | all of the sequence), of shape (T, K), and the log-likelihood."""
    params, sequences = checked(params, x, family)
    _, packed, log_likelihood = _posterior(params, sequences)
    return sequences.pieces.in_order(packed.responsibilities).T, log_likelihood


def filtered(
    params: HMMParams, x: ArrayLike | Sequences, family: Family | None = None
) -> tuple[Array, Array]:
    """p(z_t = k | x_1 .. x_t), of shape (T, K), and the log-likelihood of each sequence.

    That of an impossible sequence is minus infinity, and its rows are zero from where it fails.
    """
    params, sequences = checked(params, x, family)
    log_b = _log_emission(params, sequences)
    packed, log_likelihoods = walks.filtered_in_logs(*params[:2], log_b, sequences.pieces)
    return sequences.pieces.in_order(packed).T, log_likelihoods


def decoded(
    params: HMMParams, x: ArrayLike | Sequences, family: Family | None = None
) -> tuple[Integers, float]:
    """The most probable paths (T,), and the log-probability of them and the data together."""
    params, sequences = checked(params, x, family)
    log_b = sequences.pieces.in_order(_log_emission(params, sequences, possible=True))
    pieces = sequences.pieces.quickest(len(params.startprob))
    paths, log_p = walks.best_paths(*params[:2], log_b[:, pieces.rows], pieces)
    return pieces.in_order(paths), float(log_p.sum())


def sample(
    params: HMMParams, n: int, rng: Generator, family: Family = FULL
) -> tuple[Array, Integers]:
    """Draw a sequence of `n` observations, of shape (n, D), and the states behind them, (n,).

    Examples
    --------
    >>> there_and_back = HMMParams(np.array([1.0, 0.0]), np.eye(2)[::-1], (np.eye(2),))
    >>> from emlib.families import Poisson
    >>> sample(there_and_back, 4, np.random.default_rng(0), Poisson())[1]
    array([0, 1, 0, 1])
    """
    params = checked_params(params, family)
    check.count("n", n, 0)
    check.generator(rng)
    # The last bound is one, whatever rounding made of it; no uniform number reaches it.
    bounds = [np.cumsum(row)[:-1] for row in (*params.transmat, params.startprob)]
    z = np.empty(n, dtype=np.intp)
    state = -1
    for t, u in enumerate(rng.uniform(size=n)):
        z[t] = state = int(np.searchsorted(bounds[state], u, side="right"))
    return family.sample(params.components, z, rng), z


def relabelled(params: HMMParams, order: Integers, family: Family = FULL) -> HMMParams:
    """The same model with its states in another order."""
    order = check.order(order, len(params.startprob))
    components = family.relabelled(params.components, order)
    return HMMParams(params.startprob[order], params.transmat[np.ix_(order, order)], components)


def evenly(components: Components) -> Components:
    """The mixture in which these components have the same weight."""
    k = len(components[0])
    return (np.full(k, 1 / k), *components)


def _posterior(params: HMMParams, sequences: Sequences) -> tuple[engine.Form, walks.Packed, float]:
    """The states' densities, forward-backward, and the log-likelihood.

    Only the ratios of an observation's densities matter to the chain. So each state's density is
    taken over that of the even mixture of all states: its responsibility there, over K.
    """
    form = engine.form_of(evenly(params.components), sequences.data)
    k = len(params.startprob)
    space = sequences.pieces.workspace(k)
    b = space.table
    table = b if sequences.which is None else np.empty((k, len(form.data.x)))
    with _named_by_row(sequences):
        log_scale = engine.responsibilities(form, table) + sequences.n * float(np.log(k))
    sequences.per_observation(table, 1.0, out=b)
    sequences.rule_out(b, 0.0)
    packed = walks.forward_backward(*params[:2], sequences.pieces, space)
    if packed is not None:
        log_likelihood = float(packed.log_likelihoods.sum()) + log_scale + form.total_log_shared()
        return form, packed, log_likelihood
    log_b = _log_emission(params, sequences)
    packed = walks.forward_backward_in_logs(*params[:2], log_b, sequences.pieces)
    return form, packed, float(packed.log_likelihoods.sum())


@contextmanager
def _named_by_row(sequences: Sequences) -> Iterator[None]:
    """Name an observation that no state can have emitted by its row in the data of the user."""
    try:
        yield
    except ImpossibleError as error:
        row = with_value(sequences.first_row(error.row), sequences.data.x[error.row])
        raise ImpossibleError(walks.IMPOSSIBLE_OBSERVATION.format(row)) from None
