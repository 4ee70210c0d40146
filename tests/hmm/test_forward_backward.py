"""Forward-backward and Viterbi of one sequence give what the sum over all paths gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.special import softmax

from emlib import DegenerateError
from emlib.hmm.forward_backward import forward, in_logs, plain, viterbi
from tests.hmm.helpers import CHAINS, NEVER_MOVES, blocked, chains, enumerated


@pytest.mark.parametrize("level", [0.0, -1e5, -9e5])
def test_the_filter_and_logarithms_are_exact_at_any_level_that_all_states_share(level):
    log_b = np.random.default_rng(0).normal(size=(1000, 2)) / 100
    free = np.log([0.4, 0.6]) + log_b.cumsum(axis=0)  # of states that never change
    share = softmax(free, axis=1)
    filtered, _ = forward(np.array([0.4, 0.6]), np.eye(2), log_b + level)
    np.testing.assert_allclose(filtered, share, rtol=1e-7)
    found = in_logs(np.array([0.4, 0.6]), np.eye(2), log_b + level).responsibilities
    np.testing.assert_allclose(found, np.tile(share[-1], (1000, 1)), rtol=1e-7)


def test_the_filter_says_when_scaling_lost_what_comes_to_matter():
    log_b = np.array([[0.0, -800.0], [-500.0, 0.0], [-500.0, 0.0]])
    assert in_logs(np.full(2, 0.5), np.eye(2), log_b).log_likelihood == pytest.approx(
        np.log(0.5) - 800
    )
    with pytest.raises(DegenerateError, match="on the way"):
        forward(np.full(2, 0.5), np.eye(2), log_b)


@pytest.mark.parametrize("method", [plain, blocked, in_logs])
@given(chain=chains())
@settings(max_examples=60)
def test_forward_backward_is_the_sum_over_all_paths(method, chain):
    r, transitions, log_likelihood, _ = enumerated(*chain)
    found = method(*chain)
    np.testing.assert_allclose(found.responsibilities, r, atol=1e-10)
    np.testing.assert_allclose(found.transitions, transitions, atol=1e-10)
    np.testing.assert_allclose(found.log_likelihood, log_likelihood, rtol=1e-11, atol=1e-10)


@given(chain=chains())
@settings(max_examples=60)
def test_viterbi_finds_the_best_of_all_paths(chain):
    startprob, transmat, log_b = chain
    path, log_p = viterbi(*chain)
    best = enumerated(*chain)[3]
    np.testing.assert_allclose(log_p, np.log(best), rtol=1e-11, atol=1e-10)
    steps = np.prod(transmat[path[:-1], path[1:]])
    along = startprob[path[0]] * steps * np.prod(np.exp(log_b[np.arange(len(path)), path]))
    np.testing.assert_allclose(along, best, rtol=1e-9)


@given(chain=chains())
@settings(max_examples=30)
def test_filtering_sees_no_later_observation(chain):
    startprob, transmat, log_b = chain
    filtered, log_likelihood = forward(*chain)
    for t in range(1, len(log_b) + 1):
        r, _, so_far, _ = enumerated(startprob, transmat, log_b[:t])
        np.testing.assert_allclose(filtered[t - 1], r[-1], atol=1e-10)
    np.testing.assert_allclose(log_likelihood, so_far, rtol=1e-11, atol=1e-10)


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("method", [plain, blocked])
def test_long_chains_are_as_in_logs(name, method):
    expected, found = in_logs(*CHAINS[name]), method(*CHAINS[name])
    np.testing.assert_allclose(found.responsibilities, expected.responsibilities, atol=1e-9)
    np.testing.assert_allclose(found.transitions, expected.transitions, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.log_likelihood, expected.log_likelihood, rtol=1e-12)


def test_forbidden_steps_are_never_taken():
    startprob, transmat, log_b = CHAINS["left to right"]
    found = blocked(startprob, transmat, log_b)
    assert np.all(found.transitions[transmat == 0] == 0)
    assert found.responsibilities[0].tolist() == [1, 0, 0]


def test_a_million_steps_do_not_underflow():
    t = 1_000_000
    b = np.tile([[-5.0, -900.0], [-700.0, -3.0]], (t // 2, 1))
    stays = np.array([[0.4, 0.6], [0.3, 0.7]])
    found = blocked(np.array([1.0, 0.0]), stays, b)
    # The states are as good as seen: one after the other.
    expected = (-5 - 3) * t / 2 + np.log(0.6) * t / 2 + np.log(0.3) * (t / 2 - 1)
    np.testing.assert_allclose(found.log_likelihood, expected, rtol=1e-12)
    np.testing.assert_allclose(found.responsibilities[:2], np.eye(2), atol=1e-12)


LATE = {
    "at the end": np.array([[0.0, 0.0], [0.0, 0.0], [0.0, -1900.0]]),
    "at the start": np.array([[0.0, -1900.0], [0.0, 0.0], [0.0, 0.0]]),
    "against what was lost": np.array([[0.0, -800.0], [-1900.0, 0.0], [0.0, 0.0]]),
    "bit by bit, lost both ways": np.array(
        [[0, -800], [-400, 0], [-400, 0], [-400, 0], [-400, 0], [0, -799.0]]
    ),
}


@pytest.mark.parametrize("name", LATE)
@pytest.mark.parametrize("method", [blocked, in_logs])
def test_evidence_beyond_the_range_of_floats_counts_in_full(name, method):
    log_b = LATE[name]
    found = method(np.full(2, 0.5), NEVER_MOVES, log_b)
    # Two paths, as the chain never moves.
    paths = log_b.sum(axis=0) + np.log(0.5)
    np.testing.assert_allclose(found.log_likelihood, np.logaddexp(*paths), rtol=1e-12)
    expected = np.exp(paths - np.logaddexp(*paths))
    np.testing.assert_allclose(found.responsibilities, np.tile(expected, (len(log_b), 1)))


@pytest.mark.parametrize(
    ("startprob", "log_b"),
    [
        ([1.0, 0.0], [[0.0, 0.0], [-1900.0, 0.0]]),
        # What is likely from the start on, and what is likely from the end on, exclude each other.
        ([0.5, 0.5], [[0.0, -400.0], [0.0, -400.0], [-400.0, 0.0], [-400.0, 0.0]]),
    ],
)
def test_plain_says_that_scaling_cannot_hold_it(startprob, log_b):
    with pytest.raises(DegenerateError, match=r"at time 1, .* Use in_logs"):
        plain(np.array(startprob), NEVER_MOVES, np.array(log_b))


def test_what_is_too_small_for_a_float_is_zero_also_where_numpy_is_told_to_raise():
    with np.errstate(under="raise"):
        found = plain(np.full(2, 0.5), np.full((2, 2), 0.5), np.array([[0.0, -800.0], [-900.0, 0]]))
    np.testing.assert_array_equal(found.responsibilities, np.eye(2))
    assert found.log_likelihood == pytest.approx(np.log(0.25), rel=1e-12)


@pytest.mark.parametrize("method", [blocked, in_logs, viterbi])
def test_impossible_sequences_are_errors(method):
    never = np.array([[0.0, 0.0], [0.0, 0.0], [-np.inf, 0.0]])
    with pytest.raises(DegenerateError, match="sequence 0 is impossible"):
        method(np.array([1.0, 0.0]), NEVER_MOVES, never)


def test_the_time_of_an_impossible_observation_is_named():
    never = np.array([[0.0, 0.0], [0.0, 0.0], [-np.inf, 0.0]])
    with pytest.raises(DegenerateError, match="from time 2 on"):
        in_logs(np.array([1.0, 0.0]), NEVER_MOVES, never)
    with pytest.raises(DegenerateError, match="observation 2 has density zero in every state"):
        plain(np.full(2, 0.5), NEVER_MOVES, np.array([[0.0, 0.0], [0.0, 0.0], [-np.inf, -np.inf]]))


@pytest.mark.parametrize("method", [plain, in_logs, forward, viterbi])
def test_what_is_no_chain_is_named(method):
    log_b = np.zeros((3, 2))
    with pytest.raises(ValueError, match="row 1 of transmat"):
        method(np.full(2, 0.5), np.array([[0.5, 0.5], [0.5, 0.6]]), log_b)
    with pytest.raises(ValueError, match="startprob must not be negative"):
        method(np.array([1.5, -0.5]), NEVER_MOVES, log_b)
    with pytest.raises(ValueError, match=r"shapes \(K,\)"):
        method(np.full(3, 1 / 3), NEVER_MOVES, log_b)
    with pytest.raises(ValueError, match="no NaN"):
        method(np.full(2, 0.5), NEVER_MOVES, log_b * np.nan)


def test_logs_lose_no_digits_in_a_long_sequence():
    t = 100_000
    log_b = 2 * np.random.default_rng(0).normal(size=(t, 2)) - 50
    chain = np.full(2, 0.5), np.array([[0.9, 0.1], [0.2, 0.8]])
    found, expected = in_logs(*chain, log_b), plain(*chain, log_b)
    np.testing.assert_allclose(found.transitions.sum(), t - 1, rtol=1e-13)
    np.testing.assert_allclose(found.transitions, expected.transitions, rtol=1e-11)
    np.testing.assert_allclose(found.responsibilities, expected.responsibilities, atol=1e-10)


@pytest.mark.parametrize(
    "log_b",
    [
        [[-750, 0.0], [0, -740], [0, -740]],
        [[-743, 0.0], [0, -2000], [0, -740]],
        [[-400, 0.0], [-400, 0], [0, -400], [0, -400], [0, -400]],
        [[0, -400.0], [0, -400], [-300, 0], [-300, 0]],
    ],
)
def test_what_scaled_numbers_cannot_hold_is_refused_and_not_lost(log_b):
    start, stays, log_b = np.full(2, 0.5), np.eye(2), np.array(log_b)
    each = np.log(0.5) + log_b.sum(axis=0)  # a path stays in its state
    expected = np.logaddexp(*each)
    found = in_logs(start, stays, log_b)
    np.testing.assert_allclose(found.log_likelihood, expected)
    np.testing.assert_allclose(found.responsibilities, np.exp(each - expected)[None] + 0 * log_b)
    for method in (forward, plain):
        try:
            result = method(start, stays, log_b)
        except DegenerateError as error:
            assert "Use in_logs" in str(error)  # noqa: PT017
        else:
            log_likelihood = result[1] if method is forward else result.log_likelihood
            assert log_likelihood == pytest.approx(expected)


@pytest.mark.parametrize(
    ("startprob", "transmat", "log_b", "expected"),
    [
        ([0, 1], [[0.9, 0.1], [0, 1]], np.tile([0.0, -30], (60, 1)), -1800),
        ([1, 0], np.eye(2), np.tile([-400.0, 0], (2, 1)), -800),
    ],
)
def test_what_is_lost_on_the_way_back_does_not_matter_forward(startprob, transmat, log_b, expected):
    found = forward(np.array(startprob, float), np.array(transmat, float), log_b)
    assert found[1] == pytest.approx(expected)
