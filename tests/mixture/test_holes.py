"""Rows of which some numbers were not seen count by the marginal density of the others."""

import warnings

import numpy as np
import pytest
from scipy.special import logsumexp

from emlib import (
    DegenerateWarning,
    GaussianHMM,
    GaussianImputer,
    GaussianMixture,
    Mixture,
    PoissonMixture,
    Prior,
    mixture,
)
from emlib.covariances import FORMS, Diagonal
from emlib.datasets import load_faithful
from emlib.gaussian import KEPT
from emlib.mixture.blocks import Blocks
from tests.holes import COVARIANCES, FULL, row_by_row

WEIGHTS = np.array([0.3, 0.7])
MEANS = np.array([[0.0, 1.0, -1.0], [3.0, 0.0, 2.0]])


def with_holes(n=80, share=0.3, seed=0):
    """Points of the mixture with full covariances, their components, and one row of holes only."""
    rng = np.random.default_rng(seed)
    z = rng.choice(2, size=n, p=WEIGHTS)
    noise = rng.normal(size=(n, 3, 1))
    x = MEANS[z] + (np.linalg.cholesky(FULL)[z] @ noise)[:, :, 0]
    x[rng.uniform(size=x.shape) < share] = np.nan
    x[7] = np.nan
    return x, z


def by_hand(form, **settings):
    """A mixture with these parameters, which were not fitted."""
    model = GaussianMixture(2, covariance_type=form, **settings)
    model.weights_, model.means_, model.covariances_ = WEIGHTS, MEANS, COVARIANCES[form]
    return model


def joint_and_moments(form, x):
    """Log p(x, z), and E[x] and E[x x'] given what was seen and z: one row after the other."""
    log_b, mean, square = row_by_row(form, x, MEANS)
    return log_b + np.log(WEIGHTS), mean, square


@pytest.mark.parametrize("form", FORMS)
def test_a_row_counts_by_the_marginal_of_what_was_seen(form):
    x, _ = with_holes()
    joint, model = joint_and_moments(form, x)[0], by_hand(form)
    log_p = logsumexp(joint, axis=1)
    np.testing.assert_allclose(model.score_samples(x), log_p, atol=1e-12)
    np.testing.assert_allclose(model.predict_proba(x), np.exp(joint - log_p[:, None]), atol=1e-12)
    assert model.score_samples(x)[7] == pytest.approx(0)
    np.testing.assert_allclose(model.predict_proba(x)[7], WEIGHTS)
    seen = ~np.isnan(x).all(axis=1)  # rows of holes alone count for nothing
    assert model.score(x) == pytest.approx(log_p[seen].mean(), abs=1e-12)
    claimed = joint[seen].max(axis=1).sum()
    assert model.icl(x) - model.bic(x) == pytest.approx(2 * (log_p.sum() - claimed), abs=1e-9)


@pytest.mark.parametrize("form", FORMS)
def test_a_step_is_that_of_a_loop_over_rows(form):
    x, _ = with_holes()
    joint, mean, square = joint_and_moments(form, x)
    r = np.exp(joint - logsumexp(joint, axis=1)[:, None])
    r[np.isnan(x).all(axis=1)] = 0.0
    n = r.sum(axis=0)
    means = np.einsum("nk,nkd->kd", r, mean) / n[:, None]
    outer = np.einsum("kd,ke->kde", means, means)
    each = np.einsum("nk,nkde->kde", r, square) / n[:, None, None] - outer
    variances = each.diagonal(axis1=1, axis2=2)
    expected = {
        "full": each,
        "tied": np.einsum("k,kde->de", n / n.sum(), each),
        "diag": variances,
        "spherical": variances.mean(axis=1),
    }
    start = {"weights_init": WEIGHTS, "means_init": MEANS}
    precisions = np.linalg.inv(COVARIANCES[form]) if form in ("full", "tied") else None
    start["precisions_init"] = 1 / COVARIANCES[form] if precisions is None else precisions
    model = GaussianMixture(2, covariance_type=form, max_iter=1, **start)
    with pytest.warns(match="before convergence"):
        model.fit(x)
    np.testing.assert_allclose(model.weights_, n / n.sum(), atol=1e-10)
    np.testing.assert_allclose(model.means_, means, atol=1e-10)
    np.testing.assert_allclose(model.covariances_, expected[form], atol=1e-10)
    assert model.result_.trace.objective[0] == pytest.approx(logsumexp(joint, axis=1).sum())


@pytest.mark.parametrize("accelerate", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_the_likelihood_never_falls(form, accelerate):
    x, z = with_holes(200)
    model = GaussianMixture(2, covariance_type=form, accelerate=accelerate, random_state=0).fit(x)
    assert model.converged_
    assert model.result_.confirmed
    objective = model.result_.trace.objective
    assert np.diff(objective).min() > -1e-9
    assert objective[-1] == pytest.approx(model.score_samples(x).sum(), abs=1e-8)
    agree = (model.predict(x) == z).mean()
    assert max(agree, 1 - agree) > 0.8


def test_one_component_is_what_the_imputer_fits():
    x, _ = with_holes()
    one, imputer = GaussianMixture(1, tol=1e-12).fit(x), GaussianImputer(tol=1e-12).fit(x)
    np.testing.assert_allclose(one.means_[0], imputer.mean_, atol=1e-5)
    np.testing.assert_allclose(one.covariances_[0], imputer.covariance_, atol=1e-5)


def test_if_all_labels_are_known_each_component_is_the_imputer_s():
    x, z = with_holes(200)
    model = GaussianMixture(2, tol=1e-12, random_state=0).fit(x, labels=z)
    for k in range(2):
        imputer = GaussianImputer(tol=1e-12).fit(x[z == k])
        np.testing.assert_allclose(model.means_[k], imputer.mean_, atol=1e-5)
        np.testing.assert_allclose(model.covariances_[k], imputer.covariance_, atol=1e-5)


def test_a_weight_counts_as_that_many_rows():
    x, _ = with_holes()
    times = np.random.default_rng(1).integers(0, 4, len(x))
    again, settings = np.repeat(x, times, axis=0), {"means_init": MEANS, "tol": 1e-12}
    weighted = GaussianMixture(2, **settings).fit(x, sample_weight=times)
    repeated = GaussianMixture(2, **settings).fit(again)
    np.testing.assert_allclose(weighted.means_, repeated.means_, atol=1e-6)
    assert weighted.result_.objective == pytest.approx(repeated.result_.objective)
    assert weighted.bic(x, sample_weight=times) == pytest.approx(repeated.bic(again))


def test_statistics_of_parts_of_the_data_add():
    x, _ = with_holes(200)
    model = GaussianMixture(2, tol=1e-12, random_state=0).fit(x)
    parts = [model.e_step(part) for part in (x[:50], x[50:])]
    assert parts[0][1] + parts[1][1] == pytest.approx(model.score_samples(x).sum())
    means = model.means_
    model.m_step(parts[0][0] + parts[1][0])
    np.testing.assert_allclose(model.means_, means, atol=1e-5)


def test_more_patterns_than_are_kept_give_the_same_sums(monkeypatch):
    x, _ = with_holes()
    params = mixture.MixtureParams(WEIGHTS, MEANS, FULL)
    data = Blocks(np.where(np.isnan(x), 0.0, x), holes=np.isnan(x))
    kept = mixture.e_step(params, data)
    monkeypatch.setattr(mixture.engine, "LARGEST_COPY", 0)
    anew = mixture.e_step(params, data)
    assert anew[1] == kept[1]
    np.testing.assert_array_equal(anew[0].sum_xx, kept[0].sum_xx)


def test_what_holes_cannot_have_is_said():
    x, _ = with_holes()
    model = GaussianMixture(2, random_state=0).fit(x)
    with pytest.raises(ValueError, match="standard errors are for complete data"):
        model.standard_errors(x)
    for use in (GaussianMixture(1).fit, model.score, model.bic, model.icl):
        with pytest.raises(ValueError, match=r"every row of data (that counts )?is NaN"):
            use(np.full((5, 3), np.nan))
    with pytest.raises(ValueError, match="feature 1 was never observed"):
        GaussianMixture(1).fit(np.where([True, False, True], x, np.nan))
    with pytest.raises(ValueError, match=r"NaN .*Remove those rows"):
        PoissonMixture(2).fit([[1, np.nan], [2, 3], [0, 1]])


def test_any_gaussian_family_takes_holes():
    x, _ = with_holes()
    settings = {"random_state": 0, "tol": 1e-10}
    mine = Mixture(2, family=Diagonal(), **settings).fit(x)
    same = GaussianMixture(2, covariance_type="diag", **settings).fit(x)
    assert mine.score(x) == pytest.approx(same.score(x), abs=1e-8)


def test_a_start_far_from_the_data_leaves_a_symmetric_covariance():
    x, _ = with_holes()
    far = {"means_init": [[1e5] * 3], "precisions_init": np.eye(3)[None] / 1e10}
    model = GaussianMixture(1, tol=1e-12, **far).fit(x)
    np.testing.assert_array_equal(model.covariances_, np.swapaxes(model.covariances_, 1, 2))
    imputer = GaussianImputer(tol=1e-12).fit(x)
    np.testing.assert_allclose(model.covariances_[0], imputer.covariance_, atol=1e-5)


def test_a_model_made_by_hand_takes_steps_on_rows_with_holes():
    x, _ = with_holes()
    for form in FORMS:
        model = by_hand(form)
        assert model.e_step(x)[1] == pytest.approx(model.score_samples(x).sum(), abs=1e-9)


@pytest.mark.parametrize("prior", [None, Prior()])
def test_rows_of_weight_zero_change_nothing(prior):
    x, _ = with_holes(200)
    more = np.vstack([x, [[1e4, np.nan, 1e4]]])
    weights = np.r_[np.ones(len(x)), 0.0]
    settings = {"means_init": MEANS, "prior": prior}
    alone = GaussianMixture(2, **settings).fit(x)
    beside = GaussianMixture(2, **settings).fit(more, sample_weight=weights)
    np.testing.assert_allclose(beside.covariances_, alone.covariances_, rtol=1e-9)
    # And with a prior, whose scale is that of the data, a weight is a number of repetitions.
    times = np.random.default_rng(0).integers(1, 4, len(x))
    weighted = GaussianMixture(2, **settings).fit(x, sample_weight=times)
    repeated = GaussianMixture(2, **settings).fit(np.repeat(x, times, axis=0))
    np.testing.assert_allclose(weighted.covariances_, repeated.covariances_, rtol=1e-5)
    x[10:, 1] = np.nan
    with pytest.raises(ValueError, match="feature 1 was never observed"):
        GaussianMixture(1, prior=prior).fit(x, sample_weight=np.arange(len(x)) >= 10)


@pytest.mark.parametrize("seed", range(10))
def test_what_stands_for_holes_at_the_start_is_no_cluster(seed):
    centres = np.array([[10.2, -12.8], [2.1, -2.8], [-2.3, -1.1]])
    rng = np.random.default_rng(seed)
    x = centres[rng.integers(0, 3, 200)] + rng.normal(size=(200, 2))
    x[rng.uniform(size=200) < 0.4, 1] = np.nan
    found = GaussianMixture(3, random_state=seed).fit(x)
    assert found.score(x) > GaussianMixture(3, means_init=centres).fit(x).score(x) - 1e-6


def test_an_infinity_beside_a_hole_is_named_where_it_stands():
    x = [[np.nan, 0.0], [np.inf, 1.0], [1.0, 2.0], [2.0, 0.0]]
    with pytest.raises(ValueError, match=r"infinity \(row 1, feature 0; 1 such"):
        GaussianMixture(1).fit(x)


def test_a_label_counts_also_where_nothing_else_was_seen():
    # Of each label twenty points; and forty rows more that are known to be of the first.
    rng = np.random.default_rng(0)
    z = np.repeat([0, 1, 0], [20, 20, 40])
    x = MEANS[z][:, :2] + rng.normal(size=(80, 2))
    x[40:] = np.nan
    model = GaussianMixture(2, tol=1e-12).fit(x, labels=z)
    np.testing.assert_allclose(model.weights_, [0.75, 0.25])
    means = [x[:20].mean(axis=0), x[20:40].mean(axis=0)]
    np.testing.assert_allclose(model.means_, means, atol=1e-5)


@pytest.mark.parametrize("setting", [{}, {"hold": "means"}, {"hold": 0}, {"prior": Prior()}])
def test_a_step_with_holes_never_falls_whatever_else_is_asked(setting):
    x, z = with_holes(150)
    start = {"weights_init": WEIGHTS, "means_init": MEANS}
    start["precisions_init"] = np.linalg.inv(FULL)
    known = np.where(np.arange(150) < 40, z, -1)
    model = GaussianMixture(2, warm_start=True, **start, **setting).fit(x, labels=known)
    assert np.diff(model.result_.trace.objective).min() > -1e-9
    if "hold" in setting:
        held = slice(None) if setting["hold"] == "means" else 0
        np.testing.assert_allclose(model.means_[held], MEANS[held])
    height = model.result_.objective
    assert model.fit(x, labels=known).result_.objective >= height - 1e-9


@pytest.mark.parametrize("form", FORMS)
def test_a_narrow_component_of_which_no_row_was_whole_keeps_its_digits(form):
    rng = np.random.default_rng(0)
    wide, narrow = rng.normal(size=(50, 2)), 1e6 + 1e-3 * rng.normal(size=50)
    x = np.concatenate([wide, np.column_stack([narrow, np.full(50, np.nan)])])
    holes = np.isnan(x)
    data = Blocks(np.where(holes, 0.0, x), FORMS[form](), holes=holes)
    sizes = np.array([1.0, 1e-3 if form != "tied" else 1.0]) ** 2
    covariances = {
        "full": sizes[:, None, None] * np.eye(2),
        "tied": np.eye(2),
        "diag": sizes[:, None] * np.ones(2),
        "spherical": sizes,
    }
    params = (np.full(2, 0.5), np.array([[0.0, 0.0], [1e6, 0.0]]), covariances[form])
    statistics = mixture.e_step(params, data, data.family)[0].about(params[1])
    seen = ((narrow - 1e6) ** 2).sum()
    guessed = 50 * sizes[1]  # a hole's variance, if features are independent
    expected = {
        "full": np.diag([seen, guessed]),
        "tied": wide.T @ wide + np.diag([seen, guessed]),
        "diag": np.array([seen, guessed]),
        "spherical": seen + guessed,
    }
    found = statistics.sum_xx if form == "tied" else statistics.sum_xx[1]
    np.testing.assert_allclose(found, expected[form], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_a_feature_that_no_incomplete_row_has_keeps_its_digits(form):
    rng = np.random.default_rng(0)
    x = 1e6 + 1e-3 * rng.normal(size=(60, 2))
    holes = np.zeros(x.shape, bool)
    holes[:20, 1] = True
    data = Blocks(np.where(holes, 0.0, x), FORMS[form](), holes=holes)
    full, shape = 1e-6 * np.eye(2), (1, 2, 2)
    covariances = {"full": full[None], "tied": full, "diag": full.diagonal()[None]}
    params = (np.ones(1), np.full((1, 2), 1e6), covariances.get(form, np.array([1e-6])))
    found = mixture.e_step(params, data, data.family)[0].about(params[1])
    rows = x - 1e6
    rows[holes] = 0.0  # its expectation, for features that are independent
    expected = np.broadcast_to(rows.T @ rows + np.diag([0.0, 20e-6]), shape)
    np.testing.assert_allclose(found.sum_xx, np.einsum(KEPT[form], expected), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("wait", [50.0, 60.0, 75.0, 90.0])
def test_a_feature_that_a_component_never_shows_is_named(wait):
    x = load_faithful().values.copy()
    x[x[:, 0] < 3, 1] = np.nan
    start = {"means_init": [[2, wait], [4.3, 80]], "precisions_init": [np.diag([9, 0.04])] * 2}
    with pytest.warns(DegenerateWarning, match="feature 1 was hardly observed in component 0"):
        GaussianMixture(2, **start).fit(x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        GaussianMixture(2, **start, hold=[0]).fit(x)


@pytest.mark.filterwarnings("ignore:state 0 has collapsed")
def test_a_feature_that_a_state_never_shows_is_named():
    z = np.repeat([0, 1, 0, 1], 50)
    x = np.random.default_rng(0).standard_normal((200, 2)) + 6 * z[:, None]
    x[z == 0, 1] = np.nan
    x[5] = np.nan
    model = GaussianHMM(2, means_init=[[0, 3], [6, 6]])
    with pytest.warns(DegenerateWarning, match="feature 1 was hardly observed in state 0"):
        model.fit(x)
    x[::2, 1] = np.random.default_rng(1).normal(6 * z[::2])  # every other row has it, after all
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(x)
