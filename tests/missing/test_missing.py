"""The Gaussian with holes: Murray's points, a loop over rows, and oracles that know no EM."""

import math
import pickle
import tracemalloc
import warnings
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import approx_fprime, minimize
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from emlib import DegenerateError, DegenerateWarning, GaussianImputer, StopReason, em, missing
from emlib.datasets import load_murray
from emlib.gaussian import Gaussian, GaussianStatistics
from emlib.missing import Patterns, conditionals
from emlib.missing import patterns as patterns_module

seeds = st.integers(0, 2**32 - 1)
NAN = np.nan


def problem(seed, n=60, d=3, share=0.25):
    """A table with holes at random, and parameters that are not its fit."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(d, d)) + 2 * np.eye(d)
    x = rng.normal(size=(n, d)) @ root.T + 3 * rng.normal(size=d)
    x[rng.random(x.shape) < share] = NAN
    x[:2] = rng.normal(size=(2, d))  # no feature without two values
    other = rng.normal(size=(d, d)) + 2 * np.eye(d)
    return x, Gaussian(rng.normal(size=d), other @ other.T)


def e_step_by_rows(params, x):
    """The E-step of the textbooks: one row after the other."""
    mean, covariance = params.mean, params.covariance
    d = len(mean)
    total_x, total_xx, log_likelihood = np.zeros(d), np.zeros((d, d)), 0.0
    for row in x:
        o, m = np.flatnonzero(~np.isnan(row)), np.flatnonzero(np.isnan(row))
        filled, left = row.copy(), np.zeros((d, d))
        b = np.linalg.solve(covariance[np.ix_(o, o)], covariance[np.ix_(o, m)]).T
        filled[m] = mean[m] + b @ (row[o] - mean[o])
        left[np.ix_(m, m)] = covariance[np.ix_(m, m)] - b @ covariance[np.ix_(o, m)]
        total_x += filled
        total_xx += np.outer(filled, filled) + left
        block, r = covariance[np.ix_(o, o)], row[o] - mean[o]
        squares = r @ np.linalg.solve(block, r)
        log_likelihood -= 0.5 * (np.linalg.slogdet(2 * np.pi * block)[1] + squares)
    return total_x, total_xx, log_likelihood


def log_likelihood_by_rows(params, x):
    return e_step_by_rows(params, x)[2]


def steps(params, x, n):
    patterns = Patterns.of(x)
    for _ in range(n):
        params = missing.m_step(missing.e_step(params, patterns)[0])
    return params


def to_vector(params):
    """(mu, s11, s12, s22, ...) of a Gaussian."""
    return np.concatenate([params.mean, params.covariance[np.triu_indices(len(params.mean))]])


def from_vector(vector, d):
    upper = np.zeros((d, d))
    upper[np.triu_indices(d)] = vector[d:]
    return Gaussian(vector[:d], upper + np.triu(upper, 1).T)


# --- Murray's twelve points


@pytest.fixture
def murray():
    return load_murray().values


def start(rho):
    return Gaussian(np.array([0.3, -0.2]), np.array([[1.0, rho], [rho, 2.0]]))


def test_murrays_points_are_the_published_ones(murray):
    assert murray.shape == (12, 2)
    complete = murray[~np.isnan(murray).any(axis=1)]
    assert sorted(map(tuple, complete)) == [(-1, -1), (-1, 1), (1, -1), (1, 1)]
    for column in (0, 1):
        alone = murray[np.isnan(murray[:, 1 - column]), column]
        assert sorted(alone) == [-2, -2, 2, 2]


@pytest.mark.parametrize("sign", [1, -1])
def test_murrays_two_maxima(murray, sign):
    # Murray (1977): variances 8/3, correlation plus or minus a half.
    top = steps(start(0.1 * sign), murray, 400)
    np.testing.assert_allclose(top.mean, 0, atol=1e-8)
    np.testing.assert_allclose(np.diag(top.covariance), 8 / 3, rtol=0, atol=1e-8)
    rho = top.covariance[0, 1] / top.covariance[0, 0]
    np.testing.assert_allclose(rho, sign / 2, rtol=0, atol=1e-8)
    height = missing.e_step(top, murray)[1]
    np.testing.assert_allclose(height, -29.974286410464998, rtol=0, atol=1e-8)


def test_murrays_saddle_holds_every_start_without_correlation(murray):
    for variances in ([1.0, 1.0], [0.2, 7.0]):
        begin = Gaussian(np.zeros(2), np.diag(variances))
        saddle = steps(begin, murray, 200)
        np.testing.assert_allclose(saddle.covariance, 2.5 * np.eye(2), rtol=0, atol=1e-6)
        height = missing.e_step(saddle, murray)[1]
        np.testing.assert_allclose(height, -30.033342386267996, rtol=0, atol=1e-8)


TOP = Gaussian(np.zeros(2), np.array([[8, 4], [4, 8]]) / 3)
SADDLE = Gaussian(np.zeros(2), 2.5 * np.eye(2))
RATES = [0.8837959392836537, 0.5, 0.5, 0.28287072754608755, 1 / 6]


@pytest.mark.parametrize(
    ("point", "rates"), [(TOP, RATES), (SADDLE, [16 / 15, 1 / 3, 1 / 3, 1 / 3, 1 / 3])]
)
def test_murrays_rates_of_convergence(murray, point, rates):
    def em_map(vector):
        return to_vector(steps(from_vector(vector, 2), murray, 1))

    at, h = to_vector(point), 1e-5
    columns = [(em_map(at + h * e) - em_map(at - h * e)) / (2 * h) for e in np.eye(5)]
    found = np.sort(np.linalg.eigvals(np.array(columns).T).real)[::-1]
    np.testing.assert_allclose(found, rates, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("point", "curvatures"),
    [
        (TOP, [-4.5, -2.5, -1.125, -0.5625, -0.1875]),
        (SADDLE, [-3.2, -3.2, -0.64, -0.64, 0.128]),
    ],
)
def test_murrays_curvatures(murray, point, curvatures):
    def height(vector):
        return missing.e_step(from_vector(vector, 2), murray)[1]

    at, h = to_vector(point), 1e-3
    slopes = [
        (approx_fprime(at + h * e, height, 1e-6) - approx_fprime(at - h * e, height, 1e-6))
        / (2 * h)
        for e in np.eye(5)
    ]
    found = np.sort(np.linalg.eigvalsh(np.array(slopes)))
    np.testing.assert_allclose(found, np.sort(curvatures), rtol=0, atol=1e-3)


def test_the_loop_leaves_the_saddle_and_confirms_a_maximum(murray):
    natural = Gaussian(np.zeros(2), 3 * np.eye(2))  # as everybody starts: no correlation
    held = em(missing.e_step, missing.m_step, natural, murray, confirm=False)
    assert held.converged
    assert held.params.covariance[0, 1] == 0
    model = GaussianImputer(tol=1e-12).fit(murray)
    assert model.result_.confirmed
    assert model.result_.trace.nudged_at
    rho = model.covariance_[0, 1] / model.covariance_[0, 0]
    np.testing.assert_allclose(abs(rho), 0.5, atol=1e-4)
    np.testing.assert_allclose(model.result_.objective, -29.974286410464998, atol=1e-6)


# --- The steps


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_e_step_is_that_of_a_loop_over_rows(seed):
    x, params = problem(seed)
    x[5] = NAN  # of this row nothing was seen
    statistics, log_likelihood = missing.e_step(params, x)
    there = statistics.about(0.0)
    sum_x, sum_xx, by_rows = e_step_by_rows(params, x)
    # Two ways of solving with a covariance round apart in proportion to its condition.
    rtol = 1e-14 * max(1e4, np.linalg.cond(params.covariance))
    scale = np.abs(sum_xx).max()
    np.testing.assert_allclose(there.sum_x, sum_x, rtol=rtol, atol=rtol * scale)
    np.testing.assert_allclose(there.sum_xx, sum_xx, rtol=rtol, atol=rtol * scale)
    np.testing.assert_allclose(log_likelihood, by_rows, rtol=rtol)
    assert statistics.n == len(x)


def test_e_step_of_many_patterns_is_that_of_a_loop_over_rows():
    x, params = problem(0, n=1500, d=10, share=0.2)
    patterns = Patterns.of(x)
    assert len(patterns.n) > 300
    statistics, log_likelihood = missing.e_step(params, patterns)
    sum_x, sum_xx, by_rows = e_step_by_rows(params, x)
    there = statistics.about(0.0)
    np.testing.assert_allclose(there.sum_x, sum_x, rtol=1e-10)
    np.testing.assert_allclose(there.sum_xx, sum_xx, rtol=1e-10, atol=1e-10 * sum_xx.max())
    np.testing.assert_allclose(log_likelihood, by_rows, rtol=1e-10)


def test_expectations_are_those_of_numerical_integration():
    # Both holes of a row, integrated out on a grid: no formula for conditionals is used.
    rng = np.random.default_rng(1)
    root = rng.normal(size=(3, 3)) + np.eye(3)
    params = Gaussian(rng.normal(size=3), root @ root.T)
    side = np.linspace(-30, 30, 601)
    a, b = (g.ravel() for g in np.meshgrid(side, side))
    points = np.column_stack([a, np.full_like(a, 1.7), b])
    density = multivariate_normal(params.mean, params.covariance).pdf(points)
    area = density.sum()
    statistics, log_likelihood = missing.e_step(params, [[NAN, 1.7, NAN]])
    statistics = statistics.about(0.0)
    np.testing.assert_allclose(log_likelihood, np.log(area * (side[1] - side[0]) ** 2), atol=1e-9)
    np.testing.assert_allclose(statistics.sum_x, density @ points / area, atol=1e-9)
    squares = (density[:, None] * points).T @ points / area
    np.testing.assert_allclose(statistics.sum_xx, squares, atol=1e-8)


def test_complete_data_need_one_step_and_give_the_closed_form():
    x = load_iris().data
    once = steps(Gaussian(np.zeros(4), np.eye(4)), x, 1)
    np.testing.assert_allclose(once.mean, x.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(once.covariance, np.cov(x.T, ddof=0), rtol=1e-11, atol=1e-14)
    model = GaussianImputer().fit(x)
    np.testing.assert_allclose(model.mean_, x.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(model.covariance_, np.cov(x.T, ddof=0), rtol=1e-11, atol=1e-14)
    np.testing.assert_array_equal(model.transform(x), x)


@given(seeds, st.floats(0.05, 0.6))
@settings(max_examples=25, deadline=None)
def test_the_likelihood_never_falls(seed, share):
    x, params = problem(seed, n=30, share=share)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)
        result = em(missing.e_step, missing.m_step, params, x, max_iter=40, confirm=False)
    assert result.stop is not StopReason.OBJECTIVE_FELL
    by_rows = [log_likelihood_by_rows(p, x) for p in result.trace.params[:8]]
    assert np.all(np.diff(by_rows) > -1e-9)


@given(seeds)
@settings(max_examples=10, deadline=None)
def test_at_the_fit_the_slope_of_the_observed_log_likelihood_vanishes(seed):
    x, _ = problem(seed, n=50)
    model = GaussianImputer(tol=1e-13).fit(x)
    at = to_vector(Gaussian(model.mean_, model.covariance_))

    def height(vector):
        return log_likelihood_by_rows(from_vector(vector, 3), x)

    steps_of = 1e-5 * np.eye(len(at))
    slope = [(height(at + h) - height(at - h)) / 2e-5 for h in steps_of]
    np.testing.assert_allclose(slope, 0, atol=1e-3)


def test_fit_is_the_maximum_of_an_independent_optimiser():
    x, _ = problem(3, n=40, d=2)

    def loss(vector):
        root = np.array([[np.exp(vector[2]), 0], [vector[3], np.exp(vector[4])]])
        return -log_likelihood_by_rows(Gaussian(vector[:2], root @ root.T), x)

    sds = np.log(np.nanstd(x, axis=0))
    begin = np.array([*np.nanmean(x, axis=0), sds[0], 0.1, sds[1]])
    found = minimize(loss, begin, method="BFGS", options={"gtol": 1e-4})
    model = GaussianImputer(tol=1e-12).fit(x)
    np.testing.assert_allclose(model.result_.objective, -found.fun, atol=1e-5)
    np.testing.assert_allclose(model.mean_, found.x[:2], atol=2e-3)


def test_chunks_add():
    x, params = problem(5)
    whole, log_likelihood = missing.e_step(params, x)
    first, one = missing.e_step(params, x[:20])
    second, two = missing.e_step(params, x[20:])
    np.testing.assert_allclose((first + second).sum_xx, whole.sum_xx, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(one + two, log_likelihood, rtol=1e-12)
    chunks = [Patterns.of(x[:20]), Patterns.of(x[20:])]
    mapped = em(missing.e_step, missing.m_step, params, chunks, map=map, confirm=False)
    plain = em(missing.e_step, missing.m_step, params, x, confirm=False)
    np.testing.assert_allclose(mapped.params.covariance, plain.params.covariance, rtol=1e-8)


@pytest.fixture(params=[0.0, np.inf], ids=["FewHoles", "FewSeen"])
def one_way(request, monkeypatch):
    """One of the two ways to the holes, whatever it costs."""
    monkeypatch.setattr(conditionals, "COST_OF_A_HOLE", request.param)


@pytest.mark.usefixtures("one_way")
@pytest.mark.parametrize("seed", range(12))
def test_both_ways_give_what_each_row_alone_gives(seed):
    rng = np.random.default_rng(seed)
    x, params = problem(seed, n=80, d=int(rng.integers(1, 13)), share=rng.uniform(0.02, 0.9))
    x[7] = NAN
    sum_x, sum_xx, _ = e_step_by_rows(params, x)
    by_rows = [log_density_of_row(params, row) for row in x]
    statistics, log_likelihood = missing.e_step(params, x)
    there, rtol = statistics.about(0.0), 1e-14 * max(1e4, np.linalg.cond(params.covariance))
    scale = np.abs(sum_xx).max()
    np.testing.assert_allclose(there.sum_x, sum_x, rtol=rtol, atol=rtol * scale)
    np.testing.assert_allclose(there.sum_xx, sum_xx, rtol=rtol, atol=rtol * scale)
    np.testing.assert_allclose(log_likelihood, sum(by_rows), rtol=rtol)
    np.testing.assert_allclose(missing.log_density(params, x), by_rows, rtol=rtol, atol=rtol)
    filled = [e_step_by_rows(params, row[None])[0] for row in x]
    np.testing.assert_allclose(missing.impute(params, x), filled, rtol=rtol, atol=rtol * scale)


def log_density_of_row(params, row):
    """SciPy's, of what was seen."""
    o = np.flatnonzero(~np.isnan(row))
    if not len(o):
        return 0.0
    seen = multivariate_normal(params.mean[o], params.covariance[np.ix_(o, o)])
    return seen.logpdf(row[o])


@pytest.mark.usefixtures("one_way")
@pytest.mark.parametrize("kind", ["spectrum", "twins"])
def test_both_ways_keep_their_digits_in_an_ill_conditioned_covariance(kind):
    rng, d = np.random.default_rng(0), 8
    if kind == "spectrum":
        q = np.linalg.qr(rng.normal(size=(d, d)))[0]
        covariance = (q * 10.0 ** np.linspace(0, -8, d)) @ q.T
    else:  # every feature has a twin, which is the same but for a ten-thousandth
        root = rng.normal(size=(d // 2, d // 2))
        half = root @ root.T + np.eye(d // 2)
        covariance = np.block([[half, half], [half, half + 1e-8 * np.eye(d // 2)]])
    covariance = (covariance + covariance.T) / 2
    assert np.linalg.cond(covariance) > 0.9e8
    x = rng.standard_normal((15, d)) @ np.linalg.cholesky(covariance).T
    x[rng.random(x.shape) < 0.3] = NAN
    sum_xx, log_likelihood = e_step_without_rounding(covariance, x)
    statistics, found = missing.e_step(Gaussian(np.zeros(d), covariance), x)
    sizes = np.sqrt(np.outer(sum_xx.diagonal(), sum_xx.diagonal()))
    np.testing.assert_allclose(statistics.sum_xx / sizes, sum_xx / sizes, rtol=0, atol=1e-11)
    np.testing.assert_allclose(found, log_likelihood, rtol=1e-8)


def e_step_without_rounding(covariance, x):
    """Sums of x x' and the log-likelihood of rows of mean zero, in fractions."""
    sigma = [[Fraction(value) for value in row] for row in covariance.tolist()]
    d, log_likelihood = len(sigma), 0.0
    total = [[Fraction(0)] * d for _ in range(d)]
    for row in x:
        o, m = np.flatnonzero(~np.isnan(row)).tolist(), np.flatnonzero(np.isnan(row)).tolist()
        filled = [Fraction(0 if np.isnan(value) else value) for value in row.tolist()]
        # Gauss and Jordan turn (S_oo, S_om, x_o) into (1, S_oo^-1 S_om, S_oo^-1 x_o).
        rows = [[sigma[i][j] for j in o + m] + [filled[i]] for i in o]
        determinant = Fraction(1)
        for i, pivot in enumerate(rows):
            determinant *= pivot[i]
            pivot[:] = [value / pivot[i] for value in pivot]
            for other in rows:
                if other is not pivot:
                    other[:] = [a - other[i] * b for a, b in zip(other, pivot, strict=True)]
        squares = sum(filled[i] * solved[-1] for i, solved in zip(o, rows, strict=True))
        logs = math.log(determinant.numerator) - math.log(determinant.denominator)
        log_likelihood -= 0.5 * (len(o) * math.log(2 * math.pi) + logs + float(squares))
        for a in m:
            filled[a] = sum(sigma[a][i] * solved[-1] for i, solved in zip(o, rows, strict=True))
            for c, b in enumerate(m, start=len(o)):
                known = sum(sigma[a][i] * solved[c] for i, solved in zip(o, rows, strict=True))
                total[a][b] += sigma[a][b] - known
        total = [[total[i][j] + filled[i] * filled[j] for j in range(d)] for i in range(d)]
    return np.array(total, dtype=float), log_likelihood


def test_a_few_rows_stand_for_many_of_one_pattern():
    x, _ = problem(24, n=5000, d=4)
    patterns = Patterns.of(x)
    assert sum((block.weights != 0).sum() for block in patterns.blocks) < 16 * 5
    rows = np.concatenate([block.x.reshape(-1, 4) for block in patterns.blocks])
    weights = np.concatenate([block.weights.ravel() for block in patterns.blocks])
    r = np.where(np.isnan(x), 0.0, x - patterns.origin)
    np.testing.assert_allclose(rows.T @ rows, r.T @ r, rtol=1e-11, atol=1e-9)
    np.testing.assert_allclose(weights @ rows, r.sum(axis=0), atol=1e-9)
    np.testing.assert_allclose(weights @ weights, len(x))


def test_memory_is_that_of_the_table_however_many_patterns():
    d = 60
    x, params = problem(25, n=3000, d=d, share=0.2)
    tracemalloc.start()
    patterns = Patterns.of(x)
    missing.e_step(params, patterns)
    missing.log_density(params, x)
    missing.impute(params, x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(patterns.n) > 2900
    assert peak < 10 * x.nbytes  # a matrix for each pattern would be 60 times the table


def test_small_blocks_give_the_same_as_one(monkeypatch):
    x, params = problem(6, d=5)
    whole = missing.e_step(params, x)
    log_densities, filled = missing.log_density(params, x), missing.impute(params, x)
    monkeypatch.setattr(patterns_module, "BLOCK", 60)
    parts = missing.e_step(params, x)
    np.testing.assert_allclose(parts[0].sum_xx, whole[0].sum_xx, rtol=1e-12)
    np.testing.assert_allclose(parts[1], whole[1], rtol=1e-12)
    np.testing.assert_allclose(missing.log_density(params, x), log_densities, rtol=1e-12)
    np.testing.assert_allclose(missing.impute(params, x), filled, rtol=1e-12)


def test_log_density_of_rows_sums_to_the_log_likelihood():
    x, params = problem(7)
    rows = missing.log_density(params, x)
    by_rows = [log_likelihood_by_rows(params, row[None]) for row in x]
    np.testing.assert_allclose(rows, by_rows, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(rows.sum(), missing.e_step(params, x)[1], rtol=1e-12)


def test_imputed_values_are_regressions_on_what_was_seen():
    x = load_iris().data
    model = GaussianImputer().fit(x)
    line = LinearRegression().fit(x[:, [0, 2]], x[:, [1, 3]])
    holes = x.copy()
    holes[:, [1, 3]] = NAN
    filled = model.transform(holes)
    np.testing.assert_allclose(filled[:, [1, 3]], line.predict(x[:, [0, 2]]), rtol=1e-9)
    np.testing.assert_array_equal(filled[:, [0, 2]], x[:, [0, 2]])


def test_draws_have_the_conditional_mean_and_covariance():
    _, params = problem(8)
    row = np.array([NAN, 1.0, NAN])
    draws = missing.draw(params, np.tile(row, (200_000, 1)), np.random.default_rng(0))
    statistics = missing.e_step(params, row[None])[0].about(0.0)
    spread = statistics.sum_xx - np.outer(statistics.sum_x, statistics.sum_x)
    scale = np.sqrt(np.diag(params.covariance)).max()
    np.testing.assert_allclose(draws.mean(axis=0), statistics.sum_x, atol=0.01 * scale)
    np.testing.assert_allclose(np.cov(draws.T), spread, atol=0.02 * scale**2)
    assert np.all(draws[:, 1] == 1.0)


def test_a_nudge_moves_mean_and_correlation():
    x, params = problem(9)
    statistics = missing.e_step(params, x)[0]
    before = missing.m_step(statistics)
    after = missing.m_step(missing.nudge(statistics, np.random.default_rng(0), 0.1))
    moved = np.abs(after.mean - before.mean) / np.sqrt(np.diag(before.covariance))
    assert np.all((moved > 1e-4) & (moved < 1))
    assert np.abs(after.covariance / before.covariance - 1).max() > 1e-2
    np.testing.assert_array_equal(after.covariance, after.covariance.T)


def test_covariances_of_expected_statistics_are_symmetric():
    x, params = problem(10, d=6)
    sums = missing.e_step(params, x)[0].sum_xx
    np.testing.assert_array_equal(sums, sums.T)


def test_parameters_must_fit_the_data():
    with pytest.raises(ValueError, match="data with 2 features need"):
        missing.e_step(Gaussian(np.zeros(3), np.eye(3)), [[1.0, NAN]])
    with pytest.raises(ValueError, match="data with 2 features need"):
        missing.impute(Gaussian(np.zeros(2), np.eye(3)), [[1.0, NAN]])


TWO = [[1.0, 2.0], [2.0, NAN], [NAN, 1.0], [3.0, 5.0]]


@pytest.mark.parametrize(
    "step",
    [
        missing.e_step,
        missing.impute,
        missing.log_density,
        lambda params, x: missing.draw(params, x, np.random.default_rng(0)),
    ],
)
@pytest.mark.parametrize(
    ("params", "said"),
    [
        (Gaussian(np.array([NAN, 0.0]), np.eye(2)), "finite"),
        (Gaussian(np.array([np.inf, 0.0]), np.eye(2)), "finite"),
        (Gaussian(np.zeros(2), np.full((2, 2), NAN)), "finite"),
        (Gaussian(np.zeros(2), np.diag([1.0, np.inf])), "finite"),
        (Gaussian(np.array([1e200, 0.0]), np.eye(2)), "Rescale"),
        (Gaussian(np.zeros(2), 1e-300 * np.eye(2)), "Rescale"),
        (Gaussian(np.zeros(2), np.array([[1.0, 0.5], [0.0, 1.0]])), "symmetric"),
        (Gaussian(np.zeros(2), -np.eye(2)), "not positive definite"),
        (Gaussian(np.zeros(2), np.ones((2, 2))), "not positive definite"),
        (Gaussian(np.zeros(0), np.zeros((0, 0))), "data with 2 features need"),
        (Gaussian(np.array(0.0), np.array(1.0)), "data with 2 features need"),
        (Gaussian(np.array(["a", "b"]), np.eye(2)), "mean must be real numbers"),
        (Gaussian(np.zeros(2), [[1.0, 0.0], [1.0]]), "covariance must be real numbers"),
        ((np.zeros(2), np.eye(2)), "must be a Gaussian"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(step, params, said):
    with pytest.raises((ValueError, DegenerateError), match=said):
        step(params, TWO)


def test_parameters_may_be_lists():
    plain = missing.impute(Gaussian(np.zeros(2), np.eye(2)), TWO)
    np.testing.assert_array_equal(missing.impute(Gaussian([0, 0], [[1, 0], [0, 1]]), TWO), plain)


@pytest.mark.parametrize(
    "step",
    [missing.m_step, lambda statistics: missing.nudge(statistics, np.random.default_rng(0), 0.1)],
)
@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ({"n": NAN}, "finite"),
        ({"n": 0.0}, "above zero"),
        ({"sum_x": np.array([NAN, 0.0])}, "finite"),
        ({"sum_xx": np.full((2, 2), np.inf)}, "finite"),
        ({"origin": np.array([NAN, 0.0])}, "finite"),
        ({"sum_x": np.zeros(3)}, "shape"),
        ({"sum_xx": np.ones(2), "form": "diag"}, "of form 'full'"),
        ({"sum_xx": np.zeros(2)}, "shape"),
        ({"sum_xx": np.array([[1.0, 2.0], [0.0, 1.0]])}, "symmetric"),
        ({"sum_xx": -np.eye(2)}, "sums of squares"),
        ({"sum_x": "ab"}, "sum_x must be real numbers"),
    ],
)
def test_statistics_that_make_no_sense_are_refused(step, trouble, said):
    sums = {"n": 4.0, "sum_x": np.zeros(2), "sum_xx": 4 * np.eye(2), "origin": np.zeros(2)}
    with pytest.raises(ValueError, match=said):
        step(GaussianStatistics(**(sums | trouble)))
    with pytest.raises(ValueError, match="must be GaussianStatistics"):
        step((4.0, np.zeros(2), np.eye(2)))


def test_floors_sizes_and_generators_that_make_no_sense_are_refused():
    params = Gaussian(np.zeros(2), np.eye(2))
    statistics, rng = missing.e_step(params, TWO)[0], np.random.default_rng(0)
    for value in (NAN, np.inf, -1.0, "a", None):
        with pytest.raises(ValueError, match="floor must be"):
            missing.m_step(statistics, value)
        with pytest.raises(ValueError, match="size must be"):
            missing.nudge(statistics, rng, value)
    for value in (None, 0, "a"):
        with pytest.raises(TypeError, match="rng must be a generator"):
            missing.draw(params, TWO, value)
        with pytest.raises(TypeError, match="rng must be a generator"):
            missing.nudge(statistics, value, 0.1)


def test_where_nothing_was_seen_the_parameters_speak():
    params = Gaussian(np.array([1.0, 2.0]), np.array([[2.0, 0.5], [0.5, 1.0]]))
    for x in (np.full((3, 2), NAN), [[1.0, NAN]] * 3):
        statistics = missing.e_step(params, x)[0]
        assert np.isfinite(statistics.sum_xx).all()
        assert np.isfinite(missing.log_density(params, x)).all()
        np.testing.assert_allclose(missing.impute(params, x), np.tile(params.mean, (3, 1)))


def test_a_density_of_zero_has_the_logarithm_minus_infinity():
    narrow = Gaussian(np.zeros(2), 1e-200 * np.eye(2))
    found = missing.log_density(narrow, [[1e100, NAN], [0.0, 0.0]])
    assert found[0] == -np.inf
    assert np.isfinite(found[1])


def test_a_flat_covariance_is_named():
    with pytest.raises(DegenerateError, match="not positive definite"):
        missing.e_step(Gaussian(np.zeros(2), np.ones((2, 2))), [[1.0, 2.0]])


@pytest.mark.parametrize(
    ("x", "said"),
    [
        ([[np.inf, NAN], [1.0, 2.0]], "infinity"),
        ([1.0, NAN], r"shape \(N, D\)"),
        (np.empty((0, 2)), "empty"),
        (sparse.eye(2), "real and dense"),
        (np.ma.masked_array([[1.0], [2.0]], mask=[[True], [False]]), "real and dense"),
        ([["a", "b"]], "data must be real numbers"),
        ([[1.0, 2.0], [1.0]], "all rows equally long"),
        ([[1e200, NAN]], "Rescale"),
        ([[1j, 2.0]], "real and dense"),
        (None, "real numbers"),
    ],
)
def test_data_of_another_kind_are_refused(x, said):
    with pytest.raises(ValueError, match=said):
        Patterns.of(x)


# --- The estimator


@parametrize_with_checks([GaussianImputer()])
@pytest.mark.filterwarnings("ignore::sklearn.utils.estimator_checks.SkipTestWarning")
# Some checks fit as few points as there are features, and are told so.
@pytest.mark.filterwarnings("ignore::emlib.DegenerateWarning")
def test_follows_the_conventions_of_scikit_learn(estimator, check):
    check(estimator)


@given(
    seeds,
    st.floats(-1e6, 1e6),
    st.lists(st.floats(-9, 9), min_size=3, max_size=3),
)
@settings(max_examples=15, deadline=None)
def test_results_follow_a_change_of_units(seed, shift, powers):
    x, _ = problem(seed)
    scale = 10.0 ** np.array(powers)
    plain, moved = GaussianImputer().fit(x), GaussianImputer().fit((x + shift) * scale)
    digits = 1e-6 + 1e-14 * abs(shift)
    sds = np.sqrt(np.diag(plain.covariance_))
    np.testing.assert_allclose(
        (moved.mean_ / scale - shift - plain.mean_) / sds, 0, atol=digits + 1e-15 * abs(shift)
    )
    ratio = moved.covariance_ / np.outer(scale, scale) / np.outer(sds, sds)
    np.testing.assert_allclose(ratio, plain.covariance_ / np.outer(sds, sds), atol=1e-6)
    seen = (~np.isnan(x)).sum(axis=0)
    change = plain.result_.objective - moved.result_.objective
    np.testing.assert_allclose(change, seen @ np.log(scale), rtol=1e-9, atol=1e-5)


def test_far_data_cost_no_digits():
    x, _ = problem(11)
    near = GaussianImputer().fit(x)
    far = GaussianImputer().fit(x + 1e9)
    np.testing.assert_allclose(far.covariance_, near.covariance_, rtol=1e-5, atol=1e-5)


def test_works_in_a_pipeline_and_keeps_names():
    x, y = load_iris(return_X_y=True, as_frame=True)
    holes = x.mask(np.random.default_rng(0).random(x.shape) < 0.2)
    model = make_pipeline(GaussianImputer().set_output(transform="pandas"), LinearRegression())
    assert model.fit(holes, y).score(holes, y) > 0.85
    filled = model[0].transform(holes)
    assert isinstance(filled, pd.DataFrame)
    assert list(filled.columns) == list(x.columns)
    assert not filled.isna().to_numpy().any()


def test_score_is_the_mean_log_density_and_the_objective_its_sum():
    x, _ = problem(12)
    model = GaussianImputer().fit(x)
    params = Gaussian(model.mean_, model.covariance_)
    np.testing.assert_allclose(model.score(x) * len(x), log_likelihood_by_rows(params, x))
    np.testing.assert_allclose(model.score(x) * len(x), model.result_.objective, rtol=1e-10)
    assert model.score_samples(x).shape == (len(x),)


def test_rows_of_which_nothing_was_seen_change_nothing():
    x, _ = problem(13)
    plain = GaussianImputer().fit(x)
    more = GaussianImputer().fit(np.vstack([x, np.full((40, 3), NAN)]))
    np.testing.assert_array_equal(more.covariance_, plain.covariance_)
    np.testing.assert_allclose(more.transform(np.full((1, 3), NAN))[0], plain.mean_)
    assert more.score_samples(np.full((1, 3), NAN))[0] == 0


def test_the_order_of_rows_does_not_matter():
    x, _ = problem(14)
    model, turned = GaussianImputer().fit(x), GaussianImputer().fit(x[::-1])
    np.testing.assert_allclose(model.covariance_, turned.covariance_, rtol=1e-6)
    np.testing.assert_allclose(model.transform(x)[::-1], model.transform(x[::-1]), rtol=1e-12)


def test_explicit_starts_choose_the_peak(murray):
    for rho in (0.1, -0.1):
        model = GaussianImputer(covariance_init=[[1, rho], [rho, 1]], mean_init=[0.01, 0])
        model.fit(murray)
        assert np.sign(model.covariance_[0, 1]) == np.sign(rho)
        np.testing.assert_allclose(model.covariance_[0, 0], 8 / 3, atol=1e-3)
        begin = model.result_.trace.params[0]
        np.testing.assert_allclose(begin.covariance, [[1, rho], [rho, 1]])
        np.testing.assert_allclose(begin.mean, [0.01, 0], atol=1e-15)


def test_acceleration_ends_where_em_ends_in_fewer_steps():
    x, _ = problem(15, n=80, share=0.6)
    plain = GaussianImputer(tol=1e-10).fit(x)
    fast = GaussianImputer(tol=1e-10, accelerate=True).fit(x)
    np.testing.assert_allclose(fast.result_.objective, plain.result_.objective, atol=1e-6)
    np.testing.assert_allclose(fast.covariance_, plain.covariance_, rtol=1e-2, atol=1e-2)
    assert fast.result_.n_steps < plain.result_.n_steps


def test_draws_repeat_with_their_seed_and_vary_without():
    x, _ = problem(16)
    model = GaussianImputer().fit(x)
    one, two = model.draw(x, random_state=1), model.draw(x, random_state=1)
    np.testing.assert_array_equal(one, two)
    other, seen = model.draw(x, random_state=2), ~np.isnan(x)
    np.testing.assert_array_equal(other[seen], x[seen])
    assert np.all(other[~seen] != one[~seen])


def test_settings_and_fits_survive_cloning_and_pickling():
    x, _ = problem(17)
    model = GaussianImputer(tol=1e-6).fit(x)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.transform(x), model.transform(x))
    assert clone(model).get_params() == model.get_params()
    with pytest.raises(NotFittedError):
        clone(model).transform(x)
    with pytest.raises(NotFittedError):
        clone(model).draw(x)


# --- Trouble


def table(**columns):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 3))
    x[rng.random(x.shape) < 0.2] = NAN
    for i, column in columns.items():
        x[:, int(i[1:])] = column
    return x


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (np.full((5, 2), NAN), "features 0, 1 have no value"),
        (table(_1=NAN), "feature 1 has no value in any row: drop it"),
        (table(_2=[1.0] + 19 * [NAN]), "feature 2 is constant"),
        (table(_0=[7.0] * 20), "feature 0 is constant"),
        (table(_1=[np.inf] * 20), "infinity"),
        (table(_1=[1e200] * 20), "out of a float's range"),
        (table()[:1], "1 sample"),
    ],
)
def test_data_that_cannot_be_fitted_are_refused(x, said):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=said):
            GaussianImputer().fit(x)


def test_a_column_without_values_may_be_filled_later():
    x, _ = problem(18)
    model = GaussianImputer().fit(x)
    holes = x.copy()
    holes[:, 1] = NAN
    assert np.all(np.isfinite(model.transform(holes)))
    with pytest.raises(ValueError, match="infinity"):
        model.transform([[np.inf, 1.0, 2.0]])


def test_collapse_is_named():
    x, _ = problem(19)
    x[:, 2] = 2 * x[:, 0] - x[:, 1]
    with pytest.warns(DegenerateWarning, match="depend linearly"):
        model = GaussianImputer().fit(x)
    assert model.result_.stop is StopReason.DEGENERATE
    assert not model.converged_
    assert np.all(np.isfinite(model.transform(x)))


def test_fewer_rows_than_features_are_named():
    with pytest.warns(DegenerateWarning, match="too few rows"):
        GaussianImputer().fit(np.random.default_rng(0).normal(size=(4, 6)))


def test_features_never_seen_together_are_named():
    x, _ = problem(20, share=0.0)
    x[:30, 0] = NAN
    x[30:, 1] = NAN
    with pytest.warns(DegenerateWarning, match="features 0 and 1 were never seen in the same row"):
        GaussianImputer().fit(x)


def test_many_pairs_never_seen_together_make_a_short_warning():
    x = np.random.default_rng(0).normal(size=(80, 8))
    x[:40, :4] = NAN
    x[40:, 4:] = NAN
    with pytest.warns(DegenerateWarning, match="1 and 4 and 11 other pairs were never seen"):
        GaussianImputer().fit(x)


def test_masked_entries_are_not_read_as_if_they_were_seen():
    x, _ = problem(22)
    values = np.where(np.isnan(x), 1e6, x)
    masked = np.ma.masked_array(values, mask=np.isnan(x))
    with pytest.raises(ValueError, match="mark the holes with NaN"):
        GaussianImputer().fit(masked)
    model = GaussianImputer().fit(masked.filled(NAN))
    np.testing.assert_array_equal(model.covariance_, GaussianImputer().fit(x).covariance_)
    with pytest.raises(ValueError, match="mark the holes with NaN"):
        model.transform(masked)


def test_whole_numbers_and_short_floats_are_read_as_numbers():
    x, _ = problem(23, share=0.0)
    whole = (10 * x).round()
    fitted = GaussianImputer().fit(whole.astype(int))
    np.testing.assert_array_equal(fitted.covariance_, GaussianImputer().fit(whole).covariance_)
    holes = whole.copy()
    holes[3:20, 1] = NAN
    short = GaussianImputer().fit(holes.astype(np.float32))
    np.testing.assert_array_equal(short.covariance_, GaussianImputer().fit(holes).covariance_)
    assert short.transform(holes.astype(np.float32)).dtype == np.float64


def test_too_few_iterations_are_named():
    x, _ = problem(21)
    with pytest.warns(ConvergenceWarning, match="Raise max_iter"):
        model = GaussianImputer(max_iter=2).fit(x)
    assert not model.converged_


def test_no_iteration_at_all_leaves_the_start_as_it_is(murray):
    begin = {"mean_init": [1.0, 2.0], "covariance_init": [[2.0, 1.0], [1.0, 3.0]]}
    with pytest.warns(ConvergenceWarning, match="after 0 iterations"):
        model = GaussianImputer(max_iter=0, **begin).fit(murray)
    np.testing.assert_allclose(model.mean_, begin["mean_init"], rtol=1e-14)
    np.testing.assert_allclose(model.covariance_, begin["covariance_init"], rtol=1e-14)
    assert (model.n_iter_, model.converged_) == (0, False)
    with pytest.warns(ConvergenceWarning, match="after 0 iterations"):
        model = GaussianImputer(max_iter=0).fit(murray)
    np.testing.assert_allclose(model.covariance_, np.diag(np.nanvar(murray, axis=0)), rtol=1e-14)


@pytest.mark.parametrize(
    "trouble",
    [
        {"tol": -1.0},
        {"tol": "small"},
        {"max_iter": -1},
        {"covariance_floor": np.inf},
        {"mean_init": [0.0]},
        {"covariance_init": [[1.0, 2.0], [2.0, 1.0]]},
        {"covariance_init": [[1.0, 0.5], [0.4, 1.0]]},
        {"covariance_init": [[1.0, 0.5], [1.0]]},
        {"mean_init": "ab"},
    ],
)
def test_settings_that_make_no_sense_are_refused(trouble):
    with pytest.raises(ValueError, match=next(iter(trouble))):
        GaussianImputer(**trouble).fit(load_murray().values)


@pytest.mark.parametrize("floor", [0.05, 0.5, 2.0])
def test_a_start_below_the_floor_is_raised_to_it(floor):
    # Of complete rows the maximum under a floor is the covariance with its eigenvalues clipped.
    z = np.random.default_rng(0).normal(size=(200, 2))
    x = np.c_[z[:, 0], z[:, 0] + 0.05 * z[:, 1]]
    scale = np.outer(x.std(axis=0), x.std(axis=0))
    values, vectors = np.linalg.eigh(np.cov(x.T, bias=True) / scale)
    expected = (vectors * np.maximum(values, floor)) @ vectors.T * scale
    for start in (None, np.cov(x.T), 1e-6 * np.eye(2)):
        with pytest.warns(DegenerateWarning, match="rests on its floor"):
            model = GaussianImputer(covariance_floor=floor, covariance_init=start).fit(x)
        np.testing.assert_allclose(model.covariance_, expected, rtol=1e-6, atol=1e-12)


def test_a_start_far_from_all_data_is_named_as_a_cause():
    x = np.random.default_rng(0).normal(size=(50, 2))
    x[:9, 1] = NAN
    with pytest.warns(DegenerateWarning, match="is the start far from all data"):
        GaussianImputer(mean_init=[1e9, 1e9]).fit(x)
