"""What is held stays, and the rest is the maximum that a direct search finds then."""

from functools import partial

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp, softmax
from scipy.stats import multivariate_normal, norm, poisson

from emlib import (
    CategoricalHMM,
    DegenerateWarning,
    GaussianHMM,
    GaussianMixture,
    Mixture,
    PoissonHMM,
    PoissonMixture,
    Prior,
)
from emlib.families import Poisson
from emlib.hmm.forward_backward import plain
from tests.gamma import GAMMA, gammas
from tests.numerics import matrices

WEIGHTS, MEANS = np.array([0.4, 0.6]), np.array([[0.2, -0.1], [2.5, 1.0]])
MATRICES = np.array([[[1.0, 0.2], [0.2, 0.8]], [[2.0, -0.3], [-0.3, 0.5]]])
COVARIANCES = {
    "full": MATRICES,
    "tied": MATRICES[0],
    "diag": np.array([[1.0, 0.8], [2.0, 0.5]]),
    "spherical": np.array([0.9, 1.4]),
}
CHAIN = np.array([0.7, 0.3]), np.array([[0.9, 0.1], [0.25, 0.75]])


def points(n=80):
    rng = np.random.default_rng(3)
    second = rng.uniform(size=n) < 0.45
    return np.where(
        second[:, None], rng.normal([2.6, 0.8], [1.3, 0.6], (n, 2)), rng.normal(size=(n, 2))
    )


def log_likelihood(form, params, x):
    weights, means, covariances = params
    joint = [
        np.log(w) + multivariate_normal(m, matrices(form, covariances, 2, 2)[k]).logpdf(x)
        for k, (w, m) in enumerate(zip(weights, means, strict=True))
    ]
    return logsumexp(joint, axis=0).sum()


def free(form, params):
    """The parameters as numbers of any size: log-weights, means, and roots or log-variances."""
    weights, means, covariances = params
    if form in ("full", "tied"):
        return [np.log(weights), means, np.linalg.cholesky(covariances)]
    return [np.log(weights), means, np.log(covariances)]


def bound(form, parts):
    weights, means, roots = parts
    if form in ("full", "tied"):
        root = np.tril(roots)
        return softmax(weights), means, root @ np.swapaxes(root, -1, -2)
    return softmax(weights), means, np.exp(roots)


def highest(objective, parts, moves):
    """The maximum over the entries that `moves` marks, by a search from a little beside `parts`."""

    def filled(vector):
        ends = np.cumsum([m.sum() for m in moves])[:-1]
        new = [part.copy() for part in parts]
        for part, move, values in zip(new, moves, np.split(vector, ends), strict=True):
            part[move] = values
        return new

    start = np.concatenate([part[move] for part, move in zip(parts, moves, strict=True)])
    beside = start + 0.1 * np.random.default_rng(0).normal(size=start.shape)
    found = minimize(lambda v: -objective(filled(v)), beside, method="BFGS", tol=1e-9)
    return -found.fun, filled(found.x)


def moving(parts, hold, names):
    moves = [np.full(part.shape, name not in hold) for part, name in zip(parts, names, strict=True)]
    for k in (what for what in hold if isinstance(what, int)):
        for move in moves[1:]:
            move[k] = False
    return moves


@pytest.mark.parametrize("form", COVARIANCES)
@pytest.mark.parametrize(
    "hold",
    [
        ["weights"],
        ["means"],
        ["covariances"],
        ["weights", "means"],
        ["weights", "covariances"],
        ["means", "covariances"],
        [1],
        [0, "weights"],
        [0, "means"],
        [1, "covariances"],
    ],
    ids=str,
)
def test_the_rest_of_a_mixture_is_where_a_direct_search_finds_it(form, hold):
    x, names = points(), ("weights", "means", "covariances")
    model = GaussianMixture(
        2,
        covariance_type=form,
        hold=hold,
        weights_init=WEIGHTS,
        means_init=MEANS,
        precisions_init=inverse(form),
        tol=1e-13,
        random_state=0,
    )
    if form == "tied" and any(isinstance(what, int) for what in hold):
        with pytest.raises(ValueError, match="share a covariance cannot be held one by one"):
            model.fit(x)
        return
    model.fit(x)
    fitted = model.weights_, model.means_, model.covariances_
    given = WEIGHTS, MEANS, COVARIANCES[form]
    for what, part, held in zip(names, fitted, given, strict=True):
        rows = [k for k in hold if isinstance(k, int) and what != "weights"]
        np.testing.assert_allclose(part[rows], held[rows], rtol=1e-12, atol=1e-12)
        if what in hold:
            np.testing.assert_allclose(part, held, rtol=1e-12, atol=1e-12)
    parts = free(form, fitted)
    best, there = highest(
        lambda parts: log_likelihood(form, bound(form, parts), x), parts, moving(parts, hold, names)
    )
    np.testing.assert_allclose(model.result_.objective, best, rtol=0, atol=1e-7)
    for ours, theirs in zip(fitted, bound(form, there), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-4)


def inverse(form):
    covariances = COVARIANCES[form]
    return np.linalg.inv(covariances) if form in ("full", "tied") else 1 / covariances


@pytest.mark.parametrize(
    ("hold", "stationary"),
    [
        (["startprob"], False),
        (["transmat"], False),
        (["startprob", "transmat"], False),
        (["means"], False),
        (["covars"], False),
        ([0], False),
        ([1, "transmat"], False),
        (["transmat"], True),
        (["means"], True),
    ],
    ids=str,
)
def test_the_rest_of_a_chain_is_where_a_direct_search_finds_it(hold, stationary):
    rng, names = np.random.default_rng(1), ("startprob", "transmat", "means", "covars")
    z = np.repeat([0, 1, 0, 1, 1], 12)
    x = rng.normal(3.0 * z, 1 + 0.5 * z)[:, None]
    lengths = [20, 15, 25]
    means, variances = np.array([[0.3], [2.5]]), np.array([0.8, 1.5])
    model = GaussianHMM(
        2,
        covariance_type="spherical",
        hold=hold,
        stationary=stationary,
        startprob_init=None if stationary else CHAIN[0],
        transmat_init=CHAIN[1],
        means_init=means,
        covars_init=variances,
        tol=1e-13,
    ).fit(x, lengths)
    fitted = model.startprob_, model.transmat_, model.means_, model.covars_
    for what, part, held in zip(names, fitted, (*CHAIN, means, variances), strict=True):
        if what in hold:
            np.testing.assert_allclose(part, held, rtol=1e-12)
    with np.errstate(divide="ignore"):  # EM may find a start or a step that never is
        parts = [
            np.log(model.startprob_),
            np.log(model.transmat_),
            model.means_,
            np.log(model.covars_),
        ]
    parts = [np.maximum(part, -30.0) for part in parts]

    def objective(parts):
        start, steps, means, log_variances = parts
        steps = softmax(steps, axis=1)
        start = softmax(start)
        if stationary:
            start = np.array([steps[1, 0], steps[0, 1]]) / (steps[1, 0] + steps[0, 1])
        log_b = norm(means[:, 0], np.exp(log_variances / 2)).logpdf(x)
        return sum(
            plain(start, steps, rows).log_likelihood
            for rows in np.split(log_b, np.cumsum(lengths)[:-1])
        )

    moves = moving(parts, hold, names)
    if any(isinstance(what, int) for what in hold) and "transmat" not in hold:
        moves[1][:] = True
    np.testing.assert_allclose(model.result_.objective, objective(parts), rtol=1e-12)
    best, _ = highest(objective, parts, moves)
    assert best <= model.result_.objective + 1e-6
    assert best >= model.result_.objective - 1e-3  # the search has come as far


def test_what_is_held_is_not_counted_as_free():
    x, counts = points(), np.random.default_rng(0).poisson(np.repeat([[1, 5], [9, 5]], 30, axis=0))

    def n_free(model, x):
        model = model.fit(x)
        return round((model.bic(x) - model.aic(x)) / (np.log(len(x)) - 2))

    make = partial(
        GaussianMixture,
        2,
        weights_init=WEIGHTS,
        means_init=MEANS,
        precisions_init=inverse("full"),
    )
    expected = {(): 11, "weights": 10, "means": 7, "covariances": 5, 0: 6, (0, "means"): 4}
    for hold, n in expected.items():
        assert n_free(make(hold=hold), x) == n
    assert n_free(PoissonMixture(2, hold=1, rates_init=[[1, 5], [9, 5]]), counts) == 3
    chain = {"startprob_init": CHAIN[0], "transmat_init": CHAIN[1]}
    lambdas = {"lambdas_init": [[1, 5], [9, 5]]}
    for hold, n in (((), 7), ("transmat", 5), (["startprob", "transmat"], 4), ("lambdas", 3)):
        assert n_free(PoissonHMM(2, hold=hold, **chain, **lambdas), counts) == n


def test_held_components_keep_their_places_whatever_the_starts():
    counts = np.r_[np.full(30, 1), np.full(30, 9), np.full(50, 25)][:, None]
    for seed in range(3):
        model = PoissonMixture(
            3, hold=[1], rates_init=[[25.0], [9.0], [1.0]], n_init=3, random_state=seed
        ).fit(counts)
        assert model.rates_[1, 0] == 9.0
    fast = PoissonMixture(2, hold="rates", rates_init=[[1.0], [20.0]], accelerate=True).fit(counts)
    np.testing.assert_allclose(fast.rates_, [[1.0], [20.0]], rtol=1e-12)
    joint = poisson([1.0, 20.0]).logpmf(counts)
    best = minimize(lambda v: -logsumexp(log_softmax([v[0], 0.0]) + joint, axis=1).sum(), [0.0])
    np.testing.assert_allclose(fast.weights_, softmax([best.x[0], 0.0]), atol=1e-5)


def test_a_step_by_hand_holds_what_the_fit_held():
    x = points()
    model = GaussianMixture(2, hold="means", means_init=MEANS, random_state=0).fit(x)
    model.m_step(model.e_step(x)[0])
    np.testing.assert_allclose(model.means_, MEANS, rtol=1e-12)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (GaussianMixture(2, hold="mean"), "hold must be some of .*'means'.*, got 'mean'"),
        (GaussianMixture(2, hold=[2], means_init=MEANS), "from 0 to 1, got 2"),
        (GaussianMixture(2, hold=True), "got True"),
        (GaussianMixture(2, hold=None), "got None"),
        (GaussianMixture(2, hold="means"), "must be given, and means is not"),
        (GaussianMixture(2, hold=0, means_init=MEANS), "covariances is not: give covariances_init"),
        (
            GaussianMixture(2, hold="means", means_init=MEANS, prior=Prior()),
            "with a prior.*all or none",
        ),
        (
            Mixture(2, family=GAMMA, hold="rates", components_init=(None, np.ones((2, 2)))),
            "in this family.*all or none",
        ),
        (GaussianHMM(2, hold="transmat"), "must be given, and transmat is not"),
        (CategoricalHMM(2, hold="means"), r"\['startprob', 'transmat', 'emissionprob'\]"),
    ],
)
def test_what_cannot_be_held_is_said(model, message):
    x = np.arange(6.0)[:, None] if isinstance(model, CategoricalHMM) else gammas(30)[0]
    with pytest.raises(ValueError, match=message):
        model.fit(x)


def test_components_of_any_family_can_be_held_whole():
    x = gammas(200)[0]
    shapes, rates = np.array([[2.0, 9.0], [5.0, 2.0]]), np.array([[1.0, 3.0], [1.0, 1.0]])
    model = Mixture(2, family=GAMMA, hold=0, components_init=(shapes, rates)).fit(x)
    np.testing.assert_array_equal(model.shapes_[0], shapes[0])
    np.testing.assert_array_equal(model.rates_[0], rates[0])
    assert not np.allclose(model.shapes_[1], shapes[1])
    assert Poisson().holds_parts is False


@pytest.mark.parametrize("estimator", [GaussianMixture, GaussianHMM])
def test_what_is_held_below_the_floor_is_said_to_need_a_lower_one(estimator):
    x = points()
    x[40:, 0] = 5 + 1e-5 * x[40:, 0]
    given, name = np.array([[1.0, 1.0], [1e-10, 1.0]]), "covars"
    start = {"covars_init": given}
    if estimator is GaussianMixture:
        start, name = {"precisions_init": 1 / given}, "covariances"
    start |= {"covariance_type": "diag", "hold": name, "random_state": 0}
    start["means_init"] = [[0.0, 0.0], [5.0, 0.0]]
    with pytest.warns(DegenerateWarning, match="held so, lower covariance_floor"):
        estimator(2, **start).fit(x)
    model = estimator(2, **start, covariance_floor=1e-14).fit(x)
    np.testing.assert_allclose(getattr(model, f"{name}_"), given, rtol=1e-9)
