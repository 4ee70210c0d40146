"""The page for readers with data of their own: all its code runs, and does what it says."""

import re
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.datasets import load_iris

import emlib
from emlib import (
    HMM,
    DegenerateWarning,
    GaussianHMM,
    GaussianImputer,
    GaussianMixture,
    Mixture,
    PoissonHMM,
    mixture,
)
from emlib.datasets import load_faithful
from emlib.families import Sums
from tools.paths import CHAPTERS

PAGE = (CHAPTERS / "own_data.md").read_text(encoding="utf8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
SCALE = ["no", "rather no", "rather yes", "yes"]


def eruptions():
    table = pd.DataFrame(load_faithful().values, columns=["minutes", "wait"])
    kinds = pd.Series(np.where(table["minutes"] > 3, "long", "short"))
    return table, kinds.where(np.arange(len(table)) % 5 == 0, None)


def days_of_two_regimes():
    stays, rates = np.array([[0.95, 0.05], [0.1, 0.9]]), np.array([[3.0], [12.0]])
    chain = PoissonHMM(2)
    chain.startprob_, chain.transmat_, chain.lambdas_ = np.array([1.0, 0.0]), stays, rates
    counts, _ = chain.sample(400, random_state=3)
    days = pd.DataFrame(counts, pd.date_range("2025-01-01", periods=400), ["calls"])
    return days.drop(days.index[100:120])


def a_questionnaire():
    rng = np.random.default_rng(0)
    shares = np.array([[0.8, 0.1, 0.05, 0.05], [0.1, 0.4, 0.4, 0.1], [0.05, 0.05, 0.1, 0.8]])
    kinds = rng.choice(3, 400)
    answers = np.array([[rng.choice(SCALE, p=shares[k]) for _ in range(6)] for k in kinds])
    answers[rng.random(answers.shape) < 0.1] = "don't know"
    return pd.DataFrame(answers, dtype=object), kinds


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """What the page's code has defined when all of it has run, with fewer starts and refits."""
    table, kinds = eruptions()
    known = pd.Categorical(kinds).codes
    names = {"table": table, "known": known, "days": days_of_two_regimes()}
    names |= {"answers": a_questionnaire()[0], "weights": np.ones(len(table))}
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("error")
        patch.chdir(tmp_path_factory.mktemp("page"))
        for block in BLOCKS:
            if "load_diabetes" not in block:  # the report, which has a test of its own
                few = block.replace("n_init=20", "n_init=3").replace("range(200)", "range(30)")
                exec(few, names)
            if "resample" in block:
                names["of_rows"] = names["errors"]
        names["from_file"] = joblib.load("model.joblib")
    return names


@pytest.mark.parametrize("code", re.findall(r"`(\w+\([^`]*\)\.fit[^`]*)`", PAGE.split("## Bef")[0]))
def test_every_line_of_the_table_fits_the_data_that_it_is_for(code):
    table, species = eruptions()
    rng = np.random.default_rng(0)
    names = {**vars(emlib), **{name: getattr(emlib, name) for name in emlib.__all__}, "pd": pd}
    names |= {"table": table, "species": species, "w": 1e3 * rng.uniform(1, 3, len(table))}
    with_holes = table.mask(rng.random(table.shape) < 0.1)
    dates = pd.date_range("2025-01-01", periods=272)
    names["days"] = with_holes.set_index(dates).drop("2025-02-03")
    names["codes"] = rng.integers(4, size=(100, 5)).astype(float)
    if "Poisson" in code:
        names["table"] = pd.DataFrame(rng.poisson(3, (100, 2)))
    elif "Bernoulli" in code:
        names["table"] = pd.DataFrame(rng.integers(2, size=(100, 5)))
    elif "GaussianImputer" in code:
        names["table"] = with_holes
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = eval(code.replace("(3)", "(3, random_state=0)"), names)
        if code == "GaussianMixture(3).fit(table)":
            eval(code.replace("(3)", "(3, random_state=0)"), names | {"table": with_holes})
    assert np.isfinite(fitted).all() if "Imputer" in code else fitted.converged_


@pytest.mark.parametrize("form", ["full", "tied", "diag", "spherical"])
def test_only_spherical_fits_depend_on_units(form):
    x, scale = load_faithful().values, np.array([1e-3, 40.0])
    for model in (GaussianMixture, GaussianHMM):
        one, other = (
            model(2, covariance_type=form, random_state=0).fit(data) for data in (x, x * scale)
        )
        gap = np.abs(other.means_ / scale - one.means_).max()
        assert (gap > 1e-3) if form == "spherical" else (gap < 1e-8)
    x = np.where(np.random.default_rng(0).random(x.shape) < 0.1, np.nan, x)
    one, other = (GaussianImputer().fit_transform(data) for data in (x, x * scale))
    assert_allclose(other / scale, one, rtol=1e-8)


def test_y_is_ignored():
    table, kinds = eruptions()
    known = pd.Categorical(kinds).codes
    with_y = GaussianMixture(2, random_state=0).fit(table, known)
    assert_array_equal(with_y.means_, GaussianMixture(2, random_state=0).fit(table).means_)


def test_of_a_questionnaire_only_what_is_listed_has_a_number(names):
    answers, kinds = a_questionnaire()
    codes = names["codes"]
    assert_array_equal(np.isnan(codes), answers == "don't know")
    for code, answer in enumerate(SCALE):
        assert_array_equal(codes == code, answers == answer)
    found = names["classes"].predict(codes)
    best = np.array([np.bincount(kinds[found == k]).max() for k in range(3)]).sum()
    assert best > 0.9 * len(kinds)


def test_labels_go_through_a_pipeline_and_the_grid_takes_the_lowest_bic(names):
    table, grid = names["table"], names["grid"]
    known = names["known"] >= 0
    assert known.sum() == 55
    found = names["pipe"].predict(table)[known]
    assert np.mean(found == names["known"][known]) > 0.9
    for settings, score in zip(
        grid.cv_results_["params"], grid.cv_results_["mean_test_score"], strict=True
    ):
        assert score <= -grid.best_estimator_.bic(table) + 1e-6, settings
    assert_array_equal(names["from_file"].predict(table), grid.predict(table))


def test_a_forecast_has_the_chains_means_and_more_spread_than_its_days(names):
    chain, past, weeks = names["chain"], names["past"], np.array(names["weeks"])
    assert len(past) == 400
    assert past.isna().sum().item() == 20
    states = [chain.forecast_proba(past, steps=s)[0] for s in range(1, 8)]
    rates = chain.lambdas_[:, 0]
    means = np.array([p @ rates for p in states])
    of_days = np.array([p @ (rates + rates**2) for p in states]) - means**2
    assert abs(weeks.mean() - means.sum()) < 4 * weeks.std() / np.sqrt(len(weeks))
    assert weeks.var() > 1.5 * of_days.sum()
    assert names["low"] < means.sum() < names["high"]


def test_refits_to_drawn_rows_scatter_as_standard_errors_say_and_keep_their_places(names):
    model, table = names["model"], names["table"]
    errors = model.standard_errors(table).means
    assert_allclose(names["of_rows"], errors, rtol=0.5)  # thirty refits


def test_refits_to_drawn_chains_keep_their_places_and_gaps(names):
    assert names["errors"].shape == (2, 1)
    assert_array_equal(np.isnan(names["series"]), names["past"].isna())
    gap = np.abs(np.diff(names["chain"].lambdas_[:, 0])).item()
    assert np.all(names["errors"] < gap / 10)


def test_the_report_is_what_its_code_prints(capsys):
    (block,) = (b for b in BLOCKS if "load_diabetes" in b)
    (shown,) = re.findall(r"```text\n(.*?)```", PAGE, flags=re.DOTALL)
    exec(block, {"np": np, "GaussianMixture": GaussianMixture})
    assert capsys.readouterr().out == shown


# --- Columns of different kinds


@pytest.fixture(scope="module")
def columns():
    (block,) = (b for b in BLOCKS if "class Columns" in b)
    names = {}
    exec(block, names)
    return names["Columns"]


TRUE = (
    np.array([0.6, 0.4]),
    np.array([[2.0, 0.1, -1.0, 0.8], [6.0, 0.9, 1.0, 0.3]]),
    np.array([[0.3], [0.6]]),
)


def by_scipy(params, x):
    """Log p(x, z = k) of a count, an answer, a measurement and another answer."""
    parts = [
        np.log(w)
        + stats.poisson(m[0]).logpmf(x[:, 0])
        + stats.bernoulli(m[1]).logpmf(x[:, 1])
        + stats.norm(m[2], v[0] ** 0.5).logpdf(x[:, 2])
        + stats.bernoulli(m[3]).logpmf(x[:, 3])
        for w, m, v in zip(*params, strict=True)
    ]
    return np.stack(parts, axis=1)


def test_a_family_of_several_kinds_of_columns_has_scipys_density(columns):
    family = columns("cbnb")
    x, _ = mixture.sample(TRUE, 50, np.random.default_rng(0), family)
    assert_allclose(mixture.log_joint(TRUE, x, family), by_scipy(TRUE, x), rtol=1e-10)


def test_a_mixture_of_several_kinds_of_columns_finds_them_with_criteria_and_errors(columns):
    family = columns("cbnb")
    x, _ = mixture.sample(TRUE, 3000, np.random.default_rng(1), family)
    model = Mixture(2, family=family, random_state=0).fit(x)
    assert model.result_.confirmed
    assert np.all(np.diff(model.result_.trace.objective) > -1e-8)
    order = np.argsort(model.means_[:, 0])
    params = model.weights_, model.means_, model.variances_
    errors = model.standard_errors(x)
    for value, true, error in zip(params, TRUE, errors, strict=True):
        assert np.all(np.abs(value[order] - true) < 4 * error[order])
    assert model.bic(x) == pytest.approx(11 * np.log(3000) - 2 * 3000 * model.score(x))
    drawn, z = model.sample(20_000, random_state=0)
    for k in (0, 1):
        assert_allclose(drawn[z == k].mean(axis=0), model.means_[k], atol=0.1)
        assert drawn[z == k, 2].var() == pytest.approx(model.variances_[k, 0], rel=0.1)


def test_an_answer_that_all_give_is_no_error(columns):
    rng = np.random.default_rng(2)
    x = np.column_stack([rng.poisson([[1.0, 9.0]], (200, 2)).ravel(), np.ones(400)])
    model = Mixture(2, family=columns("cb"), random_state=0).fit(x)
    assert_allclose(model.means_[:, 1], 1)
    assert model.result_.confirmed  # a nudge makes no probability larger than one


def test_a_chain_emits_several_kinds_of_columns(columns):
    family = columns("cbnb")
    stays = np.array([[0.9, 0.1], [0.2, 0.8]])
    true = emlib.hmm.HMMParams(np.array([1.0, 0.0]), stays, TRUE[1:])
    x, _ = emlib.hmm.sample(true, 2000, np.random.default_rng(0), family)
    model = HMM(2, family=family, random_state=0).fit(x)
    assert model.result_.confirmed
    order = np.argsort(model.means_[:, 0])
    assert_allclose(model.means_[order], TRUE[1], atol=0.3)
    assert_allclose(model.transmat_[order][:, order], stays, atol=0.05)


def test_a_nudge_moves_all_kinds_of_columns_and_keeps_variances(columns):
    family = columns("cbnb")
    x, _ = mixture.sample(TRUE, 100, np.random.default_rng(0), family)
    r = np.random.default_rng(1).dirichlet([1, 1], 100)
    before = mixture.statistics(r, x, family)
    after = family.nudge(before, np.random.default_rng(2), 0.01)
    assert isinstance(after, Sums)
    (m, v), (moved, same) = family.mle(before), family.mle(after)
    assert_allclose(same, v, rtol=1e-9)
    assert np.all(np.abs(moved - m) > 1e-6)
    assert_allclose(moved, m, atol=0.2)


def test_what_no_such_column_can_hold_and_a_collapse_are_said(columns):
    x = np.array([[1.0, 0, 0.3], [4, 1, 0.7], [2, 1, 0.1], [0, 0, 0.2]])
    for kinds in ("cb", "cbx", "bcn", "ccc"):
        with pytest.raises(ValueError, match=r"letters of b, c and n|counts must be whole"):
            Mixture(1, family=columns(kinds)).fit(x)
    with pytest.raises(ValueError, match="NaN"):
        Mixture(1, family=columns("cbn")).fit(np.where(x == 4, np.nan, x))
    x[:, 2] = 1.5
    with pytest.warns(DegenerateWarning, match="component 0 has a variance at the floor"):
        Mixture(1, family=columns("cbn")).fit(x)


# --- Holes


@pytest.mark.parametrize("form", ["full", "tied", "diag", "spherical"])
def test_a_mixture_fills_holes_by_what_its_components_say(names, form):
    iris = load_iris().data
    holes = np.random.default_rng(0).random(iris.shape) < 0.2
    x = np.where(holes, np.nan, iris)
    model = GaussianMixture(3, covariance_type=form, random_state=0).fit(x)
    filled = names["filled"](model, x)
    assert_array_equal(filled[~holes], iris[~holes])
    for n in np.flatnonzero(holes.any(axis=1) & ~holes.all(axis=1)):
        rest = model.conditional(x[n])
        assert_allclose(filled[n, holes[n]], rest.weights_ @ rest.means_, rtol=1e-9)
    nothing = np.full((1, 4), np.nan)
    assert_allclose(names["filled"](model, nothing)[0], model.weights_ @ model.means_)
    one = GaussianMixture(1).fit(x)
    assert_allclose(names["filled"](one, x), GaussianImputer().fit_transform(x), rtol=1e-4)
