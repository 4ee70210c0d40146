"""The Markov chain itself: its stationary distribution, and the M-step that assumes it."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.special import softmax, xlogy

from emlib.results import DegenerateError
from emlib.types import Array
from emlib.validation import check_sums, numbers

# Probabilities below this are zero: no data speak of such steps.
SMALLEST_FREE = 1e-100
SEVERAL = (
    "the chain has more than one stationary distribution: from some states there is no way to "
    "others, nor back. Let the start be free, or allow the transitions."
)


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
    transmat = numbers("transmat", transmat)
    numbers("transmat", transmat, shape=(transmat.shape[:1] or (None,)) * 2)
    check_sums("transmat", transmat)
    return of_chain(transmat)


def of_chain(transmat: Array) -> Array:
    """The stationary distribution of a chain that needs no check."""
    k = len(transmat)
    # delta (I - A + U) = 1, with U all ones: Zucchini and MacDonald (2009), section 1.3.
    try:
        delta = np.linalg.solve((np.eye(k) - transmat + 1).T, np.ones(k))
    except np.linalg.LinAlgError as error:
        raise DegenerateError(SEVERAL) from error
    delta = np.maximum(delta, 0)
    if not np.allclose(delta @ transmat, delta, rtol=0, atol=1e-8) or not delta.sum() > 0.5:
        raise DegenerateError(SEVERAL)
    return delta / delta.sum()


def stationary_m_step(
    starts: Array, transitions: Array, closed: Array, current: Array
) -> tuple[Array, Array]:
    """The start and the transition matrix, if the start is the chain's stationary distribution.

    Parameters
    ----------
    starts, transitions : arrays of shape (K,) and (K, K)
        Expected counts.
    closed, current : arrays of shape (K, K)
        The transition matrix of the closed-form M-step, at which the search begins, and that of
        the E-step: what is found must be better, or EM might lose what it has gained.

    Returns
    -------
    startprob, transmat : ndarrays of shape (K,) and (K, K)
    """
    free = closed > SMALLEST_FREE
    transitions = np.where(free, transitions, 0.0)

    def at(logits: Array) -> Array:
        matrix = np.full_like(closed, -np.inf)
        matrix[free] = logits
        return softmax(matrix, axis=1)

    def lost(logits: Array) -> tuple[float, Array]:
        transmat = at(logits)
        value, slope = expected_log(starts, transitions, transmat)
        inner = (transmat * slope).sum(axis=1, keepdims=True)
        return -value, -(transmat * (slope - inner))[free]

    found = at(minimize(lost, np.log(closed[free]), jac=True, method="BFGS").x)
    candidates = (found, closed, current)
    best = max(candidates, key=lambda a: expected_log(starts, transitions, a)[0])
    return of_chain(best), best


def expected_log(starts: Array, transitions: Array, transmat: Array) -> tuple[float, Array]:
    """What the chain adds to Q, and its slope along the entries of the transition matrix."""
    delta = of_chain(transmat)
    value = xlogy(starts, delta).sum() + xlogy(transitions, transmat).sum()
    share = np.divide(starts, delta, out=np.zeros_like(delta), where=starts > 0)
    # d delta = delta dA Z with the fundamental matrix Z (Schweitzer 1968, J. Appl. Prob. 5).
    z = np.linalg.inv(np.eye(len(delta)) - transmat + delta)
    slope = np.outer(delta, z @ share)
    slope += np.divide(transitions, transmat, out=np.zeros_like(z), where=transitions > 0)
    return float(value), slope
