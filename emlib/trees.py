"""Statistics as trees: a number or array, or a tuple, list, dict or dataclass of such.

Sufficient statistics add: `add` does it for those of any model. Parameters are trees, too; `leaves`
and `rebuild` lead from a tree to its numbers and back, and `parts` is behind all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import fields, is_dataclass, replace
from typing import Any, Self, TypeVar

import numpy as np

from emlib.wording import shown

T = TypeVar("T")


def parts(
    *trees: Any, is_leaf: Callable[[Any], bool] = lambda _: False
) -> dict[Any, tuple[Any, ...]] | None:
    """The parts of trees of the same shape, side by side, by name; None for leaves.

    Of a dataclass, those that its `__init__` takes: it makes the others itself.
    """
    tree, form = trees[0], type(trees[0])
    if is_leaf(tree) or is_dataclass(tree):
        alike = all(isinstance(t, form) for t in trees)
    elif isinstance(tree, dict):
        alike = all(isinstance(t, dict) and t.keys() == tree.keys() for t in trees)
    elif isinstance(tree, (tuple, list)):
        alike = all(isinstance(t, (tuple, list)) and len(t) == len(tree) for t in trees)
    else:
        return None
    if not alike:
        raise ValueError(
            "statistics, or parameters, that belong together must have the same parts, got "
            f"{' and '.join(map(shown, trees))}"
        )
    if is_leaf(tree):
        return None
    if isinstance(tree, dict):
        return {key: tuple(t[key] for t in trees) for key in tree}
    if isinstance(tree, (tuple, list)):
        return dict(enumerate(zip(*trees, strict=True)))
    names = [f.name for f in fields(tree) if f.init]
    return {name: tuple(getattr(t, name) for t in trees) for name in names}


def map_leaves(
    function: Callable[..., Any],
    *trees: Any,
    is_leaf: Callable[[Any], bool] = lambda _: False,
) -> Any:
    """Apply `function` to the leaves of one tree, or of several of the same shape side by side.

    Examples
    --------
    >>> map_leaves(lambda leaf: 10 * leaf, {"heads": 3.0, "tails": (1.0, 2.0)})
    {'heads': 30.0, 'tails': (10.0, 20.0)}
    """
    found, tree = parts(*trees, is_leaf=is_leaf), trees[0]
    if found is None:
        return function(*trees)
    made = {name: map_leaves(function, *part, is_leaf=is_leaf) for name, part in found.items()}
    if isinstance(tree, dict):
        result = copy(tree)  # a Counter, or what has defaults, stays one
        for key, part in made.items():
            result[key] = part
        return result
    if isinstance(tree, (tuple, list)):
        return type(tree)(*made.values()) if hasattr(tree, "_fields") else type(tree)(made.values())
    return replace(tree, **made)


def leaves(tree: Any) -> list[Any]:
    """The leaves of a tree, in order.

    Examples
    --------
    >>> leaves({"heads": 3.0, "tails": (1.0, 2.0)})
    [3.0, 1.0, 2.0]
    """
    return [leaf for (leaf,) in side_by_side(tree)]


def side_by_side(*trees: Any) -> Iterator[tuple[Any, ...]]:
    """The leaves of trees of the same shape, in the order of the first."""
    found = parts(*trees)
    if found is None:
        yield trees
    for part in (found or {}).values():
        yield from side_by_side(*part)


def rebuild(tree: T, vector: Any) -> T:
    """A tree of the shape of `tree`, with the numbers of `vector` in its leaves.

    A leaf that has these numbers stays as it is: so a whole number that does not change stays one.

    Examples
    --------
    >>> rebuild({"heads": 3.0, "tails": (1.0, 2.0)}, np.array([7.0, 8.0, 9.0]))
    {'heads': 7.0, 'tails': (8.0, 9.0)}
    """
    ends = np.cumsum([np.size(leaf) for leaf in leaves(tree)])
    parts = iter(np.split(vector, ends[:-1]))

    def refilled(leaf: Any) -> Any:
        part = next(parts).reshape(np.shape(leaf))
        if np.array_equal(part, leaf):
            return leaf
        return part if np.ndim(leaf) else float(part)

    return map_leaves(refilled, tree)


class Additive:
    """Statistics that can add themselves, and that `sum` can add."""

    def __radd__(self, other: int) -> Self:
        """With zero they are what they are: `sum` begins with it."""
        return self if other == 0 else NotImplemented


def add(left: T, right: T) -> T:
    """Add two trees of the same shape, leaf by leaf; a dataclass that can add itself does.

    Examples
    --------
    >>> add((1.0, {"sum": 2.0}), (10.0, {"sum": 20.0}))
    (11.0, {'sum': 22.0})
    """
    return map_leaves(lambda a, b: a + b, left, right, is_leaf=_adds_itself)


def _adds_itself(tree: Any) -> bool:
    return is_dataclass(tree) and hasattr(tree, "__add__")
