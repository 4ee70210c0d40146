"""How messages name what they are about."""

from __future__ import annotations

from typing import Any

import numpy as np

from emlib.types import Array, Integers, Mask


def shown(value: Any) -> str:
    """A value as a message shows it: in one line, and not all of it if it is long."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{text[:77]}..."


def listed(indices: Integers) -> str:
    """Components or features as a message names them: the first ten, and how many more there are.

    Examples
    --------
    >>> import numpy as np
    >>> listed(np.array([0, 2]))
    '0, 2'
    """
    more = f" and {len(indices) - 10} more" if len(indices) > 10 else ""
    return ", ".join(str(i) for i in indices[:10]) + more


def sentence(noun: str, indices: Integers, one: str, several: str) -> str:
    """What is said of features, components or the like, which are one or several.

    Examples
    --------
    >>> import numpy as np
    >>> sentence("feature", np.array([0, 2]), "is constant", "are constant")
    'features 0, 2 are constant'
    """
    if len(indices) == 1:
        return f"{noun} {indices[0]} {one}"
    return f"{noun}s {listed(indices)} {several}"


def first_of(values: Array, which: Mask) -> str:
    """The first of the values in a table at which `which` is true, and where it is.

    Examples
    --------
    >>> import numpy as np
    >>> first_of(np.array([[1.0, 2.5]]), np.array([[False, True]]))
    '2.5 (row 0, feature 1)'
    """
    row, feature = np.argwhere(which)[0]
    return f"{values[row, feature]:.15g} (row {row}, feature {feature})"


def with_value(row: int, x: Array) -> str:
    """A row as a message names it: with its value, if that is a single number.

    Examples
    --------
    >>> import numpy as np
    >>> with_value(3, np.array([7.0]))
    '3 (7)'
    """
    return f"{row} ({x[0]:g})" if len(x) == 1 else str(row)
