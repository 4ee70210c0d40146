"""The two steps of an HMM, and what they stand on: as hmmlearn's, and as sums over all paths."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hmmlearn import hmm as peer
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp
from scipy.stats import binom, multivariate_normal, norm, poisson

from emlib import DegenerateError, em, hmm, mixture
from emlib.covariances import FORMS
from emlib.families import Binomial, Categorical, Poisson, Symbols
from emlib.hmm import HMMParams, Sequences
from emlib.hmm.forward_backward import plain, viterbi
from tests.hmm.helpers import COUNTS, STAYS, by_recursion, climbed, made, without


def shaped(covariances, kind):
    """Covariances that are a multiple of the identity, in the shape of `kind`."""
    k, d, _ = covariances.shape
    return {
        "full": covariances,
        "tied": covariances[0],
        "diag": np.full((k, d), covariances[0, 0, 0]),
        "spherical": np.full(k, covariances[0, 0, 0]),
    }[kind]


@pytest.mark.parametrize("kind", FORMS)
@pytest.mark.parametrize("lengths", [None, [1, 120, 1, 78, 100]])
def test_gaussian_steps_are_those_of_hmmlearn_without_its_priors(kind, lengths):
    x, start = made()
    covars = shaped(start.components[1], kind)
    theirs = peer.GaussianHMM(
        3,
        kind,
        covars_prior=0,
        covars_weight=0,
        n_iter=7,
        tol=-np.inf,
        init_params="",
        params="stmc",
    )
    theirs.startprob_, theirs.transmat_ = start.startprob, start.transmat
    theirs.means_, theirs.covars_ = start.components[0], covars
    climbed(theirs, x, lengths)
    found = stepped(
        start._replace(components=(start.components[0], covars)), x, lengths, 7, FORMS[kind]()
    )
    assert_same_chain(found, theirs)
    np.testing.assert_allclose(found.components[0], theirs.means_, atol=1e-8)
    np.testing.assert_allclose(found.components[1], in_shape(theirs._covars_, kind), atol=1e-8)


def in_shape(covars, kind):
    return covars[:, 0] if kind == "spherical" and covars.ndim == 2 else covars


def stepped(params, x, lengths, n, family):
    sequences = x if isinstance(x, Sequences) else Sequences.of(x, lengths)
    for _ in range(n):
        params = hmm.m_step(hmm.e_step(params, sequences, family)[0], family)
    return params


def assert_same_chain(found, theirs):
    np.testing.assert_allclose(found.startprob, theirs.startprob_, atol=1e-8)
    np.testing.assert_allclose(found.transmat, theirs.transmat_, atol=1e-8)


@pytest.mark.parametrize("lengths", [None, [1, 30, 2, 74]])
def test_poisson_steps_are_those_of_hmmlearn(lengths):
    rates = np.array([[15.0], [25.0]])
    theirs = peer.PoissonHMM(2, n_iter=9, tol=-np.inf, init_params="")
    theirs.startprob_, theirs.transmat_, theirs.lambdas_ = np.full(2, 0.5), STAYS, rates
    climbed(theirs, COUNTS.astype(int), lengths)
    start = HMMParams(np.full(2, 0.5), STAYS, (rates,))
    found = stepped(start, COUNTS, lengths, 9, Poisson())
    assert_same_chain(found, theirs)
    np.testing.assert_allclose(found.components[0], theirs.lambdas_, atol=1e-8)


@pytest.mark.parametrize("lengths", [None, [1, 30, 2, 67]])
def test_categorical_steps_are_those_of_hmmlearn(lengths):
    symbols = np.random.default_rng(0).integers(4, size=100)
    table = np.array([[0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4]])
    theirs = peer.CategoricalHMM(2, n_iter=9, tol=-np.inf, init_params="")
    theirs.startprob_, theirs.transmat_, theirs.emissionprob_ = np.full(2, 0.5), STAYS, table
    climbed(theirs, symbols[:, None], lengths)
    sequences = Sequences.of_values(np.eye(4), symbols, lengths)
    found = stepped(
        HMMParams(np.full(2, 0.5), STAYS, (table,)), sequences, None, 9, Categorical((4,))
    )
    assert_same_chain(found, theirs)
    np.testing.assert_allclose(found.components[0], theirs.emissionprob_, atol=1e-8)


SHORT = np.array([[1.0, 7.0], [4.0, 9.0], [0.0, 2.0], [5.0, 3.0], [6.0, 8.0]])
PLACES = np.array([[1.0, 3.0], [4.0, 8.0]])
MATRICES = np.array([[[2.0, 0.5], [0.5, 3.0]], [[4.0, -1.0], [-1.0, 5.0]]])


@pytest.mark.parametrize(
    ("family", "components", "log_densities"),
    [
        (
            FORMS["full"](),
            (PLACES, MATRICES),
            [multivariate_normal(PLACES[k], MATRICES[k]).logpdf(SHORT) for k in range(2)],
        ),
        (
            FORMS["tied"](),
            (PLACES, MATRICES[0]),
            [multivariate_normal(m, MATRICES[0]).logpdf(SHORT) for m in PLACES],
        ),
        (Poisson(), (PLACES,), [poisson(rates).logpmf(SHORT).sum(axis=1) for rates in PLACES]),
        (
            Binomial(9),
            (PLACES / 10,),
            [binom(9, shares).logpmf(SHORT).sum(axis=1) for shares in PLACES / 10],
        ),
    ],
    ids=["full", "tied", "counts", "successes"],
)
def test_log_likelihoods_are_the_sum_over_all_paths(family, components, log_densities):
    # Of tied covariances and of counts, the states' densities share a factor: it must be in there.
    log_b = np.transpose(log_densities)
    paths = np.array(list(itertools.product(range(2), repeat=len(SHORT))))
    params = HMMParams(np.array([0.3, 0.7]), STAYS, components)
    log_p = np.log(params.startprob)[paths[:, 0]]
    log_p += np.log(STAYS)[paths[:, :-1], paths[:, 1:]].sum(axis=1)
    log_p += log_b[np.arange(len(SHORT)), paths].sum(axis=1)
    log_likelihood = logsumexp(log_p)
    r, found = hmm.steps.smoothed(params, SHORT, family)
    assert found == pytest.approx(log_likelihood, rel=1e-12)
    in_second = np.exp(log_p - log_likelihood) @ paths
    np.testing.assert_allclose(r, np.column_stack([1 - in_second, in_second]), atol=1e-12)
    assert hmm.e_step(params, SHORT, family)[1] == pytest.approx(log_likelihood, rel=1e-12)
    assert hmm.steps.filtered(params, SHORT, family)[1] == pytest.approx([log_likelihood])
    path, best = hmm.steps.decoded(params, SHORT, family)
    np.testing.assert_array_equal(path, paths[log_p.argmax()])
    assert best == pytest.approx(log_p.max(), rel=1e-12)


def test_relabelling_the_start_relabels_the_result():
    x, start = made(5)
    order = np.array([2, 0, 1])
    relabelled = HMMParams(
        start.startprob[order],
        start.transmat[np.ix_(order, order)],
        tuple(part[order] for part in start.components),
    )
    one, other = (stepped(p, x, None, 10, FORMS["full"]()) for p in (start, relabelled))
    np.testing.assert_allclose(other.startprob, one.startprob[order], atol=1e-10)
    np.testing.assert_allclose(other.transmat, one.transmat[np.ix_(order, order)], atol=1e-10)
    np.testing.assert_allclose(other.components[0], one.components[0][order], atol=1e-10)


@pytest.mark.parametrize("function", [hmm.e_step, hmm.smoothed, hmm.decoded])
@pytest.mark.parametrize(
    ("lengths", "at", "named"),
    [([3, 5], 1, "sequence 0 .* from time 2 on"), ([300, 250], 450, "sequence 1 .* time 151 on")],
)
def test_an_impossible_sequence_is_named_whatever_its_length(function, lengths, at, named):
    # A chain that cannot go back shows its second symbol and, at the next time, its first again.
    params = HMMParams(np.array([1.0, 0.0]), np.array([[0.9, 0.1], [0.0, 1.0]]), (np.eye(2),))
    symbols = np.zeros((sum(lengths), 1))
    symbols[at] = 1
    with pytest.raises(DegenerateError, match=named):
        function(params, Sequences.of(symbols, lengths, Symbols(2)), Symbols(2))


@pytest.mark.parametrize("function", [hmm.e_step, hmm.smoothed, hmm.decoded])
def test_of_equal_rows_that_no_state_emits_the_first_is_named(function):
    params = HMMParams(np.full(2, 0.5), STAYS, (np.array([[0.6, 0.4, 0.0]] * 2),))
    symbols = np.array([0, 1, 0, 2, 1, 2, 0, 2])[:, None]
    with pytest.raises(DegenerateError, match=r"observation 3 \(2\) has density zero"):
        function(params, Sequences.of(symbols, family=Symbols(3)), Symbols(3))


def test_a_long_chain_that_forgets_is_a_mixture():
    x = np.random.default_rng(0).normal(size=(100_000, 1))  # in several blocks
    shares, means, sds = np.array([0.3, 0.7]), np.array([-1.0, 2.0]), np.array([0.5, 1.5])
    params = HMMParams(
        shares, np.array([shares, shares]), (means[:, None], np.square(sds)[:, None, None])
    )
    log_p = np.logaddexp(*(np.log(shares) + norm.logpdf(x, means, sds)).T)
    np.testing.assert_allclose(hmm.e_step(params, x)[1], log_p.sum(), rtol=1e-12)


def test_sequences_of_length_one_are_a_mixture():
    x, start = made(7)
    sequences = Sequences.of(x, [1] * len(x))
    statistics, log_likelihood = hmm.e_step(start, sequences)
    assert np.all(statistics.transitions == 0)
    weighted = [
        p * norm.pdf(x, m, np.sqrt(1.5)).prod(axis=1)
        for p, m in zip(start.startprob, start.components[0], strict=True)
    ]
    np.testing.assert_allclose(log_likelihood, np.log(np.sum(weighted, axis=0)).sum(), rtol=1e-11)
    np.testing.assert_array_equal(hmm.m_step(statistics).transmat, start.transmat)


def never_in_the_third_state():
    """A sequence, and a chain of three states, the last of which cannot be reached."""
    x, start = made()
    transmat = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.0, 0.0, 1.0]])
    return x, start._replace(startprob=np.array([0.5, 0.5, 0.0]), transmat=transmat)


def test_the_m_step_keeps_a_state_that_is_never_visited_and_averages_in_the_others():
    x, start = never_in_the_third_state()
    means, covariances = hmm.m_step(hmm.e_step(start, x)[0]).components
    r = hmm.steps.smoothed(start, x)[0]
    for k in (0, 1):
        np.testing.assert_allclose(means[k], np.average(x, axis=0, weights=r[:, k]))
        np.testing.assert_allclose(covariances[k], np.cov(x.T, aweights=r[:, k], bias=True))
    np.testing.assert_array_equal(means[2], start.components[0][2])
    np.testing.assert_array_equal(covariances[2], start.components[1][2])


def test_nudge_brings_back_a_state_that_is_never_visited_and_keeps_forbidden_steps():
    x, start = never_in_the_third_state()
    statistics = hmm.e_step(start, x)[0]
    assert statistics.emissions.n[2] == 0
    nudged = hmm.nudge(statistics, np.random.default_rng(0), 0.3)
    assert nudged.emissions.n[2] > 1
    np.testing.assert_array_equal(nudged.transitions[start.transmat == 0], 0)
    # It starts anew with the spread of standard units, which a nudge only turns a little.
    spreads = np.linalg.eigvalsh(hmm.m_step(nudged).components[1][2])
    assert 0.5 < spreads[0] < spreads[1] < 2


def test_statistics_of_several_sequences_add():
    x, start = made(8)
    together, log_p = hmm.e_step(start, Sequences.of(x, [120, 180]))
    parts = [hmm.e_step(start, part) for part in (x[:120], x[120:])]
    added = parts[0][0] + parts[1][0]
    np.testing.assert_allclose(parts[0][1] + parts[1][1], log_p, rtol=1e-12)
    one, other = hmm.m_step(together), hmm.m_step(added)
    np.testing.assert_allclose(other.transmat, one.transmat, rtol=1e-11)
    np.testing.assert_allclose(other.components[1], one.components[1], rtol=1e-9)
    mapped = em(
        hmm.e_step, hmm.m_step, start, [x[:120], x[120:]], map=map, confirm=False, max_iter=3
    )
    whole = em(
        hmm.e_step, hmm.m_step, start, Sequences.of(x, [120, 180]), confirm=False, max_iter=3
    )
    np.testing.assert_allclose(mapped.objective, whole.objective, rtol=1e-12)


def test_underflow_in_a_fit_is_computed_in_logs():
    x = (
        np.concatenate([np.zeros(40), np.full(5, 60.0)])[:, None]
        + 0.1 * np.sin(np.arange(45.0))[:, None]
    )
    parts = (np.array([[0.0], [60.0]]), np.ones((2, 1, 1)))
    params = HMMParams(np.full(2, 0.5), np.eye(2), parts)
    statistics, log_p = hmm.e_step(params, x)
    paths = [norm.logpdf(x, m).sum() + np.log(0.5) for m in (0, 60)]
    np.testing.assert_allclose(log_p, np.logaddexp(*paths), rtol=1e-12)
    np.testing.assert_allclose(statistics.starts, [1, 0], atol=1e-12)
    r, again = hmm.smoothed(params, x)
    np.testing.assert_allclose(again, log_p)
    np.testing.assert_allclose(r[:, 0], 1)


@given(st.integers(0, 2**32 - 1))
def test_symbols_are_categorical_rows_without_their_zeros(seed):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 5, size=30)
    params = HMMParams(
        rng.dirichlet(np.ones(2)), rng.dirichlet(np.ones(2), 2), (rng.dirichlet(np.ones(5), 2),)
    )
    short, one_hot = Symbols(5), Categorical((5,))
    statistics, log_likelihood = hmm.e_step(params, x[:, None], short)
    expected, theirs = hmm.e_step(params, np.eye(5)[x], one_hot)
    np.testing.assert_allclose(log_likelihood, theirs, rtol=1e-12)
    np.testing.assert_allclose(statistics.transitions, expected.transitions, rtol=1e-9)
    np.testing.assert_allclose(statistics.emissions.sum_x, expected.emissions.sum_x, rtol=1e-9)
    np.testing.assert_allclose(
        hmm.m_step(statistics, short).components[0],
        hmm.m_step(expected, one_hot).components[0],
        rtol=1e-9,
    )
    weights = np.array([0.3, 0.7]), params.components[0]
    ours, theirs = (
        mixture.log_density(weights, x[:, None], short),
        mixture.log_density(weights, np.eye(5)[x], one_hot),
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_an_observation_that_was_not_made_has_density_one_in_every_state():
    x, start = made(8)
    missing = np.random.default_rng(0).uniform(size=len(x)) < 0.3
    r, log_likelihood = hmm.steps.smoothed(start, without(x, missing))
    log_b = hmm.log_emission(start, x)
    log_b[missing] = 0.0
    expected = plain(start.startprob, start.transmat, log_b)
    np.testing.assert_allclose(r, expected.responsibilities, atol=1e-12)
    np.testing.assert_allclose(log_likelihood, expected.log_likelihood, rtol=1e-12)
    statistics, again = hmm.e_step(start, without(x, missing))
    np.testing.assert_allclose(again, log_likelihood, rtol=1e-12)
    np.testing.assert_allclose(statistics.transitions, expected.transitions, atol=1e-9)
    expected_n = expected.responsibilities[~missing].sum(axis=0)
    np.testing.assert_allclose(statistics.emissions.n, expected_n, atol=1e-9)
    path, log_p = hmm.steps.decoded(start, without(x, missing))
    best, expected_p = viterbi(start.startprob, start.transmat, log_b)
    np.testing.assert_array_equal(path, best)
    np.testing.assert_allclose(log_p, expected_p, rtol=1e-12)


def test_known_states_are_kept_and_the_likelihood_is_that_of_both():
    x, start = made(9)
    z = np.argmax(hmm.steps.smoothed(start, x)[0], axis=1)
    states = np.where(np.arange(len(x)) % 3 == 0, z, -1)
    sequences = Sequences.of(x)
    sequences = replace(sequences, states=states[sequences.pieces.rows])
    r, log_likelihood = hmm.steps.smoothed(start, sequences)
    log_b = hmm.log_emission(start, x)
    log_b[(states[:, None] >= 0) & (states[:, None] != np.arange(3))] = -np.inf
    expected = plain(start.startprob, start.transmat, log_b)
    np.testing.assert_allclose(r, expected.responsibilities, atol=1e-12)
    np.testing.assert_allclose(log_likelihood, expected.log_likelihood, rtol=1e-12)


def test_filtered_is_smoothed_if_the_record_ends_there():
    x, start = made(11, t=40)
    filtered, log_likelihoods = hmm.steps.filtered(start, Sequences.of(x, [30, 10]))
    for t in (0, 7, 29, 30, 39):
        so_far = x[: t + 1] if t < 30 else x[30 : t + 1]
        np.testing.assert_allclose(
            filtered[t], hmm.steps.smoothed(start, so_far)[0][-1], atol=1e-12
        )
    expected = [hmm.e_step(start, part)[1] for part in (x[:30], x[30:])]
    np.testing.assert_allclose(log_likelihoods, expected, rtol=1e-12)


def test_statistics_of_sequences_add_by_sum():
    x, params = made(t=60)
    parts = [hmm.e_step(params, part)[0] for part in (x[:20], x[20:60])]
    total = sum(parts)
    np.testing.assert_allclose(total.starts.sum(), 2)
    np.testing.assert_allclose(total.transitions.sum(), 58)  # 19 and 39 steps
    np.testing.assert_allclose(total.emissions.n.sum(), 60)


def test_densities_of_what_was_not_observed_are_one():
    means, covariances = np.array([[0.0, 1.0], [2.0, 2.0]]), np.tile(np.diag([1.0, 4.0]), (2, 1, 1))
    params = HMMParams(np.full(2, 0.5), STAYS, (means, covariances))
    x = np.array([[0.5, 1.0], [np.nan, np.nan], [1.0, np.nan]])
    expected = norm.logpdf(x[:, None], means, [1, 2])
    expected = np.where(np.isnan(expected), 0.0, expected).sum(axis=2)
    np.testing.assert_allclose(hmm.log_emission(params, x), expected, rtol=1e-12)


def test_the_filter_knows_the_states_that_are_known():
    x, start = made(9, t=200)
    states = np.where(np.arange(200) % 7 == 3, np.arange(200) % 3, -1)
    sequences = Sequences.of(x)
    sequences = replace(sequences, states=states[sequences.pieces.rows])
    filtered, log_likelihoods = hmm.steps.filtered(start, sequences)
    means, covariances = start.components
    pairs = zip(means, covariances, strict=True)
    log_b = np.stack([multivariate_normal(*pair).logpdf(x) for pair in pairs], axis=1)
    log_b[(states[:, None] >= 0) & (states[:, None] != np.arange(3))] = -np.inf
    expected = by_recursion(start.startprob, start.transmat, log_b)
    np.testing.assert_allclose(log_likelihoods, [expected], rtol=1e-12)
    known = states >= 0
    np.testing.assert_allclose(filtered[known], np.eye(3)[states[known]], atol=1e-12)
