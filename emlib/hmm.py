"""Hidden Markov models as two pure functions, `e_step` and `m_step`, for the loop `emlib.em`.

An HMM is a mixture whose hidden labels remember: components are those of `emlib.mixture`, in any
of its families; in place of the weights stand the start and the steps of a Markov chain.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emlib import engine, mixture
from emlib.blocked import NOTHING, Packed, walk
from emlib.covariances import Full, Gaussians
from emlib.em import relative_nudge
from emlib.families import Family
from emlib.forward_backward import check_chain, packed_in_logs, scaled
from emlib.markov import stationary, stationary_m_step
from emlib.pieces import Integers
from emlib.sequences import Sequences
from emlib.trees import add
from emlib.viterbi import best_paths

__all__ = ["HMMParams", "HMMStatistics", "Sequences", "e_step", "m_step", "stationary"]

Array = NDArray[np.float64]
FULL = Full()
# The share of the observations with which a state that has none keeps its component.
KEPT = 1e-15


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
class HMMStatistics:
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


def log_emission(params: HMMParams, x: ArrayLike, family: Family = FULL) -> Array:
    """Logarithm of p(x_t | z_t = k), of shape (T, K); -inf where it is zero.

    Examples
    --------
    >>> two = (np.array([[-1.0], [1.0]]), np.ones((2, 1, 1)))
    >>> params = HMMParams(np.full(2, 0.5), np.full((2, 2), 0.5), two)
    >>> log_emission(params, [[-1.0], [1.0]]).round(3)
    array([[-0.919, -2.919],
           [-2.919, -0.919]])
    """
    return mixture.log_components(params.components, x, family)


def e_step(
    params: HMMParams, x: ArrayLike | Sequences, family: Family = FULL
) -> tuple[HMMStatistics, float]:
    """Expected statistics of the complete data, and the log-likelihood.

    Parameters
    ----------
    params : HMMParams
    x : Sequences, or an array of shape (T, D) as one sequence
    family : Family

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
    sequences = Sequences.of(x)
    form, k = _form(params, sequences, family), len(params.startprob)
    with sequences.pieces.borrowed(1, k * sequences.n) as space:
        packed, elsewhere = _posterior(form, params, sequences, space[0].reshape(k, -1))
        r = packed.responsibilities
        starts = r[:, sequences.firsts].sum(axis=1)
        of_values = sequences.gathered(r)
        for rows in sequences.data.slices(max(form.height, k)):
            form.read(sequences.data, rows)
            form.add(of_values[:, rows])
    emissions, shared = form.total(sequences.data)
    statistics = HMMStatistics(starts, packed.transitions, emissions, params)
    return statistics, float(packed.log_likelihoods.sum()) + elsewhere + shared


def smoothed(
    params: HMMParams, x: ArrayLike | Sequences, family: Family = FULL
) -> tuple[Array, float]:
    """gamma_tk = p(z_t = k | all of the sequence), of shape (T, K), and the log-likelihood."""
    sequences = Sequences.of(x)
    form = _form(params, sequences, family)
    space = np.empty((len(params.startprob), sequences.n))
    packed, elsewhere = _posterior(form, params, sequences, space)
    log_likelihood = float(packed.log_likelihoods.sum()) + elsewhere
    return sequences.unpacked(packed.responsibilities), log_likelihood + _shared(form, sequences)


def decoded(
    params: HMMParams, x: ArrayLike | Sequences, family: Family = FULL
) -> tuple[Integers, float]:
    """The most probable paths (T,), and the log-probability of them and the data together."""
    sequences = Sequences.of(x)
    form = _form(params, sequences, family)
    table = np.empty((len(params.startprob), sequences.data.shape[0]))
    log_b = sequences.spread(_possible(_log_joint(form, sequences, table)))
    order = sequences.order_of_whole
    path, log_p = best_paths(
        params.startprob, params.transmat, log_b[:, order], sequences.pieces.whole
    )
    paths = np.empty_like(path)
    paths[sequences.pieces.rows[order]] = path
    even = sequences.n * np.log(len(params.startprob))
    return paths, float(log_p.sum() + even + _shared(form, sequences))


def _shared(form: engine.Form, sequences: Sequences) -> float:
    """The sum over the observations of what all states have in common in log p(x)."""
    return form.total(sequences.data)[1]


def _form(params: HMMParams, sequences: Sequences, family: Family) -> engine.Form:
    check_chain(params.startprob, params.transmat)
    return engine.form_for(mixture.evenly(params.components), sequences.data, family)


def _posterior(
    form: engine.Form, params: HMMParams, sequences: Sequences, space: Array
) -> tuple[Packed, float]:
    """Forward-backward, and what is missing in its log-likelihoods: scales, and even weights.

    Responsibilities are written into `space`, of shape (K, T).
    """
    k, weights = len(params.startprob), sequences.data.weights
    even = float(sequences.n * np.log(k))
    table = space if weights is None else np.empty((k, len(weights)))
    table, shifts = scaled(_log_joint(form, sequences, table), sequences.row)
    b = sequences.spread(table, space)
    packed = walk(params.startprob, params.transmat, b, sequences.pieces)
    if packed is None:
        return _in_logs(params, _log_joint(form, sequences, np.empty_like(table)), sequences), even
    return packed, float(shifts.sum() if weights is None else shifts @ weights) + even


def _log_joint(form: engine.Form, sequences: Sequences, joint: Array) -> Array:
    """Logs of the densities, but for what the states share and even weights: (K, N)."""
    for rows in sequences.data.slices(max(form.height, len(joint))):
        form.read(sequences.data, rows)
        joint[:, rows] = form.log_joint()
    if sequences.data.weights is not None:
        joint[:, sequences.data.weights == 0] = 0.0  # values that do not occur are no evidence
    return joint


def _in_logs(params: HMMParams, table: Array, sequences: Sequences) -> Packed:
    """Forward-backward in logarithms, with whole sequences side by side."""
    order = sequences.order_of_whole
    log_b = sequences.spread(_possible(table))
    packed = packed_in_logs(
        params.startprob, params.transmat, log_b[:, order], sequences.pieces.whole
    )
    r = np.empty_like(log_b)
    r[:, order] = packed.responsibilities
    return packed._replace(responsibilities=r)


def _possible(log_b: Array) -> Array:
    """Log-densities of which those that stand for zero are -inf."""
    return np.where(log_b > engine.IMPOSSIBLE, log_b, -np.inf)


def m_step(statistics: HMMStatistics, family: Family = FULL, stationary: bool = False) -> HMMParams:
    """Parameters from expected statistics: shares of starts and steps, a weighted MLE per state.

    A state that is never visited keeps its component, and one that is never left its row of
    `transmat`: the data say nothing of them.

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
    transitions, params = statistics.transitions, statistics.params
    left = transitions.sum(axis=1, keepdims=True)
    # Equation hmm-transmat
    transmat = np.where(left > 0, transitions / np.where(left > 0, left, 1), params.transmat)
    # Equation hmm-start
    startprob = statistics.starts / statistics.starts.sum()
    if stationary:
        startprob, transmat = stationary_m_step(
            statistics.starts, transitions, transmat, params.transmat
        )
    return HMMParams(startprob, transmat, family.mle(_kept(statistics, family)))


def unvisited(statistics: HMMStatistics) -> tuple[Integers, Integers]:
    """The states that are never visited, and the visited ones that are never left."""
    never = ~(statistics.emissions.n > NOTHING)
    stays = ~(statistics.transitions.sum(axis=1) > 0) & ~never
    return np.flatnonzero(never), np.flatnonzero(stays)


def _kept(statistics: HMMStatistics, family: Family) -> Any:
    """Statistics of which every state has some: those never visited, of what they are."""
    n = statistics.emissions.n
    never = ~(n > NOTHING)
    if not np.any(never):
        return statistics.emissions
    seeds = family.expected(KEPT * n.sum() * never, *statistics.params.components)
    return add(statistics.emissions, seeds)


def nudge(
    statistics: HMMStatistics, rng: np.random.Generator, size: float, family: Family = FULL
) -> HMMStatistics:
    """For the confirmation in `emlib.em`: states moved as in a mixture, forbidden steps kept."""
    emissions = _kept(statistics, family)
    if isinstance(family, Gaussians):
        emissions = mixture.nudge(emissions, rng, size, family)
    else:
        emissions = relative_nudge(emissions, rng, size)
    starts, transitions = relative_nudge((statistics.starts, statistics.transitions), rng, size)
    return replace(statistics, starts=starts, transitions=transitions, emissions=emissions)


def sample(
    params: HMMParams, n: int, rng: np.random.Generator, family: Family = FULL
) -> tuple[Array, Integers]:
    """Draw a sequence of `n` observations, of shape (n, D), and the states behind them, (n,).

    Examples
    --------
    >>> there_and_back = HMMParams(np.array([1.0, 0.0]), np.eye(2)[::-1], (np.eye(2),))
    >>> from emlib.families import Poisson
    >>> sample(there_and_back, 4, np.random.default_rng(0), Poisson())[1]
    array([0, 1, 0, 1])
    """
    check_chain(params.startprob, params.transmat)
    # The last bound is one, whatever rounding made of it; no uniform number reaches it.
    bounds = [np.cumsum(row)[:-1] for row in (*params.transmat, params.startprob)]
    z = np.empty(n, dtype=np.intp)
    state = -1
    for t, u in enumerate(rng.uniform(size=n)):
        z[t] = state = int(np.searchsorted(bounds[state], u, side="right"))
    return family.draw(z, rng, *params.components), z
