"""Sequences as the E-step of a hidden Markov model reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emlib.blocks import Blocks
from emlib.pieces import Integers, Pieces
from emlib.units import Units
from emlib.validation import check_data

Array = NDArray[np.float64]
# With so many copies of each value, densities are computed once a value.
COPIES = 4


@dataclass(frozen=True, eq=False)
class Sequences:
    """Several sequences of observations, side by side.

    Attributes
    ----------
    data : Blocks
        The observations in the order of `pieces`; or each value once, with its count as weight.
    which : ndarray of shape (T,) or None
        Which value each observation has, in the order of `pieces`; None if all are in `data`.
    row : ndarray
        The row of the user's table at which each row of `data` occurs (first).
    pieces : Pieces
    """

    data: Blocks
    which: Integers | None
    row: Integers
    pieces: Pieces

    @classmethod
    def of(
        cls,
        x: ArrayLike | Sequences,
        lengths: ArrayLike | None = None,
        standard: bool = False,
        common: bool = False,
    ) -> Sequences | Self:
        """Sequences one below the other in a table of shape (T, D).

        Parameters
        ----------
        x : array of shape (T, D)
        lengths : array of shape (number of sequences,), optional
            How many rows each has; by default all are one sequence.
        standard, common : bool
            Whether to see the data in standard units; with one scale for all features.

        Raises
        ------
        ValueError
            If the data are not a table of finite numbers, or the lengths do not add up.

        Examples
        --------
        >>> Sequences.of([[1.0], [2.0], [3.0]], lengths=[1, 2]).n
        3
        """
        if isinstance(x, Sequences):
            return x
        checked = check_data(x)
        if np.all(checked == np.floor(checked)):
            values, which = np.unique(checked, axis=0, return_inverse=True)
            if COPIES * len(values) <= len(checked):
                return cls.of_values(values, which.ravel(), lengths, standard, common)
        pieces = Pieces.of(check_lengths(lengths, len(checked)))
        data = _blocks(checked[pieces.rows], None, standard, common)
        return cls(data, None, pieces.rows, pieces)

    @classmethod
    def of_values(
        cls,
        values: Array,
        which: Integers,
        lengths: ArrayLike | None = None,
        standard: bool = False,
        common: bool = False,
    ) -> Self:
        """Observations that are `values[which]`: checked rows, of which there are few."""
        pieces = Pieces.of(check_lengths(lengths, len(which)))
        counts = np.bincount(which, minlength=len(values)).astype(float)
        occurs, first = np.unique(which, return_index=True)
        row = np.zeros(len(values), dtype=np.intp)
        row[occurs] = first
        return cls(_blocks(values, counts, standard, common), which[pieces.rows], row, pieces)

    @property
    def n(self) -> int:
        """T, the number of observations in all sequences together."""
        return len(self.pieces.rows)

    @property
    def firsts(self) -> Integers:
        """The packed places at which sequences begin."""
        return np.flatnonzero(self.pieces.follows < 0)

    @property
    def order_of_whole(self) -> Integers:
        """The packed places in the order of `pieces.whole`."""
        place = np.empty(self.n, dtype=np.intp)
        place[self.pieces.rows] = np.arange(self.n)
        return place[self.pieces.whole.rows]

    def spread(self, table: Array, out: Array | None = None) -> Array:
        """What is known of each row of `data`, of shape (K, N), for each observation."""
        if self.which is None:
            return table
        # With mode "clip", NumPy writes into `out` directly.
        return np.take(table, self.which, axis=1, out=out, mode="clip")

    def counted(self, r: Array) -> Array:
        """Steps between the states that rows of `data` are in with shares `r`, of (K, N)."""
        spread = self.spread(r)
        steps = self.pieces.forward[1:]
        counts = (spread[:, before] @ spread[:, at].T for at, before, _ in steps)
        return np.asarray(sum(counts, np.zeros((len(r), len(r)))))

    def gathered(self, r: Array) -> Array:
        """The sums over the observations with each value, of shape (K, N)."""
        if self.which is None:
            return r
        n = self.data.shape[0]
        return np.stack([np.bincount(self.which, weights=r_k, minlength=n) for r_k in r])

    def unpacked(self, packed: Array) -> Array:
        """From (K, T) in the order of `pieces` to (T, K) in the order of the data."""
        rows = np.empty((packed.shape[1], len(packed)))
        rows[self.pieces.rows] = packed.T
        return rows


def _blocks(x: NDArray[Any], weights: Array | None, standard: bool, common: bool) -> Blocks:
    if standard:
        return Blocks.standard(x, weights, common)
    return Blocks(x, Units.identity(x.shape[1]), weights)


def check_lengths(lengths: ArrayLike | None, n: int) -> Integers:
    """The lengths of sequences that make up `n` rows, or a ValueError."""
    if lengths is None:
        return np.array([n])
    given = np.asarray(lengths)
    if given.ndim != 1 or not np.issubdtype(given.dtype, np.integer) or np.any(given < 1):
        raise ValueError(f"lengths must be whole numbers above zero, in a list, got {lengths!r}")
    if given.sum() != n:
        raise ValueError(f"lengths sum to {given.sum()}, but there are {n} rows of data")
    return given.astype(np.intp)
