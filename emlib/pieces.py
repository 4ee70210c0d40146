"""Sequences cut into pieces that are walked side by side, one position at a time.

A recursion over time cannot be vectorised, but many can run next to each other. Long sequences are
cut; short ones are pieces as they are. Numbers are packed by position: first the first of every
piece, then the second of every piece that has one, and so on, the longest pieces first, so that
the pieces which go on are always the foremost.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Integers = NDArray[np.intp]
# A piece shorter than this is not worth a start from a guess.
SHORTEST = 64
# A piece is this times the root of all there is: many short ones, as a step has its price.
ROOTS = 0.5


class Step(NamedTuple):
    """One position of the walk.

    Attributes
    ----------
    at : slice
        Where the numbers of this position are.
    before : slice
        Where those are from which the first `going_on` pieces come.
    going_on : int
        The other pieces begin here.
    """

    at: slice
    before: slice
    going_on: int


@dataclass(frozen=True, eq=False)
class Pieces:
    """How the rows of the data are arranged.

    Attributes
    ----------
    n_sequences : int
    sequence : ndarray of shape (C,)
        Which sequence each piece is of.
    starts, lengths : ndarray of shape (C,)
        The row with which each piece begins, and how many it has, the longest first.
    follows : ndarray of shape (C,)
        The piece before it in its sequence; -1 for the first.
    """

    n_sequences: int
    sequence: Integers
    starts: Integers
    lengths: Integers
    follows: Integers
    _pool: dict[tuple[int, int], list[list[Array]]] = field(
        default_factory=dict, init=False, repr=False
    )

    @classmethod
    def of(cls, lengths: Integers, longest: int | None = None) -> Self:
        """Cut sequences of these lengths; by default, at half the root of all there is."""
        if longest is None:
            longest = max(SHORTEST, int(ROOTS * np.sqrt(lengths.sum())))
        n_pieces = -(-lengths // longest)
        sequence = np.repeat(np.arange(len(lengths)), n_pieces)
        number = np.arange(len(sequence)) - np.repeat(np.cumsum(n_pieces) - n_pieces, n_pieces)
        begins = np.cumsum(lengths) - lengths
        sizes = np.minimum(lengths[sequence] - number * longest, longest)
        order = np.argsort(-sizes, kind="stable")
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        before = np.where(number > 0, np.roll(place, 1), -1)
        starts = begins[sequence] + number * longest
        return cls(len(lengths), sequence[order], starts[order], sizes[order], before[order])

    @cached_property
    def active(self) -> Integers:
        """How many pieces reach each position."""
        return len(self.lengths) - np.cumsum(np.bincount(self.lengths))[:-1]

    @cached_property
    def offsets(self) -> Integers:
        """Where each position's numbers begin."""
        return np.concatenate([[0], np.cumsum(self.active)[:-1]])

    @cached_property
    def whole(self) -> Pieces:
        """The same sequences, uncut."""
        lengths = np.bincount(self.sequence, weights=self.lengths).astype(np.intp)
        return Pieces.of(lengths, int(lengths.max()))

    @cached_property
    def rows(self) -> Integers:
        """The row of the data at each packed place: `packed = data[rows]`."""
        parts = [self.starts[:n] + position for position, n in enumerate(self.active)]
        return np.concatenate(parts)

    @cached_property
    def last(self) -> Integers:
        """The packed place of each piece's last number."""
        return np.asarray(self.offsets[self.lengths - 1] + np.arange(len(self.lengths)))

    @cached_property
    def precedes(self) -> Integers:
        """The piece after each in its sequence; -1 for the last."""
        after = np.full(len(self.follows), -1)
        after[self.follows[self.cut]] = self.cut
        return after

    @cached_property
    def cut(self) -> Integers:
        """The pieces with one before them."""
        return np.flatnonzero(self.follows >= 0)

    @cached_property
    def forward(self) -> tuple[Step, ...]:
        """The walk from the first position to the last."""
        places = self._places()
        steps = [Step(places[0], slice(0, 0), 0)]
        for before, at in pairwise(places):
            n = at.stop - at.start
            steps.append(Step(at, slice(before.start, before.start + n), n))
        return tuple(steps)

    @cached_property
    def backward(self) -> tuple[Step, ...]:
        """The walk from the last position to the first."""
        places = self._places()
        after = [*places[1:], slice(0, 0)]
        steps = [Step(at, b, b.stop - b.start) for at, b in zip(places, after, strict=True)]
        return tuple(reversed(steps))

    @cached_property
    def stretches(self) -> tuple[tuple[slice, int, int], ...]:
        """Places in stretches through which the same pieces go; how many positions, and pieces."""
        active, offsets = self.active.tolist(), self.offsets.tolist()
        changes = (np.flatnonzero(np.diff(self.active)) + 1).tolist()
        bounds = pairwise([0, *changes, len(active)])
        return tuple(
            (slice(offsets[i], offsets[i] + (j - i) * active[i]), j - i, active[i])
            for i, j in bounds
        )

    @contextmanager
    def borrowed(self, n: int, size: int) -> Iterator[list[Array]]:
        """Arrays to write into, lent again at the next step: fresh memory takes longer than EM."""
        pool = self._pool.setdefault((n, size), [])
        try:  # two threads cannot be lent the same
            arrays = pool.pop()
        except IndexError:
            arrays = [np.empty(size) for _ in range(n)]
        yield arrays
        pool.append(arrays)

    def laid_out(self, table: Array, flat: Array) -> Array:
        """Write a packed table of shape (K, T) position by position, each of shape (K, n)."""
        k = len(table)
        for places, length, n in self.stretches:
            to = flat[k * places.start : k * places.stop].reshape(length, k, n)
            to[:] = table[:, places].reshape(k, length, n).transpose(1, 0, 2)
        return flat

    def parts(self, flat: Array, k: int) -> list[Array]:
        """The stretches of what is laid out, each of shape (positions, K, pieces)."""
        return [
            flat[k * places.start : k * places.stop].reshape(length, k, n)
            for places, length, n in self.stretches
        ]

    def _places(self) -> list[slice]:
        pairs = zip(self.offsets.tolist(), self.active.tolist(), strict=True)
        return [slice(start, start + n) for start, n in pairs]
