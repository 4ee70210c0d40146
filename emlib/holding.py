"""EM in which some parameters are held as they are given, and the others' M-step is still exact.

The expected log-likelihood of complete data is a sum of one term for each component and one for the
weights, or for the chain. What is held in one term changes nothing in the others. Only within a
component does it matter: the best covariance around a mean that is held is about that mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from emlib import validation as check
from emlib.families import Components, Family
from emlib.types import Array

Given = Mapping[str, Array | None]


@dataclass(frozen=True)
class Held:
    """What EM leaves as it is at the start.

    Attributes
    ----------
    outer : tuple of bool
        Whether the weights are held, or the start and the steps of a chain.
    inner : tuple of bool
        Whether each of the family's parameters is held, of all components.
    components : tuple of int
        Those of which every parameter is held, except their weights.
    """

    outer: tuple[bool, ...] = ()
    inner: tuple[bool, ...] = ()
    components: tuple[int, ...] = ()

    @classmethod
    def of(
        cls, hold: Any, outer: Given, inner: Given, k: int, family: Family, prior: object
    ) -> Self:
        """What the setting `hold` means, if it can be held; or a ValueError.

        `outer` and `inner` are the explicit starts, by the names that `hold` has for them.
        """
        several = (list, tuple, set, frozenset, range, np.ndarray)
        asked = list(hold) if isinstance(hold, several) else [hold]
        given = {**outer, **inner}
        names = {what for what in asked if isinstance(what, str) and what in given}
        components = {int(what) for what in asked if check.is_whole(what) and 0 <= what < k}
        for what in asked:
            if not (check.is_whole(what) and 0 <= what < k) and what not in list(names):
                raise ValueError(
                    f"hold must be some of {list(given)}, or components from 0 to {k - 1}, "
                    f"got {what!r}"
                )
        needed = names.union(inner) if components else names
        if missing := [name for name in given if name in needed and given[name] is None]:
            raise ValueError(
                f"what is held must be given, and {', '.join(missing)} is not: give "
                f"{missing[0]}_init (of Mixture and HMM: components_init)"
            )
        held = cls(
            tuple(name in names for name in outer),
            tuple(name in names for name in inner),
            tuple(sorted(components)),
        )
        if components and not all(axes.startswith("K") for axes in family.parameters.values()):
            raise ValueError("components that share a covariance cannot be held one by one")
        if any(held.inner) and not all(held.inner) and (prior or not family.holds_parts):
            raise ValueError(
                "with a prior, or in this family, the parameters of components are held all or "
                "none: an M-step for some of them has no closed form here"
            )
        return held

    def __bool__(self) -> bool:
        return any((*self.outer, *self.inner, self.components))

    def about_held(self, statistics: Any, given: Components, family: Family) -> Any:
        """Statistics about what is held, of which `mle` makes the others' maximum.

        They are unchanged if no part of a component is held.
        """
        partly = any(self.inner) and not all(self.inner)
        return family.around(statistics, given, self.inner) if partly else statistics

    def put_back(
        self, found: tuple[Array, ...], given: tuple[Array | None, ...]
    ) -> tuple[Any, ...]:
        """The parameters that were found, those given where they are held: `outer` ones first."""
        are_held, rows = (*self.outer, *self.inner), list(self.components)
        parts: list[Any] = [g if h else f for f, g, h in zip(found, given, are_held, strict=True)]
        if rows:
            for i in range(len(self.outer), len(parts)):
                parts[i] = np.array(parts[i])
                parts[i][rows] = np.asarray(given[i])[rows]
        return tuple(parts)

    def n_free(self, family: Family, k: int, d: int, unseen: int = 0) -> int:
        """How many of the parameters of K components are free, but for `unseen` categories."""
        k -= len(self.components)
        total, first = family.n_parameters(k, d) - k * unseen, k * d
        if not any(self.inner):
            return total
        if all(self.inner):
            return 0
        return total - first if self.inner[0] else first
