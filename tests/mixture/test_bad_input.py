"""Bad input to the functions of mixtures is named, and never a NaN."""

from functools import partial

import numpy as np
import pytest

from emlib import GaussianMixture, Prior, mixture
from emlib.covariances import Diagonal, Full
from emlib.families import Poisson, Sums
from emlib.gaussian import GaussianStatistics
from emlib.mixture import MixtureParams
from emlib.mixture.blocks import Blocks
from emlib.mixture.standard_errors import standard_errors
from tests.bad_input import (
    COUNT_SUMS,
    DATA,
    FAMILY,
    HALVES,
    INF,
    LABELS,
    MEANS,
    PARTS,
    RNG,
    ROWS,
    SHARED,
    SPREADS,
    Calls,
    assert_same_in_whatever_form,
    covariances,
    not_clear,
    not_none,
    other,
    positive,
    shares,
    size,
    spoilt,
    whole,
    wide,
)

call = Calls()


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


@pytest.mark.parametrize(("function", "arguments", "odd"), call.good)
def test_good_input_gives_the_same_in_whatever_form(function, arguments, odd):
    assert_same_in_whatever_form(function, arguments, odd)


@pytest.mark.parametrize(("calls", "says"), call.bad)
def test_bad_input_is_named(calls, says):
    assert not_clear(calls, says) == {}
