"""Observations of which some features were not seen count by the marginal of the rest."""

import numpy as np
import pytest

from emlib import DegenerateWarning, GaussianHMM, GaussianImputer, PoissonHMM, hmm
from emlib.covariances import FORMS
from emlib.hmm import HMMParams, Sequences
from emlib.hmm.forward_backward import plain
from tests.holes import COVARIANCES, FULL, row_by_row

CHAIN = np.array([0.6, 0.4]), np.array([[0.9, 0.1], [0.2, 0.8]])
MEANS = np.array([[0.0, 1.0, -1.0], [2.0, 0.0, 1.5]])


def with_holes(n=60, share=0.35, seed=0):
    rng = np.random.default_rng(seed)
    x = (
        rng.normal(size=(n, 3)) @ np.linalg.cholesky(FULL[0]).T
        + MEANS[np.repeat([0, 1, 0], n // 3)]
    )
    x[rng.uniform(size=x.shape) < share] = np.nan
    x[7] = np.nan
    return x


@pytest.mark.parametrize("form", FORMS)
def test_an_e_step_is_that_of_each_row_by_itself(form):
    x = with_holes()
    log_b, mean, square = row_by_row(form, x, MEANS)
    posterior = plain(*CHAIN, log_b)
    params, family = HMMParams(*CHAIN, (MEANS, COVARIANCES[form])), FORMS[form]()
    statistics, log_likelihood = hmm.e_step(params, Sequences.of(x, family=family), family)
    np.testing.assert_allclose(log_likelihood, posterior.log_likelihood, rtol=1e-12)
    # A row of which nothing was seen says nothing of the components.
    r = posterior.responsibilities * ~np.isnan(x).all(axis=1)[:, None]
    np.testing.assert_allclose(statistics.emissions.n, r.sum(axis=0), rtol=1e-11)
    found = statistics.emissions.about(0.0)
    np.testing.assert_allclose(found.sum_x, np.einsum("tk,tki->ki", r, mean), rtol=1e-11)
    sum_xx = np.einsum("tk,tkij->kij", r, square)
    kept = {
        "full": sum_xx,
        "tied": sum_xx.sum(axis=0),
        "diag": sum_xx.diagonal(axis1=1, axis2=2),
        "spherical": sum_xx.trace(axis1=1, axis2=2),
    }
    np.testing.assert_allclose(found.sum_xx, kept[form], rtol=1e-10, atol=1e-12)


def test_scores_posteriors_and_states_know_the_holes():
    x = with_holes()
    model = GaussianHMM(2)
    model.startprob_, model.transmat_ = CHAIN
    model.means_, model.covars_ = MEANS, FULL
    posterior = plain(*CHAIN, row_by_row("full", x, MEANS)[0])
    np.testing.assert_allclose(model.score(x), posterior.log_likelihood, rtol=1e-12)
    np.testing.assert_allclose(model.score_sequences(x), posterior.log_likelihood, rtol=1e-12)
    np.testing.assert_allclose(model.predict_proba(x), posterior.responsibilities, atol=1e-12)
    expected = posterior.responsibilities.argmax(axis=1)
    np.testing.assert_array_equal(model.decode(x, algorithm="map")[1], expected)
    assert model.predict(x).shape == (60,)


def test_one_state_is_the_gaussian_that_the_imputer_fits():
    x = with_holes(150)
    made = x[~np.isnan(x).all(axis=1)]
    model, imputer = GaussianHMM(1, tol=1e-13).fit(x), GaussianImputer(tol=1e-13).fit(made)
    np.testing.assert_allclose(model.means_[0], imputer.mean_, atol=1e-6)
    np.testing.assert_allclose(model.covars_[0], imputer.covariance_, atol=1e-5)
    np.testing.assert_allclose(model.result_.objective, imputer.result_.objective, rtol=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_units_change_nothing_else(form):
    x, scale = with_holes(90), np.full(3, 1e3) if form == "spherical" else np.array([1e-3, 1, 1e4])
    one = GaussianHMM(2, covariance_type=form, means_init=MEANS, tol=1e-12).fit(x)
    other = GaussianHMM(2, covariance_type=form, means_init=MEANS * scale + 1e5, tol=1e-12)
    other.fit(x * scale + 1e5)
    np.testing.assert_allclose((other.means_ - 1e5) / scale, one.means_, rtol=1e-5, atol=1e-5)
    logs = (~np.isnan(x)).sum(axis=0) @ np.log(scale)
    np.testing.assert_allclose(other.result_.objective + logs, one.result_.objective, rtol=1e-8)
    np.testing.assert_allclose(other.score(x * scale + 1e5), other.result_.objective, rtol=1e-9)
    assert np.all(np.diff(one.result_.trace.objective) > -1e-9)


def test_what_was_seen_tells_more_than_the_complete_rows_alone():
    rng, z = np.random.default_rng(0), np.zeros(4000, dtype=int)
    for t in range(1, len(z)):
        z[t] = rng.uniform() < CHAIN[1][z[t - 1], 1]
    x = rng.normal(size=(4000, 2)) + 3.0 * z[:, None]
    x[rng.uniform(size=x.shape) < 0.5] = np.nan
    model = GaussianHMM(2, covariance_type="diag", means_init=[[0, 0], [3, 3]]).fit(x)
    np.testing.assert_allclose(model.transmat_, CHAIN[1], atol=0.03)


def test_what_holes_cannot_be_is_said():
    x = with_holes()
    x[:, 1] = np.nan
    with pytest.raises(ValueError, match="feature 1 was never observed"):
        GaussianHMM(2).fit(x)
    counts = np.array([[1.0, 2.0], [np.nan, 3.0], [2.0, 2.0]])
    with pytest.raises(ValueError, match="row 1 of the data lacks some of its values"):
        PoissonHMM(2).fit(counts)


def test_of_a_state_that_is_never_visited_nothing_else_is_said():
    x = np.random.default_rng(0).normal(size=(40, 2))
    x[:10, 1] = np.nan
    one_way = {"startprob_init": [1, 0], "transmat_init": [[1, 0], [0.5, 0.5]]}
    with pytest.warns(DegenerateWarning) as caught:
        GaussianHMM(2, **one_way, random_state=0).fit(x)
    assert [str(warning.message)[:24] for warning in caught] == ["state 1 is never visited"]
