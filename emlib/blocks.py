"""A data set as the E-step reads it: block by block, standardised on the way, samples last.

A block fits into the processor's cache, so memory is that of one block however many points
there are, and every number is fetched once. Only data of up to 32 MiB are copied.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emlib.units import Units
from emlib.validation import check_data

Array = NDArray[np.float64]
# Floats of a block's features: under a megabyte, which a second-level cache holds.
BLOCK = 90_000
# Data of up to so many numbers (32 MiB) are kept standardised where EM reads them many times.
KEPT = 2**22


@dataclass(frozen=True, eq=False)
class Blocks:
    """Points, what each counts for, and the units in which models see them.

    Attributes
    ----------
    x : ndarray of shape (N, D)
        As the user gave it: never copied.
    units : Units
    weights : ndarray of shape (N,), optional
        How many times each point counts; once each if None.
    keep : bool
        Whether to keep small data standardised, for those who read them many times.
    """

    x: NDArray[Any]
    units: Units
    weights: Array | None = None
    keep: bool = False
    _memory: dict[Hashable, Array] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, x: ArrayLike | Blocks) -> Blocks | Self:
        """Data as they are: an array of shape (N, D) in its own units."""
        if isinstance(x, Blocks):
            return x
        checked = check_data(x)
        return cls(checked, Units.identity(checked.shape[1]))

    @classmethod
    def standard(cls, x: NDArray[Any], weights: Array | None = None, common: bool = False) -> Self:
        """Checked data in standard units; with one scale for all features if `common`."""
        data = cls(x, Units.identity(x.shape[1]), weights)
        for _ in range(2):  # the mean of numbers far from zero is itself rounded: correct it
            origin = data.units.origin + data.total(np.positive, x.shape[1]) / data.n
            data = cls(x, replace(data.units, origin=origin), weights)
        variances = data.total(np.square, x.shape[1]) / data.n
        scale = np.sqrt(np.full_like(variances, variances.mean()) if common else variances)
        return cls(x, Units(origin, scale), weights, keep=x.size <= KEPT)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of points N and of features D."""
        return self.x.shape[0], self.x.shape[1]

    @cached_property
    def n(self) -> float:
        """Sum of the weights; the number of points if there are none."""
        return float(len(self.x) if self.weights is None else self.weights.sum())

    @cached_property
    def reach(self) -> Array:
        """The largest distance from the origin along each feature, of shape (D, 1)."""
        ends = np.stack([self.x.min(axis=0), self.x.max(axis=0)])
        return np.asarray(np.abs(self.units.standardise(ends)).max(axis=0)[:, None])

    def read(self, rows: slice, out: Array) -> Array:
        """Points `rows` in these units, samples last, written into `out` of shape (D, B)."""
        if self.keep:
            out[:] = self._kept[:, rows]
            return out
        return self._standardised(rows, out)

    @cached_property
    def _kept(self) -> Array:
        return self._standardised(slice(None), np.empty(self.shape[::-1]))

    def _standardised(self, rows: slice, out: Array) -> Array:
        np.subtract(self.x[rows].T, self.units.origin[:, None], out=out)
        out *= self.units.per_scale[:, None]
        return out

    def slices(self, height: int) -> Iterator[slice]:
        """The rows of each block, if a point needs `height` numbers."""
        size = max(BLOCK // max(height, 1), 1)
        for start in range(0, len(self.x), size):
            yield slice(start, min(start + size, len(self.x)))

    def count(self, rows: slice) -> Array | float:
        """How many times each point of a block counts."""
        return 1.0 if self.weights is None else self.weights[rows]

    def total(self, features: Callable[[Array], Array], height: int, key: Hashable = None) -> Array:
        """The weighted sum of `features` over the data, remembered by `key` or the function."""

        def added() -> Array:
            total = np.zeros(1)
            for rows in self.slices(height):
                x = self.read(rows, np.empty((self.x.shape[1], rows.stop - rows.start)))
                total = total + (features(x) * self.count(rows)).sum(axis=1)
            return total

        return self.remembered(("total", key or features), added)

    def remembered(self, key: Hashable, compute: Callable[[], Array]) -> Array:
        """What no step of EM changes, computed once."""
        if key not in self._memory:
            self._memory[key] = compute()
        return self._memory[key]
