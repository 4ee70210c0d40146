"""scikit-learn's conventions on top of the pure functions of `emlib.mixture`."""

from __future__ import annotations

import warnings
from dataclasses import replace
from functools import partial
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from emlib import gaussian, mixture
from emlib.em import (
    WARNINGS,
    DegenerateError,
    EMResult,
    StopReason,
    em,
)
from emlib.mixture import MixtureParams
from emlib.starts import STARTS
from emlib.units import Units
from emlib.validation import check_data, check_spread, listed

Array = NDArray[np.float64]
# A component whose responsibilities sum to less than this has no points to speak of.
EMPTY = 1e-3


class GaussianMixture(DensityMixin, BaseEstimator):  # type: ignore[misc]
    """Mixture of Gaussians with full covariances, fitted by EM.

    The arguments mean what they mean in `sklearn.mixture.GaussianMixture`, with two exceptions
    that make the result trustworthy: `tol` and `covariance_floor`.

    Parameters
    ----------
    n_components : int
        K, the number of Gaussians.
    tol : float
        In scikit-learn's unit, log-likelihood per sample. But it bounds the estimated distance
        to the limit as well as the last step: a small step alone is no sign of being near.
    covariance_floor : float
        Smallest eigenvalue a component's covariance may have, once every feature is scaled to
        unit variance: the default allows standard deviations down to a ten-thousandth of the
        feature's. Relative, so that results do not depend on the units of the data. A solution
        that touches it is reported as degenerate. Takes the place of `reg_covar`.
    max_iter : int
        The most EM iterations of one climb: that from a start, and each that follows a nudge.
    n_init : int
        Number of starts; the best result is kept in the attributes, all of them in `results_`.
    init_params : {'kmeans', 'k-means++', 'random_from_data', 'random'}
        How to start.
    weights_init, means_init, precisions_init : array-like, optional
        Explicit starts, of shapes (K,), (K, D) and (K, D, D). What is left out comes from
        `init_params`.
    random_state : int, RandomState instance or None
        Makes random starts repeatable.

    Attributes
    ----------
    weights_ : ndarray of shape (K,)
    means_ : ndarray of shape (K, D)
    covariances_ : ndarray of shape (K, D, D)
    precisions_ : ndarray of shape (K, D, D)
        Inverses of the covariances.
    precisions_cholesky_ : ndarray of shape (K, D, D)
        Upper triangular U with U U' = precision.
    converged_ : bool
    n_iter_ : int
    lower_bound_ : float
        Mean log-likelihood per sample of the returned parameters.
    lower_bounds_ : list of float
        The same at every iteration, the start included.
    result_ : EMResult
        Why EM stopped, the trace, and whether the maximum was confirmed.
    results_ : list of EMResult
        One for each of the `n_init` starts, in order.

    Examples
    --------
    >>> from emlib.datasets import load_faithful
    >>> model = GaussianMixture(2, random_state=0).fit(load_faithful().values)
    >>> model.means_.round(1)
    array([[ 4.3, 80. ],
           [ 2. , 54.5]])
    >>> model.result_.stop.value, model.result_.confirmed
    ('converged', True)
    """

    def __init__(
        self,
        n_components: int = 1,
        *,
        tol: float = 1e-8,
        covariance_floor: float = 1e-8,
        max_iter: int = 2000,
        n_init: int = 1,
        init_params: str = "kmeans",
        weights_init: ArrayLike | None = None,
        means_init: ArrayLike | None = None,
        precisions_init: ArrayLike | None = None,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.tol = tol
        self.covariance_floor = covariance_floor
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.weights_init = weights_init
        self.means_init = means_init
        self.precisions_init = precisions_init
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Fit the mixture to `X` of shape (N, D) by EM.

        Raises
        ------
        ValueError
            If the data or the settings cannot give a mixture; the message says what to do.
        """
        self._check_settings()
        x = check_data(validate_data(self, X, dtype=[np.float64, np.float32]))
        self._check_enough(x)
        # EM runs on centred, scaled data: no digits are lost to a far mean or to odd units.
        units = Units.of(x)
        generator = check_random_state(self.random_state)
        rng = np.random.default_rng(generator.randint(2**31, size=4))
        standard = units.standardise(x)
        results = self._run_all(standard, units, rng)
        self.results_ = [units.restore_result(result, len(x)) for result in results]
        self._keep(max(self.results_, key=_rank), len(x))
        return self

    def _run_all(
        self, x: Array, units: Units, rng: np.random.Generator
    ) -> list[EMResult[MixtureParams]]:
        """One climb per start; a start that cannot be used is passed over if another can."""
        results, failure = [], DegenerateError()
        for _ in range(self.n_init):
            try:
                results.append(self._run(x, self._start(x, units, rng), rng))
            except DegenerateError as error:
                failure = error
        if not results:
            raise failure
        return results

    def _run(
        self, x: Array, start: MixtureParams, rng: np.random.Generator
    ) -> EMResult[MixtureParams]:
        """One climb from one start, in standard units."""
        result = em(
            mixture.e_step,
            partial(mixture.m_step, floor=self.covariance_floor),
            start,
            x,
            tol=self.tol * len(x),
            max_iter=self.max_iter,
            nudge=mixture.nudge,
            rng=rng,
            warn=False,  # what is wrong with the result that is kept is said by `_keep`
        )
        return _name_collapsed(result, self.covariance_floor, len(x))

    def _start(self, x: Array, units: Units, rng: np.random.Generator) -> MixtureParams:
        """The first parameters, in standard units: explicit where given, and above the floor."""
        weights, means, covariances = self._explicit_start(x.shape[1])
        if weights is None or means is None or covariances is None:
            r = STARTS[self.init_params](x, self.n_components, rng)
            first = mixture.m_step(gaussian.sufficient_statistics(x, r), self.covariance_floor)
            drawn = units.restore_params(first)
            weights = drawn.weights if weights is None else weights
            means = drawn.means if means is None else means
            covariances = drawn.covariances if covariances is None else covariances
        start = units.standardise_params(MixtureParams(weights, means, covariances))
        floored = gaussian.clip_eigenvalues(start.covariances, self.covariance_floor)
        return replace(start, covariances=floored)

    def _explicit_start(self, dimension: int) -> tuple[Array | None, Array | None, Array | None]:
        """`weights_init`, `means_init`, and the covariances of `precisions_init`, checked."""
        k = self.n_components
        weights = _shaped("weights_init", self.weights_init, (k,))
        means = _shaped("means_init", self.means_init, (k, dimension))
        precisions = _shaped("precisions_init", self.precisions_init, (k, dimension, dimension))
        if weights is not None and (np.any(weights < 0) or not np.isclose(weights.sum(), 1)):
            raise ValueError(f"weights_init must not be negative and must sum to 1, got {weights}")
        if weights is not None:
            weights = weights / weights.sum()
        covariances = None if precisions is None else _inverses("precisions_init", precisions)
        return weights, means, covariances

    def _keep(self, best: EMResult[MixtureParams], n: int) -> None:
        self.result_ = best
        self.weights_ = best.params.weights
        self.means_ = best.params.means
        self.covariances_ = best.params.covariances
        self.precisions_cholesky_ = np.stack([_precision_cholesky(c) for c in self.covariances_])
        self.precisions_ = self.precisions_cholesky_ @ np.swapaxes(self.precisions_cholesky_, 1, 2)
        self.converged_ = best.converged
        self.n_iter_ = best.n_iter
        self.lower_bound_ = best.objective / n
        self.lower_bounds_ = list(best.trace.objective / n)
        if best.stop in WARNINGS:
            warnings.warn(best.message, WARNINGS[best.stop], stacklevel=3)
        elif not best.converged:
            advice = f"{best.message}. Raise max_iter, or try other starts with n_init."
            warnings.warn(advice, ConvergenceWarning, stacklevel=3)

    def score_samples(self, X: ArrayLike) -> Array:
        """Log-density of each row of `X`, an array of shape (N,)."""
        return mixture.log_density(self._params(), self._checked(X))

    def score(self, X: ArrayLike, y: object = None) -> float:
        """Mean log-likelihood per sample."""
        return float(self.score_samples(X).mean())

    def predict_proba(self, X: ArrayLike) -> Array:
        """Responsibilities: p(z = k | x) for each row of `X`, of shape (N, K)."""
        return mixture.responsibilities(self._params(), self._checked(X))

    def predict(self, X: ArrayLike) -> NDArray[np.intp]:
        """The most probable component of each row of `X`."""
        return np.asarray(self.predict_proba(X).argmax(axis=1))

    def fit_predict(self, X: ArrayLike, y: object = None) -> NDArray[np.intp]:
        """Fit, then the most probable component of each row of `X`."""
        return self.fit(X).predict(X)

    def sample(self, n_samples: int = 1) -> tuple[Array, NDArray[np.intp]]:
        """Draw points and the components they came from."""
        params = self._params()
        _check_count("n_samples", n_samples)
        seed = check_random_state(self.random_state).randint(2**31)
        return mixture.sample(params, n_samples, np.random.default_rng(seed))

    def aic(self, X: ArrayLike) -> float:
        """Akaike's criterion, -2 log L + 2 p: the lower the better."""
        return -2 * float(self.score_samples(X).sum()) + 2 * self._n_parameters()

    def bic(self, X: ArrayLike) -> float:
        """Schwarz's criterion, -2 log L + p log N: the lower the better."""
        log_densities = self.score_samples(X)
        n_parameters = self._n_parameters()
        return float(n_parameters * np.log(len(log_densities)) - 2 * log_densities.sum())

    def _n_parameters(self) -> int:
        """Free parameters: K - 1 weights, K D means, K D (D + 1) / 2 covariances."""
        k, d = self.means_.shape
        return int(k - 1 + k * d + k * d * (d + 1) // 2)

    def _params(self) -> MixtureParams:
        check_is_fitted(self)
        return MixtureParams(self.weights_, self.means_, self.covariances_)

    def _checked(self, X: ArrayLike) -> Array:
        return check_data(validate_data(self, X, reset=False, dtype=[np.float64, np.float32]))

    def _check_settings(self) -> None:
        for name in ("n_components", "n_init", "max_iter"):
            _check_count(name, getattr(self, name))
        for name in ("tol", "covariance_floor"):
            value = getattr(self, name)
            if not isinstance(value, Real) or not 0 <= float(value) < np.inf:
                raise ValueError(f"{name} must be a number, zero or positive, got {value!r}")
        if self.init_params not in STARTS:
            raise ValueError(f"init_params must be one of {list(STARTS)}, got {self.init_params!r}")

    def _check_enough(self, x: Array) -> None:
        n = len(x)
        if n < 2:
            raise ValueError(f"n_samples={n}: one point has no spread. At least two are needed.")
        if self.n_components > n:
            raise ValueError(
                f"n_components={self.n_components} is more than n_samples={n}: use fewer."
            )
        check_spread(x)


def _check_count(name: str, value: Any) -> None:
    if not isinstance(value, Integral) or int(value) < 1:
        raise ValueError(f"{name} must be a whole number, at least 1, got {value!r}")


def _shaped(name: str, value: ArrayLike | None, shape: tuple[int, ...]) -> Array | None:
    if value is None:
        return None
    array = np.asarray(value, dtype=float)
    if array.shape != shape or not np.all(np.isfinite(array)):
        raise ValueError(f"{name} must be finite and of shape {shape}, got shape {array.shape}")
    return array


def _inverses(name: str, matrices: Array) -> Array:
    size = np.abs(matrices).max()
    symmetric = np.allclose(matrices, np.swapaxes(matrices, 1, 2), rtol=0, atol=1e-8 * size)
    if not symmetric or np.any(np.linalg.eigvalsh(matrices) <= 0):
        raise ValueError(f"{name} must hold symmetric, positive definite matrices")
    return np.asarray(np.linalg.inv(matrices), dtype=float)


def _precision_cholesky(covariance: Array) -> Array:
    factor = gaussian.cholesky_factor(covariance)
    return np.asarray(np.linalg.solve(factor, np.eye(len(factor))).T)


def _rank(result: EMResult[MixtureParams]) -> tuple[bool, bool, float]:
    """A degenerate solution's likelihood is not comparable: any other is better."""
    sound = result.stop is not StopReason.DEGENERATE
    return sound, result.stop is not StopReason.OBJECTIVE_FELL, result.objective


def _name_collapsed(
    result: EMResult[MixtureParams], floor: float, n: int
) -> EMResult[MixtureParams]:
    """Call the result degenerate if a component rests on the floor or is empty, and say which."""
    values = np.linalg.eigvalsh(result.params.covariances)
    rounding = 4 * np.finfo(float).eps * values[:, -1]
    on_floor = np.flatnonzero(values[:, 0] <= floor * (1 + 1e-6) + rounding)
    empty = np.flatnonzero(n * result.params.weights < EMPTY)
    if len(empty):
        message = f"component {listed(empty)} has lost all its points. Use fewer components."
    elif len(on_floor):
        message = (
            f"component {listed(on_floor)} has collapsed onto too few or identical points, or "
            "onto features that depend linearly on each other: its covariance rests on the floor "
            "and its likelihood says nothing. Use fewer components, more starts (n_init), or drop "
            "duplicate features. If it really is that narrow, lower covariance_floor."
        )
    else:
        return result
    return replace(result, stop=StopReason.DEGENERATE, message=message)
