"""What one whole sequence says about its states: forward-backward and Viterbi, to call by hand.

`plain` is the recursion as the book derives it; `in_logs` is for sequences whose probabilities
scaling cannot hold. Fits take the walks in `emlib.hmm.walks`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from emlib import validation as check
from emlib.hmm import walks
from emlib.hmm.sequences import Pieces
from emlib.mixture.engine import IMPOSSIBLE
from emlib.results import DegenerateError
from emlib.types import Array, Integers

TOO_SMALL = (
    "states that can be reached give the observations density zero, or one that is too small "
    "for a float beside that of other states. Use in_logs, which can tell"
)


class Posterior(NamedTuple):
    """What one sequence says about its hidden states.

    Attributes
    ----------
    responsibilities : ndarray of shape (T, K)
        gamma_tk = p(z_t = k | x_1 .. x_T).
    transitions : ndarray of shape (K, K)
        Expected number of steps from one state to another.
    log_likelihood : float
        log p(x_1 .. x_T).
    """

    responsibilities: Array
    transitions: Array
    log_likelihood: float


def forward(startprob: Array, transmat: Array, log_b: Array) -> tuple[Array, float]:
    """Filter: p(z_t = k | x_1 .. x_t), and the log-likelihood.

    Parameters
    ----------
    startprob : array of shape (K,)
        pi_k = p(z_1 = k).
    transmat : array of shape (K, K)
        A_jk = p(z_t = k | z_{t-1} = j): rows sum to one.
    log_b : array of shape (T, K)
        log p(x_t | z_t = k); -inf where a state cannot produce an observation.

    Returns
    -------
    filtered : ndarray of shape (T, K)
    log_likelihood : float

    Raises
    ------
    ValueError
        If the shapes do not fit, or probabilities do not sum to one.
    DegenerateError
        If the observations are impossible, or scaling cannot hold their probabilities.

    Examples
    --------
    Rain or not, and an umbrella on both of two days (Russell and Norvig).

    >>> umbrella = np.log([[0.9, 0.2], [0.9, 0.2]])
    >>> stays = np.array([[0.7, 0.3], [0.3, 0.7]])
    >>> forward(np.full(2, 0.5), stays, umbrella)[0].round(3)
    array([[0.818, 0.182],
           [0.883, 0.117]])
    """
    startprob, transmat, log_b = checked(startprob, transmat, log_b)
    b, shifts = scaled(log_b)
    filtered, scales = _filtered(startprob, transmat, b)
    # What was lost on the way, logarithms still have.
    pieces = Pieces.of(np.array([len(log_b)]))
    packed = log_b[pieces.rows].T
    exact, _ = walks.filtered_in_logs(startprob, transmat, packed, pieces)
    if not np.allclose(filtered[pieces.rows].T, exact, rtol=0, atol=1e-9):
        raise DegenerateError(f"on the way, {TOO_SMALL}")
    return filtered, float(np.log(scales).sum() + shifts.sum())


def plain(startprob: Array, transmat: Array, log_b: Array) -> Posterior:
    """Forward-backward, one step after the other.

    Takes and raises what `forward` does.

    Returns
    -------
    Posterior

    Notes
    -----
    Scaling: Rabiner (1989), Proc. IEEE 77, 257-286, section V.A.

    Examples
    --------
    >>> umbrella = np.log([[0.9, 0.2], [0.9, 0.2]])
    >>> stays = np.array([[0.7, 0.3], [0.3, 0.7]])
    >>> plain(np.full(2, 0.5), stays, umbrella).responsibilities.round(3)
    array([[0.883, 0.117],
           [0.883, 0.117]])
    """
    startprob, transmat, log_b = checked(startprob, transmat, log_b)
    b, shifts = scaled(log_b)
    filtered, scales = _filtered(startprob, transmat, b)
    rest, later, backward = _rest(startprob, transmat, b)
    log_likelihood = float(np.log(scales).sum())
    if not abs(backward - log_likelihood) <= _rounding(log_likelihood):
        raise DegenerateError(f"on the way back, {TOO_SMALL}")
    # Equation hmm-responsibilities
    r = filtered * rest
    total = r.sum(axis=1, keepdims=True)
    if not np.all(total > walks.UNDERFLOW):
        raise DegenerateError(f"at time {np.argmin(total)}, {TOO_SMALL}")
    # Equation hmm-transitions
    transitions = transmat * (filtered[:-1].T @ (later[1:] / total[:-1]))
    return Posterior(r / total, transitions, log_likelihood + float(shifts.sum()))


def _filtered(startprob: Array, transmat: Array, b: Array) -> tuple[Array, Array]:
    """p(z_t | x_1 .. x_t), and p(x_t | x_1 .. x_{t-1}) in the scale of `b`."""
    filtered, scales = np.empty_like(b), np.empty(len(b))
    predicted = startprob
    for t in range(len(b)):
        # Equation hmm-forward
        joint = predicted * b[t]
        scales[t] = joint.sum()
        if not scales[t] > 0:
            raise DegenerateError(f"at time {t}, {TOO_SMALL}")
        filtered[t] = joint / scales[t]
        predicted = filtered[t] @ transmat
    return filtered, scales


def _rest(startprob: Array, transmat: Array, b: Array) -> tuple[Array, Array, float]:
    """p(x_{t+1} .. x_T | z_t), the same times `b` one step on, (T, K) each, and log p(x).

    The first two are in any scale. A state that is lost to underflow forward and backward alike is
    missing in both likelihoods, and they agree.
    """
    rest, later, scales = np.ones_like(b), np.empty_like(b), np.empty(len(b))
    with np.errstate(divide="ignore", invalid="ignore"):
        for t in range(len(b) - 1, 0, -1):
            # Equation hmm-backward: in any scale, as responsibilities sum to one
            scales[t] = b[t] @ rest[t]
            later[t] = b[t] * rest[t] / scales[t]
            rest[t - 1] = transmat @ later[t]
        scales[0] = startprob @ (b[0] * rest[0])
        return rest, later, float(np.log(scales).sum())


def _rounding(log_likelihood: float) -> float:
    """How far two ways to the same log-likelihood may be apart."""
    return walks.ROUNDING + walks.RELATIVE_ROUNDING * abs(log_likelihood)


def in_logs(startprob: Array, transmat: Array, log_b: Array) -> Posterior:
    """Forward-backward in logarithms, which hold probabilities of any size.

    Takes what `forward` does, and raises a DegenerateError only if the observations are
    impossible.

    Returns
    -------
    Posterior

    Examples
    --------
    The first observation speaks for one state, so strongly that scaling loses the other. But
    from the one it keeps there is no way to what the second observation needs.

    >>> never, log_b = np.eye(2), np.array([[0.0, -900.0], [-1900.0, 0.0]])
    >>> in_logs(np.full(2, 0.5), never, log_b).responsibilities
    array([[0., 1.],
           [0., 1.]])
    """
    startprob, transmat, log_b = checked(startprob, transmat, log_b)
    pieces = Pieces.of(np.array([len(log_b)]))
    packed = walks.forward_backward_in_logs(startprob, transmat, log_b[pieces.rows].T, pieces)
    r = pieces.in_order(packed.responsibilities).T
    return Posterior(r, packed.transitions, float(packed.log_likelihoods[0]))


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
    pieces = Pieces.of(np.array([len(log_b)])).quickest(startprob.size)
    packed, log_probabilities = walks.best_paths(startprob, transmat, log_b[pieces.rows].T, pieces)
    return pieces.in_order(packed), float(log_probabilities[0])


def scaled(log_b: Array) -> tuple[Array, Array]:
    """Densities over the largest of each time, of shape (T, K), and its logarithms, (T,)."""
    shifts = log_b.max(axis=1)
    if not shifts.min() > IMPOSSIBLE:
        raise DegenerateError(
            walks.IMPOSSIBLE_OBSERVATION.format(np.argmax(~(shifts > IMPOSSIBLE)))
        )
    with np.errstate(under="ignore"):
        b = np.exp(log_b - shifts[:, None])
    b[b < walks.UNDERFLOW] = 0.0  # what is smaller has lost digits
    return b, shifts


def checked(startprob: Array, transmat: Array, log_b: Array) -> tuple[Array, Array, Array]:
    """The three as arrays, or a ValueError."""
    startprob, transmat = check.numbers("startprob", startprob), check.numbers("transmat", transmat)
    log_b, k = check.numbers("log_b", log_b, finite=False), startprob.size
    if startprob.shape != (k,) or transmat.shape != (k, k) or log_b.shape != (*log_b.shape[:1], k):
        raise ValueError(
            "startprob, transmat and log_b must have shapes (K,), (K, K) and (T, K), got "
            f"{startprob.shape}, {transmat.shape} and {log_b.shape}"
        )
    if not len(log_b) or np.any(np.isnan(log_b)) or np.any(log_b == np.inf):
        raise ValueError("log_b must have at least one row, and hold no NaN and no +inf")
    check.sums("startprob", startprob)
    check.sums("transmat", transmat)
    return startprob, transmat, log_b
