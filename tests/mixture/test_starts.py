"""Starts: drawn, given whole or in part, kept from the last fit, and which of several wins."""

import warnings

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import logsumexp
from scipy.stats import norm
from sklearn.exceptions import ConvergenceWarning

from emlib import (
    BernoulliMixture,
    DegenerateWarning,
    GaussianMixture,
    Mixture,
    PoissonMixture,
    StopReason,
    mixture,
)
from emlib.datasets import load_faithful, load_galaxies, make_20_40
from emlib.families import Poisson
from emlib.mixture.starts import STARTS
from tests.mixture.helpers import clusters, two_clusters


def test_part_of_a_start_may_be_given(faithful):
    model = GaussianMixture(2, means_init=[[2.0, 50.0], [4.0, 80.0]], random_state=0)
    assert model.fit(faithful).means_[0, 0] < model.means_[1, 0]


def test_all_starts_are_kept_and_the_best_is_chosen():
    x = load_faithful().values
    model = GaussianMixture(3, n_init=4, init_params="random_from_data", random_state=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.set_params(tol=1e-5).fit(x)
    assert len(model.results_) == 4
    assert model.result_.objective == max(r.objective for r in model.results_)


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


@pytest.mark.parametrize("how", STARTS)
def test_every_start_shares_each_point_out_once(how):
    x = np.random.default_rng(0).normal(size=(30, 2))
    r = STARTS[how](x, 3, np.random.default_rng(1), np.ones(30))
    assert r.shape == (30, 3)
    np.testing.assert_allclose(r.sum(axis=1), 1)


@pytest.mark.parametrize("how", ["k-means++", "random_from_data"])
def test_no_start_is_at_a_point_without_weight(how):
    x, weights = np.r_[0.0:5, 1000:1005][:, None], np.repeat([1.0, 0.0], 5)
    for seed in range(20):
        r = STARTS[how](x, 2, np.random.default_rng(seed), weights)
        assert np.all(r[:5].sum(axis=0) >= 1)


def test_clusters_of_k_means_are_those_of_weighted_points():
    # Sums of squares: with the first two together 500, with the last two 0.08; else 0.5 and 40.5.
    x, weights = np.array([[0.0], [1.0], [10.0]]), np.array([1000.0, 1000.0, 1e-3])
    for seed in range(5):
        r = STARTS["kmeans"](x, 2, np.random.default_rng(seed), weights)
        assert (r @ r.T).tolist() == [[1, 0, 0], [0, 1, 1], [0, 1, 1]]
        r = STARTS["kmeans"](x, 2, np.random.default_rng(seed), None)
        assert (r @ r.T).tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]


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


def test_responsibilities_may_start_a_fit(faithful):
    r = np.eye(2)[(faithful[:, 0] > 3).astype(int)]
    model = GaussianMixture(2, responsibilities_init=r).fit(faithful)
    first = model.result_.trace.params[0]
    np.testing.assert_allclose(first.means[0], faithful[r[:, 0] == 1].mean(axis=0))
    with pytest.raises(ValueError, match="responsibilities_init"):
        GaussianMixture(2, responsibilities_init=r[:5]).fit(faithful)


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


def test_without_iterations_the_start_is_the_result(faithful):
    start = {"weights_init": [0.3, 0.7], "means_init": faithful[:2]}
    start["precisions_init"] = np.array([np.eye(2), np.eye(2) / 9])
    model = GaussianMixture(2, max_iter=0, **start)
    with pytest.warns(ConvergenceWarning, match="0 iterations"):
        model.fit(faithful)
    np.testing.assert_allclose(model.means_, faithful[:2])
    np.testing.assert_allclose(model.precisions_, start["precisions_init"])


def test_a_start_given_outside_the_range_of_its_family_is_named():
    counts = np.array([[1.0], [2.0], [9.0]])
    for rates in ([[-1.0], [2.0]], [[1.0], [-2.0]]):
        with pytest.raises(ValueError, match="rates must not be negative: found -"):
            Mixture(2, family=Poisson(), components_init=(rates,)).fit(counts)


@pytest.mark.parametrize("start", STARTS)
def test_20_40_is_recovered_from_every_seed(start):
    # scikit-learn's defaults recover it from none of the seeds with init_params="random".
    x = make_20_40().values
    for seed in range(100):
        model = GaussianMixture(2, init_params=start, random_state=seed).fit(x)
        np.testing.assert_allclose(np.sort(model.means_[:, 0]), [20.08, 40.03], atol=0.05)
        assert model.result_.confirmed


def test_warm_start_does_not_take_another_covariance_type():
    x = clusters(0)
    model = GaussianMixture(2, warm_start=True, random_state=0).fit(x)
    score = model.score(x)
    model.set_params(covariance_type="diag")
    assert model.score(x) == score  # settings change what is fitted next, not what was
    assert model.fit(x).covariances_.shape == (2, 2)


def test_responsibilities_init_goes_with_zero_weights():
    x = clusters(0)
    r, w = np.eye(2)[(x[:, 0] > 2).astype(int)], np.ones(len(x))
    w[:3] = 0
    model = GaussianMixture(2, responsibilities_init=r, random_state=0).fit(x, sample_weight=w)
    expected = GaussianMixture(2, responsibilities_init=r[3:], random_state=0).fit(x[3:])
    np.testing.assert_allclose(model.means_, expected.means_)


@pytest.mark.parametrize("first", [0, 1])
def test_explicit_responsibilities_say_which_component_is_which(first):
    x = two_clusters()[0]
    r = np.eye(2)[np.repeat([first, 1 - first], [120, 180])]
    model = GaussianMixture(2, responsibilities_init=r, precisions_init=[np.eye(2)] * 2).fit(x)
    assert model.predict(x[[0, 200]]).tolist() == [first, 1 - first]


def test_an_explicit_start_stays_its_users():
    x = np.random.default_rng(0).poisson(3, (50, 2))
    start = np.array([[1.0, 8.0], [3.0, 10.0]])
    model = PoissonMixture(2, rates_init=start, hold="rates", random_state=0).fit(x)
    start += 1
    np.testing.assert_array_equal(model.rates_, [[1, 8], [3, 10]])
    model.rates_ += 7
    np.testing.assert_array_equal(start, [[2, 9], [4, 11]])
    np.testing.assert_array_equal(model.result_.params[1], [[1, 8], [3, 10]])


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
