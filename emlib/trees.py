"""Statistics as trees: a number or array, or a tuple, list, dict or dataclass of such.

Sufficient statistics add. These two functions let the EM loop add those of any model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

T = TypeVar("T")


def map_leaves(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """Apply `function` to the leaves of one tree, or of several of the same shape side by side.

    Examples
    --------
    >>> map_leaves(lambda leaf: 10 * leaf, {"heads": 3.0, "tails": (1.0, 2.0)})
    {'heads': 30.0, 'tails': (10.0, 20.0)}
    """
    trees, form = (tree, *others), type(tree)
    if isinstance(tree, dict):
        _same_keys(*trees)
        return {key: map_leaves(function, *(t[key] for t in trees)) for key in tree}
    if isinstance(tree, (tuple, list)):
        leaves = [map_leaves(function, *parts) for parts in zip(*trees, strict=True)]
        return form(*leaves) if hasattr(tree, "_fields") else form(leaves)
    if is_dataclass(tree):
        names = [f.name for f in fields(tree)]
        return form(**{n: map_leaves(function, *(getattr(t, n) for t in trees)) for n in names})
    return function(*trees)


def add(left: T, right: T) -> T:
    """Add two trees of the same shape, leaf by leaf.

    Examples
    --------
    >>> add((1.0, {"sum": 2.0}), (10.0, {"sum": 20.0}))
    (11.0, {'sum': 22.0})
    """
    total: T = map_leaves(lambda a, b: a + b, left, right)
    return total


def _same_keys(*trees: Any) -> None:
    if any(tree.keys() != trees[0].keys() for tree in trees):
        raise ValueError("statistics of different chunks have different keys")
