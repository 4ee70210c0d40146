"""`GaussianMixture`: published fits, scikit-learn's conventions, and input that must be refused."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.mixture import GaussianMixture as SklearnMixture
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from emlib import (
    HMM,
    CategoricalMixture,
    DegenerateWarning,
    GaussianHMM,
    GaussianImputer,
    GaussianMixture,
    Mixture,
    PoissonHMM,
    PoissonMixture,
    Prior,
    StopReason,
    mixture,
)
from emlib.covariances import FORMS, Full
from emlib.datasets import load_faithful, load_galaxies, make_2_9, make_20_40
from emlib.families import Poisson
from emlib.mixture.starts import STARTS


@pytest.fixture(scope="module")
def faithful():
    return load_faithful().values


@parametrize_with_checks([GaussianMixture()])
@pytest.mark.filterwarnings("ignore::sklearn.utils.estimator_checks.SkipTestWarning")
# Some checks fit as few points as there are features, and are told so.
@pytest.mark.filterwarnings("ignore::emlib.DegenerateWarning")
def test_follows_the_conventions_of_scikit_learn(estimator, check):
    check(estimator)


def test_old_faithful_as_in_mclust(faithful):
    # mclust 6.0.0 (Scrucca et al. 2016, The R Journal 8, 289-317), model VVV, two components,
    # run to convergence.
    model = GaussianMixture(2, tol=1e-12, random_state=0).fit(faithful)
    order = np.argsort(model.means_[:, 0])
    np.testing.assert_allclose(model.weights_[order], [0.3558729, 0.6441271], atol=1e-5)
    means = [[2.0363885, 54.4785165], [4.2896620, 79.9681153]]
    np.testing.assert_allclose(model.means_[order], means, atol=1e-4)
    covariances = [
        [[0.0691677, 0.4351678], [0.4351678, 33.6972830]],
        [[0.1699684, 0.9406091], [0.9406091, 36.0462088]],
    ]
    np.testing.assert_allclose(model.covariances_[order], covariances, atol=1e-3)
    np.testing.assert_allclose(model.result_.objective, -1130.2639602, atol=1e-5)
    np.testing.assert_allclose(model.bic(faithful), 2322.1917431, atol=1e-4)
    np.testing.assert_allclose(model.aic(faithful), 2282.5279204, atol=1e-4)
    assert sorted(np.bincount(model.predict(faithful))) == [97, 175]


def test_one_component_is_the_single_gaussian(faithful):
    model = GaussianMixture(1).fit(faithful)
    np.testing.assert_allclose(model.result_.objective, -1289.796745052613, atol=1e-6)
    np.testing.assert_allclose(model.means_[0], faithful.mean(axis=0), rtol=1e-12)


def test_20_40_example_at_its_maximum():
    # The maximum from an independent optimiser.
    model = GaussianMixture(2, tol=0, random_state=0).fit(make_20_40().values)
    order = np.argsort(model.means_[:, 0])
    np.testing.assert_allclose(model.weights_[order][0], 0.2999208684, atol=1e-6)
    means, sds = [20.0799925614, 40.0332665442], [4.9851954247, 5.0135917392]
    np.testing.assert_allclose(model.means_[order, 0], means, atol=1e-6)
    np.testing.assert_allclose(np.sqrt(model.covariances_[order, 0, 0]), sds, atol=1e-6)
    np.testing.assert_allclose(model.result_.objective, -35850.364937548715, atol=1e-6)


def test_2_9_example_at_its_maximum():
    model = GaussianMixture(2, tol=0, random_state=0).fit(make_2_9().values)
    order = np.argsort(model.means_[:, 0])
    fit = [*model.means_[order, 0], *np.sqrt(model.covariances_[order, 0, 0])]
    maximum = [1.7740133410, 8.8069483084, 3.8236804293, 2.2066262848]
    np.testing.assert_allclose(fit, maximum, atol=1e-5)
    np.testing.assert_allclose(model.result_.objective, -4401.035671448106, atol=1e-6)


def test_scikit_learn_stops_on_the_saddle_where_we_do_not():
    # The two facts the book's chapter rests on; if one changes, the chapter must.
    x = make_20_40().values
    theirs = SklearnMixture(2, init_params="random", random_state=0).fit(x)
    assert theirs.converged_
    assert np.ptp(theirs.means_) < 1
    ours = GaussianMixture(2, init_params="random", random_state=0).fit(x)
    assert np.ptp(ours.means_) > 19


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(-8, 8), st.floats(-1e8, 1e8))
def test_fit_is_equivariant_under_scale_and_shift(seed, exponent, shift):
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.normal(c, 1, size=(60, 2)) for c in (-3, 3)])
    scale = 10**exponent
    # Only what the numbers still hold of the data can be recovered from them.
    rounding = np.finfo(float).eps * (abs(shift) + 5 * scale) / scale
    if rounding > 1e-6:
        return
    fitted = GaussianMixture(2, random_state=0).fit(x)
    moved = GaussianMixture(2, random_state=0).fit(scale * x + shift)
    atol = 1e-7 + 100 * rounding
    np.testing.assert_allclose(moved.weights_, fitted.weights_, atol=atol)
    np.testing.assert_allclose((moved.means_ - shift) / scale, fitted.means_, atol=10 * atol)
    np.testing.assert_allclose(moved.covariances_ / scale**2, fitted.covariances_, atol=10 * atol)
    expected = fitted.result_.objective - x.size * np.log(scale)
    np.testing.assert_allclose(moved.result_.objective, expected, atol=1e-5 + 1e3 * rounding)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(5, 40), st.integers(1, 3))
@example(54342, 3, 20, 2)  # after a nudge, a covariance that rests on the floor
def test_any_fit_is_finite_and_never_falls(seed, k, n, d):
    x = np.random.default_rng(seed).standard_t(2, size=(n, d))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = GaussianMixture(k, random_state=0, max_iter=200).fit(x)
    assert model.result_.stop is not StopReason.OBJECTIVE_FELL
    for value in (model.weights_, model.means_, model.covariances_, model.lower_bound_):
        assert np.all(np.isfinite(value))
    steps = np.diff(model.lower_bounds_)
    jumps = [i - 1 for i in model.result_.trace.nudged_at]
    # A covariance that rests on the floor, 1e-8 of the data's, leaves half of the digits.
    assert np.all(np.delete(steps, jumps) >= -1e-7)


def test_explicit_start_takes_the_same_steps_as_sklearn(faithful):
    start = {
        "weights_init": [0.5, 0.5],
        "means_init": [[2.0, 50.0], [4.0, 80.0]],
        "precisions_init": np.stack([np.diag([4.0, 0.02])] * 2),
        "max_iter": 4,
        "tol": 0,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        ours = GaussianMixture(2, **start).fit(faithful)
        theirs = SklearnMixture(2, reg_covar=0, **start).fit(faithful)
    np.testing.assert_allclose(ours.means_, theirs.means_, rtol=1e-10)
    np.testing.assert_allclose(ours.covariances_, theirs.covariances_, rtol=1e-9)
    np.testing.assert_allclose(
        ours.precisions_cholesky_, theirs.precisions_cholesky_, rtol=1e-8, atol=1e-12
    )
    np.testing.assert_allclose(ours.score_samples(faithful), theirs.score_samples(faithful))
    np.testing.assert_allclose(ours.predict_proba(faithful), theirs.predict_proba(faithful))
    np.testing.assert_array_equal(ours.predict(faithful), theirs.predict(faithful))
    np.testing.assert_allclose(ours.bic(faithful), theirs.bic(faithful))
    np.testing.assert_allclose(ours.aic(faithful), theirs.aic(faithful))


def test_part_of_a_start_may_be_given(faithful):
    model = GaussianMixture(2, means_init=[[2.0, 50.0], [4.0, 80.0]], random_state=0)
    assert model.fit(faithful).means_[0, 0] < model.means_[1, 0]


def test_lower_bound_belongs_to_the_returned_parameters(faithful):
    model = GaussianMixture(2, random_state=0).fit(faithful)
    assert model.lower_bound_ == pytest.approx(model.score(faithful), rel=1e-12)
    assert model.lower_bounds_[-1] == model.lower_bound_
    assert len(model.lower_bounds_) == model.n_iter_ + 1


def test_precisions_invert_the_covariances(faithful):
    model = GaussianMixture(2, random_state=0).fit(faithful)
    np.testing.assert_allclose(model.precisions_ @ model.covariances_, [np.eye(2)] * 2, atol=1e-9)


def test_all_starts_are_kept_and_the_best_is_chosen():
    x = load_faithful().values
    model = GaussianMixture(3, n_init=4, init_params="random_from_data", random_state=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.set_params(tol=1e-5).fit(x)
    assert len(model.results_) == 4
    assert model.result_.objective == max(r.objective for r in model.results_)


def test_sample_comes_from_the_fit(faithful):
    model = GaussianMixture(2, random_state=0).fit(faithful)
    x, z = model.sample(50_000)
    np.testing.assert_allclose(x.mean(axis=0), faithful.mean(axis=0), rtol=0.02)
    np.testing.assert_allclose(np.bincount(z) / 50_000, model.weights_, atol=0.01)
    with pytest.raises(ValueError, match="n_samples"):
        model.sample(0)


def test_clones_and_pickles(faithful):
    model = GaussianMixture(2, random_state=0).fit(faithful)
    revived = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(revived.predict(faithful), model.predict(faithful))
    assert clone(model).get_params() == model.get_params()


def test_iteration_limit_warns(faithful):
    with pytest.warns(ConvergenceWarning, match="Raise max_iter"):
        model = GaussianMixture(2, max_iter=2, random_state=0).fit(faithful)
    assert not model.converged_
    assert model.result_.stop is StopReason.MAX_ITER


def test_collapse_is_named_and_not_passed_off_as_a_fit():
    x = np.r_[np.zeros(20), np.random.default_rng(0).normal(10, 1, 50)][:, None]
    with pytest.warns(DegenerateWarning, match=r"component \d has collapsed"):
        model = GaussianMixture(2, random_state=0).fit(x)
    assert model.result_.stop is StopReason.DEGENERATE
    assert not model.converged_
    assert np.all(np.isfinite(model.covariances_))
    assert model.n_iter_ >= 2  # the floor holds, and EM goes on


def test_fewer_points_than_dimensions_is_named():
    x = np.random.default_rng(0).normal(size=(4, 6))
    with pytest.warns(DegenerateWarning, match="collapsed"):
        GaussianMixture(1).fit(x)


def test_a_sound_start_wins_over_a_collapsed_one():
    rng = np.random.default_rng(5)
    x = np.r_[np.full(4, 30.0), rng.normal(0, 1, 60), rng.normal(8, 1, 60)][:, None]
    model = GaussianMixture(2, n_init=12, init_params="random_from_data", random_state=0).fit(x)
    stops = {result.stop for result in model.results_}
    assert stops == {StopReason.CONVERGED, StopReason.DEGENERATE}
    assert model.converged_
    assert model.result_.objective < max(r.objective for r in model.results_)


def test_a_start_that_cannot_be_used_does_not_lose_the_others():
    x = np.r_[np.zeros(30), np.random.default_rng(0).normal(0, 1, 20)][:, None]
    model = GaussianMixture(
        2, covariance_floor=0, n_init=10, init_params="random_from_data", random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)
        model.fit(x)
    assert 1 <= len(model.results_) < 10


def test_an_absurd_start_ends_at_the_maximum_all_the_same(faithful):
    far = {
        "weights_init": [0.4, 0.6],
        "means_init": [[-1e5, -1e5]] * 2,
        "precisions_init": [np.eye(2)] * 2,
    }
    model = GaussianMixture(2, **far).fit(faithful)
    np.testing.assert_allclose(model.result_.objective, -1130.2639602, atol=1e-3)
    x = make_20_40().values
    far = {
        "weights_init": [0.4, 0.6],
        "means_init": [[-1e4], [-1e4 - 0.01]],
        "precisions_init": [np.eye(1)] * 2,
    }
    model = GaussianMixture(2, **far).fit(x)
    np.testing.assert_allclose(model.result_.objective, -35850.364937, atol=1e-3)


def test_a_start_below_the_floor_is_lifted_onto_it(faithful):
    waiting = faithful[:, 1:]
    model = GaussianMixture(
        2,
        weights_init=[1 / 272, 271 / 272],
        means_init=[[96.0], [waiting.mean()]],
        precisions_init=[[[1e14]], [[1 / waiting.var()]]],
    )
    with pytest.warns(DegenerateWarning, match="component 0 has collapsed"):
        model.fit(waiting)
    assert model.covariances_.min() == pytest.approx(1e-8 * waiting.var())
    assert np.all(np.diff(model.lower_bounds_) > -1e-9)


def test_rounded_weights_are_no_reason_for_alarm(faithful):
    fitted = GaussianMixture(2, random_state=0).fit(faithful)
    again = GaussianMixture(
        2,
        weights_init=fitted.weights_.round(6) + np.array([0, 1e-6]),
        means_init=fitted.means_,
        precisions_init=fitted.precisions_,
    ).fit(faithful)
    assert again.converged_
    np.testing.assert_allclose(again.means_, fitted.means_, rtol=1e-4)


@pytest.mark.parametrize("distance", [1e2, 1e3, 5e3])
def test_clusters_far_apart_are_no_collapse(distance):
    rng = np.random.default_rng(0)
    x = np.r_[rng.normal(0, 1, 100), rng.normal(distance, 1, 100)][:, None]
    model = GaussianMixture(2, random_state=0).fit(x)
    assert model.converged_
    groups = [x[:100].std(), x[100:].std()]
    order = np.argsort(model.means_[:, 0])
    np.testing.assert_allclose(np.sqrt(model.covariances_[order, 0, 0]), groups, rtol=1e-4)


def test_collinear_features_are_named_and_no_false_alarm():
    t = np.random.default_rng(0).normal(size=(5000, 1))
    with pytest.warns(DegenerateWarning, match="depend linearly"):
        model = GaussianMixture(2, random_state=0).fit(np.c_[t, 2 * t])
    assert model.result_.stop is StopReason.DEGENERATE


@pytest.mark.parametrize("correlation", [0.9, 0.9999, 0.999999])
def test_correlated_features_are_confirmed(correlation):
    rng = np.random.default_rng(1)
    root = np.linalg.cholesky([[1, correlation], [correlation, 1]])
    x = np.concatenate([rng.normal(size=(200, 2)) @ root.T + c for c in ([0, 0], [4, 3.8])])
    model = GaussianMixture(2, random_state=0).fit(x)
    assert model.result_.confirmed


def test_the_trace_is_in_the_units_of_the_data(faithful):
    model = GaussianMixture(2, random_state=0).fit(faithful)
    trace = model.result_.trace
    for params, objective in zip(trace.params, trace.objective, strict=True):
        assert mixture.log_density(params, faithful).sum() == pytest.approx(objective, rel=1e-9)


def test_tol_is_per_sample():
    x = make_2_9().values
    model = GaussianMixture(2, tol=1e-6, random_state=0).fit(x)
    missing = -4401.035671448106 - model.result_.objective
    assert 1e-5 < missing < 2 * 1e-6 * len(x)


def test_random_state_makes_starts_and_samples_repeatable(faithful):
    first, second = (
        GaussianMixture(3, init_params="random_from_data", tol=1e-4, random_state=3).fit(faithful)
        for _ in range(2)
    )
    np.testing.assert_array_equal(first.means_, second.means_)
    np.testing.assert_array_equal(first.sample(5)[0], second.sample(5)[0])
    others = {
        GaussianMixture(3, init_params="random_from_data", tol=1e-4, random_state=s)
        .fit(faithful)
        .lower_bounds_[0]
        for s in range(4)
    }
    assert len(others) > 1


def test_weights_init_alone_is_used(faithful):
    model = GaussianMixture(2, weights_init=[0.9, 0.1], max_iter=1, random_state=0)
    with pytest.warns(ConvergenceWarning):
        model.fit(faithful)
    np.testing.assert_allclose(model.result_.trace.params[0].weights, [0.9, 0.1])


def test_every_chosen_point_keeps_its_component():
    x = np.repeat([[0.0], [1.0]], [50, 3], axis=0)  # several points in one place
    for seed in range(20):
        r = STARTS["random_from_data"](x, 6, np.random.default_rng(seed), None)
        assert np.all(r.sum(axis=0) >= 1)
        np.testing.assert_array_equal(r.sum(axis=1), 1)


GOOD = np.random.default_rng(0).normal(size=(10, 2))


def spoiled(value):
    x = GOOD.copy()
    x[3, 1] = value
    return x


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (spoiled(np.inf), "infinity"),
        (spoiled(1e160), r"row 3, feature 1.*Rescale"),
        (np.empty((0, 2)), "0 sample"),
        (np.empty((5, 0)), "0 feature"),
        (GOOD[:1], "one point has no spread"),
        (np.arange(10.0), "Reshape your data"),
        (GOOD[None], "dim 3"),
        ([["a", "b"], ["c", "d"]], "data must be real numbers"),
        (np.ones((10, 2)), "features 0, 1 are constant"),
        (np.c_[GOOD[:, 0], np.full(10, 7.0)], "feature 1 is constant"),
        ([[1.0, 2.0], [3.0]], "all rows equally long"),
        (GOOD * 1e-145, "varies by only"),
    ],
)
def test_bad_data_are_refused_with_a_reason(x, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixture(1).fit(x)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_components": 11}, "use fewer"),
        ({"n_components": 0}, "n_components must be a whole number"),
        ({"n_components": 1.5}, "n_components must be a whole number"),
        ({"n_init": 0}, "n_init must be"),
        ({"max_iter": -1}, "max_iter must be"),
        ({"tol": -1.0}, "tol must be"),
        ({"tol": "small"}, "tol must be"),
        ({"covariance_floor": -1.0}, "covariance_floor must be"),
        ({"init_params": "magic"}, "init_params must be one of"),
        ({"n_components": 2, "weights_init": [0.5, 0.6]}, "must sum to 1"),
        ({"n_components": 2, "weights_init": [1.0]}, r"shape \(2,\)"),
        ({"n_components": 2, "means_init": [[0.0], [1.0]]}, r"shape \(2, 2\)"),
        ({"precisions_init": [[[np.nan, 0], [0, 1]]]}, "finite"),
        ({"precisions_init": [[[0.0, 0], [0, 0]]]}, "precisions_init"),
        ({"precisions_init": [[[-1.0, 0], [0, 1]]]}, "precisions_init"),
    ],
)
def test_bad_settings_are_refused_with_a_reason(settings, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixture(**settings).fit(GOOD)


def test_new_data_are_checked_too(faithful):
    model = GaussianMixture(2, random_state=0)
    with pytest.raises(NotFittedError):
        model.predict(faithful)
    model.fit(faithful)
    with pytest.raises(ValueError, match="2 features"):
        model.predict(faithful[:, :1])
    with pytest.raises(ValueError, match="infinity"):
        model.score_samples(spoiled(np.inf))


# At home in scikit-learn


def test_every_covariance_type_has_scikit_learns_shapes(faithful):
    for kind in FORMS:
        ours = GaussianMixture(2, covariance_type=kind, random_state=0).fit(faithful)
        theirs = SklearnMixture(
            2,
            covariance_type=kind,
            reg_covar=0,
            weights_init=ours.weights_,
            means_init=ours.means_,
            precisions_init=ours.precisions_,
        ).fit(faithful)
        for name in ("covariances_", "precisions_", "precisions_cholesky_"):
            left, right = getattr(ours, name), getattr(theirs, name)
            np.testing.assert_allclose(left, right, rtol=1e-2, atol=1e-4, err_msg=name)
        np.testing.assert_allclose(ours.bic(faithful), theirs.bic(faithful), rtol=1e-5)
        np.testing.assert_allclose(ours.aic(faithful), theirs.aic(faithful), rtol=1e-5)
        assert ours.sample(3)[0].shape == (3, 2)


@pytest.mark.parametrize("kind", FORMS)
def test_reg_covar_means_what_it_means_in_scikit_learn(faithful, kind):
    first = GaussianMixture(2, covariance_type=kind, random_state=0, tol=1e-3).fit(faithful)
    settings = {
        "covariance_type": kind,
        "reg_covar": 0.03,
        "weights_init": [0.5, 0.5],
        "means_init": [[2.0, 50.0], [4.0, 80.0]],
        "precisions_init": first.precisions_,
        "max_iter": 7,
        "tol": 0,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        ours = GaussianMixture(2, **settings).fit(faithful)
        theirs = SklearnMixture(2, **settings).fit(faithful)
    np.testing.assert_allclose(ours.means_, theirs.means_, rtol=1e-8)
    np.testing.assert_allclose(ours.covariances_, theirs.covariances_, rtol=1e-8)


@pytest.mark.parametrize("kind", FORMS)
def test_sample_weights_are_repetitions(faithful, kind):
    rng = np.random.default_rng(0)
    w = rng.integers(0, 3, size=len(faithful))
    start = {
        "covariance_type": kind,
        "means_init": [[2.0, 50.0], [4.0, 80.0]],
        "random_state": 0,
        "tol": 1e-12,
    }
    weighted = GaussianMixture(2, **start).fit(faithful, sample_weight=w)
    repeated = GaussianMixture(2, **start).fit(np.repeat(faithful, w, axis=0))
    np.testing.assert_allclose(weighted.means_, repeated.means_, rtol=1e-5)
    np.testing.assert_allclose(weighted.covariances_, repeated.covariances_, rtol=1e-4, atol=1e-4)
    assert weighted.lower_bound_ == pytest.approx(repeated.lower_bound_, rel=1e-8)
    assert weighted.score(faithful, sample_weight=w) == pytest.approx(weighted.lower_bound_)


@pytest.mark.parametrize("kind", FORMS)
def test_steps_on_files_are_steps_on_all_of_the_data(faithful, kind):
    settings = {"covariance_type": kind, "random_state": 0, "init_params": "k-means++"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        first, whole = (
            GaussianMixture(2, max_iter=n, tol=0, **settings).fit(faithful) for n in (1, 4)
        )
    for _ in range(3):
        parts = [first.e_step(part) for part in (faithful[:100], faithful[100:])]
        statistics = parts[0][0] + parts[1][0]
        log_likelihood = parts[0][1] + parts[1][1]
        assert log_likelihood == pytest.approx(first.score(faithful) * len(faithful))
        first.m_step(statistics)
    np.testing.assert_allclose(first.means_, whole.means_, rtol=1e-9)
    np.testing.assert_allclose(first.covariances_, whole.covariances_, rtol=1e-8)
    np.testing.assert_allclose(first.precisions_, whole.precisions_, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("kind", FORMS)
def test_statistics_of_an_estimator_are_those_of_the_data(faithful, kind):
    family = FORMS[kind]()
    model = GaussianMixture(2, covariance_type=kind, random_state=0).fit(faithful)
    statistics, _ = model.e_step(faithful)
    r = model.predict_proba(faithful)
    about_zero = statistics.about(0.0)
    np.testing.assert_allclose(about_zero.sum_x, r.T @ faithful, rtol=1e-10)
    theirs = mixture.statistics(r, faithful, family)
    np.testing.assert_allclose(about_zero.sum_xx, theirs.sum_xx, rtol=1e-10)
    # So they mix with those of the functions, and of a model that was fitted to other data.
    np.testing.assert_allclose(mixture.m_step(statistics, family).means, model.means_, rtol=1e-5)
    other = GaussianMixture(2, covariance_type=kind, random_state=0).fit(3 * faithful + 1)
    end = other.m_step(theirs).means_
    np.testing.assert_allclose(end, model.means_, rtol=1e-5)


def test_all_results_have_their_components_in_one_order():
    x = make_20_40().values
    model = GaussianMixture(2, n_init=6, init_params="random_from_data", random_state=0).fit(x)
    for result in model.results_:
        np.testing.assert_allclose(result.params.means, model.means_, atol=1e-2)
        np.testing.assert_array_equal(result.params.means, result.trace.params[-1].means)
        assert mixture.log_density(result.params, x).sum() == pytest.approx(result.objective)


def test_warm_start_goes_on_where_the_last_fit_stopped(faithful):
    model = GaussianMixture(3, max_iter=5, warm_start=True, random_state=0)
    with pytest.warns(ConvergenceWarning):
        model.fit(faithful)
    reached = model.lower_bound_
    model.set_params(max_iter=2000).fit(faithful)
    assert model.lower_bounds_[0] == pytest.approx(reached)
    assert model.converged_
    # With another number of components there is nothing to go on from.
    assert model.set_params(n_components=2).fit(faithful).means_.shape == (2, 2)


def test_acceleration_finds_the_same_maximum_in_fewer_steps(faithful):
    plain, leaping = (
        GaussianMixture(3, covariance_type="diag", accelerate=a, random_state=0).fit(faithful)
        for a in (False, True)
    )
    assert leaping.result_.n_steps < plain.result_.n_steps / 2
    assert leaping.lower_bound_ == pytest.approx(plain.lower_bound_, abs=1e-6)


def test_responsibilities_may_start_it(faithful):
    r = np.eye(2)[(faithful[:, 0] > 3).astype(int)]
    model = GaussianMixture(2, responsibilities_init=r).fit(faithful)
    first = model.result_.trace.params[0]
    np.testing.assert_allclose(first.means[0], faithful[r[:, 0] == 1].mean(axis=0))
    with pytest.raises(ValueError, match="responsibilities_init"):
        GaussianMixture(2, responsibilities_init=r[:5]).fit(faithful)


def test_icl_is_bic_and_the_uncertainty_of_the_labels(faithful):
    model = GaussianMixture(2, random_state=0).fit(faithful)
    r = model.predict_proba(faithful)
    labels = model.predict(faithful)
    expected = model.bic(faithful) - 2 * np.log(r[np.arange(len(r)), labels]).sum()
    assert model.icl(faithful) == pytest.approx(expected)
    assert model.icl(faithful) > model.bic(faithful)


def test_verbose_shows_progress(faithful, capsys):
    GaussianMixture(2, verbose=1, random_state=0).fit(faithful)
    assert "iterations" in capsys.readouterr().err


def test_pipelines_searches_frames_and_float32(faithful):
    search = GridSearchCV(
        make_pipeline(StandardScaler(), GaussianMixture(random_state=0, tol=1e-5)),
        {"gaussianmixture__n_components": [1, 2]},
        cv=3,
    ).fit(faithful)
    assert search.best_params_ == {"gaussianmixture__n_components": 2}
    exact = GaussianMixture(2, random_state=0).fit(faithful)
    table = pd.DataFrame(faithful, columns=["eruptions", "waiting"])
    from_frame = GaussianMixture(2, random_state=0).fit(table)
    assert list(from_frame.feature_names_in_) == list(table.columns)
    for other in (
        from_frame,
        GaussianMixture(2, random_state=0).fit(np.asfortranarray(faithful)),
        GaussianMixture(2, random_state=0).fit(faithful.astype(np.float32)),
    ):
        np.testing.assert_allclose(other.means_, exact.means_, rtol=1e-4)
    features = from_frame.set_output(transform="pandas").transform(table)
    assert list(features.columns) == ["gaussianmixture0", "gaussianmixture1"]
    np.testing.assert_allclose(features, from_frame.predict_proba(table))


def test_masked_entries_are_refused(faithful):
    masked = np.ma.masked_greater(faithful, 90)
    with pytest.raises(ValueError, match="masked"):
        GaussianMixture(2).fit(masked)


@pytest.mark.parametrize("seed", range(10))
def test_given_means_decide_the_rest_whatever_the_seed(seed):
    galaxies = load_galaxies().values / 1000
    means = np.quantile(galaxies, [0.125, 0.375, 0.625, 0.875], axis=0)
    fits = [
        GaussianMixture(4, means_init=means, random_state=random_state).fit(galaxies)
        for random_state in (99, seed)
    ]
    np.testing.assert_array_equal(fits[0].means_, fits[1].means_)


def test_drawn_components_are_matched_with_given_weights():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 1, 900), rng.normal(8, 1, 100)])[:, None]
    for seed in range(6):
        model = GaussianMixture(2, weights_init=[0.1, 0.9], random_state=seed).fit(x)
        np.testing.assert_allclose(model.weights_, [0.1, 0.9], atol=0.02)


@pytest.mark.parametrize(
    ("form", "given"),
    [
        ("spherical", {"precisions_init": [1.0, 100.0, 0.25], "hold": "covariances"}),
        ("diag", {"precisions_init": [[1.0], [100.0], [0.25]], "hold": "covariances"}),
        ("spherical", {"weights_init": [0.2, 0.3, 0.5], "hold": "weights"}),
    ],
)
def test_components_without_labels_are_matched_with_what_is_given(form, given):
    # The oracle: the same likelihood, written once more, climbed by scipy from the truth.
    rng = np.random.default_rng(0)
    weights, means, sd = np.array([0.2, 0.3, 0.5]), np.array([0.0, 6, 12]), np.array([1, 0.1, 2])
    z = np.repeat([0, 1, 2], [36, 54, 90])
    x = means[z] + sd[z] * rng.normal(size=180)
    labels = np.where((z == 0) & (rng.random(180) < 0.5), 0, -1)

    def log_likelihood(free):
        m, log_sd, log_w = np.split(free, 3)
        log_sd = np.log(sd) if given["hold"] == "covariances" else log_sd
        log_w = np.log(weights) if given["hold"] == "weights" else log_w - logsumexp(log_w)
        joint = log_w + norm.logpdf(x[:, None], m, np.exp(log_sd))
        return np.where(labels == 0, joint[:, 0], logsumexp(joint, axis=1)).sum()

    truth = np.concatenate([means, np.log(sd), np.log(weights)])
    expected = -minimize(lambda free: -log_likelihood(free), truth).fun
    for seed in range(4):
        model = GaussianMixture(3, covariance_type=form, **given, random_state=seed)
        model.fit(x[:, None], labels=labels)
        assert model.result_.objective == pytest.approx(expected, abs=1e-4)


def test_what_is_drawn_about_given_means_stays_with_them():
    # Weights that suit the other component better do not make what is drawn change places.
    rng = np.random.default_rng(0)
    x = np.concatenate([0.1 * rng.normal(size=30), 10 + 3 * rng.normal(size=270)])[:, None]
    start = {"means_init": [[0.3], [9.0]], "weights_init": [0.9, 0.1]}
    with pytest.warns(ConvergenceWarning):
        model = GaussianMixture(2, **start, max_iter=0).fit(x)
    near = np.abs(x[:, 0] - 0.3) < np.abs(x[:, 0] - 9.0)
    expected = [x[near].var(), x[~near].var()]
    np.testing.assert_allclose(model.covariances_.ravel(), expected, rtol=1e-9)


@pytest.mark.parametrize("unit", [1e-9, 1e-3, 1.0, 1e6])
def test_results_do_not_depend_on_the_unit_of_the_weights(unit):
    x = load_faithful().values
    start = {"weights_init": [0.5, 0.5], "means_init": [[3.4, 71.0], [3.5, 72.0]]}
    one = GaussianMixture(2, **start, random_state=0).fit(x)
    scaled = GaussianMixture(2, **start, random_state=0).fit(x, sample_weight=np.full(len(x), unit))
    assert scaled.result_.confirmed is one.result_.confirmed is True
    np.testing.assert_allclose(scaled.means_, one.means_, rtol=1e-6)
    np.testing.assert_allclose(scaled.result_.objective, unit * one.result_.objective, rtol=1e-9)
    np.testing.assert_allclose(scaled.lower_bound_, one.lower_bound_, rtol=1e-9)


def test_a_fit_that_fails_leaves_a_mixture_as_it_was():
    x = np.array([[0, 1], [0, 1], [1, 0], [1, 2], [1, 2]])
    model = CategoricalMixture(2, random_state=0).fit(x)
    before = model.score(x)
    with pytest.raises(ValueError, match="n_components=9"):
        model.set_params(n_components=9).fit(np.hstack([x, x]))
    assert model.score(x) == before
    assert model.n_features_in_ == 2


def test_all_labels_known_is_a_gaussian_per_class():
    iris = load_iris()
    model = GaussianMixture(3, random_state=0).fit(iris.data, labels=iris.target)
    groups = [iris.data[iris.target == k] for k in range(3)]
    np.testing.assert_allclose(model.means_, [g.mean(axis=0) for g in groups], rtol=1e-9)
    np.testing.assert_allclose(model.covariances_, [np.cov(g.T, bias=True) for g in groups])
    expected = sum(
        multivariate_normal(g.mean(axis=0), np.cov(g.T, bias=True)).logpdf(g).sum()
        + len(g) * np.log(1 / 3)
        for g in groups
    )
    np.testing.assert_allclose(model.result_.objective, expected, rtol=1e-9)


@pytest.mark.parametrize("kind", FORMS)
def test_what_some_labels_say_is_added_to_the_likelihood(kind):
    iris = load_iris()
    labels = np.where(np.arange(150) % 5 == 0, iris.target, -1)
    model = GaussianMixture(3, covariance_type=kind, random_state=0)
    model.fit(iris.data, labels=labels)
    joint = model.score_samples(iris.data)[:, None] + np.log(model.predict_proba(iris.data))
    known = labels >= 0
    expected = joint[known, labels[known]].sum() + model.score_samples(iris.data[~known]).sum()
    np.testing.assert_allclose(model.result_.objective, expected, rtol=1e-9)
    assert np.mean(model.predict(iris.data) == iris.target) > 0.85
    assert model.result_.confirmed


@pytest.mark.parametrize("seed", range(5))
def test_one_label_a_component_names_it_whatever_the_seed(seed, faithful):
    labels = np.full(len(faithful), -1)
    labels[[faithful[:, 0].argmax(), faithful[:, 0].argmin()]] = 0, 1
    model = GaussianMixture(2, random_state=seed).fit(faithful, labels=labels)
    assert model.means_[0, 0] > 4 > 2.5 > model.means_[1, 0]
    weights = np.ones(len(faithful))
    weights[:5] = 0
    again = GaussianMixture(2, random_state=seed).fit(faithful, None, weights, labels)
    other = GaussianMixture(2, random_state=seed).fit(faithful[5:], labels=labels[5:])
    np.testing.assert_allclose(again.means_, other.means_)
    for wrong in (labels[1:], labels + 3, labels + 0.5, ["a"] * len(labels)):
        with pytest.raises(ValueError, match="labels must be"):
            model.fit(faithful, labels=wrong)


@pytest.mark.parametrize("kind", FORMS)
def test_a_weight_is_a_number_of_copies_in_every_criterion(kind, faithful):
    model = GaussianMixture(2, covariance_type=kind, random_state=0).fit(faithful)
    weights = np.arange(len(faithful)) % 4
    copies = np.repeat(faithful, weights, axis=0)
    for criterion in (model.aic, model.bic, model.icl):
        np.testing.assert_allclose(criterion(faithful, weights), criterion(copies), rtol=1e-12)


def test_without_iterations_the_start_is_the_result(faithful):
    start = {"weights_init": [0.3, 0.7], "means_init": faithful[:2]}
    start["precisions_init"] = np.array([np.eye(2), np.eye(2) / 9])
    model = GaussianMixture(2, max_iter=0, **start)
    with pytest.warns(ConvergenceWarning, match="0 iterations"):
        model.fit(faithful)
    np.testing.assert_allclose(model.means_, faithful[:2])
    np.testing.assert_allclose(model.precisions_, start["precisions_init"])


def test_a_sample_repeats_with_its_own_seed(faithful):
    model = GaussianMixture(2, random_state=0).fit(faithful)
    one, same, other = (model.sample(5, random_state=seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert np.all(one != other)


def interrupt(monkeypatch, number):
    """Let the E-step of this number be interrupted; returns the list of all calls."""
    calls, expectations = [], mixture.engine.expectations

    def interrupted(*args, **options):
        calls.append(args)
        if len(calls) == number:
            raise KeyboardInterrupt
        return expectations(*args, **options)

    monkeypatch.setattr(mixture.engine, "expectations", interrupted)
    return calls


def test_ctrl_c_leaves_a_fit_of_what_was_found(faithful, monkeypatch):
    interrupt(monkeypatch, 8)
    model = GaussianMixture(2, random_state=0, n_init=5)
    with pytest.raises(KeyboardInterrupt, match="interrupted"):
        model.fit(faithful)
    assert model.result_.stop is StopReason.INTERRUPTED
    assert 1 < len(model.result_.trace) <= 7
    assert model.predict(faithful).shape == (len(faithful),)


def test_ctrl_c_ends_a_fit_that_rests_on_its_floor(faithful, monkeypatch):
    calls = interrupt(monkeypatch, 3)
    with pytest.raises(KeyboardInterrupt, match="interrupted"):
        GaussianMixture(2, covariance_floor=1.0, n_init=3, random_state=0).fit(faithful)
    assert len(calls) == 3


def test_a_start_given_outside_the_range_of_its_family_is_named():
    counts = np.array([[1.0], [2.0], [9.0]])
    for rates in ([[-1.0], [2.0]], [[1.0], [-2.0]]):
        with pytest.raises(ValueError, match="rates must not be negative: found -"):
            Mixture(2, family=Poisson(), components_init=(rates,)).fit(counts)


DAYS = pd.date_range("2020-01-01", periods=6).to_series()


@pytest.mark.parametrize(
    "x",
    [
        pd.DataFrame({"day": DAYS, "other": DAYS.shift(1)}),  # its NaT would be -9.2e18
        pd.DataFrame({"day": DAYS, "value": np.arange(6.0)}),
        DAYS.to_numpy()[:, None],
        np.arange(6)[:, None].astype("timedelta64[s]"),
        [[np.datetime64("2020-01-01")], [np.datetime64("2020-01-05")]],
    ],
    ids=["NaT", "mixed", "dates", "times", "list"],
)
@pytest.mark.parametrize("model", [GaussianMixture(), PoissonMixture(), GaussianImputer()])
def test_dates_are_not_read_as_the_ticks_of_a_clock(model, x):
    with pytest.raises(TypeError, match="must be numbers, not a date"):
        model.fit(x)


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_a_matrix_is_told_to_become_an_array(faithful):
    with pytest.raises(TypeError, match="matrix is not supported"):
        GaussianMixture(2).fit(np.matrix(faithful))


def test_a_ridge_is_in_the_units_of_the_data_in_every_estimator():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 1, (100, 1)), rng.normal(40, 1, (100, 1))])
    theirs = SklearnMixture(2, reg_covar=0.1, random_state=0, tol=1e-12).fit(x).covariances_.ravel()
    for model in (
        GaussianMixture(2, reg_covar=0.1, random_state=0),
        Mixture(2, family=Full(ridge=0.1), random_state=0),
        HMM(2, family=Full(ridge=0.1), random_state=0),
    ):
        ours = model.fit(x).covariances_.ravel()
        np.testing.assert_allclose(np.sort(ours), np.sort(theirs), rtol=1e-6)
    one = Mixture(1, family=Full(ridge=0.1)).fit(x)
    assert one.covariances_[0, 0, 0] == pytest.approx(x.var() + 0.1)


def test_a_model_that_was_not_fitted_takes_steps_too(faithful):
    fitted = GaussianMixture(2, random_state=0).fit(faithful)
    model = fitted.marginal([1])
    start = mixture.MixtureParams(model.weights_, model.means_, model.covariances_)
    expected = mixture.m_step(mixture.e_step(start, faithful[:, [1]])[0])
    model.m_step(model.e_step(faithful[:, [1]])[0])
    np.testing.assert_allclose(model.covariances_, expected.covariances)
    model.set_params(prior=Prior())
    with pytest.raises(ValueError, match="fit first"):
        fitted.marginal([1]).set_params(prior=Prior()).m_step(model.e_step(faithful[:, [1]])[0])


def test_a_marginal_and_a_conditional_know_the_names_of_their_features(faithful):
    frame = pd.DataFrame(np.c_[faithful, faithful[:, 0] ** 2], columns=["a", "b", "c"])
    model = GaussianMixture(2, random_state=0).fit(frame)
    pair = model.marginal([2, 0])
    pair.predict(frame[["c", "a"]])
    rest = model.conditional([np.nan, 60.0, np.nan])
    assert rest.feature_names_in_.tolist() == ["a", "c"]
    with pytest.raises(ValueError, match="feature names"):
        pair.predict(frame[["a", "c"]])


def test_labels_are_part_of_a_step_and_of_predictions(faithful):
    labels = np.full(len(faithful), -1)
    labels[::7] = (faithful[::7, 0] > 3).astype(int)
    model = GaussianMixture(2, random_state=0).fit(faithful, labels=labels)
    statistics, log_likelihood = model.e_step(faithful, labels=labels)
    assert log_likelihood == pytest.approx(model.result_.objective, abs=1e-9)
    before = model.means_
    np.testing.assert_allclose(model.m_step(statistics).means_, before, rtol=1e-5)
    again = GaussianMixture(2, random_state=0).fit_predict(faithful, labels=labels)
    np.testing.assert_array_equal(again, model.predict(faithful))


def test_standard_errors_count_labels_and_refuse_what_is_held():
    rng = np.random.default_rng(0)
    z = rng.random(400) < 0.4
    x = np.where(z, rng.normal(2.5, 1, 400), rng.normal(0, 1, 400))[:, None]
    labels = np.where(np.arange(400) % 4 == 0, z.astype(int), -1)
    model = GaussianMixture(2, random_state=0, tol=1e-12).fit(x, labels=labels)
    errors = model.standard_errors(x, labels=labels)

    def log_likelihood(theta):
        weight, means, variances = theta[0], theta[1:3], theta[3:]
        joint = np.log([weight, 1 - weight]) + norm.logpdf(x, means, np.sqrt(variances))
        joint[(labels >= 0)[:, None] & (labels[:, None] != np.arange(2))] = -np.inf
        return logsumexp(joint, axis=1).sum()

    theta = np.r_[model.weights_[0], model.means_.ravel(), model.covariances_.ravel()]
    steps = 1e-4 * np.eye(5)
    hessian = [
        [
            sum(a * b * log_likelihood(theta + a * s + b * t) for a in (1, -1) for b in (1, -1))
            / 4e-8
            for s in steps
        ]
        for t in steps
    ]
    expected = np.sqrt(np.diag(np.linalg.inv(-np.array(hessian))))
    found = np.r_[errors.weights[0], errors.means.ravel(), errors.covariances.ravel()]
    np.testing.assert_allclose(found, expected, rtol=1e-3)
    held = GaussianMixture(2, means_init=model.means_, hold="means", random_state=0).fit(x)
    with pytest.raises(ValueError, match="held"):
        held.standard_errors(x)


def test_names_of_two_kinds_and_missing_values_of_pandas_are_named(faithful):
    frame = pd.DataFrame(faithful, columns=["eruption", 0])
    with pytest.raises(TypeError, match="string names"):
        GaussianMixture(2).fit(frame)
    table = pd.DataFrame({"a": [1, 2, pd.NA], "b": [3, 4, 7]})
    for model in (GaussianImputer(), GaussianMixture(), GaussianHMM(), PoissonHMM()):
        with pytest.raises(TypeError, match=r"column of objects.*Float64"):
            model.fit(table)
    with pytest.raises(TypeError, match="column of objects"):
        GaussianMixture(2, random_state=0).fit(faithful).conditional(table["a"])


def test_nullable_columns_of_pandas_are_numbers_with_holes(faithful):
    x = faithful[:100].copy()
    x[:30, 1] = np.nan
    frame = pd.DataFrame(x, columns=["a", "b"]).astype({"a": "Float64", "b": "Int64"})
    assert np.asarray(frame).dtype == object
    chain = GaussianHMM(1, covariance_type="diag").fit(frame)
    np.testing.assert_allclose(chain.means_, [np.nanmean(x, axis=0)], rtol=1e-3)
    np.testing.assert_allclose(chain.covars_, [np.nanvar(x, axis=0)], rtol=1e-3)
    imputer = GaussianImputer().fit(frame)
    for fitted in (imputer.transform, chain.predict):
        with pytest.raises(ValueError, match="feature names should match"):
            fitted(frame[["b", "a"]])
    with pytest.raises(ValueError, match="infinity"):
        GaussianImputer().fit(frame.assign(a=frame["a"].mask(frame["a"] > 4, np.inf)))
    model = GaussianMixture(2, random_state=0).fit(frame[30:])
    with pytest.raises(ValueError, match=r"x must be of shape \(2,\), got shape \(1, 2\)"):
        model.conditional(frame.iloc[[0]])
    plain = model.conditional(pd.Series(x[0], ["a", "b"]))
    np.testing.assert_array_equal(model.conditional(frame.iloc[0]).means_, plain.means_)
