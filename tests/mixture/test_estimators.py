"""`GaussianMixture`: published fits, and scikit-learn's conventions."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as SklearnMixture
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from emlib import GaussianMixture, Prior, StopReason, mixture
from emlib.covariances import FORMS
from emlib.datasets import make_2_9, make_20_40
from tests.mixture.helpers import clusters


@parametrize_with_checks([GaussianMixture()])
@pytest.mark.filterwarnings("ignore::sklearn.utils.estimator_checks.SkipTestWarning")
# Some checks fit as few points as there are features, and are told so.
@pytest.mark.filterwarnings("ignore::emlib.DegenerateWarning")
def test_follows_the_conventions_of_scikit_learn(estimator, check):
    check(estimator)


def test_old_faithful_as_in_mclust(faithful):
    # mclust 6.0.0 (Scrucca et al. 2016, The R Journal 8, 289-317), model VVV, two components,
    # run to convergence.
    model = GaussianMixture(2, tol=1e-12, random_state=0).fit(faithful)
    order = np.argsort(model.means_[:, 0])
    np.testing.assert_allclose(model.weights_[order], [0.3558729, 0.6441271], atol=1e-5)
    means = [[2.0363885, 54.4785165], [4.2896620, 79.9681153]]
    np.testing.assert_allclose(model.means_[order], means, atol=1e-4)
    covariances = [
        [[0.0691677, 0.4351678], [0.4351678, 33.6972830]],
        [[0.1699684, 0.9406091], [0.9406091, 36.0462088]],
    ]
    np.testing.assert_allclose(model.covariances_[order], covariances, atol=1e-3)
    np.testing.assert_allclose(model.result_.objective, -1130.2639602, atol=1e-5)
    np.testing.assert_allclose(model.bic(faithful), 2322.1917431, atol=1e-4)
    np.testing.assert_allclose(model.aic(faithful), 2282.5279204, atol=1e-4)
    assert sorted(np.bincount(model.predict(faithful))) == [97, 175]


def test_one_component_is_the_single_gaussian(faithful):
    model = GaussianMixture(1).fit(faithful)
    np.testing.assert_allclose(model.result_.objective, -1289.796745052613, atol=1e-6)
    np.testing.assert_allclose(model.means_[0], faithful.mean(axis=0), rtol=1e-12)


def test_20_40_is_fitted_to_its_maximum():
    # The maximum from an independent optimiser.
    model = GaussianMixture(2, tol=0, random_state=0).fit(make_20_40().values)
    order = np.argsort(model.means_[:, 0])
    np.testing.assert_allclose(model.weights_[order][0], 0.2999208684, atol=1e-6)
    means, sds = [20.0799925614, 40.0332665442], [4.9851954247, 5.0135917392]
    np.testing.assert_allclose(model.means_[order, 0], means, atol=1e-6)
    np.testing.assert_allclose(np.sqrt(model.covariances_[order, 0, 0]), sds, atol=1e-6)
    np.testing.assert_allclose(model.result_.objective, -35850.364937548715, atol=1e-6)


def test_2_9_is_fitted_to_its_maximum():
    model = GaussianMixture(2, tol=0, random_state=0).fit(make_2_9().values)
    order = np.argsort(model.means_[:, 0])
    fit = [*model.means_[order, 0], *np.sqrt(model.covariances_[order, 0, 0])]
    maximum = [1.7740133410, 8.8069483084, 3.8236804293, 2.2066262848]
    np.testing.assert_allclose(fit, maximum, atol=1e-5)
    np.testing.assert_allclose(model.result_.objective, -4401.035671448106, atol=1e-6)


def test_explicit_start_takes_the_same_steps_as_sklearn(faithful):
    start = {
        "weights_init": [0.5, 0.5],
        "means_init": [[2.0, 50.0], [4.0, 80.0]],
        "precisions_init": np.stack([np.diag([4.0, 0.02])] * 2),
        "max_iter": 4,
        "tol": 0,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        ours = GaussianMixture(2, **start).fit(faithful)
        theirs = SklearnMixture(2, reg_covar=0, **start).fit(faithful)
    np.testing.assert_allclose(ours.means_, theirs.means_, rtol=1e-10)
    np.testing.assert_allclose(ours.covariances_, theirs.covariances_, rtol=1e-9)
    np.testing.assert_allclose(
        ours.precisions_cholesky_, theirs.precisions_cholesky_, rtol=1e-8, atol=1e-12
    )
    np.testing.assert_allclose(ours.score_samples(faithful), theirs.score_samples(faithful))
    np.testing.assert_allclose(ours.predict_proba(faithful), theirs.predict_proba(faithful))
    np.testing.assert_array_equal(ours.predict(faithful), theirs.predict(faithful))
    np.testing.assert_allclose(ours.bic(faithful), theirs.bic(faithful))
    np.testing.assert_allclose(ours.aic(faithful), theirs.aic(faithful))


def test_lower_bound_belongs_to_the_returned_parameters(faithful):
    model = GaussianMixture(2, random_state=0).fit(faithful)
    assert model.lower_bound_ == pytest.approx(model.score(faithful), rel=1e-12)
    assert model.lower_bounds_[-1] == model.lower_bound_
    assert len(model.lower_bounds_) == model.n_iter_ + 1


def test_precisions_invert_the_covariances(faithful):
    model = GaussianMixture(2, random_state=0).fit(faithful)
    np.testing.assert_allclose(model.precisions_ @ model.covariances_, [np.eye(2)] * 2, atol=1e-9)


def test_sample_comes_from_the_fit(faithful):
    model = GaussianMixture(2, random_state=0).fit(faithful)
    x, z = model.sample(50_000)
    np.testing.assert_allclose(x.mean(axis=0), faithful.mean(axis=0), rtol=0.02)
    np.testing.assert_allclose(np.bincount(z) / 50_000, model.weights_, atol=0.01)
    with pytest.raises(ValueError, match="n_samples"):
        model.sample(0)


def test_pickles_keep_the_fit_and_clones_the_settings(faithful):
    model = GaussianMixture(2, random_state=0).fit(faithful)
    revived = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(revived.predict(faithful), model.predict(faithful))
    assert clone(model).get_params() == model.get_params()


@pytest.mark.parametrize("form", FORMS)
def test_a_start_may_be_covariances_or_precisions(faithful, form):
    found = GaussianMixture(2, covariance_type=form, random_state=0).fit(faithful)
    model = GaussianMixture(2, covariance_type=form, max_iter=0)
    for name in ("covariances", "precisions"):
        model.set_params(covariances_init=None, precisions_init=None)
        model.set_params(**{f"{name}_init": getattr(found, f"{name}_")})
        with pytest.warns(ConvergenceWarning):
            model.fit(faithful)
        np.testing.assert_allclose(model.covariances_, found.covariances_, rtol=1e-9)


def test_a_pickle_does_not_grow_with_the_iterations(faithful):
    model = GaussianMixture(3, n_init=2, init_params="random", random_state=0, tol=1e-4)
    model.fit(faithful)
    revived = pickle.loads(pickle.dumps(model))
    for before, after in zip(model.results_, revived.results_, strict=True):
        assert len(before.trace.params) > len(after.trace.params) == 2
        for end in (0, -1):
            pair = before.trace.params[end], after.trace.params[end]
            np.testing.assert_array_equal(pair[0].means, pair[1].means)
        np.testing.assert_array_equal(before.trace.objective, after.trace.objective)
        np.testing.assert_array_equal(before.params.means, after.params.means)
    assert revived.result_ is revived.results_[model.results_.index(model.result_)]
    np.testing.assert_array_equal(revived.predict_proba(faithful), model.predict_proba(faithful))
    del model.result_  # whoever keeps many models may delete what says how they were found
    assert len(pickle.loads(pickle.dumps(model)).results_) == 2


@pytest.mark.parametrize("settings", [{"tol": 1e-2}, {"accelerate": True}, {"max_iter": 1}])
def test_starts_hang_on_the_seed_and_not_on_how_earlier_climbs_went(faithful, settings):
    def starts(**settings):
        model = GaussianMixture(
            3, n_init=4, init_params="random_from_data", random_state=0, **settings
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(faithful)
        return [np.sort(result.trace.params[0].means[:, 0]) for result in model.results_]

    np.testing.assert_allclose(starts(**settings), starts(), rtol=1e-12)


def test_iteration_limit_warns(faithful):
    with pytest.warns(ConvergenceWarning, match="Raise max_iter"):
        model = GaussianMixture(2, max_iter=2, random_state=0).fit(faithful)
    assert not model.converged_
    assert model.result_.stop is StopReason.MAX_ITER


def test_every_covariance_type_has_scikit_learns_shapes(faithful):
    for kind in FORMS:
        ours = GaussianMixture(2, covariance_type=kind, random_state=0).fit(faithful)
        theirs = SklearnMixture(
            2,
            covariance_type=kind,
            reg_covar=0,
            weights_init=ours.weights_,
            means_init=ours.means_,
            precisions_init=ours.precisions_,
        ).fit(faithful)
        for name in ("covariances_", "precisions_", "precisions_cholesky_"):
            left, right = getattr(ours, name), getattr(theirs, name)
            np.testing.assert_allclose(left, right, rtol=1e-2, atol=1e-4, err_msg=name)
        np.testing.assert_allclose(ours.bic(faithful), theirs.bic(faithful), rtol=1e-5)
        np.testing.assert_allclose(ours.aic(faithful), theirs.aic(faithful), rtol=1e-5)
        assert ours.sample(3)[0].shape == (3, 2)


@pytest.mark.parametrize("kind", FORMS)
def test_reg_covar_means_what_it_means_in_scikit_learn(faithful, kind):
    first = GaussianMixture(2, covariance_type=kind, random_state=0, tol=1e-3).fit(faithful)
    settings = {
        "covariance_type": kind,
        "reg_covar": 0.03,
        "weights_init": [0.5, 0.5],
        "means_init": [[2.0, 50.0], [4.0, 80.0]],
        "precisions_init": first.precisions_,
        "max_iter": 7,
        "tol": 0,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        ours = GaussianMixture(2, **settings).fit(faithful)
        theirs = SklearnMixture(2, **settings).fit(faithful)
    np.testing.assert_allclose(ours.means_, theirs.means_, rtol=1e-8)
    np.testing.assert_allclose(ours.covariances_, theirs.covariances_, rtol=1e-8)


@pytest.mark.parametrize("kind", FORMS)
def test_sample_weights_are_repetitions(faithful, kind):
    rng = np.random.default_rng(0)
    w = rng.integers(0, 3, size=len(faithful))
    start = {
        "covariance_type": kind,
        "means_init": [[2.0, 50.0], [4.0, 80.0]],
        "random_state": 0,
        "tol": 1e-12,
    }
    weighted = GaussianMixture(2, **start).fit(faithful, sample_weight=w)
    repeated = GaussianMixture(2, **start).fit(np.repeat(faithful, w, axis=0))
    np.testing.assert_allclose(weighted.means_, repeated.means_, rtol=1e-5)
    np.testing.assert_allclose(weighted.covariances_, repeated.covariances_, rtol=1e-4, atol=1e-4)
    assert weighted.lower_bound_ == pytest.approx(repeated.lower_bound_, rel=1e-8)
    assert weighted.score(faithful, sample_weight=w) == pytest.approx(weighted.lower_bound_)


@pytest.mark.parametrize("kind", FORMS)
def test_steps_on_files_are_steps_on_all_of_the_data(faithful, kind):
    settings = {"covariance_type": kind, "random_state": 0, "init_params": "k-means++"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        first, whole = (
            GaussianMixture(2, max_iter=n, tol=0, **settings).fit(faithful) for n in (1, 4)
        )
    for _ in range(3):
        parts = [first.e_step(part) for part in (faithful[:100], faithful[100:])]
        statistics = parts[0][0] + parts[1][0]
        log_likelihood = parts[0][1] + parts[1][1]
        assert log_likelihood == pytest.approx(first.score(faithful) * len(faithful))
        first.m_step(statistics)
    np.testing.assert_allclose(first.means_, whole.means_, rtol=1e-9)
    np.testing.assert_allclose(first.covariances_, whole.covariances_, rtol=1e-8)
    np.testing.assert_allclose(first.precisions_, whole.precisions_, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("kind", FORMS)
def test_statistics_of_an_estimator_are_those_of_the_data(faithful, kind):
    family = FORMS[kind]()
    model = GaussianMixture(2, covariance_type=kind, random_state=0).fit(faithful)
    statistics, _ = model.e_step(faithful)
    r = model.predict_proba(faithful)
    about_zero = statistics.about(0.0)
    np.testing.assert_allclose(about_zero.sum_x, r.T @ faithful, rtol=1e-10)
    theirs = mixture.statistics(r, faithful, family)
    np.testing.assert_allclose(about_zero.sum_xx, theirs.sum_xx, rtol=1e-10)
    # So they mix with those of the functions, and of a model that was fitted to other data.
    np.testing.assert_allclose(mixture.m_step(statistics, family).means, model.means_, rtol=1e-5)
    other = GaussianMixture(2, covariance_type=kind, random_state=0).fit(3 * faithful + 1)
    end = other.m_step(theirs).means_
    np.testing.assert_allclose(end, model.means_, rtol=1e-5)


def test_icl_is_bic_and_the_uncertainty_of_the_labels(faithful):
    model = GaussianMixture(2, random_state=0).fit(faithful)
    r = model.predict_proba(faithful)
    labels = model.predict(faithful)
    expected = model.bic(faithful) - 2 * np.log(r[np.arange(len(r)), labels]).sum()
    assert model.icl(faithful) == pytest.approx(expected)
    assert model.icl(faithful) > model.bic(faithful)


def test_verbose_shows_progress(faithful, capsys):
    GaussianMixture(2, verbose=1, random_state=0).fit(faithful)
    assert "iterations" in capsys.readouterr().err


def test_pipelines_searches_frames_and_float32_give_the_same_fit(faithful):
    search = GridSearchCV(
        make_pipeline(StandardScaler(), GaussianMixture(random_state=0, tol=1e-5)),
        {"gaussianmixture__n_components": [1, 2]},
        cv=3,
    ).fit(faithful)
    assert search.best_params_ == {"gaussianmixture__n_components": 2}
    exact = GaussianMixture(2, random_state=0).fit(faithful)
    table = pd.DataFrame(faithful, columns=["eruptions", "waiting"])
    from_frame = GaussianMixture(2, random_state=0).fit(table)
    assert list(from_frame.feature_names_in_) == list(table.columns)
    for other in (
        from_frame,
        GaussianMixture(2, random_state=0).fit(np.asfortranarray(faithful)),
        GaussianMixture(2, random_state=0).fit(faithful.astype(np.float32)),
    ):
        np.testing.assert_allclose(other.means_, exact.means_, rtol=1e-4)
    features = from_frame.set_output(transform="pandas").transform(table)
    assert list(features.columns) == ["gaussianmixture0", "gaussianmixture1"]
    np.testing.assert_allclose(features, from_frame.predict_proba(table))


@pytest.mark.parametrize("kind", FORMS)
def test_a_weight_is_a_number_of_copies_in_every_criterion(kind, faithful):
    model = GaussianMixture(2, covariance_type=kind, random_state=0).fit(faithful)
    weights = np.arange(len(faithful)) % 4
    copies = np.repeat(faithful, weights, axis=0)
    for criterion in (model.aic, model.bic, model.icl):
        np.testing.assert_allclose(criterion(faithful, weights), criterion(copies), rtol=1e-12)


def test_a_sample_repeats_with_its_own_seed(faithful):
    model = GaussianMixture(2, random_state=0).fit(faithful)
    one, same, other = (model.sample(5, random_state=seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert np.all(one != other)


def test_a_model_that_was_not_fitted_takes_steps_too(faithful):
    fitted = GaussianMixture(2, random_state=0).fit(faithful)
    model = fitted.marginal([1])
    start = mixture.MixtureParams(model.weights_, model.means_, model.covariances_)
    expected = mixture.m_step(mixture.e_step(start, faithful[:, [1]])[0])
    model.m_step(model.e_step(faithful[:, [1]])[0])
    np.testing.assert_allclose(model.covariances_, expected.covariances)
    model.set_params(prior=Prior())
    with pytest.raises(ValueError, match="fit first"):
        fitted.marginal([1]).set_params(prior=Prior()).m_step(model.e_step(faithful[:, [1]])[0])


def test_a_step_by_hand_forgets_what_was_said_of_the_fit():
    x = clusters(0)
    model = GaussianMixture(2, random_state=0).fit(x)
    model.m_step(model.e_step(x[:80])[0])
    assert not model.converged_
    assert not hasattr(model, "result_")
