"""Standard errors: Louis's information against numerical second derivatives, and simulation."""

import warnings

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import norm

from emlib import DegenerateError, GaussianMixture, Mixture, mixture
from emlib.covariances import FORMS
from emlib.families import Poisson, Symbols
from emlib.mixture import MixtureParams
from emlib.mixture.blocks import Blocks
from emlib.mixture.standard_errors import standard_errors
from tests.mixture.helpers import clusters, kinds
from tests.numerics import second_derivatives


def fitted(kind, k=2, d=2):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(150, d)) + 3.5 * i for i in range(k)])
    family = FORMS[kind]()
    params = mixture.m_step(
        mixture.statistics(np.eye(k)[np.repeat(np.arange(k), 150)], x, family), family
    )
    for _ in range(300):
        params = mixture.m_step(mixture.e_step(params, x, family)[0], family)
    return x, params, family


def free(kind, d):
    """Matrices whose combinations the covariances of a form are."""
    one = np.eye(d)
    if kind == "spherical":
        return one[None]
    pairs = [(i, i) for i in range(d)]
    if kind in ("full", "tied"):
        pairs = [(i, j) for i in range(d) for j in range(i, d)]
    return np.stack(
        [np.maximum(np.outer(one[i], one[j]), np.outer(one[j], one[i])) for i, j in pairs]
    )


@kinds
@pytest.mark.parametrize(("k", "d"), [(2, 1), (2, 2), (3, 1)])
def test_errors_equal_those_of_the_numerical_hessian(kind, k, d):
    x, params, family = fitted(kind, k, d)
    basis = free(kind, d)
    shape = params.covariances.shape
    groups = 1 if kind == "tied" else k

    def unpacked(v):
        weights = np.append(v[: k - 1], 1 - v[: k - 1].sum())
        matrices = np.einsum("ka,aij->kij", v[k - 1 + k * d :].reshape(groups, -1), basis)
        if kind == "tied":
            covariances = matrices[0]
        elif len(shape) == 3:
            covariances = matrices
        else:
            covariances = np.diagonal(matrices, axis1=1, axis2=2)
            covariances = covariances if len(shape) == 2 else covariances[:, 0]
        return MixtureParams(weights, v[k - 1 : k - 1 + k * d].reshape(k, d), covariances)

    values = {
        "full": lambda c: np.concatenate([m[np.triu_indices(d)] for m in c]),
        "tied": lambda c: c[np.triu_indices(d)],
    }.get(kind, np.ravel)(params.covariances)
    at = np.concatenate([params.weights[:-1], params.means.ravel(), values])
    hessian = second_derivatives(
        lambda v: mixture.log_density(unpacked(v), x, family).sum(), at, 2e-4
    )
    covariance = np.linalg.inv(-hessian)
    errors = standard_errors(params, Blocks.of(x), family)
    by_hessian = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose(errors.weights[:-1], by_hessian[: k - 1], rtol=1e-3)
    last = np.sqrt(covariance[: k - 1, : k - 1].sum())
    np.testing.assert_allclose(errors.weights[-1], last, rtol=1e-3)
    np.testing.assert_allclose(errors.means.ravel(), by_hessian[k - 1 : k - 1 + k * d], rtol=1e-3)
    found = {
        "full": lambda c: np.concatenate([m[np.triu_indices(d)] for m in c]),
        "tied": lambda c: c[np.triu_indices(d)],
    }.get(kind, np.ravel)(errors.covariances)
    np.testing.assert_allclose(found, by_hessian[k - 1 + k * d :], rtol=1e-3)


def test_one_component_has_the_textbook_errors():
    x = np.random.default_rng(0).normal(5, 3, size=(400, 1))
    model = GaussianMixture(1).fit(x)
    errors = model.standard_errors(x)
    variance = x.var()
    np.testing.assert_allclose(errors.means, np.sqrt(variance / 400), rtol=1e-8)
    np.testing.assert_allclose(errors.covariances, variance * np.sqrt(2 / 400), rtol=1e-8)


@kinds
def test_errors_are_in_the_units_of_the_data(kind):
    x, _, _ = fitted(kind)
    factor = 7.0
    here, there = (
        GaussianMixture(2, covariance_type=kind, random_state=0, tol=1e-12)
        .fit(z)
        .standard_errors(z)
        for z in (x, factor * x + 100)
    )
    np.testing.assert_allclose(there.weights, here.weights, rtol=1e-4)
    np.testing.assert_allclose(there.means, factor * here.means, rtol=1e-4)
    np.testing.assert_allclose(there.covariances, factor**2 * here.covariances, rtol=1e-4)


def test_counting_every_point_twice_divides_errors_by_the_root_of_two():
    x, params, family = fitted("full")
    once = standard_errors(params, Blocks.of(x), family)
    twice = standard_errors(params, Blocks(x, family, np.full(len(x), 2.0)), family)
    np.testing.assert_allclose(once.means / twice.means, np.sqrt(2), rtol=1e-9)


def test_a_saddle_has_no_standard_errors():
    x, params, family = fitted("full")
    same = params._replace(
        means=params.means[[0, 0]] * 0 + x.mean(axis=0),
        covariances=np.stack([np.cov(x.T, bias=True)] * 2),
    )
    with pytest.raises(DegenerateError, match="proper maximum"):
        standard_errors(same, Blocks.of(x), family)


@pytest.mark.parametrize("seed", range(8))
def test_components_that_coincide_have_no_standard_errors(seed):
    # The weights of two equal components change nothing: in that direction there is no information,
    # and what is found of it is rounding.
    x = np.random.default_rng(seed).poisson(4, (400, 1)).astype(float)
    coincide = np.array([0.4, 0.6]), np.full((2, 1), x.mean())
    with pytest.raises(DegenerateError, match="proper maximum"):
        standard_errors(coincide, Blocks(x, Poisson()), Poisson())


def test_errors_take_another_order_as_their_components_do():
    x, params, family = fitted("full")
    errors = standard_errors(params, Blocks.of(x), family)
    turned = mixture.relabelled(errors, [1, 0])
    for part, other in zip(errors, turned, strict=True):
        np.testing.assert_array_equal(other, part[::-1])


@pytest.mark.parametrize("kind", FORMS)
@pytest.mark.parametrize("width", [0.005, 0.02, 0.2])
def test_errors_of_narrow_components_have_digits_or_are_refused(width, kind):
    means = np.array([[0, 0], [30.0, 5], [10, 40.0]])[np.repeat([0, 1, 2], 300)]
    x = means + width * np.random.default_rng(2).normal(size=(900, 2))
    model = GaussianMixture(3, covariance_type=kind, random_state=0).fit(x)
    try:
        errors = model.standard_errors(x)
    except DegenerateError as error:
        assert "so narrow" in str(error)  # noqa: PT017
        assert width < 0.01
        return
    deviations = np.sqrt([np.diag(c) for c in covariance_matrices(model)])
    np.testing.assert_allclose(errors.means, deviations / np.sqrt(300), rtol=1e-3)
    if kind == "diag":  # of clusters so far apart, the variances' errors are those of one Gaussian
        expected = model.covariances_ * np.sqrt(2 / 300)
        np.testing.assert_allclose(errors.covariances, expected, rtol=1e-2)


def covariance_matrices(model):
    """Those of every component, (K, D, D), whatever the form."""
    family = model._fitted_family()
    return family.as_matrices((model.means_, model.covariances_))


def test_symbols_lead_to_the_family_that_has_standard_errors():
    x = np.random.default_rng(0).integers(0, 3, (50, 1))
    model = Mixture(1, family=Symbols(3)).fit(x)
    with pytest.raises(ValueError, match="the family Categorical"):
        model.standard_errors(x)


def test_standard_errors_count_labels_and_refuse_what_is_held():
    rng = np.random.default_rng(0)
    z = rng.random(400) < 0.4
    x = np.where(z, rng.normal(2.5, 1, 400), rng.normal(0, 1, 400))[:, None]
    labels = np.where(np.arange(400) % 4 == 0, z.astype(int), -1)
    model = GaussianMixture(2, random_state=0, tol=1e-12).fit(x, labels=labels)
    errors = model.standard_errors(x, labels=labels)

    def log_likelihood(theta):
        weight, means, variances = theta[0], theta[1:3], theta[3:]
        joint = np.log([weight, 1 - weight]) + norm.logpdf(x, means, np.sqrt(variances))
        joint[(labels >= 0)[:, None] & (labels[:, None] != np.arange(2))] = -np.inf
        return logsumexp(joint, axis=1).sum()

    theta = np.r_[model.weights_[0], model.means_.ravel(), model.covariances_.ravel()]
    hessian = second_derivatives(log_likelihood, theta, 1e-4)
    expected = np.sqrt(np.diag(np.linalg.inv(-hessian)))
    found = np.r_[errors.weights[0], errors.means.ravel(), errors.covariances.ravel()]
    np.testing.assert_allclose(found, expected, rtol=1e-3)
    held = GaussianMixture(2, means_init=model.means_, hold="means", random_state=0).fit(x)
    with pytest.raises(ValueError, match="held"):
        held.standard_errors(x)


def test_two_standard_errors_away_from_the_maximum_there_are_none():
    x, params, family = fitted("full", d=1)
    errors = standard_errors(params, Blocks.of(x), family)
    near, far = (params._replace(means=params.means + by * errors.means) for by in (0.01, 2))
    again = standard_errors(near, Blocks.of(x), family)
    np.testing.assert_allclose(again.means, errors.means, rtol=1e-2)
    with pytest.raises(DegenerateError, match="not a proper maximum"):
        standard_errors(far, Blocks.of(x), family)


def test_standard_errors_away_from_a_maximum_are_refused():
    x = clusters(0, distance=2.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = GaussianMixture(2, max_iter=2, init_params="random", random_state=0).fit(x)
    with pytest.raises(ValueError, match="not a proper maximum"):
        model.standard_errors(x)
