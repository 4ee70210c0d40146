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

from emlib.pieces import Integers, Pieces

Array = NDArray[np.float64]
# Two runs of a piece agree when no entry differs by more than this share of itself.
AGREED = 1e-13
# How often a piece starts anew from where its neighbour ended.
RUNS = 3
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
    b : list of ndarray
        Densities of each position on the way, of shape (K, pieces there).
    arrived, left : list of ndarray
        To be filled, in the same shapes; they belong to one array each.
    last : ndarray of shape (C,)
        The position, in the order of the walk, at which each piece is left.
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
    b: list[Array]
    arrived: list[Array]
    left: list[Array]
    last: Integers
    source: Integers
    order: Integers
    every: int
    floor: float
    scales: Array = field(init=False)

    def __post_init__(self) -> None:
        self.scales = np.ones((len(self.b) // self.every, len(self.source)))

    def settle(self, first: Array) -> None:
        """Walk so that every piece starts where its source ends, sequences from `first`."""
        arriving = np.repeat(first[:, None], len(self.source), axis=1)
        cut = self.source >= 0
        arriving[:, cut] = 1 / len(first)
        self._run(arriving)
        for _ in range(RUNS if np.any(cut) else 0):
            arriving[:, cut] = (self.matrix @ self.leaving()[0][:, self.source])[:, cut]
            if self._run(arriving, again=True):
                return
        if np.any(cut):
            self._run(self._stitched(arriving, cut))

    def leaving(self) -> tuple[Array, Array]:
        """What leaves each piece, summing to one, and the logarithm of what it was."""
        ends = self._ends()
        total = ends.sum(axis=0)
        logs = np.log(self.scales).sum(axis=0) + np.log(total)
        return ends / np.maximum(total, NOTHING), logs

    def _ends(self) -> Array:
        ends = np.empty((len(self.matrix), len(self.source)))
        for position in np.unique(self.last):
            pieces = np.flatnonzero(self.last == position)
            ends[:, pieces] = self.left[position][:, pieces]
        return ends

    def _run(self, arriving: Array, again: bool = False) -> bool:
        """Walk from `arriving` of shape (K, C); `again`: until all is as it was the last time."""
        before, space = np.empty((len(arriving), 0)), np.empty_like(arriving)
        steps = zip(self.arrived, self.b, self.left, strict=True)
        for i, (message, b, left) in enumerate(steps, 1):
            self._arrive(message, before, arriving)
            before = left
            if i % self.every or not again:
                np.multiply(message, b, out=left)
                if not i % self.every:
                    self._rescale(left, i // self.every - 1)
                continue
            new = np.multiply(message, b, out=space[:, : left.shape[1]])
            self._rescale(new, i // self.every - 1)
            if np.all(np.abs(new - left) <= AGREED * new + LOST):
                return True
            left[:] = new
        return False

    def _arrive(self, message: Array, before: Array, arriving: Array) -> None:
        """One step, of the pieces that go on; the others begin."""
        n, size = before.shape[1], message.shape[1]
        if n == size:
            np.dot(self.matrix, before, out=message)
        elif n > size:
            np.dot(self.matrix, before[:, :size], out=message)
        else:
            message[:, :n] = self.matrix @ before
            message[:, n:] = arriving[:, n:size]

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
    """Forward-backward of densities `b` of shape (K, T), packed; None if something underflows.

    Responsibilities are written over `b`.
    """
    with pieces.borrowed(4, b.size) as space:
        return _walked(startprob, transmat, b, pieces, space)


def _walked(
    startprob: Array, transmat: Array, b: Array, pieces: Pieces, space: list[Array]
) -> Packed | None:
    k, order, last = len(b), np.argsort(pieces.starts), pieces.lengths - 1
    every, floor = (RESCALE_EVERY, 0.0) if transmat.min() > POSITIVE else (1, FLOOR)
    pieces.laid_out(b, space[0])
    densities, arrived, left, later = (levels(pieces.parts(flat, k)) for flat in space)
    onward, backward = (np.ascontiguousarray(matrix) for matrix in (transmat.T, transmat))
    ahead = Walk(onward, densities, arrived, left, last, pieces.follows, order, every, floor)
    densities, later = densities[::-1], later[::-1]
    aside, ends = _scratch(later), np.full_like(last, len(later) - 1)
    back = Walk(backward, densities, aside, later, ends, pieces.precedes, order[::-1], every, 0.0)
    with np.errstate(all="ignore"):  # what goes wrong shows in the log-likelihoods
        ahead.settle(startprob)
        back.settle(np.ones_like(startprob))
        log_p = _log_likelihoods(startprob, ahead, back, pieces)
    if log_p is None:
        return None
    r = _responsibilities(space[1], space[3], pieces, b)
    pairs = transmat * _pairs(ahead, space[2], space[3], pieces)
    for found in (r, pairs) if floor else ():
        found[found < NOTHING] = 0.0
    return Packed(r, pairs, log_p)


def _scratch(levels: list[Array]) -> list[Array]:
    """Arrays of the shapes of `levels`, all in the same memory."""
    largest = np.empty(max(level.size for level in levels))
    return [largest[: level.size].reshape(level.shape) for level in levels]


def levels(parts: list[Array]) -> list[Array]:
    """Position by position what is laid out."""
    return [level for part in parts for level in part]


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


def _responsibilities(arrived: Array, later: Array, pieces: Pieces, out: Array) -> Array:
    """From what arrives and what is to come, which is divided by the probability of all."""
    k = len(out)
    parts = zip(pieces.stretches, pieces.parts(arrived, k), pieces.parts(later, k), strict=True)
    for (places, length, n), ahead, back in parts:
        to = out[:, places].reshape(k, length, n).transpose(1, 0, 2)
        total: Array = np.add.reduce(np.multiply(ahead, back, out=to), axis=1)
        np.reciprocal(total, out=total)
        to *= total[:, None]
        back *= total[:, None]
    return out


def _pairs(ahead: Walk, left: Array, later: Array, pieces: Pieces) -> Array:
    """Sums over all steps of what left the one state and what is to come from the other."""
    k = len(ahead.matrix)
    pairs, before = np.zeros((k, k)), np.empty((k, 0))
    for one, other in zip(pieces.parts(left, k), pieces.parts(later, k), strict=True):
        n = min(one.shape[2], before.shape[1])
        pairs += before[:, :n] @ other[0, :, :n].T
        pairs += (one[:-1] @ other[1:].transpose(0, 2, 1)).sum(axis=0)
        before = one[-1]
    ends, cut = ahead.leaving()[0], pieces.cut
    first = pieces.parts(later, k)[0][0]
    pairs += ends[:, pieces.follows[cut]] @ first[:, cut].T
    return pairs
