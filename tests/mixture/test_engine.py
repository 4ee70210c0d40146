"""The engine: every family against SciPy, scikit-learn or sums written out, in every form."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import logsumexp

from emlib import DegenerateError, em, mixture
from emlib.covariances import FORMS, Diagonal, Full
from emlib.families import Binomial, Categorical, Poisson
from emlib.gaussian import KEPT
from emlib.mixture import MixtureParams, engine
from emlib.mixture.blocks import Blocks
from emlib.trees import add
from tests.mixture.helpers import kinds, sklearn_after
from tests.numerics import matrices
from tests.published import DEATHS, DEATHS_MAXIMUM

seeds = st.integers(0, 2**32 - 1)


def problem(kind, seed, d=None, n=60):
    """Clusters, and a start with random covariances of the given form."""
    rng = np.random.default_rng(seed)
    k, d = int(rng.integers(2, 4)), d or int(rng.integers(1, 5))
    x = np.concatenate([rng.normal(size=(n, d)) + 3 * rng.normal(size=d) for _ in range(k)])
    roots = rng.normal(size=(k, d, d))
    matrices = roots @ np.swapaxes(roots, 1, 2) / d + np.eye(d)
    covariances = {
        "full": matrices,
        "tied": matrices[0],
        "diag": rng.uniform(0.5, 2, (k, d)),
        "spherical": rng.uniform(0.5, 2, k),
    }[kind]
    means = x[rng.choice(len(x), k, replace=False)]
    return x, MixtureParams(rng.dirichlet(np.full(k, 5.0)), means, covariances)


def written_out(kind, params, x):
    """Log p(x, z = k) by SciPy."""
    parts = zip(
        params.weights,
        params.means,
        matrices(kind, params.covariances, *params.means.shape),
        strict=True,
    )
    return np.stack(
        [np.log(w) + stats.multivariate_normal(m, c).logpdf(x) for w, m, c in parts], axis=1
    )


@kinds
@given(seeds)
@settings(max_examples=25, deadline=None)
def test_every_form_of_covariance_equals_scipy(kind, seed):
    x, params = problem(kind, seed)
    expected, family = written_out(kind, params, x), FORMS[kind]()
    np.testing.assert_allclose(mixture.log_joint(params, x, family), expected, rtol=1e-10)
    log_p = logsumexp(expected, axis=1)
    np.testing.assert_allclose(mixture.log_density(params, x, family), log_p, rtol=1e-10)
    r = np.exp(expected - log_p[:, None])
    np.testing.assert_allclose(mixture.responsibilities(params, x, family), r, atol=1e-10)
    statistics, log_likelihood = mixture.e_step(params, x, family)
    np.testing.assert_allclose(log_likelihood, log_p.sum(), rtol=1e-10)
    np.testing.assert_allclose(statistics.n, r.sum(axis=0), rtol=1e-10)


@kinds
@pytest.mark.parametrize("n", [1, 5, 20])
@pytest.mark.parametrize("d", [2, 30])
def test_equals_sklearn_after_n_steps(kind, n, d):
    x, start = problem(kind, 3, d)
    family = FORMS[kind]()
    theirs = sklearn_after(x, start, n, kind)
    ours = start
    for _ in range(n):
        ours = mixture.m_step(mixture.e_step(ours, x, family)[0], family)
    np.testing.assert_allclose(ours.weights, theirs.weights_, rtol=1e-9)
    np.testing.assert_allclose(ours.means, theirs.means_, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(ours.covariances, theirs.covariances_, rtol=1e-8, atol=1e-9)


@kinds
@given(seeds)
@settings(max_examples=25, deadline=None)
def test_residuals_and_natural_form_agree(kind, seed):
    x, params = problem(kind, seed)
    family = FORMS[kind]()
    data = Blocks.of(x, family)
    natural = engine.form_of(params, data)
    whitened = engine.Whitened(data, params.weights, family, params[1:])
    assert isinstance(natural, engine.Natural)
    every = slice(0, len(x))
    left, right = (form.log_joint(every) + form.log_shared() for form in (natural, whitened))
    np.testing.assert_allclose(left, right, rtol=1e-9, atol=1e-9)
    r = np.exp(left - logsumexp(left, axis=0))
    fitted = []
    for form in (natural, whitened):
        form.add(r[form.order])
        fitted.append(mixture.m_step(form.total(), family))
    for ours, theirs in zip(*fitted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-9)


@kinds
def test_far_from_the_origin_residuals_are_chosen_and_keep_the_digits(kind):
    x, params = problem(kind, 5)
    x = np.round(x * 2**20) / 2**20  # so that the shift is exact
    shift, family = 2.0**26, FORMS[kind]()
    moved = params._replace(means=params.means + shift)
    form = engine.form_of(moved, Blocks.of(x + shift, family))
    assert isinstance(form, engine.Whitened)
    near, far = params, moved
    for _ in range(3):
        near = mixture.m_step(mixture.e_step(near, x, family)[0], family)
        far = mixture.m_step(mixture.e_step(far, x + shift, family)[0], family)
    np.testing.assert_allclose(far.weights, near.weights, rtol=1e-6)
    np.testing.assert_allclose(far.covariances, near.covariances, rtol=1e-6, atol=1e-7)


def test_many_features_take_the_form_with_one_product_per_component():
    x, params = problem("full", 0, d=30)
    assert isinstance(engine.form_of(params, Blocks.of(x)), engine.Affine)


@kinds
@given(seeds)
@settings(max_examples=10, deadline=None)
def test_integer_weights_are_repetitions(kind, seed):
    x, params = problem(kind, seed)
    family, rng = FORMS[kind](), np.random.default_rng(seed)
    w = rng.integers(0, 4, size=len(x)).astype(float)
    weighted = Blocks(x, family, w)
    repeated = Blocks.of(np.repeat(x, w.astype(int), axis=0))
    left, right = (mixture.e_step(params, data, family) for data in (weighted, repeated))
    np.testing.assert_allclose(left[1], right[1], rtol=1e-10)
    for ours, theirs in zip(
        mixture.m_step(left[0], family), mixture.m_step(right[0], family), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-9)
    assert weighted.n == repeated.n


@kinds
def test_standard_units_count_a_point_as_often_as_its_weight_says(kind):
    x, _ = problem(kind, 0)
    w = np.linspace(0.0, 3.0, len(x))
    units = Blocks.standard(x, FORMS[kind](), w).units
    variances = np.cov(x.T, aweights=w, bias=True).diagonal()
    if kind == "spherical":
        variances = np.full_like(variances, variances.mean())
    np.testing.assert_allclose(units.origin, np.average(x, axis=0, weights=w))
    np.testing.assert_allclose(units.scale, np.sqrt(variances))


@kinds
@pytest.mark.parametrize("shift", [0.0, 1e5])
def test_statistics_of_chunks_add_whatever_their_form(kind, shift):
    x, params = problem(kind, 7)
    x, params = x + shift, params._replace(means=params.means + shift)
    family = FORMS[kind]()
    e_step = partial(mixture.e_step, family=family)
    # A chunk at the origin and one far away are computed in different forms.
    whole = mixture.m_step(e_step(params, x)[0], family)
    parts = add(e_step(params, x[:20]), e_step(params, x[20:]))
    for ours, theirs in zip(mixture.m_step(parts[0], family), whole, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-7)


def test_statistics_measured_from_different_origins_add():
    x, params = problem("full", 1)
    for kind, make in FORMS.items():
        family = make()
        here = mixture.statistics(np.ones((len(x), 1)), x, family)
        there = here.about(np.full((1, x.shape[1]), 2.5))
        both, twice = here + there, here + here
        for ours, theirs in zip(family.mle(both), family.mle(twice), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12, err_msg=kind)
    assert params.means.shape[1] == x.shape[1]


def in_the_form(form, kind):
    """Points of 2 to 4 clusters, and a mixture, for which the engine chooses the form."""
    x, params = problem(kind, 2, d=30 if form is engine.Affine else 3)
    family, holes = FORMS[kind](), None
    if form is engine.Whitened:
        x, params = x + 1e5, params._replace(means=params.means + 1e5)
    if form in (engine.Apart, engine.Incomplete):
        holes = np.random.default_rng(0).uniform(size=x.shape) < [0, 0.3, 0.3]
    if form is engine.Incomplete:
        holes[:, 2] |= ~holes.any(axis=1)
    data = Blocks(x, family, holes=holes)
    assert isinstance(engine.form_of(params, data), form)
    return data, params


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        *((engine.Natural, kind) for kind in FORMS),
        *((engine.Whitened, kind) for kind in FORMS),
        *((engine.Apart, kind) for kind in FORMS),
        *((engine.Incomplete, kind) for kind in FORMS),
        (engine.Affine, "full"),
    ],
)
@pytest.mark.parametrize("block", [1, 100, 2**20])
def test_the_size_of_blocks_does_not_matter(form, kind, block, monkeypatch):
    data, params = in_the_form(form, kind)
    expected, log_likelihood = mixture.e_step(params, data, data.family)
    monkeypatch.setattr("emlib.mixture.blocks.BLOCK", block)
    again = mixture.e_step(params, data, data.family)
    assert again[1] == pytest.approx(log_likelihood, rel=1e-12)
    np.testing.assert_allclose(again[0].n, expected.n, rtol=1e-12)
    for ours, theirs in zip(
        *(mixture.m_step(found, data.family) for found in (again[0], expected)), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


@kinds
def test_order_and_precision_of_the_array_do_not_matter(kind):
    x, params = problem(kind, 4)
    x, family = x.astype(np.float32), FORMS[kind]()
    expected = mixture.e_step(params, x.astype(float), family)[1]
    for same in (x, np.asfortranarray(x), x[::-1].copy()[::-1]):
        assert mixture.e_step(params, same, family)[1] == pytest.approx(expected, rel=1e-12)


# Counts


def poisson_data(rng):
    return rng.poisson([[2.0, 7.0]], size=(80, 2)).astype(float)


FAMILIES = {
    "poisson": (
        Poisson(),
        poisson_data,
        lambda rng: rng.uniform(1, 8, (3, 2)),
        lambda x, theta: stats.poisson.logpmf(x, theta).sum(axis=1),
    ),
    "binomial": (
        Binomial(10),
        lambda rng: rng.binomial(10, 0.4, size=(80, 2)).astype(float),
        lambda rng: rng.uniform(0.1, 0.9, (3, 2)),
        lambda x, theta: stats.binom.logpmf(x, 10, theta).sum(axis=1),
    ),
    "categorical": (
        Categorical((3, 2)),
        lambda rng: np.hstack(
            [np.eye(3)[rng.integers(3, size=80)], np.eye(2)[rng.integers(2, size=80)]]
        ),
        lambda rng: np.hstack([rng.dirichlet(np.ones(3), 3), rng.dirichlet(np.ones(2), 3)]),
        lambda x, theta: x @ np.log(theta),
    ),
    "multinomial": (
        Categorical((4,)),
        lambda rng: rng.multinomial(6, np.full(4, 0.25), size=80).astype(float),
        lambda rng: rng.dirichlet(np.ones(4), 3),
        lambda x, theta: stats.multinomial.logpmf(x, 6, theta),
    ),
}


@pytest.mark.parametrize("name", FAMILIES)
@given(seeds)
@settings(max_examples=25, deadline=None)
def test_counts_equal_scipy_and_never_fall(name, seed):
    family, draw, draw_params, log_pmf = FAMILIES[name]
    rng = np.random.default_rng(seed)
    x, weights, theta = draw(rng), rng.dirichlet(np.full(3, 5.0)), draw_params(rng)
    expected = np.log(weights) + np.stack([log_pmf(x, row) for row in theta], axis=1)
    np.testing.assert_allclose(mixture.log_joint((weights, theta), x, family), expected, atol=1e-9)
    statistics, log_likelihood = mixture.e_step((weights, theta), x, family)
    log_p = logsumexp(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(log_likelihood, log_p.sum(), rtol=1e-10)
    r = np.exp(expected - log_p)
    np.testing.assert_allclose(statistics.sum_x, r.T @ x, rtol=1e-8)
    params, before = (weights, theta), -np.inf
    for _ in range(10):
        statistics, now = mixture.e_step(params, x, family)
        assert now >= before - 1e-9 * abs(now)
        before, params = now, mixture.m_step(statistics, family)


def test_one_component_of_counts_is_the_mean():
    x = np.array([[0.0], [3.0], [6.0]])
    one = np.ones((3, 1))
    np.testing.assert_allclose(Poisson().mle(mixture.statistics(one, x, Poisson()))[0], [[3.0]])
    binomial = Binomial(12)
    np.testing.assert_allclose(binomial.mle(mixture.statistics(one, x, binomial))[0], [[0.25]])


def test_parameters_at_the_edge_of_their_range_are_no_nan():
    x = np.array([[0.0], [0.0], [2.0], [2.0]])
    for family, edge in ((Poisson(), [[0.0], [2.0]]), (Binomial(2), [[0.0], [1.0]])):
        r = mixture.responsibilities((np.full(2, 0.5), np.array(edge)), x, family)
        assert np.all(np.isfinite(r))
        np.testing.assert_array_equal(r[2:], [[0, 1], [0, 1]])


@pytest.mark.parametrize(
    ("family", "x"),
    [
        (Poisson(), [[-1.0]]),
        (Poisson(), [[0.5]]),
        (Binomial(2), [[3.0]]),
        (Categorical((1,)), [[0.5]]),
    ],
)
def test_data_that_are_no_counts_are_refused(family, x):
    theta = np.full((1, 1), 0.5)
    with pytest.raises(ValueError, match="counts must be whole numbers"):
        mixture.e_step((np.ones(1), theta), x, family)


def test_an_empty_component_of_counts_is_named():
    x, family = np.array([[1.0], [2.0]]), Poisson()
    with pytest.raises(DegenerateError, match="component 1 has lost all its points"):
        mixture.m_step(mixture.statistics(np.array([[1.0, 0.0]] * 2), x, family), family)


@kinds
def test_shares_need_not_sum_to_one(kind):
    rng = np.random.default_rng(0)
    x, r, weights = rng.normal(size=(20, 2)), rng.uniform(size=(20, 3)), rng.uniform(size=20)
    for data, counts in ((x, r), (Blocks(x, weights=weights), r * weights[:, None])):
        found = mixture.statistics(r, data, FORMS[kind]())
        np.testing.assert_allclose(found.n, counts.sum(axis=0))
        np.testing.assert_allclose(found.sum_x, counts.T @ x)
        kept = np.einsum("nk,ni,nj->kij", counts, x, x)
        np.testing.assert_allclose(found.sum_xx, np.einsum(KEPT[kind], kept))


@pytest.mark.parametrize("shape", [(3,), (3, 1, 1), (2, 1)])
def test_shares_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"r must be finite and of shape \(3, any\), got shape"):
        mixture.statistics(np.ones(shape), np.ones((3, 1)))


def test_times_deaths_have_the_known_maximum():
    family = Poisson()
    data = Blocks(DEATHS[0][:, None], family, DEATHS[1])
    result = em(
        partial(mixture.e_step, family=family),
        partial(mixture.m_step, family=family),
        (np.array([0.3, 0.7]), np.array([[1.0], [2.5]])),
        data,
        tol=1e-10,
        max_iter=5000,
        confirm=False,
    )
    np.testing.assert_allclose(result.objective, DEATHS_MAXIMUM, atol=1e-7)
    np.testing.assert_allclose(result.params[0], [0.359885, 0.640115], atol=1e-5)
    np.testing.assert_allclose(result.params[1][:, 0], [1.256095, 2.663404], atol=1e-5)


@kinds
def test_free_parameters_are_counted_as_mclust_and_scikit_learn_count_them(kind):
    # Weights apart: mclust's EII... and scikit-learn's counts for D = 3, K = 3.
    totals = {"full": 29, "tied": 17, "diag": 20, "spherical": 14}
    assert FORMS[kind]().n_parameters(3, 3) + 2 == totals[kind]


@kinds
@given(seeds)
@settings(max_examples=10, deadline=None)
def test_expected_statistics_invert_the_mle(kind, seed):
    _, params = problem(kind, seed)
    family = FORMS[kind]()
    n = np.random.default_rng(seed).uniform(1, 9, len(params.weights))
    means, covariances = family.mle(family.expected(params[1:], n))
    np.testing.assert_allclose(means, params.means)
    np.testing.assert_allclose(covariances, params.covariances)


@kinds
def test_samples_have_the_covariance_of_their_component(kind):
    _, params = problem(kind, 6, d=2)
    x, z = mixture.sample(params, 100_000, np.random.default_rng(0), FORMS[kind]())
    for k, expected in enumerate(matrices(kind, params.covariances, *params.means.shape)):
        np.testing.assert_allclose(np.cov(x[z == k].T), expected, atol=0.15)


def test_a_ridge_is_added_to_the_diagonal():
    x, _ = problem("full", 0, d=2)
    one = np.ones((len(x), 1))
    for family, plain in ((Full(ridge=0.5), Full()), (Diagonal(ridge=0.5), Diagonal())):
        statistics = mixture.statistics(one, x, family)
        ridged, bare = (f.mle(statistics)[1] for f in (family, plain))
        added = 0.5 * np.eye(2) if family.matrices else 0.5
        np.testing.assert_allclose(ridged, bare + added)


@kinds
def test_points_far_out_in_later_blocks_keep_their_digits(kind, monkeypatch):
    monkeypatch.setattr("emlib.mixture.blocks.BLOCK", 100)
    x, params = problem(kind, 8, d=2)
    x[-20:] *= 60  # log-densities down to -1e4, which no exponential can hold
    expected, family = written_out(kind, params, x), FORMS[kind]()
    log_p = logsumexp(expected, axis=1)
    assert log_p.min() < -800
    np.testing.assert_allclose(mixture.log_density(params, x, family), log_p, rtol=1e-9)
    r = np.exp(expected - log_p[:, None])
    np.testing.assert_allclose(mixture.responsibilities(params, x, family), r, atol=1e-9)
    np.testing.assert_allclose(mixture.e_step(params, x, family)[1], log_p.sum(), rtol=1e-10)


@pytest.mark.parametrize("kind", FORMS)
def test_a_point_of_which_nothing_was_seen_counts_as_the_mixture_says(kind):
    family = FORMS[kind]()
    rng = np.random.default_rng(0)
    shape = family.shapes(2, 2)[1]
    spreads = (
        np.ones(shape) if len(shape) < 2 or kind == "diag" else np.broadcast_to(np.eye(2), shape)
    )
    params = MixtureParams(np.array([0.3, 0.7]), np.array([[0.0, 1.0], [3.0, -1.0]]), spreads)
    x, holes = rng.normal(size=(4, 2)), np.zeros((4, 2), dtype=bool)
    holes[3] = True
    seen, log_likelihood = mixture.e_step(params, x[:3], family)
    statistics, again = mixture.e_step(params, Blocks(x, family, holes=holes), family)
    # It has density one, belongs to each component by its weight, and lies at its mean.
    assert again == pytest.approx(log_likelihood, rel=1e-12)
    np.testing.assert_allclose(statistics.n, seen.n + params.weights)
    sum_x = statistics.about(0.0).sum_x
    np.testing.assert_allclose(
        sum_x, seen.about(0.0).sum_x + params.weights[:, None] * params.means
    )
