"""What breaks other libraries: odd units, far means, collapse, and input that is no data.

Each row of the table of known failures has its test: the right answer, or a message that says
what is wrong and what to do.
"""

import tracemalloc
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp
from scipy.stats import norm
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as SklearnMixture

from emlib import (
    BernoulliMixture,
    DegenerateWarning,
    GaussianMixture,
    Mixture,
    PoissonMixture,
    StopReason,
    em,
    mixture,
)
from emlib.covariances import FORMS, Spherical
from emlib.datasets import load_faithful, make_20_40
from emlib.families import Categorical, Poisson
from emlib.mixture import MixtureParams
from emlib.mixture.blocks import Blocks
from emlib.mixture.priors import Prior
from emlib.mixture.starts import STARTS

kinds = pytest.mark.parametrize("kind", FORMS)


def clusters(seed, d=2, n=60, distance=4.0):
    """Points on a grid of powers of two, so that shifts and scales lose nothing."""
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.normal(size=(n, d)) + distance * i for i in range(2)])
    return np.round(x * 2**20) / 2**20


@settings(max_examples=2000, deadline=None)
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
        assert model.result_.confirmed


# What a referee broke


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


@pytest.mark.parametrize(
    ("scale", "mean", "message"),
    [
        (-np.eye(2), None, "positive definite"),
        ([[1.0, 0.5], [0.0, 1.0]], None, "symmetric"),
        (np.ones(4), None, r"of shape \(2, 2\)"),
        (np.full((2, 2), np.nan), None, "finite"),
        (None, [np.nan, 0.0], "the prior's mean must be finite"),
    ],
)
def test_priors_that_make_no_sense_are_refused(scale, mean, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixture(2, prior=Prior(scale=scale, mean=mean)).fit(clusters(0))


@pytest.mark.parametrize(
    "params",
    [
        MixtureParams(np.ones(1), np.zeros((1, 2)), np.eye(2)[None]),
        MixtureParams(np.ones(1), np.zeros((1, 1)), np.eye(2)),
        MixtureParams(np.array([2.0, 3.0]), np.zeros((2, 1)), np.ones((2, 1, 1))),
        MixtureParams(np.ones(1), np.full((1, 1), np.nan), np.ones((1, 1, 1))),
    ],
)
def test_parameters_that_do_not_fit_the_data_are_refused(params):
    with pytest.raises(ValueError, match=r"need parameters of shape|must sum to 1|finite"):
        mixture.log_density(params, np.zeros((4, 1)))


def test_parameters_are_named_where_some_are_missing():
    with pytest.raises(ValueError, match="params must be a tuple of weights, means, covariances"):
        mixture.log_density((np.ones(1), np.zeros((1, 1))), np.zeros((4, 1)))


def test_counts_check_their_parameters_and_columns():
    with pytest.raises(ValueError, match="not be negative"):
        mixture.log_density((np.ones(1), -np.ones((1, 1))), np.ones((2, 1)), Poisson())
    with pytest.raises(ValueError, match="need 4 columns"):
        mixture.log_density((np.ones(1), np.ones((1, 3)) / 3), np.eye(3), Categorical((2, 2)))
    full, empty = [1.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, 0.0]
    family = Categorical((2, 2))
    statistics = mixture.statistics(np.eye(2), [empty, empty], family)
    with pytest.raises(ValueError, match="feature 1 has no counts"):
        mixture.m_step(statistics, family)
    # Where only one component has none, all tables are equally likely: the even one is as good.
    statistics = mixture.statistics(np.eye(2), [full, empty], family)
    np.testing.assert_allclose(mixture.m_step(statistics, family)[1], [full, [1, 0, 0.5, 0.5]])


def test_a_component_that_cannot_have_made_a_count_never_wins():
    rates = np.array([[0.0, 5000.0], [1.0, 1.0]])
    r = mixture.responsibilities((np.full(2, 0.5), rates), [[1.0, 5000.0]], Poisson())
    np.testing.assert_array_equal(r, [[0, 1]])
    one = (np.ones(1), np.zeros((1, 1)))
    assert mixture.log_density(one, [[1.0]], Poisson())[0] == -np.inf


def test_one_unreachable_point_does_not_spoil_the_others():
    model = GaussianMixture(2, random_state=0).fit(clusters(0) * 1e-9)
    scores = model.score_samples([[1e149, 0.0], [0.0, 0.0]])
    assert scores[0] == -np.inf
    assert np.isfinite(scores[1])


def test_warm_start_does_not_take_another_covariance_type():
    x = clusters(0)
    model = GaussianMixture(2, warm_start=True, random_state=0).fit(x)
    score = model.score(x)
    model.set_params(covariance_type="diag")
    assert model.score(x) == score  # settings change what is fitted next, not what was
    assert model.fit(x).covariances_.shape == (2, 2)


def test_tiny_sample_weights_are_no_empty_component():
    x = clusters(0)
    model = GaussianMixture(2, random_state=0).fit(x, sample_weight=np.full(len(x), 1e-8))
    assert model.converged_


def test_responsibilities_init_goes_with_zero_weights():
    x = clusters(0)
    r, w = np.eye(2)[(x[:, 0] > 2).astype(int)], np.ones(len(x))
    w[:3] = 0
    model = GaussianMixture(2, responsibilities_init=r, random_state=0).fit(x, sample_weight=w)
    expected = GaussianMixture(2, responsibilities_init=r[3:], random_state=0).fit(x[3:])
    np.testing.assert_allclose(model.means_, expected.means_)


def test_standard_errors_away_from_a_maximum_are_refused():
    x = clusters(0, distance=2.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = GaussianMixture(2, max_iter=2, init_params="random", random_state=0).fit(x)
    with pytest.raises(ValueError, match="no proper maximum"):
        model.standard_errors(x)


def test_a_step_by_hand_forgets_what_was_said_of_the_fit():
    x = clusters(0)
    model = GaussianMixture(2, random_state=0).fit(x)
    model.m_step(model.e_step(x[:80])[0])
    assert not model.converged_
    assert not hasattr(model, "result_")


def test_what_is_remembered_of_blocks_is_not_passed_on():
    x, family = np.arange(6.0)[:, None], Poisson()
    params = (np.ones(1), np.full((1, 1), 2.0))
    data = Blocks(x, family)
    for _ in range(3):
        once = mixture.e_step(params, data, Poisson())[1]
    twice = mixture.e_step(params, replace(data, weights=np.full(6, 2.0)), family)[1]
    assert twice == pytest.approx(2 * once)


def test_many_components_need_no_more_memory_than_a_block():
    data = Blocks(np.random.default_rng(0).normal(size=(20_000, 1)))
    k = 500
    params = MixtureParams(np.full(k, 1 / k), np.linspace(-2, 2, k)[:, None], np.ones((k, 1, 1)))
    tracemalloc.start()
    mixture.e_step(params, data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 2**20


def test_the_default_nudge_leaves_gaussian_statistics_usable():
    x = clusters(0)
    start = MixtureParams(np.full(2, 0.5), x[[0, -1]], np.stack([np.eye(2)] * 2))
    assert em(mixture.e_step, mixture.m_step, start, x).converged


def two_clusters(seed=0):
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.normal(0, 1, (120, 2)), rng.normal(4, 1, (180, 2))])
    labels = np.full(300, -1)
    labels[:5], labels[120:125] = 0, 1
    return x, labels


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize(
    "start",
    [
        {},
        {"weights_init": [0.6, 0.4]},
        {"weights_init": [0.5, 0.5]},
        {"precisions_init": [np.eye(2), 3 * np.eye(2)]},
        {"warm_start": True},
        {"warm_start": True, "weights_init": [0.5, 0.5], "hold": "weights"},
    ],
)
def test_labels_name_the_components_whatever_else_is_given(start, swap):
    x, labels = two_clusters()
    if swap:
        labels = np.where(labels >= 0, 1 - labels, -1)
    model = GaussianMixture(2, random_state=0, **start)
    if "warm_start" in start:  # a fit whose order nobody has chosen
        model.fit(x)
    model.fit(x, labels=labels)
    assert (model.predict(x[labels >= 0]) == labels[labels >= 0]).all()
    held = {name: start[name] for name in start if "hold" in start and name != "warm_start"}
    best = GaussianMixture(2, random_state=0, **held).fit(x, labels=labels).lower_bound_
    assert model.lower_bound_ == pytest.approx(best, abs=1e-7)


@pytest.mark.parametrize("first", [0, 1])
def test_explicit_responsibilities_say_which_component_is_which(first):
    x = two_clusters()[0]
    r = np.eye(2)[np.repeat([first, 1 - first], [120, 180])]
    model = GaussianMixture(2, responsibilities_init=r, precisions_init=[np.eye(2)] * 2).fit(x)
    assert model.predict(x[[0, 200]]).tolist() == [first, 1 - first]


def test_every_result_has_the_objective_of_its_parameters_if_labels_are_known():
    rng = np.random.default_rng(57)
    z = rng.integers(3, size=150)
    x = 2 * rng.normal(size=(3, 2))[z] + rng.normal(size=(150, 2))
    labels = np.where(rng.random(150) < 0.06, z, -1)
    model = GaussianMixture(
        3, covariance_type="diag", n_init=6, init_params="random", random_state=0
    ).fit(x, labels=labels)
    for result in model.results_:
        weights, means, variances = result.params
        joint = np.log(weights) + norm.logpdf(x[:, None], means, np.sqrt(variances)).sum(axis=2)
        joint[(labels >= 0)[:, None] & (labels[:, None] != np.arange(3))] = -np.inf
        assert result.objective == pytest.approx(logsumexp(joint, axis=1).sum(), abs=1e-6)


def test_an_explicit_start_stays_its_users():
    x = np.random.default_rng(0).poisson(3, (50, 2))
    start = np.array([[1.0, 8.0], [3.0, 10.0]])
    model = PoissonMixture(2, rates_init=start, hold="rates", random_state=0).fit(x)
    start += 1
    np.testing.assert_array_equal(model.rates_, [[1, 8], [3, 10]])
    model.rates_ += 7
    np.testing.assert_array_equal(start, [[2, 9], [4, 11]])
    np.testing.assert_array_equal(model.result_.params[1], [[1, 8], [3, 10]])


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


def test_a_warm_start_goes_on_with_what_is_not_held():
    x = two_clusters()[0][:60]
    model = GaussianMixture(2, warm_start=True, weights_init=[0.5, 0.5], hold="weights")
    model.set_params(max_iter=5, random_state=0)
    ends = []
    for _ in range(4):
        with pytest.warns(ConvergenceWarning):
            ends.append(model.fit(x).lower_bound_)
    assert (np.diff(ends) > 0).all()
    np.testing.assert_array_equal(model.weights_, 0.5)


@pytest.mark.parametrize("hold", ["weights", ()])
@pytest.mark.parametrize("seed", [17, 46, 50, 201])
def test_a_warm_start_with_the_same_labels_does_not_fall(seed, hold):
    # Of labels at random, the component that claims most points need not be the likeliest.
    rng = np.random.default_rng(seed)
    z = rng.integers(0, 3, 60)
    x = (rng.random((60, 2)) < rng.random((3, 2))[z]).astype(float)
    labels = np.where(rng.random(60) < 0.15, rng.integers(0, 3, 60), -1)
    weights = rng.dirichlet(np.ones(3))
    model = BernoulliMixture(3, weights_init=weights, hold=hold, warm_start=True, random_state=0)
    first = model.fit(x, labels=labels).result_.objective
    assert model.fit(x, labels=labels).result_.objective >= first - 1e-6


@pytest.mark.parametrize("hold", [np.array([0]), range(1), np.int64(0), {np.int32(0)}])
def test_numbers_of_components_to_hold_may_be_numpys(hold):
    x = two_clusters()[0]
    start = {"means_init": [[0, 0], [4, 4]], "precisions_init": [np.eye(2)] * 2}
    model = GaussianMixture(2, hold=hold, random_state=0, **start).fit(x)
    np.testing.assert_allclose(model.means_[0], 0, atol=1e-12)
    assert np.abs(model.means_[1] - 4).max() > 1e-3


def test_drawn_parts_join_given_ones_the_same_way_in_any_unit():
    rng = np.random.default_rng(1)
    means, spreads = [[0], [1], [-1]], np.array([[1.0, 3.0], [2.0, 0.7], [0.5, 2.0]])
    x = np.concatenate([rng.normal(size=(60, 2)) * s for s in spreads])
    x += np.repeat(means, 60, axis=0)
    c = np.array([1.0, 1e4])
    fits = []
    for unit in (np.ones(2), c):
        start = 1 / (spreads * unit) ** 2
        settings = {"covariance_type": "diag", "max_iter": 0, "random_state": 0}
        model = GaussianMixture(3, precisions_init=start, **settings)
        with pytest.warns(ConvergenceWarning, match="0 iterations"):
            fits.append(model.fit(x * unit).means_)
    np.testing.assert_allclose(fits[1], fits[0] * c, rtol=1e-9)


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
