"""The mixture's two steps: properties that hold for all data, and agreement with scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp

from emlib import mixture
from emlib.covariances import Full
from emlib.datasets import load_faithful, make_20_40
from emlib.families import Categorical, Poisson, Symbols
from emlib.mixture import MixtureParams
from tests.mixture.helpers import sklearn_after

seeds = st.integers(0, 2**32 - 1)


def random_problem(seed):
    """Data from two or three clusters in one to three dimensions, and a random start."""
    rng = np.random.default_rng(seed)
    k, d = rng.integers(2, 4), rng.integers(1, 4)
    centres = rng.normal(scale=4, size=(k, d))
    x = np.concatenate([c + rng.normal(size=(30, d)) for c in centres])
    means = x[rng.choice(len(x), k, replace=False)]
    covariances = np.stack([np.cov(x.T).reshape(d, d)] * k)
    return x, MixtureParams(rng.dirichlet(np.full(k, 5.0)), means, covariances)


def run(x, start, steps):
    params = start
    for _ in range(steps):
        params = mixture.m_step(mixture.e_step(params, x)[0])
    return params


def assert_same(left, right, rtol=1e-8):
    np.testing.assert_allclose(left.weights, right.weights, rtol=rtol, atol=1e-12)
    np.testing.assert_allclose(left.means, right.means, rtol=rtol, atol=1e-8)
    np.testing.assert_allclose(left.covariances, right.covariances, rtol=rtol, atol=1e-8)


@given(seeds)
def test_the_log_likelihood_never_falls(seed):
    x, params = random_problem(seed)
    before = -np.inf
    for _ in range(15):
        statistics, log_likelihood = mixture.e_step(params, x)
        assert log_likelihood >= before - 1e-9 * abs(log_likelihood)
        before, params = log_likelihood, mixture.m_step(statistics, Full(floor=1e-6))


@given(seeds)
def test_bound_plus_divergence_is_the_log_likelihood(seed):
    x, params = random_problem(seed)
    q = np.random.default_rng(seed).dirichlet(np.ones(len(params.weights)), size=len(x))
    joint, r = mixture.log_joint(params, x), mixture.responsibilities(params, x)
    bound = np.sum(q * (joint - np.log(q)))
    with np.errstate(divide="ignore", invalid="ignore"):
        divergence = np.sum(q * (np.log(q) - (joint - logsumexp(joint, axis=1, keepdims=True))))
    assert divergence >= 0
    np.testing.assert_allclose(bound + divergence, mixture.log_density(params, x).sum(), rtol=1e-10)
    np.testing.assert_allclose(r.sum(axis=1), 1, rtol=1e-12)


@given(seeds, st.floats(-100, 100), st.floats(0.01, 100))
def test_steps_are_equivariant_under_shift_and_scale(seed, shift, scale):
    x, start = random_problem(seed)
    moved_start = MixtureParams(
        start.weights, scale * start.means + shift, scale**2 * start.covariances
    )
    fitted = run(x, start, 3)
    moved = run(scale * x + shift, moved_start, 3)
    # E[x^2] - E[x]^2 costs digits in proportion to (mean / sd)^2: at most 1e8 of 1e16 here.
    np.testing.assert_allclose(moved.weights, fitted.weights, atol=1e-6)
    np.testing.assert_allclose(moved.means, scale * fitted.means + shift, atol=1e-5 * (1 + scale))
    np.testing.assert_allclose(moved.covariances / scale**2, fitted.covariances, atol=1e-3)


@given(seeds)
def test_steps_are_equivariant_under_relabelling(seed):
    x, start = random_problem(seed)
    order = np.random.default_rng(seed).permutation(len(start.weights))
    swapped = MixtureParams(start.weights[order], start.means[order], start.covariances[order])
    fitted, relabelled = run(x, start, 5), run(x, swapped, 5)
    expected = MixtureParams(fitted.weights[order], fitted.means[order], fitted.covariances[order])
    assert_same(relabelled, expected)


@given(seeds)
def test_order_of_the_data_does_not_matter(seed):
    x, start = random_problem(seed)
    shuffled = np.random.default_rng(seed).permutation(x)
    assert_same(run(x, start, 5), run(shuffled, start, 5))


@pytest.mark.parametrize("n", [1, 2, 5, 20, 50])
@pytest.mark.parametrize("name", ["faithful", "20/40"])
def test_equals_sklearn_after_n_steps(n, name):
    x = load_faithful().values if name == "faithful" else make_20_40().values
    centres = x[[0, -1]]
    start = MixtureParams(
        np.array([0.4, 0.6]), centres, np.stack([np.cov(x.T).reshape(x.shape[1], -1)] * 2)
    )
    theirs = sklearn_after(x, start, n)
    ours = run(x, start, n)
    np.testing.assert_allclose(ours.weights, theirs.weights_, rtol=1e-10)
    np.testing.assert_allclose(ours.means, theirs.means_, rtol=1e-10)
    np.testing.assert_allclose(ours.covariances, theirs.covariances_, rtol=1e-8)
    log_likelihood = mixture.e_step(ours, x)[1]
    np.testing.assert_allclose(log_likelihood, theirs.score(x) * len(x), rtol=1e-10)


def test_far_points_have_responsibilities_and_not_nan():
    params = MixtureParams(np.full(2, 0.5), np.array([[0.0], [1.0]]), np.ones((2, 1, 1)))
    r = mixture.responsibilities(params, [[1e6], [-1e6]])
    np.testing.assert_array_equal(r, [[0, 1], [1, 0]])


def test_component_of_weight_zero_has_no_responsibility():
    params = MixtureParams(np.array([1.0, 0.0]), np.array([[0.0], [1.0]]), np.ones((2, 1, 1)))
    np.testing.assert_array_equal(mixture.responsibilities(params, [[0.5]]), [[1, 0]])


def test_sample_has_the_covariance_of_its_component():
    covariance = np.array([[2.0, 1.2], [1.2, 1.0]])
    params = MixtureParams(np.ones(1), np.zeros((1, 2)), covariance[None])
    x, _ = mixture.sample(params, 200_000, np.random.default_rng(0))
    np.testing.assert_allclose(np.cov(x.T), covariance, atol=0.03)


def test_sample_draws_labels_and_points():
    params = MixtureParams(
        np.array([0.3, 0.7]), np.array([[20.0], [40.0]]), np.full((2, 1, 1), 25.0)
    )
    x, z = mixture.sample(params, 100_000, np.random.default_rng(0))
    assert np.mean(z == 0) == pytest.approx(0.3, abs=0.01)
    assert x[z == 1].mean() == pytest.approx(40, abs=0.1)
    assert x[z == 1].std() == pytest.approx(5, abs=0.1)


@settings(max_examples=20)
@given(seeds, st.floats(0.01, 0.5))
def test_nudge_moves_each_component_and_turns_its_ellipse(seed, size):
    x, params = random_problem(seed)
    statistics = mixture.e_step(params, x)[0]
    before = mixture.m_step(statistics)
    after = mixture.m_step(mixture.nudge(statistics, np.random.default_rng(seed), size))
    stretched = np.linalg.eigvals(np.linalg.solve(before.covariances, after.covariances)).real
    assert np.all(np.abs(stretched - 1).max(axis=1) > 1e-6)
    assert np.all(np.abs(np.sqrt(stretched) - 1) < 1.5 * size)
    even = 1 / len(before.weights)
    assert np.all(np.abs(after.weights - even) <= np.abs(before.weights - even))
    spread = np.sqrt(np.linalg.eigvalsh(before.covariances)[:, -1])
    moved = np.linalg.norm(after.means - before.means, axis=1)
    assert np.all(moved > 0)
    assert np.all(moved < 6 * size * spread)


def test_nudge_brings_back_a_component_that_has_died():
    x, params = random_problem(0)
    dying = MixtureParams(np.array([1 - 2e-30, 1e-30, 1e-30]), params.means, params.covariances)
    statistics = mixture.nudge(mixture.e_step(dying, x)[0], np.random.default_rng(0), 0.3)
    assert mixture.m_step(statistics).weights.min() > 0.05


def test_points_out_of_reach_are_named():
    params = MixtureParams(np.ones(1), np.zeros((1, 1)), np.full((1, 1, 1), 1e-20))
    with pytest.raises(ValueError, match=r"point 1 \(1e\+149\) has density zero"):
        mixture.responsibilities(params, [[0.0], [1e149]])


@pytest.mark.parametrize("family", [Poisson(), Categorical((3,)), Symbols(3)])
def test_what_may_be_scored_may_be_drawn_from(family):
    weights = np.array([0.5, 0.5 + 9e-7])  # sums to one as nearly as is asked for
    params = (weights, np.tile([*weights, 0.0], (2, 1)))
    x, z = mixture.sample(params, 100, np.random.default_rng(0), family)
    assert np.isfinite(mixture.log_density(params, x, family)).all()
    assert set(z) == {0, 1}


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
