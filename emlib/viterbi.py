"""The most probable path through the hidden states, by dynamic programming."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emlib.em import DegenerateError
from emlib.forward_backward import checked
from emlib.pieces import Integers, Pieces

Array = NDArray[np.float64]


def viterbi(startprob: Array, transmat: Array, log_b: Array) -> tuple[Integers, float]:
    """The path z_1 .. z_T of highest posterior probability.

    Parameters
    ----------
    startprob : array of shape (K,)
    transmat : array of shape (K, K)
    log_b : array of shape (T, K)
        log p(x_t | z_t = k); -inf where a state cannot produce an observation.

    Returns
    -------
    path : ndarray of shape (T,)
        Integers; of equally good paths, one.
    log_probability : float
        log p(x_1 .. x_T, z_1 .. z_T), of the data and the path together.

    Raises
    ------
    ValueError
        If the shapes do not fit, or probabilities do not sum to one.
    DegenerateError
        If no path can produce the observations.

    Notes
    -----
    Viterbi (1967), IEEE Trans. Information Theory 13, 260-269.

    Examples
    --------
    Five days with and without an umbrella (Russell and Norvig): 0 stands for rain.

    >>> sensor = np.array([[0.9, 0.2], [0.1, 0.8]])
    >>> stays = np.array([[0.7, 0.3], [0.3, 0.7]])
    >>> viterbi(np.full(2, 0.5), stays, np.log(sensor[[0, 0, 1, 0, 0]]))[0]
    array([0, 0, 1, 0, 0])
    """
    startprob, transmat, log_b = checked(startprob, transmat, log_b)
    whole = Pieces.of(np.array([len(log_b)]), len(log_b))
    path, log_probabilities = best_paths(startprob, transmat, log_b.T, whole)
    return path, float(log_probabilities[0])


def best_paths(
    startprob: Array, transmat: Array, log_b: Array, pieces: Pieces
) -> tuple[Integers, Array]:
    """The same for many whole sequences side by side: `log_b` of shape (K, T) is packed.

    Returns
    -------
    paths : ndarray of shape (T,)
        Packed, too.
    log_probabilities : ndarray of shape (number of sequences,)
    """
    with np.errstate(divide="ignore"):
        log_a, log_pi = np.log(transmat), np.log(startprob)
    best, came_from = np.empty(log_b.shape), np.zeros(log_b.shape, dtype=np.intp)
    for at, before, n in pieces.forward:
        if n:
            scores = best[:, None, before] + log_a[:, :, None]
            came_from[:, at] = scores.argmax(axis=0)
            # Equation hmm-viterbi
            best[:, at] = scores.max(axis=0) + log_b[:, at]
        else:
            best[:, at] = log_pi[:, None] + log_b[:, at]
    ends = best[:, pieces.last].max(axis=0)
    _check_possible(ends, pieces)
    by_sequence = np.empty(pieces.n_sequences)
    by_sequence[pieces.sequence] = ends
    return _traced(best, came_from, pieces), by_sequence


def _traced(best: Array, came_from: Integers, pieces: Pieces) -> Integers:
    """Back from the best last state of each sequence to its first."""
    paths = np.empty(best.shape[1], dtype=np.intp)
    for at, after, n in pieces.backward:
        paths[at.start + n : at.stop] = best[:, at.start + n : at.stop].argmax(axis=0)
        paths[at.start : at.start + n] = came_from[paths[after], np.arange(after.start, after.stop)]
    return paths


def _check_possible(ends: Array, pieces: Pieces) -> None:
    if not np.all(ends > -np.inf):
        sequence = pieces.sequence[int(np.argmin(ends > -np.inf))]
        raise DegenerateError(
            f"sequence {sequence} is impossible: no path of states can produce it. Allow a "
            "transition, or give its symbols probabilities above zero."
        )
