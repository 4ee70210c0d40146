"""SQUAREM: fewer steps to the same maximum, and never downhill."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning

from emlib import GaussianMixture, StopReason, em, mixture
from emlib.covariances import FORMS, Full
from emlib.datasets import load_faithful
from emlib.families import Poisson
from emlib.mixture import MixtureParams
from emlib.mixture.blocks import Blocks
from emlib.mixture.fitting import coordinates
from emlib.results import FALL_TOLERANCE
from emlib.squarem import Coordinates, leap
from tests.published import DEATHS, DEATHS_MAXIMUM, LINKAGE, LINKAGE_MAXIMUM, coins_m_step

DAYS = Blocks(DEATHS[0][:, None], Poisson(), DEATHS[1])
STEPS = {
    "e_step": partial(mixture.e_step, family=Poisson()),
    "m_step": partial(mixture.m_step, family=Poisson()),
}


def times_deaths(p, first, second, **options):
    start = (np.array([p, 1 - p]), np.array([[first], [second]]))
    return em(**STEPS, params=start, data=DAYS, tol=1e-10, max_iter=5000, confirm=False, **options)


@pytest.mark.parametrize(
    "start", [(0.3, 1.0, 2.5), (0.2, 2.9, 2.1), (0.5, 1.0, 2.0), (0.1, 0.5, 3.0)]
)
def test_times_deaths_take_a_twentieth_of_the_steps(start):
    # Varadhan and Roland's package takes 28 to 105 evaluations from these starts, EM over 2500.
    plain, leaping = times_deaths(*start), times_deaths(*start, accelerate=True)
    assert plain.n_steps > 2000
    assert leaping.n_steps <= 150
    if start == (0.3, 1.0, 2.5):
        assert leaping.n_steps <= 100
    for result in (plain, leaping):
        np.testing.assert_allclose(result.objective, DEATHS_MAXIMUM, atol=1e-8)


def test_leaps_are_on_record_and_nothing_falls():
    trace = times_deaths(0.3, 1.0, 2.5, accelerate=True).trace
    assert len(trace.leapt_at) > 5
    # A leap keeps the sum of the weights only up to rounding, times its length.
    assert np.all(np.diff(trace.objective) > -1e-7)
    plain = times_deaths(0.3, 1.0, 2.5).trace
    np.testing.assert_array_equal(trace.objective[:3], plain.objective[:3])
    assert trace.leapt_at[0] == 3
    assert times_deaths(0.3, 1.0, 2.5).trace.leapt_at == ()


def poorly_separated(seed):
    rng = np.random.default_rng(seed)
    k, d = int(rng.integers(2, 4)), int(rng.integers(1, 3))
    x = np.concatenate([rng.normal(size=(100, d)) + c for c in rng.normal(size=(k, d))])
    means = x[rng.choice(len(x), k, replace=False)]
    start = MixtureParams(np.full(k, 1 / k), means, np.stack([np.cov(x.T).reshape(d, d)] * k))
    return x, start


def test_poorly_separated_mixtures_take_a_third_of_the_steps_at_the_median():
    ratios, family = [], Full(1e-6)
    for seed in range(20):
        x, start = poorly_separated(seed)
        run = partial(
            em,
            partial(mixture.e_step, family=family),
            partial(mixture.m_step, family=family),
            start,
            Blocks.of(x),
            tol=1e-4,
            max_iter=3000,
            confirm=False,
        )
        leaping = run(accelerate=coordinates(family, *start.means.shape))
        assert leaping.objective >= leaping.trace.objective[0]
        assert leaping.stop in (StopReason.CONVERGED, StopReason.MAX_ITER)
        ratios.append(run().n_steps / leaping.n_steps)
    assert np.median(ratios) >= 3


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(list(FORMS)))
def test_the_likelihood_never_falls(seed, kind):
    x, start = poorly_separated(seed)
    family = FORMS[kind](1e-6)
    first = mixture.statistics(mixture.responsibilities(start, x), x, family)
    trace = em(
        partial(mixture.e_step, family=family),
        partial(mixture.m_step, family=family),
        mixture.m_step(first, family),
        Blocks.of(x),
        max_iter=60,
        confirm=False,
        accelerate=coordinates(family, *start.means.shape),
    ).trace
    assert np.all(np.diff(trace.objective) >= -1e-8 * np.abs(trace.objective[1:]))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(list(FORMS)))
def test_coordinates_lead_back(seed, kind):
    x, start = poorly_separated(seed)
    family = FORMS[kind]()
    params = mixture.m_step(
        mixture.statistics(mixture.responsibilities(start, x), x, family), family
    )
    there = coordinates(family, *params.means.shape)
    for ours, theirs in zip(there.from_vector(there.to_vector(params)), params, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def test_a_geometric_path_is_followed_to_its_end():
    # Steps that shrink by one factor along a line: the leap lands on the limit.
    limit, start = np.array([3.0, -2.0]), np.zeros(2)
    once, twice = (limit + 0.9**i * (start - limit) for i in (1, 2))
    reached, length = leap(Coordinates.of(start), start, once, twice)
    np.testing.assert_allclose(reached, limit)
    assert length == pytest.approx(10)  # 1 / (1 - 0.9)
    assert leap(Coordinates.of(start), start, once, twice, 3.0)[1] == 3


def test_a_leap_that_would_make_a_weight_negative_goes_half_as_far_beyond_one_step():
    coordinates = Coordinates(np.positive, np.positive, keep_ranges=True)
    path = [np.array(point) for point in ((1.0, 10.0), (0.92, 9.0), (0.84, 8.1))]
    whole = 10 * np.hypot(1.0, 0.08)  # steps (-0.08, -1), whose difference is (0, 0.1)
    assert 1 - 2 * 0.08 * whole < 0 < 1 - 2 * 0.08 * (whole + 1) / 2
    assert leap(coordinates, *path)[1] == pytest.approx((whole + 1) / 2)
    likewise = [np.array([1 - weight, other]) for weight, other in path]  # a probability near one
    assert leap(coordinates, *likewise)[1] == pytest.approx((whole + 1) / 2)


def lengths_of_leaps(trace, left):
    """The leaps' lengths where steps leave 0.999 of the way: of length a, (1 - 0.001 a)^2 of it."""
    leapt = np.array(trace.leapt_at)
    return (1 - np.sqrt(np.maximum(left[leapt] / left[leapt - 2], 0))) / 0.001


def test_leaps_become_four_times_as_long_while_the_longest_succeed():
    result = em(
        lambda theta, _: (theta, -float((theta - 1) ** 2)),
        lambda theta: 1 + 0.999 * (theta - 1),
        np.float64(0.0),
        None,
        tol=1e-18,
        accelerate=True,
        confirm=False,
    )
    lengths = lengths_of_leaps(result.trace, 1 - np.array(result.trace.params))[:5]
    np.testing.assert_allclose(lengths, [4, 16, 64, 256, 1000], rtol=1e-4)


def test_a_leap_that_fails_is_followed_by_one_of_half_the_length():
    walls = [0.13]  # the leap of length 64 is the first to come here, and finds a bad place, once

    def e_step(theta, _):
        if walls and theta > walls[0]:
            walls.pop()
            return theta, -10.0
        return theta, -float((theta - 1) ** 2)

    result = em(
        e_step,
        lambda theta: 1 + 0.999 * (theta - 1),
        np.float64(0.0),
        None,
        tol=1e-18,
        accelerate=True,
        confirm=False,
    )
    lengths = lengths_of_leaps(result.trace, 1 - np.array(result.trace.params))[:4]
    np.testing.assert_allclose(lengths, [4, 16, 32, 128], rtol=1e-4)


def test_leaps_shorter_than_the_longest_do_not_make_the_next_longer():
    # At first steps shrink quickly along the one axis, and leaps are short; then only the other.
    rates = np.array([0.5, 0.999])
    result = em(
        lambda theta, _: (theta, -float(theta @ theta)),
        lambda theta: rates * theta,
        np.array([1.0, 0.01]),
        None,
        tol=1e-18,
        accelerate=True,
        confirm=False,
    )
    lengths = lengths_of_leaps(result.trace, np.array(result.trace.params)[:, 1])[:5]
    np.testing.assert_allclose(lengths, [2, 4, 16, 64, 256], rtol=0.01)


@pytest.mark.parametrize("end", [[2.0, 2.0], [1.0, 1.0], [0.9, 1.0]])
def test_no_leap_where_the_path_does_not_slow_down(end):
    points = [np.zeros(2), np.ones(2), np.array(end)]
    assert leap(Coordinates.of(points[0]), *points) is None


def test_a_leap_out_of_the_range_is_taken_back():
    # The chance of a rare coin: leaps overshoot zero, where the E-step has no answer.
    heads = np.array([0.0, 0.0, 1.0, 0.0])

    def e_step(theta, heads):
        if theta < 0:
            raise ValueError("a chance cannot be negative")
        return (heads + 20 * theta).sum(), -100 * (theta - 0.02) ** 2

    def m_step(total):
        return np.float64(0.02 + 0.97 * (total - 1) / 80 - 0.97 * 0.02)

    result = em(e_step, m_step, np.float64(0.5), heads, confirm=False, accelerate=True)
    assert result.params == pytest.approx(0.02, abs=1e-3)


def test_a_leap_from_which_em_falls_is_taken_back():
    # Leaps overshoot the limit 0.2, below which the objective is high but the model is none.
    def e_step(theta, _):
        return theta, 1.0 if theta < 0.2 else -((theta - 0.2) ** 2)

    def m_step(theta):
        ahead = theta - 0.2
        return np.float64(0.9 if ahead < 0 else 0.2 + 0.85 * ahead + 0.2 * ahead**2)

    result = em(e_step, m_step, np.float64(0.7), None, confirm=False, accelerate=True)
    assert result.stop is StopReason.CONVERGED
    assert result.params == pytest.approx(0.2, abs=1e-3)
    assert result.params >= 0.2


def test_a_leap_to_where_there_are_no_parameters_is_not_taken():
    def from_vector(_):
        raise np.linalg.LinAlgError("not positive definite")

    coordinates = Coordinates(to_vector=np.atleast_1d, from_vector=from_vector)
    result = em(
        lambda theta, _: (theta, -float((theta - 1) ** 2)),
        lambda theta: 1 + 0.9 * (theta - 1),
        np.float64(0.0),
        None,
        accelerate=coordinates,
        confirm=False,
    )
    assert result.converged
    assert result.params == pytest.approx(1.0, abs=1e-2)


def test_a_leap_that_is_not_lower_is_taken():
    seen = []

    def e_step(theta, _):
        seen.append(theta)
        return theta, -float(theta**2)

    # To the other side of the maximum, and exactly as high.
    across = Coordinates(to_vector=np.atleast_1d, from_vector=lambda _: -seen[-1])
    start = np.float64(1.0)
    result = em(e_step, lambda theta: theta / 2, start, None, accelerate=across, confirm=False)
    assert result.trace.leapt_at[0] == 3
    assert result.trace.params[:4] == (1.0, 0.5, 0.25, -0.25)


@pytest.mark.parametrize(("fall", "leapt_at"), [(0.9, (3,)), (1.1, ())])
def test_a_leap_after_which_em_falls_by_no_more_than_rounding_is_taken(fall, leapt_at):
    # Three points of EM, the leap's, and EM's next: the last may be lower by the tolerance.
    objectives = iter([0.1, 0.2, 0.25, 0.5, 0.5 - fall * FALL_TOLERANCE, 0.3])
    result = em(
        lambda theta, _: (theta, next(objectives)),
        lambda theta: theta / 2,
        np.float64(1.0),
        None,
        accelerate=True,
        confirm=False,
        max_iter=3,
    )
    assert result.trace.leapt_at == leapt_at


def test_a_leap_to_where_numbers_overflow_is_not_taken_and_nothing_is_warned_of():
    coordinates = Coordinates(to_vector=np.atleast_1d, from_vector=lambda _: np.float64(1e200))
    result = em(
        lambda theta, _: (theta, -float((theta - 1) ** 2)),
        lambda theta: 1 + 0.9 * (theta - 1),
        np.float64(0.0),
        None,
        accelerate=coordinates,
        confirm=False,
    )
    assert result.converged
    assert result.trace.leapt_at == ()


@pytest.mark.parametrize("max_iter", range(1, 12))
def test_the_iteration_limit_is_never_overshot(max_iter):
    result = times_deaths_limited(max_iter)
    assert result.n_iter == max_iter
    assert result.stop is StopReason.MAX_ITER
    x = load_faithful().values
    settings = {"accelerate": True, "tol": 1e-12, "random_state": 0}
    with pytest.warns(ConvergenceWarning):
        model = GaussianMixture(3, max_iter=max_iter, **settings).fit(x)
    assert model.n_iter_ == max_iter


def times_deaths_limited(max_iter):
    start = (np.array([0.3, 0.7]), np.array([[1.0], [2.5]]))
    return em(**STEPS, params=start, data=DAYS, tol=0, max_iter=max_iter, accelerate=True)


@pytest.mark.parametrize("seed", [10, *range(100, 112)])
def test_a_leap_makes_no_weight_negative(seed):
    x = np.random.default_rng(seed).normal(size=80)
    densities = np.exp(-0.5 * (x[:, None] - [-1.0, 0.0, 0.3, 1.2]) ** 2)  # only weights are unknown

    def e_step(weights, f):
        r = f * weights / (f @ weights)[:, None]
        return r.sum(axis=0), np.log(f @ weights).sum()

    fits = [
        em(
            e_step,
            lambda n: n / n.sum(),
            np.full(4, 0.25),
            densities,
            accelerate=leaping,
            max_iter=20_000,
        )
        for leaping in (True, False)
    ]
    assert all((params >= 0).all() for params in fits[0].trace.params)
    assert fits[0].objective == pytest.approx(fits[1].objective, abs=1e-4)
    assert fits[0].trace.leapt_at


@pytest.mark.parametrize(
    ("tosses", "heads"), [(3, [1, 2, 3, 3, 3]), (4, [0, 1, 4, 4, 4]), (6, [0, 1, 1, 6])]
)
def test_a_leap_makes_no_probability_greater_than_one(tosses, heads):
    # The likelihood goes on beyond one, where powers of 1 - theta may be positive, and rises.
    def e_step(theta, heads):
        joint = 0.5 * theta ** heads[:, None] * (1 - theta) ** (tosses - heads[:, None])
        r = joint / joint.sum(axis=1, keepdims=True)
        return (r.T @ heads, r.T @ (tosses - heads)), np.log(joint.sum(axis=1)).sum()

    problem = e_step, coins_m_step, np.array([0.6, 0.5]), np.array(heads)
    plain, leaping = em(*problem), em(*problem, accelerate=True)
    assert all((theta <= 1).all() for theta in leaping.trace.params)
    assert leaping.confirmed
    assert leaping.objective == pytest.approx(plain.objective, abs=1e-5)


@pytest.mark.parametrize(
    ("params", "accelerate", "message"),
    [
        ((0.5, "name"), True, "must be numbers, got 'name'"),
        (0.5, "yes", "must be True, False or Coordinates"),
    ],
)
def test_what_cannot_be_accelerated_is_said(params, accelerate, message):
    with pytest.raises(TypeError, match=message):
        em(lambda p, x: (1.0, 0.0), lambda s: s, params, None, accelerate=accelerate)


def test_a_dict_of_parameters_may_have_its_keys_in_any_order():
    forward = Coordinates.of({"a": 0.0, "b": 0.0})
    backward = forward.to_vector({"b": 2.0, "a": 1.0})
    assert forward.from_vector(backward) == {"a": 1.0, "b": 2.0}


def test_a_mistake_in_coordinates_is_not_taken_for_a_leap_that_fails():
    def wrong(_):
        return undefined_name  # noqa: F821

    def e_step(theta, y):
        p = np.array([2 + theta, 1 - theta, 1 - theta, theta]) / 4
        return y[0] * theta / (2 + theta), float(y @ np.log(p))

    def m_step(inherited):
        return (inherited + 34) / (inherited + 72)

    with pytest.raises(NameError):
        em(e_step, m_step, 0.01, LINKAGE, accelerate=Coordinates(np.atleast_1d, wrong), tol=1e-12)
    leaping = em(e_step, m_step, 0.01, LINKAGE, accelerate=Coordinates(np.log, np.exp), tol=1e-12)
    assert leaping.params == pytest.approx(LINKAGE_MAXIMUM)
    assert leaping.trace.leapt_at
