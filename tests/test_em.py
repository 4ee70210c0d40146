"""The loop: what it finds, and what it says of its path."""

import re
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emlib import DegenerateError, DegenerateWarning, GaussianMixture, StopReason, em
from emlib.em import PATH_MEMORY, Trace
from tests.bad_input import MEANS, ROWS
from tests.published import (
    DEATHS,
    DEATHS_MAXIMUM,
    HEADS,
    LINKAGE,
    LINKAGE_MAXIMUM,
    coins_e_step,
    coins_m_step,
    linkage_e_step,
    linkage_m_step,
    poisson_e_step,
    poisson_m_step,
)


def test_two_coins_follow_the_published_iterates():
    trace = em(coins_e_step, coins_m_step, np.array([0.6, 0.5]), HEADS).trace
    # The paper's figure prints .71 and .58 after one step, .80 and .52 after ten.
    np.testing.assert_allclose(trace.params[1], [0.71, 0.58], atol=0.005)
    np.testing.assert_allclose(trace.params[10], [0.80, 0.52], atol=0.005)
    # Fixed point and its log-likelihood from an independent optimiser (Nelder-Mead).
    np.testing.assert_allclose(trace.params[-1], [0.7967890669, 0.5195831201], atol=1e-4)
    np.testing.assert_allclose(trace.objective[-1], -31.570200236, atol=1e-6)


def test_linkage_follows_table_1_of_dempster_laird_and_rubin():
    result = em(linkage_e_step, linkage_m_step, 0.5, LINKAGE, tol=0)
    published = [0.5, 0.608247423, 0.624321051, 0.626488879, 0.626777323]
    published += [0.626815632, 0.626820719, 0.626821395, 0.626821484]
    np.testing.assert_allclose(result.trace.params[:9], published, atol=1e-9)
    np.testing.assert_allclose(result.params, LINKAGE_MAXIMUM, atol=1e-8)


def test_slow_poisson_mixture_reaches_the_known_maximum():
    start = np.array([0.3, 0.7]), np.array([1.0, 2.5])
    result = em(poisson_e_step, poisson_m_step, start, DEATHS, tol=1e-9, max_iter=5000)
    # R's SQUAREM package, tests/Hasselblad1969.R: .6401146, 2.6634044, 1.2560951
    np.testing.assert_allclose(result.params[0], [0.3598854, 0.6401146], atol=5e-5)
    np.testing.assert_allclose(result.params[1], [1.2560951, 2.6634044], atol=2e-4)
    np.testing.assert_allclose(result.objective, DEATHS_MAXIMUM, atol=1e-8)
    assert result.confirmed
    np.testing.assert_allclose(result.trace.params[1][1], [1.061389808, 2.595100901], atol=1e-8)


def three_coins_start():
    return np.array([0.2, 0.5, 0.8])


def test_a_model_of_a_dozen_lines_needs_nothing_else():
    rng = np.random.default_rng(0)
    heads = rng.binomial(10, rng.choice([0.1, 0.5, 0.9], size=2000)).astype(float)
    result = em(coins_e_step, coins_m_step, three_coins_start(), heads)
    np.testing.assert_allclose(result.params, [0.1, 0.5, 0.9], atol=0.03)
    assert result.stop is StopReason.CONVERGED


@given(st.lists(st.integers(0, 10), min_size=2, max_size=30), st.integers(0, 2**32 - 1))
def test_the_likelihood_never_falls(heads, seed):
    start = np.random.default_rng(seed).uniform(0.05, 0.95, 3)
    result = em(coins_e_step, coins_m_step, start, np.array(heads, float), confirm=False)
    assert result.stop is not StopReason.OBJECTIVE_FELL
    assert np.all(np.diff(result.trace.objective) >= -1e-9)


def test_result_is_the_last_visited_point_and_its_own_objective():
    result = em(coins_e_step, coins_m_step, np.array([0.6, 0.5]), HEADS)
    assert result.params is result.trace.params[-1]
    assert result.objective == coins_e_step(result.params, HEADS)[1]
    assert result.n_iter == len(result.trace) - 1
    assert result.n_steps >= result.n_iter


@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.filterwarnings("ignore:invalid value")
def test_impossible_start_is_an_error():
    with pytest.raises(ValueError, match="Choose another start"):
        em(coins_e_step, coins_m_step, np.array([0.0, 0.0]), HEADS)


@pytest.mark.parametrize(
    "bad", [{"tol": -1}, {"tol": np.nan}, {"tol": np.inf}, {"max_iter": -1}, {"max_iter": 2.5}]
)
def test_senseless_settings_are_errors(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        em(coins_e_step, coins_m_step, np.array([0.6, 0.5]), HEADS, **bad)


def test_map_estimate_has_the_prior_in_the_objective():
    # Beta(3, 2) on both coins: two more heads and one more tail in the counts.
    def log_prior(theta):
        return np.sum(2 * np.log(theta) + np.log(1 - theta))

    def map_m_step(counts):
        return (counts[0] + 2) / (counts[0] + counts[1] + 3)

    result = em(
        coins_e_step, map_m_step, np.array([0.6, 0.5]), HEADS, log_prior=log_prior, tol=1e-10
    )
    gradient = [
        (objective(result.params + h) - objective(result.params - h)) / 2e-6
        for objective in [lambda t: coins_e_step(t, HEADS)[1] + log_prior(t)]
        for h in 1e-6 * np.eye(2)
    ]
    np.testing.assert_allclose(gradient, 0, atol=1e-3)
    assert np.all(np.diff(result.trace.objective) > -1e-12)
    expected = coins_e_step(result.params, HEADS)[1] + log_prior(result.params)
    assert result.objective == pytest.approx(expected, abs=1e-12)


def test_same_call_same_result():
    first, second = (
        em(coins_e_step, coins_m_step, np.array([0.5, 0.5]), HEADS).trace for _ in range(2)
    )
    np.testing.assert_array_equal(first.objective, second.objective)


def test_without_progress_no_bar_is_made(monkeypatch):
    monkeypatch.setattr(sys.modules["emlib.em"], "tqdm", None)  # to call it would be an error
    assert em(coins_e_step, coins_m_step, np.array([0.6, 0.5]), HEADS).converged


def test_progress_is_shown_when_asked_for(capsys):
    em(coins_e_step, coins_m_step, np.array([0.6, 0.5]), HEADS)
    assert capsys.readouterr().err == ""
    em(coins_e_step, coins_m_step, np.array([0.6, 0.5]), HEADS, progress=True)
    assert "iterations" in capsys.readouterr().err


def test_traces_are_compared_by_identity():
    assert Trace((0.0,), np.zeros(1)) != Trace((0.0,), np.zeros(1))


def test_a_long_path_of_many_parameters_keeps_its_ends():
    size = PATH_MEMORY // 8 // 20  # twenty points are too many, by one

    def e_step(theta, target):
        return theta, -float(np.square(theta - target).sum()) / size

    def m_step(theta):
        return theta + 0.5 * (1 - theta)

    few = em(e_step, m_step, np.zeros(size), 1.0, tol=0, max_iter=10, confirm=False)
    many = em(e_step, m_step, np.zeros(size), 1.0, tol=0, max_iter=25, confirm=False)
    assert len(few.trace) == len(few.trace.params) == 11
    assert len(many.trace) == len(many.trace.objective) == many.n_iter + 1 == 26
    assert len(many.trace.params) == 2
    np.testing.assert_array_equal(many.trace.params[0], 0)
    np.testing.assert_array_equal(many.trace.params[1], many.params)
    np.testing.assert_allclose(many.params, 1 - 0.5**25)


@pytest.mark.parametrize("far", [1e100, 1e155, 1e300])
def test_an_impossible_start_gives_one_error_and_no_warnings(far):
    def e_step(mean, x):  # as by hand, with squares and exponentials that overflow
        density = np.exp(-0.5 * (x - mean) ** 2)
        return (density * x).sum() / density.sum(), float(np.log(density).sum())

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="the objective at the start is"):
            em(e_step, lambda mean: mean, far, ROWS)
        # Where the fit can begin, six points may end in a collapse.
        warnings.simplefilter("ignore", DegenerateWarning)
        for settings in ({}, {"precisions_init": [np.eye(2) / far] * 2}):
            try:
                GaussianMixture(2, means_init=far * (1 - MEANS), random_state=1, **settings).fit(
                    ROWS
                )
            except DegenerateError as error:
                assert re.search("density zero under every component", str(error))  # noqa: PT017
