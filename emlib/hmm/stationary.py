"""The Markov chain itself: its stationary distribution, and the M-step that assumes it."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.special import softmax, xlogy

from emlib import validation as check
from emlib.results import DegenerateError
from emlib.types import Array

# Probabilities below this are zero: no data speak of such steps.
SMALLEST_STEP = 1e-100


def stationary(transmat: Array) -> Array:
    """The distribution over states that one step of the chain leaves as it is.

    Parameters
    ----------
    transmat : array of shape (K, K)
        Rows sum to one.

    Returns
    -------
    ndarray of shape (K,)

    Raises
    ------
    DegenerateError
        If there is more than one, because the chain falls into parts.

    Examples
    --------
    >>> stationary(np.array([[0.9, 0.1], [0.3, 0.7]])).round(3)
    array([0.75, 0.25])
    """
    transmat = check.numbers("transmat", transmat)
    check.numbers("transmat", transmat, shape=(transmat.shape[:1] or (None,)) * 2)
    check.sums("transmat", transmat)
    return of_chain(transmat)


def of_chain(transmat: Array) -> Array:
    """The stationary distribution of a chain that needs no check."""
    k = len(transmat)
    reached = np.linalg.matrix_power((transmat > SMALLEST_STEP) | np.eye(k, dtype=bool), k)
    states = np.flatnonzero((~reached | reached.T).all(axis=1))  # to which there is always a way
    if not reached[np.ix_(states, states)].all():
        raise DegenerateError(
            "the chain has more than one stationary distribution: from some states there is no way "
            "to others, nor back. Let the start be free, or allow the transitions."
        )
    # Leave out one state after the other, and take them in again: nothing is subtracted, so no
    # digits are lost (Grassmann, Taksar and Heyman 1985, Operations Research 33, 1107-1116).
    steps, delta = transmat[np.ix_(states, states)], np.ones(len(states))
    for i in range(len(states) - 1, 0, -1):
        steps[:i, i] /= steps[i, :i].sum()
        steps[:i, :i] += steps[:i, i, None] * steps[i, :i]
    for i in range(1, len(states)):
        delta[i] = delta[:i] @ steps[:i, i]
        delta[: i + 1] /= delta[: i + 1].sum()
    everywhere = np.zeros(k)
    everywhere[states] = delta
    return everywhere


def stationary_m_step(
    starts: Array, transitions: Array, closed: Array, current: Array
) -> tuple[Array, Array]:
    """The start and the transition matrix, if the start is the chain's stationary distribution.

    Parameters
    ----------
    starts, transitions : arrays of shape (K,) and (K, K)
        Expected counts.
    closed, current : arrays of shape (K, K)
        The transition matrix of the closed-form M-step, and that of the E-step: what is found
        must be better than either, or EM might lose what it has gained. The search begins at the
        closed form of counts with one step more from each state, as at present: a way that was
        not gone at all may be what leads back to where a sequence starts.

    Returns
    -------
    startprob, transmat : ndarrays of shape (K,) and (K, K)
    """
    free = current > SMALLEST_STEP
    transitions = np.where(free, transitions, 0.0)
    more = transitions + current

    def at(logits: Array) -> Array:
        matrix = np.full_like(closed, -np.inf)
        matrix[free] = logits
        return softmax(matrix, axis=1)

    def lost(logits: Array) -> tuple[float, Array]:
        transmat = at(logits)
        value, slope = expected_log(starts, transitions, transmat)
        inner = (transmat * slope).sum(axis=1, keepdims=True)
        return -value, -(transmat * (slope - inner))[free]

    begin = np.log((more / more.sum(axis=1, keepdims=True))[free])
    found = at(minimize(lost, begin, jac=True, method="BFGS").x)
    candidates = (found, closed, current)
    best = max(candidates, key=lambda a: expected_log(starts, transitions, a)[0])
    return of_chain(best), best


def expected_log(starts: Array, transitions: Array, transmat: Array) -> tuple[float, Array]:
    """What the chain adds to Q, and its slope along the entries of the transition matrix.

    The slope is up to a constant in each row, as rows sum to one whatever happens. Minus infinity,
    and zeros, where no sequence could start as these have.
    """
    try:
        delta = of_chain(transmat)
    except DegenerateError:
        delta = np.zeros_like(starts)
    if np.any(starts[delta == 0] > 0):
        return -np.inf, np.zeros_like(transmat)
    value = xlogy(starts, delta).sum() + xlogy(transitions, transmat).sum()
    share = np.divide(starts, delta, out=np.zeros_like(delta), where=starts > 0)
    # d delta = delta dA Z with a generalised inverse Z of I - A (Schweitzer 1968, J. Appl. Prob.
    # 5): that which leaves out one state. I - A is made of A's other entries, so loses no digits.
    off = transmat - np.diag(transmat.diagonal())
    left, rest = np.diag(off.sum(axis=1)) - off, np.arange(len(delta)) != delta.argmax()
    gain = np.zeros_like(delta)
    gain[rest] = np.linalg.solve(left[np.ix_(rest, rest)], (share - delta @ share)[rest])
    slope = np.outer(delta, gain)
    slope += np.divide(transitions, transmat, out=np.zeros_like(slope), where=transitions > 0)
    return float(value), slope
