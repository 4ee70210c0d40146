"""Checks of input: an error says what is wrong and what to do about it."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from emlib.types import Array, Integers, Mask
from emlib.wording import sentence, shown

# Squares of anything larger, or smaller, leave the range of a float.
LARGEST, SMALLEST = 1e150, 1e-140
# Sums of probabilities may miss one by this much; those of a start, which are scaled, by more.
ROUNDING_OF_SUM, ROUNDING_OF_START = 1e-6, 1.001e-5

OF_NAN = (
    "Remove those rows; or let GaussianMixture or GaussianHMM fit what was seen of them, or "
    "GaussianImputer fill the holes."
)
OF_NAN_IN_COUNTS = (
    "Remove those rows only if they are few, and hidden for no reason that has to do with their "
    "values; else fit what was seen, as categories, with CategoricalMixture."
)
# What numbers the words of a table of symbols or answers.
ENCODER = "scikit-learn's OrdinalEncoder does, and leaves NaN, but not None, as it is"


def numbers(name: str, value: Any, finite: bool = True, shape: Any = None, hint: str = "") -> Array:
    """`value` as an array of real numbers, all finite, or a ValueError that names it.

    With a `shape`, of this one; None in it stands for any size.

    Examples
    --------
    >>> numbers("means", [[0, 1], [2]])
    Traceback (most recent call last):
    ValueError: means must be real numbers, with all rows equally long, got [[0, 1], [2]]
    """
    if type(value) is np.ndarray and value.dtype == float:
        array = value  # as nearly always
    else:
        array = _converted(name, value, hint)
    if shape is not None:
        wanted = [found if n is None else n for n, found in zip(shape, array.shape, strict=False)]
        if len(shape) != array.ndim or tuple(wanted) != array.shape:
            asked = str(tuple("any" if n is None else n for n in shape)).replace("'", "")
            asked = f"finite and of shape {asked}" if finite else f"of shape {asked}"
            raise ValueError(f"{name} must be {asked}, got shape {array.shape}")
    if finite and not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, without NaN, got {shown(array)}")
    return array


def _converted(name: str, value: Any, hint: str) -> Array:
    refusal = f"{name} must be real and dense, with no masked entries: convert them first"
    if hasattr(value, "toarray") or np.ma.is_masked(value):  # sparse, or masked
        raise ValueError(refusal)
    array = np.empty(0)
    try:
        array = np.asarray(value)
        if array.dtype == object and _has_numeric_columns(value):  # of pandas, with pd.NA in them
            array = value.to_numpy(dtype=float, na_value=np.nan)
        if value is None or array.dtype.kind not in "biufOc":
            raise TypeError
        if array.dtype.kind != "c":
            return np.asarray(array, dtype=float)
    except (TypeError, ValueError, OverflowError):
        columns(name, value, hint)
        if any(type(entry).__name__ == "NAType" for entry in array.flat):
            raise TypeError(
                f"{name} hold pd.NA in a column of objects: make it numbers first, with "
                ".astype('Float64')"
            ) from None
        raise ValueError(
            f"{name} must be real numbers, with all rows equally long, got {shown(value)}{hint}"
        ) from None
    raise ValueError(refusal)


def _has_numeric_columns(value: Any) -> bool:
    """Whether this is a table, or a column, of pandas that holds only numbers."""
    dtypes: Any = getattr(value, "dtypes", None)
    return all(getattr(dtype, "kind", "O") in "biuf" for dtype in np.ravel(dtypes))


def columns(name: str, value: Any, hint: str = "") -> None:
    """An error that names the first column of a data frame, of pandas, that holds no numbers."""
    if not (hasattr(value, "columns") and hasattr(value, "iloc")):
        return
    for number, label in enumerate(value.columns):
        column = value.iloc[:, number]
        present = column[column.notna()]
        if not len(column) or _is_numeric(column):
            continue
        if len(present) < len(column) and _is_numeric(present):
            raise TypeError(
                f"{name} hold pd.NA in a column of objects: make it numbers first, with "
                f".astype('Float64'); it is column {label!r}"
            )
        kind = getattr(column.dtype, "kind", "O")
        what = {"M": "a date", "m": "a time"}.get(kind, column.dtype)
        wrong = next((entry for entry in present if kind in "mM" or not _is_number(entry)), None)
        raise (TypeError if kind in "mM" else ValueError)(
            f"{name} must be numbers, not {what}: column {label!r} holds {shown(wrong)}. "
            f"Encode it, or drop it{hint}"
        )


def _is_number(entry: Any) -> bool:
    """Whether Python reads this as a number."""
    try:
        float(entry)
    except (TypeError, ValueError):
        return False
    return True


def _is_numeric(column: Any) -> bool:
    """Whether a column of pandas holds numbers, even if it does so as objects."""
    kind = getattr(column.dtype, "kind", "O")
    try:
        return kind in "biufc" or (kind not in "mM" and np.asarray(column, dtype=float).ndim == 1)
    except (TypeError, ValueError):
        return False


def is_whole(value: Any) -> bool:
    """Whether this is a whole number: one of Python's or NumPy's, and not a bool."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def count(name: str, value: Any, least: int = 1) -> int:
    """A whole number, at least `least`; or a ValueError. A bool is not a count."""
    if not is_whole(value) or int(value) < least:
        raise ValueError(f"{name} must be a whole number, at least {least}, got {shown(value)}")
    return int(value)


def size(name: str, value: Any, least: float = 0.0) -> float:
    """A finite number, at least `least`; or a ValueError. A bool is not one."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not least <= float(value) < np.inf:
        limit = ", zero or positive," if least == 0 else ""
        raise ValueError(f"{name} must be a number{limit} and finite, got {shown(value)}")
    return float(value)


def generator(rng: Any) -> np.random.Generator:
    """One of NumPy's generators, or a TypeError."""
    return kind("rng", rng, np.random.Generator, "a generator, such as np.random.default_rng(0)")


def kind(name: str, value: Any, wanted: Any, hint: str = "") -> Any:
    """`value` if it is of the kind that is wanted, or a TypeError."""
    if not isinstance(value, wanted):
        found = shown(value) if np.isscalar(value) or value is None else type(value).__name__
        raise TypeError(f"{name} must be {hint or wanted.__name__}, got {found}")
    return value


def data(x: ArrayLike, of_nan: str = OF_NAN) -> Array:
    """`x` as a float array of shape (N, D), or a ValueError that names the trouble.

    `of_nan` says what to do if some data are NaN.

    Examples
    --------
    >>> data(np.empty((0, 2)))
    Traceback (most recent call last):
    ValueError: data are empty: shape (0, 2). At least one row and one column are needed.
    """
    stack = "stack several sequences one below the other, and give their lengths="
    data = numbers("data", x, finite=False, hint=f". Encode text as numbers; {stack}")
    if data.ndim != 2:
        flat = f"Flatten the extra axes; {stack}"
        hint = "For one feature use np.reshape(x, (-1, 1))." if data.ndim < 2 else flat
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
        value, advice = "infinity", "Is it the logarithm of zero, or a division by it?"
        if np.isnan(data[row, feature]):
            value, advice = "NaN", of_nan
        raise ValueError(
            f"data contain {value} (row {row}, feature {feature}; {len(bad)} such values in all). "
            f"{advice}"
        )
    if max(data.max(), -data.min()) > LARGEST:
        row, feature = np.unravel_index(np.abs(data).argmax(), data.shape)
        raise ValueError(
            f"data contain {data[row, feature]:g} (row {row}, feature {feature}), whose square "
            "is out of a float's range. Rescale the feature, or remove the outlier."
        )
    return data


def observed(
    x: ArrayLike, partly: bool = False, *, fit: bool, weights: Array | None = None
) -> tuple[ArrayLike, Mask | None, Mask | None]:
    """`x` with numbers in place of NaN, which rows were observed, and which numbers are such.

    A row that is NaN throughout was not observed. Both masks are None if nothing is NaN, and the
    last if all observed rows are complete. Where some lack a part of their values, it is a
    ValueError, unless they may be observed `partly`: then the mean of a feature stands for what it
    lacks, and only rows with `weights` count. For a `fit`, something of every feature must
    have been observed.
    """
    try:
        table = numbers("data", x, finite=False)
    except ValueError:  # which the check of the data will say in its own words
        return x, None, None
    if table.ndim not in (1, 2) or not np.isnan(table).any():
        return x, None, None
    lacking = np.isnan(table.reshape(len(table), -1))
    made: Mask = np.asarray(~lacking.all(axis=1))
    if not made.any():
        if fit:
            raise ValueError("every row of data is NaN: at least one observation is needed")
        return np.ones_like(table), made, None
    holes = lacking & made[:, None]
    if not holes.any():
        filled = table.copy()
        filled[~made] = table[made.argmax()]
        return filled, made, None
    if not partly:
        raise ValueError(
            f"row {holes.any(axis=1).argmax()} of the data lacks some of its values (NaN): "
            "complete it; or let it be NaN throughout, which stands for an observation that was "
            "not made. Do not remove it: it is a step of the chain."
        )
    seen = ~lacking * (1.0 if weights is None else weights[:, None])
    if fit:
        each_observed(seen)
    filled = np.where(lacking, 0.0, table)
    means = (seen * filled).sum(axis=0) / np.maximum(seen.sum(axis=0), SMALLEST)
    means = np.where(np.isfinite(means), means, 0.0)  # an infinity is named where it is
    return np.where(lacking, means, table), made, holes


def each_observed(seen: Array) -> None:
    """A ValueError that names features of which nothing counts; `seen` is what does, (N, D)."""
    if len(never := np.flatnonzero(seen.sum(axis=0) == 0)):
        were_never = sentence("feature", never, "was never", "were never")
        raise ValueError(f"{were_never} observed: drop it")


def symbols(symbols: ArrayLike, n_symbols: int | None = None) -> Integers:
    """Symbols 0, 1, 2, ... of shape (T,), from one column of them, or a ValueError.

    Examples
    --------
    >>> symbols([[0], [2], [1]])
    array([0, 2, 1])
    """
    hint = f". Number them: {ENCODER}. Stack sequences one below the other, and give their lengths="
    table = numbers("symbols", symbols, finite=False, hint=hint)
    if table.ndim not in (1, 2) or table.shape[1:] not in ((), (1,)):
        raise ValueError(
            f"symbols must be one column, of shape (T, 1), got {table.shape}. Stack sequences one "
            "below the other and give their lengths=; for one-hot rows take argmax(axis=1)"
        )
    if not len(table):
        raise ValueError("symbols are empty: at least one is needed")
    column = table.reshape(-1)
    wrong = ~((column == np.floor(column)) & (column >= 0) & (column < 2**53))
    if n_symbols is not None:
        wrong |= column >= n_symbols
    if np.any(wrong):
        limit = "" if n_symbols is None else f" and below {n_symbols}"
        row = int(np.argmax(wrong))
        raise ValueError(
            f"symbols must be whole numbers from 0 up{limit}, got {column[row]:g} (row {row}). "
            "Number the symbols, with NaN where none was seen, or say with n_features how many "
            "there may be."
        )
    return column.astype(np.intp)


def labels(name: str, labels: ArrayLike, n: int, k: int) -> Integers:
    """Labels of shape (N,) from 0 to K - 1, or -1 where they are not known; or a ValueError."""
    try:
        words = f": number words with pd.Categorical({name}).codes, which is -1 where unknown"
        given = numbers(name, labels, shape=(n,), hint=words)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must be {n} whole numbers, one for each row, -1 where it is unknown: {error}"
        ) from None
    if np.any((given != np.floor(given)) | (given < -1) | (given >= k)):
        raise ValueError(
            f"{name} must be from 0 to {k - 1}, or -1 where unknown, got {shown(labels)}"
        )
    return given.astype(np.intp)


def weights(weights: ArrayLike | None, n: int, name: str = "weights") -> Array:
    """Weights of shape (N,) or (N, K), ones by default, or a ValueError."""
    if weights is None:
        return np.ones(n)
    w = numbers(name, weights, finite=False)
    if w.ndim not in (1, 2) or len(w) != n:
        raise ValueError(
            f"{name} must have shape ({n},) or ({n}, K) to go with {n} points, got {w.shape}"
        )
    if not np.all(np.isfinite(w)) or np.any(w < 0):
        raise ValueError(f"{name} must be finite and not negative")
    return w


def spread(data: Array, constants: bool = False) -> None:
    """A ValueError if some feature does not vary, or by too little to be squared.

    With `constants`, some features may be constant, as long as not all are.
    """
    if len(data) < 2:
        raise ValueError("n_samples=1: one row has no spread, and a Gaussian needs at least two")
    lowest, highest = extremes(data)
    spread = highest - lowest
    constant = np.flatnonzero(spread == 0)
    if len(constant) and not (constants and spread.any()):
        are_constant = sentence("feature", constant, "is constant", "are constant")
        raise ValueError(f"{are_constant}: a Gaussian needs a variance above zero. Drop it.")
    tiny = np.flatnonzero((spread > 0) & (spread < SMALLEST))
    if len(tiny):
        raise ValueError(
            f"feature {tiny[0]} varies by only {spread[tiny[0]]:g}, whose square is out of a "
            "float's range. Rescale the feature."
        )


def extremes(data: Array) -> tuple[Array, Array]:
    """The smallest and the largest value of each feature.

    Examples
    --------
    >>> extremes(np.array([[0.0, 3.0], [1.0, 2.0]]))
    (array([0., 2.]), array([1., 3.]))
    """
    size = max(2**16 // data.shape[1], 1)
    lowest, highest = [], []
    for start in range(0, len(data), size):
        # NumPy is ten times as fast along long rows as along the short ones of a table.
        block = np.ascontiguousarray(data[start : start + size].T)
        lowest.append(block.min(axis=1))
        highest.append(block.max(axis=1))
    return np.min(lowest, axis=0), np.max(highest, axis=0)


def shaped(name: str, value: ArrayLike | None, shape: tuple[int, ...]) -> Array | None:
    """An explicit start as an array of that shape, no longer its user's; None if there is none."""
    return None if value is None else numbers(name, value, shape=shape).copy()


def in_range(
    name: str, value: ArrayLike | None, shape: tuple[int, ...], highest: float = np.inf
) -> Array | None:
    """An explicit start of that shape, from zero to `highest`; None if there is none."""
    array = shaped(name, value, shape)
    if array is not None and np.any((array < 0) | (array > highest)):
        limit = "" if highest == np.inf else f", nor above {highest:g}"
        raise ValueError(f"{name} must not be negative{limit}, got {shown(value)}")
    return array


def shares(name: str, value: ArrayLike | None, shape: tuple[int, ...]) -> Array | None:
    """Weights, or rows of responsibilities, that sum to one: exactly, after this."""
    array = shaped(name, value, shape)
    if array is None:
        return None
    sums(name, array, ROUNDING_OF_START)
    return array / array.sum(axis=-1, keepdims=True)


def sums(name: str, rows: Array, rounding: float = ROUNDING_OF_SUM) -> None:
    """A ValueError unless these are distributions; it names the row that is not."""
    table = np.atleast_2d(rows)
    wrong = (table < 0).any(axis=1) | ~(np.abs(table.sum(axis=1) - 1) < rounding)
    if wrong.any():
        row = int(wrong.argmax())
        which = name if rows.ndim == 1 else f"row {row} of {name}"
        raise ValueError(f"{which} must not be negative and must sum to 1, got {table[row]}")


def order(order: ArrayLike, k: int) -> Integers:
    """A permutation of 0 to K - 1, or a ValueError."""
    given = numbers("order", order, shape=(k,))
    if not np.array_equal(np.sort(given), np.arange(k)):
        raise ValueError(f"order must hold each number from 0 to {k - 1} once, got {given}")
    return given.astype(np.intp)


def symmetric(name: str, array: Array) -> None:
    """A ValueError unless these are square matrices that equal their transposes, to 8 digits."""
    if (array == np.swapaxes(array, -1, -2)).all():
        return
    scaled = to_unit_diagonal(array)
    if not np.abs(scaled - np.swapaxes(scaled, -1, -2)).max() <= 1e-8:
        raise ValueError(f"{name} must be symmetric: equal to the transpose, got {shown(array)}")


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
    symmetric(name, array)
    if np.any(np.linalg.eigvalsh(to_unit_diagonal(array)) <= 0):
        raise ValueError(f"{name} must hold symmetric, positive definite matrices")
    return array


def to_unit_diagonal(matrices: Array) -> Array:
    """Covariances as correlations, on which no unit of a feature has any influence.

    Examples
    --------
    >>> to_unit_diagonal(np.array([[4.0, 1.0], [1.0, 1.0]]))
    array([[1. , 0.5],
           [0.5, 1. ]])
    """
    scale = np.sqrt(np.abs(matrices.diagonal(axis1=-2, axis2=-1)))
    scale = np.where(scale > 0, scale, 1.0)
    return matrices / scale[..., None] / scale[..., None, :]
