"""Fits in any unit, from any place: finite, never falling, and at the maximum."""

import warnings

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as SklearnMixture

from emlib import DegenerateWarning, GaussianMixture, StopReason, em, mixture
from emlib.covariances import FORMS
from emlib.datasets import load_faithful, make_2_9, make_20_40
from emlib.mixture import MixtureParams
from tests.mixture.helpers import clusters, kinds, two_clusters


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


@pytest.mark.parametrize("distance", [1e2, 1e3, 5e3])
def test_clusters_far_apart_are_no_collapse(distance):
    rng = np.random.default_rng(0)
    x = np.r_[rng.normal(0, 1, 100), rng.normal(distance, 1, 100)][:, None]
    model = GaussianMixture(2, random_state=0).fit(x)
    assert model.converged_
    groups = [x[:100].std(), x[100:].std()]
    order = np.argsort(model.means_[:, 0])
    np.testing.assert_allclose(np.sqrt(model.covariances_[order, 0, 0]), groups, rtol=1e-4)


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


def test_acceleration_finds_the_same_maximum_in_fewer_steps(faithful):
    plain, leaping = (
        GaussianMixture(3, covariance_type="diag", accelerate=a, random_state=0).fit(faithful)
        for a in (False, True)
    )
    assert leaping.result_.n_steps < plain.result_.n_steps / 2
    assert leaping.lower_bound_ == pytest.approx(plain.lower_bound_, abs=1e-6)


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


@settings(max_examples=500, deadline=None)
@example(seed=100_000_000, kind="spherical", exponent=0, shift=33_554_431, d=2)
@given(
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(list(FORMS)),
    exponent=st.integers(-26, 26),
    shift=st.integers(-(10**8), 10**8),
    d=st.integers(1, 3),
)
def test_no_nan_no_fall_and_equivariance_whatever_the_units(seed, kind, exponent, shift, d):
    """Scales from 1e-8 to 1e8, means up to 1e8 standard deviations from zero."""
    x, scale = clusters(seed, d, n=25, distance=2.0), 2.0**exponent
    options = {"covariance_type": kind, "max_iter": 12, "tol": 0, "random_state": seed % 1000}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        here, there = (
            GaussianMixture(2, init_params="random_from_data", **options).fit(z)
            for z in (x, scale * (x + shift))
        )
    assert there.result_.stop is not StopReason.OBJECTIVE_FELL
    for value in (there.weights_, there.means_, there.covariances_, there.lower_bound_):
        assert np.all(np.isfinite(value))
    assert np.all(np.diff(there.lower_bounds_) >= -1e-8 * max(1, abs(there.lower_bound_)))
    # After as many steps: where steps are lost in rounding, one run may end a step earlier.
    traces = [model.result_.trace for model in (here, there)]
    n = min(end for t in traces for end in (len(t), *t.nudged_at))
    ours, theirs = (trace.params[n - 1] for trace in traces)
    np.testing.assert_allclose(theirs.weights, ours.weights, atol=1e-8)
    # A mean near 1e8 is known to 1e-8 only.
    atol = 1e-8 * np.abs(x).max() + 4 * np.finfo(float).eps * abs(shift)
    np.testing.assert_allclose(theirs.means / scale - shift, ours.means, atol=atol)
    largest = np.abs(ours.covariances).max()
    np.testing.assert_allclose(
        theirs.covariances / scale**2, ours.covariances, rtol=1e-8, atol=1e-8 * largest
    )


@pytest.mark.parametrize("scale", [1e-3, 1e-6, 1e-8])
def test_data_in_small_units_are_fitted_where_scikit_learn_gets_them_wrong(scale):
    x = scale * make_20_40().values
    ours = GaussianMixture(2, random_state=0).fit(x)
    np.testing.assert_allclose(np.sort(ours.means_[:, 0]) / scale, [20.08, 40.03], atol=0.01)
    np.testing.assert_allclose(
        np.sort(np.sqrt(ours.covariances_[:, 0, 0])) / scale, [4.985, 5.014], atol=0.01
    )
    if scale < 1e-4:
        theirs = SklearnMixture(2, random_state=0).fit(x)
        assert np.sqrt(theirs.covariances_.min()) / scale > 10  # the absolute reg_covar


@kinds
@pytest.mark.parametrize("mean", [1e6, 1e8])
def test_a_mean_far_from_zero_costs_no_digits(kind, mean):
    x = clusters(0)
    here, there = (
        GaussianMixture(2, covariance_type=kind, random_state=0, tol=1e-12).fit(z)
        for z in (x, x + np.round(mean))
    )
    np.testing.assert_allclose(there.weights_, here.weights_, rtol=1e-7)
    np.testing.assert_allclose(there.covariances_, here.covariances_, rtol=1e-6, atol=1e-7)


def test_a_falling_objective_raises_the_alarm_unless_a_ridge_explains_it():
    # scikit-learn's reg_covar is no exact M-step: the likelihood may fall, and nobody is to blame.
    x = load_faithful().values
    model = GaussianMixture(3, reg_covar=0.05, random_state=0, tol=1e-10).fit(x)
    assert model.result_.stop is StopReason.CONVERGED


def test_one_unreachable_point_does_not_spoil_the_others():
    model = GaussianMixture(2, random_state=0).fit(clusters(0) * 1e-9)
    scores = model.score_samples([[1e149, 0.0], [0.0, 0.0]])
    assert scores[0] == -np.inf
    assert np.isfinite(scores[1])


def test_tiny_sample_weights_are_no_empty_component():
    x = clusters(0)
    model = GaussianMixture(2, random_state=0).fit(x, sample_weight=np.full(len(x), 1e-8))
    assert model.converged_


def test_the_default_nudge_leaves_gaussian_statistics_usable():
    x = clusters(0)
    start = MixtureParams(np.full(2, 0.5), x[[0, -1]], np.stack([np.eye(2)] * 2))
    assert em(mixture.e_step, mixture.m_step, start, x).converged


@pytest.mark.parametrize("gap", [1e5, 1e7])
def test_narrow_components_far_apart_are_fitted(gap):
    rng = np.random.default_rng(0)
    parts = rng.normal(0, 1, (100, 1)), rng.normal(gap, 2, (100, 1))
    model = GaussianMixture(2, covariance_floor=1e-24, random_state=0).fit(np.concatenate(parts))
    order = model.means_[:, 0].argsort()
    variances = [part.var() for part in parts]
    np.testing.assert_allclose(model.covariances_[order, 0, 0], variances, rtol=1e-6)


@pytest.mark.parametrize("seed", [*range(5), 26, 36, 69, 80, 97, 99])
@pytest.mark.parametrize("x", ["a grid", "two groups"])
def test_no_saddle_of_equal_components_is_confirmed(x, seed):
    # Symmetric and light-tailed: EM leaves the saddle, but ever more slowly the nearer it is.
    rng = np.random.default_rng(35)
    grid = (np.arange(100.0) + 0.5) / 100
    groups = np.concatenate([rng.normal(-2, 1, 100), rng.normal(2, 1, 100)])
    data = (grid if x == "a grid" else groups)[:, None]
    saddle = {
        "weights_init": [0.5, 0.5],
        "means_init": [data.mean(axis=0)] * 2,
        "precisions_init": [[[1 / data.var()]]] * 2,
    }
    model = GaussianMixture(2, random_state=seed, **saddle).fit(data)
    assert abs(model.means_[0, 0] - model.means_[1, 0]) > 0.8 * data.std()


@pytest.mark.parametrize("hold", [np.array([0]), range(1), np.int64(0), {np.int32(0)}])
def test_numbers_of_components_to_hold_may_be_numpys(hold):
    x = two_clusters()[0]
    start = {"means_init": [[0, 0], [4, 4]], "precisions_init": [np.eye(2)] * 2}
    model = GaussianMixture(2, hold=hold, random_state=0, **start).fit(x)
    np.testing.assert_allclose(model.means_[0], 0, atol=1e-12)
    assert np.abs(model.means_[1] - 4).max() > 1e-3
