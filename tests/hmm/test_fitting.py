"""Fits of HMMs: their starts, what is given or known of the states, and their ascent."""

import warnings

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import norm
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from emlib import HMM, CategoricalHMM, DegenerateWarning, GaussianHMM, PoissonHMM, hmm
from emlib.covariances import FORMS, Diagonal
from emlib.families import Binomial, Poisson, Symbols
from emlib.hmm import HMMParams
from tests.hmm.helpers import START, STAYS, by_recursion, made, without


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


def test_forbidden_steps_stay_forbidden():
    x, start = made(6)
    ring = np.array([[0.5, 0.5, 0], [0, 0.5, 0.5], [0.5, 0, 0.5]])
    model = GaussianHMM(
        3, startprob_init=[0, 1, 0], transmat_init=ring, means_init=start.components[0]
    ).fit(x)
    assert np.all(model.transmat_[ring == 0] == 0)
    assert model.startprob_.tolist() == [0, 1, 0]


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


def test_a_state_that_is_only_the_last_keeps_its_row():
    start = np.array([[0.9, 0.1], [0.25, 0.75]])
    symbols = np.array([0, 0, 0, 0, 1])[:, None]
    model = CategoricalHMM(
        2, startprob_init=[1, 0], transmat_init=start, emissionprob_init=np.eye(2)
    )
    with pytest.warns(DegenerateWarning, match="state 1 is never left"):
        model.fit(symbols)
    np.testing.assert_array_equal(model.transmat_, [[0.75, 0.25], [0.25, 0.75]])


def test_more_starts_find_a_higher_maximum():
    symbols = np.random.default_rng(7).integers(3, size=60)[:, None]
    one = CategoricalHMM(2, random_state=0).fit(symbols)
    more = CategoricalHMM(2, random_state=0, n_init=4).fit(symbols)
    assert len(more.results_) == 4
    assert more.result_.objective == max(r.objective for r in more.results_)
    assert more.result_.objective > one.result_.objective + 1


@pytest.mark.parametrize("seed", range(8))
def test_drawn_states_take_the_order_that_suits_a_given_chain(seed):
    x = np.repeat([5.0, 0.0, 9.0], 40)[:, None] + np.random.default_rng(seed).normal(size=(120, 1))
    left_right = [[0.9, 0.1, 0.0], [0.0, 0.9, 0.1], [0.0, 0.0, 1.0]]
    chain = {"startprob_init": [1, 0, 0], "transmat_init": left_right}
    model = GaussianHMM(3, random_state=seed, **chain).fit(x)
    np.testing.assert_array_equal(model.predict(x), np.repeat([0, 1, 2], 40))
    means = [x[:40].mean(), x[40:80].mean(), x[80:].mean()]
    np.testing.assert_allclose(model.means_[:, 0], means, atol=0.02)


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


@pytest.mark.parametrize("known", [None, -1])
def test_states_of_all_starts_are_in_the_order_of_the_best(known):
    x, _ = made(13)
    states = None if known is None else np.full(len(x), known)
    model = GaussianHMM(3, n_init=6, random_state=0).fit(x, states=states)
    same = [r for r in model.results_ if abs(r.objective - model.result_.objective) < 1e-4]
    assert len(same) > 2
    for result in same:
        np.testing.assert_allclose(result.params.components[0], model.means_, atol=1e-2)
        np.testing.assert_allclose(result.params.transmat, model.transmat_, atol=1e-2)
        np.testing.assert_allclose(hmm.e_step(result.params, x)[1], result.objective, rtol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_states_that_are_all_the_same_are_told_apart(seed):
    x, _ = made(0, k=2)
    same = {"means_init": [x.mean(axis=0)] * 2, "covars_init": [np.cov(x.T)] * 2}
    apart = GaussianHMM(2, random_state=seed).fit(x)
    model = GaussianHMM(2, random_state=seed, **same).fit(x)  # a saddle, where EM would stay
    np.testing.assert_allclose(model.score(x), apart.score(x), rtol=1e-6)


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


def test_one_state_has_no_step_to_be_warned_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        PoissonHMM(1).fit([[3.0]])


SLOW = hmm.sample(
    HMMParams(np.full(2, 0.5), STAYS, (np.array([[2.0], [4.5]]),)),
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
