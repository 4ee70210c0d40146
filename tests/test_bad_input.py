"""Bad input to every public function: an error that names what is wrong, and never a NaN.

Every call is made with good arguments first; then with one of them spoilt in all the usual ways,
and with some that only look odd, of which the answer must be that of the good ones.
"""

import re
import warnings
from copy import deepcopy
from functools import partial
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from emlib import (
    HMM,
    BernoulliMixture,
    CategoricalHMM,
    CategoricalMixture,
    DegenerateError,
    DegenerateWarning,
    GaussianHMM,
    GaussianImputer,
    GaussianMixture,
    Mixture,
    ObjectiveFellWarning,
    PoissonHMM,
    PoissonMixture,
    Prior,
    em,
    gaussian,
    hmm,
    mixture,
)
from emlib.covariances import FORMS, Diagonal, Full
from emlib.datasets import make_2_9, make_20_40
from emlib.families import Binomial, Categorical, Poisson, Sums, Symbols
from emlib.gaussian import Gaussian, GaussianStatistics
from emlib.hmm import HMMParams, HMMStatistics, Sequences, forward_backward
from emlib.hmm.steps import filtered
from emlib.mixture import MixtureParams
from emlib.mixture.blocks import Blocks
from emlib.mixture.standard_errors import standard_errors

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
UNFAIR = np.log(np.array([[0.9, 0.2], [0.9, 0.2], [0.1, 0.8]]))

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
        "a huge value": np.where(good == good.max(), 1e200, good),
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
CASES, GOOD = [], []


def call(name, function, arguments, bad, says=None, only_arrays=False):
    """Cases of a function, given its good arguments and what is bad for each of them."""
    says = says or {}
    odd = {n: a for n, a in arguments.items() if n in bad and is_table(a) and not only_arrays}
    GOOD.append(pytest.param(function, arguments, odd, id=name))
    for argument, ways in bad.items():
        pattern = says.get(argument, rf"\b{argument}\b")
        calls = {way: partial(function, **(arguments | {argument: v})) for way, v in ways.items()}
        CASES.append(pytest.param(calls, pattern, id=f"{name}: {argument}"))


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


DATA = (
    r"data|symbols|counts|observations|Negative values|X has|Expected 2D|row \d|features|"
    "Found array|sparse|Complex"
)

# --- The Gaussian

call(
    "gaussian.log_density",
    gaussian.log_density,
    {"x": ROWS, "mean": MEANS[0], "covariance": SPREADS[0]},
    {"x": wide(ROWS), "mean": spoilt(MEANS[0]), "covariance": covariances(SPREADS[0])},
    {"x": DATA},
)
call(
    "gaussian.sufficient_statistics",
    gaussian.sufficient_statistics,
    {"x": ROWS, "weights": np.ones(6)},
    {"x": table(ROWS), "weights": not_none(positive(np.ones(6)))},
    {"x": DATA},
)


SUMS = gaussian.sufficient_statistics(ROWS)
call(
    "gaussian.mle",
    lambda n, sum_x, sum_xx, floor: gaussian.mle(GaussianStatistics(n, sum_x, sum_xx), floor),
    {"n": SUMS.n, "sum_x": SUMS.sum_x, "sum_xx": SUMS.sum_xx, "floor": 0.0},
    {
        "n": positive(SUMS.n, "a number", "nothing"),
        "sum_x": spoilt(SUMS.sum_x),
        "sum_xx": covariances(SUMS.sum_xx),
        "floor": size(),
    },
    {"n": r"\bn\b|sum_x|component|weight", "sum_xx": "sum_xx|variance|symmetric|covariance"},
)
call(
    "gaussian.mle about an origin",
    lambda origin: gaussian.mle(GaussianStatistics(SUMS.n, SUMS.sum_x, SUMS.sum_xx, origin)),
    {"origin": MEANS[1]},
    {"origin": spoilt(MEANS[1], "a number") | {"one too many": np.zeros(3)}},
)
call(
    "gaussian.mle of",
    gaussian.mle,
    {"statistics": SUMS},
    {"statistics": other(ROWS, Sums(np.ones(2), MEANS, MEANS))},
)
call(
    "gaussian.sample",
    lambda mean, covariance, n, rng: gaussian.sample(Gaussian(mean, covariance), n, rng),
    {"mean": MEANS[0], "covariance": SPREADS[0], "n": 3, "rng": np.random.default_rng(0)},
    {
        "mean": spoilt(MEANS[0]),
        "covariance": covariances(SPREADS[0]),
        "n": whole(0),
        "rng": RNG,
    },
)
call(
    "gaussian.sample from",
    partial(gaussian.sample, n=3, rng=np.random.default_rng(0)),
    {"params": Gaussian(MEANS[0], SPREADS[0])},
    {"params": other(MEANS, (MEANS[0], SPREADS[0]))},
)

# --- Mixtures as functions

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
SHARED = {
    "weights": r"weights|parameters",
    "startprob": "startprob|parameters",
    "means": "means|parameters|weights|startprob",
    "covariances": "covariance|parameters|weights|startprob",
    "rates": "rates|parameters|weights|startprob",
    "probabilities": "probabilities|parameters|weights|startprob",
}


def of_mixture(function, family, as_blocks=False):
    def called(x, weights, **parts):
        x = Blocks(x, family) if as_blocks else x
        return function((weights, *parts.values()), x, family)

    return called


for kind, (family, bad_x, good, bad) in PARTS.items():
    for function in (
        mixture.e_step,
        mixture.log_joint,
        mixture.log_density,
        mixture.responsibilities,
    ):
        call(
            f"mixture.{function.__name__} ({kind})",
            of_mixture(function, family),
            good,
            {"x": bad_x, "weights": shares(HALVES)} | bad,
            {"x": DATA} | SHARED,
        )
    call(
        f"mixture.e_step of Blocks ({kind})",
        of_mixture(mixture.e_step, family, as_blocks=True),
        good,
        {"x": bad_x | {"a list": good["x"].tolist()}},
        {"x": DATA},
        only_arrays=True,
    )
    call(
        f"mixture.statistics ({kind})",
        partial(lambda x, r, family: mixture.statistics(r, x, family), family=family),
        {"x": good["x"], "r": np.full((6, 2), 0.5)},
        {"x": {w: v for w, v in bad_x.items() if w != "features doubled"}}
        | {"r": positive(np.full((6, 2), 0.5)) | {"too few": np.full((5, 2), 0.5)}},
        {"x": DATA, "r": r"\br\b|responsibilities"},
    )
    call(
        f"mixture.sample ({kind})",
        partial(
            lambda weights, n, rng, family, **parts: mixture.sample(
                (weights, *parts.values()), n, rng, family
            ),
            family=family,
        ),
        {name: part for name, part in good.items() if name != "x"}
        | {"n": 4, "rng": np.random.default_rng(0)},
        {"weights": shares(HALVES), "n": whole(0), "rng": RNG} | bad,
        SHARED,
    )
    call(
        f"Blocks ({kind})",
        partial(
            lambda weights, labels, good, family: mixture.e_step(
                tuple(good[name] for name in good if name != "x"),
                Blocks(good["x"], family, weights, labels=labels),
                family,
            ),
            good=good,
            family=family,
        ),
        {"weights": np.ones(6), "labels": LABELS},
        {
            "weights": not_none(positive(np.ones(6))) | {"a list": [1.0] * 6},
            "labels": not_none(spoilt(LABELS)) | {"too high": LABELS + 5},
        },
        only_arrays=True,
    )

THEIR_SUMS = mixture.e_step(MixtureParams(HALVES, MEANS, SPREADS), ROWS)[0]
COUNT_SUMS = mixture.e_step((HALVES, MEANS + 1), COUNTS, Poisson())[0]
N_SUM = r"\bn\b|sum_x|component|weight|statistics"
for function in (
    mixture.m_step,
    partial(mixture.nudge, rng=np.random.default_rng(0), size=0.1),
):
    name = getattr(function, "__name__", "nudge")
    call(
        f"mixture.{name}",
        lambda n, sum_x, sum_xx, function=function: function(
            GaussianStatistics(n, sum_x, sum_xx, THEIR_SUMS.origin)
        ),
        {"n": THEIR_SUMS.n, "sum_x": THEIR_SUMS.sum_x, "sum_xx": THEIR_SUMS.sum_xx},
        {
            "n": positive(THEIR_SUMS.n) | {"one too many": np.ones(3), "zeros": np.zeros(2)},
            "sum_x": spoilt(THEIR_SUMS.sum_x),
            "sum_xx": covariances(THEIR_SUMS.sum_xx),
        },
        {"n": N_SUM, "sum_xx": "sum_xx|variance|symmetric|covariance"},
    )
    call(
        f"mixture.{name} (poisson)",
        lambda n, sum_x, function=function: function(
            Sums(n, sum_x, np.empty((2, 0))), family=Poisson()
        ),
        {"n": COUNT_SUMS.n, "sum_x": COUNT_SUMS.sum_x},
        {"n": positive(COUNT_SUMS.n), "sum_x": positive(COUNT_SUMS.sum_x)},
        {"n": N_SUM},
    )
    call(
        f"mixture.{name} of",
        function,
        {"statistics": THEIR_SUMS, "family": Full()},
        {"statistics": other(COUNT_SUMS, ROWS), "family": FAMILY | {"Diagonal": Diagonal()}},
        {"family": r"\bfamily\b|statistics"},
    )
call(
    "mixture.nudge with",
    mixture.nudge,
    {"statistics": THEIR_SUMS, "rng": np.random.default_rng(0), "size": 0.1},
    {"rng": RNG, "size": size("a bool")},
)
for function in (mixture.e_step, mixture.log_joint, mixture.log_density, mixture.responsibilities):
    call(
        f"mixture.{function.__name__} of",
        function,
        {"params": MixtureParams(HALVES, MEANS, SPREADS), "x": ROWS, "family": Full()},
        {"params": other((), (HALVES,), (HALVES, MEANS), HALVES), "family": not_none(FAMILY)},
    )
call(
    "mixture.relabelled",
    mixture.relabelled,
    {"params": MixtureParams(HALVES, MEANS, SPREADS), "order": np.array([1, 0])},
    {
        "params": other((), HALVES, (HALVES, MEANS)),
        "order": spoilt([1, 0]) | {"twice": [0, 0], "too high": [0, 2], "fraction": [0.5, 1]},
    },
)
LARGE = np.random.default_rng(0).normal(size=(60, 2)) + np.repeat(MEANS, 30, axis=0)
LARGE_FIT = GaussianMixture(2, random_state=0).fit(LARGE)
call(
    "standard_errors",
    standard_errors,
    {
        "params": (LARGE_FIT.weights_, LARGE_FIT.means_, LARGE_FIT.covariances_),
        "data": LARGE,
        "family": Full(),
    },
    {"params": other((), HALVES, (HALVES, MEANS)), "data": wide(LARGE), "family": not_none(FAMILY)},
    {"data": DATA},
)
for name, make, argument, bad in (
    ("Binomial", Binomial, "trials", whole(1)),
    ("Symbols", Symbols, "n_symbols", whole(1)),
    ("Categorical", Categorical, "sizes", other((), (0,), (2.5,), (True,), (-1, 2), 3, ("a",))),
    *((form, make, "floor", size()) for form, make in FORMS.items()),
    *((form, make, "ridge", size()) for form, make in FORMS.items()),
):
    good = {"sizes": (3, 2), "floor": 1e-8, "ridge": 0.1}.get(argument, 3)
    call(f"{name}({argument})", make, {argument: good}, {argument: bad})
PRIOR = {
    "weight_concentration": size("an infinity") | {"an infinity": INF, "0.5": 0.5},
    "mean_precision": size(),
    "degrees_of_freedom": not_none(size()),
    "mean": not_none(spoilt([1.0, 2.0])),
    "scale": not_none(covariances(SPREADS[0])),
}
GOOD_PRIOR = {
    "weight_concentration": 2.0,
    "mean_precision": 0.01,
    "degrees_of_freedom": 5.0,
    "mean": np.array([1.0, 2.0]),
    "scale": SPREADS[0],
}
call(
    "Prior",
    lambda **prior: GaussianMixture(2, prior=Prior(**prior), random_state=0).fit(ROWS),
    GOOD_PRIOR,
    PRIOR,
)

# --- Hidden Markov models as functions


def of_hmm(function, family):
    def called(x, startprob, transmat, **parts):
        return function(HMMParams(startprob, transmat, tuple(parts.values())), x, family=family)

    return called


for kind, (family, bad_x, good, bad) in PARTS.items():
    chain = {"x": good["x"], "startprob": HALVES, "transmat": CHAIN}
    parts = {name: part for name, part in good.items() if name not in ("x", "weights")}
    bad_chain = {"startprob": shares(HALVES), "transmat": shares(CHAIN)} | bad
    for function in (hmm.e_step, hmm.smoothed, filtered, hmm.decoded, hmm.log_emission):
        # NaN stands for what was not observed, of Gaussians also in part of a row.
        may_lack = family.whitens or kind == "symbols"
        bad_x = {w: v for w, v in bad_x.items() if not (may_lack and w == "a NaN")}
        call(
            f"hmm.{function.__name__} ({kind})",
            of_hmm(function, family),
            chain | parts,
            {"x": bad_x} | bad | bad_chain,
            {"x": DATA + "|lacks some"} | SHARED,
        )
    call(
        f"hmm.sample ({kind})",
        partial(
            lambda startprob, transmat, n, rng, family, **parts: hmm.sample(
                HMMParams(startprob, transmat, tuple(parts.values())), n, rng, family
            ),
            family=family,
        ),
        {"startprob": HALVES, "transmat": CHAIN, "n": 4, "rng": np.random.default_rng(0)} | parts,
        bad_chain | {"n": whole(0), "rng": RNG},
        SHARED,
    )

MODEL = HMMParams(HALVES, CHAIN, (MEANS, SPREADS))
STEPS = hmm.e_step(MODEL, ROWS)[0]
for function in (hmm.m_step, partial(hmm.nudge, rng=np.random.default_rng(0), size=0.1)):
    name = getattr(function, "__name__", "nudge")
    call(
        f"hmm.{name}",
        lambda starts, transitions, emissions, params, function=function: function(
            HMMStatistics(starts, transitions, emissions, params)
        ),
        {
            "starts": STEPS.starts,
            "transitions": STEPS.transitions,
            "emissions": STEPS.emissions,
            "params": MODEL,
        },
        {
            "starts": positive(STEPS.starts) | {"zeros": np.zeros(2), "one too many": np.ones(3)},
            "transitions": positive(STEPS.transitions),
            "emissions": other(COUNT_SUMS, STEPS.emissions[[0]]),
            "params": other((), HALVES),
        },
        {"emissions": "emissions|statistics", "params": "params|parameters"},
    )
    call(
        f"hmm.{name} of",
        function,
        {"statistics": STEPS, "family": Full()},
        {"statistics": other(COUNT_SUMS, ROWS), "family": FAMILY},
    )
call(
    "hmm.nudge with",
    hmm.nudge,
    {"statistics": STEPS, "rng": np.random.default_rng(0), "size": 0.1},
    {"rng": RNG, "size": size("a bool")},
)
for function in (hmm.e_step, hmm.smoothed, filtered, hmm.decoded, hmm.log_emission):
    call(
        f"hmm.{function.__name__} of",
        function,
        {"params": MODEL, "x": ROWS, "family": Full()},
        {"params": other((), HALVES, (HALVES, CHAIN)), "family": not_none(FAMILY)},
    )
call("hmm.stationary", hmm.stationary, {"transmat": CHAIN}, {"transmat": shares(CHAIN)})
call(
    "Sequences.of",
    Sequences.of,
    {"x": ROWS, "lengths": [2, 4], "family": Full()},
    {
        "x": table(ROWS, "a NaN"),
        "lengths": not_none(spoilt([2, 4], "a number")) | {"short": [2, 3], "zero": [0, 6]},
        "family": not_none(FAMILY),
    },
    {"x": DATA + "|lacks some"},
)
for function in (
    forward_backward.forward,
    forward_backward.plain,
    forward_backward.in_logs,
    forward_backward.viterbi,
):
    call(
        f"hmm.forward_backward.{function.__name__}",
        function,
        {"startprob": HALVES, "transmat": CHAIN, "log_b": UNFAIR},
        {"startprob": shares(HALVES), "transmat": shares(CHAIN), "log_b": spoilt(UNFAIR)},
    )

# --- The loop

HEADS = np.array([5.0, 9, 8, 4, 7])


def coins_e(theta, heads):
    joint = 0.5 * theta ** heads[:, None] * (1 - theta) ** (10 - heads[:, None])
    r = joint / joint.sum(axis=1, keepdims=True)
    return (r.T @ heads, r.T @ (10 - heads)), np.log(joint.sum(axis=1)).sum()


def coins_m(sums):
    return sums[0] / (sums[0] + sums[1])


call(
    "em",
    em,
    {
        "e_step": coins_e,
        "m_step": coins_m,
        "params": np.array([0.6, 0.5]),
        "data": HEADS,
        "tol": 1e-6,
        "max_iter": 1000,
        "rng": np.random.default_rng(0),
        "log_prior": None,
        "nudge": None,
        "map": None,
    },
    {
        "e_step": other(),
        "m_step": other(),
        "tol": size("a bool"),
        "max_iter": whole(0, "a bool"),
        "rng": not_none(RNG),
        "log_prior": not_none(other(lambda theta: None, lambda theta: "a", lambda theta: theta)),
        "nudge": not_none(other()),
        "map": not_none(other()),
        "params": {"outside": np.array([2.0, -1.0]), "a NaN": np.array([NAN, 0.5])},
    },
    {"params": "start", "map": "map|chunks"},
    only_arrays=True,
)
call(
    "what e_step returns",
    lambda returned: em(lambda params, data: returned, lambda s: s, 0.5, None, confirm=False),
    {"returned": (0.5, -1.0)},
    {
        "returned": other((), (1.0,), (1.0, None), (1.0, "a"), (1.0, [1.0, 2.0]), (1.0, 1j))
        | {"a NaN": (1.0, NAN), "three": (1.0, 2.0, 3.0), "many": (1.0, np.ones(3))},
    },
    {"returned": "e_step must return|objective at the start"},
)

# --- Estimators

SETTINGS = {
    "n_components": whole(1),
    "tol": size(),
    "max_iter": whole(0),
    "n_init": whole(1),
    "init_params": other(),
    "random_state": not_none(other(-1)),
    "verbose": FLAG,
}
MIXTURE_SETTINGS = SETTINGS | {
    "n_components": whole(1) | {"many": 7},
    "weights_init": not_none(shares(HALVES)),
    "responsibilities_init": not_none(shares(np.full((6, 2), 0.5))),
    "accelerate": FLAG,
    "warm_start": FLAG,
}
HMM_SETTINGS = SETTINGS | {
    "n_components": whole(1) | {"many": 7},
    "startprob_init": not_none(shares(HALVES)),
    "transmat_init": not_none(shares(CHAIN)),
    "startprob_prior": positive(HALVES + 1, "a number") | {"0.5": 0.5},
    "transmat_prior": positive(CHAIN + 1, "a number") | {"0.5": 0.5},
    "stationary": FLAG,
    "accelerate": FLAG,
}
GAUSSIAN_SETTINGS = {
    "covariance_type": other(),
    "covariance_floor": size(),
    "prior": not_none(other(Prior)),
    "means_init": not_none(spoilt(MEANS)),
}
ESTIMATORS = {
    GaussianMixture: (
        ROWS,
        wide,
        MIXTURE_SETTINGS
        | GAUSSIAN_SETTINGS
        | {"reg_covar": size("None"), "precisions_init": not_none(covariances(SPREADS))},
    ),
    PoissonMixture: (
        COUNTS,
        counts,
        MIXTURE_SETTINGS | {"rates_init": not_none(positive(MEANS + 1))},
    ),
    BernoulliMixture: (
        BINARY,
        binary,
        MIXTURE_SETTINGS
        | {
            "binarize": {k: v for k, v in size("None").items() if k != "negative"},
            "probabilities_init": not_none(positive(np.full((2, 3), 0.5)))
            | {"1.3": np.full((2, 3), 1.3)},
            "probabilities_prior": size() | {"0.5": 0.5},
        },
    ),
    CategoricalMixture: (
        BINARY,
        binary,
        MIXTURE_SETTINGS
        | {
            "n_categories": other((1, 1, 1), (2, 2), (2, 2, -1), (2, 2, 2.5), True, (2, 2, NAN)),
            "probabilities_init": other(
                [np.full((2, 2), 0.5)] * 2, [np.full((2, 2), 0.4)] * 3, [np.full((2, 3), 0.3)] * 3
            ),
            "probabilities_prior": size() | {"0.5": 0.5},
        },
    ),
    Mixture: (
        ROWS,
        wide,
        MIXTURE_SETTINGS
        | {
            "family": not_none(FAMILY),
            "components_init": not_none(other((), (MEANS,), (MEANS, -SPREADS), (MEANS, "a"))),
        },
    ),
    GaussianHMM: (
        ROWS,
        wide,
        HMM_SETTINGS | GAUSSIAN_SETTINGS | {"covars_init": not_none(covariances(SPREADS))},
    ),
    HMM: (
        ROWS,
        wide,
        HMM_SETTINGS
        | {
            "family": not_none(FAMILY),
            "components_init": not_none(other((), (MEANS,), (MEANS, -SPREADS), (MEANS, "a"))),
        },
    ),
    PoissonHMM: (COUNTS, counts, HMM_SETTINGS | {"lambdas_init": not_none(positive(MEANS + 1))}),
    CategoricalHMM: (
        SYMBOLS,
        binary,
        {k: v for k, v in HMM_SETTINGS.items() if k != "init_params"}
        | {
            "n_features": {k: v for k, v in whole(1).items() if k != "None"} | {"two": 2},
            "emissionprob_init": not_none(shares(SYMBOL_ROWS)),
            "emissionprob_prior": positive(SYMBOL_ROWS + 1, "a number") | {"0.5": 0.5},
        },
    ),
}
OF_SETTING = {
    "n_components": "n_components",
    "prior": "prior",
    "n_features": "n_features",
    "probabilities_init": "probabilities_init",
    "n_categories": "n_categories|categories",
    "components_init": "components_init|covariance",
}
for estimator, (x, ways, settings) in ESTIMATORS.items():
    name, is_hmm = estimator.__name__, estimator.__name__.endswith("HMM")
    one_column = estimator is CategoricalHMM
    bad_x = ways(x)
    if one_column:  # in which NaN stands for an observation that was not made
        bad_x = {way: value for way, value in bad_x.items() if way not in ("1-D", "a NaN")}

    def fitted(estimator=estimator, x=x, **settings):
        return estimator(**({"n_components": 2, "random_state": 0} | settings)).fit(x)

    for setting, bad in settings.items():
        default = getattr(estimator(2), setting)
        good = {"n_components": 2, "random_state": 0}.get(setting, default)
        if setting == "probabilities_init" and estimator is CategoricalMixture:
            bad = not_none(bad)
        if setting == "n_categories":
            bad = not_none(bad)
        call(f"{name}({setting})", fitted, {setting: good}, {setting: bad}, OF_SETTING)
    alone = {way: value for way, value in bad_x.items() if way not in ("features doubled",)}
    if estimator in (CategoricalMixture, CategoricalHMM):
        alone.pop("too many")
    alone["one row"] = x[:1]
    takes_nan = GaussianMixture, CategoricalMixture, Mixture, GaussianHMM, HMM
    if estimator in takes_nan:  # it stands for what was not observed
        bad_x, alone = ({w: v for w, v in b.items() if w != "a NaN"} for b in (bad_x, alone))
    call(
        f"{name}.fit",
        lambda estimator=estimator, **data: estimator(2, random_state=0).fit(**data),
        {"X": x},
        {"X": alone},
        {"X": DATA + "|n_samples"},
    )
    more = {"sample_weight": not_none(positive(np.ones(6), "a number")), "labels": LABELS}
    if is_hmm:
        more = {
            "lengths": not_none(spoilt([2, 4], "a number")) | {"short": [2, 3], "zero": [0, 6]},
            "states": LABELS,
        }
    known = "states" if is_hmm else "labels"
    more[known] = not_none(spoilt(LABELS)) | {"too high": LABELS + 5, "halves": LABELS + 0.5}
    for argument, bad in more.items():
        good = {"lengths": [2, 4], "sample_weight": np.ones(6)}.get(argument, LABELS)
        call(
            f"{name}.fit(X, {argument})",
            lambda estimator=estimator, x=x, **data: estimator(2, random_state=0).fit(x, **data),
            {argument: good},
            {argument: bad},
            {"sample_weight": "weight"},
        )
    model = fitted()
    methods = ("score", "score_samples", "predict_proba", "predict", "aic", "bic")
    methods += (
        ("score_sequences", "filter_proba", "forecast_proba", "decode")
        if is_hmm
        else ("transform", "e_step", "icl", "standard_errors")
    )
    for method in methods:
        if method == "standard_errors":  # these few rows have no proper maximum of all families
            continue
        bad = {"X": bad_x}
        arguments = {"X": x}
        if is_hmm:
            arguments["lengths"], bad["lengths"] = [2, 4], more["lengths"]
        elif method in ("score", "aic", "bic", "icl", "e_step"):
            arguments["sample_weight"], bad["sample_weight"] = np.ones(6), more["sample_weight"]
        if method == "e_step":
            arguments["labels"], bad["labels"] = LABELS, more["labels"]
        call(
            f"{name}.{method}",
            getattr(model, method),
            arguments,
            bad,
            {"X": DATA + "|lacks some|column", "sample_weight": "weight"},
        )
    call(
        f"{name}.sample",
        model.sample,
        {"n_samples": 3, "random_state": 0},
        {"n_samples": whole(1), "random_state": not_none(other(-1))},
    )
    if is_hmm:
        call(
            f"{name}.forecast_proba(steps)",
            partial(model.forecast_proba, x),
            {"steps": 1},
            {"steps": whole(1)},
        )
    else:
        sums = model.e_step(x)[0]
        call(
            f"{name}.m_step",
            lambda statistics, fitted=fitted: fitted().m_step(statistics),
            {"statistics": sums},
            {"statistics": other(STEPS, ROWS, sums[np.array([True, False])])},
        )
for make in (make_20_40, make_2_9):
    call(make.__name__, make, {"seed": 1}, {"seed": whole(0)})


# --- The tests


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


@pytest.mark.parametrize(("function", "arguments", "odd"), GOOD)
def test_good_input_gives_the_same_in_whatever_form(function, arguments, odd):
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


@pytest.mark.parametrize(("calls", "says"), CASES)
def test_bad_input_is_named(calls, says):
    outcomes = {way: outcome(spoilt_call, says) for way, spoilt_call in calls.items()}
    assert {way: o for way, o in outcomes.items() if o[0] != "clear"} == {}


# --- What is wrong with a model, and not with an argument


def shift_m(mean_x):
    return mean_x


@pytest.mark.parametrize(
    ("objective", "says"),
    [
        (lambda exact: 5.0, "exactly 5"),
        (lambda exact: 0, "exactly 0"),
        (lambda exact: int(exact), "a whole number"),
        (lambda exact: float(round(exact)), "a whole number"),
    ],
)
@pytest.mark.parametrize("confirm", [True, False])
def test_an_objective_that_cannot_be_a_log_likelihood_is_named(objective, says, confirm):
    def e_step(theta, heads):
        sums, exact = coins_e(theta, heads)
        return sums, objective(exact)

    result = em(e_step, coins_m, np.array([0.6, 0.5]), HEADS, confirm=confirm)
    assert re.search(f"the objective was {says} at all .* visits", result.message)
    assert result.confirmed is None
    assert "visits" not in em(coins_e, coins_m, np.array([0.6, 0.5]), HEADS).message


def test_q_in_place_of_the_log_likelihood_is_named_as_what_may_be_wrong():
    # Q(theta | theta) is not the log-likelihood: it lacks the entropy of z, which falls.
    def e_step(theta, heads):
        sums, _ = coins_e(theta, heads)
        joint = np.log(0.5) + np.log(theta) * sums[0] + np.log(1 - theta) * sums[1]
        return sums, -float(joint.sum())

    with pytest.warns(
        ObjectiveFellWarning, match="or e_step returns something other than .*, such as Q"
    ):
        em(e_step, coins_m, np.array([0.6, 0.5]), HEADS)


@pytest.mark.parametrize("far", [1e100, 1e155, 1e300])
def test_an_impossible_start_gives_one_error_and_no_warnings(far):
    def e_step(mean, x):  # as by hand, with squares and exponentials that overflow
        density = np.exp(-0.5 * (x - mean) ** 2)
        return (density * x).sum() / density.sum(), float(np.log(density).sum())

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="the objective at the start is"):
            em(e_step, shift_m, far, ROWS)
        for settings in ({}, {"precisions_init": [np.eye(2) / far] * 2}):
            try:
                GaussianMixture(2, means_init=far * (1 - MEANS), random_state=1, **settings).fit(
                    ROWS
                )
            except DegenerateError as error:
                assert re.search("density zero under every component", str(error))  # noqa: PT017


@pytest.mark.parametrize("kind", ["full", "diag", "spherical"])
@pytest.mark.parametrize("reg_covar", [1e-6, 1e-3, 1e-1])
def test_a_ridge_does_not_hide_a_collapse(kind, reg_covar):
    x = np.r_[np.full(20, 30.0), np.random.default_rng(0).normal(0, 1, 60)][:, None]
    model = GaussianMixture(2, covariance_type=kind, reg_covar=reg_covar, random_state=0)
    with pytest.warns(DegenerateWarning, match=r"component \d has collapsed.*the ridge.*reg_covar"):
        model.fit(x)
    # Its units do not matter, nor does a ridge beside which there is enough.
    with pytest.warns(DegenerateWarning, match="reg_covar"):
        GaussianMixture(2, covariance_type=kind, reg_covar=reg_covar * 1e-8, random_state=0).fit(
            1e-4 * x
        )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        GaussianMixture(2, covariance_type=kind, reg_covar=reg_covar, random_state=0).fit(LARGE)


@pytest.mark.parametrize("estimator", [GaussianMixture, GaussianHMM])
def test_one_row_is_said_to_be_too_few(estimator):
    with pytest.raises(ValueError, match="n_samples=1"):
        estimator(1).fit([[1.0, 2.0]])


def test_holes_in_data_lead_to_those_who_take_them():
    start = mixture.MixtureParams(np.ones(1), np.zeros((1, 3)), np.eye(3)[None])
    with pytest.raises(ValueError, match=r"GaussianMixture .*GaussianImputer"):
        mixture.e_step(start, np.where(ROWS > 4.1, NAN, ROWS))


def test_data_that_a_family_does_not_take_get_the_advice_of_that_family():
    with pytest.raises(ValueError, match=r"np\.unique"):
        CategoricalMixture(2).fit([["yes", "no"], ["no", "no"], ["no", "yes"]])
    with pytest.raises(ValueError, match=r"found 3 \(row 1, feature 0\).*binarize="):
        BernoulliMixture(2).fit([[0, 1], [3, 0], [0, 0]])
    with pytest.raises(ValueError, match=r"found 2.5 \(row 0, feature 1\)"):
        PoissonMixture(2).fit([[0, 2.5], [1, 1], [0, 0]])


# A covariance whose features have units that are far apart, in any order of the features.
CORRELATION = np.array([[1, -0.8, -0.8], [-0.8, 1, 0.9], [-0.8, 0.9, 1]])
far_units = pytest.mark.parametrize("units", list(permutations([1e4, 1.0, 1e8])))


@far_units
@pytest.mark.parametrize("form", ["full", "tied"])
def test_no_units_make_a_covariance_one_that_is_not_positive_definite(units, form):
    # The oracle is the correlation, which has none: what is given comes back, and so its inverse.
    assert np.linalg.eigvalsh(CORRELATION).min() > 0
    pairs, k = np.outer(units, units), 2
    x = np.random.default_rng(0).multivariate_normal(np.zeros(3), CORRELATION, 50) * units
    shape = (3, 3) if form == "tied" else (k, 3, 3)
    given = np.broadcast_to(CORRELATION * pairs, shape)
    inverse = np.broadcast_to(np.linalg.inv(CORRELATION) / pairs, shape)
    settings = {"covariance_type": form, "hold": "covariances", "random_state": 0}
    held = GaussianMixture(k, precisions_init=inverse, **settings).fit(x)
    np.testing.assert_allclose(held.covariances_, given, rtol=1e-9)
    settings["hold"] = "covars"
    chain = GaussianHMM(k, covars_init=given, **settings).fit(x)
    np.testing.assert_allclose(chain.covars_, given, rtol=1e-9)
    GaussianMixture(k, covariance_type=form, prior=Prior(scale=CORRELATION * pairs)).fit(x)
    x[:5, 0] = NAN
    imputer = GaussianImputer(covariance_init=CORRELATION * pairs).fit(x)
    start = imputer.result_.trace.params[0]
    np.testing.assert_allclose(start.covariance, CORRELATION * pairs, rtol=1e-9)
    GaussianImputer(covariance_init=imputer.covariance_).fit(x)


@far_units
def test_no_units_hide_that_a_matrix_is_not_symmetric(units):
    wrong = CORRELATION.copy()
    wrong[1, 2] = 0.1
    wrong *= np.outer(units, units)
    x = np.zeros((2, 3))
    one = mixture.MixtureParams(np.ones(1), x[:1], wrong[None])
    for call in (
        lambda: gaussian.log_density(x, x[0], wrong),
        lambda: mixture.log_density(one, x),
        lambda: gaussian.mle(GaussianStatistics(np.asarray(9.0), x[0], wrong)),
        lambda: GaussianImputer(covariance_init=wrong).fit(np.eye(3)),
    ):
        with pytest.raises(ValueError, match="must be symmetric"):
            call()


FRAME = pd.DataFrame(
    {
        "age": [30.0, 41, 28, 50],
        "visits": pd.array([1, None, 2, 3], dtype="Int64"),
        "sex": ["m", "f", "m", "f"],
        "day": pd.date_range("2021-01-01", periods=4),
        "mixed": pd.Series([1, 2, pd.NA, 3], dtype=object),
        "third": [1, None, "three", 2],
        "times": pd.to_timedelta([1, 2, 3, 4]),
        "words": pd.array(["a", None, "b", "c"], dtype="string"),
        "objects": pd.Series([1, 2.5, 0, 3], dtype=object),
    }
)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("sex", r"must be numbers, not [\w ]+: column 'sex' holds 'm'\. Encode it"),
        ("day", "must be numbers, not a date: column 'day' holds Timestamp"),
        ("third", "column 'third' holds 'three'"),
        ("times", "must be numbers, not a time: column 'times' holds Timedelta"),
        ("words", "must be numbers, not string: column 'words' holds 'a'"),
        ("mixed", r"pd\.NA in a column of objects.*\.astype\('Float64'\).*'mixed'"),
    ],
)
@pytest.mark.parametrize("estimator", [GaussianMixture(1), GaussianHMM(1), GaussianImputer()])
def test_a_column_that_holds_no_numbers_is_named(estimator, wrong, message):
    with pytest.raises((TypeError, ValueError), match=message):
        clone(estimator).fit(FRAME[["age", "visits", "objects", wrong]])
    clone(estimator).set_params(tol=1e-3).fit(FRAME[["age", "objects"]])


def test_a_fraction_is_shown_with_its_digits():
    with pytest.raises(ValueError, match=r"found 1234567\.5 \(row 0"):
        PoissonMixture(1).fit([[1234567.5], [3.0]])
