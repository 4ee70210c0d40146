"""HMMs as estimators: published figures, hmmlearn's, and all that may be asked of a fit."""

import pickle
import warnings
from copy import copy

import numpy as np
import pytest
from hmmlearn import hmm as peer
from scipy.special import expit
from scipy.stats import norm
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

from emlib import CategoricalHMM, DegenerateError, GaussianHMM, PoissonHMM
from tests.hmm.helpers import COUNTS, STAYS, made

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
def test_earthquakes_with_a_free_start_are_fitted_as_published(k):
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


def test_one_state_is_one_poisson():
    model = PoissonHMM(1).fit(COUNTS)
    np.testing.assert_allclose(-model.score(COUNTS), 391.9189281654949, atol=1e-4)


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


def test_bic_counts_the_observations_that_were_made():
    symbols = np.array([0, 1, 0, np.nan, 0, 1])[:, None]
    model = CategoricalHMM(1).fit(symbols)
    np.testing.assert_allclose(model.emissionprob_, [[0.6, 0.4]])
    np.testing.assert_allclose(model.bic(symbols), np.log(5) - 2 * model.score(symbols))


def test_a_forecast_is_the_state_of_an_observation_not_yet_made():
    x, _ = made(12)
    model = GaussianHMM(3, random_state=0).fit(x)
    for steps in (1, 4):
        to_come = np.vstack([x, np.full((steps, 2), np.nan)])
        expected = model.predict_proba(to_come)[-1]
        np.testing.assert_allclose(model.forecast_proba(x, steps=steps), [expected], atol=1e-12)
    both = model.forecast_proba(x, [100, len(x) - 100])
    np.testing.assert_allclose(both[0], model.forecast_proba(x[:100])[0], atol=1e-12)
    further = copy(model)
    further.startprob_ = both[0]  # all that has to be known of the first hundred rows
    filtered = model.filter_proba(x)[100:]
    np.testing.assert_allclose(further.filter_proba(x[100:]), filtered, atol=1e-12)
    gain = model.score(x) - model.score(x[:100])
    assert further.score(x[100:]) == pytest.approx(gain, abs=1e-9)
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


def test_criteria_of_an_impossible_sequence_are_infinite():
    model = CategoricalHMM(2)
    model.startprob_, model.transmat_ = np.array([1.0, 0.0]), np.eye(2)
    model.emissionprob_ = np.eye(2)
    impossible = np.array([[0], [1]])  # the first state is never left, and never says 1
    assert model.score(impossible) == -np.inf
    assert model.aic(impossible) == model.bic(impossible) == np.inf


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
