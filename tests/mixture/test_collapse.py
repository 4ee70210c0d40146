"""Collapse, and what is done against it: floors, ridges, priors, and words."""

import warnings

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture as SklearnMixture

from emlib import HMM, DegenerateWarning, GaussianMixture, Mixture, Prior, StopReason
from emlib.covariances import Full, Spherical
from tests.mixture.helpers import clusters, kinds


def test_collapse_is_named_and_not_passed_off_as_a_fit():
    x = np.r_[np.zeros(20), np.random.default_rng(0).normal(10, 1, 50)][:, None]
    with pytest.warns(DegenerateWarning, match=r"component \d has collapsed"):
        model = GaussianMixture(2, random_state=0).fit(x)
    assert model.result_.stop is StopReason.DEGENERATE
    assert not model.converged_
    assert np.all(np.isfinite(model.covariances_))
    assert model.n_iter_ >= 2  # the floor holds, and EM goes on


def test_collinear_features_are_named_and_no_false_alarm():
    t = np.random.default_rng(0).normal(size=(5000, 1))
    with pytest.warns(DegenerateWarning, match="depend linearly"):
        model = GaussianMixture(2, random_state=0).fit(np.c_[t, 2 * t])
    assert model.result_.stop is StopReason.DEGENERATE


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


@pytest.mark.parametrize("kind", ["full", "tied", "diag"])
def test_a_constant_feature_is_named(kind):
    x = np.c_[np.random.default_rng(0).normal(size=20), np.full(20, 3.0)]
    with pytest.raises(ValueError, match=r"feature 1 is constant.*Drop it"):
        GaussianMixture(1, covariance_type=kind).fit(x)


@kinds
@pytest.mark.parametrize("constant", [0.0, 0.1, 1e6])
def test_a_constant_feature_is_no_obstacle_where_something_makes_up_for_it(kind, constant):
    # A variance that features share, or to which a ridge is added; the peer is scikit-learn.
    ridge = None if kind == "spherical" else 1e-2
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(50, 2)), rng.normal(size=(50, 2)) + 5])
    x = np.c_[x, np.full(100, constant)]
    start = {"weights_init": [0.5, 0.5], "means_init": x[[0, 50]], "covariance_type": kind}
    ours = GaussianMixture(2, reg_covar=ridge, **start)
    if ridge is None:
        ours.fit(x)
    else:
        with pytest.warns(DegenerateWarning, match="constant"):
            ours.fit(x)
    start["means_init"] = start["means_init"] - [0, 0, constant]
    theirs = SklearnMixture(2, reg_covar=ridge or 0.0, tol=1e-12, max_iter=500, **start)
    theirs.fit(x - [0, 0, constant])  # scikit-learn does not centre, and loses digits
    np.testing.assert_allclose(ours.means_ - [0, 0, constant], theirs.means_, atol=1e-5)
    np.testing.assert_allclose(ours.covariances_, theirs.covariances_, rtol=1e-5, atol=1e-8)
    with pytest.raises(ValueError, match="are constant"):
        GaussianMixture(1, reg_covar=ridge, covariance_type=kind).fit(np.ones((20, 2)))


@pytest.mark.parametrize("kind", ["full", "tied"])
def test_fewer_points_than_dimensions_is_said(kind):
    x = np.random.default_rng(0).normal(size=(4, 6))
    with pytest.warns(DegenerateWarning, match="collapsed"):
        GaussianMixture(1, covariance_type=kind).fit(x)


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


@kinds
def test_a_ridge_helps_where_there_is_no_spread(kind):
    x = np.r_[np.full(50, -1.0), np.full(50, 1.0)][:, None]
    settings = {"covariance_type": kind, "reg_covar": 1e-2, "random_state": 0}
    if kind == "tied":
        match = "the covariance has collapsed.*hardly more than the ridge"
    else:
        match = "components 0, 1 have collapsed.*hardly more than the ridge"
    with pytest.warns(DegenerateWarning, match=match):
        ours = GaussianMixture(2, **settings).fit(x)
    theirs = SklearnMixture(2, **settings).fit(x)
    np.testing.assert_allclose(np.sort(ours.means_, 0), np.sort(theirs.means_, 0), atol=1e-6)
    np.testing.assert_allclose(ours.covariances_, theirs.covariances_, rtol=1e-6)


@kinds
def test_a_prior_does_not_mind_a_component_without_points(kind):
    x = clusters(1)
    far = {
        "weights_init": [0.5, 0.5],
        "means_init": [[0.0, 0.0], [1e4, 1e4]],
        "precisions_init": {
            "tied": np.eye(2),
            "diag": np.ones((2, 2)),
            "spherical": np.ones(2),
        }.get(kind, np.stack([np.eye(2)] * 2)),
    }
    model = GaussianMixture(2, covariance_type=kind, prior=Prior(), **far).fit(x)
    assert model.converged_
    assert np.isfinite(model.lower_bound_)


def test_the_floor_holds_under_a_prior():
    x = clusters(0, d=1)
    prior = Prior(degrees_of_freedom=500.0, scale=[[1e-3]])
    with pytest.warns(DegenerateWarning, match="floor"):
        model = GaussianMixture(2, prior=prior, covariance_floor=0.05, random_state=0).fit(x)
    assert model.covariances_.min() >= 0.05 * x.var() * (1 - 1e-9)


@pytest.mark.parametrize("ridge", [[1e-6, 1.0], [1.0, 1e-6]])
def test_a_ridge_for_each_feature_is_pooled_where_features_share_a_variance(ridge):
    # A variance of 0.001 beside 0.5, the mean of what is added.
    x = np.sqrt(0.001) * np.random.default_rng(0).normal(size=(200, 2))
    model = Mixture(1, family=Spherical(ridge=np.array(ridge)))
    with pytest.warns(DegenerateWarning, match="hardly more than the ridge"):
        model.fit(x)
    np.testing.assert_allclose(
        model.covariances_, [x.var(axis=0).mean() + np.mean(ridge)], rtol=1e-9
    )


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
        GaussianMixture(2, covariance_type=kind, reg_covar=reg_covar, random_state=0).fit(
            clusters(0, n=30)
        )
