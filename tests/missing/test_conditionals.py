"""What was not seen given what was seen: both ways to it, against oracles that know no EM."""

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression

from emlib import GaussianImputer, missing
from emlib.gaussian import Gaussian
from emlib.missing import conditionals
from tests.missing.helpers import NAN, e_step_by_rows, problem


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
