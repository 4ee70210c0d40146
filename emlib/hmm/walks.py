"""The walks through packed sequences: forward-backward in scaled numbers and in logs, and Viterbi.

`emlib.hmm.forward_backward.plain` is the recursion as the book writes it; this is how fits run it.
In place of two walks through all of time there are two walks through the positions of many pieces
(`emlib.hmm.sequences` has a drawing). Forward, what arrives at a position is A' times what left the
one before; backward, A times what left the one after; what leaves is what arrives times the density
there. So both are one recursion. A piece that was cut off starts from a guess, and once more from
where its neighbour ended, until both agree: a positive matrix forgets where it started. One that
never forgets is walked from every state, which is exact whatever the chain.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from emlib.hmm.sequences import Pieces, Workspace
from emlib.results import ImpossibleError
from emlib.types import Array, Integers, Mask

# Two passes through a piece agree when no entry differs by more than this share of itself.
AGREEMENT = 1e-13
# How often a piece starts anew from where its neighbour ended.
MAX_PASSES = 3
UNDERFLOW = 1e-300
# Above such probabilities, a few steps without rescaling lose nothing, whatever the densities.
POSITIVE = 1e-12
STEPS_BETWEEN_RESCALING = 8
# In chains with forbidden steps, this much probability is added to every state at every time.
# If that changes the likelihood, so may what was lost to underflow.
FLOOR = 1e-290
# What is smaller than this may come from the floor; sums as small have lost their digits.
SMALLEST_SUM = 1e-200
# How far the log-likelihoods of the two directions may be apart: by their rounding.
ROUNDING, RELATIVE_ROUNDING = 1e-9, 1e-12
# In place of minus infinity, where infinities would be subtracted from each other.
LOWEST = -1e300
# Logarithms of probabilities below this cost those that are added to them some digits.
FAR = -1e6

IMPOSSIBLE_OBSERVATION = (
    "observation {} has density zero in every state. Is it an outlier, a symbol without "
    "probability, or a start far from the data?"
)


class Packed(NamedTuple):
    """What sequences say about their hidden states, in packed order.

    Attributes
    ----------
    responsibilities : ndarray of shape (K, T)
    transitions : ndarray of shape (K, K)
        Expected numbers of steps from one state to another.
    log_likelihoods : ndarray of shape (number of sequences,)
    """

    responsibilities: Array
    transitions: Array
    log_likelihoods: Array


def forward_backward(
    startprob: Array, transmat: Array, pieces: Pieces, space: Workspace
) -> Packed | None:
    """Responsibilities and transitions from densities, in `space.table`; None if they underflow.

    Each observation's densities may be in any scale; log-likelihoods are in the same. The
    responsibilities are written over them.
    """
    every, floor = (STEPS_BETWEEN_RESCALING, 0.0) if transmat.min() > POSITIVE else (1, FLOOR)
    with np.errstate(all="ignore"):
        for to, b in zip(space.by_run[0], space.table_by_run, strict=True):
            to[:] = b
        densities, arriving, leaving, later = space.by_position
        onward = Walk(pieces, transmat.T.copy(), densities, arriving, leaving, every, floor)
        onward.settle(startprob)
        densities, later = densities[::-1], later[::-1]
        backward = Walk(pieces, transmat, densities, _one_at_a_time(later), later, every, 0.0, True)
        backward.settle(np.ones_like(startprob))
        log_likelihoods = _log_likelihoods(startprob, onward, backward)
        if log_likelihoods is None:
            return None
        _, arriving, leaving, later = space.by_run
        for r, before, after in zip(space.table_by_run, arriving, later, strict=True):
            # Equation hmm-responsibilities: what has arrived, times the density and what follows
            np.multiply(before, after, out=r)
            total = np.add.reduce(r, axis=1)[:, None]
            if not total.min() > UNDERFLOW:
                return None
            np.reciprocal(total, out=total)
            r *= total
            after *= total
        # Equation hmm-transitions
        transitions = transmat * _sum_of_pairs(onward, leaving, later)
    if floor:
        for found in (space.table, transitions):
            found[found < SMALLEST_SUM] = 0.0
    return Packed(space.table, transitions, log_likelihoods)


@dataclass(eq=False)
class Walk:
    """One direction through all pieces.

    Attributes
    ----------
    pieces : Pieces
    matrix : ndarray of shape (K, K)
        What turns what leaves a position into what arrives at the next.
    densities : list of ndarray
        Of each position on the way, of shape (K, pieces there).
    arriving, leaving : list of ndarray
        To be filled, in the same shapes.
    every : int
        After how many positions what leaves is scaled to sum to one.
    floor : float
        Added to what leaves, then.
    backward : bool
        Whether the way leads from the last position to the first.
    """

    pieces: Pieces
    matrix: Array
    densities: list[Array]
    arriving: list[Array]
    leaving: list[Array]
    every: int
    floor: float
    backward: bool = False

    def __post_init__(self) -> None:
        # Which piece each one continues, -1 if none; and at which position each is left.
        self.source = self.pieces.precedes if self.backward else self.pieces.follows
        n = len(self.densities)
        self.last = np.where(self.backward, n - 1, self.pieces.lengths - 1)
        self.scales = np.ones((n // self.every, len(self.source)))

    def settle(self, first: Array) -> None:
        """Walk so that every piece starts where its source ends, and sequences with `first`."""
        start = np.repeat(first[:, None], len(self.source), axis=1)
        cut = self.source >= 0
        start[:, cut] = 1 / len(first)
        self._pass(start)
        if not np.any(cut):
            return
        for _ in range(MAX_PASSES):
            start[:, cut] = (self.matrix @ self.ends()[0][:, self.source])[:, cut]
            if self._pass(start, until_same=True):
                return
        self._pass(self._from_every_state(start, cut))

    def ends(self) -> tuple[Array, Array]:
        """What leaves each piece, summing to one, and the logarithm of what it summed to."""
        ends = np.empty((len(self.matrix), len(self.source)))
        for position in np.unique(self.last):
            pieces = np.flatnonzero(self.last == position)
            ends[:, pieces] = self.leaving[position][:, pieces]
        total = ends.sum(axis=0)
        logs = np.log(self.scales).sum(axis=0) + np.log(total)
        return ends / np.where(total > 0, total, 1.0), logs

    def _pass(self, start: Array, until_same: bool = False) -> bool:
        """Walk once, from `start` of shape (K, C), or `until_same` as the last time: then True."""
        before, space = np.empty((len(start), 0)), np.empty_like(start)
        positions = zip(self.arriving, self.densities, self.leaving, strict=True)
        for i, (arriving, density, leaving) in enumerate(positions, 1):
            n, size = before.shape[1], arriving.shape[1]
            # Equations hmm-forward and hmm-backward
            if n < size:  # some pieces go on, and the others begin
                arriving[:, :n] = self.matrix @ before
                arriving[:, n:] = start[:, n:size]
            else:
                np.dot(self.matrix, before if n == size else before[:, :size], out=arriving)
            before, rescales = leaving, not i % self.every
            compares = until_same and rescales
            now = np.multiply(arriving, density, out=space[:, :size] if compares else leaving)
            if rescales:
                scale = np.maximum(np.add.reduce(now, axis=0), SMALLEST_SUM)
                self.scales[i // self.every - 1, :size] = scale
                now /= scale
                if self.floor:
                    now += self.floor
            if compares:
                if np.all(np.abs(now - leaving) <= AGREEMENT * now + UNDERFLOW):
                    return True
                leaving[:] = now
        return False

    def _from_every_state(self, start: Array, cut: Mask) -> Array:
        """What each piece starts with, from passes that start in every state: maps are linear."""
        k, c = start.shape
        ends, logs = np.empty((k, k, c)), np.empty((k, c))
        for j in range(k):
            start[:, cut] = np.eye(k)[:, [j]]
            self._pass(start)
            ends[j], logs[j] = self.ends()
        weights = np.exp(logs - logs.max(axis=0))
        for piece in self.pieces.in_turn(self.backward):
            source = self.source[piece]
            share = start[:, source] * weights[:, source] if cut[source] else np.eye(k)[0]
            end = share @ ends[:, :, source]
            start[:, piece] = self.matrix @ (end / end.sum())
        return start


def _one_at_a_time(positions: list[Array]) -> list[Array]:
    """Arrays in the shapes of `positions`, all in the same memory: each is needed but once."""
    memory = np.empty(max(position.size for position in positions))
    return [memory[: position.size].reshape(position.shape) for position in positions]


def _log_likelihoods(startprob: Array, onward: Walk, backward: Walk) -> Array | None:
    """The log-likelihood of each sequence; None if the two directions do not agree on it."""
    pieces = onward.pieces
    (_, logs), (heads, backward_logs) = onward.ends(), backward.ends()
    backward_logs = backward_logs + np.where(pieces.follows < 0, np.log(startprob @ heads), 0.0)
    log_p, again = _per_sequence(logs, pieces), _per_sequence(backward_logs, pieces)
    allowed = ROUNDING + RELATIVE_ROUNDING * np.abs(log_p)
    agree = np.isfinite(log_p) & (np.abs(log_p - again) <= allowed)
    return log_p if agree.all() else None


def _per_sequence(logs: Array, pieces: Pieces) -> Array:
    """The sums over each sequence of what its pieces have."""
    return np.bincount(pieces.sequence, logs, pieces.n_sequences).astype(float)


def _sum_of_pairs(onward: Walk, leaving: list[Array], later: list[Array]) -> Array:
    """Sums over all steps of what left the one state times what is to come from the other."""
    k = len(onward.matrix)
    pairs, before = np.zeros((k, k)), np.empty((k, 0))
    for left, to_come in zip(leaving, later, strict=True):
        n = min(left.shape[2], before.shape[1])
        pairs += before[:, :n] @ to_come[0, :, :n].T
        pairs += (left[:-1] @ to_come[1:].transpose(0, 2, 1)).sum(axis=0)
        before = left[-1]
    # From the end of each piece to the beginning of the one that continues it.
    cut, follows = onward.pieces.cut, onward.pieces.follows
    pairs += onward.ends()[0][:, follows[cut]] @ later[0][0][:, cut].T
    return pairs


def forward_backward_in_logs(
    startprob: Array, transmat: Array, log_b: Array, pieces: Pieces
) -> Packed:
    """Responsibilities and transitions from log-densities, (K, T), packed: of any size.

    Logarithms are relative to the sum at their time, so that no digits are lost in long sequences.
    """
    with np.errstate(divide="ignore", under="ignore"):
        log_a = np.log(transmat)
        arriving, leaving, scales = _settle_in_logs(log_b, log_a, np.log(startprob), pieces)
        _, later, _ = _settle_in_logs(log_b, log_a.T, np.zeros(len(log_a)), pieces, True)
        log_likelihoods = _per_sequence(scales, pieces)
        _check_possible(leaving, pieces, log_likelihoods)
        # Equation hmm-responsibilities
        r = _shares(arriving + later)
        transitions, ends = np.zeros_like(transmat), pieces.last[pieces.follows[pieces.cut]]
        steps: list[tuple[Any, Any]] = [*pieces.steps, (ends, pieces.cut)]
        for before, at in steps:
            # Equation hmm-transitions
            pairs = leaving[:, None, before] + log_a[:, :, None] + later[:, at]
            pairs = _shares(pairs.reshape(transmat.size, -1))
            transitions += pairs.sum(axis=1).reshape(transmat.shape)
    return Packed(r, transitions, log_likelihoods)


def filtered_in_logs(
    startprob: Array, transmat: Array, log_b: Array, pieces: Pieces
) -> tuple[Array, Array]:
    """p(z_t | x_1 .. x_t), (K, T), packed, and the log-likelihood of each sequence, or -inf."""
    with np.errstate(divide="ignore", under="ignore"):
        first = np.log(startprob)
        _, leaving, scales = _settle_in_logs(log_b, np.log(transmat), first, pieces)
        return np.exp(leaving), _per_sequence(scales, pieces)


def _settle_in_logs(
    log_b: Array,
    log_a: Array,
    first: Array,
    pieces: Pieces,
    backward: bool = False,
    largest: bool = False,
) -> tuple[Any, Array, Array]:
    """A walk in logs on which every piece starts where its source ends, sequences with `first`.

    To know where it ends, each piece is walked from every state: what leaves is linear in the
    start, whether terms are summed or the `largest` is taken. Returns what arrives and what leaves,
    (K, T), and what each piece summed to, (C,).
    """
    level = _finite(log_b.max(axis=0))  # sums with what all states share would lose digits
    log_b = log_b - level
    k, source = len(first), pieces.precedes if backward else pieces.follows
    positions = pieces.positions[:: -1 if backward else 1]
    walk: Any = _walk_to_largest if largest else _walk_in_logs
    total: Any = np.maximum.reduce if largest else _log_sum
    ends = np.arange(len(source)) if backward else pieces.last
    start, cut = np.repeat(first[:, None], len(source), axis=1), source >= 0
    maps = np.empty((k, k, len(source)))
    for j in range(k if np.any(cut) else 0):
        start[:, cut] = np.log(np.eye(k)[:, [j]])
        _, leaving, scales = walk(log_b, log_a, start, positions)
        maps[j] = leaving[:, ends] + np.bincount(pieces.piece, scales)
    for place in pieces.in_turn(backward):
        before = source[place]
        end = maps[0, :, before]
        if cut[before]:
            end = total(start[:, before, None] + maps[:, :, before])
        end = end - _finite(total(end))
        start[:, place] = total(end[:, None] + log_a)
    arriving, leaving, scales = walk(log_b, log_a, start, positions)
    return arriving, leaving, total(leaving[:, ends]) + np.bincount(pieces.piece, scales + level)


def _walk_in_logs(
    log_b: Array, log_a: Array, start: Array, positions: list[slice]
) -> tuple[Array, Array, Array]:
    """Logarithms of what arrives at every packed place, and of what leaves: its shares and sum."""
    arriving, leaving = np.empty(log_b.shape), np.empty(log_b.shape)
    scales, before = np.empty(log_b.shape[1]), leaving[:, :0]
    for at in positions:
        now = arriving[:, at]
        size = now.shape[1]
        n = min(before.shape[1], size)
        if n < size:  # some pieces begin, and the others go on
            now[:, n:] = start[:, n:size]
        if n:
            now[:, :n] = _log_sum(before[:, None, :n] + log_a[:, :, None])
        joint = now + log_b[:, at]
        highest = _finite(joint.max(axis=0))
        joint -= highest  # which may be so large that a sum with it would have no digits left
        total = _log_sum(joint)
        scales[at] = highest + total
        before = np.subtract(joint, _finite(total), out=leaving[:, at])
    return arriving, leaving, scales


def _walk_to_largest(
    log_b: Array, log_a: Array, start: Array, positions: list[slice]
) -> tuple[Integers, Array, Array]:
    """The state from which the best path to each packed place comes, and its log-probability.

    Of the latter, less what was taken off at each time, which is returned last: (K, T), (T,).
    """
    came_from, best = np.zeros(log_b.shape, dtype=np.intp), np.empty(log_b.shape)
    scales, far = np.zeros(log_b.shape[1]), log_b.min() < FAR
    best[:, : start.shape[1]] = start + log_b[:, : start.shape[1]]
    for before, at in pairwise(positions):
        scores = best[:, None, before][:, :, : at.stop - at.start] + log_a[:, :, None]
        came_from[:, at] = scores.argmax(axis=0)
        # Equation hmm-viterbi
        best[:, at] = scores.max(axis=0) + log_b[:, at]
        if far:
            scales[at] = _finite(best[:, at].max(axis=0))
            best[:, at] -= scales[at]
    return came_from, best, scales


def _log_sum(terms: Array) -> Array:
    """The logarithm of the sum of exponentials along the first axis."""
    highest = _finite(terms.max(axis=0))
    return highest + np.log(np.exp(terms - highest).sum(axis=0))


def _shares(logs: Array) -> Array:
    """Of each column's sum, from logarithms."""
    return np.exp(logs - _finite(_log_sum(logs)))


def _finite(logs: Array) -> Array:
    """Logarithms that may be subtracted from others: LOWEST in place of minus infinity."""
    return np.maximum(logs, LOWEST)


def best_paths(
    startprob: Array, transmat: Array, log_b: Array, pieces: Pieces
) -> tuple[Integers, Array]:
    """The most probable paths, by dynamic programming.

    Parameters
    ----------
    startprob, transmat : arrays of shape (K,) and (K, K)
    log_b : array of shape (K, T)
        Log-densities in packed order.
    pieces : Pieces

    Returns
    -------
    paths : ndarray of shape (T,)
        In packed order.
    log_probabilities : ndarray of shape (number of sequences,)
    """
    with np.errstate(divide="ignore"):
        log_a, log_pi = np.log(transmat), np.log(startprob)
        came_from, best, logs = _settle_in_logs(log_b, log_a, log_pi, pieces, largest=True)
    log_probabilities = _per_sequence(logs, pieces)
    _check_possible(best, pieces, log_probabilities)
    cut, last, ends = pieces.cut, pieces.last, best[:, pieces.last].argmax(axis=0)
    # A piece ends in a state that only the one after it tells: go back from all at once.
    paths = np.empty_like(came_from if len(cut) else came_from[0])
    paths[..., last] = np.arange(len(best))[:, None] if len(cut) else ends
    for before, at in reversed(pieces.steps):
        paths[..., before] = came_from[paths[..., at], np.arange(at.start, at.stop)]
    if not len(cut):
        return paths, log_probabilities
    for piece in pieces.in_turn(backward=True):
        after = pieces.precedes[piece]
        begins = paths[ends[after], after]
        ends[piece] = (best[:, last[piece]] + log_a[:, begins]).argmax()
    return paths[ends[pieces.piece], np.arange(len(pieces.piece))], log_probabilities


def _check_possible(joint: Array, pieces: Pieces, log_likelihoods: Array) -> None:
    """An ImpossibleError that names the first time at which a sequence cannot go on."""
    if np.isfinite(log_likelihoods).all():
        return
    impossible = np.flatnonzero(joint.max(axis=0) == -np.inf)
    place = impossible[pieces.rows[impossible].argmin()]
    sequence = pieces.sequence[pieces.piece[place]]
    time = pieces.rows[place] - pieces.starts[pieces.sequence == sequence].min()
    raise ImpossibleError(
        f"sequence {sequence} is impossible from time {time} on: no state that can be reached then "
        "(and that `states` admit) can produce the observation. Allow a transition, or give what "
        "was observed a probability above zero."
    )
