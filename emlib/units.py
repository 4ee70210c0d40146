"""Standard units: every feature centred and scaled, so that no result depends on the data's own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emlib.types import Array


@dataclass(frozen=True, eq=False)
class Units:
    """Origin and scale of each feature, or of all.

    Attributes
    ----------
    origin, scale : ndarrays of shape (D,) or (1,)
    """

    origin: Array
    scale: Array

    @cached_property
    def per_scale(self) -> Array:
        """One over the scale."""
        return 1 / self.scale

    @cached_property
    def inverse(self) -> Units:
        """The units whose `standardise` leads back."""
        return Units(-self.origin * self.per_scale, self.per_scale)

    def standardise(self, x: NDArray[Any]) -> Array:
        """`x` in these units: less the origin, over the scale."""
        return (x - self.origin) * self.per_scale


# The units that data have of their own.
IDENTITY = Units(np.zeros(1), np.ones(1))
