"""Checks of input: an error says what is wrong and what to do about it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import issparse

from emlib.types import Array, Integers, Mask

# Squares of anything larger, or smaller, leave the range of a float.
LARGEST, SMALLEST = 1e150, 1e-140


def check_data(x: ArrayLike) -> Array:
    """`x` as a float array of shape (N, D), or a ValueError that names the trouble.

    Examples
    --------
    >>> check_data([1.0, 2.0])
    Traceback (most recent call last):
    ValueError: data must be a table of shape (N, D), got (2,). For one feature use x[:, None].
    """
    refused = issparse(x) or np.ma.is_masked(x)
    try:
        refused = refused or np.iscomplexobj(x)
        data = np.empty(0) if refused else np.asarray(x, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"data must be numbers: {error}. Encode text as numbers and make all rows equally "
            "long; stack several sequences one below the other, and give their lengths="
        ) from error
    if refused:
        raise ValueError("data must be real and dense, with no masked entries: convert them first")
    if data.ndim != 2:
        hint = "For one feature use x[:, None]." if data.ndim < 2 else "Flatten the extra axes."
        raise ValueError(f"data must be a table of shape (N, D), got {data.shape}. {hint}")
    if data.size == 0:
        raise ValueError(
            f"data are empty: shape {data.shape}. At least one row and one column are needed."
        )
    # A sum is finite only if all its terms are; looking at each needs memory, and is rarely needed.
    with np.errstate(over="ignore", invalid="ignore"):
        suspicious = not np.isfinite(data.sum())
    bad = np.argwhere(~np.isfinite(data)) if suspicious else np.empty((0, 2), dtype=int)
    if len(bad):
        row, feature = bad[0]
        value = "NaN" if np.isnan(data[row, feature]) else "infinity"
        raise ValueError(
            f"data contain {value} (row {row}, feature {feature}; {len(bad)} "
            "such values in all). Remove those rows or fill the values in first."
        )
    if max(data.max(), -data.min()) > LARGEST:
        row, feature = np.unravel_index(np.abs(data).argmax(), data.shape)
        raise ValueError(
            f"data contain {data[row, feature]:g} (row {row}, feature {feature}), whose square "
            "is out of a float's range. Rescale the feature, or remove the outlier."
        )
    return data


def observed(x: ArrayLike) -> tuple[ArrayLike, Mask | None]:
    """Which rows were observed, and `x` with one of them in place of each that is NaN throughout.

    None if there is no such row. A row that lacks only some of its values is a ValueError.
    """
    if np.ma.is_masked(x):
        return x, None
    try:
        table = np.empty(0) if np.iscomplexobj(x) else np.asarray(x, dtype=float)
    except (TypeError, ValueError):
        return x, None
    if table.ndim not in (1, 2) or not table.size or not np.isnan(table).any():
        return x, None
    lacking = np.isnan(table.reshape(len(table), -1))
    if lacking.all():
        raise ValueError("every row of data is NaN: at least one observation is needed")
    some = lacking.any(axis=1) & ~lacking.all(axis=1)
    if some.any():
        raise ValueError(
            f"row {some.argmax()} of the data lacks some of its values (NaN). Complete it, for "
            "instance with GaussianImputer; or let it be NaN throughout, which stands for an "
            "observation that was not made. Do not remove it: it is a step of the chain."
        )
    made = ~lacking[:, 0]
    filled = table.copy()
    filled[~made] = table[made.argmax()]
    return filled, made


def check_symbols(symbols: ArrayLike, n_symbols: int | None = None) -> Integers:
    """Symbols 0, 1, 2, ... of shape (T,), from one column of them, or a ValueError.

    Examples
    --------
    >>> check_symbols([[0], [2], [1]])
    array([0, 2, 1])
    """
    if np.ma.is_masked(symbols) or issparse(symbols):
        raise ValueError(
            "symbols must be dense, with no masked entries: fill them in, or cut there"
        )
    try:
        table = np.asarray(symbols)
    except ValueError as error:
        raise ValueError(
            f"symbols must be one column: {error}. Stack sequences one below the other, and give "
            "their lengths="
        ) from error
    if table.dtype.kind not in "biuf":
        try:
            table = table.astype(float)
        except (TypeError, ValueError):
            raise ValueError(
                "symbols must be whole numbers from 0 on, not text or other objects. Number them: "
                "names, numbers = np.unique(symbols, return_inverse=True)"
            ) from None
    if table.ndim not in (1, 2) or table.shape[1:] not in ((), (1,)):
        raise ValueError(
            f"symbols must be one column, of shape (T, 1), got {table.shape}. Stack sequences one "
            "below the other and give their lengths=; of one-hot rows take argmax(axis=1)"
        )
    if not len(table):
        raise ValueError("symbols are empty: at least one is needed")
    numbers = table.reshape(-1)
    wrong = ~((numbers == np.floor(numbers)) & (numbers >= 0) & (numbers < 2**53))
    if n_symbols is not None:
        wrong |= numbers >= n_symbols
    if np.any(wrong):
        limit = "" if n_symbols is None else f" below {n_symbols}"
        row = int(np.argmax(wrong))
        raise ValueError(
            f"symbols must be whole numbers from 0 on{limit}, got {numbers[row]:g} (row {row}). "
            "Number the symbols, or say with n_features how many there may be."
        )
    return numbers.astype(np.intp)


def check_labels(name: str, labels: ArrayLike, n: int, k: int) -> Integers:
    """Labels of shape (N,) from 0 to K - 1, or -1 where they are not known; or a ValueError."""
    given = np.asarray(labels)
    if given.shape != (n,) or given.dtype.kind not in "iuf" or not np.all(np.isfinite(given)):
        raise ValueError(f"{name} must be {n} whole numbers, one for each row, got {labels!r}")
    if np.any((given != np.floor(given)) | (given < -1) | (given >= k)):
        raise ValueError(f"{name} must be from 0 to {k - 1}, or -1 where unknown, got {given}")
    return given.astype(np.intp)


def check_weights(weights: ArrayLike | None, n: int) -> Array:
    """Weights of shape (N,) or (N, K), ones by default, or a ValueError."""
    if weights is None:
        return np.ones(n)
    w = np.asarray(weights, dtype=float)
    if w.ndim not in (1, 2) or len(w) != n:
        raise ValueError(
            f"weights must have shape ({n},) or ({n}, K) to go with {n} points, got {w.shape}"
        )
    if not np.all(np.isfinite(w)) or np.any(w < 0):
        raise ValueError("weights must be finite and not negative")
    return w


def check_spread(data: Array) -> None:
    """A ValueError if some feature does not vary, or by too little to be squared."""
    spread = np.ptp(data, axis=0)
    constant = np.flatnonzero(spread == 0)
    if len(constant):
        raise ValueError(
            f"feature {listed(constant)} is constant: a Gaussian needs a variance above zero. "
            "Drop it."
        )
    if spread.min() < SMALLEST:
        raise ValueError(
            f"feature {spread.argmin()} varies by only {spread.min():g}, whose square is out of a "
            "float's range. Rescale the feature."
        )


def floats(name: str, value: ArrayLike) -> Array:
    """`value` as an array of floats, or a ValueError that names it."""
    try:
        if not np.iscomplexobj(value):
            return np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        pass
    raise ValueError(f"{name} must be real numbers, with all rows equally long, got {value!r}")


def shaped(name: str, value: ArrayLike | None, shape: tuple[int, ...]) -> Array | None:
    """An explicit start as an array of that shape; None if there is none."""
    if value is None:
        return None
    array = floats(name, value)
    if array.shape != shape or not np.all(np.isfinite(array)):
        raise ValueError(f"{name} must be finite and of shape {shape}, got shape {array.shape}")
    return array


def shares(name: str, value: ArrayLike | None, shape: tuple[int, ...]) -> Array | None:
    """Weights, or rows of responsibilities, that sum to one: exactly, after this."""
    array = shaped(name, value, shape)
    if array is None:
        return None
    totals = array.sum(axis=-1, keepdims=True)
    if np.any(array < 0) or not np.allclose(totals, 1):
        raise ValueError(f"{name} must not be negative and must sum to 1, got {array}")
    return array / totals


def positive_definite(
    name: str, value: ArrayLike | None, shape: tuple[int, ...], matrices: bool
) -> Array | None:
    """An explicit start of symmetric, positive definite matrices, or of variances above zero."""
    array = shaped(name, value, shape)
    if array is None:
        return None
    if not matrices:
        if np.any(array <= 0):
            raise ValueError(f"{name} must be above zero")
        return array
    if not is_symmetric(array) or np.any(np.linalg.eigvalsh(array) <= 0):
        raise ValueError(f"{name} must hold symmetric, positive definite matrices")
    return array


def is_symmetric(matrices: Array) -> bool:
    """Whether a matrix, or each of a stack, is finite and symmetric, up to rounding."""
    with np.errstate(invalid="ignore"):  # of infinities, which do not pass
        gap = np.abs(matrices - np.swapaxes(matrices, -1, -2)).max()
    return bool(gap <= 1e-8 * np.abs(matrices).max())


def listed(indices: Integers) -> str:
    """Components or features as a message names them.

    Examples
    --------
    >>> listed(np.array([0, 2]))
    '0, 2'
    """
    return ", ".join(str(i) for i in indices)


def with_value(row: int, x: Array) -> str:
    """A row as a message names it: with its value, if that is a single number.

    Examples
    --------
    >>> with_value(3, np.array([7.0]))
    '3 (7)'
    """
    return f"{row} ({x[0]:g})" if len(x) == 1 else str(row)
