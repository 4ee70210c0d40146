"""Arguments in all the ways in which they can be wrong, or only look odd.

Every public function is called with good arguments first; then with one of them spoilt, which must
give an error that names what is wrong, and never a NaN; and with some that look odd, of which the
answer must be that of the good ones.
"""

import re
import warnings
from copy import deepcopy
from functools import partial

import numpy as np
import pytest

from emlib import DegenerateWarning, ObjectiveFellWarning, mixture
from emlib.covariances import Full
from emlib.families import Binomial, Categorical, Poisson, Symbols

NAN, INF = float("nan"), float("inf")
ROWS = np.array([[-1.0, 0.4], [-0.6, -0.7], [0.3, 0.1], [3.4, 4.1], [4.2, 3.6], [4.0, 4.4]])
COUNTS = np.array([[0.0, 3], [1, 4], [0, 2], [5, 0], [7, 1], [6, 2]])
ONE_HOT = np.array([[1.0, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 1], [0, 1, 0]])
SYMBOLS = np.array([[0.0], [1], [0], [2], [2], [1]])
BINARY = np.array([[1.0, 1, 0], [1, 1, 0], [1, 0, 0], [0, 0, 1], [0, 1, 1], [0, 0, 1]])
HALVES, CHAIN = np.array([0.4, 0.6]), np.array([[0.9, 0.1], [0.3, 0.7]])
MEANS, SPREADS = np.array([[0.0, 0.0], [4.0, 4.0]]), np.array([[[1.0, 0.3], [0.3, 1.0]]] * 2)
SYMBOL_ROWS = np.array([[0.5, 0.3, 0.2], [0.1, 0.3, 0.6]])
LABELS = np.array([0, -1, -1, 1, -1, -1])

# What NumPy, SciPy and Python say, and nobody can know of which argument.
INTERNAL = re.compile(
    r"inhomogeneous|operands could not|[Ss]ingular matrix|unhashable|could not convert|"
    r"not supported between|has no attribute|not subscriptable|unsupported operand|ufunc|matmul|"
    r"out of bounds|broadcast|einsum|NoneType|zip\(\)|float\(\) argument|must be real number,|"
    r"unexpected keyword|setting an array element|cannot reshape|truth value|not iterable|"
    r"to unpack|len\(\)|mismatch|pvals|'a' and 'p'|lam <|p < 0|bad operand|not callable|"
    r"can't multiply|cannot be interpreted|low >= high|negative dimensions|Maximum allowed|"
    r"LinAlgError|not aligned|axis \d|Casting|invalid entry|unable to avoid|array is too big|"
    r"cannot convert|an integer is required|SeedSequence|too large to convert|at least 2 dim"
)


def spoilt(good, *without):
    """An array in the ways in which any can be wrong."""
    good = np.asarray(good, dtype=float)
    hole, endless = good.copy(), good.copy()
    hole.flat[0], endless.flat[0] = NAN, INF
    ways = {
        "None": None,
        "a NaN": hole,
        "an infinity": endless,
        "a word": "abc",
        "words": np.full(good.shape, "abc"),
        "an object": object(),
        "a dict": {"a": 1.0},
        "ragged rows": [[1.0], [1.0, 2.0]],
        "nothing": np.empty((0, *good.shape[1:])),
        "more axes": good[None, None],
        "a number": 3.0,
        "a masked entry": np.ma.masked_array(good, np.arange(good.size).reshape(good.shape) == 0),
        "complex": good + 1j,
        "dates": np.full(good.shape, np.datetime64("2020-01-01")),
        "no time": np.full(good.shape, np.timedelta64("NaT", "s")),
    }
    return {way: value for way, value in ways.items() if way not in without}


def table(good, *without):
    """Data, also of another number of features."""
    good = np.asarray(good, dtype=float)
    return spoilt(good, *without) | {
        "1-D": good[:, 0],
        "no feature": good[:, :0],
        "a huge value": np.where(good == np.nanmax(good), 1e200, good),
    }


def wide(good, *without):
    good = np.asarray(good, dtype=float)
    return table(good, *without) | {"features doubled": np.hstack([good, good])}


def counts(good, *without):
    return wide(good, *without) | {"negative": good - 3, "fractions": good + 0.5}


def binary(good, *without):
    return counts(good, *without) | {"too many": good + 15}


def shares(good, *without):
    good = np.asarray(good, dtype=float)
    flipped = good.copy()
    flipped.flat[0] *= -1
    return spoilt(good, *without) | {
        "negative": flipped,
        "a sum of 0.9": 0.9 * good,
        "a sum of 2.7": 2.7 * good,
        "zeros": 0 * good,
        "one too many": np.concatenate([good, good[:1]]),
    }


def positive(good, *without):
    good = np.asarray(good, dtype=float)
    return spoilt(good, *without) | {"negative": -good}


def covariances(good, *without):
    good = np.asarray(good, dtype=float)
    skew = good.copy()
    skew[..., 0, 1] += 0.5
    return positive(good, *without) | {"asymmetric": skew, "zeros": 0 * good, "flat": 0 * good + 1}


def whole(least, *without):
    bad = {
        "None": None,
        "a NaN": NAN,
        "an infinity": INF,
        "a fraction": 2.5,
        "a bool": True,
        "a word": "abc",
        "a digit in quotes": "3",
        "a list": [2],
        "too small": least - 1,
        "an object": object(),
    }
    return {way: value for way, value in bad.items() if way not in without}


def size(*without):
    bad = {
        "None": None,
        "a NaN": NAN,
        "an infinity": INF,
        "negative": -1.0,
        "a bool": True,
        "a word": "abc",
        "a list": [1e-6],
        "complex": 1j,
        "an object": object(),
    }
    return {way: value for way, value in bad.items() if way not in without}


def other(*more):
    return {f"{value!r}"[:20]: value for value in (None, "abc", 3.5, [1], {"a": 1}, *more)}


def not_none(bad):
    return {way: value for way, value in bad.items() if way != "None"}


FAMILY = other(Poisson, object)
RNG = other()
FLAG = {"a word": "abc", "a number": 3.5, "an array": np.ones(2), "None": None}


def is_table(value):
    return isinstance(value, np.ndarray) and value.dtype == float and value.ndim > 0


# What looks odd, and means the same.
ODD = {
    "lists": np.ndarray.tolist,
    "objects": lambda x: x.astype(object),
    "in Fortran's order": np.asfortranarray,
    "every second column": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    "masked nowhere": np.ma.masked_array,
}

# What is named where data are wrong.
DATA = (
    r"data|symbols|counts|observations|Negative values|X has|Expected 2D|row \d|features|"
    "Found array|sparse|Complex"
)


class Calls:
    """Calls with good arguments, and with one of them spoilt in all the usual ways."""

    def __init__(self):
        self.good, self.bad = [], []

    def __call__(self, name, function, arguments, bad, says=None, only_arrays=False):
        """Cases of a function, given its good arguments and what is bad for each of them."""
        says = says or {}
        odd = {n: a for n, a in arguments.items() if n in bad and is_table(a) and not only_arrays}
        self.good.append(pytest.param(function, arguments, odd, id=name))
        for argument, ways in bad.items():
            pattern = says.get(argument, rf"\b{argument}\b")
            calls = {
                way: partial(function, **(arguments | {argument: v})) for way, v in ways.items()
            }
            self.bad.append(pytest.param(calls, pattern, id=f"{name}: {argument}"))


# Of each family: itself, data that are wrong for it, good arguments, and wrong parameters.
PARTS = {
    "gaussian": (
        Full(),
        wide(ROWS),
        {"x": ROWS, "weights": HALVES, "means": MEANS, "covariances": SPREADS},
        {"means": spoilt(MEANS), "covariances": covariances(SPREADS)},
    ),
    "poisson": (
        Poisson(),
        counts(COUNTS),
        {"x": COUNTS, "weights": HALVES, "rates": MEANS + 1},
        {"rates": positive(MEANS + 1)},
    ),
    "binomial": (
        Binomial(10),
        binary(COUNTS),
        {"x": COUNTS, "weights": HALVES, "probabilities": np.full((2, 2), 0.3)},
        {"probabilities": positive(np.full((2, 2), 0.3)) | {"1.3": np.full((2, 2), 1.3)}},
    ),
    "categorical": (
        Categorical((3,)),
        counts(ONE_HOT),
        {"x": ONE_HOT, "weights": HALVES, "probabilities": SYMBOL_ROWS},
        {"probabilities": shares(SYMBOL_ROWS)},
    ),
    "symbols": (
        Symbols(3),
        {way: value for way, value in binary(SYMBOLS).items() if way != "1-D"},
        {"x": SYMBOLS, "weights": HALVES, "probabilities": SYMBOL_ROWS},
        {"probabilities": shares(SYMBOL_ROWS)},
    ),
}
# What is named where a parameter is wrong.
SHARED = {
    "weights": r"weights|parameters",
    "startprob": "startprob|parameters",
    "means": "means|parameters|weights|startprob",
    "covariances": "covariance|parameters|weights|startprob",
    "rates": "rates|parameters|weights|startprob",
    "probabilities": "probabilities|parameters|weights|startprob",
}

COUNT_SUMS = mixture.e_step((HALVES, MEANS + 1), COUNTS, Poisson())[0]


def numbers(tree):
    """All arrays and numbers that a returned value holds."""
    if isinstance(tree, np.ndarray | float | int | complex):
        return [np.asarray(tree)] if np.asarray(tree).dtype.kind in "biufc" else []
    if isinstance(tree, tuple | list):
        return [n for part in tree for n in numbers(part)]
    if isinstance(tree, dict):
        return numbers(list(tree.values()))
    if hasattr(tree, "get_params"):
        return numbers([v for k, v in vars(tree).items() if k.endswith("_") and k != "results_"])
    return numbers(list(vars(tree).values())) if hasattr(tree, "statistics") else []


def outcome(spoilt_call, says):
    """What became of a call: 'clear', or what is wrong with it, and the text."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            returned = spoilt_call()
        except (ValueError, TypeError) as error:
            text = str(error)
            internal = isinstance(error, np.linalg.LinAlgError) or INTERNAL.search(text)
            is_clear = not internal and re.search(says, text)
            return "clear" if is_clear else "cryptic", f"{type(error).__name__}: {text}"
        except Exception as error:
            return "cryptic", f"{type(error).__name__}: {error}"
    own = [w for w in caught if issubclass(w.category, DegenerateWarning | ObjectiveFellWarning)]
    if any(re.search(says, str(w.message)) for w in own):
        return "clear", str(own[0].message)
    foreign = [w for w in caught if issubclass(w.category, RuntimeWarning) and w not in own]
    if foreign or any(not np.all(np.isfinite(n)) for n in numbers(returned)):
        return "NaN", f"{[str(w.message) for w in foreign]} {returned!r:.200}"
    return "silent", f"{returned!r:.200}"


def assert_same_in_whatever_form(function, arguments, odd):
    """That what only looks odd gives what the good arguments give."""

    def answer(**changed):
        given = {n: deepcopy(v) if n == "rng" else v for n, v in (arguments | changed).items()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return numbers(function(**given))

    expected = answer()
    for name, value in odd.items():
        for way, change in ODD.items():
            found = answer(**{name: change(value)})
            assert len(found) == len(expected), f"{name} as {way}"
            for one, other in zip(found, expected, strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-9, err_msg=f"{name} as {way}")


def not_clear(calls, says):
    """What became of those of the calls that gave no clear message."""
    outcomes = {way: outcome(spoilt_call, says) for way, spoilt_call in calls.items()}
    return {way: o for way, o in outcomes.items() if o[0] != "clear"}
