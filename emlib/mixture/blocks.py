"""A data set as the E-step reads it: the features T(x), block by block, samples last.

A block fits into the processor's cache, so memory is that of one block however many points
there are, and every number is fetched once. Only data of up to 32 MiB are copied.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emlib import validation as check
from emlib.covariances import Full
from emlib.families import Family
from emlib.gaussian import patterns_of
from emlib.types import Array, Integers, Mask
from emlib.units import IDENTITY, Units
from emlib.validation import extremes

# Floats of a block's features: under a megabyte, which a second-level cache holds.
BLOCK = 90_000
# Data of up to this many numbers (32 MiB) are kept standardised where EM reads them many times.
LARGEST_COPY = 2**22
FULL = Full()


@dataclass(frozen=True, eq=False)
class Blocks:
    """Points, what each counts for, and the family and units in which models see them.

    Attributes
    ----------
    x : ndarray of shape (N, D)
        As the user gave it: never copied.
    family : Family
        Whose features the blocks have.
    weights : ndarray of shape (N,), optional
        How many times each point counts; once each if None.
    units : Units
        By default the data's own.
    copy : bool
        Whether to keep the data standardised, for those who read them many times.
    labels : ndarray of shape (N,), optional
        The components that are known, and -1 for those that are not.
    holes : ndarray of shape (N, D), optional
        Which numbers of `x` only stand for some that were not seen.
    whole : Blocks, optional
        The data of which these are a part. Their bounds are taken: a part in which a feature was
        never seen has none of its own, and squares about a mean that is cut to these lose digits.
    """

    x: NDArray[Any]
    family: Family = FULL
    weights: Array | None = None
    units: Units = IDENTITY
    copy: bool = False
    labels: Integers | None = None
    holes: Mask | None = None
    whole: Blocks | None = None

    @classmethod
    def of(cls, x: ArrayLike | Blocks, family: Family | None = None) -> Blocks | Self:
        """An array of shape (N, D), checked, in its own units; or what are blocks already.

        Without a `family`, blocks keep theirs, and an array is of Gaussians with full covariances.
        """
        check.kind("family", family, Family | None, "Family")
        if not isinstance(x, Blocks):
            family = FULL if family is None else family
            return cls(family.check_data(x), family)
        if family is None or x.family.key() == family.key():
            return x
        return replace(x, family=family)

    @classmethod
    def standard(cls, x: NDArray[Any], family: Family = FULL, weights: Array | None = None) -> Self:
        """Checked data in the units that suit the family: for Gaussians, standard ones."""
        data = cls(x, family, weights)
        if not family.standardised:
            return data
        units = data.standard_units()
        return cls(x, family.in_units(units), weights, units, copy=x.size <= LARGEST_COPY)

    def standard_units(self) -> Units:
        """Units in which every feature has mean zero and, with any ridge, variance one."""
        data, d = replace(self, units=IDENTITY, copy=False), self.x.shape[1]
        for _ in range(2):  # the mean of numbers far from zero is itself rounded: correct it
            origin = data.units.origin + data.total(np.positive, d) / data.n
            data = replace(data, units=replace(data.units, origin=origin))
        variances = data.total(np.square, d) / data.n + self.family.ridge
        return Units(data.units.origin, np.sqrt(self.family.pooled(variances)))

    @cached_property
    def checked(self) -> bool:
        """True, once it has been seen that points, weights and labels make sense; or an error."""
        check.kind("family", self.family, Family)
        for name, part in (("data", self.x), ("weights", self.weights)):
            is_array = isinstance(part, np.ndarray) and part.dtype.kind in "biuf"
            if not is_array and part is not None:
                check.numbers(name, part)
                raise ValueError(f"{name} of Blocks must be an array, got {type(part).__name__}")
        if np.ndim(self.x) != 2 or not self.x.size:
            self.family.check_data(self.x)
        for rows in self.slices(self.x.shape[1]):  # in pieces, which need no memory
            try:
                self.family.check_data(self.x[rows])
            except ValueError:
                self.family.check_data(self.x)  # says which row it is
                raise
        if self.weights is not None:
            check.weights(self.weights, len(self.x))
        if self.labels is not None:
            check.labels("labels", self.labels, len(self.x), np.iinfo(np.intp).max)
        return True

    @cached_property
    def n(self) -> float:
        """Sum of the weights; the number of points if there are none."""
        return float(len(self.x) if self.weights is None else self.weights.sum())

    @cached_property
    def log_scale(self) -> float:
        """The log of what these units make of all densities together: they are per unit of x."""
        logs = np.log(self.units.scale)
        if self.holes is None:
            return self.n * float(logs.sum())
        return float(self.n_seen @ np.broadcast_to(logs, self.x.shape[1:]))

    @cached_property
    def n_seen(self) -> Array:
        """In how many points each feature was seen, each point counted by its weight; (D,)."""
        assert self.holes is not None
        seen: Array = (~self.holes.T * self.count(slice(None))).sum(axis=1)
        return seen

    @cached_property
    def patterns(self) -> tuple[Mask, Integers]:
        """The M sets of features that were seen together, (M, D), and the set of each point."""
        assert self.holes is not None
        return patterns_of(~self.holes)

    @cached_property
    def complete(self) -> Integers:
        """The numbers of the points of which all was seen."""
        assert self.holes is not None
        return np.flatnonzero(~self.holes.any(axis=1))

    @cached_property
    def by_holes(self) -> list[tuple[Integers, Blocks]]:
        """The points of which all was seen, and the others: their numbers, and they alone."""
        others = np.delete(np.arange(len(self.x)), self.complete)
        parts = (self.complete, others)
        return [(n, replace(self.some(n), copy=self.copy, whole=self)) for n in parts]

    def slices(self, height: int) -> list[slice]:
        """The rows of each block, if a point needs `height` numbers."""
        n, size = len(self.x), max(BLOCK // max(height, 1), 1)
        return [slice(start, min(start + size, n)) for start in range(0, n, size)]

    def some(self, which: Mask | Integers) -> Blocks:
        """These of the points alone, with what belongs to them."""
        parts: dict[str, Any] = {
            name: part[which]
            for name in ("x", "weights", "labels", "holes")
            if (part := getattr(self, name)) is not None
        }
        if self.holes is not None and not parts["holes"].any():
            parts["holes"] = None
        return replace(self, copy=False, **parts)

    def count(self, rows: slice | Integers) -> Array | float:
        """How many times each of these points counts."""
        return 1.0 if self.weights is None else self.weights[rows]

    def read(self, rows: slice, out: Array) -> Array:
        """Points `rows` in these units, samples last, written into `out` of shape (D, B)."""
        if self.copy:
            out[:] = self._copy[:, rows]
        else:
            np.subtract(self.x[rows].T, self.units.origin[:, None], out=out)
            out *= self.units.per_scale[:, None]
        return out

    @cached_property
    def _copy(self) -> Array:
        return replace(self, copy=False).read(slice(None), np.empty(self.x.shape[::-1]))

    def features(self, rows: slice, out: Array) -> Array:
        """T(x) of a block, of shape (P, B); written into `out`, whose first row is ones."""
        d = self.x.shape[1]
        self.family.fill(self.read(rows, out[1 : d + 1]), out[d + 1 :])
        return out

    @cached_property
    def height(self) -> int:
        """P, the number of features T(x)."""
        return 1 + self.x.shape[1] + self.family.n_more(self.x.shape[1])

    @cached_property
    def all_features(self) -> Array:
        """T(x) of all the data, for those that are a single block."""
        return self.features(slice(None), np.ones((self.height, len(self.x))))

    @cached_property
    def largest_features(self) -> Array:
        """Bounds on the absolute values of T(x), and of the shared features, of shape (P + Q,)."""
        if self.whole is not None:
            return self.whole.largest_features
        features, d = np.ones((self.height, 1)), self.x.shape[1]
        ends = np.stack(extremes(self.x)) - self.units.origin
        reach = np.abs(ends / self.units.scale).max(axis=0)[:, None]
        features[1 : d + 1] = reach
        self.family.fill(reach, features[d + 1 :])
        if self.family.shared is not None:
            features = np.concatenate([features, self.family.shared(reach)])
        return np.abs(features)[:, 0]

    def total(self, features: Callable[[Array], Array], height: int) -> Array:
        """The weighted sum over the data of `features`: from (D, B) to (height, B), or to (B,)."""
        total = np.zeros(())
        for rows in self.slices(height):
            x = self.read(rows, np.empty((self.x.shape[1], rows.stop - rows.start)))
            total = total + (features(x) * self.count(rows)).sum(axis=-1)
        return total

    @cached_property
    def total_shared(self) -> Array:
        """The sums of the Q features that all components share, which no step of EM changes."""
        shared = self.family.shared
        return np.zeros(0) if shared is None else self.total(shared, self.x.shape[1] ** 2)

    @cached_property
    def total_log_base(self) -> float:
        """The sum of log h(x), which no step of EM changes."""
        log_h = self.family.log_base
        return 0.0 if log_h is None else float(self.total(log_h, self.x.shape[1]))
