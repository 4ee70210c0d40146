"""Stationary chains: their distribution, their M-step and their maxima."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit, softmax, xlogy
from scipy.stats import poisson

from emlib import (
    CategoricalHMM,
    DegenerateError,
    DegenerateWarning,
    GaussianHMM,
    PoissonHMM,
    Prior,
    hmm,
)
from emlib.families import Poisson
from emlib.hmm import HMMParams
from emlib.hmm.forward_backward import plain
from emlib.hmm.stationary import expected_log, stationary, stationary_m_step
from tests.hmm.helpers import COUNTS, STAYS, made

STATIONARY = {  # Zucchini and MacDonald (2009), chapter 3: 342.3183 and 329.4603.
    2: (
        [15.0, 25.0],
        342.31826678805896,
        [15.472276917198915, 26.125438736864936],
        [[0.9340406457391048, 0.06595935426089503], [0.12850911735355813, 0.8714908826464418]],
        (692.6365335761179, 703.3278489139656),
    ),
    3: (
        [10.0, 20.0, 30.0],
        329.46027679039736,
        [13.145744274168749, 19.721053596318594, 29.714445576890252],
        [
            [0.9546238784938442, 0.024442970008727184, 0.020933151497428627],
            [0.049766876616930016, 0.8993673978247216, 0.05086572555834839],
            [0, 0.19664285713325966, 0.8033570990319501],
        ],
        (676.9205535807947, 700.9760130909518),
    ),
}


@pytest.mark.parametrize("k", STATIONARY)
def test_earthquakes_with_a_stationary_start_are_fitted_as_published(k):
    rates, best, lambdas, transmat, (aic, bic) = STATIONARY[k]
    model = PoissonHMM(k, stationary=True, lambdas_init=np.array(rates)[:, None]).fit(COUNTS)
    assert model.converged_
    np.testing.assert_allclose(-model.score(COUNTS), best, atol=1e-3)
    np.testing.assert_allclose(model.lambdas_[:, 0], lambdas, atol=2e-3)
    np.testing.assert_allclose(model.transmat_, transmat, atol=2e-3)
    np.testing.assert_allclose(model.startprob_ @ model.transmat_, model.startprob_, atol=1e-12)
    np.testing.assert_allclose([model.aic(COUNTS), model.bic(COUNTS)], [aic, bic], atol=2e-3)
    assert np.all(np.diff(model.result_.trace.objective) > -1e-8)
    if k == 3:
        log_p, path = model.decode(COUNTS)
        np.testing.assert_allclose(log_p, -336.3976521987227, atol=1e-3)
        runs = np.diff(np.flatnonzero(np.diff(path, prepend=-1, append=-1) != 0)).tolist()
        assert runs == [5, 6, 8, 4, 19, 9, 17, 3, 10, 26]
        assert np.sum(model.predict_proba(COUNTS).argmax(axis=1) != path) == 3


def test_the_stationary_maximum_is_that_of_a_direct_search():
    def lost(v):
        transmat = np.array([[1 - 1 / (1 + np.exp(-v[0])), 1 / (1 + np.exp(-v[0]))]] * 2)
        transmat[1] = [1 / (1 + np.exp(-v[1])), 1 - 1 / (1 + np.exp(-v[1]))]
        log_b = poisson.logpmf(COUNTS, np.exp(v[2:]))
        return -plain(stationary(transmat), transmat, log_b).log_likelihood

    found = minimize(lost, [-2, -2, np.log(15), np.log(26)], method="L-BFGS-B")
    model = PoissonHMM(2, stationary=True, lambdas_init=[[15.0], [26.0]]).fit(COUNTS)
    np.testing.assert_allclose(model.score(COUNTS), -found.fun, atol=1e-5)


def test_the_m_step_of_a_stationary_chain_is_where_a_direct_search_finds_it():
    start = HMMParams(np.full(2, 0.5), STAYS, (np.array([[15.0], [25.0]]),))
    statistics = replace(hmm.e_step(start, COUNTS, Poisson())[0], starts=np.array([10.0, 3.0]))

    def lost(logits):
        onward, back = expit(logits)
        transmat = np.array([[1 - onward, onward], [back, 1 - back]])
        delta = np.array([back, onward]) / (onward + back)
        steps = statistics.transitions * np.log(transmat)
        return -statistics.starts @ np.log(delta) - steps.sum()

    options = {"xatol": 1e-9, "fatol": 1e-12}
    best = minimize(lost, [-2.0, -2.0], method="Nelder-Mead", options=options)
    found = hmm.m_step(statistics, Poisson(), stationary=True)
    onward, back = found.transmat[0, 1], found.transmat[1, 0]
    np.testing.assert_allclose([onward, back], expit(best.x), rtol=1e-4)
    np.testing.assert_allclose(found.startprob, np.array([back, onward]) / (onward + back))


@pytest.mark.parametrize("seed", range(10))
def test_the_m_step_of_a_stationary_chain_loses_nothing_of_what_was_found(seed):
    # The search ends near the maximum, and may well end a little lower than the last one did.
    rng = np.random.default_rng(seed)
    transitions, starts = rng.uniform(0.1, 5, (3, 3)), rng.uniform(0, 2, 3)
    closed = transitions / transitions.sum(axis=1, keepdims=True)
    found = stationary_m_step(starts, transitions, closed, closed)[1]
    again = stationary_m_step(starts, transitions, closed, found)[1]
    values = [expected_log(starts, transitions, a)[0] for a in (closed, found, again)]
    assert values == sorted(values)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_the_slope_of_the_stationary_m_step_is_that_of_differences(seed):
    rng = np.random.default_rng(seed)
    transmat, starts = rng.dirichlet(np.ones(3), 3), rng.uniform(size=3)
    transitions, way = rng.uniform(1, 5, (3, 3)), rng.normal(size=(3, 3))
    way -= way.mean(axis=1, keepdims=True)
    step = 1e-6 * transmat.min() * way
    above, below = (expected_log(starts, transitions, transmat + s)[0] for s in (step, -step))
    slope = expected_log(starts, transitions, transmat)[1]
    np.testing.assert_allclose((slope * step).sum(), (above - below) / 2, rtol=1e-3, atol=1e-9)


def test_a_step_that_is_as_good_as_never_seen_does_not_divide_by_zero():
    # As fits of four states to the earthquakes had it: its logarithm made the search blind.
    transitions = np.array([[9.0, 1.0, 0.5], [1.0, 19.0, 2.0], [1e-99, 3.0, 15.0]])
    closed = transitions / transitions.sum(axis=1, keepdims=True)
    starts, never = np.array([0.2, 0.7, 0.1]), transitions * (transitions > 1e-50)
    with np.errstate(divide="raise", invalid="raise"):
        found = stationary_m_step(starts, transitions, closed, closed)
    expected = stationary_m_step(starts, never, closed * (never > 0), closed * (never > 0))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9)


@pytest.mark.parametrize("rare", [1e-8, 1e-12, 1e-16, 1e-80])
def test_a_stationary_distribution_loses_no_digits_in_chains_that_hardly_move(rare):
    sticky = np.array([[1 - rare, rare], [3 * rare, 1 - 3 * rare]])
    np.testing.assert_allclose(stationary(sticky), [0.75, 0.25], rtol=1e-14)
    # Two pairs of states: inside, steps of size one; between them, of `rare` and of twice that.
    pairs = np.kron(np.eye(2), [[0.5, 0.5], [0.2, 0.8]])
    pairs[0, 2], pairs[3, 0] = rare, 2 * rare
    share = np.array([2, 5]) / 7  # inside a pair; what goes over is 2/7 rare, and 5/7 twice rare
    expected = np.concatenate([10 / 12 * share, 2 / 12 * share])
    np.testing.assert_allclose(stationary(pairs), expected, rtol=max(1e-12, 20 * rare))


def test_a_stationary_distribution_may_have_shares_that_are_out_of_range():
    # Each state up is 5e89 times as likely as the one before: 0.5 up and 1e-90 down, in balance.
    chain = np.diag([0.5] * 4, 1) + np.diag([1e-90] * 4, -1)
    chain += np.diag(1 - chain.sum(axis=1))
    expected = np.array([0.0, 8e-270, 4e-180, 2e-90, 1.0])
    np.testing.assert_allclose(stationary(chain), expected, rtol=1e-12)


def test_rows_that_sum_to_one_but_for_rounding_have_a_stationary_distribution():
    np.testing.assert_allclose(stationary([[0.3333333] * 3] * 3), np.full(3, 1 / 3))
    expected = np.array([0.1428571, 0.1]) / 0.2428571
    np.testing.assert_allclose(stationary([[0.9, 0.1], [0.1428571, 0.8571428]]), expected)


@pytest.mark.parametrize("k", [2, 3])
def test_a_stationary_chain_of_clear_regimes_is_fitted_to_its_maximum(k):
    x = np.repeat(50.0 * np.arange(k), 40) + np.random.default_rng(0).normal(size=40 * k)
    with np.errstate(all="raise", under="ignore"):
        model = GaussianHMM(k, stationary=True, random_state=0).fit(x[:, None])
    # All states are known: what remains is the chain of the path 0 .. 0 1 .. 1, of which the
    # likelihood is the first state's share, and the steps; searched without gradient.
    forth = np.eye(k) * 39 + np.eye(k, k=1)

    def lost(logits):
        matrix = np.zeros((k, k))
        matrix[:, 1:] = np.clip(logits, -50, 50).reshape(k, k - 1)
        transmat = softmax(matrix, axis=1)
        return -np.log(stationary(transmat)[0]) - (forth * np.log(transmat)).sum()

    start = np.log(forth + 0.5)
    start = (start - start[:, :1])[:, 1:].ravel()
    options = {"maxiter": 40_000, "maxfev": 40_000, "xatol": 1e-8, "fatol": 1e-10}
    best = minimize(lost, start, method="Nelder-Mead", options=options)
    order = np.argsort(model.means_[:, 0])
    chain = model.transmat_[np.ix_(order, order)]
    found = -np.log(stationary(chain)[0]) - xlogy(forth, chain).sum()
    assert found <= best.fun + 1e-6


@pytest.mark.parametrize("rare", [1e-8, 1e-14, 1e-20])
def test_the_slope_of_a_stationary_chain_that_hardly_moves_keeps_its_digits(rare):
    sticky = np.array([[1 - rare, rare], [3 * rare, 1 - 3 * rare]])
    starts, stays = np.array([2.0, 1.0]), np.diag([49.0, 49.0])
    slope = expected_log(starts, stays, sticky)[1]
    # Along log a12, a11 falls by a12; the shares are 3/4 and 1/4, moved by 3/16 each.
    along = rare * (slope[0, 1] - slope[0, 0])
    by_hand = (-2 / 0.75 + 1 / 0.25) * 3 / 16 - 49 * rare / (1 - rare)
    assert along == pytest.approx(by_hand, rel=1e-7)


def test_a_stationary_chain_that_hardly_moves_is_fitted():
    rng = np.random.default_rng(0)
    x = np.repeat([0.0, 50.0], 50)[:, None] + rng.normal(size=(100, 1))
    hardly = [[1 - 1e-20, 1e-20], [1e-20, 1.0]]
    model = GaussianHMM(2, stationary=True, transmat_init=hardly, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(x, lengths=[50, 50])
    np.testing.assert_allclose(model.get_stationary_distribution(), [0.5, 0.5], atol=1e-6)


@pytest.mark.parametrize("seed", [0, 3])
def test_a_state_to_which_nothing_leads_changes_nothing_in_a_stationary_chain(seed):
    transmat = np.array([[0.5, 0, 0.5], [0.1, 0.6, 0.3], [0.4, 0, 0.6]])
    symbols = np.array([[0.8, 0.1, 0.1], [0.2, 0.3, 0.5], [0.1, 0.2, 0.7]])
    x, lengths = np.random.default_rng(seed).integers(0, 3, size=(60, 1)), [4] * 15

    def score(states):
        model = CategoricalHMM(
            len(states),
            stationary=True,
            transmat_init=transmat[np.ix_(states, states)],
            emissionprob_init=symbols[states],
            hold="emissionprob",
        )
        return model.fit(x, lengths).score(x, lengths)

    with pytest.warns(DegenerateWarning, match="state 1 is never visited"):
        all_three = score([0, 1, 2])
    assert all_three == pytest.approx(score([0, 2]), abs=1e-9)


def test_a_stationary_distribution_is_unique_or_refused():
    np.testing.assert_allclose(stationary(np.eye(2)[::-1]), [0.5, 0.5])
    np.testing.assert_allclose(stationary(np.array([[0.5, 0.5], [0.0, 1.0]])), [0, 1], atol=1e-12)
    with pytest.raises(DegenerateError, match="more than one stationary distribution"):
        stationary(np.eye(2))


def test_a_prior_leaves_a_stationary_chain_stationary():
    x, _ = made(3)
    for more in ({"prior": Prior()}, {"transmat_prior": 3.0}):
        model = GaussianHMM(2, stationary=True, random_state=0, **more).fit(x)
        np.testing.assert_allclose(model.startprob_ @ model.transmat_, model.startprob_, atol=1e-12)
