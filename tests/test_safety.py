"""What breaks other libraries: odd units, far means, collapse, and input that is no data.

Each row of the table of known failures has its test: the right answer, or a message that says
what is wrong and what to do.
"""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.mixture import GaussianMixture as SklearnMixture

from emlib import DegenerateWarning, GaussianMixture, StopReason
from emlib.covariances import FORMS
from emlib.datasets import load_faithful, make_20_40
from emlib.starts import STARTS

kinds = pytest.mark.parametrize("kind", FORMS)


def clusters(seed, d=2, n=60, distance=4.0):
    """Points on a grid of powers of two, so that shifts and scales lose nothing."""
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.normal(size=(n, d)) + distance * i for i in range(2)])
    return np.round(x * 2**20) / 2**20


@settings(max_examples=2000, deadline=None)
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
    np.testing.assert_allclose(there.weights_, here.weights_, atol=1e-8)
    # A mean near 1e8 is known to 1e-8 only.
    atol = 1e-8 * np.abs(x).max() + 4 * np.finfo(float).eps * abs(shift)
    np.testing.assert_allclose(there.means_ / scale - shift, here.means_, atol=atol)
    largest = np.abs(here.covariances_).max()
    np.testing.assert_allclose(
        there.covariances_ / scale**2, here.covariances_, rtol=1e-8, atol=1e-8 * largest
    )


@pytest.mark.parametrize("scale", [1e-3, 1e-6, 1e-8])
def test_data_in_small_units_which_scikit_learn_gets_wrong(scale):
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


@kinds
def test_collapse_onto_one_point_names_the_component(kind):
    # With one covariance for all, no component can collapse alone.
    x = np.r_[np.full(20, 30.0), np.random.default_rng(0).normal(0, 1, 60)][:, None]
    model = GaussianMixture(2, covariance_type=kind, random_state=0)
    if kind == "tied":
        assert model.fit(x).result_.stop is StopReason.CONVERGED
        return
    with pytest.warns(DegenerateWarning, match=r"component \d has collapsed"):
        model.fit(x)
    assert np.all(np.isfinite(model.covariances_))


@kinds
def test_a_constant_feature_is_named(kind):
    x = np.c_[np.random.default_rng(0).normal(size=20), np.full(20, 3.0)]
    with pytest.raises(ValueError, match=r"feature 1 is constant.*Drop it"):
        GaussianMixture(1, covariance_type=kind).fit(x)


@pytest.mark.parametrize("kind", ["full", "tied"])
def test_fewer_points_than_dimensions_is_said(kind):
    x = np.random.default_rng(0).normal(size=(4, 6))
    with pytest.warns(DegenerateWarning, match="collapsed"):
        GaussianMixture(1, covariance_type=kind).fit(x)


def test_an_outlier_whose_square_overflows_is_named():
    x = np.random.default_rng(0).normal(size=(20, 2))
    x[7, 1] = 1e160
    with pytest.raises(ValueError, match=r"1e\+160 \(row 7, feature 1\).*Rescale"):
        GaussianMixture(1).fit(x)


def test_a_component_that_loses_all_its_points_is_brought_back_or_named():
    x = clusters(1)
    far = {
        "weights_init": [0.5, 0.5],
        "means_init": [[0.0, 0.0], [1e4, 1e4]],
        "precisions_init": [np.eye(2)] * 2,
    }
    model = GaussianMixture(2, **far).fit(x)
    np.testing.assert_allclose(np.sort(model.weights_), [0.5, 0.5], atol=0.05)
    with pytest.warns(DegenerateWarning, match="component 1 has lost all its points"):
        GaussianMixture(2, **far, max_iter=1).fit(x)


def test_a_falling_objective_raises_the_alarm_unless_a_ridge_explains_it():
    # scikit-learn's reg_covar is no exact M-step: the likelihood may fall, and nobody is to blame.
    x = load_faithful().values
    model = GaussianMixture(3, reg_covar=0.05, random_state=0, tol=1e-10).fit(x)
    assert model.result_.stop is StopReason.CONVERGED


@pytest.mark.parametrize("start", STARTS)
def test_20_40_is_recovered_from_every_seed(start):
    # scikit-learn's defaults recover it from none of the seeds with init_params="random".
    x = make_20_40().values
    for seed in range(100):
        model = GaussianMixture(2, init_params=start, random_state=seed).fit(x)
        np.testing.assert_allclose(np.sort(model.means_[:, 0]), [20.08, 40.03], atol=0.05)
