"""Marginals and conditionals are what integrals of the joint density say."""

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad, simpson

from emlib import DegenerateError, GaussianMixture, mixture
from emlib.covariances import FORMS
from emlib.families import Poisson
from emlib.mixture.conditionals import conditional, marginal

WEIGHTS, MEANS = np.array([0.3, 0.7]), np.array([[0.0, 1.0], [2.0, -1.0]])
COVARIANCES = {
    "full": np.array([[[1.0, 0.6], [0.6, 1.5]], [[0.8, -0.5], [-0.5, 2.0]]]),
    "tied": np.array([[1.0, 0.6], [0.6, 1.5]]),
    "diag": np.array([[1.0, 0.5], [2.0, 0.7]]),
    "spherical": np.array([0.5, 1.4]),
}
GRID = np.linspace(-12.0, 14.0, 4001)


@pytest.mark.parametrize("form", FORMS)
def test_marginals_and_conditionals_are_integrals_of_the_joint_density(form):
    family, params = FORMS[form](), mixture.MixtureParams(WEIGHTS, MEANS, COVARIANCES[form])

    def joint(x0, x1):
        return np.exp(mixture.log_density(params, [[x0, x1]], family)[0])

    for at in (-1.0, 0.5, 3.0):
        total = quad(lambda x1, at=at: joint(at, x1), -15, 15, limit=200)[0]
        one = np.exp(mixture.log_density(marginal(params, [0], family), [[at]]))
        np.testing.assert_allclose(one, total, rtol=1e-8)
        given = conditional(params, [at, np.nan], family)
        for x1 in (-2.0, 0.0, 1.7):
            found = np.exp(mixture.log_density(given, [[x1]]))
            np.testing.assert_allclose(found, joint(at, x1) / total, rtol=1e-8)


def test_a_fitted_mixture_guesses_one_feature_from_the_others():
    rng = np.random.default_rng(0)
    mix = np.array([[1.0, 0, 0], [0.8, 0.6, 0], [-0.4, 0.2, 0.5]])
    x = rng.normal(size=(300, 3)) @ mix.T + 3.0 * (rng.uniform(size=300) < 0.4)[:, None]
    model = GaussianMixture(2, random_state=0).fit(x)
    known = np.array([1.0, 2.5])
    guess = model.conditional([known[0], np.nan, known[1]])
    rows = np.column_stack([np.full(len(GRID), known[0]), GRID, np.full(len(GRID), known[1])])
    density = np.exp(model.score_samples(rows))
    density /= simpson(density, x=GRID)
    np.testing.assert_allclose(np.exp(guess.score_samples(GRID[:, None])), density, atol=1e-9)
    mean = simpson(density * GRID, x=GRID)
    np.testing.assert_allclose(guess.weights_ @ guess.means_, [mean], rtol=1e-8)
    two = model.marginal([2, 0])
    np.testing.assert_array_equal(two.means_, model.means_[:, [2, 0]])
    np.testing.assert_array_equal(two.covariances_, model.covariances_[:, [2, 0]][:, :, [2, 0]])
    assert two.sample(5, random_state=0)[0].shape == (5, 2)
    np.testing.assert_allclose(model.marginal([0, 1, 2]).score(x), model.score(x))


def test_what_cannot_be_asked_is_said():
    params = mixture.MixtureParams(WEIGHTS, MEANS, COVARIANCES["full"])
    for features in ([], [2], [0, 0], "a", None, [0.5], [[0, 1]]):
        with pytest.raises(ValueError, match="features must be different columns"):
            marginal(params, features)
    for x in ([1.0, 2.0], [np.nan, np.nan]):
        with pytest.raises(ValueError, match="x must be NaN where it is not known"):
            conditional(params, x)
    with pytest.raises(ValueError, match=r"^x must be of shape \(2,\)"):
        conditional(params, [1.0])
    with pytest.raises(TypeError, match="family must be Gaussians"):
        marginal((WEIGHTS, MEANS), [0], Poisson())
    with pytest.raises(TypeError, match="family must be Gaussians"):
        conditional((WEIGHTS, MEANS), [1.0, np.nan], Poisson())


def test_a_row_of_a_table_tells_its_features_by_their_names():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(50, 2)) @ [[1, 1], [0, 2]], columns=["a", "b"])
    model = GaussianMixture(1).fit(table)
    given = model.conditional(pd.Series({"a": 1.0, "b": np.nan}))
    np.testing.assert_array_equal(given.means_, model.conditional([1.0, np.nan]).means_)
    with pytest.raises(ValueError, match=r"[Ff]eature names"):
        model.conditional(pd.Series({"b": 1.0, "a": np.nan}))


def test_a_component_without_weight_is_no_matter_for_a_warning():
    params = mixture.MixtureParams(
        np.array([1.0, 0.0]), np.zeros((2, 2)), np.stack([np.eye(2)] * 2)
    )
    assert conditional(params, [1.0, np.nan]).weights.tolist() == [1.0, 0.0]


@pytest.mark.parametrize("form", FORMS)
def test_a_row_that_no_component_reaches_has_no_conditional(form):
    family, params = FORMS[form](), mixture.MixtureParams(WEIGHTS, MEANS, COVARIANCES[form])
    with pytest.raises(DegenerateError, match="point 0 has density zero under every component"):
        conditional(params, [1e80, np.nan], family)


def test_a_marginal_and_a_conditional_know_the_names_of_their_features(faithful):
    frame = pd.DataFrame(np.c_[faithful, faithful[:, 0] ** 2], columns=["a", "b", "c"])
    model = GaussianMixture(2, random_state=0).fit(frame)
    pair = model.marginal([2, 0])
    pair.predict(frame[["c", "a"]])
    rest = model.conditional([np.nan, 60.0, np.nan])
    assert rest.feature_names_in_.tolist() == ["a", "c"]
    with pytest.raises(ValueError, match="feature names"):
        pair.predict(frame[["a", "c"]])
