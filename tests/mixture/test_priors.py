"""MAP estimates: the maximum of the penalised objective, which never falls."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from emlib import GaussianMixture, Prior, StopReason, mixture
from emlib.covariances import FORMS
from emlib.datasets import load_faithful
from emlib.families import Binomial
from emlib.mixture.blocks import Blocks
from emlib.mixture.priors import AnswersPrior
from tests.mixture.helpers import clusters, kinds


def expected_log_posterior(prior, family, statistics, params):
    """Q plus the log-prior, with Q written out from the statistics."""
    about = statistics.about(0.0)
    eta = family.natural(params[1:])
    d = params.means.shape[1]
    i, j = np.triu_indices(d)
    if family.tied:
        linear = eta[:, : 1 + d] * np.column_stack([about.n, about.sum_x])
        q = linear.sum() + eta[0, 1 + d :] @ about.sum_xx[i, j]
    elif len(about.sum_xx.shape) == 3:
        q = (eta * np.column_stack([about.n, about.sum_x, about.sum_xx[:, i, j]])).sum()
    else:
        q = (eta * np.column_stack([about.n, about.sum_x, about.sum_xx])).sum()
    return q + about.n @ np.log(params.weights) + prior.log_density(params)


@kinds
@given(st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_the_m_step_is_the_maximum_of_the_expected_log_posterior(kind, seed):
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.normal(c, 1, size=(30, 2)) for c in (-2, 2)])
    family = FORMS[kind]()
    data = Blocks.of(x, family)
    prior = Prior(3.0, [0.5, -0.5], 4.0, 7.0).bound(data, 2)
    statistics = mixture.statistics(rng.dirichlet(np.ones(2), size=60), x, family)
    best = prior.m_step(statistics)
    value = expected_log_posterior(prior, family, statistics, best)
    assert best.weights.sum() == pytest.approx(1)
    for _ in range(40):
        shift = 0.02 * rng.normal(size=2)
        weights = best.weights * np.exp(shift)
        free = family.to_free(best[1:])
        moved = family.from_free(tuple(f + 0.02 * rng.normal(size=f.shape) for f in free))
        other = mixture.MixtureParams(weights / weights.sum(), *moved)
        assert expected_log_posterior(prior, family, statistics, other) < value + 1e-9


@pytest.mark.parametrize("d", [1, 3])
def test_the_inverse_wishart_has_d_plus_2_degrees_of_freedom_by_default(d):
    # Fraley and Raftery (2007), J. Classification 24, 155-181, section 3: nu = d + 2.
    x = np.random.default_rng(0).normal(size=(30, d))
    one = mixture.statistics(np.ones((30, 1)), x)
    default, stated = (
        prior.bound(Blocks.of(x), 1) for prior in (Prior(), Prior(degrees_of_freedom=d + 2))
    )
    np.testing.assert_allclose(default.m_step(one).covariances, stated.m_step(one).covariances)


@pytest.mark.parametrize("above", [0.1, 1.9, 4.0])
@pytest.mark.parametrize("d", [1, 2])
def test_with_more_than_d_minus_1_degrees_of_freedom_log_density_is_that_of_scipy(d, above):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, d))
    scale = np.eye(d) * 0.7 + 0.1
    freedom = d - 1 + above
    prior = Prior(2.5, np.full(d, 0.3), 4.0, freedom, scale)
    prior = prior.bound(Blocks.of(x), 2)

    def by_scipy(params):
        total = stats.dirichlet.logpdf(params.weights, [2.5, 2.5])
        for mean, covariance in zip(params.means, params.covariances, strict=True):
            total += stats.invwishart.logpdf(covariance, freedom, scale)
            total += stats.multivariate_normal.logpdf(mean, np.full(d, 0.3), covariance / 4.0)
        return total

    differences = []
    for _ in range(5):
        roots = rng.normal(size=(2, d, d))
        params = mixture.MixtureParams(
            rng.dirichlet([3, 3]), rng.normal(size=(2, d)), roots @ np.swapaxes(roots, 1, 2)
        )
        differences.append(prior.log_density(params) - by_scipy(params))
    # They differ by what depends on no parameter.
    np.testing.assert_allclose(differences, differences[0], rtol=1e-6)


@kinds
def test_the_penalised_objective_never_falls_and_a_prior_keeps_from_collapse(kind):
    x = np.r_[np.full(8, 5.0), np.random.default_rng(0).normal(0, 1, 30)][:, None]
    model = GaussianMixture(3, covariance_type=kind, prior=Prior(), random_state=0).fit(x)
    assert model.result_.stop is StopReason.CONVERGED
    steps = np.diff(model.lower_bounds_)
    jumps = [i - 1 for i in model.result_.trace.nudged_at]
    assert np.all(np.delete(steps, jumps) >= -1e-10)
    assert model.lower_bound_ != pytest.approx(model.score(x), rel=1e-3)


def test_map_weights_are_pulled_together():
    x = load_faithful().values
    plain, pulled = (
        GaussianMixture(2, random_state=0, prior=p).fit(x)
        for p in (Prior(), Prior(weight_concentration=1e6))
    )
    np.testing.assert_allclose(pulled.weights_, 0.5, atol=1e-3)
    assert np.ptp(plain.weights_) > 0.2


@kinds
def test_with_nothing_seen_before_a_prior_changes_little(kind):
    # As the prior's counts are fixed, its weight falls with the number of points.
    x = np.repeat(load_faithful().values, 200, axis=0)
    means = [
        np.sort(
            GaussianMixture(2, covariance_type=kind, prior=p, random_state=0, tol=1e-6)
            .fit(x)
            .means_,
            0,
        )
        for p in (None, Prior())
    ]
    np.testing.assert_allclose(means[0], means[1], rtol=1e-3)


@kinds
@pytest.mark.parametrize("d", [1, 3])
def test_the_default_scale_is_that_of_fraley_and_raftery(kind, d):
    # J. Classif. 24, 155-181, section 2: the covariance of the data, over K^(2/D).
    x = np.random.default_rng(0).normal(size=(50, d)) @ np.diag(np.arange(1.0, d + 1))
    covariance = np.cov(x.T, bias=True).reshape(d, d)
    variances = covariance.diagonal()
    expected = {
        "full": covariance,
        "tied": covariance,
        "diag": variances,
        "spherical": variances.mean(),
    }[kind]
    found = Prior().bound(Blocks.of(x, FORMS[kind]()), 3).scale
    np.testing.assert_allclose(found, expected / 3 ** (2 / d), rtol=1e-10)


def test_a_prior_in_the_units_of_the_data_moves_with_them():
    x = load_faithful().values
    prior = Prior(mean=[3.0, 70.0], scale=np.diag([0.1, 30.0]))
    moved = Prior(mean=[30.0, 7.0], scale=np.diag([10.0, 0.3]))
    here = GaussianMixture(2, prior=prior, random_state=0).fit(x)
    there = GaussianMixture(2, prior=moved, random_state=0).fit(x * [10.0, 0.1])
    np.testing.assert_allclose(there.means_, here.means_ * [10.0, 0.1], rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (partial(Prior, weight_concentration=0.5), "at least 1"),
        (partial(Prior, mean_precision=-1.0), "mean_precision"),
    ],
)
def test_senseless_priors_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_prior_that_does_not_fit_the_data_is_refused():
    x = Blocks(np.random.default_rng(0).normal(size=(20, 3)))
    for too_few in (1.0, 2.0):  # at 2, the density of the inverse Wishart has no integral
        with pytest.raises(ValueError, match="above D - 1 = 2"):
            Prior(degrees_of_freedom=too_few).bound(x, 2)
    with pytest.raises(ValueError, match="not both"):
        GaussianMixture(1, prior=Prior(), reg_covar=1e-3).fit(x.x)
    with pytest.raises(ValueError, match=r"emlib\.Prior"):
        GaussianMixture(1, prior=0.1).fit(x.x)


@kinds
def test_the_default_scale_is_that_of_the_values_seen_in_any_order_of_features(kind):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 2)) * [3.0, 0.5] + 4 * np.repeat([0, 1], 20)[:, None]
    holes = np.c_[rng.random(40) < 0.8, np.zeros(40, bool)]
    off = np.where(holes, 0.0, x - np.where(holes, np.nan, x).mean(axis=0, where=~holes))
    seen = (~holes).sum(axis=0)
    expected = {
        "full": off.T @ off / np.sqrt(np.outer(seen, seen)),
        "diag": (off**2).sum(axis=0) / seen,
        "spherical": (off**2).sum() / seen.sum(),
    }
    for order in ([0, 1], [1, 0]):
        filled = (off + 1.0)[:, order]
        data = replace(Blocks.standard(filled, FORMS[kind]()), holes=holes[:, order])
        found = data.family.rescaled(Prior().bound(data, 2).scale, data.units.scale)
        wanted = expected["full" if kind == "tied" else kind] / 2
        if kind != "spherical":
            wanted = wanted[order][..., order] if wanted.ndim == 2 else wanted[order]
        np.testing.assert_allclose(found, wanted, rtol=1e-9)


@pytest.mark.parametrize(
    ("scale", "mean", "message"),
    [
        (-np.eye(2), None, "positive definite"),
        ([[1.0, 0.5], [0.0, 1.0]], None, "symmetric"),
        (np.ones(4), None, r"of shape \(2, 2\)"),
        (np.full((2, 2), np.nan), None, "finite"),
        (None, [np.nan, 0.0], "the prior's mean must be finite"),
    ],
)
def test_priors_that_make_no_sense_are_refused(scale, mean, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixture(2, prior=Prior(scale=scale, mean=mean)).fit(clusters(0))


def test_a_class_without_anybody_gets_the_prior_and_a_share_that_nobody_sees():
    # Nobody has an answer in class 1: a weight of zero would keep it empty for ever.
    everybody_in_0 = np.tile([1.0, 0.0], (4, 1))
    sums = mixture.statistics(everybody_in_0, [[1], [1], [1], [0]], Binomial(1))
    weights, probabilities = AnswersPrior.of(Binomial(1), 2.0).m_step(sums)
    assert 0 < weights[1] < 1e-9
    np.testing.assert_allclose(probabilities, [[4 / 6], [1 / 2]], rtol=1e-9)
