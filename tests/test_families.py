"""Families: gamma, as CONTRIBUTING.md writes it, can be all that Gaussians and counts can be."""

from decimal import Decimal, localcontext
from functools import partial

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import logsumexp

from emlib import HMM, CategoricalHMM, DegenerateError, GaussianMixture, Mixture, em, hmm, mixture
from emlib.covariances import FORMS
from emlib.families import Binomial, Categorical, Counts, Family, Poisson, Sums, Symbols, log
from emlib.hmm import HMMParams
from emlib.hmm.forward_backward import plain
from emlib.mixture.blocks import Blocks
from emlib.mixture.standard_errors import standard_errors
from tests.gamma import GAMMA, TRUE, gammas
from tests.numerics import second_derivatives
from tools.paths import ROOT

seeds = st.integers(0, 2**32 - 1)


def by_scipy(params, x):
    """Log p(x, z = k)."""
    weights, shapes, rates = params
    parts = [
        np.log(w) + stats.gamma(a, scale=1 / r).logpdf(x).sum(axis=1)
        for w, a, r in zip(weights, shapes, rates, strict=True)
    ]
    return np.stack(parts, axis=1)


def test_one_gamma_is_fitted_as_scipy_fits_it():
    x = np.random.default_rng(0).gamma(3.0, 2.0, size=(500, 1))
    shapes, rates = GAMMA.mle(mixture.statistics(np.ones((500, 1)), x, GAMMA))
    shape, _, scale = stats.gamma.fit(x[:, 0], floc=0)
    np.testing.assert_allclose([shapes[0, 0], 1 / rates[0, 0]], [shape, scale], rtol=1e-5)


@given(seeds)
@example(65851)  # one component is left with a single point, whose likelihood has no maximum
@settings(max_examples=20, deadline=None)
def test_a_mixture_of_gammas_is_scipys_and_never_falls(seed):
    rng = np.random.default_rng(seed)
    x, _ = gammas(60, seed)
    params = (rng.dirichlet([5, 5]), rng.uniform(1, 9, (2, 2)), rng.uniform(0.5, 3, (2, 2)))
    expected = by_scipy(params, x)
    np.testing.assert_allclose(mixture.log_joint(params, x, GAMMA), expected, rtol=1e-9, atol=1e-9)
    result = em(
        partial(mixture.e_step, family=GAMMA),
        partial(mixture.m_step, family=GAMMA),
        params,
        x,
        max_iter=20,
        confirm=False,
    )
    np.testing.assert_allclose(result.trace.objective[0], logsumexp(expected, axis=1).sum())
    assert np.all(np.diff(result.trace.objective) > -1e-8)


def test_an_estimator_of_gammas_finds_them_with_its_samples_criteria_and_errors():
    x, _ = gammas(3000)
    model = Mixture(2, family=GAMMA, random_state=0).fit(x)
    assert model.result_.confirmed
    order = np.argsort(model.shapes_[:, 0])
    np.testing.assert_allclose(model.weights_[order], TRUE[0], atol=0.05)
    np.testing.assert_allclose(model.shapes_[order], TRUE[1], rtol=0.15)
    np.testing.assert_allclose(model.rates_[order], TRUE[2], rtol=0.15)
    log_likelihood = model.score(x) * len(x)
    assert model.bic(x) == pytest.approx(9 * np.log(3000) - 2 * log_likelihood)  # 1 + 2 (2 + 2)
    drawn, _ = model.sample(20_000)
    np.testing.assert_allclose(drawn.mean(axis=0), x.mean(axis=0), rtol=0.05)
    errors = model.standard_errors(x)
    fitted = model.shapes_, model.rates_
    for value, true, error in zip(fitted, TRUE[1:], errors[1:], strict=True):
        assert np.all(np.abs(value[order] - true) < 4 * error[order])


def test_a_hidden_markov_model_of_gammas_is_the_plain_recursion():
    stays = np.array([[0.9, 0.1], [0.2, 0.8]])
    true = HMMParams(np.array([0.5, 0.5]), stays, TRUE[1:])
    x, _ = hmm.sample(true, 200, np.random.default_rng(1), GAMMA)
    log_b = by_scipy((np.ones(2), *TRUE[1:]), x)
    statistics, log_likelihood = hmm.e_step(true, x, GAMMA)
    expected = plain(true.startprob, stays, log_b)
    np.testing.assert_allclose(log_likelihood, expected.log_likelihood, rtol=1e-10)
    np.testing.assert_allclose(statistics.transitions, expected.transitions, rtol=1e-8)
    sums = expected.responsibilities.T @ np.log(x)
    np.testing.assert_allclose(statistics.emissions.sum_more, sums, rtol=1e-8)
    steps = partial(hmm.e_step, family=GAMMA), partial(hmm.m_step, family=GAMMA)
    result = em(*steps, true, x, nudge=partial(hmm.nudge, family=GAMMA), max_iter=400)
    assert result.confirmed
    assert np.all(np.diff(result.trace.objective) > -1e-8)


def test_an_estimator_of_chains_of_gammas_finds_them_and_scores_as_the_plain_recursion():
    stays = np.array([[0.9, 0.1], [0.2, 0.8]])
    true = HMMParams(np.array([1.0, 0.0]), stays, TRUE[1:])
    x, _ = hmm.sample(true, 2000, np.random.default_rng(1), GAMMA)
    model = HMM(2, family=GAMMA, random_state=0).fit(x)
    assert model.result_.confirmed
    order = np.argsort(model.shapes_[:, 0])
    np.testing.assert_allclose(model.shapes_[order], TRUE[1], rtol=0.15)
    np.testing.assert_allclose(model.rates_[order], TRUE[2], rtol=0.15)
    np.testing.assert_allclose(model.transmat_[order][:, order], stays, atol=0.04)
    log_b = by_scipy((np.ones(2), model.shapes_, model.rates_), x)
    expected = plain(model.startprob_, model.transmat_, log_b).log_likelihood
    assert model.score(x) == pytest.approx(expected, rel=1e-10)
    # One start, two steps, and two shapes and two rates in each state.
    free = np.count_nonzero(model.result_.trace.params[0].startprob) - 1 + 2 + 8
    assert model.bic(x) == pytest.approx(free * np.log(2000) - 2 * model.score(x))
    drawn, z = model.sample(20_000)
    means = model.shapes_ / model.rates_
    np.testing.assert_allclose([drawn[z == k].mean(axis=0) for k in (0, 1)], means, rtol=0.1)


def test_what_states_emit_can_be_held_and_started_under_the_familys_names():
    heads = np.array([4, 5, 4, 6, 5, 8, 9, 8, 9, 9, 8, 4, 5, 5, 4])[:, None]
    start = (np.array([[0.5], [0.9]]),)
    model = HMM(2, family=Binomial(10), components_init=start, hold="probabilities").fit(heads)
    np.testing.assert_array_equal(model.probabilities_, start[0])
    log_b = stats.binom(10, start[0][:, 0]).logpmf(heads)
    expected = plain(model.startprob_, model.transmat_, log_b).log_likelihood
    assert model.score(heads) == pytest.approx(expected, rel=1e-10)
    with pytest.raises(ValueError, match=r"hold must be some of \['startprob', 'transmat', 'prob"):
        HMM(2, family=Binomial(10), hold="means").fit(heads)
    # Another family is what is fitted next; what was fitted stays as it is.
    assert model.set_params(family=Poisson(), hold=()).score(heads) == pytest.approx(expected)
    assert model.set_params(components_init=None).fit(heads).rates_.shape == (2, 1)


def test_a_chain_of_symbols_is_that_of_its_own_estimator():
    table = np.array([[0.8, 0.1, 0.1], [0.1, 0.2, 0.7]])
    true = HMMParams(np.array([1.0, 0.0]), np.array([[0.9, 0.1], [0.2, 0.8]]), (table,))
    symbols, _ = hmm.sample(true, 500, np.random.default_rng(0), Symbols(3))
    own = CategoricalHMM(2, emissionprob_init=table, random_state=0).fit(symbols)
    model = HMM(2, family=Symbols(3), components_init=(table,), random_state=0).fit(symbols)
    assert model.score(symbols) == pytest.approx(own.score(symbols), rel=1e-12)
    np.testing.assert_array_equal(model.predict(symbols), own.predict(symbols))
    assert model.bic(symbols) == pytest.approx(own.bic(symbols))


@pytest.mark.parametrize(
    ("family", "draw"),
    [
        (GAMMA, lambda rng: rng.gamma([2.0] * 300 + [30.0] * 200)),
        (Poisson(), lambda rng: rng.poisson([2.0] * 300 + [15.0] * 200)),
        (Binomial(20), lambda rng: rng.binomial(20, [0.2] * 300 + [0.7] * 200)),
    ],
    ids=["gamma", "poisson", "binomial"],
)
def test_standard_errors_are_those_of_the_numerical_hessian(family, draw):
    x = draw(np.random.default_rng(0)).astype(float)[:, None]
    r = np.eye(2)[np.repeat([0, 1], [300, 200])]
    params = mixture.m_step(mixture.statistics(r, x, family), family)
    for _ in range(300):
        params = mixture.m_step(mixture.e_step(params, x, family)[0], family)

    def height(v):
        components = tuple(part.reshape(2, 1) for part in np.split(v[1:], len(params) - 1))
        return mixture.log_density((np.array([v[0], 1 - v[0]]), *components), x, family).sum()

    at = np.concatenate([params[0][:1], *(part.ravel() for part in params[1:])])
    h = 3e-4 * np.maximum(np.abs(at), 0.3)
    expected = np.sqrt(np.diag(np.linalg.inv(-second_derivatives(height, at, h))))
    errors = standard_errors(params, Blocks.of(x, family), family)
    found = np.concatenate([errors[0][:1], *(part.ravel() for part in errors[1:])])
    np.testing.assert_allclose(found, expected, rtol=1e-3)
    assert errors[0][0] == pytest.approx(errors[0][1])


def test_errors_of_one_multinomial_are_the_textbooks():
    p = np.array([0.5, 0.3, 0.2])
    x = np.eye(3)[np.repeat([0, 1, 2], [50, 30, 20])]
    params = np.ones(1), p[None]
    errors = standard_errors(params, Blocks.of(x, Categorical((3,))), Categorical((3,)))
    np.testing.assert_allclose(errors[1][0], np.sqrt(p * (1 - p) / 100), rtol=1e-6)


@given(seeds)
@settings(max_examples=20)
def test_components_that_were_not_visited_stay_as_they_are(seed):
    rng = np.random.default_rng(seed)
    x, visited = rng.poisson(4.0, size=(20, 2)).astype(float), np.array([True, False, True])
    sums = mixture.statistics(rng.dirichlet(np.ones(3), size=20) * visited, x, Poisson())
    before = (rng.uniform(1, 9, (3, 2)),)
    (after,) = Poisson().refit(sums, visited, before)
    np.testing.assert_array_equal(after[1], before[0][1])
    np.testing.assert_allclose(after[visited], (sums.sum_x[visited].T / sums.n[visited]).T)


@pytest.mark.parametrize("kind", FORMS)
def test_gaussians_that_were_not_visited_stay_as_they_are(kind):
    rng, visited, family = np.random.default_rng(0), np.array([True, False, True]), FORMS[kind]()
    x, r = rng.normal(size=(30, 2)), np.insert(rng.dirichlet(np.ones(2), size=30), 1, 0.0, axis=1)
    nines = {"full": [9 * np.eye(2)] * 3, "tied": 9 * np.eye(2), "diag": [[9, 9]] * 3}
    before = rng.normal(size=(3, 2)), np.array(nines.get(kind, [9] * 3), dtype=float)
    means, covariances = family.refit(mixture.statistics(r, x, family), visited, before)
    np.testing.assert_array_equal(means[1], before[0][1])
    own = {k: np.cov(x.T, aweights=r[:, k], bias=True) for k in (0, 2)}
    pooled = sum(r[:, k].sum() * own[k] for k in own) / r.sum()
    for k in own:
        np.testing.assert_allclose(means[k], np.average(x, axis=0, weights=r[:, k]))
        expected = {
            "full": own[k],
            "tied": pooled,
            "diag": own[k].diagonal(),
            "spherical": own[k].diagonal().mean(),
        }
        np.testing.assert_allclose(covariances if family.tied else covariances[k], expected[kind])
    if not family.tied:
        np.testing.assert_array_equal(covariances[1], before[1][1])


def test_a_dead_component_starts_anew_from_all_points():
    sums = Sums(np.array([10.0, 0.0]), np.array([[30.0], [0.0]]), np.empty((2, 0)))
    weights, rates = mixture.m_step(sums, Poisson(), revive=True)
    np.testing.assert_allclose(rates, 3.0)
    assert 0 < weights[1] < 1e-11
    with pytest.raises(DegenerateError, match="component 1 has lost all its points"):
        mixture.m_step(sums, Poisson())


def test_what_a_family_cannot_do_is_said():
    with pytest.raises(ValueError, match="above zero"):
        mixture.e_step(TRUE, [[1.0, 0.0]], GAMMA)
    with pytest.raises(ValueError, match="nor above one"):
        mixture.log_density((np.ones(1), np.array([[1.2]])), [[1.0]], Binomial(2))

    class Silent(Poisson):
        def sample(self, components, z, rng):
            return super(Poisson, self).sample(components, z, rng)

    with pytest.raises(NotImplementedError, match="write its `sample`"):
        mixture.sample((np.ones(1), np.ones((1, 1))), 3, np.random.default_rng(0), Silent())


@pytest.mark.parametrize(
    ("family", "params", "x"),
    [
        (Poisson(), (np.array([0.4, 0.6]), np.array([[1.0], [4.0]])), np.array([[0.0], [3], [5]])),
        (GAMMA, TRUE, gammas(10)[0]),
    ],
    ids=["poisson", "gamma"],
)
def test_statistics_add(family, params, x):
    parts = [mixture.e_step(params, part, family)[0] for part in (x[:1], x[1:])]
    whole = mixture.e_step(params, x, family)[0]
    for total in (sum(parts), parts[0] + parts[1]):
        np.testing.assert_allclose(total.n, whole.n, rtol=1e-12)
        np.testing.assert_allclose(total.sum_x, whole.sum_x, rtol=1e-12)
        np.testing.assert_allclose(total.sum_more, whole.sum_more, rtol=1e-12)


@pytest.mark.parametrize(
    ("family", "d", "free"),
    [
        (Poisson(), 4, 12),
        (Binomial(7), 4, 12),
        (Categorical((2, 4, 3)), 9, 3 * (1 + 3 + 2)),  # each group of probabilities sums to one
        (Symbols(5), 1, 12),
        (GAMMA, 4, 24),
    ],
    ids=["poisson", "binomial", "categorical", "symbols", "gamma"],
)
def test_the_free_parameters_of_three_components(family, d, free):
    assert family.n_parameters(3, d) == free


@pytest.mark.parametrize(
    ("family", "value"), [(Poisson(), -1.0), (Binomial(3), -0.1), (Binomial(3), 1.1)]
)
def test_parameters_out_of_range_have_no_density(family, value):
    with pytest.raises(DegenerateError, match="must not be negative, nor above one"):
        family.natural((np.array([[value]]),))


@pytest.mark.parametrize("family", [Poisson(), Binomial(9), Categorical((2,)), Symbols(2)])
def test_counts_are_drawn_as_whole_numbers(family):
    # So that they can be an index, as symbols are of their names.
    parts = (np.full((3, 2), 0.5),)
    draws = family.sample(parts, np.repeat(np.arange(3), 20), np.random.default_rng(0))
    assert np.issubdtype(draws.dtype, np.integer)
    np.testing.assert_array_equal(np.arange(10)[draws], draws)


def test_symbols_are_drawn_with_their_probabilities():
    p, n = np.array([[0.1, 0.2, 0.3, 0.4], [0.5, 0.0, 0.25, 0.25]]), 40_000
    z = np.repeat([0, 1], n)
    x = Symbols(4).sample((p,), z, np.random.default_rng(0))[:, 0].astype(int)
    shares = np.stack([np.bincount(x[z == k], minlength=4) for k in range(2)]) / n
    assert np.all(np.abs(shares - p) <= 4.5 * np.sqrt(p * (1 - p) / n))


def test_an_e_step_leaves_what_a_family_returns_as_it_was():
    class Remembers(Poisson):
        def natural(self, _):
            return kept

    params = (np.array([0.4, 0.6]), np.array([[1.0], [4.0]]))
    kept = Poisson().natural(params[1:])
    before = kept.copy()
    mixture.e_step(params, np.array([[0.0], [3.0]]), Remembers())
    np.testing.assert_array_equal(kept, before)


def log_factorial(n):
    """By Stirling's series, of a Decimal so large that the next term is below 1e-60."""
    pi = Decimal("3.14159265358979323846264338327950288419716939937510582097494")
    return n * n.ln() - n + (2 * pi * n).ln() / 2 + 1 / (12 * n) - 1 / (360 * n**3)


@pytest.mark.parametrize("x", [10**9, 10**12 - 3 * 10**6, 10**12])
def test_large_counts_are_right_to_a_thousandth_of_a_nat_or_refused(x):
    with localcontext() as context:
        context.prec = 60
        rate, count = Decimal(x + 1000), Decimal(x)
        poisson = -rate + count * rate.ln() - log_factorial(count)
        n, half = Decimal(x // 10), Decimal(x // 20)
        binomial = log_factorial(n) - 2 * log_factorial(half) - n * Decimal(2).ln()
    found = mixture.log_density((np.ones(1), np.full((1, 1), float(rate))), [[x]], Poisson())
    np.testing.assert_allclose(found, float(poisson), rtol=0, atol=1e-3)
    coin = np.ones(1), np.full((1, 1), 0.5)
    found = mixture.log_density(coin, [[x // 20]], Binomial(x // 10))
    np.testing.assert_allclose(found, float(binomial), rtol=0, atol=1e-3)
    for family in (Poisson(), Categorical((1,))):
        with pytest.raises(ValueError, match=r"too large for a float's digits, found 1e\+14"):
            family.check_data([[1.0], [1e14]])
    with pytest.raises(ValueError, match=r"trials must not be above 1e\+11"):
        Binomial(10**12)


class Rayleigh(Family):
    """Independent Rayleigh variables; the components are scales of shape (K, D)."""

    parameters = {"scales": "KD"}

    def natural(self, components):
        (scales,) = components
        return np.column_stack([-2 * np.log(scales).sum(axis=1), 0 * scales, -0.5 / scales**2])

    def n_more(self, d):
        return d

    def fill(self, x, out):
        np.square(x, out=out)

    def log_base(self, x):
        return np.log(x).sum(axis=0)

    def mle(self, statistics):
        return (np.sqrt(statistics.sum_more / (2 * statistics.n[:, None])),)


def returns_squares(_, x, __):
    return x**2


def writes_over_x(_, x, out):
    x **= 2
    out[:] = x


def cannot_square(*_):
    raise ValueError("no squares today")


def no_tuple(self, statistics):
    return Rayleigh.mle(self, statistics)[0]


def too_flat(self, statistics):
    return (Rayleigh.mle(self, statistics)[0][:, 0],)


@pytest.mark.parametrize("estimator", [Mixture, HMM])
@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        ({"fill": returns_squares}, "fill must write what n_more announces"),
        ({"fill": lambda self, x, out: None}, "fill must write what n_more announces"),
        ({"fill": writes_over_x}, "fill must leave x as it is"),
        ({"fill": cannot_square}, "no squares today"),
        ({"n_more": 1}, "n_more must be a method"),
        ({"log_base": lambda self, x: -2.0}, "log_base must return"),
        ({"log_base": lambda self, x: np.log(x)}, "log_base must return"),
        ({"mle": no_tuple}, "mle must return a tuple"),
        ({"mle": too_flat}, "mle must return a tuple"),
        ({"natural": lambda self, c: [[1.0]]}, "natural must return an array"),
        ({"natural": lambda self, c: Rayleigh.natural(self, c)[:, 1:]}, "natural must return"),
        ({"natural": lambda self, c: Rayleigh.natural(self, c).T}, "natural must return"),
        ({"parameters": ["scales"]}, "must be a dict"),
        ({"parameters": {"n_iter": "KD"}}, "may not be named 'n_iter'"),
        ({"parameters": {"transmat": "KD"}}, "may not be named 'transmat'"),
    ],
)
def test_what_is_wrong_in_a_family_is_named_before_it_is_fitted(mistake, message, estimator):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.rayleigh(1, 100), rng.rayleigh(8, 100)])[:, None]
    with pytest.raises(ValueError, match=message):
        estimator(2, family=type("Wrong", (Rayleigh,), mistake)(), random_state=0).fit(x)
    returns_out = {"fill": lambda _, x, out: np.square(x, out=out)}  # is right, too
    right = estimator(2, family=type("Right", (Rayleigh,), returns_out)(), random_state=0).fit(x)
    np.testing.assert_allclose(np.sort(right.scales_[:, 0]), [1, 8], rtol=0.2)


class OneVariance(Family):
    """Gaussians in one dimension that share their variance: x squared is a feature for all."""

    parameters = {"means": "KD", "variance": "D"}

    def shared(self, x):
        return x**2

    def statistics(self, sums, shared, d):  # noqa: ARG002
        return Sums(sums[:, 0], sums[:, 1:], np.full((len(sums), 1), shared[0]))

    def mle(self, statistics):
        means, n = statistics.mean_x(), statistics.n
        squares = statistics.sum_more[0] - (n[:, None] * means**2).sum(axis=0)
        return means, squares / n.sum()

    def natural(self, components):
        means, variance = components
        ones = np.ones_like(means)
        constant = -0.5 * (means**2 / variance + np.log(2 * np.pi * variance))
        return np.concatenate([constant, means / variance, -0.5 * ones / variance], axis=1)


def test_a_family_with_shared_features_is_tried_with_their_sums():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=100), rng.normal(size=100) + 5])[:, None]
    model = Mixture(2, family=OneVariance(), random_state=0).fit(x)
    tied = GaussianMixture(2, covariance_type="tied", random_state=0).fit(x)
    np.testing.assert_allclose(
        np.sort(model.means_, axis=0), np.sort(tied.means_, axis=0), rtol=1e-4
    )

    class WithoutSquares(OneVariance):
        def natural(self, components):
            return super().natural(components)[:, :2]

    with pytest.raises(ValueError, match="natural must return an array, of shape"):
        Mixture(2, family=WithoutSquares(), random_state=0).fit(x)


class Shares(Family):
    """One categorical feature, as somebody outside the library would write it."""

    parameters = {"shares": "KD"}

    def natural(self, components):
        (shares,) = components
        return np.column_stack([np.zeros(len(shares)), log(shares)])

    def mle(self, statistics):
        shares = statistics.mean_x()
        return (shares / shares.sum(axis=1, keepdims=True),)  # of nudged sums, too


class LiftedShares(Shares):
    lifted = Counts.lifted


def test_the_advice_of_the_documentation_moves_a_start_off_zero():
    x = np.eye(3)[[0] * 40 + [1] * 30 + [2] * 30]  # k-means parts the first from the others
    starts = [
        Mixture(2, family=family, random_state=0, max_iter=2).fit(x).result_.trace.params[0]
        for family in (Shares(), LiftedShares())
    ]
    assert [bool((shares == 0).any()) for _, shares in starts] == [True, False]
    np.testing.assert_allclose(starts[1][1].sum(axis=1), 1.0)
    assert "lifted = Counts.lifted" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf8")
