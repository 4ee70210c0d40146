"""scikit-learn's conventions on top of the pure functions of `emlib.missing`."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import partial
from numbers import Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from emlib import missing
from emlib.covariances import Full
from emlib.em import DegenerateWarning, EMResult, StopReason, em
from emlib.fitting import warn_of
from emlib.gaussian import Gaussian
from emlib.missing import Patterns
from emlib.settings import check_count
from emlib.squarem import Coordinates
from emlib.units import Units
from emlib.validation import check_data, check_spread, listed, shaped

Array = NDArray[np.float64]
# So many pairs of features are named in a warning.
PAIRS = 5


class GaussianImputer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """One Gaussian, fitted by EM to a table with holes, and the holes filled from it.

    NaN marks the holes. Every number that was seen is used, and no row is dropped. The estimates
    are those of maximum likelihood if what is missing does not depend on the missing value itself,
    once the seen values of the row are known.

    Parameters
    ----------
    tol : float
        Log-likelihood per sample. It bounds the last step and the estimated distance to the limit.
    max_iter : int
        The most EM iterations of one climb: that from the start, and each that follows a nudge.
    covariance_floor : float
        Smallest eigenvalue of the covariance, once every feature is scaled to unit variance. A
        solution that touches it is reported as degenerate.
    mean_init, covariance_init : array-like, optional
        Explicit start, of shapes (D,) and (D, D). The default is mean and variance of what was
        seen of each feature, and no correlation.
    accelerate : bool
        Whether to leap ahead with SQUAREM: fewer steps where much is missing.
    verbose : bool or int
        Whether to show a progress bar.

    Attributes
    ----------
    mean_ : ndarray of shape (D,)
    covariance_ : ndarray of shape (D, D)
        With divisor N, as maximum likelihood has it.
    converged_ : bool
    n_iter_ : int
    result_ : EMResult
        Why EM stopped, the trace, and whether the maximum was confirmed.

    Examples
    --------
    >>> from emlib.datasets import load_murray
    >>> x = load_murray().values
    >>> model = GaussianImputer().fit(x)  # from the saddle, which the nudge leaves
    >>> (model.covariance_ / model.covariance_[0, 0]).round(3)
    array([[1. , 0.5],
           [0.5, 1. ]])
    >>> model.transform([[2.0, np.nan]]).round(2)
    array([[2., 1.]])
    """

    def __init__(
        self,
        *,
        tol: float = 1e-8,
        max_iter: int = 2000,
        covariance_floor: float = 1e-8,
        mean_init: ArrayLike | None = None,
        covariance_init: ArrayLike | None = None,
        accelerate: bool = False,
        verbose: bool | int = False,
    ) -> None:
        self.tol = tol
        self.max_iter = max_iter
        self.covariance_floor = covariance_floor
        self.mean_init = mean_init
        self.covariance_init = covariance_init
        self.accelerate = accelerate
        self.verbose = verbose

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Fit mean and covariance to `X` of shape (N, D), with NaN in the holes.

        Raises
        ------
        ValueError
            If a feature has no value or does not vary, or the settings make no sense.

        Warns
        -----
        DegenerateWarning, ObjectiveFellWarning, ConvergenceWarning
            If the result is not to be trusted; `result_` has it all the same.
        """
        _check_settings(self)
        problem = _Problem.of(self, self._read(X, reset=True))
        result = problem.fit()
        self.result_ = result
        self.mean_, self.covariance_ = result.params.mean, result.params.covariance
        self.converged_, self.n_iter_ = result.converged, result.n_iter
        warn_of(result, "Raise max_iter, or try accelerate=True.")
        self._say_apart(problem.never_together())
        return self

    def _say_apart(self, apart: list[str]) -> None:
        """Warn of pairs of features of which the data cannot say how they go together."""
        if apart:
            more = f" and {len(apart) - PAIRS} other pairs" if len(apart) > PAIRS else ""
            warnings.warn(
                f"features {', '.join(apart[:PAIRS])}{more} were never seen in the same "
                "row: what one adds to the prediction of the other is not in the data, and depends "
                "on the start.",
                DegenerateWarning,
                stacklevel=3,
            )

    def transform(self, X: ArrayLike) -> Array:
        """`X` with every hole filled by its expectation, given what was seen of the row."""
        return missing.impute(self._params(), self._read(X))

    def draw(self, X: ArrayLike, random_state: Any = None) -> Array:
        """`X` with every hole filled by a draw, given what was seen of the row.

        The parameters are those of the fit. For multiple imputation they should vary too: draw
        from fits to bootstrap samples of the rows (Honaker, King and Blackwell 2011, J. Statist.
        Software 45(7)).
        """
        params, x = self._params(), self._read(X)
        rng = np.random.default_rng(check_random_state(random_state).randint(2**31))
        return missing.draw(params, x, rng)

    def score_samples(self, X: ArrayLike) -> Array:
        """Log-density of what was seen of each row, of shape (N,); zero if nothing was."""
        return missing.log_density(self._params(), self._read(X))

    def score(self, X: ArrayLike, y: object = None) -> float:
        """Mean log-likelihood per sample, of what was seen."""
        return float(self.score_samples(X).mean())

    def _params(self) -> Gaussian:
        check_is_fitted(self)
        return Gaussian(self.mean_, self.covariance_)

    def _read(self, X: ArrayLike, reset: bool = False) -> Array:
        if np.ma.is_masked(X):
            raise ValueError(
                "masked entries would be read as if they had been seen: mark the holes with NaN, "
                "as X.filled(np.nan) does for an array of floats"
            )
        x = validate_data(
            self,
            X,
            reset=reset,
            dtype=np.float64,
            ensure_all_finite="allow-nan",
            ensure_min_samples=2 if reset else 1,
        )
        return np.asarray(x, dtype=float)

    def __sklearn_tags__(self) -> Tags:
        """NaN is welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


@dataclass(frozen=True, eq=False)
class _Problem:
    """Data in standard units, and what the settings ask for."""

    model: GaussianImputer
    data: Patterns
    units: Units

    @classmethod
    def of(cls, model: GaussianImputer, x: Array) -> Self:
        """The settings of `model` and the data; a row of which nothing was seen says nothing."""
        _check_seen(x)
        x = x[~np.isnan(x).all(axis=1)]
        origin = np.nanmean(x, axis=0)
        origin = origin + np.nanmean(x - origin, axis=0)  # the mean of far numbers is rounded
        units = Units(origin, np.nanstd(x - origin, axis=0))
        return cls(model, Patterns.of(units.standardise(x)), units)

    def fit(self) -> EMResult[Gaussian]:
        """One climb, in the units of the data and with a collapse called by its name."""
        model, leaps = self.model, self._coordinates()
        result = em(
            missing.e_step,
            partial(missing.m_step, floor=model.covariance_floor),
            self._start(),
            self.data,
            tol=model.tol * self.data.n.sum(),
            max_iter=model.max_iter,
            nudge=missing.nudge,
            accelerate=leaps if model.accelerate else False,
            progress=bool(model.verbose),
            warn=False,  # what is wrong with the result, the estimator says
        )
        return self._restored(self._named(result))

    def _start(self) -> Gaussian:
        """In standard units; the floor is below any start that makes sense."""
        d, per_scale = len(self.units.origin), self.units.per_scale
        mean = shaped("mean_init", self.model.mean_init, (d,))
        covariance = shaped("covariance_init", self.model.covariance_init, (d, d))
        mean = np.zeros(d) if mean is None else self.units.standardise(mean)
        if covariance is None:
            return Gaussian(mean, np.eye(d))
        covariance = covariance * per_scale[:, None] * per_scale
        symmetric = np.allclose(covariance, covariance.T)
        if not symmetric or np.linalg.eigvalsh(covariance)[0] <= 0:
            raise ValueError("covariance_init must be symmetric and positive definite")
        return Gaussian(mean, covariance)

    def _coordinates(self) -> Coordinates:
        """A Gaussian as a vector of any numbers: the mean, and log-roots of the covariance."""
        d, form = len(self.units.origin), Full()

        def to_vector(params: Gaussian) -> Array:
            return np.concatenate([params.mean, form.log_roots(params.covariance).ravel()])

        def from_vector(vector: Array) -> Gaussian:
            return Gaussian(vector[:d], form.from_log_roots(vector[d:].reshape(d, d)))

        return Coordinates(to_vector, from_vector)

    def _named(self, result: EMResult[Gaussian]) -> EMResult[Gaussian]:
        """Degenerate, if the covariance rests on the floor."""
        values = np.linalg.eigvalsh(result.params.covariance)
        rounding = 4 * np.finfo(float).eps * values[-1]
        if values[0] > self.model.covariance_floor * (1 + 1e-6) + rounding:
            return result
        message = (
            "the covariance has collapsed and rests on its floor: features depend linearly on each "
            "other, or there are too few rows for so many features. Drop features, or add rows."
        )
        return replace(result, stop=StopReason.DEGENERATE, message=message)

    def _restored(self, result: EMResult[Gaussian]) -> EMResult[Gaussian]:
        """The result in the units of the data."""
        # Densities are per unit of x: scaling by s divides them by s, for every value seen.
        shift = float((self.data.n @ self.data.seen) @ np.log(self.units.scale))
        params = tuple(self._restore(p) for p in result.trace.params)
        trace = replace(result.trace, params=params, objective=result.trace.objective - shift)
        objective = result.objective - shift
        return replace(result, params=params[-1], objective=objective, trace=trace)

    def _restore(self, params: Gaussian) -> Gaussian:
        scale = self.units.scale
        covariance = params.covariance * scale[:, None] * scale
        return Gaussian(params.mean * scale + self.units.origin, covariance)

    def never_together(self) -> list[str]:
        """Pairs of features that no row has both of."""
        seen = self.data.seen.astype(float)
        pairs = np.argwhere(np.triu(seen.T @ seen == 0))
        return [f"{i} and {j}" for i, j in pairs]


def _check_settings(model: GaussianImputer) -> None:
    check_count("max_iter", model.max_iter)
    for name in ("tol", "covariance_floor"):
        value = getattr(model, name)
        if not isinstance(value, Real) or not 0 <= float(value) < np.inf:
            raise ValueError(f"{name} must be a number, zero or positive, got {value!r}")


def _check_seen(x: Array) -> None:
    """A ValueError if a feature has no value, or only one."""
    empty = np.flatnonzero(np.isnan(x).all(axis=0))
    if len(empty):
        raise ValueError(f"feature {listed(empty)} has no value in any row: drop it.")
    check_data(np.where(np.isnan(x), 0.0, x))  # squares must stay in range
    check_spread(np.stack([np.nanmin(x, axis=0), np.nanmax(x, axis=0)]))
