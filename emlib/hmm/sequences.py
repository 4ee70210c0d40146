"""Sequences as the E-step of a hidden Markov model reads them: in pieces, side by side.

A recursion over time cannot be vectorised, but many can run next to each other. So long sequences
are cut into pieces, short ones are pieces as they are, and all pieces go forward together:

    sequences        pieces, the longest first       in packed order
    a a a a a a a    0:  a1 a2 a3 a4                  position 0:  a1 c1 a5 b1 c5
    b b b            1:  c1 c2 c3 c4                  position 1:  a2 c2 a6 b2
    c c c c c        2:  a5 a6 a7                     position 2:  a3 c3 a7 b3
                     3:  b1 b2 b3                     position 3:  a4 c4
                     4:  c5

The pieces that go on are always the foremost. The words, here and in `walks`:

    piece       a part of one sequence that is walked on its own; 2 follows 0, and 4 follows 1
    position    how far a piece has come; all pieces at one position are one step of the walk
    packed      in the order of the last column: by position, and there by piece
    run         positions in a row which equally many pieces reach: 1 and 2 above
    value       a row of the data that occurs several times, and is looked at only once
    row         a row of the data as the user gave them
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby, pairwise
from threading import get_ident
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emlib import validation as check
from emlib.families import Family
from emlib.mixture.blocks import FULL, Blocks
from emlib.types import Array, Integers, Mask
from emlib.wording import shown

# A piece shorter than this is not worth a start from a guess.
SHORTEST = 64
# A piece is this times the root of all there is: many short ones, since a step has its price.
ROOTS = 0.5
# A position takes as long as this many steps between states.
STEP = 5000
# With this many copies of each value, densities are computed once per value.
COPIES = 4


class Run(NamedTuple):
    """Positions in a row which equally many pieces reach.

    Attributes
    ----------
    packed : slice
        Their packed places.
    n_positions, n_pieces : int
    """

    packed: slice
    n_positions: int
    n_pieces: int


class Workspace(NamedTuple):
    """Memory for an E-step of K states: K numbers for each observation, in several views.

    Attributes
    ----------
    table : ndarray of shape (K, T)
        Packed.
    table_by_run : list of ndarray
        The same memory; for each run, of shape (positions, K, pieces).
    by_run : list of 4 lists of ndarrays
        For each run, of shape (positions, K, pieces).
    by_position : list of 4 lists of ndarrays
        The same memory; for each position, of shape (K, pieces).
    """

    table: Array
    table_by_run: list[Array]
    by_run: list[list[Array]]
    by_position: list[list[Array]]


@dataclass(frozen=True, eq=False)
class Pieces:
    """How sequences are cut and packed.

    Attributes
    ----------
    n_sequences : int
    sequence : ndarray of shape (C,)
        Which sequence each piece is of.
    starts, lengths : ndarrays of shape (C,)
        The row with which each piece begins, and how many it has, the longest first.
    follows : ndarray of shape (C,)
        The piece before it in its sequence; -1 for the first.
    """

    n_sequences: int
    sequence: Integers
    starts: Integers
    lengths: Integers
    follows: Integers
    _workspaces: dict[tuple[int, int], Workspace] = field(
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
    def whole(self) -> Pieces:
        """The same sequences, uncut."""
        lengths = np.bincount(self.sequence, weights=self.lengths).astype(np.intp)
        return Pieces.of(lengths, int(lengths.max()))

    def quickest(self, k: int) -> Pieces:
        """These pieces, to be walked from each of K states, or the whole sequences, to be once."""
        longest, all_steps = np.bincount(self.sequence, self.lengths).max(), k**2 * len(self.rows)
        cut = (k + 1) * (STEP * len(self.positions) + all_steps)
        return self if cut < STEP * longest + all_steps else self.whole

    @cached_property
    def active(self) -> Integers:
        """How many pieces reach each position."""
        return len(self.lengths) - np.cumsum(np.bincount(self.lengths))[:-1]

    @cached_property
    def offsets(self) -> Integers:
        """The packed place with which each position begins."""
        return np.concatenate([[0], np.cumsum(self.active)[:-1]])

    @cached_property
    def rows(self) -> Integers:
        """The row of the data at each packed place: `packed = data[rows]`."""
        parts = [self.starts[:n] + position for position, n in enumerate(self.active)]
        return np.concatenate(parts)

    def in_order(self, packed: NDArray[Any]) -> NDArray[Any]:
        """What is packed along the last axis, in the order of the rows of the data."""
        ordered = np.empty_like(packed)
        ordered[..., self.rows] = packed
        return ordered

    @cached_property
    def piece(self) -> Integers:
        """The piece at each packed place."""
        return np.arange(len(self.rows)) - np.repeat(self.offsets, self.active)

    @cached_property
    def last(self) -> Integers:
        """The packed place of each piece's last number."""
        return self.offsets[self.lengths - 1] + np.arange(len(self.lengths))

    @cached_property
    def firsts(self) -> Integers:
        """The pieces with which sequences begin, which are also their packed places."""
        return np.flatnonzero(self.follows < 0)

    @cached_property
    def cut(self) -> Integers:
        """The pieces with one before them."""
        return np.flatnonzero(self.follows >= 0)

    @cached_property
    def precedes(self) -> Integers:
        """The piece after each in its sequence; -1 for the last."""
        after = np.full(len(self.follows), -1)
        after[self.follows[self.cut]] = self.cut
        return after

    def in_turn(self, backward: bool) -> Integers:
        """The pieces that continue one, each after that one: the next, if they go `backward`."""
        order = np.argsort(self.starts)[:: -1 if backward else 1]
        source = self.precedes if backward else self.follows
        return order[source[order] >= 0]

    @cached_property
    def positions(self) -> list[slice]:
        """The packed places of each position."""
        pairs = zip(self.offsets.tolist(), self.active.tolist(), strict=True)
        return [slice(start, start + n) for start, n in pairs]

    @cached_property
    def steps(self) -> list[tuple[slice, slice]]:
        """For each step to the next position, the packed places that it leads from, and to."""
        pairs = pairwise(self.positions)
        return [(slice(at.start, at.start + to.stop - to.start), to) for at, to in pairs]

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """The positions, taken together where equally many pieces reach them."""
        alike = groupby(self.positions, key=lambda at: at.stop - at.start)
        groups = [(n_pieces, list(positions)) for n_pieces, positions in alike]
        return tuple(Run(slice(g[0].start, g[-1].stop), len(g), n) for n, g in groups)

    def by_run(self, flat: Array, k: int) -> list[Array]:
        """Views of `flat`, K numbers a place: for each run, of shape (positions, K, pieces)."""
        return [
            flat[k * packed.start : k * packed.stop].reshape(n_positions, k, n_pieces)
            for packed, n_positions, n_pieces in self.runs
        ]

    def workspace(self, k: int) -> Workspace:
        """Memory to write into, a thread's own and the same at every step: fresh takes longer."""
        key = k, get_ident()
        if key not in self._workspaces:
            table, flat = np.empty((k, len(self.rows))), np.empty((4, k * len(self.rows)))
            table_by_run = [
                table[:, packed].reshape(k, n_positions, n_pieces).swapaxes(0, 1)
                for packed, n_positions, n_pieces in self.runs
            ]
            by_run = [self.by_run(part, k) for part in flat]
            by_position = [[place for run in runs for place in run] for runs in by_run]
            self._workspaces[key] = Workspace(table, table_by_run, by_run, by_position)
        return self._workspaces[key]


@dataclass(frozen=True, eq=False)
class Sequences:
    """Several sequences of observations, side by side.

    Attributes
    ----------
    data : Blocks
        The observations in packed order; or each value once, with its count as weight.
    which : ndarray of shape (T,) or None
        Which value each observation has, in packed order; None if all are in `data`. One more
        than there are values stands for an observation that was not made.
    pieces : Pieces
    states : ndarray of shape (T,) or None
        The states that are known, in packed order, and -1 for those that are not.
    """

    data: Blocks
    which: Integers | None
    pieces: Pieces
    states: Integers | None = None

    @classmethod
    def of(
        cls,
        x: ArrayLike | Sequences,
        lengths: ArrayLike | None = None,
        family: Family | None = None,
        standard: bool = False,
    ) -> Sequences | Self:
        """Sequences one below the other in a table of shape (T, D).

        Values are looked at only once where all are whole numbers, of which most occur often.

        Parameters
        ----------
        x : array of shape (T, D)
            A row that is NaN throughout stands for an observation that was not made; for
            Gaussians, parts of rows may be NaN too.
        lengths : array of shape (number of sequences,), optional
            How many rows each has; by default all are one sequence.
        family : Family, optional
            What the states emit; by default Gaussians with full covariances.
        standard : bool
            Whether to see the data in the units that suit the family.

        Raises
        ------
        ValueError
            If the data are not a table of finite numbers, or the lengths do not add up.

        Examples
        --------
        >>> Sequences.of([[1.0], [2.0], [3.0]], lengths=[1, 2]).n
        3
        """
        check.kind("family", family, Family | None, "Family")
        if isinstance(x, Sequences):
            if lengths is not None:
                raise ValueError(
                    "these are sequences already: lengths were given when they were made"
                )
            data = Blocks.of(x.data, family)
            return x if data is x.data else replace(x, data=data)
        family = FULL if family is None else family
        filled, made, holes = check.observed(x, partly=family.whitens, fit=standard)
        checked = family.check_data(filled)
        if standard:
            family.check_fit(checked)
        if family.n_symbols:
            values = np.arange(float(family.n_symbols))[:, None]
            which = checked[:, 0].astype(np.intp)
            return cls.of_values(values, which, lengths, family, standard, made)
        if holes is None and np.all(checked == np.floor(checked)):
            values, which = np.unique(checked, axis=0, return_inverse=True)
            if COPIES * len(values) <= len(checked):
                return cls.of_values(values, which.ravel(), lengths, family, standard, made)
        if made is not None:
            which, values = np.cumsum(made) - 1, checked[made] if made.any() else checked[:1]
            found = cls.of_values(values, which, lengths, family, standard, made)
            holes = None if holes is None else holes[made]
            return replace(found, data=replace(found.data, holes=holes))
        pieces = Pieces.of(check_lengths(lengths, len(checked)))
        data = (Blocks.standard if standard else Blocks)(checked[pieces.rows], family)
        return cls(data, None, pieces)

    @classmethod
    def of_values(
        cls,
        values: Array,
        which: Integers,
        lengths: ArrayLike | None = None,
        family: Family = FULL,
        standard: bool = False,
        made: Mask | None = None,
    ) -> Self:
        """Observations that are `values[which]`, checked rows; and not made where `made` is not."""
        pieces = Pieces.of(check_lengths(lengths, len(which)))
        n, which = len(values), which if made is None else np.where(made, which, len(values))
        counts = np.bincount(which, minlength=n)[:n].astype(float)
        data = (Blocks.standard if standard else Blocks)(values, family, counts)
        return cls(data, which[pieces.rows], pieces)

    def with_known(self, states: ArrayLike, k: int) -> Sequences:
        """The same, with the state of each of the user's rows, from 0 to k - 1; -1: not known."""
        rows = self.pieces.rows
        known = check.labels("states", states, len(rows), k)
        return replace(self, states=known[rows]) if (known >= 0).any() else self

    @cached_property
    def n(self) -> int:
        """The number of observations that were made, in all sequences together."""
        return int(self.data.n)

    def first_row(self, place: int) -> int:
        """The first of the user's rows that have the value in this row of `data`."""
        rows = self.pieces.rows
        return int(rows[place] if self.which is None else rows[self.which == place].min())

    def per_observation(self, table: Array, missing: float, out: Array | None = None) -> Array:
        """What is known about each row of `data`, (K, N), for each observation, (K, T), packed."""
        if self.which is None:
            return table
        if self.n < len(self.which):
            table = np.pad(table, ((0, 0), (0, 1)), constant_values=missing)
        # With mode "clip", NumPy writes into `out` directly.
        return np.take(table, self.which, axis=1, out=out, mode="clip")

    def rule_out(self, densities: Array, zero: float) -> None:
        """Write `zero` into `densities`, (K, T), packed, where another state is known."""
        if self.states is not None:
            others = self.states != np.arange(len(densities))[:, None]
            densities[(self.states >= 0) & others] = zero

    def per_value(self, r: Array) -> Array:
        """The sums of `r`, (K, T), packed, over the observations that each row of `data` is."""
        if self.which is None:
            return r
        n = len(self.data.x)
        return np.stack([np.bincount(self.which, r_k, minlength=n)[:n] for r_k in r])

    def transitions(self, r: Array) -> Array:
        """Steps between states, if observations are in them with shares (K, T), packed.

        Those from the end of one piece to the next are left out: for a start that is enough.
        """
        counts = (r[:, before] @ r[:, at].T for before, at in self.pieces.steps)
        return sum(counts, np.zeros((len(r), len(r))))


def check_lengths(lengths: ArrayLike | None, n: int) -> Integers:
    """The lengths of sequences that make up `n` rows, or a ValueError."""
    if lengths is None:
        return np.array([n])
    given = check.numbers("lengths", lengths)
    if given.ndim != 1 or not len(given) or np.any((given != np.floor(given)) | (given < 1)):
        raise ValueError(
            f"lengths must be whole numbers above zero, in a list, got {shown(lengths)}"
        )
    if given.sum() != n:
        raise ValueError(f"lengths sum to {given.sum():.0f}, but there are {n} rows of data")
    return given.astype(np.intp)
