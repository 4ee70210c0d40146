"""The Gaussian: its density, the sums it needs, and its maximum likelihood estimate."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import sparse, stats

from emlib import DegenerateError, gaussian
from emlib.datasets import load_faithful
from emlib.gaussian import Gaussian
from emlib.trees import add

seeds = st.integers(0, 2**32 - 1)


def random_problem(seed, n=40, d=3):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(d, d)) + 2 * np.eye(d)
    return rng.normal(size=(n, d)) @ root.T + rng.normal(size=d), rng


@given(seeds)
def test_log_density_equals_scipy(seed):
    x, _ = random_problem(seed)
    mean, covariance = x.mean(axis=0), np.cov(x.T)
    assume(np.linalg.cond(covariance) < 1e6)  # beyond, both lose digits, and SciPy may refuse
    theirs = stats.multivariate_normal(mean, covariance).logpdf(x)
    ours = gaussian.log_density(x, mean, covariance)
    np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-7)


def test_log_density_of_several_components_is_each_ones_column():
    x, rng = random_problem(0)
    means, covariances = rng.normal(size=(2, 3)), np.stack([np.eye(3), 2 * np.eye(3)])
    both = gaussian.log_density(x, means, covariances)
    for k in range(2):
        one = gaussian.log_density(x, means[k], covariances[k])
        np.testing.assert_array_equal(both[:, k], one)


@given(seeds)
def test_mle_is_mean_and_covariance(seed):
    x, _ = random_problem(seed)
    fitted = gaussian.mle(gaussian.sufficient_statistics(x))
    np.testing.assert_allclose(fitted.mean, x.mean(axis=0), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(fitted.covariance, np.cov(x.T, bias=True), rtol=1e-8, atol=1e-10)


@given(seeds)
def test_weighted_mle_equals_numpy(seed):
    x, rng = random_problem(seed)
    w = rng.uniform(0.1, 1, size=len(x))
    fitted = gaussian.mle(gaussian.sufficient_statistics(x, w))
    np.testing.assert_allclose(fitted.mean, np.average(x, axis=0, weights=w), atol=1e-10)
    theirs = np.cov(x.T, aweights=w, bias=True)
    np.testing.assert_allclose(fitted.covariance, theirs, rtol=1e-8, atol=1e-10)


@given(seeds, st.integers(1, 39))
def test_statistics_add(seed, cut):
    x, _ = random_problem(seed)
    whole = gaussian.sufficient_statistics(x)
    parts = add(gaussian.sufficient_statistics(x[:cut]), gaussian.sufficient_statistics(x[cut:]))
    np.testing.assert_allclose(parts.sum_xx, whole.sum_xx, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(parts.sum_x, whole.sum_x, rtol=1e-10, atol=1e-10)
    assert parts.n == whole.n
    by_sum = sum(gaussian.sufficient_statistics(part) for part in (x[:cut], x[cut:]))
    np.testing.assert_array_equal(by_sum.sum_xx, parts.sum_xx)
    with pytest.raises(TypeError):
        1 + whole


def test_integer_weights_are_repetitions():
    x, rng = random_problem(1)
    w = rng.integers(0, 4, size=len(x))
    weighted = gaussian.sufficient_statistics(x, w)
    repeated = gaussian.sufficient_statistics(np.repeat(x, w, axis=0))
    np.testing.assert_allclose(weighted.sum_xx, repeated.sum_xx, rtol=1e-12)


def test_floor_is_the_constrained_maximum():
    # Points on a line: the covariance is singular, and the floor makes the best of it.
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 1)) * np.array([[3.0, 1.0]])
    floor = 0.1
    s = gaussian.sufficient_statistics(x)
    fitted = gaussian.mle(s, floor)
    best = gaussian.log_density(x, fitted.mean, fitted.covariance).sum()
    assert np.linalg.eigvalsh(fitted.covariance)[0] == pytest.approx(floor)
    for _ in range(200):
        step = 0.05 * rng.normal(size=(2, 2))
        other = gaussian.clip_eigenvalues(fitted.covariance + step + step.T, floor)
        assert gaussian.log_density(x, fitted.mean, other).sum() <= best + 1e-9


def test_sample_has_the_moments():
    params = Gaussian(np.array([1.0, -2.0]), np.array([[2.0, 0.8], [0.8, 1.0]]))
    x = gaussian.sample(params, 200_000, np.random.default_rng(0))
    np.testing.assert_allclose(x.mean(axis=0), params.mean, atol=0.02)
    np.testing.assert_allclose(np.cov(x.T), params.covariance, atol=0.03)


def test_far_mean_is_an_error_and_not_a_wrong_variance():
    x = 1e8 + np.random.default_rng(0).normal(size=(1000, 1))
    with pytest.raises(DegenerateError, match="subtract the feature's mean"):
        gaussian.mle(gaussian.sufficient_statistics(x))


@pytest.mark.parametrize("mean", [1e3, 1e4])
def test_a_mean_that_costs_few_digits_is_no_error(mean):
    x = mean + np.random.default_rng(0).normal(size=(1000, 1))
    fitted = gaussian.mle(gaussian.sufficient_statistics(x))
    np.testing.assert_allclose(fitted.covariance[0, 0], x.var(), rtol=1e-6)


def test_a_mean_that_costs_too_many_digits_is_an_error():
    x = 1e5 + np.random.default_rng(0).normal(size=(1000, 1))
    with pytest.raises(DegenerateError, match="lost in rounding"):
        gaussian.mle(gaussian.sufficient_statistics(x))


def test_singular_covariance_is_named():
    with pytest.raises(DegenerateError, match="not positive definite"):
        gaussian.log_density(np.zeros((2, 2)), np.zeros(2), np.ones((2, 2)))


def test_empty_component_is_named():
    weights = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    statistics = gaussian.sufficient_statistics(np.arange(3.0)[:, None], weights)
    with pytest.raises(DegenerateError, match="component 1 has lost all its points"):
        gaussian.mle(statistics)


@pytest.mark.parametrize("weights", [[1.0, -1.0], [np.nan, 1.0]])
def test_weights_must_be_finite_and_not_negative(weights):
    with pytest.raises(ValueError, match="finite and not negative"):
        gaussian.sufficient_statistics([[0.0], [1.0]], weights)


def test_weights_must_fit_the_data():
    with pytest.raises(ValueError, match=r"shape \(2,\)"):
        gaussian.sufficient_statistics([[0.0], [1.0]], [1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("mean", "covariance"),
    [([3.0], np.eye(2)), ([0.0, 0.0], np.ones(2)), (np.zeros((3, 2)), np.eye(2)), (0.0, 1.0)],
)
def test_parameters_must_fit_the_data(mean, covariance):
    with pytest.raises(ValueError, match="data with 2 features need"):
        gaussian.log_density(np.zeros((4, 2)), mean, covariance)


def test_parameters_must_be_finite():
    with pytest.raises(ValueError, match="must be finite"):
        gaussian.log_density(np.zeros((4, 1)), [np.nan], [[1.0]])


@pytest.mark.parametrize(
    "x",
    [
        np.ma.masked_array([[1.0], [2.0]], mask=[[True], [False]]),
        sparse.eye(2),
        np.ones((2, 1)) * 1j,
    ],
)
def test_data_of_another_kind_are_refused(x):
    with pytest.raises(ValueError, match="real and dense"):
        gaussian.sufficient_statistics(x)


def test_features_that_depend_on_each_other_are_named_also_where_rounding_hides_it():
    x = load_faithful().values
    x = x - x.mean(axis=0)
    for seed in range(50):
        third = x @ np.random.default_rng(seed).normal(size=2)
        fitted = gaussian.mle(gaussian.sufficient_statistics(np.column_stack([x, third])))
        with pytest.raises(DegenerateError, match="depend linearly"):
            gaussian.cholesky_factor(fitted.covariance)


def test_correlation_alone_is_no_dependence():
    covariance = np.array([[1.0, 1 - 1e-10], [1 - 1e-10, 1.0]]) * 1e-20
    assert np.all(np.isfinite(gaussian.cholesky_factor(covariance)))
