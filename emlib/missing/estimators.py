"""scikit-learn's conventions on top of the pure functions of `emlib.missing.steps`."""

from __future__ import annotations

import warnings
from dataclasses import KW_ONLY, dataclass
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from emlib import validation as check
from emlib.covariances import Full
from emlib.estimators import Estimator, generator
from emlib.fitting import Problem
from emlib.gaussian import Gaussian, GaussianStatistics
from emlib.missing import steps
from emlib.missing.patterns import Patterns
from emlib.results import DegenerateWarning
from emlib.squarem import Coordinates
from emlib.types import Array
from emlib.units import Units
from emlib.wording import sentence

# This many pairs of features are named in a warning.
MOST_PAIRS = 5


@dataclass(eq=False, repr=False)
class GaussianImputer(OneToOneFeatureMixin, TransformerMixin, Estimator):
    """One Gaussian, fitted by EM to a table with holes, and the holes filled from it.

    NaN marks the holes. Every number that was seen is used, and no row is dropped. The estimates
    are those of maximum likelihood if what is missing does not depend on the missing value itself,
    once the seen values of the row are known.

    An iteration costs little where many rows share a pattern of holes, or where few features are
    missing in a row, or few seen; memory is that of the table.

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
        Explicit start, of shapes (D,) and (D, D). The default is the mean and variance of what was
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

    _: KW_ONLY
    covariance_floor: float = 1e-8
    mean_init: ArrayLike | None = None
    covariance_init: ArrayLike | None = None
    accelerate: bool = False

    _takes_nan = True

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
        with self._all_or_nothing():
            x = self._read(X, reset=True)
            _check_seen(x)
            x = x[~np.isnan(x).all(axis=1)]  # a row of which nothing was seen says nothing
            units = _standard_units(x)
            patterns = Patterns.of(units.standardise(x))
            problem = _problem(patterns, units, self)
            best = self._climb(problem, lambda _: self._start(units), np.random.default_rng(0))
            self.mean_, self.covariance_ = best.params.mean, best.params.covariance
        self._warn(
            "Raise max_iter, or try accelerate=True. With few rows for many features the "
            "likelihood may have no highest value: then drop features."
        )
        _warn_of_pairs_apart(patterns)
        return self

    def transform(self, X: ArrayLike) -> Array:
        """`X` with every hole filled by its expectation, given what was seen of the row."""
        return steps.impute(self._params(), self._read(X))

    def draw(self, X: ArrayLike, random_state: Any = None) -> Array:
        """`X` with every hole filled by a draw, given what was seen of the row.

        The parameters are those of the fit. For multiple imputation they should vary too: draw
        from fits to bootstrap samples of the rows (Honaker, King and Blackwell 2011, J. Statist.
        Software 45(7)).
        """
        params, x = self._params(), self._read(X)
        return steps.draw(params, x, generator(random_state))

    def score_samples(self, X: ArrayLike) -> Array:
        """Log-density of what was seen of each row, of shape (N,); zero if nothing was."""
        return steps.log_density(self._params(), self._read(X))

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
        least = 2 if reset else 1
        return self._table(X, reset, ensure_all_finite=False, ensure_min_samples=least)

    def _start(self, units: Units) -> Gaussian:
        """Where to start, in standard units, and not below the floor."""
        form, d = Full(self.covariance_floor), len(units.origin)
        mean, covariance = check.shaped("mean_init", self.mean_init, (d,)), self.covariance_init
        covariance = check.positive_definite("covariance_init", covariance, (d, d), matrices=True)
        mean, covariance = form.to_units((mean, covariance), units)
        mean = np.zeros(d) if mean is None else mean
        return Gaussian(*form.bounded((mean, np.eye(d) if covariance is None else covariance)))


def _standard_units(x: Array) -> Units:
    """Mean and standard deviation of what was seen of each feature."""
    origin = np.nanmean(x, axis=0)
    origin = origin + np.nanmean(x - origin, axis=0)  # the mean of far numbers is rounded
    return Units(origin, np.nanstd(x - origin, axis=0))


def _problem(
    patterns: Patterns, units: Units, model: GaussianImputer
) -> Problem[Gaussian, GaussianStatistics]:
    """The Gaussian with holes, with all that is needed to fit it."""
    form, d, floor = Full(model.covariance_floor), len(units.origin), model.covariance_floor

    def collapse(params: Gaussian) -> str | None:
        if form.collapse((params.mean[None], params.covariance[None]), "component") is None:
            return None
        return (
            "the covariance has collapsed and rests on its floor: features depend linearly on each "
            "other, or there are too few rows for so many features. Drop features, or add rows."
        )

    example = np.empty(d), np.empty((d, d))
    free = Coordinates.of(example, form.to_free, lambda free: Gaussian(*form.from_free(free)))
    return Problem(
        e_step=steps.e_step,
        m_step=partial(steps.m_step, floor=floor),
        nudge=steps.nudge,
        data=patterns,
        n=patterns.n.sum(),
        collapse=collapse,
        restore=lambda params: Gaussian(*form.from_units(params, units)),
        # Densities are per unit of x: scaling by s divides them by s, for every value seen.
        log_scale=float((patterns.n @ patterns.seen) @ np.log(units.scale)),
        coordinates=free if model.accelerate else None,
    )


def _warn_of_pairs_apart(patterns: Patterns) -> None:
    """Warn, in the line that called `fit`, of pairs of features that no row has both of."""
    seen = patterns.seen.astype(float)
    apart = [f"{i} and {j}" for i, j in np.argwhere(np.triu(seen.T @ seen == 0))]
    if apart:
        more = f" and {len(apart) - MOST_PAIRS} other pairs" if len(apart) > MOST_PAIRS else ""
        warnings.warn(
            f"features {', '.join(apart[:MOST_PAIRS])}{more} were never seen in the same "
            "row: what one adds to the prediction of the other is not in the data, and depends "
            "on the start.",
            DegenerateWarning,
            stacklevel=3,
        )


def _check_seen(x: Array) -> None:
    """A ValueError if a feature has no value in any row, or one out of range."""
    empty = np.flatnonzero(np.isnan(x).all(axis=0))
    if len(empty):
        have_none = sentence("feature", empty, "has no value", "have no value")
        raise ValueError(f"{have_none} in any row: drop it.")
    check.data(np.where(np.isnan(x), 0.0, x))  # squares must stay in range
    check.spread(np.stack([np.nanmin(x, axis=0), np.nanmax(x, axis=0)]))
