"""SQUAREM: a leap along the path that two EM steps show (Varadhan and Roland 2008).

Scand. J. Statist. 35, 335-353, doi:10.1111/j.1467-9469.2007.00585.x, scheme S3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from emlib.trees import leaves, rebuild

P = TypeVar("P")
Array = NDArray[np.float64]


class Coordinates(NamedTuple):
    """Parameters as a vector whose entries may be any numbers, and back.

    Logarithms of rates and weights, for instance, so that a leap cannot leave the range.
    """

    to_vector: Callable[[Any], Array]
    from_vector: Callable[[Array], Any]


def plain_coordinates(params: Any) -> Coordinates:
    """All numbers in the parameters, one after the other, as they are."""

    def to_vector(tree: Any) -> Array:
        return np.concatenate([np.ravel(leaf) for leaf in leaves(tree)])

    return Coordinates(to_vector, lambda vector: rebuild(params, vector))


def leap(
    coordinates: Coordinates, start: P, once: P, twice: P, longest: float = np.inf
) -> tuple[P, float] | None:
    """Where the path leads on which EM goes from `start` to `once` to `twice`, and the length.

    The length is in steps of EM, at most `longest`. None if it is no further than EM itself.
    """
    first, second, third = (coordinates.to_vector(params) for params in (start, once, twice))
    u, v = second - first, (third - second) - (second - first)
    with np.errstate(all="ignore"):
        a = min(float(np.linalg.norm(u) / np.linalg.norm(v)), longest)
        # Equation conv-leap
        target = first + 2 * a * u + a**2 * v
        if not a > 1 or not np.all(np.isfinite(target)):
            return None
        return coordinates.from_vector(target), a
