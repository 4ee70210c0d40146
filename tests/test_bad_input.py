"""Bad input to Gaussians, families, the loop and all estimators is named, and never a NaN."""

from functools import partial

import numpy as np
import pytest

from emlib import (
    HMM,
    BernoulliMixture,
    CategoricalHMM,
    CategoricalMixture,
    GaussianHMM,
    GaussianMixture,
    Mixture,
    PoissonHMM,
    PoissonMixture,
    Prior,
    em,
    gaussian,
    hmm,
)
from emlib.covariances import FORMS
from emlib.datasets import make_2_9, make_20_40
from emlib.families import Binomial, Categorical, Sums, Symbols
from emlib.gaussian import Gaussian, GaussianStatistics
from emlib.hmm import HMMParams
from tests.bad_input import (
    BINARY,
    CHAIN,
    COUNTS,
    DATA,
    FAMILY,
    FLAG,
    HALVES,
    LABELS,
    MEANS,
    NAN,
    RNG,
    ROWS,
    SPREADS,
    SYMBOL_ROWS,
    SYMBOLS,
    Calls,
    assert_same_in_whatever_form,
    binary,
    counts,
    covariances,
    not_clear,
    not_none,
    other,
    positive,
    shares,
    size,
    spoilt,
    table,
    whole,
    wide,
)
from tests.published import HEADS, coins_e_step, coins_m_step

call = Calls()

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


for name, make, argument, bad in (
    ("Binomial", Binomial, "trials", whole(1)),
    ("Symbols", Symbols, "n_symbols", whole(1)),
    ("Categorical", Categorical, "sizes", other((), (0,), (2.5,), (True,), (-1, 2), 3, ("a",))),
    *((form, make, "floor", size()) for form, make in FORMS.items()),
    *((form, make, "ridge", size()) for form, make in FORMS.items()),
):
    good = {"sizes": (3, 2), "floor": 1e-8, "ridge": 0.1}.get(argument, 3)
    call(f"{name}({argument})", make, {argument: good}, {argument: bad})


call(
    "em",
    em,
    {
        "e_step": coins_e_step,
        "m_step": coins_m_step,
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
        | {"reg_covar": size("None"), "precisions_init": not_none(covariances(SPREADS))}
        | {"covariances_init": not_none(covariances(SPREADS))},
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
OF_A_CHAIN = hmm.e_step(HMMParams(HALVES, CHAIN, (MEANS, SPREADS)), ROWS)[0]
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
            {"statistics": other(OF_A_CHAIN, ROWS, sums[np.array([True, False])])},
        )
for make in (make_20_40, make_2_9):
    call(make.__name__, make, {"seed": 1}, {"seed": whole(0)})


@pytest.mark.parametrize(("function", "arguments", "odd"), call.good)
def test_good_input_gives_the_same_in_whatever_form(function, arguments, odd):
    assert_same_in_whatever_form(function, arguments, odd)


@pytest.mark.parametrize(("calls", "says"), call.bad)
def test_bad_input_is_named(calls, says):
    assert not_clear(calls, says) == {}
