"""The two walks of forward-backward on packed pieces, in place of two walks through all of time.

Forward, what arrives at a place is A' times what left the one before; backward, A times what left
the one after; what leaves is what arrives times the density there. So both are one recursion.
A piece that was cut off starts from a guess, and once more from where its neighbour ended, until
both agree: a positive matrix forgets where it started. One that never forgets is walked from
every state, which is exact whatever the chain.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from emlib.pieces import Integers, Pieces, Step

Array = NDArray[np.float64]
# Two runs of a piece agree when no entry differs by more than this share of itself.
AGREED = 1e-13
LOST = 1e-300
# Above such probabilities, a few steps without rescaling lose nothing, whatever the densities.
POSITIVE = 1e-12
RESCALE_EVERY = 8
# In chains with forbidden steps, this much probability is added to every state at every time.
# If that changes the likelihood, so may what was lost to underflow.
FLOOR = 1e-290
# What is smaller than this may come from the floor; sums as small have lost their digits.
NOTHING = 1e-200
# How far the log-likelihoods of the two directions may be apart: by their rounding.
ROUNDING, RELATIVE_ROUNDING = 1e-9, 1e-12


@dataclass(eq=False)
class Walk:
    """One direction through the pieces.

    Attributes
    ----------
    matrix : ndarray of shape (K, K)
        What turns what left a place into what arrives at the next.
    b : ndarray of shape (K, T)
        Densities.
    steps : tuple of Step
    ends : ndarray of shape (C,)
        The places at which the pieces are left in this direction.
    source : ndarray of shape (C,)
        The piece which each one continues; -1 if none.
    order : ndarray of shape (C,)
        The pieces, so that each comes after its source.
    every : int
        After how many steps what leaves is scaled to sum to one.
    floor : float
        Added to what leaves, then.
    """

    matrix: Array
    b: Array
    steps: tuple[Step, ...]
    ends: Integers
    source: Integers
    order: Integers
    every: int
    floor: float
    arrived: Array = field(init=False)
    left: Array = field(init=False)
    scales: Array = field(init=False)

    def __post_init__(self) -> None:
        self.arrived, self.left = np.empty_like(self.b), np.empty_like(self.b)
        self.scales = np.ones((len(self.steps) // self.every, len(self.ends)))

    def settle(self, first: Array) -> None:
        """Walk so that every piece starts where its source ends, sequences from `first`."""
        arriving = np.repeat(first[:, None], len(self.ends), axis=1)
        cut = self.source >= 0
        arriving[:, cut] = 1 / len(first)
        self._run(arriving)
        if np.any(cut):
            arriving[:, cut] = (self.matrix @ self.leaving()[0][:, self.source])[:, cut]
            if not self._run(arriving, again=True):
                self._run(self._stitched(arriving, cut))

    def leaving(self) -> tuple[Array, Array]:
        """What leaves each piece, summing to one, and the logarithm of what it was."""
        ends = self.left[:, self.ends]
        total = ends.sum(axis=0)
        logs = np.log(self.scales).sum(axis=0) + np.log(total)
        return ends / np.maximum(total, NOTHING), logs

    def _run(self, arriving: Array, again: bool = False) -> bool:
        """Walk from `arriving` of shape (K, C); `again`: until all is as it was the last time."""
        space = np.empty_like(arriving)
        for i, (at, before, n) in enumerate(self.steps, 1):
            message, left, size = self.arrived[:, at], self.left[:, at], at.stop - at.start
            if n:
                np.matmul(self.matrix, self.left[:, before], out=message[:, :n])
            if n < size:
                message[:, n:] = arriving[:, n:size]
            if i % self.every:
                np.multiply(message, self.b[:, at], out=left)
                continue
            new = np.multiply(message, self.b[:, at], out=space[:, :size])
            self._rescale(new, i // self.every - 1)
            if again and np.all(np.abs(new - left) <= AGREED * new + LOST):
                return True
            left[:] = new
        return False

    def _rescale(self, new: Array, number: int) -> None:
        scale: Array = np.add.reduce(new, axis=0)
        self.scales[number, : len(scale)] = scale
        new /= np.maximum(scale, NOTHING, out=scale)
        if self.floor:
            new += self.floor

    def _stitched(self, arriving: Array, cut: NDArray[np.bool_]) -> Array:
        """What arrives at each piece, from walks from every state: the maps are linear."""
        k, c = arriving.shape
        ends, logs = np.empty((k, k, c)), np.empty((k, c))
        for j in range(k):
            arriving[:, cut] = np.eye(k)[:, [j]]
            self._run(arriving)
            ends[j], logs[j] = self.leaving()
        weights = np.exp(logs - logs.max(axis=0))
        for piece in self.order[cut[self.order]]:
            source = self.source[piece]
            share = arriving[:, source] * weights[:, source] if cut[source] else np.eye(k)[0]
            leaving = share @ ends[:, :, source]
            arriving[:, piece] = self.matrix @ (leaving / leaving.sum())
        return arriving


class Packed(NamedTuple):
    """What sequences say of their hidden states, in the order of `Pieces.rows`.

    Attributes
    ----------
    responsibilities : ndarray of shape (K, T)
    transitions : ndarray of shape (K, K)
    log_likelihoods : ndarray of shape (number of sequences,)
    """

    responsibilities: Array
    transitions: Array
    log_likelihoods: Array


def walk(startprob: Array, transmat: Array, b: Array, pieces: Pieces) -> Packed | None:
    """Forward-backward of densities `b` of shape (K, T), packed; None if something underflows."""
    order = np.argsort(pieces.starts)
    heads = np.arange(len(order))
    positive = transmat.min() > POSITIVE
    every, floor = (RESCALE_EVERY, 0.0) if positive else (1, FLOOR)
    onward = np.ascontiguousarray(transmat.T)
    ahead = Walk(onward, b, pieces.forward, pieces.last, pieces.follows, order, every, floor)
    back = Walk(transmat, b, pieces.backward, heads, pieces.precedes, order[::-1], every, 0.0)
    with np.errstate(all="ignore"):  # what goes wrong shows below
        ahead.settle(startprob)
        back.settle(np.ones_like(startprob))
        log_p = _log_likelihoods(startprob, ahead, back, pieces)
    return None if log_p is None else Packed(*_expected(transmat, ahead, back, pieces), log_p)


def _log_likelihoods(startprob: Array, ahead: Walk, back: Walk, pieces: Pieces) -> Array | None:
    """Of each sequence; None if the two directions disagree."""
    (_, logs), (heads, back_logs) = ahead.leaving(), back.leaving()
    back_logs = back_logs + np.where(pieces.follows < 0, np.log(startprob @ heads), 0.0)
    log_p, again = (
        np.bincount(pieces.sequence, one, pieces.n_sequences).astype(float)
        for one in (logs, back_logs)
    )
    allowed = ROUNDING + RELATIVE_ROUNDING * np.abs(log_p)
    agree = bool(np.all(np.abs(log_p - again) <= allowed))
    return log_p if agree else None


def _expected(transmat: Array, ahead: Walk, back: Walk, pieces: Pieces) -> tuple[Array, Array]:
    """Responsibilities and expected transitions, from what arrives and what is to come."""
    arrived, later = ahead.arrived, back.left
    total: Array = np.add.reduce(np.multiply(arrived, later, out=back.arrived), axis=0)
    later /= total
    r = np.multiply(arrived, later, out=arrived)
    pairs = np.zeros_like(transmat)
    for at, before in pieces.runs():
        pairs += ahead.left[:, before] @ later[:, at].T
    ends, cut = ahead.leaving()[0], pieces.cut
    pairs += ends[:, pieces.follows[cut]] @ later[:, cut].T
    pairs *= transmat
    if ahead.floor:
        r[r < NOTHING] = 0.0
        pairs[pairs < NOTHING] = 0.0
    return r, pairs
