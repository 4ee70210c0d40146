"""Tables with holes: their rows sorted by what was seen, in blocks of many patterns.

What a pattern costs is little, and there may be as many patterns as rows. So the patterns of a
block are stacks of one shape, and NumPy treats all of them in a few calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike

from emlib import validation as check
from emlib.gaussian import patterns_of
from emlib.types import Array, Integers, Mask

# Numbers in the largest stack of a block, which then stays in a processor's cache. They may be as
# many as in the covariance, if those are more.
BLOCK = 40_000


class Rows(NamedTuple):
    """A table with holes, its rows grouped by pattern.

    Attributes
    ----------
    x : ndarray of shape (N, D)
        Zero in the holes.
    seen : ndarray of bool, of shape (N, D)
    patterns : ndarray of bool, of shape (P, D)
    groups : list of P arrays
        The numbers of the rows of each pattern.
    """

    x: Array
    seen: Mask
    patterns: Mask
    groups: list[Integers]

    @classmethod
    def of(cls, x: ArrayLike) -> Self:
        """Checked and grouped; NaN marks the holes."""
        table = check.numbers("data", x, finite=False)
        seen = ~np.isnan(table)
        filled = check.data(np.where(seen, table, 0.0))
        patterns, which = patterns_of(seen)
        groups = np.split(np.argsort(which, kind="stable"), np.cumsum(np.bincount(which))[:-1])
        return cls(filled, seen, patterns, groups)

    @property
    def n(self) -> Array:
        """How many rows have each pattern."""
        return np.array([len(group) for group in self.groups], dtype=float)

    def blocks(
        self, table: Array, weights: Array | None = None, groups: list[Integers] | None = None
    ) -> Iterator[Block]:
        """The rows of a table that has the same holes, with zeros in them, in blocks.

        Parameters
        ----------
        table : ndarray of shape (N, D)
        weights : ndarray of shape (N,), optional
            Ones by default.
        groups : list of P arrays, optional
            Which rows of the table are of each pattern; by default all that are.
        """
        groups = self.groups if groups is None else groups
        weights = np.ones(len(table)) if weights is None else weights
        # Row N, of zeros, is for padding.
        table, weights = np.pad(table, ((0, 1), (0, 0))), np.append(weights, 0.0)
        n, n_rows = self.n, np.array([len(group) for group in groups])
        for part in _parts(n_rows, (~self.patterns).sum(axis=1), table.shape[1]):
            real = np.arange(n_rows[part].max()) < n_rows[part, None]
            rows = np.full(real.shape, len(self.x))
            rows[real] = np.concatenate([groups[p] for p in part])
            seen = self.patterns[part]
            holes, sights = _numbers_of(~seen), _numbers_of(seen)
            yield Block(rows, table[rows], weights[rows], n[part], seen, holes, sights)


class Block(NamedTuple):
    """Some patterns with their rows, as stacks.

    Attributes
    ----------
    rows : ndarray of shape (B, R)
        The numbers of their rows in the table, N where a pattern has fewer than R.
    x : ndarray of shape (B, R, D)
        The rows, zero in the holes; zero where there is none.
    weights : ndarray of shape (B, R)
        What stands for the one in the sums of (1, x, x x'); zero likewise.
    n : ndarray of shape (B,)
        How many rows they stand for.
    seen : ndarray of bool, of shape (B, D)
    holes, sights : ndarrays of shape (B, H) and (B, S)
        The numbers of the features that were not seen, and that were. A pattern that has fewer
        than others goes on with D, D + 1, ..., for which see `emlib.missing.conditionals`.
    """

    rows: Integers
    x: Array
    weights: Array
    n: Array
    seen: Mask
    holes: Integers
    sights: Integers

    def about(self, step: Array) -> Array:
        """The rows, measured from `step`; still zero in the holes."""
        return self.x - self.weights[:, :, None] * (step * self.seen)[:, None, :]


@dataclass(frozen=True, eq=False)
class Patterns:
    """Rows with holes as the E-step reads them: by the pattern of what was seen.

    Rows of one pattern enter the E-step only through their number, their sum and their sum of
    x x'. Where there are many, a few rows stand for them all. So memory is that of the table, or
    much less if many rows share a pattern.

    Attributes
    ----------
    seen : ndarray of bool, of shape (P, D)
        The patterns, each once.
    n : ndarray of shape (P,)
        Number of rows of each.
    blocks : tuple of Block
        All patterns, and their rows measured from `origin`.
    origin : ndarray of shape (D,)
        The mean of what was seen.
    """

    seen: Mask
    n: Array
    blocks: tuple[Block, ...]
    origin: Array

    @classmethod
    def of(cls, x: ArrayLike | Patterns) -> Patterns | Self:
        """The patterns of a table of shape (N, D) in which NaN marks the holes.

        Raises
        ------
        ValueError
            If the table is empty, or holds infinities or what cannot be read as a number.

        Examples
        --------
        >>> patterns = Patterns.of([[1.0, 2.0], [3.0, np.nan], [5.0, np.nan]])
        >>> patterns.seen.tolist(), patterns.n.tolist()
        ([[True, False], [True, True]], [2.0, 1.0])
        """
        if isinstance(x, Patterns):
            return x
        rows = Rows.of(x)
        origin = rows.x.sum(axis=0) / np.maximum(rows.seen.sum(axis=0), 1)
        blocks = tuple(rows.blocks(*compressed(rows, origin)))
        return cls(rows.patterns, rows.n, blocks, origin)


def compressed(rows: Rows, origin: Array) -> tuple[Array, Array, list[Integers]]:
    """A table of x - origin, its weights, and the groups of those rows that are still needed.

    A row is a weight, which is one, and x. With S features seen, the triangular factor of all rows
    (1, x) of a pattern has S + 1 rows (w, y), and the same sums of w w, w y and y y'.
    """
    table, weights = np.where(rows.seen, rows.x - origin, 0.0), np.ones(len(rows.x))
    groups = []
    for seen, group in zip(rows.patterns, rows.groups, strict=True):
        features = np.flatnonzero(seen)
        few = group[: len(features) + 1]
        if len(few) < len(group):
            with_one = np.column_stack([weights[group], table[np.ix_(group, features)]])
            factor = np.asarray(np.linalg.qr(with_one, mode="r"))
            weights[few], table[np.ix_(few, features)] = factor[:, 0], factor[:, 1:]
        groups.append(few)
    return table, weights, groups


def _parts(n_rows: Integers, n_holes: Integers, d: int) -> Iterator[Integers]:
    """The numbers of the patterns of each block."""
    part: list[int] = []
    widest, most = 1, max(BLOCK, d * d)
    # Alike in the number of rows, to a factor of two, and then in that of holes.
    for p in np.lexsort((n_holes, np.ceil(np.log2(n_rows)))):
        width = int(max(n_rows[p], n_holes[p]))
        if part and (len(part) + 1) * d * max(width, widest) > most:
            yield np.array(part)
            part, widest = [], 1
        part.append(p)
        widest = max(width, widest)
    yield np.array(part)


def _numbers_of(features: Mask) -> Integers:
    """The numbers of each pattern's features, at least one, padded with D, D + 1, ..."""
    count, d = features.sum(axis=1, keepdims=True), features.shape[1]
    place = np.arange(max(count.max(), 1))
    found = np.argsort(~features, axis=1, kind="stable")[:, : len(place)]
    return np.where(place < count, found, d + place - count)
