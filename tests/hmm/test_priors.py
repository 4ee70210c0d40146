"""Priors of chains and symbols: counts seen before, which nothing forbidden gets."""

import numpy as np
import pytest
from hmmlearn import hmm as peer
from scipy.special import xlogy
from scipy.stats import norm
from sklearn.exceptions import ConvergenceWarning

from emlib import CategoricalHMM, DegenerateWarning, GaussianHMM, Prior
from emlib.hmm.forward_backward import plain
from tests.hmm.helpers import START, climbed


def test_priors_are_counts_seen_before():
    symbols, states = np.array([0, 1, 1, 0, 2, 2, 1, 0]), np.array([0, 0, 1, 1, 1, 0, 0, 1])
    priors = {"startprob_prior": 3, "transmat_prior": [[1, 2], [3, 1]], "emissionprob_prior": 2.0}
    model = CategoricalHMM(2, random_state=0, **priors).fit(symbols[:, None], states=states)
    np.testing.assert_allclose(model.startprob_, [3 / 5, 2 / 5])
    np.testing.assert_allclose(model.transmat_, [[2 / 5, 3 / 5], [3 / 5, 2 / 5]])
    np.testing.assert_allclose(model.emissionprob_, [[2 / 7, 3 / 7, 2 / 7], [3 / 7, 2 / 7, 2 / 7]])


def test_dirichlet_priors_are_those_of_hmmlearn():
    rng = np.random.default_rng(0)
    x = rng.integers(3, size=(60, 1))
    startprob, transmat, emissions = (
        np.array([0.4, 0.6]),
        np.array([[0.7, 0.3], [0.2, 0.8]]),
        np.array([[0.5, 0.3, 0.2], [0.1, 0.3, 0.6]]),
    )
    priors = {"startprob_prior": 1.5, "transmat_prior": 2.0, "emissionprob_prior": 4.0}
    theirs = peer.CategoricalHMM(2, init_params="", n_iter=300, tol=-np.inf, **priors)
    theirs.startprob_, theirs.transmat_, theirs.emissionprob_ = startprob, transmat, emissions
    climbed(theirs, x)
    model = CategoricalHMM(
        2, startprob_init=startprob, transmat_init=transmat, emissionprob_init=emissions, **priors
    ).fit(x)
    np.testing.assert_allclose(model.transmat_, theirs.transmat_, atol=1e-3)
    np.testing.assert_allclose(model.emissionprob_, theirs.emissionprob_, atol=1e-3)
    assert np.all(np.diff(model.result_.trace.objective) > -1e-9)
    log_prior = (
        0.5 * np.log(model.startprob_).sum()
        + np.log(model.transmat_).sum()
        + 3 * np.log(model.emissionprob_).sum()
    )
    np.testing.assert_allclose(model.result_.objective, model.score(x) + log_prior, rtol=1e-9)


def test_of_a_state_that_is_never_visited_a_prior_knows_the_symbols():
    symbols, start = np.array([0, 1, 1, 0, 2, 2, 1, 0]), [[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]]
    prior = [[2, 2, 2], [3, 2, 4]]
    model = CategoricalHMM(2, emissionprob_init=start, emissionprob_prior=prior, max_iter=1)
    with (
        pytest.warns(ConvergenceWarning),
        pytest.warns(DegenerateWarning, match="state 1 is never visited"),
    ):
        model.fit(symbols[:, None], states=np.zeros(8, dtype=int))
    np.testing.assert_allclose(
        model.emissionprob_, [[4 / 11, 4 / 11, 3 / 11], [2 / 6, 1 / 6, 3 / 6]]
    )


def test_a_prior_keeps_states_from_collapsing_and_forbidden_steps_forbidden():
    x = np.concatenate([np.random.default_rng(0).normal(size=60), np.full(20, 7.0)])[:, None]
    chain = {"startprob_init": [1, 0], "transmat_init": [[0.9, 0.1], [0, 1]]}
    with pytest.warns(DegenerateWarning, match="a prior"):
        GaussianHMM(2, random_state=0, **chain).fit(x)
    model = GaussianHMM(2, prior=Prior(), transmat_prior=5.0, random_state=0, **chain).fit(x)
    assert model.converged_
    assert model.covars_.min() > 1e-2
    assert model.transmat_[1, 0] == 0
    # The only step out of state 0 counts once; the prior counts for four of each kind.
    np.testing.assert_allclose(model.transmat_[0], [63 / 68, 5 / 68], atol=1e-6)
    assert np.all(np.diff(model.result_.trace.objective) > -1e-9)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (GaussianHMM(2, transmat_prior=0.5), "transmat_prior must be at least 1"),
        (
            GaussianHMM(2, startprob_prior=[2, 2, 2]),
            "startprob_prior must be a number, or of shape",
        ),
        (GaussianHMM(2, prior=1.0), "must be an emlib.Prior"),
        (GaussianHMM(2, stationary=True, startprob_prior=2), "leave startprob_prior"),
        (CategoricalHMM(2, emissionprob_prior="a"), "emissionprob_prior must be"),
    ],
)
def test_priors_without_a_maximum_are_refused(model, message):
    with pytest.raises(ValueError, match=message):
        model.fit(np.array([0, 1, 1, 0, 1])[:, None])


def test_a_prior_adds_nothing_to_a_forbidden_start():
    symbols, states = np.array([0, 1, 1, 0]), np.array([0, 1, 0, 1])
    start = {"startprob_init": [0.5, 0.5, 0], "transmat_init": np.full((3, 3), 1 / 3)}
    start["emissionprob_init"] = np.full((3, 2), 0.5)
    model = CategoricalHMM(3, startprob_prior=4.0, max_iter=1, **start)
    with pytest.warns((ConvergenceWarning, DegenerateWarning)):
        model.fit(symbols[:, None], states=states)
    # The start is counted once, and three times before; where it may not be, not at all.
    np.testing.assert_allclose(model.startprob_, [4 / 7, 3 / 7, 0])


@pytest.mark.parametrize("known", [False, True])
def test_a_prior_counts_for_symbols_that_did_not_occur(known):
    symbols = np.random.default_rng(0).integers(0, 3, size=50)
    states = np.arange(50) % 2 if known else np.zeros(50, dtype=int)
    k = states.max() + 1
    model = CategoricalHMM(k, n_features=4, emissionprob_prior=2.0, random_state=0)
    model.fit(symbols[:, None], states=states)
    for state, found in enumerate(model.emissionprob_):
        counts = np.bincount(symbols[states == state], minlength=4) + 1
        np.testing.assert_allclose(found, counts / counts.sum(), rtol=1e-7)


def test_a_prior_adds_nothing_to_a_forbidden_symbol():
    symbols = np.array([0, 1, 0, 2, 2, 0, 1, 2])[:, None]
    emissions = np.array([[0.5, 0.5, 0.0], [0.2, 0.3, 0.5]])
    options = {"emissionprob_init": emissions, "emissionprob_prior": 3.0, **START}
    model = CategoricalHMM(2, **options).fit(symbols)
    assert model.emissionprob_[0, 2] == 0
    assert model.emissionprob_.min(where=emissions > 0, initial=1) > 0.1


def test_results_keep_their_order_if_a_prior_tells_the_states_apart():
    rng = np.random.default_rng(0)
    x = np.repeat([0.0, 2.0, 4.0, 0.0, 2.0], 40)[:, None] + rng.normal(size=(200, 1))
    prior = np.array([[20.0, 1, 1], [1, 5, 1], [1, 1, 2]])
    settings = {"n_init": 5, "init_params": "random", "transmat_prior": prior, "random_state": 0}
    model = GaussianHMM(3, **settings).fit(x)
    for result in model.results_:
        startprob, transmat, (means, covars) = result.params
        log_b = norm.logpdf(x, means[:, 0], np.sqrt(covars[:, 0, 0]))
        log_prior = xlogy(prior - 1, transmat).sum()
        expected = plain(startprob, transmat, log_b).log_likelihood + log_prior
        assert result.objective == pytest.approx(expected, abs=1e-6)


def test_the_default_prior_is_of_the_spread_of_what_was_seen():
    x = np.random.default_rng(0).normal(size=(400, 2)) * [1.0, 3.0]
    x[:240, 1] = np.nan
    said = Prior(mean=np.nanmean(x, axis=0), scale=np.nanvar(x, axis=0) / 2)
    fits = (
        GaussianHMM(2, covariance_type="diag", prior=prior, random_state=0).fit(x)
        for prior in (Prior(), said)
    )
    found, expected = (fit.covars_ for fit in fits)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
