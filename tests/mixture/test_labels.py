"""Known labels: what they add to the likelihood, and that they name the components."""

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm
from sklearn.datasets import load_iris

from emlib import GaussianMixture
from emlib.covariances import FORMS
from tests.mixture.helpers import two_clusters


def test_all_labels_known_is_a_gaussian_per_class():
    iris = load_iris()
    model = GaussianMixture(3, random_state=0).fit(iris.data, labels=iris.target)
    groups = [iris.data[iris.target == k] for k in range(3)]
    np.testing.assert_allclose(model.means_, [g.mean(axis=0) for g in groups], rtol=1e-9)
    np.testing.assert_allclose(model.covariances_, [np.cov(g.T, bias=True) for g in groups])
    expected = sum(
        multivariate_normal(g.mean(axis=0), np.cov(g.T, bias=True)).logpdf(g).sum()
        + len(g) * np.log(1 / 3)
        for g in groups
    )
    np.testing.assert_allclose(model.result_.objective, expected, rtol=1e-9)


@pytest.mark.parametrize("kind", FORMS)
def test_what_some_labels_say_is_added_to_the_likelihood(kind):
    iris = load_iris()
    labels = np.where(np.arange(150) % 5 == 0, iris.target, -1)
    model = GaussianMixture(3, covariance_type=kind, random_state=0)
    model.fit(iris.data, labels=labels)
    joint = model.score_samples(iris.data)[:, None] + np.log(model.predict_proba(iris.data))
    known = labels >= 0
    expected = joint[known, labels[known]].sum() + model.score_samples(iris.data[~known]).sum()
    np.testing.assert_allclose(model.result_.objective, expected, rtol=1e-9)
    assert np.mean(model.predict(iris.data) == iris.target) > 0.85
    assert model.result_.confirmed


@pytest.mark.parametrize("seed", range(5))
def test_one_label_a_component_names_it_whatever_the_seed(seed, faithful):
    labels = np.full(len(faithful), -1)
    labels[[faithful[:, 0].argmax(), faithful[:, 0].argmin()]] = 0, 1
    model = GaussianMixture(2, random_state=seed).fit(faithful, labels=labels)
    assert model.means_[0, 0] > 4 > 2.5 > model.means_[1, 0]
    weights = np.ones(len(faithful))
    weights[:5] = 0
    again = GaussianMixture(2, random_state=seed).fit(faithful, None, weights, labels)
    other = GaussianMixture(2, random_state=seed).fit(faithful[5:], labels=labels[5:])
    np.testing.assert_allclose(again.means_, other.means_)
    for wrong in (labels[1:], labels + 3, labels - 1, labels + 0.5, ["a"] * len(labels)):
        with pytest.raises(ValueError, match="labels must be"):
            model.fit(faithful, labels=wrong)


def test_labels_are_part_of_a_step_and_of_predictions(faithful):
    labels = np.full(len(faithful), -1)
    labels[::7] = (faithful[::7, 0] > 3).astype(int)
    model = GaussianMixture(2, random_state=0).fit(faithful, labels=labels)
    statistics, log_likelihood = model.e_step(faithful, labels=labels)
    assert log_likelihood == pytest.approx(model.result_.objective, abs=1e-9)
    before = model.means_
    np.testing.assert_allclose(model.m_step(statistics).means_, before, rtol=1e-5)
    again = GaussianMixture(2, random_state=0).fit_predict(faithful, labels=labels)
    np.testing.assert_array_equal(again, model.predict(faithful))


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize(
    "start",
    [
        {},
        {"weights_init": [0.6, 0.4]},
        {"weights_init": [0.5, 0.5]},
        {"precisions_init": [np.eye(2), 3 * np.eye(2)]},
        {"warm_start": True},
        {"warm_start": True, "weights_init": [0.5, 0.5], "hold": "weights"},
    ],
)
def test_labels_name_the_components_whatever_else_is_given(start, swap):
    x, labels = two_clusters()
    if swap:
        labels = np.where(labels >= 0, 1 - labels, -1)
    model = GaussianMixture(2, random_state=0, **start)
    if "warm_start" in start:  # a fit whose order nobody has chosen
        model.fit(x)
    model.fit(x, labels=labels)
    assert (model.predict(x[labels >= 0]) == labels[labels >= 0]).all()
    held = {name: start[name] for name in start if "hold" in start and name != "warm_start"}
    best = GaussianMixture(2, random_state=0, **held).fit(x, labels=labels).lower_bound_
    assert model.lower_bound_ == pytest.approx(best, abs=1e-7)


def test_every_result_has_the_objective_of_its_parameters_if_labels_are_known():
    rng = np.random.default_rng(57)
    z = rng.integers(3, size=150)
    x = 2 * rng.normal(size=(3, 2))[z] + rng.normal(size=(150, 2))
    labels = np.where(rng.random(150) < 0.06, z, -1)
    model = GaussianMixture(
        3, covariance_type="diag", n_init=6, init_params="random", random_state=0
    ).fit(x, labels=labels)
    for result in model.results_:
        weights, means, variances = result.params
        joint = np.log(weights) + norm.logpdf(x[:, None], means, np.sqrt(variances)).sum(axis=2)
        joint[(labels >= 0)[:, None] & (labels[:, None] != np.arange(3))] = -np.inf
        assert result.objective == pytest.approx(logsumexp(joint, axis=1).sum(), abs=1e-6)
