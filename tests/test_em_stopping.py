"""Why the loop stops: gains to come, falls, limits, and steps that cannot be taken."""

import numpy as np
import pytest

from emlib import DegenerateError, DegenerateWarning, ObjectiveFellWarning, StopReason, em
from emlib.em import Path, climb, gains_to_come
from emlib.results import FALL_TOLERANCE, Interrupted, Visit
from tests.published import (
    DEATHS,
    DEATHS_MAXIMUM,
    HEADS,
    coins_e_step,
    coins_m_step,
    poisson_e_step,
    poisson_m_step,
)


def test_tol_bounds_the_distance_to_the_limit_where_steps_are_small():
    start = np.array([0.3, 0.7]), np.array([1.0, 2.5])
    result = em(poisson_e_step, poisson_m_step, start, DEATHS, tol=1e-5, max_iter=5000)
    missing = DEATHS_MAXIMUM - result.objective
    last_step = np.diff(result.trace.objective)[-1]
    assert 0 < missing < 2e-5
    assert missing > 50 * last_step  # a rule on the step alone would have been fooled


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
