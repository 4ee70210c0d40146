"""The two steps for a Gaussian with holes, as a loop over rows, and what they refuse."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_iris

from emlib import DegenerateError, DegenerateWarning, GaussianImputer, StopReason, em, missing
from emlib.gaussian import Gaussian, GaussianStatistics
from emlib.missing import Patterns
from tests.missing.helpers import NAN, e_step_by_rows, log_likelihood_by_rows, problem, seeds, steps


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_e_step_is_that_of_a_loop_over_rows(seed):
    x, params = problem(seed)
    x[5] = NAN  # of this row nothing was seen
    statistics, log_likelihood = missing.e_step(params, x)
    there = statistics.about(0.0)
    sum_x, sum_xx, by_rows = e_step_by_rows(params, x)
    # Two ways of solving with a covariance round apart in proportion to its condition.
    rtol = 1e-14 * max(1e4, np.linalg.cond(params.covariance))
    scale = np.abs(sum_xx).max()
    np.testing.assert_allclose(there.sum_x, sum_x, rtol=rtol, atol=rtol * scale)
    np.testing.assert_allclose(there.sum_xx, sum_xx, rtol=rtol, atol=rtol * scale)
    np.testing.assert_allclose(log_likelihood, by_rows, rtol=rtol)
    assert statistics.n == len(x)


def test_complete_data_need_one_step_and_give_the_closed_form():
    x = load_iris().data
    once = steps(Gaussian(np.zeros(4), np.eye(4)), x, 1)
    np.testing.assert_allclose(once.mean, x.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(once.covariance, np.cov(x.T, ddof=0), rtol=1e-11, atol=1e-14)
    model = GaussianImputer().fit(x)
    np.testing.assert_allclose(model.mean_, x.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(model.covariance_, np.cov(x.T, ddof=0), rtol=1e-11, atol=1e-14)
    np.testing.assert_array_equal(model.transform(x), x)


@given(seeds, st.floats(0.05, 0.6))
@settings(max_examples=25, deadline=None)
def test_the_likelihood_never_falls(seed, share):
    x, params = problem(seed, n=30, share=share)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)
        result = em(missing.e_step, missing.m_step, params, x, max_iter=40, confirm=False)
    assert result.stop is not StopReason.OBJECTIVE_FELL
    by_rows = [log_likelihood_by_rows(p, x) for p in result.trace.params[:8]]
    assert np.all(np.diff(by_rows) > -1e-9)


def test_statistics_of_chunks_add():
    x, params = problem(5)
    whole, log_likelihood = missing.e_step(params, x)
    first, one = missing.e_step(params, x[:20])
    second, two = missing.e_step(params, x[20:])
    np.testing.assert_allclose((first + second).sum_xx, whole.sum_xx, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(one + two, log_likelihood, rtol=1e-12)
    chunks = [Patterns.of(x[:20]), Patterns.of(x[20:])]
    mapped = em(missing.e_step, missing.m_step, params, chunks, map=map, confirm=False)
    plain = em(missing.e_step, missing.m_step, params, x, confirm=False)
    np.testing.assert_allclose(mapped.params.covariance, plain.params.covariance, rtol=1e-8)


def test_log_density_of_rows_sums_to_the_log_likelihood():
    x, params = problem(7)
    rows = missing.log_density(params, x)
    by_rows = [log_likelihood_by_rows(params, row[None]) for row in x]
    np.testing.assert_allclose(rows, by_rows, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(rows.sum(), missing.e_step(params, x)[1], rtol=1e-12)


def test_a_nudge_moves_mean_and_correlation():
    x, params = problem(9)
    statistics = missing.e_step(params, x)[0]
    before = missing.m_step(statistics)
    after = missing.m_step(missing.nudge(statistics, np.random.default_rng(0), 0.1))
    moved = np.abs(after.mean - before.mean) / np.sqrt(np.diag(before.covariance))
    assert np.all((moved > 1e-4) & (moved < 1))
    assert np.abs(after.covariance / before.covariance - 1).max() > 1e-2
    np.testing.assert_array_equal(after.covariance, after.covariance.T)


def test_covariances_of_expected_statistics_are_symmetric():
    x, params = problem(10, d=6)
    params.covariance[0, 1] *= 1 + 1e-12  # not quite symmetric, as products may be
    sums = missing.e_step(params, x)[0].sum_xx
    np.testing.assert_array_equal(sums, sums.T)


def test_parameters_must_fit_the_data():
    with pytest.raises(ValueError, match="data with 2 features need"):
        missing.e_step(Gaussian(np.zeros(3), np.eye(3)), [[1.0, NAN]])
    with pytest.raises(ValueError, match="data with 2 features need"):
        missing.impute(Gaussian(np.zeros(2), np.eye(3)), [[1.0, NAN]])


TWO = [[1.0, 2.0], [2.0, NAN], [NAN, 1.0], [3.0, 5.0]]


@pytest.mark.parametrize(
    "step",
    [
        missing.e_step,
        missing.impute,
        missing.log_density,
        lambda params, x: missing.draw(params, x, np.random.default_rng(0)),
    ],
)
@pytest.mark.parametrize(
    ("params", "said"),
    [
        (Gaussian(np.array([NAN, 0.0]), np.eye(2)), "finite"),
        (Gaussian(np.array([np.inf, 0.0]), np.eye(2)), "finite"),
        (Gaussian(np.zeros(2), np.full((2, 2), NAN)), "finite"),
        (Gaussian(np.zeros(2), np.diag([1.0, np.inf])), "finite"),
        (Gaussian(np.array([1e200, 0.0]), np.eye(2)), "Rescale"),
        (Gaussian(np.zeros(2), 1e-300 * np.eye(2)), "Rescale"),
        (Gaussian(np.zeros(2), 1e305 * np.eye(2)), "Rescale"),
        (Gaussian(np.zeros((3, 2)), np.stack([np.eye(2)] * 3)), "mean must be .*of shape"),
        (Gaussian(np.zeros(2), np.array([[1.0, 0.5], [0.0, 1.0]])), "symmetric"),
        (Gaussian(np.zeros(2), -np.eye(2)), "not positive definite"),
        (Gaussian(np.zeros(2), np.ones((2, 2))), "not positive definite"),
        (Gaussian(np.zeros(0), np.zeros((0, 0))), "data with 2 features need"),
        (Gaussian(np.array(0.0), np.array(1.0)), "data with 2 features need"),
        (Gaussian(np.array(["a", "b"]), np.eye(2)), "mean must be real numbers"),
        (Gaussian(np.zeros(2), [[1.0, 0.0], [1.0]]), "covariance must be real numbers"),
        ((np.zeros(2), np.eye(2)), "must be a Gaussian"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(step, params, said):
    with pytest.raises((ValueError, DegenerateError), match=said):
        step(params, TWO)


def test_parameters_may_be_lists():
    plain = missing.impute(Gaussian(np.zeros(2), np.eye(2)), TWO)
    np.testing.assert_array_equal(missing.impute(Gaussian([0, 0], [[1, 0], [0, 1]]), TWO), plain)


@pytest.mark.parametrize(
    "step",
    [missing.m_step, lambda statistics: missing.nudge(statistics, np.random.default_rng(0), 0.1)],
)
@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ({"n": NAN}, "finite"),
        ({"n": 0.0}, "above zero"),
        ({"n": np.full(2, 4.0)}, "n must be finite and of shape"),
        ({"sum_x": np.array([NAN, 0.0])}, "finite"),
        ({"sum_xx": np.full((2, 2), np.inf)}, "finite"),
        ({"origin": np.array([NAN, 0.0])}, "finite"),
        ({"sum_x": np.zeros(3)}, "shape"),
        ({"sum_xx": np.ones(2), "form": "diag"}, "of form 'full'"),
        ({"sum_xx": np.zeros(2)}, "shape"),
        ({"sum_xx": np.array([[1.0, 2.0], [0.0, 1.0]])}, "symmetric"),
        ({"sum_xx": -np.eye(2)}, "sums of squares"),
        ({"sum_x": "ab"}, "sum_x must be real numbers"),
    ],
)
def test_statistics_that_make_no_sense_are_refused(step, trouble, said):
    sums = {"n": 4.0, "sum_x": np.zeros(2), "sum_xx": 4 * np.eye(2), "origin": np.zeros(2)}
    with pytest.raises(ValueError, match=said):
        step(GaussianStatistics(**(sums | trouble)))
    with pytest.raises(ValueError, match="must be GaussianStatistics"):
        step((4.0, np.zeros(2), np.eye(2)))


def test_floors_sizes_and_generators_that_make_no_sense_are_refused():
    params = Gaussian(np.zeros(2), np.eye(2))
    statistics, rng = missing.e_step(params, TWO)[0], np.random.default_rng(0)
    for value in (NAN, np.inf, -1.0, "a", None):
        with pytest.raises(ValueError, match="floor must be"):
            missing.m_step(statistics, value)
        with pytest.raises(ValueError, match="size must be"):
            missing.nudge(statistics, rng, value)
    for value in (None, 0, "a"):
        with pytest.raises(TypeError, match="rng must be a generator"):
            missing.draw(params, TWO, value)
        with pytest.raises(TypeError, match="rng must be a generator"):
            missing.nudge(statistics, value, 0.1)


def test_where_nothing_was_seen_the_parameters_speak():
    params = Gaussian(np.array([1.0, 2.0]), np.array([[2.0, 0.5], [0.5, 1.0]]))
    for x in (np.full((3, 2), NAN), [[1.0, NAN]] * 3):
        statistics = missing.e_step(params, x)[0]
        assert np.isfinite(statistics.sum_xx).all()
        assert np.isfinite(missing.log_density(params, x)).all()
        np.testing.assert_allclose(missing.impute(params, x), np.tile(params.mean, (3, 1)))


def test_a_density_of_zero_has_the_logarithm_minus_infinity():
    narrow = Gaussian(np.zeros(2), 1e-200 * np.eye(2))
    found = missing.log_density(narrow, [[1e100, NAN], [0.0, 0.0]])
    assert found[0] == -np.inf
    assert np.isfinite(found[1])


def test_a_flat_covariance_is_named():
    with pytest.raises(DegenerateError, match="not positive definite"):
        missing.e_step(Gaussian(np.zeros(2), np.ones((2, 2))), [[1.0, 2.0]])
