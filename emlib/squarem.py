"""SQUAREM: EM with leaps along the path that two of its steps show (Varadhan and Roland 2008).

Scand. J. Statist. 35, 335-353, doi:10.1111/j.1467-9469.2007.00585.x, scheme S3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain, islice
from typing import Any, NamedTuple, Self, TypeVar

import numpy as np

from emlib.results import FAILURES, FALL_TOLERANCE, Visit
from emlib.trees import leaves, rebuild, side_by_side
from emlib.types import Array
from emlib.wording import shown

P = TypeVar("P")
S = TypeVar("S")
# A leap may be this many EM steps long at first; four times that where the longest succeeds.
FIRST_LEAP = 4.0
# A leap by one step is EM itself: one that is hardly longer is not worth its price.
SHORTEST_LEAP = 1.05


class Coordinates(NamedTuple):
    """Parameters as a vector whose entries may be any numbers, and back.

    Logarithms of rates and weights, for instance, so that a leap cannot leave the range. Where
    they are the parameters' numbers as they are, a leap is to keep ranges: what was never negative
    on the path, such as a rate, does not become so, and what was never outside 0 to 1, such as a
    probability, does not get there.
    """

    to_vector: Callable[[Any], Array]
    from_vector: Callable[[Array], Any]
    keep_ranges: bool = False

    @classmethod
    def of(
        cls,
        example: Any,
        to_free: Callable[[Any], Any] = lambda params: params,
        from_free: Callable[[Any], Any] = lambda free: free,
    ) -> Self:
        """All the numbers, one after the other, of what `to_free` makes of parameters.

        The `example` is a tree of the same shape. By default they are those of the parameters.
        """
        size = sum(map(np.size, leaves(example)))

        def to_vector(params: Any) -> Array:
            # Side by side with the example, as a dict may have its keys in any order.
            pairs = side_by_side(example, to_free(params))
            vector = np.concatenate([np.ravel(leaf) for _, leaf in pairs])
            if len(vector) != size:
                raise ValueError(
                    f"to leap, all parameters on the path must have the {size} numbers of the "
                    f"start, got {shown(params)}"
                )
            return vector

        return cls(to_vector, lambda vector: from_free(rebuild(example, vector)))


def leaps(
    walk: Callable[[Visit[P, S]], Iterator[Visit[P, S]]],
    visit: Callable[[P], Visit[P, S]],
    m_step: Callable[[S], P],
    point: Visit[P, S],
    coordinates: Coordinates,
    exact: bool,
) -> Iterator[Visit[P, S]]:
    """EM from `point` on, with a leap after every second step where that leads further up.

    Parameters
    ----------
    walk : callable point -> iterator of points
        EM itself, step by step from a point on.
    visit, m_step : callables
        The E-step at given parameters, and the M-step.
    point : Visit
        The start.
    coordinates : Coordinates
        In which to leap.
    exact : bool
        False if EM's own steps may fall, too.

    Yields
    ------
    Visit
        A leap only if it is not lower than the point before and EM's next step from it does not
        fall: from valid parameters it cannot, so a leap that fails has left the model.
    """

    def landed_at(params: P, lowest: float) -> list[Visit[P, S]]:
        """The leap's point and EM's next; nothing if the leap is not to be trusted."""
        try:
            with np.errstate(all="ignore"):
                point = replace(visit(params), leapt=True)
                if not lowest <= point.objective < np.inf:
                    return []
                after = visit(m_step(point.statistics))
        except FAILURES:
            return []
        least = point.objective - FALL_TOLERANCE * max(1.0, abs(point.objective))
        fell = exact and after.objective < least
        return [] if fell or not np.isfinite(after.objective) else [point, after]

    path, longest = walk(point), FIRST_LEAP
    while True:
        params = []
        for point in islice(path, 3):
            yield point
            params.append(point.params)
        onward = m_step(point.statistics)
        further = leap(coordinates, params[1], params[2], onward, longest)
        if further is not None:
            target, length = further
            if landed := landed_at(target, point.objective):
                longest *= 4 if length == longest else 1
                path = chain(landed[:1], walk(landed[1]))
                continue
            longest = max(longest / 2, FIRST_LEAP)
        path = walk(visit(onward))


def leap(
    coordinates: Coordinates, start: P, once: P, twice: P, longest: float = np.inf
) -> tuple[P, float] | None:
    """Where the path leads on which EM goes from `start` to `once` to `twice`, and the length.

    The length is in steps of EM, at most `longest`. None if it is no further than EM itself.
    """
    with np.errstate(all="ignore"):
        vectors = [coordinates.to_vector(params) for params in (start, once, twice)]
        path = np.stack([np.ravel(vector) for vector in vectors])
        # What is infinite, such as the logarithm of a probability of zero, stays where it is.
        moves, target = np.isfinite(path).all(axis=0), path[2].copy()
        first, second, third = path[:, moves]
        u, v = second - first, (third - second) - (second - first)
        a = min(float(np.linalg.norm(u) / np.linalg.norm(v)), longest)
        never_negative = coordinates.keep_ranges & (path >= 0).all(axis=0)
        never_above_one = never_negative & (path <= 1).all(axis=0)
        while a > SHORTEST_LEAP:
            # Equation conv-leap
            target[moves] = first + 2 * a * u + a**2 * v
            if not (target[never_negative] < 0).any() and not (target[never_above_one] > 1).any():
                break
            a = (a + 1) / 2
        if not a > SHORTEST_LEAP or not np.all(np.isfinite(target[moves])):
            return None
        try:
            return coordinates.from_vector(target.reshape(np.shape(vectors[0]))), a
        except FAILURES:
            return None  # no parameters are there
