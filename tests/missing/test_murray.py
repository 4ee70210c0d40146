"""Murray's twelve points: two maxima, a saddle, and how EM moves between them."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from emlib import GaussianHMM, GaussianImputer, GaussianMixture, em, missing
from emlib.gaussian import Gaussian
from tests.missing.helpers import from_vector, steps, to_vector


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
def test_em_ends_at_murrays_two_maxima(murray, sign):
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
def test_rates_of_convergence_are_those_of_murrays_points(murray, point, rates):
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
def test_curvatures_are_those_of_murrays_points(murray, point, curvatures):
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


@pytest.mark.parametrize("model", [GaussianMixture(1), GaussianHMM(1)])
def test_no_seed_confirms_the_saddle(murray, model):
    # Its height is -30.0333; of seeds whose nudge moves means only, one in three stays there.
    for seed in range(6):
        model.set_params(random_state=seed).fit(murray)
        assert model.result_.confirmed
        np.testing.assert_allclose(model.result_.objective, -29.974286410464998, atol=1e-4)


def test_explicit_starts_choose_the_peak(murray):
    for rho in (0.1, -0.1):
        model = GaussianImputer(covariance_init=[[1, rho], [rho, 1]], mean_init=[0.01, 0])
        model.fit(murray)
        assert np.sign(model.covariance_[0, 1]) == np.sign(rho)
        np.testing.assert_allclose(model.covariance_[0, 0], 8 / 3, atol=1e-3)
        begin = model.result_.trace.params[0]
        np.testing.assert_allclose(begin.covariance, [[1, rho], [rho, 1]])
        np.testing.assert_allclose(begin.mean, [0.01, 0], atol=1e-15)
