"""The loop: what it finds, why it stops, and what it must never do."""

import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import poisson

from emlib import DegenerateError, DegenerateWarning, ObjectiveFellWarning, StopReason, em
from emlib.em import PATH_MEMORY, Path, Trace, climb, gains_to_come, relative_nudge
from emlib.families import Sums
from emlib.results import FALL_TOLERANCE, Interrupted, Visit
from emlib.trees import add

# Do and Batzoglou (2008), Nature Biotechnology 26, 897-899: heads in five sets of ten tosses.
HEADS = np.array([5.0, 9.0, 8.0, 4.0, 7.0])


def coins_e_step(theta, heads):
    joint = theta ** heads[:, None] * (1 - theta) ** (10 - heads[:, None]) / len(theta)
    r = joint / joint.sum(axis=1, keepdims=True)
    return (r.T @ heads, r.T @ (10 - heads)), np.log(joint.sum(axis=1)).sum()


def coins_m_step(counts):
    return counts[0] / (counts[0] + counts[1])


START, BUFFER = np.array([0.6, 0.5]), np.empty(2)


# Dempster, Laird and Rubin (1977), J. R. Statist. Soc. B 39, 1-38: the linkage example.
def linkage_e_step(p, y):
    log_likelihood = y @ np.log([0.5 + p / 4, (1 - p) / 4, (1 - p) / 4, p / 4])
    return (y[0] * p / (2 + p) + y[3], y[1] + y[2]), log_likelihood


def linkage_m_step(counts):
    return counts[0] / (counts[0] + counts[1])


LINKAGE = np.array([125.0, 18.0, 20.0, 34.0])

# Hasselblad (1969), JASA 64, 1459-1471: deaths per day of women over 80, The Times, 1910-12.
DEATHS = np.arange(10.0), np.array([162.0, 267, 271, 185, 111, 61, 27, 8, 3, 1])


def poisson_e_step(theta, data):
    weights, rates = theta
    joint = weights * poisson.pmf(data[0][:, None], rates)
    r = joint / joint.sum(axis=1, keepdims=True) * data[1][:, None]
    return {"n": r.sum(axis=0), "sum": r.T @ data[0]}, data[1] @ np.log(joint.sum(axis=1))


def poisson_m_step(statistics):
    return statistics["n"] / statistics["n"].sum(), statistics["sum"] / statistics["n"]


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
    np.testing.assert_allclose(result.params, (15 + np.sqrt(53809)) / 394, atol=1e-8)


def test_slow_poisson_mixture_reaches_the_known_maximum():
    start = np.array([0.3, 0.7]), np.array([1.0, 2.5])
    result = em(poisson_e_step, poisson_m_step, start, DEATHS, tol=1e-9, max_iter=5000)
    # R's SQUAREM package, tests/Hasselblad1969.R: .6401146, 2.6634044, 1.2560951
    np.testing.assert_allclose(result.params[0], [0.3598854, 0.6401146], atol=5e-5)
    np.testing.assert_allclose(result.params[1], [1.2560951, 2.6634044], atol=2e-4)
    np.testing.assert_allclose(result.objective, -1989.945859882964, atol=1e-8)
    assert result.confirmed
    np.testing.assert_allclose(result.trace.params[1][1], [1.061389808, 2.595100901], atol=1e-8)


def test_tol_bounds_the_distance_to_the_limit_where_steps_are_small():
    start = np.array([0.3, 0.7]), np.array([1.0, 2.5])
    result = em(poisson_e_step, poisson_m_step, start, DEATHS, tol=1e-5, max_iter=5000)
    missing = -1989.945859882964 - result.objective
    last_step = np.diff(result.trace.objective)[-1]
    assert 0 < missing < 2e-5
    assert missing > 50 * last_step  # a rule on the step alone would have been fooled


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


def test_saddle_is_left_and_the_nudge_is_on_record():
    equal = np.array([0.5, 0.5])
    held = em(coins_e_step, coins_m_step, equal, HEADS, confirm=False)
    assert held.converged
    assert held.confirmed is None
    np.testing.assert_allclose(held.params, 0.66)  # 33 heads in 50 tosses
    freed = em(coins_e_step, coins_m_step, equal, HEADS)
    np.testing.assert_allclose(np.sort(freed.params), [0.51958312, 0.79678907], atol=1e-3)
    assert freed.confirmed
    assert len(freed.trace.nudged_at) >= 1
    falls = 1 + np.flatnonzero(np.diff(freed.trace.objective) < -1e-9)
    assert set(falls) <= set(freed.trace.nudged_at)


def test_result_is_the_last_visited_point_and_its_own_objective():
    result = em(coins_e_step, coins_m_step, np.array([0.6, 0.5]), HEADS)
    assert result.params is result.trace.params[-1]
    assert result.objective == coins_e_step(result.params, HEADS)[1]
    assert result.n_iter == len(result.trace) - 1
    assert result.n_steps >= result.n_iter


def test_iteration_limit_is_said():
    result = em(coins_e_step, coins_m_step, np.array([0.6, 0.5]), HEADS, max_iter=3)
    assert result.stop is StopReason.MAX_ITER
    assert not result.converged
    assert result.n_iter == 3
    assert "3 iterations" in result.message


def test_a_wrong_m_step_raises_the_alarm_and_keeps_the_best_point():
    def wrong_m_step(counts):
        return 1 - counts[0] / (counts[0] + counts[1])

    with pytest.warns(ObjectiveFellWarning, match="fell by"):
        result = em(coins_e_step, wrong_m_step, np.array([0.8, 0.5]), HEADS)
    assert result.stop is StopReason.OBJECTIVE_FELL
    assert result.objective == max(result.trace.objective)


def test_degenerate_step_keeps_the_last_good_parameters():
    def collapsing(_):
        raise DegenerateError("coin 1 has no tosses")

    with pytest.warns(DegenerateWarning, match="coin 1"):
        result = em(coins_e_step, collapsing, np.array([0.6, 0.5]), HEADS)
    assert result.stop is StopReason.DEGENERATE
    np.testing.assert_array_equal(result.params, [0.6, 0.5])


def test_objective_that_becomes_nan_is_degenerate():
    with pytest.warns(DegenerateWarning, match="nan at iteration 1"):
        result = em(coins_e_step, lambda counts: counts[0] * np.nan, np.array([0.6, 0.5]), HEADS)
    assert result.stop is StopReason.DEGENERATE
    assert np.isfinite(result.objective)


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


@pytest.mark.parametrize("workers", [None, 2])
def test_chunks_give_the_same_fit_as_all_data_at_once(workers):
    chunks = np.split(HEADS, [2, 3])
    whole = em(coins_e_step, coins_m_step, np.array([0.6, 0.5]), HEADS)
    if workers is None:
        parts = em(coins_e_step, coins_m_step, np.array([0.6, 0.5]), chunks, map=map)
    else:
        with ThreadPoolExecutor(workers) as pool:
            parts = em(coins_e_step, coins_m_step, np.array([0.6, 0.5]), chunks, map=pool.map)
    assert parts.n_iter == whole.n_iter
    np.testing.assert_allclose(parts.params, whole.params, rtol=1e-12)


def test_futures_are_waited_for():
    with ThreadPoolExecutor(2) as pool:

        def submit_all(function, chunks):
            return [pool.submit(function, chunk) for chunk in chunks]

        parts = em(
            coins_e_step, coins_m_step, np.array([0.6, 0.5]), np.split(HEADS, 5), map=submit_all
        )
    np.testing.assert_allclose(parts.params, [0.79678907, 0.51958312], atol=1e-3)


@dataclass(frozen=True)
class Counts:
    heads: np.ndarray
    tails: np.ndarray


@pytest.mark.parametrize("form", [tuple, list, lambda pair: Counts(*pair), lambda p: np.array(p)])
def test_statistics_may_have_any_form(form):
    def e_step(theta, heads):
        pair, log_likelihood = coins_e_step(theta, heads)
        return form(pair), log_likelihood

    def m_step(s):
        heads, tails = (s.heads, s.tails) if isinstance(s, Counts) else s
        return heads / (heads + tails)

    result = em(e_step, m_step, np.array([0.6, 0.5]), np.split(HEADS, 5), map=map)
    np.testing.assert_allclose(result.params, [0.79678907, 0.51958312], atol=1e-3)


def test_same_call_same_result():
    first, second = (
        em(coins_e_step, coins_m_step, np.array([0.5, 0.5]), HEADS).trace for _ in range(2)
    )
    np.testing.assert_array_equal(first.objective, second.objective)


def test_relative_nudge_keeps_signs_and_form():
    counts = {"n": np.array([1.0, 2.0]), "sum": (3.0, 0.0)}
    nudged = relative_nudge(counts, np.random.default_rng(0), 0.3)
    assert np.all(nudged["n"] > 0)
    assert nudged["sum"][1] == 0
    assert nudged["sum"][0] != 3.0


def test_without_progress_no_bar_is_made(monkeypatch):
    monkeypatch.setattr(sys.modules["emlib.em"], "tqdm", None)  # to call it would be an error
    assert em(coins_e_step, coins_m_step, np.array([0.6, 0.5]), HEADS).converged


def test_progress_is_shown_when_asked_for(capsys):
    em(coins_e_step, coins_m_step, np.array([0.6, 0.5]), HEADS)
    assert capsys.readouterr().err == ""
    em(coins_e_step, coins_m_step, np.array([0.6, 0.5]), HEADS, progress=True)
    assert "iterations" in capsys.readouterr().err


def test_a_stationary_point_that_em_leaves_slowly_is_not_mistaken_for_the_end():
    # Two components that differ by almost nothing: the first steps gain far less than tol.
    rng = np.random.default_rng(3)
    heads = rng.binomial(10, expit(rng.choice([-1.0, 1.0], size=500))).astype(float)
    rate = heads.mean() / 10
    result = em(coins_e_step, coins_m_step, rate + np.array([-1e-6, 1e-6]), heads, tol=1e-4)
    assert np.ptp(result.params) > 0.3


# A landscape for the confirmation: EM halves the distance to the nearest of some peaks.
PEAKS = np.array([0.0, 10.0, 20.0])


def climb_to_peak(heights, nudge, **options):
    def e_step(place, _):
        k = np.abs(PEAKS - place).argmin()
        return place, heights[k] - (place - PEAKS[k]) ** 2

    def m_step(place):
        peak = PEAKS[np.abs(PEAKS - place).argmin()]
        return peak + (place - peak) / 2

    return em(e_step, m_step, 0.3, None, nudge=nudge, **options)


def test_a_peak_that_em_returns_to_is_confirmed():
    result = climb_to_peak([0, -5, -5], lambda place, rng, size: place + size)
    assert result.confirmed is True
    assert result.trace.nudged_at == ()


def test_a_peak_that_em_does_not_return_to_is_not_confirmed():
    result = climb_to_peak([0, -5, -5], lambda place, rng, size: place + 10)
    assert result.confirmed is False
    assert result.objective == pytest.approx(0, abs=1e-5)


def test_a_smaller_nudge_is_tried_when_a_larger_one_leads_lower():
    result = climb_to_peak([0, -5, -5], lambda place, rng, size: place + 100 * size**2)
    assert result.confirmed is True


def test_a_nudge_after_which_time_runs_out_says_nothing():
    # From further away EM needs more iterations than it is given: it was not seen to stay lower.
    def far(place, *_):
        return place + 4.5

    result = climb_to_peak([0, -5, -5], far, tol=1e-10, max_iter=16)
    assert result.converged
    assert result.confirmed is None
    assert climb_to_peak([0, -5, -5], far, tol=1e-10, max_iter=100).confirmed is True


def test_a_higher_end_that_time_does_not_let_em_reach_is_not_confirmed_nor_refused():
    # The nudge leads to the slope of a higher peak, a longer way than that to the first one.
    def across(place, *_):
        return min(place + 14.5, 14.5)

    result = climb_to_peak([0, 5, -5], across, tol=1e-10, max_iter=16)
    assert result.stop is StopReason.MAX_ITER
    assert result.objective == pytest.approx(5, abs=1e-5)
    assert len(result.trace.nudged_at) == 1
    assert result.confirmed is None
    assert climb_to_peak([0, 5, -5], across, tol=1e-10, max_iter=100).confirmed is True


def test_a_last_end_that_no_nudge_came_to_is_not_confirmed_nor_refused():
    def e_step(place, _):
        return place, round(place) - (place - round(place)) ** 2

    def m_step(place):  # halves the distance to the nearest step of a staircase without end
        return (place + round(place)) / 2

    result = em(e_step, m_step, 0.3, None, nudge=lambda place, rng, size: place + 1.2)
    assert result.converged
    assert len(result.trace.nudged_at) > 2
    assert result.confirmed is None


def test_every_saddle_on_the_way_is_left_and_on_record():
    result = climb_to_peak([0, 5, 9], lambda place, rng, size: min(place + 10, 20.2))
    assert result.confirmed is True
    assert result.objective == pytest.approx(9, abs=1e-5)
    assert len(result.trace.nudged_at) == 2
    falls = 1 + np.flatnonzero(np.diff(result.trace.objective) < 0)
    assert set(falls) <= set(result.trace.nudged_at)
    assert result.n_steps >= result.n_iter
    for i in result.trace.nudged_at:
        assert abs(result.trace.params[i] - result.trace.params[i - 1]) > 1


def test_a_slightly_higher_peak_is_worth_going_to():
    result = climb_to_peak([100, 100.5, 0], lambda place, rng, size: min(place + 10, 10.2))
    assert result.objective == pytest.approx(100.5, abs=1e-5)


def test_a_nudge_that_makes_no_sense_confirms_nothing_and_loses_nothing():
    def senseless(*_):
        raise ValueError("no")

    result = climb_to_peak([0, 0, 0], senseless)
    assert result.confirmed is None
    assert result.converged


def test_an_infinite_objective_after_a_nudge_is_not_an_improvement():
    result = climb_to_peak([0, np.inf, 0], lambda place, rng, size: place + 10)
    assert result.objective == pytest.approx(0, abs=1e-5)
    assert result.confirmed is None


def test_a_fall_after_a_nudge_is_not_hushed_up():
    def e_step(place, _):
        return place, -abs(place)

    def m_step(place):
        return place / 2 if place < 1 else 2 * place

    with pytest.warns(ObjectiveFellWarning, match="after a nudge") as caught:
        result = em(e_step, m_step, 0.5, None, nudge=lambda place, rng, size: place + 5)
    assert [warning.filename for warning in caught] == [__file__]
    assert result.converged


def test_a_fall_that_changes_no_verdict_after_a_nudge_is_not_spoken_of():
    def e_step(place, _):
        return place, -abs(place) if place < 1 else -1 - 1e-7 * place

    def m_step(place):
        return place / 2 if place < 1 else 2 * place

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = em(e_step, m_step, 0.5, None, nudge=lambda place, rng, size: place + 1)
    assert result.converged


def test_the_same_generator_makes_the_nudges():
    drawn = []

    def nudge(place, rng, size):
        drawn.append(rng.standard_normal())
        return place + size

    climb_to_peak([0, -5, -5], nudge, rng=np.random.default_rng(7))
    assert drawn[0] == np.random.default_rng(7).standard_normal()


def scripted(objectives, **options):
    """EM whose objective takes the given values, whatever its parameters."""
    values = iter(objectives)
    return em(lambda p, _: (1.0, next(values)), lambda s: s, 0.0, None, confirm=False, **options)


def test_a_bad_start_does_not_hide_a_fall():
    with pytest.warns(ObjectiveFellWarning):
        result = scripted([-1e14, -1000.0, -1005.0])
    assert result.objective == -1000.0


@pytest.mark.parametrize(
    ("objectives", "stops_at"),
    [
        ([-10.0, -9.999, -9.9979, -9.9967, -9.9954], None),  # small steps that grow
        ([-10.0, -9.99, -9.981, -9.9729, -9.96561], None),  # small steps that hardly shrink
        ([-20.0, -10.0, -9.9, -9.8, -9.7], None),  # little left by Aitken, but a large step
        ([-10.0, -9.0, -8.999, -8.998999, -8.0], 3),  # small, and shrinking fast
        ([-10.0, -9.9999, -9.9999 - 1e-9, -9.9999 - 2e-9, -9.9999 - 3e-9], None),  # falls
    ],
)
def test_small_steps_are_not_enough(objectives, stops_at):
    result = scripted(objectives, tol=0.02, max_iter=len(objectives) - 1)
    if stops_at is None:
        assert result.stop is StopReason.MAX_ITER
    else:
        assert result.n_iter <= stops_at
        assert result.converged


def test_division_by_zero_in_a_step_keeps_the_last_good_parameters():
    with pytest.warns(DegenerateWarning, match="division"):
        result = em(coins_e_step, lambda _: 1 / 0, np.array([0.6, 0.5]), HEADS)
    np.testing.assert_array_equal(result.params, [0.6, 0.5])


@pytest.mark.parametrize("chunks", [[], (HEADS for _ in range(2))])
def test_chunks_must_be_there_at_every_iteration(chunks):
    with pytest.raises(ValueError, match="list of chunks"):
        em(coins_e_step, coins_m_step, np.array([0.6, 0.5]), chunks, map=map)


@pytest.mark.parametrize("returned", [3.0, (1.0, np.ones(2)), (-5.0, None)])
def test_an_e_step_that_returns_something_else_is_told_so(returned):
    with pytest.raises(TypeError, match="e_step must return"):
        em(lambda p, d: returned, lambda s: s, 0.0, None)


def test_statistics_that_are_not_numbers_are_told_so():
    with pytest.raises(TypeError, match="must be numbers or arrays, got None"):
        relative_nudge({"n": 1.0, "note": None}, np.random.default_rng(0), 0.1)


@pytest.mark.parametrize(
    "other", [(1.0,), (1.0, 2.0, 3.0), {"n": 1.0, "m": 2.0}, Counts(1.0, 2.0), 3.0]
)
@pytest.mark.parametrize(
    "tree", [(1.0, 2.0), [1.0, 2.0], {"n": 1.0, "sum": 2.0}, Sums(*np.ones((3, 1, 1)))]
)
def test_statistics_of_different_shapes_do_not_add(tree, other):
    with pytest.raises(ValueError, match="must have the same parts, got"):
        add(tree, other)
    chunks = [tree, other]
    with pytest.raises(ValueError, match="same parts"):
        em(lambda _, chunk: (chunk, -1.0), lambda s: 0.5, 0.5, chunks, map=map)


@pytest.mark.parametrize(
    "grown",
    [
        {"theta": np.array([0.6, 0.5]), "more": 1.0},
        {"other": np.array([0.6, 0.5])},
        {"theta": np.array([0.6, 0.5, 0.4])},
        [np.array([0.6, 0.5])],
    ],
)
def test_leaps_name_parameters_that_are_not_those_of_the_start(grown):
    visits = count(1)

    def e_step(_, heads):
        return coins_e_step(START, heads)[0], -1 / next(visits)

    with pytest.raises(ValueError, match=r"same parts, got|must have the 2 numbers of the start"):
        em(e_step, lambda _: grown, {"theta": START}, HEADS, accelerate=True)


@pytest.mark.parametrize("accelerate", [False, True])
def test_whole_numbers_among_parameters_and_statistics_stay_whole(accelerate):
    # Only what `range` and `np.zeros` take as sizes; the estimates are those of the plain coins.
    def e_step(params, heads):
        found, log_likelihood = coins_e_step(params["theta"], heads)
        return {"k": len(range(params["k"])), "found": found}, log_likelihood

    def m_step(statistics):
        heads, tails = statistics["found"]
        empty = np.zeros(statistics["k"])
        return {"k": statistics["k"], "theta": empty + heads / (heads + tails)}

    start = {"k": 2, "theta": np.array([0.6, 0.5])}
    result = em(e_step, m_step, start, HEADS, tol=1e-10, accelerate=accelerate)
    assert result.confirmed
    assert all(type(params["k"]) is int for params in result.trace.params)
    assert bool(result.trace.leapt_at) is accelerate
    np.testing.assert_allclose(result.params["theta"], [0.7968, 0.5196], atol=1e-4)


def test_statistics_that_are_all_whole_numbers_are_nudged():
    seen = []

    def e_step(theta, heads):  # hard EM: every set is one coin's
        first = np.argmin(np.abs(heads[:, None] / 10 - theta), axis=1) == 0
        counts = [int(n) for n in (heads[first].sum(), first.sum(), heads[~first].sum())]
        return (*counts, int((~first).sum())), -float(np.abs(heads / 10 - theta[~first * 1]).sum())

    def m_step(counts):
        seen.append(counts)
        return np.array([counts[0] / counts[1], counts[2] / counts[3]]) / 10

    em(e_step, m_step, np.array([0.6, 0.5]), np.array([5, 9, 8, 4, 7]))
    assert any(isinstance(n, float) for counts in seen for n in counts)


def test_a_whole_number_that_is_only_a_start_may_become_any():
    # The linkage example (Dempster, Laird and Rubin 1977), in the logit of p.
    def e_step(logit, y):
        return linkage_e_step(expit(logit), y)

    result = em(e_step, lambda c: np.log(c[0] / c[1]), 0, LINKAGE, tol=1e-12, accelerate=True)
    assert expit(result.params) == pytest.approx(0.6268214980, abs=1e-6)


def test_traces_are_compared_by_identity():
    assert Trace((0.0,), np.zeros(1)) != Trace((0.0,), np.zeros(1))


def into_its_argument(counts):
    counts[0][:] = coins_m_step(counts)
    return counts[0]


def into_the_start(counts):
    START[:] = coins_m_step(counts)
    return START


def into_one_buffer(counts):
    BUFFER[:] = coins_m_step(counts)
    return BUFFER


def e_step_into_its_argument(theta, heads):
    found = coins_e_step(theta, heads)
    theta[:] = coins_m_step(found[0])
    return found


def e_step_into_its_data(theta, heads):
    heads *= 0.9
    return coins_e_step(theta, heads)


@pytest.mark.parametrize(
    ("e_step", "m_step", "name"),
    [
        (coins_e_step, into_its_argument, "m_step writes"),
        (coins_e_step, into_the_start, "m_step writes"),
        (coins_e_step, into_one_buffer, "m_step writes"),
        (e_step_into_its_argument, coins_m_step, "e_step writes"),
        (e_step_into_its_data, coins_m_step, "e_step writes"),
    ],
)
@pytest.mark.parametrize("accelerate", [False, True])
def test_steps_that_write_into_what_they_were_given_are_named(e_step, m_step, name, accelerate):
    START[:] = 0.6, 0.5
    with pytest.raises(ValueError, match=name):
        em(e_step, m_step, START, HEADS.copy(), accelerate=accelerate)


def test_parameters_may_be_parts_of_the_statistics():
    def e_step(theta, heads):
        counts, log_likelihood = coins_e_step(theta, heads)
        return coins_m_step(counts), log_likelihood

    result = em(e_step, lambda statistics: statistics, np.array([0.6, 0.5]), HEADS)
    np.testing.assert_allclose(result.params, [0.7968, 0.5196], atol=1e-4)  # Do and Batzoglou


def test_a_map_that_loses_chunks_or_takes_rows_for_them_is_refused():
    chunks = [HEADS[:2], HEADS[2:]]
    with pytest.raises(ValueError, match="map returned 1 results for 2 chunks"):
        em(coins_e_step, coins_m_step, START, chunks, map=lambda f, c: [f(c[0])])
    with pytest.raises(ValueError, match="array_split"):
        em(coins_e_step, coins_m_step, START, HEADS, map=map)
    with pytest.raises(TypeError) as caught:
        em(coins_e_step, coins_m_step, START, [HEADS, "none"], map=map)
    assert caught.value.__notes__ == ["This happened in the E-step of chunk 1 of 2."]


def interrupted_at(call, e_step=coins_e_step):
    calls = []

    def interrupted(*args):
        calls.append(args)
        if len(calls) == call:
            raise KeyboardInterrupt
        return e_step(*args)

    return interrupted


@pytest.mark.parametrize("accelerate", [False, True])
def test_ctrl_c_leaves_the_path_so_far(accelerate):
    start = np.array([0.6, 0.5])
    options = {"accelerate": accelerate, "tol": 1e-9}
    whole = em(coins_e_step, coins_m_step, start, HEADS, **options)
    assert whole.n_steps > len(whole.trace)  # so that the last call below confirms
    for call in (5, whole.n_steps):
        with pytest.raises(Interrupted) as caught:
            em(interrupted_at(call), coins_m_step, start, HEADS, **options)
        result = caught.value.result
        assert result.stop is StopReason.INTERRUPTED
        assert "interrupted" in result.message
        n = min(call - 1, len(whole.trace))
        assert n - 2 <= len(result.trace) <= n  # a leap takes visits that are not on the path
        np.testing.assert_array_equal(result.params, whole.trace.params[len(result.trace) - 1])


@pytest.mark.parametrize(("height", "unit"), [(0.5, 1.0), (-3.0, 3.0), (1e4, 1e4)])
def test_a_fall_is_one_from_the_tolerance_on_and_not_before(height, unit):
    for share, stop in ((0.9, StopReason.MAX_ITER), (1.1, StopReason.OBJECTIVE_FELL)):
        objectives = height, height - share * FALL_TOLERANCE * unit
        points = (Visit(None, None, objective) for objective in objectives)
        assert climb(points, tol=0, max_iter=1).stop is stop


@pytest.mark.parametrize(("height", "unit"), [(0.5, 1.0), (-3.0, 3.0), (1e4, 1e4)])
def test_a_step_counts_unless_rounding_explains_it(height, unit):
    for units, counts in ((1.2, False), (3.2, True)):
        path = Path()
        for objective in (height - 0.1, height, height + units * np.finfo(float).eps * unit):
            path.add(Visit(None, None, objective))
        assert bool(gains_to_come(path, exact=True)[1] > 0) is counts


@pytest.mark.parametrize(("before", "step", "shrinks"), [(553, 550, False), (600, 550, True)])
def test_steps_that_shrink_by_less_than_rounding_may_go_on_for_ever(before, step, shrinks):
    unit, path = np.spacing(1e4), Path()
    for climbed in (0, before, before + step):
        path.add(Visit(None, None, 1e4 + climbed * unit))
    assert bool(gains_to_come(path, exact=True)[1] < np.inf) is shrinks


def test_two_steps_that_gain_nothing_are_the_end():
    result = scripted([-1.5] * 9)
    assert result.converged
    assert result.n_iter == 2


def test_two_steps_after_a_leap_what_it_gained_may_still_be_to_gain():
    path = Path()
    for objective, leapt in ((-10, False), (-9, False), (-8.9, False), (-5, True)):
        path.add(Visit(None, None, float(objective), leapt))
    path.add(Visit(None, None, -4.999))
    path.add(Visit(None, None, -4.9989))
    assert gains_to_come(path, exact=True)[1] == pytest.approx(8.9 - 4.9989)
    path.add(Visit(None, None, -4.99889))
    assert gains_to_come(path, exact=True)[1] < 1e-4


def test_a_step_that_fails_beside_the_path_loses_no_fit():
    linkage = np.array([125.0, 18, 20, 34])

    def e_step(theta, y):
        p = np.array([2 + theta, 1 - theta, 1 - theta, theta]) / 4
        return y[0] * theta / (2 + theta), float(y @ np.log(p))

    def m_step(inherited):
        assert inherited < 30, "more than the data hold"  # which is so on all of EM's path
        return (inherited + 34) / (inherited + 72)

    result = em(e_step, m_step, 0.5, linkage)
    assert result.converged
    assert result.params == pytest.approx((15 + np.sqrt(53809)) / 394, abs=1e-5)


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


def test_an_alarm_after_a_nudge_names_the_nudge():
    x = np.concatenate([np.full(20, -2.0), np.full(20, 2.0)]) + np.linspace(-1, 1, 40)

    def e_step(params, x):
        joint = params[0] * np.exp(-0.5 * (x[:, None] - params[1]) ** 2)
        r = joint / joint.sum(axis=1, keepdims=True)
        return (r.sum(axis=0), r.T @ x), np.log(joint.sum(axis=1)).sum()

    def m_step(s):  # exact, of statistics that sum to the number of points
        return s[0] / len(x), s[1] / s[0]

    def nudge(s, _, size):
        return tuple(part * (1 + size) for part in s)

    with pytest.warns(ObjectiveFellWarning, match="normalise"):
        em(e_step, m_step, (np.full(2, 0.5), np.array([-1.0, 1.0])), x, nudge=nudge)


def test_with_map_an_e_step_that_writes_into_parameters_is_named():
    def e_step(theta, heads):
        found = coins_e_step(theta, heads)
        theta *= 0.9
        return found

    with pytest.raises(ValueError, match=r"e_step.* writes into an array"):
        em(e_step, coins_m_step, np.array([0.6, 0.5]), np.split(HEADS, 5), map=map)
