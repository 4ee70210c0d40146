"""Forward-backward and Viterbi give what the sum over all paths gives."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp

from emlib import CategoricalHMM, DegenerateError, GaussianHMM
from emlib.hmm import walks
from emlib.hmm.forward_backward import Posterior, forward, in_logs, plain, scaled, viterbi
from emlib.hmm.sequences import Pieces


def enumerated(startprob, transmat, log_b):
    """Responsibilities, transitions, likelihood and the best path's probability, from all paths."""
    t, k = log_b.shape
    b = np.exp(log_b)
    r, transitions, total, best = np.zeros((t, k)), np.zeros((k, k)), 0.0, 0.0
    for z in itertools.product(range(k), repeat=t):
        p = startprob[z[0]] * np.prod(b[np.arange(t), z]) * np.prod(transmat[z[:-1], z[1:]])
        r[np.arange(t), z] += p
        np.add.at(transitions, (z[:-1], z[1:]), p)
        total, best = total + p, max(best, p)
    return r / total, transitions / total, np.log(total), best


def scaled_walks(startprob, transmat, b, pieces):
    """Forward-backward of densities in packed order, (K, T); None if they underflow."""
    space = pieces.workspace(len(startprob))
    space.table[:] = b
    return walks.forward_backward(startprob, transmat, pieces, space)


def blocked(startprob, transmat, log_b):
    """As in fits: on pieces of the sequence side by side, and in logs where scaling is too weak."""
    pieces, (b, shifts) = Pieces.of(np.array([len(log_b)])), scaled(log_b)
    found = scaled_walks(startprob, transmat, b[pieces.rows].T, pieces)
    if found is None:
        return in_logs(startprob, transmat, log_b)
    r = found.responsibilities[:, np.argsort(pieces.rows)].T
    return Posterior(r, found.transitions, found.log_likelihoods[0] + shifts.sum())


@st.composite
def chains(draw, longest=8):
    """Small HMMs, some of whose starts and steps are forbidden."""
    k, t = draw(st.integers(1, 4)), draw(st.integers(1, longest))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    zeros = draw(st.sampled_from([0.0, 0.3, 0.6]))
    rows = rng.dirichlet(np.ones(k), size=k + 1) * (rng.uniform(size=(k + 1, k)) >= zeros)
    rows[np.arange(k + 1), rng.integers(k, size=k + 1)] += 0.1
    rows /= rows.sum(axis=1, keepdims=True)
    return rows[0], rows[1:], draw(st.sampled_from([0.1, 1.0, 10.0])) * rng.normal(size=(t, k))


@pytest.mark.parametrize("method", [plain, blocked, in_logs])
@given(chain=chains())
@settings(max_examples=60)
def test_forward_backward_is_the_sum_over_all_paths(method, chain):
    r, transitions, log_likelihood, _ = enumerated(*chain)
    found = method(*chain)
    np.testing.assert_allclose(found.responsibilities, r, atol=1e-10)
    np.testing.assert_allclose(found.transitions, transitions, atol=1e-10)
    np.testing.assert_allclose(found.log_likelihood, log_likelihood, rtol=1e-11, atol=1e-10)


@given(chain=chains(6))
@settings(max_examples=60)
def test_pieces_as_short_as_two_give_the_sum_over_all_paths(chain):
    startprob, transmat, log_b = chain
    r, transitions, log_likelihood, _ = enumerated(*chain)
    pieces = Pieces.of(np.array([len(log_b)]), 2)
    b = np.exp(log_b.T[:, pieces.rows])
    found = scaled_walks(startprob, transmat, b, pieces)
    np.testing.assert_allclose(found.responsibilities, r[pieces.rows].T, atol=1e-10)
    np.testing.assert_allclose(found.transitions, transitions, atol=1e-10)
    np.testing.assert_allclose(found.log_likelihoods, [log_likelihood], atol=1e-9)


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


LONG = 3000
NOISE = np.random.default_rng(0).normal(size=(LONG, 3))
EVEN = np.full(3, 1 / 3)
FIRST = np.array([1.0, 0.0, 0.0])
CHAINS = {
    "usual": (EVEN, np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.3, 0.3, 0.4]]), 3 * NOISE),
    "left to right": (
        FIRST,
        np.array([[0.999, 0.001, 0], [0, 0.999, 0.001], [0, 0, 1]]),
        3 * NOISE,
    ),
    "cyclic": (FIRST, np.roll(np.eye(3), 1, axis=1), 0.1 * NOISE),
    "cyclic, wherever it starts": (EVEN, np.roll(np.eye(3), 1, axis=1), 0.1 * NOISE),
    "never moves": (EVEN, np.eye(3), 0.01 * NOISE),
    "hardly ever moves": (EVEN, np.eye(3) * (1 - 3e-9) + 1e-9, 0.01 * NOISE),
    "next to never moves": (EVEN, np.eye(3) * (1 - 3e-15) + 1e-15, 3 * NOISE),
    "says nothing": (EVEN, np.full((3, 3), 1 / 3), 0 * NOISE),
}


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("method", [plain, blocked])
def test_long_chains_are_as_in_logs(name, method):
    expected, found = in_logs(*CHAINS[name]), method(*CHAINS[name])
    np.testing.assert_allclose(found.responsibilities, expected.responsibilities, atol=1e-9)
    np.testing.assert_allclose(found.transitions, expected.transitions, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.log_likelihood, expected.log_likelihood, rtol=1e-12)


def test_a_chain_that_never_forgets_is_walked_from_every_state():
    # Without the exact walk, what the second half says of the first would be lost.
    log_b = np.zeros((LONG, 3))
    log_b[0, 1], log_b[-1, 2] = 1.0, 2.0
    found = blocked(EVEN, np.eye(3), log_b)
    weights = np.exp([0.0, 1.0, 2.0])
    np.testing.assert_allclose(
        found.responsibilities, np.tile(weights / weights.sum(), (LONG, 1)), rtol=1e-10
    )


def test_a_walk_from_every_state_holds_whatever_a_piece_weighs():
    # Each state's densities in a piece multiply to e^-500 or so; only the first speaks for one.
    log_b = np.tile([[0.0, -20.0], [-20.0, 0.0]], (LONG // 2, 1))
    log_b[0] += np.log([2.0, 1.0])
    pieces, b = Pieces.of(np.array([LONG])), np.exp(log_b)
    found = scaled_walks(np.full(2, 0.5), STAYS, b[pieces.rows].T, pieces)
    expected = np.tile([[2 / 3], [1 / 3]], LONG)
    np.testing.assert_allclose(found.responsibilities, expected, rtol=1e-9)


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


STAYS = np.eye(2)
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
def test_evidence_beyond_the_range_of_floats(name, method):
    log_b = LATE[name]
    found = method(np.full(2, 0.5), STAYS, log_b)
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
        plain(np.array(startprob), STAYS, np.array(log_b))


def test_what_is_too_small_for_a_float_is_zero_also_where_numpy_is_told_to_raise():
    with np.errstate(under="raise"):
        found = plain(np.full(2, 0.5), np.full((2, 2), 0.5), np.array([[0.0, -800.0], [-900.0, 0]]))
    np.testing.assert_array_equal(found.responsibilities, np.eye(2))
    assert found.log_likelihood == pytest.approx(np.log(0.25), rel=1e-12)


@pytest.mark.parametrize("method", [blocked, in_logs, viterbi])
def test_impossible_sequences_are_errors(method):
    never = np.array([[0.0, 0.0], [0.0, 0.0], [-np.inf, 0.0]])
    with pytest.raises(DegenerateError, match="sequence 0 is impossible"):
        method(np.array([1.0, 0.0]), STAYS, never)


def test_the_time_of_an_impossible_observation_is_named():
    never = np.array([[0.0, 0.0], [0.0, 0.0], [-np.inf, 0.0]])
    with pytest.raises(DegenerateError, match="from time 2 on"):
        in_logs(np.array([1.0, 0.0]), STAYS, never)
    with pytest.raises(DegenerateError, match="observation 2 has density zero in every state"):
        plain(np.full(2, 0.5), STAYS, np.array([[0.0, 0.0], [0.0, 0.0], [-np.inf, -np.inf]]))


@pytest.mark.parametrize("method", [plain, in_logs, forward, viterbi])
def test_what_is_no_chain_is_named(method):
    log_b = np.zeros((3, 2))
    with pytest.raises(ValueError, match="row 1 of transmat"):
        method(np.full(2, 0.5), np.array([[0.5, 0.5], [0.5, 0.6]]), log_b)
    with pytest.raises(ValueError, match="startprob must not be negative"):
        method(np.array([1.5, -0.5]), STAYS, log_b)
    with pytest.raises(ValueError, match=r"shapes \(K,\)"):
        method(np.full(3, 1 / 3), STAYS, log_b)
    with pytest.raises(ValueError, match="no NaN"):
        method(np.full(2, 0.5), STAYS, log_b * np.nan)


@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=8),
    longest=st.integers(1, 50),
)
def test_pieces_hold_every_row_once_and_know_their_neighbours(lengths, longest):
    pieces = Pieces.of(np.array(lengths), longest)
    np.testing.assert_array_equal(np.sort(pieces.rows), np.arange(sum(lengths)))
    before = {}
    for earlier, at in pieces.steps:
        before |= zip(range(at.start, at.stop), range(earlier.start, earlier.stop), strict=True)
    space = pieces.workspace(2)
    space.table[:] = pieces.rows, -pieces.rows - 1.0
    for to, part in zip(space.by_run[0], space.table_by_run, strict=True):
        to[:] = part
    positions = space.by_position[0]
    np.testing.assert_array_equal(np.concatenate(positions, axis=1)[0], pieces.rows)
    np.testing.assert_array_equal(np.concatenate(positions, axis=1)[1], -pieces.rows - 1)
    firsts = set(np.cumsum([0, *lengths[:-1]]))
    for place, row in enumerate(pieces.rows):
        if place in before:
            assert pieces.rows[before[place]] == row - 1
        elif pieces.follows[place] >= 0:
            assert pieces.rows[pieces.last[pieces.follows[place]]] == row - 1
        else:
            assert row in firsts


@pytest.mark.parametrize("name", ["usual", "left to right", "says nothing"])
def test_logs_are_not_needed_where_scaling_does(name, monkeypatch):
    monkeypatch.setattr(walks, "forward_backward_in_logs", None)  # to call it would be an error
    startprob, transmat, log_b = CHAINS[name]
    found = blocked(startprob, transmat, log_b)
    assert found.transitions.sum() == pytest.approx(LONG - 1)


def test_logs_lose_no_digits_in_a_long_sequence():
    t = 100_000
    log_b = 2 * np.random.default_rng(0).normal(size=(t, 2)) - 50
    chain = np.full(2, 0.5), np.array([[0.9, 0.1], [0.2, 0.8]])
    found, expected = in_logs(*chain, log_b), plain(*chain, log_b)
    np.testing.assert_allclose(found.transitions.sum(), t - 1, rtol=1e-13)
    np.testing.assert_allclose(found.transitions, expected.transitions, rtol=1e-11)
    np.testing.assert_allclose(found.responsibilities, expected.responsibilities, atol=1e-10)


def test_the_rounding_of_a_large_log_likelihood_is_no_underflow():
    # The densities are 1e-20 and 3e-20 in turn, whatever the state.
    t, even = 200_000, np.full((2, 2), 0.5)
    pieces, b = Pieces.of(np.array([t])), np.tile([1e-20, 3e-20], (2, t // 2))
    found = scaled_walks(even[0], even, b, pieces)
    assert found is not None
    np.testing.assert_allclose(found.log_likelihoods, [t * (np.log(1e-20) + np.log(3) / 2)])


def test_an_outlier_after_the_switch_of_a_chain_that_cannot_go_back():
    t = 100_000
    x = np.repeat([0.0, 100.0], t // 2)
    x[3 * t // 4] = 0.0  # beyond the range of floats, so that only logs can hold it
    log_b = -0.5 * (x[:, None] - [0.0, 100.0]) ** 2
    found = blocked(np.array([1.0, 0.0]), np.array([[1 - 1e-4, 1e-4], [0, 1]]), log_b)
    half = t / 2
    np.testing.assert_allclose(found.transitions, [[half - 1, 1], [0, half - 1]], rtol=1e-12)
    expected = (half - 1) * np.log1p(-1e-4) + np.log(1e-4) - 5000
    np.testing.assert_allclose(found.log_likelihood, expected, rtol=1e-12)


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


def best_by_recursion(startprob, transmat, log_b):
    """The best path by the plain recursion, one sequence and one step after the other."""
    with np.errstate(divide="ignore"):
        log_a, best = np.log(transmat), [np.log(startprob) + log_b[0]]
    for log_density in log_b[1:]:
        best.append((best[-1][:, None] + log_a).max(axis=0) + log_density)
    path = [int(best[-1].argmax())]
    for scores in best[-2::-1]:
        path.append(int((scores + log_a[:, path[-1]]).argmax()))
    return path[::-1], best[-1].max()


@pytest.mark.parametrize("lengths", [[1000], [700, 1, 300, 64, 65], [5] * 40])
@pytest.mark.parametrize("name", ["mixing", "sticky", "left to right", "never", "one state"])
def test_the_best_path_through_pieces_is_that_of_the_whole(name, lengths):
    rng = np.random.default_rng(1)
    transmat = {
        "mixing": rng.dirichlet(np.ones(4), size=4),
        "sticky": np.full((3, 3), 1e-9) + (1 - 3e-9) * np.eye(3),
        "left to right": np.array([[0.99, 0.01, 0.0], [0.0, 0.99, 0.01], [0.0, 0.0, 1.0]]),
        "never": np.eye(3),
        "one state": np.eye(1),
    }[name]
    k, ends = len(transmat), np.cumsum(lengths)
    startprob = np.eye(k)[0] if name == "left to right" else rng.dirichlet(np.ones(k))
    log_b = 3 * rng.normal(size=(ends[-1], k))
    model = CategoricalHMM(k)  # whose symbols are the times, each with the densities wanted
    model.startprob_, model.transmat_ = startprob, transmat
    log_b -= logsumexp(log_b, axis=0)
    model.emissionprob_ = np.exp(log_b).T
    expected = [
        best_by_recursion(startprob, transmat, log_b[e - n : e])
        for e, n in zip(ends, lengths, strict=True)
    ]
    log_p, path = model.decode(np.arange(ends[-1])[:, None], lengths)
    np.testing.assert_array_equal(path, np.concatenate([p for p, _ in expected]))
    assert log_p == pytest.approx(sum(p for _, p in expected), rel=1e-12)
    if len(lengths) == 1:
        path, log_p = viterbi(startprob, transmat, log_b)
        np.testing.assert_array_equal(path, expected[0][0])
    pieces = Pieces.of(np.array(lengths), 7)  # however short they are
    found = walks.best_paths(startprob, transmat, log_b[pieces.rows].T, pieces)[0]
    np.testing.assert_array_equal(found, np.concatenate([p for p, _ in expected])[pieces.rows])


@pytest.mark.parametrize("far", [1e6, 1e8, 1e9])
@pytest.mark.parametrize("seed", range(10))
def test_after_an_outlier_the_best_path_is_still_the_best(far, seed):
    rng = np.random.default_rng(seed)
    x, startprob = np.array([far, *rng.normal(size=8)]), np.array([0.5, 0.5])
    transmat = np.array([[0.7, 0.3], [0.3, 0.7]])
    # In fractions, a squared distance has all its digits.
    log_b = [[-((Fraction(v) - mean) ** 2) / 2 for mean in (-1, 1)] for v in x]
    log_a = [[Fraction(value) for value in row] for row in np.log(transmat)]

    def log_joint(path):
        steps = sum(log_a[i][j] for i, j in itertools.pairwise(path))
        return steps + sum(log_b[t][z] for t, z in enumerate(path))

    best = max(itertools.product(range(2), repeat=9), key=log_joint)
    model = GaussianHMM(2, "diag")
    model.startprob_, model.transmat_ = startprob, transmat
    model.means_, model.covars_ = np.array([[-1.0], [1.0]]), np.ones((2, 1))
    np.testing.assert_array_equal(model.predict(x[:, None]), best)
    floats = np.array(log_b, dtype=float)
    np.testing.assert_array_equal(viterbi(startprob, transmat, floats)[0], best)
    # And in a sequence that is cut: what it says of the states after the outlier is the same.
    later = rng.normal(size=(300, 2))
    path, _ = viterbi(startprob, transmat, np.concatenate([floats[:1], later]))
    expected, _ = best_by_recursion(startprob, transmat, np.array([[-1e4, 0], *later]))
    np.testing.assert_array_equal(path, expected)


@pytest.mark.parametrize("level", [-1e8, -1e15, -1e18])
def test_after_an_outlier_pieces_know_their_states_as_before_it(level):
    rng = np.random.default_rng(0)
    startprob, transmat = np.array([0.3, 0.7]), np.array([[1.0, 0.0], [0.0, 1.0]])
    log_b = rng.normal(size=(300, 2)) / 8
    log_b[:100] += level  # of both states alike, and so no news of them
    log_b[:100, 1] = log_b[:100, 0]
    log_odds = np.log(3 / 7) + (log_b[100:, 0] - log_b[100:, 1]).sum()
    expected = [1 / (1 + np.exp(-log_odds)), 1 / (1 + np.exp(log_odds))]
    r = in_logs(startprob, transmat, log_b).responsibilities
    np.testing.assert_allclose(r, np.tile(expected, (300, 1)), rtol=1e-10)
