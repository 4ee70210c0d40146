"""`GaussianImputer`: its maxima, scikit-learn's conventions, and what it says of trouble."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from emlib import DegenerateWarning, GaussianImputer, StopReason
from emlib.datasets import load_murray
from emlib.gaussian import Gaussian
from tests.missing.helpers import (
    NAN,
    from_vector,
    log_likelihood_by_rows,
    problem,
    seeds,
    to_vector,
)


@given(seeds)
@settings(max_examples=10, deadline=None)
def test_at_the_fit_the_slope_of_the_observed_log_likelihood_vanishes(seed):
    x, _ = problem(seed, n=50)
    model = GaussianImputer(tol=1e-13).fit(x)
    at = to_vector(Gaussian(model.mean_, model.covariance_))

    def height(vector):
        return log_likelihood_by_rows(from_vector(vector, 3), x)

    steps_of = 1e-5 * np.eye(len(at))
    slope = [(height(at + h) - height(at - h)) / 2e-5 for h in steps_of]
    np.testing.assert_allclose(slope, 0, atol=1e-3)


def test_fit_is_the_maximum_of_an_independent_optimiser():
    x, _ = problem(3, n=40, d=2)

    def loss(vector):
        root = np.array([[np.exp(vector[2]), 0], [vector[3], np.exp(vector[4])]])
        return -log_likelihood_by_rows(Gaussian(vector[:2], root @ root.T), x)

    sds = np.log(np.nanstd(x, axis=0))
    begin = np.array([*np.nanmean(x, axis=0), sds[0], 0.1, sds[1]])
    found = minimize(loss, begin, method="BFGS", options={"gtol": 1e-4})
    model = GaussianImputer(tol=1e-12).fit(x)
    np.testing.assert_allclose(model.result_.objective, -found.fun, atol=1e-5)
    np.testing.assert_allclose(model.mean_, found.x[:2], atol=2e-3)


@parametrize_with_checks([GaussianImputer()])
@pytest.mark.filterwarnings("ignore::sklearn.utils.estimator_checks.SkipTestWarning")
# Some checks fit as few points as there are features, and are told so.
@pytest.mark.filterwarnings("ignore::emlib.DegenerateWarning")
def test_follows_the_conventions_of_scikit_learn(estimator, check):
    check(estimator)


@given(
    seeds,
    st.floats(-1e6, 1e6),
    st.lists(st.floats(-9, 9), min_size=3, max_size=3),
)
@settings(max_examples=15, deadline=None)
def test_results_follow_a_change_of_units(seed, shift, powers):
    x, _ = problem(seed)
    scale = 10.0 ** np.array(powers)
    plain, moved = GaussianImputer().fit(x), GaussianImputer().fit((x + shift) * scale)
    digits = 1e-6 + 1e-14 * abs(shift)
    sds = np.sqrt(np.diag(plain.covariance_))
    np.testing.assert_allclose(
        (moved.mean_ / scale - shift - plain.mean_) / sds, 0, atol=digits + 1e-15 * abs(shift)
    )
    ratio = moved.covariance_ / np.outer(scale, scale) / np.outer(sds, sds)
    np.testing.assert_allclose(ratio, plain.covariance_ / np.outer(sds, sds), atol=1e-6)
    seen = (~np.isnan(x)).sum(axis=0)
    change = plain.result_.objective - moved.result_.objective
    np.testing.assert_allclose(change, seen @ np.log(scale), rtol=1e-9, atol=1e-5)


def test_far_data_cost_no_digits():
    x, _ = problem(11)
    near = GaussianImputer().fit(x)
    far = GaussianImputer().fit(x + 1e9)
    np.testing.assert_allclose(far.covariance_, near.covariance_, rtol=1e-5, atol=1e-5)


def test_the_start_is_mean_and_variance_however_far_the_data():
    near = np.random.default_rng(0).integers(0, 8, size=(2001, 2)).astype(float)
    near[:500, 0] = NAN
    with pytest.warns(ConvergenceWarning, match="after 0 iterations"):
        model = GaussianImputer(max_iter=0).fit(near + 1e15)  # there, numbers are 1/8 apart
    np.testing.assert_allclose(model.mean_ - 1e15, np.nanmean(near, axis=0), atol=0.125)
    np.testing.assert_allclose(model.covariance_, np.diag(np.nanvar(near, axis=0)), rtol=1e-3)


def test_tol_is_meant_for_each_row():
    x, _ = problem(26)
    once, many = GaussianImputer().fit(x), GaussianImputer().fit(np.tile(x, (1000, 1)))
    assert once.n_iter_ == many.n_iter_
    np.testing.assert_allclose(many.covariance_, once.covariance_, rtol=1e-9)


def test_works_in_a_pipeline_and_keeps_names():
    x, y = load_iris(return_X_y=True, as_frame=True)
    holes = x.mask(np.random.default_rng(0).random(x.shape) < 0.2)
    model = make_pipeline(GaussianImputer().set_output(transform="pandas"), LinearRegression())
    assert model.fit(holes, y).score(holes, y) > 0.85
    filled = model[0].transform(holes)
    assert isinstance(filled, pd.DataFrame)
    assert list(filled.columns) == list(x.columns)
    assert not filled.isna().to_numpy().any()


def test_score_is_the_mean_log_density_and_the_objective_its_sum():
    x, _ = problem(12)
    model = GaussianImputer().fit(x)
    params = Gaussian(model.mean_, model.covariance_)
    np.testing.assert_allclose(model.score(x) * len(x), log_likelihood_by_rows(params, x))
    np.testing.assert_allclose(model.score(x) * len(x), model.result_.objective, rtol=1e-10)
    assert model.score_samples(x).shape == (len(x),)


def test_rows_of_which_nothing_was_seen_change_nothing():
    x, _ = problem(13)
    plain = GaussianImputer().fit(x)
    more = GaussianImputer().fit(np.vstack([x, np.full((40, 3), NAN)]))
    np.testing.assert_array_equal(more.covariance_, plain.covariance_)
    np.testing.assert_allclose(more.transform(np.full((1, 3), NAN))[0], plain.mean_)
    assert more.score_samples(np.full((1, 3), NAN))[0] == 0


def test_the_order_of_rows_does_not_matter():
    x, _ = problem(14)
    model, turned = GaussianImputer().fit(x), GaussianImputer().fit(x[::-1])
    np.testing.assert_allclose(model.covariance_, turned.covariance_, rtol=1e-6)
    np.testing.assert_allclose(model.transform(x)[::-1], model.transform(x[::-1]), rtol=1e-12)


def test_acceleration_ends_where_em_ends_in_fewer_steps():
    x, _ = problem(15, n=80, share=0.6)
    plain = GaussianImputer(tol=1e-10).fit(x)
    fast = GaussianImputer(tol=1e-10, accelerate=True).fit(x)
    np.testing.assert_allclose(fast.result_.objective, plain.result_.objective, atol=1e-6)
    np.testing.assert_allclose(fast.covariance_, plain.covariance_, rtol=1e-2, atol=1e-2)
    assert fast.result_.n_steps < plain.result_.n_steps


def test_draws_repeat_with_their_seed_and_vary_without():
    x, _ = problem(16)
    model = GaussianImputer().fit(x)
    one, two = model.draw(x, random_state=1), model.draw(x, random_state=1)
    np.testing.assert_array_equal(one, two)
    other, seen = model.draw(x, random_state=2), ~np.isnan(x)
    np.testing.assert_array_equal(other[seen], x[seen])
    assert np.all(other[~seen] != one[~seen])


def test_settings_and_fits_survive_cloning_and_pickling():
    x, _ = problem(17)
    model = GaussianImputer(tol=1e-6).fit(x)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.transform(x), model.transform(x))
    assert clone(model).get_params() == model.get_params()
    with pytest.raises(NotFittedError):
        clone(model).transform(x)
    with pytest.raises(NotFittedError):
        clone(model).draw(x)


def table(**columns):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 3))
    x[rng.random(x.shape) < 0.2] = NAN
    for i, column in columns.items():
        x[:, int(i[1:])] = column
    return x


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (np.full((5, 2), NAN), "features 0, 1 have no value"),
        (table(_1=NAN), "feature 1 has no value in any row: drop it"),
        (table(_2=[1.0] + 19 * [NAN]), "feature 2 is constant"),
        (table(_0=[7.0] * 20), "feature 0 is constant"),
        (table(_1=[np.inf] * 20), "infinity"),
        (table(_1=[1e200] * 20), "out of a float's range"),
        (table()[:1], "1 sample"),
    ],
)
def test_data_that_cannot_be_fitted_are_refused(x, said):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=said):
            GaussianImputer().fit(x)


def test_a_column_without_values_may_be_filled_later():
    x, _ = problem(18)
    model = GaussianImputer().fit(x)
    holes = x.copy()
    holes[:, 1] = NAN
    assert np.all(np.isfinite(model.transform(holes)))
    with pytest.raises(ValueError, match="infinity"):
        model.transform([[np.inf, 1.0, 2.0]])


def test_collapse_is_named():
    x, _ = problem(19)
    x[:, 2] = 2 * x[:, 0] - x[:, 1]
    with pytest.warns(DegenerateWarning, match="depend linearly"):
        model = GaussianImputer().fit(x)
    assert model.result_.stop is StopReason.DEGENERATE
    assert not model.converged_
    assert np.all(np.isfinite(model.transform(x)))


def test_fewer_rows_than_features_are_named():
    with pytest.warns(DegenerateWarning, match="too few rows"):
        GaussianImputer().fit(np.random.default_rng(0).normal(size=(4, 6)))


def test_features_never_seen_together_are_named():
    x, _ = problem(20, share=0.0)
    x[:30, 0] = NAN
    x[30:, 1] = NAN
    with pytest.warns(DegenerateWarning, match="features 0 and 1 were never seen in the same row"):
        GaussianImputer().fit(x)


def test_many_pairs_never_seen_together_make_a_short_warning():
    x = np.random.default_rng(0).normal(size=(80, 6))
    x[:40, 0] = NAN
    x[40:, 1:] = NAN
    with pytest.warns(DegenerateWarning, match="0 and 4, 0 and 5 were never seen"):
        GaussianImputer().fit(x)
    x = np.random.default_rng(0).normal(size=(80, 8))
    x[:40, :4] = NAN
    x[40:, 4:] = NAN
    with pytest.warns(DegenerateWarning, match="1 and 4 and 11 other pairs were never seen"):
        GaussianImputer().fit(x)


def test_masked_entries_are_not_read_as_if_they_were_seen():
    x, _ = problem(22)
    values = np.where(np.isnan(x), 1e6, x)
    masked = np.ma.masked_array(values, mask=np.isnan(x))
    with pytest.raises(ValueError, match="mark the holes with NaN"):
        GaussianImputer().fit(masked)
    model = GaussianImputer().fit(masked.filled(NAN))
    np.testing.assert_array_equal(model.covariance_, GaussianImputer().fit(x).covariance_)
    with pytest.raises(ValueError, match="mark the holes with NaN"):
        model.transform(masked)


def test_whole_numbers_and_short_floats_are_read_as_numbers():
    x, _ = problem(23, share=0.0)
    whole = (10 * x).round()
    fitted = GaussianImputer().fit(whole.astype(int))
    np.testing.assert_array_equal(fitted.covariance_, GaussianImputer().fit(whole).covariance_)
    holes = whole.copy()
    holes[3:20, 1] = NAN
    short = GaussianImputer().fit(holes.astype(np.float32))
    np.testing.assert_array_equal(short.covariance_, GaussianImputer().fit(holes).covariance_)
    assert short.transform(holes.astype(np.float32)).dtype == np.float64


def test_too_few_iterations_are_named():
    x, _ = problem(21)
    with pytest.warns(ConvergenceWarning, match="Raise max_iter"):
        model = GaussianImputer(max_iter=2).fit(x)
    assert not model.converged_


def test_no_iteration_at_all_leaves_the_start_as_it_is(murray):
    begin = {"mean_init": [1.0, 2.0], "covariance_init": [[2.0, 1.0], [1.0, 3.0]]}
    with pytest.warns(ConvergenceWarning, match="after 0 iterations"):
        model = GaussianImputer(max_iter=0, **begin).fit(murray)
    np.testing.assert_allclose(model.mean_, begin["mean_init"], rtol=1e-14)
    np.testing.assert_allclose(model.covariance_, begin["covariance_init"], rtol=1e-14)
    assert (model.n_iter_, model.converged_) == (0, False)
    with pytest.warns(ConvergenceWarning, match="after 0 iterations"):
        model = GaussianImputer(max_iter=0).fit(murray)
    np.testing.assert_allclose(model.covariance_, np.diag(np.nanvar(murray, axis=0)), rtol=1e-14)


@pytest.mark.parametrize(
    "trouble",
    [
        {"tol": -1.0},
        {"tol": "small"},
        {"max_iter": -1},
        {"covariance_floor": np.inf},
        {"mean_init": [0.0]},
        {"covariance_init": [[1.0, 2.0], [2.0, 1.0]]},
        {"covariance_init": [[1.0, 0.5], [0.4, 1.0]]},
        {"covariance_init": [[1.0, 0.5], [1.0]]},
        {"mean_init": "ab"},
    ],
)
def test_settings_that_make_no_sense_are_refused(trouble):
    with pytest.raises(ValueError, match=next(iter(trouble))):
        GaussianImputer(**trouble).fit(load_murray().values)


@pytest.mark.parametrize("floor", [0.05, 0.5, 2.0])
def test_a_start_below_the_floor_is_raised_to_it(floor):
    # Of complete rows the maximum under a floor is the covariance with its eigenvalues clipped.
    z = np.random.default_rng(0).normal(size=(200, 2))
    x = np.c_[z[:, 0], z[:, 0] + 0.05 * z[:, 1]]
    scale = np.outer(x.std(axis=0), x.std(axis=0))
    values, vectors = np.linalg.eigh(np.cov(x.T, bias=True) / scale)
    expected = (vectors * np.maximum(values, floor)) @ vectors.T * scale
    for start in (None, np.cov(x.T), 1e-6 * np.eye(2)):
        with pytest.warns(DegenerateWarning, match="rests on its floor"):
            model = GaussianImputer(covariance_floor=floor, covariance_init=start).fit(x)
        np.testing.assert_allclose(model.covariance_, expected, rtol=1e-6, atol=1e-12)


def test_a_start_far_from_all_data_is_named_as_a_cause():
    x = np.random.default_rng(0).normal(size=(50, 2))
    x[:9, 1] = NAN
    with pytest.warns(DegenerateWarning, match="is the start far from all data"):
        GaussianImputer(mean_init=[1e9, 1e9]).fit(x)
