"""scikit-learn's conventions on top of the pure functions of `emlib.mixture`."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    DensityMixin,
    TransformerMixin,
)
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from emlib import fitting, mixture
from emlib.blocks import Blocks
from emlib.covariances import FORMS, Full, Gaussians
from emlib.em import EMResult
from emlib.information import standard_errors
from emlib.mixture import MixtureParams
from emlib.priors import Prior
from emlib.settings import check_count, check_settings
from emlib.validation import check_data

Array = NDArray[np.float64]


class GaussianMixture(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, DensityMixin, BaseEstimator
):
    """Mixture of Gaussians, fitted by EM.

    The arguments mean what they mean in `sklearn.mixture.GaussianMixture`, with two exceptions
    that make the result trustworthy: `tol` bounds the distance to the limit, and `reg_covar` is
    not needed.

    Parameters
    ----------
    n_components : int
        K, the number of Gaussians.
    covariance_type : {'full', 'tied', 'diag', 'spherical'}
        Whether components have a covariance matrix each, share one, or have independent features,
        also of the same variance.
    tol : float
        In scikit-learn's unit, log-likelihood per sample. But it bounds the estimated distance
        to the limit as well as the last step: a small step alone is no sign of being near.
    reg_covar : float, optional
        If given, added to the diagonals of the covariances, as in scikit-learn. EM with it is
        not exact, and the results depend on the units of the data. If None, `covariance_floor`
        guards against collapse.
    covariance_floor : float
        Smallest eigenvalue a component's covariance may have, once every feature is scaled to
        unit variance: the default allows standard deviations down to a ten-thousandth of the
        feature's. Relative, so that results do not depend on the units of the data. A solution
        that touches it is reported as degenerate.
    prior : Prior, optional
        For maximum a posteriori estimates: `emlib.priors.Prior()` is weak, and keeps components
        from collapsing. The objective is then the log-likelihood plus the log-prior.
    max_iter : int
        The most EM iterations of one climb: that from a start, and each that follows a nudge.
    n_init : int
        Number of starts; the best result is kept in the attributes, all of them in `results_`.
    init_params : {'kmeans', 'k-means++', 'random_from_data', 'random'}
        How to start.
    weights_init, means_init, precisions_init : array-like, optional
        Explicit starts, of shapes (K,), (K, D) and that of `precisions_`. What is left out comes
        from `init_params`.
    responsibilities_init : array-like of shape (N, K), optional
        Responsibilities to start from, instead of `init_params`.
    accelerate : bool
        Whether to leap ahead with SQUAREM: often several times fewer steps where EM is slow.
    warm_start : bool
        Whether `fit` goes on from the last fit, if there is one with as many components.
    verbose : bool or int
        Whether to show a progress bar.
    random_state : int, RandomState instance or None
        Makes random starts repeatable.

    Attributes
    ----------
    weights_ : ndarray of shape (K,)
    means_ : ndarray of shape (K, D)
    covariances_ : ndarray of shape (K, D, D), (D, D), (K, D) or (K,), by `covariance_type`
    precisions_ : ndarray
        Inverses of the covariances, in their shape.
    precisions_cholesky_ : ndarray
        Upper triangular U with U U' = precision; or roots of the precisions.
    converged_ : bool
    n_iter_ : int
    lower_bound_ : float
        Mean log-likelihood per sample of the returned parameters, plus the log-prior's share.
    lower_bounds_ : list of float
        The same at every iteration, the start included.
    result_ : EMResult
        Why EM stopped, the trace, and whether the maximum was confirmed.
    results_ : list of EMResult
        One for each of the `n_init` starts, in order. Components are in the order of the best
        result's, so that results can be compared.

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
        covariance_type: str = "full",
        tol: float = 1e-8,
        reg_covar: float | None = None,
        covariance_floor: float = 1e-8,
        prior: Prior | None = None,
        max_iter: int = 2000,
        n_init: int = 1,
        init_params: str = "kmeans",
        weights_init: ArrayLike | None = None,
        means_init: ArrayLike | None = None,
        precisions_init: ArrayLike | None = None,
        responsibilities_init: ArrayLike | None = None,
        accelerate: bool = False,
        warm_start: bool = False,
        verbose: bool | int = False,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.tol = tol
        self.reg_covar = reg_covar
        self.covariance_floor = covariance_floor
        self.prior = prior
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.weights_init = weights_init
        self.means_init = means_init
        self.precisions_init = precisions_init
        self.responsibilities_init = responsibilities_init
        self.accelerate = accelerate
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the mixture to `X` of shape (N, D) by EM.

        Parameters
        ----------
        X : array-like of shape (N, D)
        y : ignored
        sample_weight : array-like of shape (N,), optional
            How many times each point counts.

        Raises
        ------
        ValueError
            If the data or the settings cannot give a mixture; the message says what to do.

        Warns
        -----
        DegenerateWarning, ObjectiveFellWarning, ConvergenceWarning
            If the result is not to be trusted; `result_` has it all the same.
        """
        check_settings(self)
        problem = fitting.Problem.of(self, *self._read(X, sample_weight, reset=True))
        rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31, size=4))
        known = self._known()
        results = problem.fit_all(known, rng)
        best = max(results, key=fitting.rank)
        self.results_ = [fitting.aligned(result, best, problem) for result in results]
        self._units, self._m_step = problem.data.units, problem.m_step
        self._fitted_type = self.covariance_type
        self._keep(best, problem.data.n)
        fitting.warn_of(best, "Raise max_iter, or try other starts with n_init.")
        return self

    def _keep(self, best: EMResult[MixtureParams], n: float) -> None:
        self.result_ = best
        self._set(best.params)
        self.converged_ = best.converged
        self.n_iter_ = best.n_iter
        self.lower_bound_ = best.objective / n
        self.lower_bounds_ = list(best.trace.objective / n)

    def _set(self, params: MixtureParams) -> None:
        self.weights_, self.means_, self.covariances_ = params
        family = self._family()
        roots = family.whiteners(self.covariances_, len(self.weights_))
        precisions = family.precisions(roots)
        roots = np.swapaxes(roots, -1, -2) if isinstance(family, Full) else roots
        shape = self.covariances_.shape
        self.precisions_ = precisions[0] if family.tied else precisions.reshape(shape)
        self.precisions_cholesky_ = roots[0] if family.tied else roots.reshape(shape)

    def e_step(self, X: ArrayLike, sample_weight: ArrayLike | None = None) -> tuple[Any, float]:
        """Expected statistics, and the log-likelihood, of `X` at the fitted parameters.

        Statistics add. Sum those of the parts of a data set too large to hold, and give the sum
        to `m_step`: that is one step of EM on all of it.
        """
        params, family = self._params(), self._family()
        data = self._blocks(X, sample_weight)
        params = data.units.standardise_params(params, family)
        statistics, log_likelihood = mixture.e_step(params, data, family)
        return statistics, log_likelihood - data.n * float(np.log(data.units.scale).sum())

    def m_step(self, statistics: Any) -> Self:
        """Take the parameters that the summed statistics of `e_step` give."""
        check_is_fitted(self)
        for name in ("result_", "results_", "lower_bound_", "lower_bounds_", "n_iter_"):
            self.__dict__.pop(name, None)  # they told of other parameters
        self.converged_ = False
        self._set(self._units.restore_params(self._m_step(statistics), self._family()))
        return self

    def score_samples(self, X: ArrayLike) -> Array:
        """Log-density of each row of `X`, an array of shape (N,)."""
        return mixture.log_density(self._params(), self._read(X)[0], self._family())

    def score(
        self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> float:
        """Mean log-likelihood per sample."""
        x, weights = self._read(X, sample_weight)
        return float(np.average(self.score_samples(x), weights=weights))

    def predict_proba(self, X: ArrayLike) -> Array:
        """Responsibilities: p(z = k | x) for each row of `X`, of shape (N, K)."""
        return mixture.responsibilities(self._params(), self._read(X)[0], self._family())

    def transform(self, X: ArrayLike) -> Array:
        """The responsibilities again, as features for the next step of a pipeline."""
        return self.predict_proba(X)

    def predict(self, X: ArrayLike) -> NDArray[np.intp]:
        """The most probable component of each row of `X`."""
        return np.asarray(self.predict_proba(X).argmax(axis=1))

    def fit_predict(
        self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> NDArray[np.intp]:
        """Fit, then the most probable component of each row of `X`."""
        return self.fit(X, sample_weight=sample_weight).predict(X)

    def sample(self, n_samples: int = 1) -> tuple[Array, NDArray[np.intp]]:
        """Draw points and the components they came from."""
        params = self._params()
        check_count("n_samples", n_samples)
        rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31))
        return mixture.sample(params, n_samples, rng, self._family())

    def aic(self, X: ArrayLike) -> float:
        """Akaike's criterion, -2 log L + 2 p: the lower the better."""
        return -2 * float(self.score_samples(X).sum()) + 2 * self._n_parameters()

    def bic(self, X: ArrayLike) -> float:
        """Schwarz's criterion, -2 log L + p log N: the lower the better."""
        log_densities = self.score_samples(X)
        penalty = self._n_parameters() * np.log(len(log_densities))
        return float(penalty - 2 * log_densities.sum())

    def icl(self, X: ArrayLike) -> float:
        """The integrated completed likelihood: BIC - 2 sum of log r of each point's component.

        The lower the better; it asks for components that are apart (Biernacki, Celeux and Govaert
        2000, IEEE Trans. PAMI 22, 719-725).
        """
        return self.bic(X) - 2 * float(np.log(self.predict_proba(X).max(axis=1)).sum())

    def standard_errors(
        self, X: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> MixtureParams:
        """Standard errors of weights, means and covariances, in their shapes (Louis 1982).

        `X` are the data of the fit, which must have converged; a prior is not counted in.
        """
        params, family = self._params(), self._family()
        data = self._blocks(X, sample_weight)
        errors = standard_errors(data.units.standardise_params(params, family), data, family)
        covariances = family.rescaled(errors.covariances, data.units.scale)
        return errors._replace(means=errors.means * data.units.scale, covariances=covariances)

    def _n_parameters(self) -> int:
        """Free parameters: K - 1 weights, K D means, and those of the covariances."""
        k, d = self.means_.shape
        return int(k - 1 + self._family().n_parameters(k, d))

    @property
    def _n_features_out(self) -> int:
        """How many columns `transform` returns."""
        return len(self.weights_)

    def _family(self) -> Gaussians:
        return FORMS[self._fitted_type]()

    def _known(self) -> MixtureParams | None:
        """What a warm start goes on from: the last fit, if it was one of the same form."""
        if not self.warm_start or getattr(self, "_fitted_type", None) != self.covariance_type:
            return None
        return self._params()

    def _params(self) -> MixtureParams:
        check_is_fitted(self)
        return MixtureParams(self.weights_, self.means_, self.covariances_)

    def _blocks(self, X: ArrayLike, sample_weight: ArrayLike | None) -> Blocks:
        """New data in the units of the fit."""
        x, weights = self._read(X, sample_weight)
        return Blocks(x, self._units, weights)

    def _read(
        self, X: ArrayLike, sample_weight: ArrayLike | None = None, reset: bool = False
    ) -> tuple[Array, Array | None]:
        """Checked data and weights."""
        if np.ma.is_masked(X):
            check_data(X)  # scikit-learn would drop the mask and say nothing
        x = validate_data(self, X, reset=reset, dtype=np.float64, ensure_all_finite=False)
        x = check_data(x)
        if sample_weight is None:
            return x, None
        return x, _check_sample_weight(sample_weight, x, ensure_non_negative=True)
