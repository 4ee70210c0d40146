"""Walks along pieces of sequences: as of the whole, and exact where scaled numbers are not."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.special import logsumexp
from scipy.stats import norm
from sklearn.exceptions import ConvergenceWarning

from emlib import CategoricalHMM, DegenerateWarning, GaussianHMM
from emlib.hmm import walks
from emlib.hmm.forward_backward import in_logs, viterbi
from emlib.hmm.sequences import Pieces
from tests.hmm.helpers import (
    CHAINS,
    EVEN,
    LONG,
    NEVER_MOVES,
    blocked,
    by_hand,
    by_recursion,
    chains,
    enumerated,
    scaled_walks,
)


def test_a_known_state_decides_what_scaling_cannot_hold():
    # The chain never moves, and each of the first two observations all but excludes one state.
    x, known = np.array([[0.0], [100.0], [50.0]]), np.array([-1, -1, 1])
    start = {"startprob_init": [0.5, 0.5], "transmat_init": np.eye(2)}
    model = GaussianHMM(
        2, means_init=[[0.0], [100.0]], covars_init=np.ones((2, 1, 1)), max_iter=0, **start
    )
    with (
        pytest.warns(ConvergenceWarning),
        pytest.warns(DegenerateWarning, match="state 0 is never visited"),
    ):
        model.fit(x, states=known)
    expected = np.log(0.5) + norm(100, 1).logpdf(x).sum()
    assert model.result_.objective == pytest.approx(expected, rel=1e-12)


CYCLE = np.array([[0.0, 1.0], [1.0, 0.0]])


@pytest.mark.parametrize("far", [5, 25, 30, 30.5, 31, 32, 33, 34, 35, 36, 37, 40])
def test_an_outlier_in_a_chain_without_choice_costs_what_it_must(far):
    x = np.array([[0.0], [far], [far], [far], [0.0]])
    cycle = by_hand(CYCLE, [0.0, far])
    expected = norm.logpdf(x[:, 0], [0, far, 0, far, 0]).sum()
    assert cycle.score(x) == pytest.approx(expected, rel=1e-12)
    assert cycle.score_samples(x)[1].tolist() == np.eye(2)[[0, 1, 0, 1, 0]].tolist()
    stays = by_hand(np.eye(2), [0.0, far])
    assert stays.score(x) == pytest.approx(norm.logpdf(x[:, 0]).sum(), rel=1e-12)
    several = np.tile(x, (60, 1))
    assert stays.score(several, [5] * 60) == pytest.approx(60 * norm.logpdf(x[:, 0]).sum())
    assert cycle.score(several, [5] * 60) == pytest.approx(60 * expected)


def test_steps_too_rare_for_scaled_numbers_are_scored_in_logs():
    model = by_hand([[1e-71, 1.0], [0.0, 1.0]], [0.0, 100.0])
    x = np.array([[0.0], [np.nan], [np.nan], [np.nan], [np.nan], [0.0]])
    expected = 2 * norm.logpdf(0) + 5 * np.log(1e-71)
    assert model.score(x) == pytest.approx(expected)
    np.testing.assert_allclose(model.predict_proba(x)[-1], [1, 0])


@pytest.mark.parametrize("first", [37.0, 37.9, 38.0, 38.3, 38.5, 39.0])
def test_no_responsibility_is_lost_between_two_rescalings(first):
    model = by_hand(np.full((2, 2), 0.5), [0.0, 40.0])
    x = np.array([[first], [0.0], [0.0]])
    log_likelihood, r = model.score_samples(x)
    np.testing.assert_allclose(r, [[1, 0]] * 3, atol=1e-12)
    assert log_likelihood == pytest.approx(norm.logpdf(x).sum() + 2 * np.log(0.5))


def test_a_known_state_may_be_far_from_likely():
    transmat = np.array([[0.9, 0.1], [0.1, 0.9]])
    for seed in range(60):
        x = np.random.default_rng(seed).uniform(20, 40, (60, 1))
        states = np.full(60, -1)
        states[30] = 0
        start = {"means_init": [[0.0], [40.0]], "covars_init": np.ones((2, 1, 1))}
        model = GaussianHMM(2, startprob_init=[0.5, 0.5], transmat_init=transmat, **start)
        with pytest.warns(ConvergenceWarning):
            model.set_params(max_iter=0).fit(x, states=states)
        log_b = norm.logpdf(x, [0, 40])
        log_b[30, 1] = -np.inf
        expected = by_recursion(np.full(2, 0.5), transmat, log_b)
        assert model.result_.objective == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("far", [1e6, 1e8])
def test_after_an_outlier_what_was_known_at_the_time_has_all_digits(far):
    start, step = np.array([0.3, 0.7]), 1 / far
    chain = start, np.array([[0.9, 0.1], [0.2, 0.8]])
    means = np.array([[0.0], [step]])
    model = GaussianHMM(2, covariance_type="tied")
    model.startprob_, model.transmat_, model.means_, model.covars_ = *chain, means, np.eye(1)
    # The logarithm of the densities' ratio is that of p(x | 2) / p(x | 1).
    odds = start[1] / start[0] * np.exp(far * step - step**2 / 2)
    np.testing.assert_allclose(model.filter_proba([[far]]), [[1 / (1 + odds), odds / (1 + odds)]])
    x = np.array([[0.0], [far], [0.0], [0.5]])
    filtered = model.filter_proba(x)
    np.testing.assert_allclose(filtered.sum(axis=1), 1)
    np.testing.assert_allclose(filtered[-1], model.predict_proba(x)[-1])  # of the last they agree
    np.testing.assert_allclose(model.score_sequences(x), model.score(x))


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
    found = scaled_walks(np.full(2, 0.5), NEVER_MOVES, b[pieces.rows].T, pieces)
    expected = np.tile([[2 / 3], [1 / 3]], LONG)
    np.testing.assert_allclose(found.responsibilities, expected, rtol=1e-9)


@pytest.mark.parametrize("name", ["usual", "left to right", "says nothing"])
def test_logs_are_not_needed_where_scaling_does(name, monkeypatch):
    monkeypatch.setattr(walks, "forward_backward_in_logs", None)  # to call it would be an error
    startprob, transmat, log_b = CHAINS[name]
    found = blocked(startprob, transmat, log_b)
    assert found.transitions.sum() == pytest.approx(LONG - 1)


def test_the_rounding_of_a_large_log_likelihood_is_no_underflow():
    # The densities are 1e-20 and 3e-20 in turn, whatever the state.
    t, even = 200_000, np.full((2, 2), 0.5)
    pieces, b = Pieces.of(np.array([t])), np.tile([1e-20, 3e-20], (2, t // 2))
    found = scaled_walks(even[0], even, b, pieces)
    assert found is not None
    np.testing.assert_allclose(found.log_likelihoods, [t * (np.log(1e-20) + np.log(3) / 2)])


def test_an_outlier_after_the_switch_of_a_chain_that_cannot_go_back_costs_what_it_must():
    t = 100_000
    x = np.repeat([0.0, 100.0], t // 2)
    x[3 * t // 4] = 0.0  # beyond the range of floats, so that only logs can hold it
    log_b = -0.5 * (x[:, None] - [0.0, 100.0]) ** 2
    found = blocked(np.array([1.0, 0.0]), np.array([[1 - 1e-4, 1e-4], [0, 1]]), log_b)
    half = t / 2
    np.testing.assert_allclose(found.transitions, [[half - 1, 1], [0, half - 1]], rtol=1e-12)
    expected = (half - 1) * np.log1p(-1e-4) + np.log(1e-4) - 5000
    np.testing.assert_allclose(found.log_likelihood, expected, rtol=1e-12)


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
