"""Mixtures of counts, of binary and of categorical tables: published fits, and each other."""

import warnings
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit, logit
from scipy.stats import bernoulli, poisson
from sklearn import __version__ as sklearn_version
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.preprocessing import OrdinalEncoder
from sklearn.utils.estimator_checks import parametrize_with_checks

from emlib import (
    BernoulliMixture,
    CategoricalHMM,
    CategoricalMixture,
    DegenerateError,
    DegenerateWarning,
    GaussianMixture,
    Mixture,
    PoissonMixture,
    StopReason,
    mixture,
)
from emlib.families import Binomial, Poisson
from tests.published import DEATHS, DEATHS_MAXIMUM

DAYS = np.repeat(DEATHS[0], DEATHS[1].astype(int))[:, None]
WHOLE_NUMBERS_ONLY = {
    "check_sample_weight_equivalence_on_dense_data": "its data are fractions, which are no counts"
}


def expected_to_fail(estimator):
    is_strict = isinstance(estimator, PoissonMixture | CategoricalMixture)
    failing = dict(WHOLE_NUMBERS_ONLY) if is_strict else {}
    if sklearn_version.startswith("1.6") and isinstance(estimator, PoissonMixture):
        # It subtracts a mean from whole numbers in place, which NumPy refuses.
        failing["check_positive_only_tag_during_fit"] = "the check itself fails"
    return failing


@parametrize_with_checks(
    [PoissonMixture(), CategoricalMixture(), BernoulliMixture(binarize=0.0), Mixture()],
    expected_failed_checks=expected_to_fail,
)
@pytest.mark.filterwarnings("ignore::sklearn.utils.estimator_checks.SkipTestWarning")
@pytest.mark.filterwarnings("ignore::emlib.DegenerateWarning")
def test_follows_the_conventions_of_scikit_learn(estimator, check):
    check(estimator)


def test_times_deaths_have_the_published_maximum():
    model = PoissonMixture(2, tol=1e-12, accelerate=True, random_state=0).fit(DAYS)
    # R's SQUAREM package, tests/Hasselblad1969.R: .6401146, 2.6634044, 1.2560951
    order = np.argsort(model.rates_[:, 0])
    np.testing.assert_allclose(model.weights_[order], [0.3598854, 0.6401146], atol=5e-5)
    np.testing.assert_allclose(model.rates_[order, 0], [1.2560951, 2.6634044], atol=2e-4)
    np.testing.assert_allclose(model.result_.objective, DEATHS_MAXIMUM, atol=1e-6)
    assert model.result_.confirmed
    values, counts = np.unique(DAYS, return_counts=True)
    weighted = PoissonMixture(2, tol=1e-12, accelerate=True, random_state=0)
    weighted.fit(values[:, None], sample_weight=counts)
    np.testing.assert_allclose(np.sort(weighted.rates_, 0), np.sort(model.rates_, 0), rtol=1e-4)
    log_p = np.log(poisson.pmf(DAYS, model.rates_[:, 0]) @ model.weights_)
    np.testing.assert_allclose(model.score_samples(DAYS), log_p, rtol=1e-10)
    assert model.aic(DAYS) == pytest.approx(2 * 3 - 2 * log_p.sum())


def binary(seed, n=200):
    """Two latent classes of four yes-or-no questions."""
    rng = np.random.default_rng(seed)
    chances = np.array([[0.9, 0.8, 0.2, 0.9], [0.1, 0.3, 0.7, 0.2]])
    z = rng.integers(2, size=n)
    return (rng.uniform(size=(n, 4)) < chances[z]).astype(float)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_steps_on_binary_tables_are_those_written_out(seed):
    x, rng = binary(seed, 60), np.random.default_rng(seed)
    weights, p = rng.dirichlet([5, 5]), rng.uniform(0.2, 0.8, (2, 4))
    start = {"weights_init": weights, "probabilities_init": p, "tol": 0}
    with pytest.warns(Warning, match="before convergence"):
        model = BernoulliMixture(2, max_iter=3, **start).fit(x)
    for _ in range(3):
        joint = weights * bernoulli.pmf(x[:, None], p).prod(axis=2)
        r = joint / joint.sum(axis=1, keepdims=True)
        weights, p = r.mean(axis=0), r.T @ x / r.sum(axis=0)[:, None]
    np.testing.assert_allclose(model.weights_, weights, rtol=1e-8)
    np.testing.assert_allclose(model.probabilities_, p, rtol=1e-8, atol=1e-12)


def test_two_categories_are_a_binary_table():
    x, p = binary(0), np.array([[0.7, 0.6, 0.3, 0.6], [0.3, 0.4, 0.6, 0.4]])
    start = {"weights_init": [0.5, 0.5], "tol": 1e-10}
    yes_no = BernoulliMixture(2, probabilities_init=p, **start).fit(x)
    tables = [np.column_stack([1 - p[:, j], p[:, j]]) for j in range(4)]
    coded = CategoricalMixture(2, probabilities_init=tables, **start).fit(x)
    assert coded.n_categories_ == (2, 2, 2, 2)
    np.testing.assert_allclose(coded.weights_, yes_no.weights_, rtol=1e-8)
    np.testing.assert_allclose(coded.probabilities_[:, 1::2], yes_no.probabilities_, rtol=1e-8)
    assert coded.bic(x) == pytest.approx(yes_no.bic(x))  # 1 + 2 * 4 parameters either way
    np.testing.assert_array_equal(coded.predict(x), yes_no.predict(x))
    ours, theirs = (model.standard_errors(x) for model in (coded, yes_no))
    np.testing.assert_allclose(ours[1][:, 1::2], theirs[1], rtol=1e-6)


def test_mixture_with_a_family_is_the_estimator_of_that_name():
    named = PoissonMixture(2, random_state=0).fit(DAYS)
    general = Mixture(2, family=Poisson(), random_state=0).fit(DAYS)
    np.testing.assert_array_equal(general.rates_, named.rates_)
    start = (np.array([[1.0], [2.5]]),)
    given = Mixture(2, family=Poisson(), components_init=start, weights_init=[0.3, 0.7], max_iter=1)
    with pytest.warns(Warning, match="before convergence"):
        given.fit(DAYS)
    np.testing.assert_array_equal(given.result_.trace.params[0][1], start[0])
    x = np.random.default_rng(0).normal(size=(50, 2))
    plain = Mixture(1).fit(x)
    np.testing.assert_allclose(plain.means_, GaussianMixture(1).fit(x).means_)


@pytest.mark.parametrize(
    "model",
    [PoissonMixture(2), BernoulliMixture(2), CategoricalMixture(2), Mixture(2, family=Binomial(1))],
    ids=lambda model: type(model).__name__,
)
def test_results_have_all_that_those_of_gaussians_have(model):
    x = binary(3)
    model.set_params(n_init=4, random_state=0, accelerate=True).fit(x)
    assert model.converged_
    assert model.result_.stop is StopReason.CONVERGED
    assert len(model.results_) == 4
    assert any(result.trace.leapt_at for result in model.results_)
    steps = np.diff(model.lower_bounds_)
    jumps = [i - 1 for i in model.result_.trace.nudged_at]
    assert np.all(np.delete(steps, jumps) > -1e-9)
    for other in model.results_:  # all in one order of the components
        drawn = np.abs(other.params[1] - model.result_.params[1]).max()
        swapped = np.abs(other.params[1][::-1] - model.result_.params[1]).max()
        assert drawn <= swapped
    drawn, z = model.sample(4000)
    np.testing.assert_allclose(drawn.mean(axis=0), x.mean(axis=0), atol=0.05)
    assert set(z) == {0, 1}
    assert model.icl(x) >= model.bic(x)
    first = model.lower_bound_
    model.set_params(warm_start=True, n_init=1).fit(x)
    assert model.lower_bounds_[0] == pytest.approx(first, abs=1e-6)


class Flat(Poisson):
    parameters = {"mu": "K"}


@pytest.mark.parametrize(
    ("model", "x", "message"),
    [
        (PoissonMixture(1), [[1.5], [2.0]], "whole numbers"),
        (PoissonMixture(1), [[-1.0], [2.0]], "Negative values"),
        (BernoulliMixture(1), [[2.0], [0.0]], "not above the number of trials"),
        (BernoulliMixture(1, binarize=0.5), [[np.nan], [0.0]], "NaN"),
        (CategoricalMixture(1), [[0.5], [1.0]], "from 0 up"),
        (CategoricalMixture(1), [[-1], [1]], "Negative values.*NaN, not -1"),  # pandas' codes
        (CategoricalMixture(1, n_categories=2), [[0], [3]], r"column 0 has category 3 \(row 1\)"),
        (PoissonMixture(2, rates_init=[[1.0]]), [[1.0], [2.0]], r"rates_init must be .* \(2, 1\)"),
        (PoissonMixture(1, rates_init=[[-1.0]]), [[1.0], [2.0]], "not be negative"),
        (Mixture(1, family="gamma"), [[1.0], [2.0]], r"must be an emlib\.families\.Family"),
        (Mixture(1, family=Flat()), [[1.0], [2.0]], "must have the axes KD"),
        (Mixture(1, components_init=([[1.0]],)), [[1.0], [2.0]], "an entry for each"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_reason(model, x, message):
    with pytest.raises(ValueError, match=message):
        model.fit(np.array(x))


def test_text_is_numbered_as_the_message_says_and_what_is_missing_stays_so():
    answers = np.array([["no"], [np.nan], ["yes"], ["no"]], dtype=object)
    with pytest.raises(ValueError, match="OrdinalEncoder does, and leaves NaN"):
        CategoricalMixture(1).fit(answers)
    model = CategoricalMixture(1).fit(OrdinalEncoder().fit_transform(answers))
    np.testing.assert_allclose(model.probabilities_, [[2 / 3, 1 / 3]])


def test_a_category_that_was_never_seen_is_named_later():
    model = CategoricalMixture(1).fit(np.array([[0, 1], [1, 0]]))
    with pytest.raises(ValueError, match="column 1 has category 2"):
        model.predict(np.array([[0, 2]]))


def test_a_component_of_few_among_many_counted_points_is_none_that_lost_all():
    # As a histogram, whose rows are few: its weights say how many points there are.
    values = np.arange(60.0)[:, None]
    x = values[:, 0]
    counts = np.round(1e7 * (0.99999 * poisson.pmf(x, 2) + 1e-5 * poisson.pmf(x, 40)))
    some = counts > 0
    start = {"weights_init": [0.999, 0.001], "rates_init": [[2.5], [35.0]]}
    fit = PoissonMixture(2, **start).fit(values[some], sample_weight=counts[some])
    assert fit.converged_
    np.testing.assert_allclose(fit.weights_[1], 1e-5, rtol=0.1)
    tiny = PoissonMixture(2, **start).fit(values[some], sample_weight=1e-7 * counts[some])
    np.testing.assert_allclose(tiny.rates_, fit.rates_, rtol=1e-3)


def test_a_point_that_counts_for_nothing_may_be_impossible():
    model = BernoulliMixture(2)
    model.weights_, model.probabilities_ = np.array([0.5, 0.5]), np.array([[1.0], [1.0]])
    x, weights = np.array([[1.0], [1.0], [0.0]]), np.array([1.0, 2.0, 0.0])
    # Three points, each of probability one; their components are as likely as each other.
    assert model.score(x, sample_weight=weights) == pytest.approx(0, abs=1e-12)
    assert model.bic(x, sample_weight=weights) == pytest.approx(3 * np.log(3), abs=1e-12)
    icl = 3 * np.log(3) - 2 * 3 * np.log(0.5)
    assert model.icl(x, sample_weight=weights) == pytest.approx(icl)
    assert model.score(x) == -np.inf
    assert model.icl(x) == model.bic(x) == np.inf


def test_what_a_component_cannot_produce_has_the_logarithm_of_zero():
    params = np.array([0.25, 0.75]), np.array([[0.0], [0.5]])
    expected = [[np.log(0.25), np.log(0.375)], [-np.inf, np.log(0.375)]]
    joint = mixture.log_joint(params, [[0.0], [1.0]], Binomial(1))
    np.testing.assert_allclose(joint, expected, rtol=1e-12)


def test_leaps_are_taken_beside_probabilities_of_zero():
    rng = np.random.default_rng(3)
    z, p = rng.integers(3, size=400), rng.dirichlet(np.full(5, 0.5), (4, 3))
    x = np.stack([[rng.choice(5, p=p[j, k]) for k in z] for j in range(4)], axis=1)
    start = p.copy()
    start[0, 0] = [0.0, 0.25, 0.25, 0.25, 0.25]
    explicit = {"probabilities_init": list(start), "weights_init": np.full(3, 1 / 3)}
    slow = CategoricalMixture(3, **explicit).fit(x)
    fast = CategoricalMixture(3, accelerate=True, **explicit).fit(x)
    assert fast.result_.trace.leapt_at
    assert fast.n_iter_ < slow.n_iter_ / 2
    assert fast.probabilities_[0, 0] == slow.probabilities_[0, 0] == 0
    np.testing.assert_allclose(fast.probabilities_, slow.probabilities_, atol=1e-2)


@pytest.mark.parametrize("seed", range(5))
def test_no_probability_is_zero_only_because_of_a_start_by_clusters(seed):
    rng = np.random.default_rng(seed)
    z = rng.integers(2, size=1000)
    x = (rng.random((1000, 3)) < np.array([[0.2, 0.3, 0.6], [0.8, 0.7, 0.4]])[z]).astype(int)
    settings = {"accelerate": True, "random_state": 0}
    by_clusters = BernoulliMixture(2, **settings).fit(x)
    at_random = BernoulliMixture(2, init_params="random", n_init=5, **settings).fit(x)
    assert by_clusters.lower_bound_ > at_random.lower_bound_ - 1e-4


def test_errors_of_a_probability_of_zero_are_refused_in_words():
    counts = [[1, 1, 0], [1, 0, 0], [1, 1, 1], [0, 0, 1], [0, 0, 0], [0, 1, 1]]
    x = np.repeat(counts, [24, 8, 8, 16, 8, 8], axis=0)
    for model in (CategoricalMixture(2, random_state=0), BernoulliMixture(1)):
        table = x if model.n_components == 2 else np.c_[x, np.zeros(len(x))]
        with pytest.raises(DegenerateError, match="end of their range"):
            model.fit(table).standard_errors(table)


def test_a_rare_high_category_costs_no_square_table():
    model = CategoricalMixture(1).fit([[0], [1], [100_000], [2]])
    np.testing.assert_allclose(
        model.probabilities_[0, [0, 1, 2, 3, 100_000]], [0.25] * 3 + [0, 0.25]
    )
    made = CategoricalMixture(1)
    made.weights_, made.probabilities_ = np.ones(1), np.array([[0.5, 0.5]])
    with pytest.raises(NotFittedError, match="n_categories_"):
        made.predict([[0]])


@pytest.mark.parametrize("seed", [1, 6])
def test_a_start_counts_a_row_as_often_as_its_weight_says(seed):
    rng = np.random.default_rng(seed)
    x = rng.poisson(rng.choice([2.0, 9.0], size=(40, 1)) * [1, 3], size=(40, 2)).astype(float)
    weights = np.where(x[:, 0] > 5, 1, 9)
    model = PoissonMixture(2, rates_init=x[[1, 2]] + [1.37, 0.71], max_iter=0)
    with pytest.warns(ConvergenceWarning, match="0 iterations"):
        weighted = model.fit(x, sample_weight=weights).weights_
    with pytest.warns(ConvergenceWarning, match="0 iterations"):
        repeated = model.fit(np.repeat(x, weights, axis=0)).weights_
    np.testing.assert_allclose(weighted, repeated)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_numbers_that_no_row_has_are_no_parameters(k):
    # However the answers to a questionnaire are numbered, the model is the same, and so is BIC.
    rng = np.random.default_rng(1)
    x = rng.integers(0, 3, (150, 4))
    settings = {"n_init": 3, "random_state": 0}
    codes = [x, x + 1, np.array([1, 4, 9])[x]]
    bics = [CategoricalMixture(k, **settings).fit(code).bic(code) for code in codes]
    np.testing.assert_allclose(bics, bics[0], rtol=1e-9)
    # That there are so many categories may also be said: then each is one, seen or not.
    told = CategoricalMixture(k, n_categories=4, **settings).fit(x)
    assert told.bic(x) - bics[0] == pytest.approx(4 * k * np.log(len(x)))


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("more", [{}, {"n_features": 12}])
def test_symbols_that_never_occur_are_no_parameters(k, more):
    x = np.random.default_rng(1).integers(0, 3, (150, 1))
    for symbols in (x, x + 1, np.array([1, 4, 9])[x]):
        model = CategoricalHMM(k, tol=1e-3, random_state=0, **more).fit(symbols)
        free = model.aic(symbols) / 2 + model.score(symbols)
        chain, symbols_each = k - 1 + k * (k - 1), more.get("n_features", 3) - 1
        assert free == pytest.approx(chain + k * symbols_each)
        model = CategoricalHMM(k, tol=1e-3, random_state=0, emissionprob_prior=2.0, **more)
        smoothed = model.fit(symbols).aic(symbols) / 2 + model.score(symbols)
        assert smoothed == pytest.approx(free)


def test_a_start_may_be_the_table_of_another_fit():
    x = np.random.default_rng(2).integers(0, 3, (60, 2))
    fit = CategoricalMixture(2, random_state=0).fit(x)
    start = {"weights_init": fit.weights_, "probabilities_init": fit.probabilities_}
    again = CategoricalMixture(2, max_iter=0, **start)
    with pytest.warns(ConvergenceWarning):
        again.fit(x)
    np.testing.assert_allclose(again.probabilities_, fit.probabilities_, atol=1e-12)


def test_a_component_that_is_held_does_not_make_unseen_numbers_free():
    x = np.random.default_rng(0).choice([0, 2], (100, 1))
    table = [[[0.3, 0.3, 0.4], [0.2, 0.3, 0.5]]]
    start = {"weights_init": [0.5, 0.5], "probabilities_init": table}
    model = CategoricalMixture(2, hold=[0, "weights"], **start).fit(x)
    free = model.aic(x) / 2 + model.score(x) * len(x)
    assert free == pytest.approx(1)  # of the other component, 0 or 2
    model.set_params(n_categories=3)  # which is for the next fit
    assert model.aic(x) / 2 + model.score(x) * len(x) == pytest.approx(1)


def answers(seed, n=200, hidden=0.2):
    """Three questions with 2, 3 and 2 answers, some not given, and a start for two classes."""
    rng, sizes = np.random.default_rng(seed), (2, 3, 2)
    tables = [rng.dirichlet(np.full(size, 2.0), 2) for size in sizes]
    z = rng.integers(0, 2, n)
    drawn = [
        (rng.uniform(size=n)[:, None] > t[z].cumsum(axis=1)[:, :-1]).sum(axis=1) for t in tables
    ]
    x = np.stack(drawn, axis=1).astype(float)
    x[:3] = (0, 0, 0), (1, 1, 1), (0, 2, 1)  # every category occurs
    x[3:][rng.uniform(size=(n - 3, 3)) < hidden] = np.nan
    return x, [rng.dirichlet(np.full(size, 4.0), 2) for size in sizes]


def completions(row, sizes=(2, 3, 2)):
    """All rows of answers that a row with unanswered questions may have been."""
    known = [range(n) if np.isnan(v) else [int(v)] for v, n in zip(row, sizes, strict=True)]
    return list(product(*known))


@pytest.mark.parametrize("seed", range(3))
def test_an_answer_that_was_not_given_is_summed_out(seed):
    x, start = answers(seed)
    model = CategoricalMixture(2, weights_init=[0.4, 0.6], probabilities_init=start, max_iter=0)
    with pytest.warns(ConvergenceWarning):
        model.fit(x)
    for row in x[:40]:
        every = model.score_samples(np.array(completions(row), dtype=float))
        np.testing.assert_allclose(model.score_samples(row[None]), np.logaddexp.reduce(every))


@pytest.mark.parametrize("seed", range(3))
def test_a_fit_to_unanswered_questions_stands_where_em_with_hidden_answers_does(seed):
    x, start = answers(seed)
    given = {"weights_init": [0.4, 0.6], "probabilities_init": start, "max_iter": 20_000}
    model = CategoricalMixture(2, tol=1e-14, **given).fit(x)
    # The longer way to the same likelihood: what was not answered is latent too, beside the class.
    n, counts = np.zeros(2), np.zeros((2, 7))
    for row in x[~np.isnan(x).all(axis=1)]:
        rows = np.array(completions(row))
        one_hot = np.eye(7)[rows + np.array([0, 2, 5])].sum(axis=1)
        joint = model.weights_ * np.exp(one_hot @ np.log(model.probabilities_).T)
        n += joint.sum(axis=0) / joint.sum()
        counts += (joint / joint.sum()).T @ one_hot
    np.testing.assert_allclose(model.weights_, n / n.sum(), atol=1e-5)
    np.testing.assert_allclose(model.probabilities_, counts / n[:, None], atol=1e-5)


def test_people_who_answered_nothing_count_for_nothing():
    x, start = answers(3)
    settings = {"probabilities_init": start, "weights_init": [0.4, 0.6], "max_iter": 20}
    said = ~np.isnan(x).all(axis=1)
    more = np.concatenate([x, np.full((20, 3), np.nan)])
    with pytest.warns(ConvergenceWarning):
        fits = [CategoricalMixture(2, **settings).fit(data) for data in (x[said], more)]
    np.testing.assert_allclose(fits[1].probabilities_, fits[0].probabilities_, rtol=1e-9)
    np.testing.assert_allclose(fits[1].bic(more), fits[0].bic(x[said]), rtol=1e-9)
    np.testing.assert_allclose(fits[1].score(more), fits[0].score(x[said]), rtol=1e-9)
    np.testing.assert_allclose(fits[1].predict_proba(more[-1:])[0], fits[1].weights_)
    with pytest.raises(ValueError, match="some values are NaN"):
        fits[1].standard_errors(more)


def test_a_question_that_nobody_answered_is_refused():
    x, _ = answers(4)
    x[:, 1] = np.nan
    with pytest.raises(ValueError, match="feature 1 was never observed: drop it"):
        CategoricalMixture(2).fit(x)
    x[0, 1], weights = 1.0, np.r_[0.0, np.ones(199)]
    with pytest.raises(ValueError, match="feature 1 was never observed: drop it"):
        CategoricalMixture(2).fit(x, sample_weight=weights)
    with pytest.raises(ValueError, match="CategoricalMixture"):
        BernoulliMixture(2).fit([[0, np.nan], [1, 1], [0, 1]])


@pytest.mark.parametrize("model", [BernoulliMixture(2), CategoricalMixture(2, accelerate=True)])
def test_with_a_prior_the_fit_is_that_of_a_direct_search(model):
    rng = np.random.default_rng(0)
    rates = np.array([[0.9, 0.8, 0.05, 0.5], [0.1, 0.3, 0.6, 0.9]])[rng.integers(0, 2, 150)]
    x = (rng.uniform(size=rates.shape) < rates).astype(float)
    model = clone(model).set_params(probabilities_prior=3.0, random_state=0, tol=1e-12).fit(x)

    def objective(free):
        w, p = expit(free[0]), expit(free[1:].reshape(2, 4))
        joint = np.log([w, 1 - w]) + x @ np.log(p).T + (1 - x) @ np.log(1 - p).T
        prior = 2 * (np.log(p) + np.log(1 - p)).sum()
        return -np.logaddexp.reduce(joint, axis=1).sum() - prior

    p = model.probabilities_
    p = p[:, 1::2] if isinstance(model, CategoricalMixture) else p  # of a one
    found = np.concatenate([[logit(model.weights_[0])], logit(p).ravel()])
    best = minimize(objective, found + rng.normal(0, 0.1, len(found)), options={"gtol": 1e-7})
    np.testing.assert_allclose(model.result_.objective, -best.fun, atol=1e-5)
    np.testing.assert_allclose(found, best.x, atol=1e-3)


def test_a_prior_of_one_class_is_answers_seen_before():
    x = np.array([[0, 2], [0, np.nan], [1, 0], [0, 0]])
    model = CategoricalMixture(1, n_categories=(2, 4), probabilities_prior=1.5).fit(x)
    expected = [3.5 / 5, 1.5 / 5, 2.5 / 5, 0.5 / 5, 1.5 / 5, 0.5 / 5]
    np.testing.assert_allclose(model.probabilities_, [expected], rtol=1e-6)
    assert np.isfinite(model.score([[1, 3]]))
    binary = BernoulliMixture(1, probabilities_prior=1.5).fit([[0], [0], [1], [0]])
    np.testing.assert_allclose(binary.probabilities_, [[1.5 / 5]], rtol=1e-6)


def test_a_prior_without_a_maximum_is_refused_and_none_is_known_of_a_model_by_hand():
    with pytest.raises(ValueError, match="probabilities_prior must be at least 1"):
        BernoulliMixture(2, probabilities_prior=0.5).fit([[0], [1], [1]])
    fitted = BernoulliMixture(1, probabilities_prior=2.0).fit([[0], [1], [1]])
    copy = BernoulliMixture(1, probabilities_prior=2.0)
    copy.weights_, copy.probabilities_ = fitted.weights_, fitted.probabilities_
    with pytest.raises(ValueError, match="fit first"):
        copy.m_step(copy.e_step([[0], [1], [1]])[0])
    fitted.m_step(fitted.e_step([[0], [1], [1]])[0])
    np.testing.assert_allclose(fitted.probabilities_, 0.6)


def two_classes(n=400):
    """Binary answers of two known classes, of which the second never answers the last question."""
    rng = np.random.default_rng(3)
    z = (rng.uniform(size=n) < 0.4).astype(int)
    x = (rng.uniform(size=(n, 4)) < np.array([[0.8], [0.25]])[z]).astype(float)
    x[z == 1, 3] = np.nan
    return x, z


@pytest.mark.parametrize("concentration", [1.0, 2.0])
def test_what_a_class_never_answers_is_left_open_and_all_else_is_fitted(concentration):
    x, z = two_classes()
    model = CategoricalMixture(2, probabilities_prior=concentration, random_state=0)
    with pytest.warns(DegenerateWarning, match="feature 3 was hardly observed in component 1"):
        model.fit(x, labels=z)
    c, p = concentration - 1, model.probabilities_
    for k in (0, 1):
        for d in range(3):
            ones = x[z == k, d]
            assert p[k, 2 * d + 1] == pytest.approx((ones.sum() + c) / (len(ones) + 2 * c))
    np.testing.assert_allclose(p[1, 6:], 0.5)
    np.testing.assert_allclose(model.weights_, [1 - z.mean(), z.mean()])
    chunk = model.e_step(x[z == 1], labels=z[z == 1])[0]  # in which nobody answers that
    model.m_step(chunk + model.e_step(x[z == 0], labels=z[z == 0])[0])
    np.testing.assert_allclose(model.weights_, [1 - z.mean(), z.mean()])


def test_of_what_is_held_nothing_is_warned_and_a_held_zero_leaves_the_rest_its_digits():
    x, _ = two_classes()
    x[:50, :3], x[:, 3] = 0.0, 0.0
    fits = [
        BernoulliMixture(
            3,
            probabilities_init=[[tiny] * 4, [0.3] * 3 + [0.01], [0.7] * 3 + [0.01]],
            probabilities_prior=2.0,
            hold=[0],
        ).fit(x)
        for tiny in (0.0, 1e-12)
    ]
    np.testing.assert_allclose(fits[0].weights_, fits[1].weights_, atol=1e-4)
    np.testing.assert_allclose(fits[0].probabilities_, fits[1].probabilities_, atol=1e-3)
    x, z = two_classes()
    held = [[[0.2, 0.8], [0.75, 0.25]]] * 4
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CategoricalMixture(2, probabilities_init=held, hold="probabilities").fit(x, labels=z)


def test_statistics_that_are_refused_leave_the_fit_as_it_was():
    x, _ = two_classes()
    model = BernoulliMixture(2, random_state=0).fit(x[:, :3])
    statistics = model.e_step(x[:, :3])[0]
    for wrong in (
        replace(statistics, sum_more=-statistics.sum_more),
        replace(statistics, sum_more=np.empty((2, 0))),
    ):
        with pytest.raises(ValueError, match="sum_more must be the failures"):
            model.m_step(wrong)
    assert model.converged_
    assert model.result_.converged
    assert model.lower_bound_ == pytest.approx(model.score(x[:, :3]))
