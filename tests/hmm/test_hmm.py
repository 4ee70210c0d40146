"""HMMs agree with enumeration, published figures and hmmlearn, and survive what is unusual."""

import itertools
import pickle
import tracemalloc
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hmmlearn import hmm as peer
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit, logsumexp, softmax, xlogy
from scipy.stats import binom, multivariate_normal, norm, poisson
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

from emlib import (
    HMM,
    CategoricalHMM,
    DegenerateError,
    DegenerateWarning,
    GaussianHMM,
    GaussianMixture,
    PoissonHMM,
    Prior,
    em,
    hmm,
    mixture,
)
from emlib.covariances import FORMS, Diagonal
from emlib.datasets import load_earthquakes
from emlib.families import Binomial, Categorical, Poisson, Symbols
from emlib.hmm import HMMParams, Sequences
from emlib.hmm.forward_backward import forward, in_logs, plain, viterbi
from emlib.hmm.stationary import expected_log, stationary, stationary_m_step

OTHER_WORDS = "the error says it in other words"
OF_A_TIME_SERIES = "the order of rows is what an HMM is about"
SCIKIT_LEARN_WOULD = {
    "check_complex_data": OTHER_WORDS,
    "check_dtype_object": OTHER_WORDS,
    "check_estimators_empty_data_messages": OTHER_WORDS,
    "check_estimator_sparse_tag": OTHER_WORDS,
    "check_estimator_sparse_array": OTHER_WORDS,
    "check_estimator_sparse_matrix": OTHER_WORDS,
    "check_fit2d_predict1d": OTHER_WORDS,
    "check_methods_sample_order_invariance": OF_A_TIME_SERIES,
    "check_methods_subset_invariance": OF_A_TIME_SERIES,
}


class OneSequence(GaussianHMM):
    """An HMM as scikit-learn calls its estimators: `fit(X, y)`, and no lengths."""

    def fit(self, X, y=None):
        del y
        return super().fit(X)

    def score(self, X, y=None):
        del y
        return super().score(X)


@parametrize_with_checks(
    [OneSequence(2, random_state=0)], expected_failed_checks=lambda _: SCIKIT_LEARN_WOULD
)
@pytest.mark.filterwarnings("ignore::sklearn.utils.estimator_checks.SkipTestWarning")
@pytest.mark.filterwarnings("ignore::emlib.DegenerateWarning")
def test_follows_the_conventions_of_scikit_learn(estimator, check):
    check(estimator)


COUNTS = load_earthquakes().values[:, [1]]
STAYS = np.array([[0.9, 0.1], [0.2, 0.8]])


def made(seed=0, t=300, d=2, k=3):
    """A sequence drawn from a chain of well-mixed Gaussians, and a start."""
    rng = np.random.default_rng(seed)
    transmat = 0.7 * np.eye(k) + 0.2 * np.roll(np.eye(k), 1, axis=1) + 0.1 / k
    means = 2.5 * np.roll(np.eye(k), 1, axis=0)[:, :d] + 0.2 * rng.normal(size=(k, d))
    true = HMMParams(np.full(k, 1 / k), transmat, (means, np.tile(np.eye(d), (k, 1, 1))))
    x, _ = hmm.sample(true, t, rng)
    return x, true._replace(components=(means + 0.3, true.components[1] * 1.5))


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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a likelihood that does not fall by infinity
        theirs.fit(x, lengths)
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


def climbed(theirs, x, lengths):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return theirs.fit(x, lengths)


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


def test_scores_paths_and_posteriors_are_those_of_hmmlearn():
    x, _ = made()
    lengths = [100, 1, 199]
    ours = GaussianHMM(3, random_state=0).fit(x, lengths)
    theirs = peer.GaussianHMM(3, "full")
    theirs.startprob_, theirs.transmat_ = ours.startprob_, ours.transmat_
    theirs.means_, theirs.covars_ = ours.means_, ours.covars_
    np.testing.assert_allclose(ours.score(x, lengths), theirs.score(x, lengths), rtol=1e-11)
    log_p, r = ours.score_samples(x, lengths)
    np.testing.assert_allclose(log_p, ours.score(x, lengths))
    np.testing.assert_allclose(r, theirs.predict_proba(x, lengths), atol=1e-10)
    for algorithm in ("map", "viterbi"):
        expected, path = theirs.decode(x, lengths, algorithm)
        found, ours_path = ours.decode(x, lengths, algorithm=algorithm)
        np.testing.assert_allclose(found, expected, rtol=1e-11)
        np.testing.assert_array_equal(ours_path, path)
    np.testing.assert_array_equal(ours.predict(x, lengths), path)
    with pytest.raises(ValueError, match="'viterbi' or 'map', got 'best'"):
        ours.decode(x, algorithm="best")


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


def test_the_most_probable_states_need_not_be_a_path():
    # After a, b or c follows; c is the likelier third state, but b's own way is the likelier path.
    model = CategoricalHMM(3)
    model.startprob_ = [1.0, 0.0, 0.0]
    model.transmat_ = [[0.0, 0.4, 0.6], [0.0, 1.0, 0.0], [0.5, 0.0, 0.5]]
    model.emissionprob_ = np.full((3, 1), 1.0)
    log_p, path = model.decode(np.zeros((3, 1)))
    np.testing.assert_allclose(log_p, np.log(0.4))
    np.testing.assert_array_equal(path, [0, 1, 1])
    n_right, states = model.decode(np.zeros((3, 1)), algorithm="map")
    np.testing.assert_allclose(n_right, 1 + 0.6 + 0.4)
    np.testing.assert_array_equal(states, [0, 2, 1])


@pytest.mark.parametrize(
    ("model", "parts", "message"),
    [
        (PoissonHMM(2), {"lambdas_": []}, "lambdas_ must be finite and of shape"),
        (PoissonHMM(2), {"lambdas_": np.ones((3, 1))}, r"startprob must .* of shape \(3,\)"),
        (GaussianHMM(2, covariance_type="round"), {"means_": [[0.0], [1.0]]}, "got 'round'"),
        (GaussianMixture(2, covariance_type="round"), {"means_": [[0.0], [1.0]]}, "got 'round'"),
        (GaussianMixture(2), {"means_": [0.0, 1.0]}, "means_ must be finite and of shape"),
    ],
)
def test_what_is_wrong_with_a_model_made_by_hand_is_said(model, parts, message):
    made_by_hand = {"startprob_": [0.5, 0.5], "transmat_": np.full((2, 2), 0.5)}
    made_by_hand |= {"weights_": [0.5, 0.5], "covars_": np.ones(2), "covariances_": np.ones(2)}
    for name, value in (made_by_hand | parts).items():
        setattr(model, name, value)
    with pytest.raises(ValueError, match=message):
        model.sample(3)


def test_umbrellas_are_those_of_russell_and_norvig():
    # Artificial Intelligence: A Modern Approach, chapter 15; all five days by enumeration.
    sensor, stays = np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([[0.7, 0.3], [0.3, 0.7]])
    model = CategoricalHMM(
        2, startprob_init=[0.5, 0.5], transmat_init=stays, emissionprob_init=sensor, max_iter=1
    )
    days = np.array([0, 0, 1, 0, 0])[:, None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(days)
    model.startprob_, model.transmat_, model.emissionprob_ = np.full(2, 0.5), stays, sensor
    np.testing.assert_allclose(model.predict_proba(days[:2])[0, 0], 0.8833570412517779, atol=1e-9)
    np.testing.assert_allclose(np.exp(model.score(days[:2])), 0.3515, atol=1e-12)
    np.testing.assert_allclose(np.exp(model.score(days)), 0.0343037005, atol=1e-12)
    np.testing.assert_allclose(
        model.predict_proba(days)[:, 0],
        [0.86733888957549, 0.82041905362368, 0.30748357600662, 0.82041905362368, 0.86733888957548],
        atol=1e-9,
    )
    log_p, path = model.decode(days)
    np.testing.assert_array_equal(path, days[:, 0])
    # The book normalises its first message, dividing all that follow by 0.55.
    np.testing.assert_allclose(np.exp(log_p) / 0.55, 0.02104291636363636, atol=1e-9)


BW = {  # Zucchini and MacDonald's data, with a free start: reruns of the book's code.
    2: (
        [15.0, 25.0],
        [343.011463978404, 342.0968064774157, 342.01378116045333, 341.9124278969808],
        341.8787010117203,
        [15.420761219843467, 26.018234192284716],
        [[0.9283739344911711, 0.07162606550882884], [0.11903435542122161, 0.8809656445787781]],
    ),
    3: (
        [10.0, 20.0, 30.0],
        [342.9078075572506, 332.12142978997304, 330.63688835255647, 328.65862015165027],
        328.52748338020353,
        [13.133761659317342, 19.7131643074158, 29.709724114702343],
        [
            [0.93929387000005, 0.03209849365593393, 0.028607636344016064],
            [0.040401727921241, 0.9064360869391034, 0.05316218513965599],
            [0, 0.1902558986954476, 0.8097441013045519],
        ],
    ),
}


@pytest.mark.parametrize("k", BW)
def test_earthquakes_with_a_free_start(k):
    rates, path, best, lambdas, transmat = BW[k]
    start = np.full((k, k), 0.1) + (1 - 0.1 * k) * np.eye(k)
    model = PoissonHMM(
        k,
        startprob_init=np.full(k, 1 / k),
        transmat_init=start,
        lambdas_init=np.array(rates)[:, None],
        tol=1e-12,
    ).fit(COUNTS)
    np.testing.assert_allclose(-model.result_.trace.objective[[0, 1, 2, 5]], path, atol=1e-6)
    np.testing.assert_allclose(-model.score(COUNTS), best, atol=1e-5)
    np.testing.assert_allclose(model.lambdas_[:, 0], lambdas, atol=1e-3)
    np.testing.assert_allclose(model.transmat_, transmat, atol=1e-3)
    np.testing.assert_allclose(model.startprob_, np.eye(k)[0], atol=1e-3)


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
def test_earthquakes_with_a_stationary_start(k):
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


def test_one_state_is_one_poisson():
    model = PoissonHMM(1).fit(COUNTS)
    np.testing.assert_allclose(-model.score(COUNTS), 391.9189281654949, atol=1e-4)


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


def test_a_stationary_distribution_is_unique_or_refused():
    np.testing.assert_allclose(stationary(np.eye(2)[::-1]), [0.5, 0.5])
    np.testing.assert_allclose(stationary(np.array([[0.5, 0.5], [0.0, 1.0]])), [0, 1], atol=1e-12)
    with pytest.raises(DegenerateError, match="more than one stationary distribution"):
        stationary(np.eye(2))


@pytest.mark.parametrize("kind", FORMS)
def test_the_likelihood_never_falls_and_the_chain_stays_one(kind):
    x, _ = made(3)
    model = GaussianHMM(3, kind, random_state=0).fit(x, [100, 200])
    assert model.converged_
    trace = model.result_.trace
    rises = np.delete(np.diff(trace.objective), [i - 1 for i in trace.nudged_at])
    assert rises.min() > -1e-8
    np.testing.assert_allclose(model.transmat_.sum(axis=1), 1)
    np.testing.assert_allclose(trace.objective[-1], model.score(x, [100, 200]), rtol=1e-11)


@pytest.mark.parametrize("kind", FORMS)
def test_shifting_and_scaling_the_data_changes_nothing_else(kind):
    x, start = made(4)
    scale = np.array([1e-5, 1e-5]) if kind == "spherical" else np.array([1e-6, 1e4])
    one = GaussianHMM(3, kind, means_init=start.components[0], random_state=0).fit(x)
    moved = (start.components[0] * scale) + 1e3 * scale
    other = GaussianHMM(3, kind, means_init=moved, random_state=0).fit(x * scale + 1e3 * scale)
    np.testing.assert_allclose(other.transmat_, one.transmat_, atol=1e-5)
    np.testing.assert_allclose((other.means_ / scale) - 1e3, one.means_, atol=1e-4)
    shift = len(x) * np.log(scale).sum()
    np.testing.assert_allclose(other.result_.objective, one.result_.objective - shift, rtol=1e-8)
    np.testing.assert_allclose(
        other.score(x * scale + 1e3 * scale), one.score(x) - shift, rtol=1e-8
    )


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


def test_forbidden_steps_stay_forbidden():
    x, start = made(6)
    ring = np.array([[0.5, 0.5, 0], [0, 0.5, 0.5], [0.5, 0, 0.5]])
    model = GaussianHMM(
        3, startprob_init=[0, 1, 0], transmat_init=ring, means_init=start.components[0]
    ).fit(x)
    assert np.all(model.transmat_[ring == 0] == 0)
    assert model.startprob_.tolist() == [0, 1, 0]


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


def test_states_never_visited_or_left_are_named_and_kept():
    x = np.concatenate([np.zeros(50), np.ones(1)])[:, None] + 0.1 * np.cos(np.arange(51))[:, None]
    start = [[0.5, 0.5, 0], [0, 1, 0], [0.2, 0.3, 0.5]]
    model = GaussianHMM(
        3,
        "tied",
        startprob_init=[1, 0, 0],
        transmat_init=start,
        means_init=[[0.0], [1.0], [7.0]],
    )
    with pytest.warns(DegenerateWarning) as caught:
        model.fit(x)
    messages = [str(warning.message) for warning in caught]
    assert any("state 2 is never visited" in message for message in messages)
    np.testing.assert_allclose(model.transmat_[2], start[2])
    np.testing.assert_allclose(model.means_[2], 7.0)


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
    # It starts anew with the spread of standard units, which no nudge changes.
    np.testing.assert_allclose(hmm.m_step(nudged).components[1][2], np.eye(2), rtol=1e-6)


def test_a_state_that_is_only_the_last_keeps_its_row():
    start = np.array([[0.9, 0.1], [0.25, 0.75]])
    symbols = np.array([0, 0, 0, 0, 1])[:, None]
    model = CategoricalHMM(
        2, startprob_init=[1, 0], transmat_init=start, emissionprob_init=np.eye(2)
    )
    with pytest.warns(DegenerateWarning, match="state 1 is never left"):
        model.fit(symbols)
    np.testing.assert_array_equal(model.transmat_, [[0.75, 0.25], [0.25, 0.75]])


def test_a_symbol_without_probability_is_named():
    table = [[0.5, 0.5, 0.0], [0.2, 0.8, 0.0]]
    model = CategoricalHMM(2, emissionprob_init=table)
    with pytest.raises(
        DegenerateError, match=r"point 2 \(2\) has density zero.*without probability"
    ):
        model.fit(np.array([0, 1, 2, 0])[:, None])
    fitted = CategoricalHMM(1, n_features=4).fit(np.array([0, 1, 1, 0])[:, None])
    with pytest.raises(
        DegenerateError, match=r"observation 1 \(3\) has density zero.*without probability"
    ):
        fitted.predict([[0], [3]])
    assert fitted.score([[0], [3]]) == -np.inf  # so that the highest score can win
    with pytest.raises(ValueError, match="below 4, got 4"):
        fitted.predict([[4]])


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


def test_repeated_values_give_what_all_values_give():
    x = np.round(made(9, t=2000, d=1)[0])
    start = HMMParams(np.full(2, 0.5), STAYS, (np.array([[-1.0], [1.0]]), np.ones((2, 1))))
    few, all_values = Sequences.of(x), Sequences.of(x + 0.5)
    assert len(few.data.x) < 50
    assert all_values.which is None
    moved = start._replace(components=(start.components[0] + 0.5, start.components[1]))
    one, log_p = hmm.e_step(start, few, Diagonal())
    other, again = hmm.e_step(moved, all_values, Diagonal())
    np.testing.assert_allclose(log_p, again, rtol=1e-12)
    np.testing.assert_allclose(one.transitions, other.transitions, atol=1e-8)
    pair = (hmm.m_step(s, Diagonal()).components for s in (one, other))
    (means, variances), (others, more) = pair
    np.testing.assert_allclose(means + 0.5, others, rtol=1e-10)
    np.testing.assert_allclose(variances, more, rtol=1e-9)


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


@pytest.mark.parametrize("model", [GaussianHMM, PoissonHMM, CategoricalHMM])
def test_samples_have_the_chain_and_the_components_of_the_model(model):
    n = 40_000
    fitted = model(2, random_state=0)
    fitted.startprob_, fitted.transmat_ = np.array([1.0, 0.0]), STAYS
    fitted.means_, fitted.covars_ = np.array([[0.0], [5.0]]), np.array([[[1.0]], [[4.0]]])
    fitted.lambdas_, fitted.emissionprob_ = (
        np.array([[2.0], [30.0]]),
        np.array([[0.3, 0.7], [1, 0]]),
    )
    x, z = fitted.sample(n)
    assert z[0] == 0
    moves = np.array([[np.mean(z[1:][z[:-1] == j] == k) for k in (0, 1)] for j in (0, 1)])
    np.testing.assert_allclose(moves, STAYS, atol=0.02)
    means = {GaussianHMM: [0, 5], PoissonHMM: [2, 30], CategoricalHMM: [0.7, 0]}[model]
    spreads = {GaussianHMM: [1, 4], PoissonHMM: [2, 30], CategoricalHMM: [0.21, 0]}[model]
    for k in (0, 1):
        np.testing.assert_allclose(x[z == k].mean(), means[k], atol=0.15)
        np.testing.assert_allclose(x[z == k].var(), spreads[k], rtol=0.06, atol=1e-9)
    np.testing.assert_array_equal(fitted.sample(5, random_state=3)[1], fitted.sample(5, 3)[1])


def test_more_starts_find_no_less():
    symbols = np.random.default_rng(1).integers(3, size=200)[:, None]
    one = CategoricalHMM(2, random_state=0).fit(symbols)
    more = CategoricalHMM(2, random_state=0, n_init=4).fit(symbols)
    assert len(more.results_) == 4
    assert more.result_.objective == max(r.objective for r in more.results_)
    assert more.result_.objective >= one.result_.objective


@pytest.mark.parametrize(
    ("model", "x", "lengths", "message"),
    [
        (GaussianHMM(2), [1.0, 2.0], None, r"np\.reshape\(x, \(-1, 1\)\)"),
        (PoissonHMM(2), [[1.0, 1.0], [0.0, np.nan]], None, "row 1 of the data lacks some"),
        (GaussianHMM(2), [[np.nan], [np.nan]], None, "every row of data is NaN"),
        (GaussianHMM(2), [[[1.0], [2.0]], [[3.0]]], None, "give their lengths="),
        (GaussianHMM(2), [[[1.0], [2.0]], [[3.0], [5.0]]], None, "give their lengths="),
        (GaussianHMM(2), [[1.0], [1.0]], None, "constant"),
        (GaussianHMM(9), [[1.0], [2.0]], None, "n_components=9 is more than the 2 observations"),
        (GaussianHMM(1), [[1.0], [2.0]], [1, 2], "lengths sum to 3, but there are 2 rows"),
        (GaussianHMM(1), [[1.0], [2.0]], [2, 0], "whole numbers above zero"),
        (GaussianHMM(0), [[1.0], [2.0]], None, "n_components must be"),
        (GaussianHMM(1, "round"), [[1.0], [2.0]], None, "covariance_type must be one of"),
        (GaussianHMM(1, tol=-1), [[1.0], [2.0]], None, "tol must be"),
        (GaussianHMM(1, covars_init=[[[-1.0]]]), [[1.0], [2.0]], None, "positive definite"),
        (GaussianHMM(2, transmat_init=np.ones((2, 2))), [[1.0], [2.0]], None, "sum to 1"),
        (GaussianHMM(2, startprob_init=[1.0]), [[1.0], [2.0]], None, r"shape \(2,\)"),
        (
            GaussianHMM(1, stationary=True, startprob_init=[1.0]),
            [[1.0], [2.0]],
            None,
            "leave startprob_init out",
        ),
        (PoissonHMM(1), [[1.5], [2.0]], None, "counts must be whole numbers"),
        (CategoricalHMM(1), [[0.5], [1.0]], None, "symbols must be whole numbers"),
        (CategoricalHMM(1, n_features=2), [[0], [2]], None, "below 2, got 2"),
    ],
)
def test_errors_say_what_is_wrong(model, x, lengths, message):
    with pytest.raises(ValueError, match=message):
        model.fit(x, lengths)


def test_other_features_than_fitted_are_an_error():
    model = GaussianHMM(1).fit([[1.0], [2.0], [4.0]])
    with pytest.raises(ValueError, match="X has 2 features, but GaussianHMM is expecting 1"):
        model.score([[1.0, 2.0]])


@pytest.mark.parametrize(
    ("symbols", "message"),
    [
        (np.zeros((3, 4), dtype=int), "give their lengths="),  # a panel, one sequence a row
        (np.array([[0, 1, 0, 1]]), "must be one column"),
        (np.eye(3, dtype=int), "take argmax"),
        (np.zeros((2, 2, 1)), "must be one column"),
        ([[0], [1, 0]], "Stack sequences"),
        ([["a"], ["b"]], "Number them: names, numbers = np.unique"),
        ([[None], [np.nan]], "every row of data is NaN"),
        ([[0], [np.inf]], "whole numbers from 0 on"),
        ([[0], [-1]], "whole numbers from 0 on.*got -1 .row 1."),
        ([[0.5], [1]], "whole numbers from 0 on"),
        ([], "empty"),
        (np.ma.masked_array([[0], [1]], mask=[[True], [False]]), "masked"),
    ],
)
def test_what_is_not_one_column_of_symbols_is_refused(symbols, message):
    with pytest.raises(ValueError, match=message):
        CategoricalHMM(1).fit(symbols)
    fitted = CategoricalHMM(1).fit([[0], [1], [1]])
    if "every row" in message:  # of which a fit can make nothing, but a fitted model something
        assert fitted.predict(symbols).tolist() == [0, 0]
        return
    with pytest.raises(ValueError, match=message):
        fitted.predict(symbols)


@pytest.mark.parametrize("n_features", [0, -2, 2.5, "two", True])
def test_a_number_of_symbols_that_is_none_is_refused(n_features):
    with pytest.raises(ValueError, match="n_features"):
        CategoricalHMM(1, n_features=n_features).fit([[0], [1]])


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


def test_many_symbols_need_no_table_of_them_all():
    symbols = np.random.default_rng(0).integers(0, 50_000, size=2000)[:, None]
    tracemalloc.start()
    model = CategoricalHMM(2, n_features=50_000, max_iter=2, random_state=0)
    with pytest.warns(ConvergenceWarning):
        model.fit(symbols)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6  # one-hot rows would be 20 GB
    assert model.sample(1000, random_state=0)[0].max() < 50_000


def test_forbidden_steps_are_not_counted_as_free():
    x = np.repeat([0.0, 4.0, 9.0], 30)[:, None] + np.random.default_rng(0).normal(size=(90, 1))
    left_right = [[0.9, 0.1, 0.0], [0.0, 0.9, 0.1], [0.0, 0.0, 1.0]]
    start = {"startprob_init": [1, 0, 0], "means_init": [[0], [4], [9]]}
    model = GaussianHMM(3, transmat_init=left_right, **start).fit(x)
    # Two probabilities of steps, three means and three variances.
    np.testing.assert_allclose(model.bic(x), 8 * np.log(90) - 2 * model.score(x))
    np.testing.assert_allclose(model.aic(x), 2 * 8 - 2 * model.score(x))
    free = GaussianHMM(3, random_state=0, **start | {"startprob_init": None}).fit(x)
    np.testing.assert_allclose(free.aic(x), 2 * 14 - 2 * free.score(x))


def test_observations_are_counted_and_not_rows_of_an_array():
    symbols = np.array([[0], [1], [0], [0], [1]])
    model = CategoricalHMM(1).fit(symbols)
    np.testing.assert_allclose(model.bic(symbols[:, 0]), np.log(5) - 2 * model.score(symbols))


TURNS = {"startprob_init": [1, 0], "transmat_init": [[0, 1], [1, 0]]}


def test_an_impossible_path_scores_minus_infinity():
    turns = CategoricalHMM(2, emissionprob_init=np.eye(2), **TURNS).fit([[0], [1], [0], [1]])
    assert turns.score([[0], [1]]) == pytest.approx(0)
    assert turns.score([[0], [0]]) == -np.inf
    with pytest.raises(DegenerateError, match="impossible from time 1"):
        turns.decode([[0], [0]])


@pytest.mark.parametrize("seed", range(8))
def test_drawn_states_take_the_order_that_suits_a_given_chain(seed):
    x = np.repeat([5.0, 0.0, 9.0], 40)[:, None] + np.random.default_rng(seed).normal(size=(120, 1))
    left_right = [[0.9, 0.1, 0.0], [0.0, 0.9, 0.1], [0.0, 0.0, 1.0]]
    chain = {"startprob_init": [1, 0, 0], "transmat_init": left_right}
    model = GaussianHMM(3, random_state=seed, **chain).fit(x)
    np.testing.assert_array_equal(model.predict(x), np.repeat([0, 1, 2], 40))
    means = [x[:40].mean(), x[40:80].mean(), x[80:].mean()]
    np.testing.assert_allclose(model.means_[:, 0], means, atol=0.02)


def by_recursion(startprob, transmat, log_b):
    """The log-likelihood, by the forward recursion in logarithms."""
    with np.errstate(divide="ignore"):
        log_a, log_p = np.log(transmat), np.log(startprob) + log_b[0]
    for log_density in log_b[1:]:
        log_p = logsumexp(log_p[:, None] + log_a, axis=0) + log_density
    return logsumexp(log_p)


@pytest.mark.parametrize("how", ["kmeans", "random_from_data"])
def test_what_is_given_keeps_its_places_and_only_what_was_drawn_moves(how):
    rng, z = np.random.default_rng(0), np.repeat([0, 1] * 5, [40, 10] * 5)
    x = (np.where(z == 0, 0, 3) + np.where(z == 0, 2, 0.5) * rng.normal(size=250))[:, None]
    transmat, variances = np.array([[0.975, 0.025], [0.1, 0.9]]), np.array([0.25, 4.0])
    given = {"transmat_init": transmat, "covars_init": variances[:, None]}
    hold = {"hold": ["transmat", "covars"], "init_params": how, "random_state": 0}
    model = GaussianHMM(2, "diag", **hold, **given).fit(x)
    np.testing.assert_allclose(model.covars_[:, 0], variances, rtol=1e-12)

    def loss(means):
        log_b = norm.logpdf(x, means, np.sqrt(variances))
        return -max(by_recursion(startprob, transmat, log_b) for startprob in np.eye(2))

    starts = [[0.0, 3.0], [3.0, 0.0]]
    highest = -min(minimize(loss, start, method="Nelder-Mead").fun for start in starts)
    assert model.score(x) == pytest.approx(highest, abs=0.01)


def test_a_start_probability_that_is_given_takes_the_drawn_steps_along_with_their_states():
    rng, z = np.random.default_rng(0), np.repeat([0, 1] * 4, [5, 45] * 4)
    x = (20.0 * z + rng.normal(size=200))[:, None]
    for startprob in ([1, 0], [0, 1]):
        options = {"startprob_init": startprob, "max_iter": 0, "random_state": 0}
        with pytest.warns(ConvergenceWarning):
            model = GaussianHMM(2, "diag", **options).fit(x)
        first, other = np.argmax(startprob), np.argmin(startprob)
        assert model.means_[first, 0] == pytest.approx(0, abs=1)  # it starts there
        assert model.transmat_[first, first] < model.transmat_[other, other]  # and stays less long


@pytest.mark.parametrize("variances", [[9.0, 0.01], [0.01, 9.0]])
def test_given_covariances_find_the_means_that_were_drawn_for_them(variances):
    rng, z = np.random.default_rng(0), np.repeat([0, 1] * 10, 20)
    x = (np.where(z == 0, 0, 10) + np.where(z == 0, 0.1, 3) * rng.normal(size=400))[:, None]
    given = {"covars_init": np.reshape(variances, (2, 1)), "hold": "covars"}
    model = GaussianHMM(2, "diag", random_state=0, **given).fit(x)
    means = np.where(np.array(variances) < 1, 0.0, 10.0)
    transmat = np.array([[0.95, 0.05], [0.05, 0.95]])
    of_truth = by_recursion([0.5, 0.5], transmat, norm.logpdf(x, means, np.sqrt(variances)))
    assert of_truth < model.score(x) < of_truth + 10
    np.testing.assert_allclose(model.means_[:, 0], means, atol=0.5)


@pytest.mark.parametrize("others", [[1, 2], [2, 1]])
@pytest.mark.parametrize("part", ["transmat", "covars"])
def test_where_one_state_is_known_the_others_suit_what_is_given(part, others):
    rng, order = np.random.default_rng(0), [0, *others]
    transmat = np.array([[0.8, 0.1, 0.1], [0.3, 0.7, 0.0], [0.02, 0.0, 0.98]])
    means, scales, z = np.array([0.0, 5.0, -5.0]), np.array([1.0, 0.3, 1.6]), [0]
    for _ in range(599):
        z.append(rng.choice(3, p=transmat[z[-1]]))
    x = (means[z] + scales[z] * rng.normal(size=600))[:, None]
    known = np.where((np.array(z) == 0) & (rng.random(600) < 0.5), 0, -1)
    transmat, means, scales = transmat[np.ix_(order, order)], means[order], scales[order]
    value = {"transmat": transmat, "covars": scales[:, None] ** 2}[part]
    given = {f"{part}_init": value, "hold": part, "random_state": 0}
    model = GaussianHMM(3, "diag", **given).fit(x, states=known)
    log_b = norm.logpdf(x, means, scales)
    log_b[known == 0, 1:] = -np.inf
    of_truth = by_recursion([1, 0, 0], transmat, log_b)
    assert of_truth < model.result_.objective < of_truth + 15
    np.testing.assert_allclose(model.means_[:, 0], means, atol=0.5)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_given_of_the_states_decides_the_rest_whatever_the_seed(seed):
    x, _ = made(3)
    means = {"means_init": [[3.0, 0.0], [0.0, 3.0], [0.0, 0.0]]}
    first = GaussianHMM(3, random_state=99, **means).fit(x)
    again = GaussianHMM(3, random_state=seed, **means).fit(x)
    np.testing.assert_array_equal(
        again.result_.trace.params[0].transmat, first.result_.trace.params[0].transmat
    )


def test_columns_of_a_data_frame_keep_their_names():
    x, _ = made(5)
    frame = pd.DataFrame(x, columns=["first", "second"])
    model = GaussianHMM(2, random_state=0).fit(frame)
    assert list(model.feature_names_in_) == ["first", "second"]
    assert model.n_features_in_ == 2
    with pytest.raises(ValueError, match="feature names"):
        model.score(frame[["second", "first"]])


def test_a_fit_that_fails_leaves_the_last_one_as_it_was():
    x, _ = made(6)
    model = GaussianHMM(2, random_state=0).fit(x)
    before = model.score(x)
    with pytest.raises(ValueError, match="n_components=500"):
        model.set_params(covariance_type="diag", n_components=500).fit(x)
    assert model.score(x) == before


def without(x, missing):
    x = np.array(x, dtype=float)
    x[missing] = np.nan
    return x


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


START = {"startprob_init": [0.5, 0.5], "transmat_init": [[0.7, 0.3], [0.3, 0.7]]}


@pytest.mark.parametrize(
    ("model", "family", "components"),
    [
        (
            GaussianHMM(2, means_init=[[0.0], [5.0]], random_state=0, **START),
            Diagonal(),
            (np.array([[0.0], [5.0]]), np.ones((2, 1))),
        ),
        (
            CategoricalHMM(2, emissionprob_init=[[0.8, 0.2], [0.3, 0.7]], **START),
            Symbols(2),
            (np.array([[0.95, 0.05], [0.05, 0.95]]),),
        ),
    ],
)
def test_a_chain_half_of_which_is_missing_is_found(model, family, components):
    rng = np.random.default_rng(3)
    x, _ = hmm.sample(HMMParams(np.full(2, 0.5), STAYS, components), 30_000, rng, family)
    x = without(x, rng.uniform(size=len(x)) < 0.5)
    model.fit(x)
    # Standard errors are below 0.01; with the gaps removed, 0.1 becomes 0.15 and 0.2 becomes 0.28.
    np.testing.assert_allclose(model.transmat_, STAYS, atol=0.03)
    assert len(model.predict(x)) == len(x)


def test_bic_counts_the_observations_that_were_made():
    symbols = np.array([0, 1, 0, np.nan, 0, 1])[:, None]
    model = CategoricalHMM(1).fit(symbols)
    np.testing.assert_allclose(model.emissionprob_, [[0.6, 0.4]])
    np.testing.assert_allclose(model.bic(symbols), np.log(5) - 2 * model.score(symbols))


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


@pytest.mark.parametrize("seed", range(4))
def test_a_few_known_states_name_the_others(seed):
    x, start = made(10)
    z = np.argmax(hmm.steps.smoothed(start, x)[0], axis=1)
    states = np.full(len(x), -1)
    states[::15] = z[::15]
    model = GaussianHMM(3, random_state=seed).fit(x, states=states)
    assert np.mean(model.predict(x) == z) > 0.95
    with pytest.raises(ValueError, match=r"states must be from 0 to 2, or -1"):
        model.fit(x, states=states + 5)
    with pytest.raises(ValueError, match="one for each row"):
        model.fit(x, states=states[1:])
    with pytest.raises(ValueError, match="-1 where it is unknown"):
        model.fit(x, states=np.where(states < 0, np.nan, states))


def test_all_states_known_is_counting():
    symbols, states = np.array([0, 1, 1, 0, 2, 2, 1, 0]), np.array([0, 0, 1, 1, 1, 0, 0, 1])
    model = CategoricalHMM(2, random_state=0).fit(symbols[:, None], states=states)
    np.testing.assert_allclose(model.startprob_, [1, 0])
    np.testing.assert_allclose(model.transmat_, [[0.5, 0.5], [1 / 3, 2 / 3]])
    np.testing.assert_allclose(model.emissionprob_, [[0.25, 0.5, 0.25], [0.5, 0.25, 0.25]])


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


def test_a_forecast_is_the_state_of_an_observation_not_yet_made():
    x, _ = made(12)
    model = GaussianHMM(3, random_state=0).fit(x)
    for steps in (1, 4):
        to_come = np.vstack([x, np.full((steps, 2), np.nan)])
        expected = model.predict_proba(to_come)[-1]
        np.testing.assert_allclose(model.forecast_proba(x, steps=steps), [expected], atol=1e-12)
    both = model.forecast_proba(x, [100, len(x) - 100])
    np.testing.assert_allclose(both[0], model.forecast_proba(x[:100])[0], atol=1e-12)
    far = model.forecast_proba(x, steps=10_000)
    np.testing.assert_allclose(far, [model.get_stationary_distribution()], atol=1e-9)
    with pytest.raises(ValueError, match="steps must be"):
        model.forecast_proba(x, steps=0)


def test_the_score_of_each_sequence_is_its_own():
    turns = CategoricalHMM(2, emissionprob_init=np.eye(3)[:2], **TURNS).fit([[0], [1], [0], [1]])
    scores = turns.score_sequences([[0], [1], [0], [0], [0], [2]], [2, 2, 2])
    np.testing.assert_allclose(scores, [0, -np.inf, -np.inf], atol=1e-12)
    model = PoissonHMM(2, random_state=0).fit(COUNTS)
    parts = [COUNTS[:50], COUNTS[50:]]
    found = model.score_sequences(COUNTS, [50, len(COUNTS) - 50])
    np.testing.assert_allclose(found, [model.score(part) for part in parts], rtol=1e-12)


def test_states_of_all_starts_are_in_the_order_of_the_best():
    x, _ = made(13)
    model = GaussianHMM(3, n_init=6, random_state=0).fit(x)
    same = [r for r in model.results_ if abs(r.objective - model.result_.objective) < 1e-4]
    assert len(same) > 2
    for result in same:
        np.testing.assert_allclose(result.params.components[0], model.means_, atol=1e-2)
        np.testing.assert_allclose(result.params.transmat, model.transmat_, atol=1e-2)
        np.testing.assert_allclose(hmm.e_step(result.params, x)[1], result.objective, rtol=1e-9)


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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs.fit(x)
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


def test_a_prior_leaves_a_stationary_chain_stationary():
    x, _ = made(3)
    for more in ({"prior": Prior()}, {"transmat_prior": 3.0}):
        model = GaussianHMM(2, stationary=True, random_state=0, **more).fit(x)
        np.testing.assert_allclose(model.startprob_ @ model.transmat_, model.startprob_, atol=1e-12)


def test_states_that_are_all_the_same_are_told_apart():
    x, _ = made(3, k=2)
    same = {"means_init": [x.mean(axis=0)] * 2, "covars_init": [np.cov(x.T)] * 2}
    apart = GaussianHMM(2, random_state=0).fit(x)
    model = GaussianHMM(2, random_state=0, **same).fit(x)  # a saddle, where EM would stay
    np.testing.assert_allclose(model.score(x), apart.score(x), rtol=1e-6)


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


def test_criteria_of_an_impossible_sequence_are_infinite():
    model = CategoricalHMM(2)
    model.startprob_, model.transmat_ = np.array([1.0, 0.0]), np.eye(2)
    model.emissionprob_ = np.eye(2)
    impossible = np.array([[0], [1]])  # the first state is never left, and never says 1
    assert model.score(impossible) == -np.inf
    assert model.aic(impossible) == model.bic(impossible) == np.inf


@pytest.mark.parametrize("value", [1.0, 0.5])
def test_a_constant_feature_is_named_whether_or_not_it_is_a_whole_number(value):
    with pytest.raises(ValueError, match="feature 0 is constant"):
        GaussianHMM(1).fit(np.full((100, 1), value))


def test_statistics_of_sequences_add_by_sum():
    x, params = made(t=60)
    parts = [hmm.e_step(params, part)[0] for part in (x[:20], x[20:60])]
    total = sum(parts)
    np.testing.assert_allclose(total.starts.sum(), 2)
    np.testing.assert_allclose(total.transitions.sum(), 58)  # 19 and 39 steps
    np.testing.assert_allclose(total.emissions.n.sum(), 60)


CYCLE = np.array([[0.0, 1.0], [1.0, 0.0]])


def by_hand(transmat, means, startprob=(1.0, 0.0)):
    """A chain of Gaussians of variance one with these parameters."""
    model = GaussianHMM(2)
    model.startprob_, model.transmat_ = np.array(startprob), np.array(transmat)
    model.means_, model.covars_ = np.array(means)[:, None], np.ones((2, 1, 1))
    return model


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


def test_what_was_never_observed_says_nothing_and_is_no_error():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 2)) + np.repeat([0, 4], 25)[:, None]
    model = GaussianHMM(2, random_state=0).fit(x)
    new = np.array([[np.nan, 0.1], [np.nan, 3.9]])
    joint = model.startprob_[:, None] * model.transmat_
    for t, seen in enumerate(new[:, 1]):
        density = norm.pdf(seen, model.means_[:, 1], np.sqrt(model.covars_[:, 1, 1]))
        joint = joint * (density[:, None] if t == 0 else density)
    assert model.score(new) == pytest.approx(np.log(joint.sum()))
    np.testing.assert_allclose(model.predict_proba(new)[1], joint.sum(axis=0) / joint.sum())
    nothing = np.full((3, 2), np.nan)
    assert model.score(nothing) == pytest.approx(0, abs=1e-12)
    expected = model.startprob_ @ np.linalg.matrix_power(model.transmat_, 3)
    np.testing.assert_allclose(model.forecast_proba(nothing), [expected])
    with pytest.raises(ValueError, match="every row of data is NaN"):
        GaussianHMM(2).fit(nothing)
    with pytest.raises(ValueError, match="feature 0 was never observed"):
        GaussianHMM(2).fit(new)


@pytest.mark.parametrize("seed", range(5, 10))
def test_no_rate_is_zero_only_because_of_a_start_by_clusters(seed):
    rng = np.random.default_rng(seed)
    transmat = np.array([[0.9, 0.08, 0.02], [0.05, 0.9, 0.05], [0.02, 0.08, 0.9]])
    z = np.zeros(500, dtype=int)
    for t in range(1, 500):
        z[t] = rng.choice(3, p=transmat[z[t - 1]])
    counts = rng.poisson(np.array([0.3, 1.5, 4])[z])[:, None]
    model = PoissonHMM(3, random_state=0).fit(counts)
    from_truth = PoissonHMM(3, lambdas_init=[[0.3], [1.5], [4]], random_state=0).fit(counts)
    assert model.score(counts) > from_truth.score(counts) - 1e-3


def test_a_left_right_chain_starts_where_its_counts_are_possible():
    left_right = [[0.9, 0.1, 0], [0, 0.9, 0.1], [0, 0, 1]]
    rates = np.repeat([0.1, 2, 0.5], 50)
    counts = np.random.default_rng(4).poisson(rates)[:, None]
    chain = {"transmat_init": left_right, "startprob_init": [1, 0, 0], "random_state": 0}
    model = PoissonHMM(3, **chain).fit(counts)
    means = [part.mean() for part in np.split(counts, 3)]
    np.testing.assert_allclose(model.lambdas_[:, 0], means, rtol=0.5)
    binary = (counts > 0).astype(float)
    assert np.isfinite(HMM(3, family=Binomial(1), **chain).fit(binary).score(binary))


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


def test_criteria_tell_of_the_fit_and_not_of_later_settings():
    counts = np.random.default_rng(0).poisson(np.repeat([1.0, 6.0, 1.0], 30))[:, None]
    model = PoissonHMM(2, random_state=0).fit(counts)
    before = model.bic(counts)
    assert model.set_params(stationary=True).bic(counts) == before


def test_nothing_follows_from_an_impossible_sequence():
    model = CategoricalHMM(2, n_features=4, n_init=3, random_state=0)
    model.fit([[0], [1], [0], [2], [1], [0], [0], [1]])
    with pytest.raises(DegenerateError, match="sequence 1 is impossible"):
        model.forecast_proba([[0], [1], [0], [3]], [2, 2])


def test_one_state_has_no_step_to_be_warned_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        PoissonHMM(1).fit([[3.0]])


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
        log_a = np.log(0.5) + log_b[0]
        for t in range(1, 60):
            log_a = logsumexp(log_a[:, None] + np.log(transmat), axis=0) + log_b[t]
        assert model.result_.objective == pytest.approx(logsumexp(log_a), rel=1e-10)


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


def test_arrays_put_in_place_of_those_of_a_fit_are_a_model_of_their_own():
    x = np.random.default_rng(0).normal(size=(100, 1))
    model, by_hand = GaussianHMM(2, "diag", random_state=0, max_iter=3), GaussianHMM(3, "diag")
    with pytest.warns(ConvergenceWarning):
        model.fit(x)
    for each in (model, by_hand):
        each.startprob_, each.transmat_ = np.full(3, 1 / 3), np.full((3, 3), 1 / 3)
        each.means_, each.covars_ = np.zeros((3, 1)), np.ones((3, 1))
    log_likelihood = norm.logpdf(x).sum()
    assert model.bic(x) == pytest.approx(14 * np.log(100) - 2 * log_likelihood, rel=1e-12)
    assert model.aic(x) == by_hand.aic(x)
    symbols = np.random.default_rng(0).integers(0, 3, size=(50, 1))
    model = CategoricalHMM(1).fit(symbols)
    model.emissionprob_ = np.full((1, 4), 0.25)
    assert model.score(symbols) == pytest.approx(50 * np.log(0.25), rel=1e-12)
    assert 3 in model.sample(100, random_state=0)[0]


def test_arrays_changed_in_place_are_a_model_of_their_own():
    x, _ = made(2)
    model, by_hand = GaussianHMM(2, "diag", random_state=0).fit(x), GaussianHMM(2, "diag")
    found = model.result_.params.transmat.copy()
    model.transmat_[0] = [1.0, 0.0]
    for name in ("startprob_", "transmat_", "means_", "covars_"):
        setattr(by_hand, name, getattr(model, name))
    assert model.bic(x) == by_hand.bic(x)
    np.testing.assert_array_equal(model.result_.params.transmat, found)


def test_a_chain_put_in_place_leaves_the_components_those_of_the_fit():
    x, _ = made(2)
    model = GaussianHMM(2, "full", random_state=0).fit(x)
    model.set_params(covariance_type="diag").transmat_ = np.full((2, 2), 0.5)
    assert np.isfinite(model.score(x))


def test_a_copy_of_a_fit_still_knows_what_was_held_and_forbidden():
    transmat = np.array([[0.9, 0.1, 0.0], [0.0, 0.9, 0.1], [0.1, 0.0, 0.9]])
    x, _ = made(3)
    model = GaussianHMM(3, transmat_init=transmat, hold="transmat", random_state=0).fit(x)
    again = pickle.loads(pickle.dumps(model))
    again.means_ = model.means_.copy()
    assert again.bic(x) == model.bic(x)


@pytest.mark.parametrize("steps", [1, 7, 10**6, 10**15, 10**18])
@pytest.mark.parametrize(
    "transmat",
    [[[0.3333333, 0.6666666], [0.5, 0.5]], [[0.9, 0.1], [0.3, 0.7]], np.eye(2)],
    ids=["rounded", "exact", "never"],
)
def test_a_forecast_of_any_length_is_a_distribution(transmat, steps):
    model, x = GaussianHMM(2, "diag"), [[0.3]]
    model.startprob_, model.transmat_ = np.full(2, 0.5), np.array(transmat)
    model.means_, model.covars_ = np.array([[-1.0], [1.0]]), np.ones((2, 1))
    now = np.array([expit(-0.6), expit(0.6)])
    a, b = (row[1 - i] / sum(row) for i, row in enumerate(transmat))
    # Of two states: the stationary distribution, and what is left of the difference from it.
    long_run = np.array([b, a]) / (a + b) if a + b else now
    expected = long_run + (now - long_run) * (1 - a - b) ** steps
    np.testing.assert_allclose(model.forecast_proba(x, steps=steps), [expected], rtol=1e-12)


def test_settings_and_models_by_hand_that_are_incomplete_are_named():
    x = np.random.default_rng(0).normal(size=(30, 1))
    with pytest.raises(ValueError, match=r"hold must be of \['transmat', 'means', 'covars'\]"):
        GaussianHMM(2, stationary=True, hold="startprob").fit(x)
    with pytest.raises(ValueError, match="states have no weights: give startprob_prior"):
        GaussianHMM(2, prior=Prior(weight_concentration=5)).fit(x)
    model = GaussianHMM(1)
    model.startprob_, model.transmat_, model.means_ = np.ones(1), np.ones((1, 1)), np.zeros((1, 1))
    with pytest.raises(NotFittedError, match="lacks covars_: set all of"):
        model.score(x)


def test_densities_of_what_was_not_observed_are_one():
    means, covariances = np.array([[0.0, 1.0], [2.0, 2.0]]), np.tile(np.diag([1.0, 4.0]), (2, 1, 1))
    params = HMMParams(np.full(2, 0.5), STAYS, (means, covariances))
    x = np.array([[0.5, 1.0], [np.nan, np.nan], [1.0, np.nan]])
    expected = norm.logpdf(x[:, None], means, [1, 2])
    expected = np.where(np.isnan(expected), 0.0, expected).sum(axis=2)
    np.testing.assert_allclose(hmm.log_emission(params, x), expected, rtol=1e-12)


def test_pandas_own_missing_values_are_what_was_not_observed():
    x = np.random.default_rng(0).normal(size=(60, 2))
    x[5], x[9, 1] = np.nan, np.nan
    frame = pd.DataFrame(x, columns=["a", "b"]).astype("Float64")
    assert frame.isna().sum().sum() == 3
    expected = GaussianHMM(2, random_state=0).fit(x)
    model = GaussianHMM(2, random_state=0).fit(frame)
    np.testing.assert_array_equal(model.means_, expected.means_)
    with pytest.raises(TypeError, match=r"pd\.NA in a column of objects: make it numbers first"):
        model.fit(frame.astype(object))


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


SLOW = hmm.sample(
    HMMParams(np.full(2, 0.5), np.array([[0.9, 0.1], [0.2, 0.8]]), (np.array([[2.0], [4.5]]),)),
    *(300, np.random.default_rng(1), Poisson()),
)[0]


@pytest.mark.parametrize(
    ("model", "x"),
    [
        (PoissonHMM(2), SLOW),
        (CategoricalHMM(2), SLOW.clip(max=4)),
        (GaussianHMM(2), SLOW + np.linspace(0, 1, 300)[:, None]),
        (HMM(2, family=Binomial(20)), SLOW),
    ],
)
@pytest.mark.parametrize("stationary", [False, True])
def test_leaps_lead_to_the_same_maximum_in_fewer_steps(model, x, stationary):
    model = clone(model).set_params(stationary=stationary, max_iter=10_000, random_state=0)
    plain, leapt = (clone(model).set_params(accelerate=a).fit(x) for a in (False, True))
    np.testing.assert_allclose(leapt.result_.objective, plain.result_.objective, atol=4e-4)
    assert leapt.n_iter_ < plain.n_iter_
    trace = leapt.result_.trace
    falls = np.flatnonzero(np.diff(trace.objective) < -1e-9 * abs(trace.objective[-1])) + 1
    assert set(falls) <= set(trace.nudged_at)
    for params in trace.params:
        np.testing.assert_allclose(params.transmat.sum(axis=1), 1.0)
        np.testing.assert_allclose(params.startprob.sum(), 1.0)
        if stationary:
            start = params.startprob
            np.testing.assert_allclose(start @ params.transmat, start, atol=1e-8)
        if isinstance(model, CategoricalHMM):
            np.testing.assert_allclose(params.components[0].sum(axis=1), 1.0)


def test_leaps_keep_forbidden_steps_forbidden_and_what_is_held_as_it_is():
    x = np.concatenate([SLOW[:60], SLOW[:60] + 2, SLOW[:60] + 5])
    start = np.array([[0.95, 0.05, 0], [0, 0.95, 0.05], [0, 0, 1]])
    model = PoissonHMM(
        3, transmat_init=start, startprob_init=[1, 0, 0], lambdas_init=[[2.0], [4], [8]], hold=1
    )
    leapt, plain = (clone(model).set_params(accelerate=a).fit(x) for a in (True, False))
    for params in leapt.result_.trace.params:
        assert ((params.transmat == 0) == (start == 0)).all()
        np.testing.assert_allclose(params.components[0][1], 4.0)
    np.testing.assert_allclose(leapt.result_.objective, plain.result_.objective, atol=1e-4)
    assert leapt.bic(x) == pytest.approx(plain.bic(x), abs=1e-3)
