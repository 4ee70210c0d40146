"""Bad input to the Gaussian with holes, and to what fills them, is named, and never a NaN."""

import numpy as np
import pytest

from emlib import GaussianImputer, missing
from emlib.gaussian import Gaussian, GaussianStatistics
from tests.bad_input import (
    DATA,
    FLAG,
    MEANS,
    NAN,
    RNG,
    ROWS,
    SPREADS,
    Calls,
    assert_same_in_whatever_form,
    covariances,
    not_clear,
    not_none,
    other,
    positive,
    size,
    spoilt,
    whole,
    wide,
)

HOLES = ROWS.copy()
HOLES[1, 0] = HOLES[4, 1] = NAN
MEAN, COVARIANCE = MEANS[0], SPREADS[0]
# A hole is no fault here.
BAD_ROWS = {way: value for way, value in wide(HOLES).items() if way != "a NaN"}
BAD_PARAMS = {"mean": spoilt(MEAN), "covariance": covariances(COVARIANCE)}
OF_PARAMS = {"mean": "mean|params|covariance", "covariance": "covariance|params"}
call = Calls()


def of_params(function, **more):
    def called(x, mean, covariance, **others):
        return function(Gaussian(mean, covariance), x, **more, **others)

    return called


GOOD = {"x": HOLES, "mean": MEAN, "covariance": COVARIANCE}
for function in (missing.e_step, missing.log_density, missing.impute):
    call(
        f"missing.{function.__name__}",
        of_params(function),
        GOOD,
        {"x": BAD_ROWS} | BAD_PARAMS,
        {"x": DATA} | OF_PARAMS,
    )
call(
    "missing.draw",
    of_params(missing.draw),
    GOOD | {"rng": np.random.default_rng(0)},
    {"x": BAD_ROWS, "rng": RNG} | BAD_PARAMS,
    {"x": DATA} | OF_PARAMS,
)
call(
    "missing.e_step of",
    lambda params: missing.e_step(params, HOLES),
    {"params": Gaussian(MEAN, COVARIANCE)},
    {"params": other((MEAN, COVARIANCE), MEAN)},
)
ALONE = {way: value for way, value in BAD_ROWS.items() if way != "features doubled"}
call(
    "missing.Patterns.of",
    lambda x: missing.Patterns.of(x).n,
    {"x": HOLES},
    {"x": ALONE},
    {"x": DATA},
)

SUMS = missing.e_step(Gaussian(MEAN, COVARIANCE), HOLES)[0]
OF_SUMS = {
    "n": r"\bn\b|sum_x|component|weight|statistics",
    "sum_xx": "sum_xx|variance|symmetric|covariance",
}
BAD_SUMS = {
    "n": positive(SUMS.n, "nothing", "a number"),
    "sum_x": spoilt(SUMS.sum_x),
    "sum_xx": covariances(SUMS.sum_xx),
}
for function, good, bad in (
    (missing.m_step, {"floor": 0.0}, {"floor": size()}),
    (missing.nudge, {"size": 0.1, "rng": np.random.default_rng(0)}, {"size": size(), "rng": RNG}),
):
    call(
        f"missing.{function.__name__}",
        lambda n, sum_x, sum_xx, function=function, **more: function(
            GaussianStatistics(n, sum_x, sum_xx, SUMS.origin), **more
        ),
        {"n": SUMS.n, "sum_x": SUMS.sum_x, "sum_xx": SUMS.sum_xx} | good,
        BAD_SUMS | bad,
        OF_SUMS,
    )
call(
    "missing.m_step of",
    missing.m_step,
    {"statistics": SUMS},
    {"statistics": other(ROWS, (1, MEAN, COVARIANCE))},
)


def fitted(X=HOLES, **settings):
    return GaussianImputer(**settings).fit(X)


for setting, bad in {
    "tol": size(),
    "max_iter": whole(0),
    "covariance_floor": size(),
    "mean_init": not_none(spoilt(MEAN)),
    "covariance_init": not_none(covariances(COVARIANCE)),
    "accelerate": FLAG,
    "verbose": FLAG,
}.items():
    good = {"mean_init": MEAN, "covariance_init": COVARIANCE}
    call(
        f"GaussianImputer({setting})",
        fitted,
        {setting: good.get(setting, getattr(GaussianImputer(), setting))},
        {setting: bad},
    )
call(
    "GaussianImputer.fit",
    fitted,
    {"X": HOLES},
    {"X": ALONE | {"one row": ROWS[:1], "a column of holes": HOLES * [1.0, NAN]}},
    {"X": DATA + r"|n_samples|masked|feature \d"},
)
MODEL = fitted()
for method in ("transform", "score", "score_samples", "draw"):
    call(
        f"GaussianImputer.{method}",
        getattr(MODEL, method),
        {"X": HOLES} | ({"random_state": 0} if method == "draw" else {}),
        {"X": BAD_ROWS} | ({"random_state": not_none(other(-1))} if method == "draw" else {}),
        {"X": DATA + "|masked"},
    )


@pytest.mark.parametrize(("function", "arguments", "odd"), call.good)
def test_good_input_gives_the_same_in_whatever_form(function, arguments, odd):
    assert_same_in_whatever_form(function, arguments, odd)


@pytest.mark.parametrize(("calls", "says"), call.bad)
def test_bad_input_is_named(calls, says):
    assert not_clear(calls, says) == {}
