"""The confirmation: nudges from where EM has stopped, off saddles, and back to maxima."""

import warnings

import numpy as np
import pytest
from scipy.special import expit

from emlib import ObjectiveFellWarning, StopReason, em
from emlib.em import relative_nudge
from tests.published import HEADS, LINKAGE, LINKAGE_MAXIMUM, coins_e_step, coins_m_step


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


def test_relative_nudge_keeps_signs_and_form():
    counts = {"n": np.array([1.0, 2.0]), "sum": (3.0, 0.0)}
    nudged = relative_nudge(counts, np.random.default_rng(0), 0.3)
    assert np.all(nudged["n"] > 0)
    assert nudged["sum"][1] == 0
    assert nudged["sum"][0] != 3.0


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


def nudged_to_where_the_objective_falls():
    def e_step(place, _):
        return place, -abs(place)

    def m_step(place):
        return place / 2 if place < 1 else 2 * place

    return em(e_step, m_step, 0.5, None, nudge=lambda place, rng, size: place + 5)


def test_a_fall_after_a_nudge_is_not_hushed_up():
    with pytest.warns(ObjectiveFellWarning, match="after a nudge") as caught:
        result = nudged_to_where_the_objective_falls()
    assert len(caught) == 1
    assert result.converged


def test_a_warning_is_of_the_line_that_calls_em():
    with pytest.warns(ObjectiveFellWarning) as caught:
        nudged_to_where_the_objective_falls()
    assert [warning.filename for warning in caught] == [__file__]


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


def test_statistics_that_are_not_numbers_are_told_so():
    with pytest.raises(TypeError, match="must be numbers or arrays, got None"):
        relative_nudge({"n": 1.0, "note": None}, np.random.default_rng(0), 0.1)


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


def test_a_step_that_fails_beside_the_path_loses_no_fit():
    def e_step(theta, y):
        p = np.array([2 + theta, 1 - theta, 1 - theta, theta]) / 4
        return y[0] * theta / (2 + theta), float(y @ np.log(p))

    def m_step(inherited):
        assert inherited < 30, "more than the data hold"  # which is so on all of EM's path
        return (inherited + 34) / (inherited + 72)

    result = em(e_step, m_step, 0.5, LINKAGE)
    assert result.converged
    assert result.params == pytest.approx(LINKAGE_MAXIMUM, abs=1e-5)


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
