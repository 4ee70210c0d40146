"""scikit-learn's conventions on top of the pure functions of `emlib.mixture.steps`.

`fit` reads data and settings, and `_climb` climbs from the starts: which E- and M-step then
alternate in `emlib.em.steps` is said in `fitting.problem_of`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import KW_ONLY, dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import ClassNamePrefixFeaturesOutMixin, DensityMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import _check_feature_names, check_is_fitted

from emlib import validation as check
from emlib.covariances import FORMS, family_of, precisions
from emlib.estimators import ComponentsEstimator, generator, warn_of_unseen
from emlib.families import Binomial, Categorical, Family, Poisson
from emlib.holding import Held
from emlib.mixture import fitting, steps
from emlib.mixture.blocks import FULL, Blocks
from emlib.mixture.conditionals import conditional, marginal
from emlib.mixture.priors import AnswersPrior, BoundPrior, Prior, prior_of
from emlib.mixture.standard_errors import standard_errors
from emlib.mixture.starts import STARTS
from emlib.types import Array, Integers, Mask
from emlib.units import IDENTITY, Units


class _Fit(NamedTuple):
    """A fit: its family, units in which EM worked, what was held, M-step; categories never seen."""

    family: Family
    units: Units
    held: Held
    m_step: Callable[[Any], steps.Params]
    n_unseen: int = 0


@dataclass(eq=False, repr=False)
class _Mixture(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, DensityMixin, ComponentsEstimator
):
    """What mixtures of all families have in common: `_family`, `_given` say which family it is."""

    _: KW_ONLY
    init_params: str = "kmeans"
    weights_init: ArrayLike | None = None
    responsibilities_init: ArrayLike | None = None
    accelerate: bool = False
    warm_start: bool = False

    weights_: Array = field(init=False)

    _outer = ("weights",)
    _choices = {"init_params": STARTS, "covariance_type": FORMS}

    def fit(
        self,
        X: ArrayLike,
        y: object = None,
        sample_weight: ArrayLike | None = None,
        labels: ArrayLike | None = None,
    ) -> Self:
        """Fit the mixture to `X` of shape (N, D) by EM.

        Parameters
        ----------
        X : array-like of shape (N, D)
            For Gaussians and `CategoricalMixture` a value may be NaN: one that was not seen. Its
            row counts by the marginal density of the others, which is right if what hides it does
            not depend on it. Rows of NaN alone, without a label, count for nothing.
        y : ignored
        sample_weight : array-like of shape (N,), optional
            How many times each point counts. Divide the weights of a survey by their mean: else
            they sum to the population's size, for which BIC and standard errors would hold.
        labels : array-like of int, shape (N,), optional
            The components that are known, from 0 to K - 1, and -1 for those that are not
            (semi-supervised learning).

        Raises
        ------
        ValueError
            If the data or the settings cannot give a mixture; the message says what to do.

        Warns
        -----
        DegenerateWarning, ObjectiveFellWarning, ConvergenceWarning
            If the result is not to be trusted; `result_` has it all the same.
        """
        with self._all_or_nothing():
            read = self._read(X, sample_weight, labels, reset=True)
            k, d = self.n_components, read.x.shape[1]
            r = check.shares("responsibilities_init", self.responsibilities_init, (len(read.x), k))
            if read.weights is not None and not np.all(read.weights > 0):
                counted = read.weights > 0
                read, r = read.some(counted), None if r is None else r[counted]
            if read.labels is not None and not (read.labels >= 0).any():
                read = replace(read, labels=None)
            _check_enough(read.x, k)
            family = read.family
            family.check_fit(read.x)
            data = Blocks.standard(read.x, family, read.weights)
            data = replace(data, labels=read.labels, holes=read.holes)
            prior = self._prior(data)
            weights_init = check.shares("weights_init", self.weights_init, (k,))
            explicit = (weights_init, *self._given(data.family, k, d))
            parts = dict(zip(family.parameters, explicit[1:], strict=True))
            held = Held.of(self.hold, {"weights": weights_init}, parts, k, family, prior)
            problem = fitting.problem_of(data, prior, k, self.accelerate, held)
            rng = generator(self.random_state, 4)

            def start(number: int) -> steps.Params:
                last = None if number else self._last_fit(k, d)
                if last is not None:
                    return fitting.warm_start(data, last, explicit, held)
                return fitting.start(problem, k, explicit, r, self.init_params, rng)

            best = self._climb(problem, start, rng)
            end = fitting.standardised(best.params, data.family, data.units)
            n_unseen = self._n_unseen(read.x)
            self._fit = _Fit(family, data.units, held, problem.m_step_from(end), n_unseen)
            self._show(best.params, family)
            self.lower_bound_ = best.objective / data.n
            self.lower_bounds_ = list(best.trace.objective / data.n)
        self._warn("Raise max_iter, try other starts with n_init, or accelerate=True.")
        if read.holes is not None:
            r = steps.responsibilities(best.params, read, family)
            share = read.count(slice(None)) * (len(r) / read.n)
            seen = (r.T * share) @ ~self._by_feature(read.holes)
            warn_of_unseen(seen, "component", held)
        return self

    def e_step(
        self,
        X: ArrayLike,
        sample_weight: ArrayLike | None = None,
        labels: ArrayLike | None = None,
    ) -> tuple[Any, float]:
        """Expected statistics, and the log-likelihood, of `X` at the fitted parameters.

        Statistics add. Sum those of the parts of a data set too large to hold, and give the sum
        to `m_step`: that is one step of EM on all of it. `labels` are as in `fit`.
        """
        params, data = self._in_units(X, sample_weight, labels)
        statistics, log_likelihood = steps.e_step(params, data)
        statistics = data.family.statistics_to_units(statistics, data.units.inverse)
        return statistics, log_likelihood - data.log_scale

    def m_step(self, statistics: Any) -> Self:
        """Take the parameters that the summed statistics of `e_step` give."""
        check_is_fitted(self)
        family, units, _, m_step, _ = self._fitted()
        statistics = family.check_statistics(statistics)
        shape = self._params()[1].shape
        if statistics.sum_x.shape != shape:
            raise ValueError(
                f"statistics must be those of {shape[0]} components with {shape[1]} features, "
                f"got sum_x of shape {statistics.sum_x.shape}"
            )
        has_prior = getattr(self, "prior", None) or getattr(self, "probabilities_prior", 1) != 1
        if not hasattr(self, "_fit") and (np.size(self.hold) or has_prior):
            raise ValueError(
                "m_step of a model made by hand knows neither a prior nor what is held: fit first"
            )
        params = m_step(family.statistics_to_units(statistics, units))
        for name in ("result_", "results_", "lower_bound_", "lower_bounds_", "n_iter_"):
            self.__dict__.pop(name, None)  # they were about other parameters
        self.converged_ = False
        self._show(fitting.restored(params, family, units), family)
        return self

    def score_samples(self, X: ArrayLike) -> Array:
        """Log-density of each row of `X`, or of what was seen of it, an array of shape (N,)."""
        return steps.log_density(self._params(), self._read(X))

    def score(
        self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> float:
        """Mean log-likelihood per sample of which something was seen."""
        log_likelihood, n = self._log_likelihood(X, sample_weight)
        return log_likelihood / n

    def predict_proba(self, X: ArrayLike) -> Array:
        """Responsibilities: p(z = k | x) for each row of `X`, of shape (N, K)."""
        return steps.responsibilities(self._params(), self._read(X))

    def transform(self, X: ArrayLike) -> Array:
        """The responsibilities again, as features for the next step of a pipeline."""
        return self.predict_proba(X)

    def predict(self, X: ArrayLike) -> Integers:
        """The most probable component of each row of `X`."""
        return self.predict_proba(X).argmax(axis=1)

    def fit_predict(
        self,
        X: ArrayLike,
        y: object = None,
        sample_weight: ArrayLike | None = None,
        labels: ArrayLike | None = None,
    ) -> Integers:
        """Fit, then the most probable component of each row of `X`, even where labels are known."""
        return self.fit(X, sample_weight=sample_weight, labels=labels).predict(X)

    def sample(self, n_samples: int = 1, random_state: Any = None) -> tuple[Array, Integers]:
        """Draw points and the components they came from."""
        params = self._params()
        check.count("n_samples", n_samples)
        rng = generator(self.random_state if random_state is None else random_state)
        x, z = steps.sample(params, n_samples, rng, self._fitted_family())
        return self._decode(x), z

    def aic(self, X: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Akaike's criterion, -2 log L + 2 p: the lower the better."""
        return 2 * self._n_parameters() - 2 * self._log_likelihood(X, sample_weight)[0]

    def bic(self, X: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Schwarz's criterion, -2 log L + p log N: the lower the better; N is a sum of weights."""
        log_likelihood, n = self._log_likelihood(X, sample_weight)
        return self._n_parameters() * float(np.log(n)) - 2 * log_likelihood

    def icl(self, X: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """The integrated completed likelihood, p log N - 2 sum of log p(x, z): lower is better.

        z is each point's most probable component. So it is BIC - 2 sum of log r, and asks for
        components that are apart (Biernacki, Celeux and Govaert 2000, IEEE Trans. PAMI 22,
        719-725).
        """
        data = self._counted(X, sample_weight)
        joint = steps.log_joint(self._params(), data).max(axis=1)
        penalty = self._n_parameters() * float(np.log(data.n))
        return penalty - 2 * float((joint * data.count(slice(None))).sum())

    def _log_likelihood(self, X: ArrayLike, sample_weight: ArrayLike | None) -> tuple[float, float]:
        """Of all the data together, and for how many points they count."""
        data = self._counted(X, sample_weight)
        log_p = steps.log_density(self._params(), data)
        return float((log_p * data.count(slice(None))).sum()), data.n

    def _counted(self, X: ArrayLike, sample_weight: ArrayLike | None) -> Blocks:
        """The rows that count."""
        data = self._read(X, sample_weight)
        if not data.n:
            raise ValueError("every row of data that counts is NaN: one observation is needed")
        return data if data.weights is None else data.some(data.weights > 0)

    def standard_errors(
        self,
        X: ArrayLike,
        sample_weight: ArrayLike | None = None,
        labels: ArrayLike | None = None,
    ) -> Any:
        """Standard errors of weights and components (Louis 1982).

        `X`, `sample_weight` and `labels` are those of the fit, which must have converged, held
        nothing, and seen no NaN; a prior is not counted in. Weights are taken for numbers of
        points: where those of a survey differ, errors come out wrong, as a rule too small for
        components whose rows stand for many and too large for those whose rows stand for few, even
        if the weights were divided by their mean. Then draw rows and their weights, with
        replacement, fit again from this fit (`warm_start=True`), so that components keep their
        places, and see how the estimates scatter.

        Returns
        -------
        MixtureParams, or a tuple of weights and the family's parameters
            In the shapes of the fitted parameters.

        Examples
        --------
        >>> from emlib import GaussianMixture
        >>> from emlib.datasets import load_faithful
        >>> x = load_faithful().values
        >>> model = GaussianMixture(2, random_state=0).fit(x)
        >>> model.standard_errors(x).means.round(2)  # in minutes, of both components
        array([[0.03, 0.46],
               [0.03, 0.59]])
        """
        if self._fitted().held:
            raise ValueError(
                "some parameters are held, and these standard errors are for fits in which all "
                "are free: draw from the model, fit again from the same start, so that components "
                "keep their places, and see how the estimates scatter"
            )
        params, data = self._in_units(X, sample_weight, labels)
        errors = standard_errors(params, data)
        units = replace(data.units, origin=np.zeros(1))
        return fitting.restored(errors, data.family, units)

    def _n_parameters(self) -> int:
        """Free parameters: K - 1 weights, and those of the components."""
        (k, d), fit = self._params()[1].shape, self._fitted()
        of_components = fit.held.n_free(fit.family, k, d, fit.n_unseen)
        return of_components + (0 if any(fit.held.outer) else k - 1)

    @property
    def _n_features_out(self) -> int:
        """How many columns `transform` returns."""
        return len(self._params()[0])

    def _fitted(self) -> _Fit:
        """What is known about the fit; for a model made by hand, what its settings say."""
        if hasattr(self, "_fit"):
            return self._fit
        self._check_settings()
        family = self._family()
        return _Fit(family, IDENTITY, Held(), partial(steps.maximum, family=family))

    def _fitted_family(self) -> Family:
        return self._fitted().family

    def _params(self) -> Any:
        return steps.named(tuple(self._fitted_parts()), self._fitted_family())

    def _last_fit(self, k: int, d: int) -> steps.Params | None:
        """What a warm start goes on from: the last fit, if it was one of the same form."""
        if not self.warm_start or not hasattr(self, "_fit"):
            return None
        params, family = self._params(), self._family()
        same = family.key() == self._fit.family.key() and params[1].shape == (k, d)
        return params if same else None

    def _in_units(
        self, X: ArrayLike, sample_weight: ArrayLike | None, labels: ArrayLike | None
    ) -> tuple[steps.Params, Blocks]:
        """The parameters and new data, both in the units of the fit."""
        data, units = self._read(X, sample_weight, labels), self._fitted().units
        data = replace(data, family=data.family.in_units(units), units=units)
        return fitting.standardised(self._params(), data.family, units), data

    def _read(
        self,
        X: ArrayLike,
        sample_weight: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        reset: bool = False,
    ) -> Blocks:
        """Checked data as the family takes them, weights and known labels, in the user's units."""
        if np.ma.is_masked(X):
            check.data(X)  # scikit-learn would drop the mask and say nothing
        x = self._encode(self._table(X, reset, ensure_all_finite=False), reset)
        family = self._family() if reset else self._fitted_family()
        weights: Any = None
        if sample_weight is not None:
            weights = check.numbers("sample_weight", sample_weight)
            weights = np.full(len(x), weights) if weights.ndim == 0 else weights
            check.numbers("sample_weight", weights, shape=(len(x),))
            if np.any(weights < 0) or not np.any(weights > 0):
                raise ValueError("sample_weight must not be negative, and some must be above zero")
        known: Any = None
        if labels is not None:
            k = self.n_components if reset else len(self._params()[0])
            known = check.labels("labels", labels, len(x), k)
        holes: Any = np.isnan(x) if family.whitens or self._takes_nan else None
        if holes is not None and holes.any():
            says_nothing = holes.all(axis=1) & (True if known is None else known < 0)
            weights = np.where(says_nothing, 0.0, 1.0 if weights is None else weights)
            if family.whitens:
                x = np.asarray(check.observed(x, partly=True, fit=reset, weights=weights)[0])
            else:  # of what was not seen nothing is counted, and nothing is in the likelihood
                if reset:
                    check.each_observed(~self._by_feature(holes) * weights[:, None])
                x = np.where(holes, 0.0, x)
        x = family.check_data(x)
        holes = holes if holes is not None and holes.any() else None
        return Blocks(x, family, weights, labels=known, holes=holes)

    def __sklearn_tags__(self) -> Tags:
        """For some families counts are welcome, and other numbers are not."""
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = tags.input_tags.categorical = self._counts
        return tags

    # --- What a mixture of one family has of its own

    _counts: ClassVar[bool] = False

    def _prior(self, data: Blocks) -> BoundPrior | AnswersPrior | None:
        """The prior in the units in which EM works; none by default."""
        return None

    def _encode(self, x: Array, reset: bool) -> Array:
        """Data as the family takes them; of a fit if `reset`."""
        return x

    def _by_feature(self, holes: Mask) -> Mask:
        """What was not seen of each of the user's features, if `holes` say so of the family's."""
        return holes

    def _n_unseen(self, x: Array) -> int:
        """How many categories a fit to `x` takes for granted: those are not free parameters."""
        return 0

    def _decode(self, x: Array) -> Array:
        """Drawn points as the user has them."""
        return x


@dataclass(eq=False, repr=False)
class GaussianMixture(_Mixture):
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
        with or without a common variance.
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
        For maximum a posteriori estimates: `emlib.Prior()` keeps components from collapsing, and
        is weak if features are few. The objective is then the log-likelihood plus the log-prior.
    max_iter : int
        The most EM iterations of one climb: that from a start, and each that follows a nudge.
    n_init : int
        Number of starts; the best result is kept in the attributes, all of them in `results_`.
    init_params : {'kmeans', 'k-means++', 'random_from_data', 'random'}
        How to start. k-means often finds the same clusters again: for a search, take another.
    weights_init, means_init, covariances_init, precisions_init : array-like, optional
        Explicit starts, in the shapes of the fitted parameters; covariances or their inverses, not
        both. What is left out comes from `init_params`; with means, from the points nearest to
        each, and all starts are alike.
    responsibilities_init : array-like of shape (N, K), optional
        Responsibilities to start from, instead of `init_params`.
    hold : str, int, or a list of these
        What stays as its explicit start: 'weights', 'means' or 'covariances', of all components; or
        the number of a component, of which all but its weight stays. EM is exact for the rest, and
        criteria do not count what is held as free.
    accelerate : bool
        Whether to leap ahead with SQUAREM: often several times fewer steps where EM is slow.
    warm_start : bool
        Whether `fit` goes on from the last fit, if there is one with as many components. To see
        that it has converged, a fit needs two iterations.
    verbose : bool or int
        Whether to show a progress bar.
    random_state : int, RandomState instance or None
        Makes random starts repeatable, whatever the other settings of the climb.

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
        The same at every iteration, including the start.
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

    _: KW_ONLY
    covariance_type: str = "full"
    reg_covar: float | None = None
    covariance_floor: float = 1e-8
    prior: Prior | None = None
    means_init: ArrayLike | None = None
    precisions_init: ArrayLike | None = None
    covariances_init: ArrayLike | None = None

    means_: Array = field(init=False)
    covariances_: Array = field(init=False)

    _takes_nan = True

    def _family(self, X: ArrayLike | None = None) -> Family:
        make = FORMS[self.covariance_type]
        if self.reg_covar is None:
            return make(floor=float(self.covariance_floor))
        return make(ridge=float(self.reg_covar))

    def _given(self, family: Any, k: int, d: int) -> tuple[Array | None, ...]:
        shape = family.shapes(k, d)[1]
        given = check.positive_definite(
            "precisions_init", self.precisions_init, shape, family.matrices
        )
        means = check.shaped("means_init", self.means_init, (k, d))
        if self.covariances_init is not None:
            if given is not None:
                raise ValueError("give covariances_init or precisions_init, not both")
            given = check.positive_definite(
                "covariances_init", self.covariances_init, shape, family.matrices
            )
        elif given is not None:  # they are the precisions of what has these as covariances
            given = family.in_shape(precisions(family.whiteners((np.empty((k, d)), given))))
        return means, given

    def _prior(self, data: Blocks) -> BoundPrior | None:
        prior = prior_of(self.prior)
        if prior is not None and self.reg_covar:
            raise ValueError("give a prior or reg_covar, not both")
        return None if prior is None else prior.bound(data, self.n_components)

    def marginal(self, features: ArrayLike) -> GaussianMixture:
        """The mixture of some of the `features`, columns of the data, whatever the others are."""
        family: Any = self._fitted_family()
        return self._of(marginal(self._params(), features, family), np.atleast_1d(features))

    def conditional(self, x: ArrayLike) -> GaussianMixture:
        """The mixture of the features that are NaN in `x`, one point of shape (D,), given the rest.

        `weights_ @ means_` of what comes back is the best guess at them.
        """
        family: Any = self._fitted_family()
        if hasattr(x, "to_frame"):  # a row of a table
            _check_feature_names(self, x.to_frame().T, reset=False)
        row = check.numbers("x", x, finite=False)
        return self._of(conditional(self._params(), row, family), np.isnan(row))

    def _of(self, params: steps.MixtureParams, features: Any) -> GaussianMixture:
        """A mixture of some of the features, which checks their names if this one does."""
        model = GaussianMixture(len(params.weights))
        model.n_features_in_ = params.means.shape[1]
        if hasattr(self, "feature_names_in_"):
            model.feature_names_in_ = self.feature_names_in_[features]
        model._show(params, FULL)
        return model

    def _show(self, params: Iterable[Array], family: Any) -> None:
        super()._show(params, family)
        w = family.whiteners((self.means_, self.covariances_))
        self.precisions_ = family.in_shape(precisions(w))
        upper = np.swapaxes(w, -1, -2) if family.matrices else w
        self.precisions_cholesky_ = family.in_shape(upper)


@dataclass(eq=False, repr=False)
class Mixture(_Mixture):
    """Mixture of any family, fitted by EM: one of `emlib.families`, or your own.

    Parameters
    ----------
    n_components : int
        K, the number of components.
    family : Family, optional
        What a component is: an instance of a subclass of `emlib.families.Family`. By default
        Gaussians with full covariances.
    components_init : tuple of array-like or None, optional
        Explicit starts for each of the family's parameters.
    tol, max_iter, n_init, init_params, weights_init, responsibilities_init, accelerate, warm_start
        As in `GaussianMixture`.
    hold, verbose, random_state
        As in `GaussianMixture`.

    Attributes
    ----------
    weights_ : ndarray of shape (K,)
    converged_, n_iter_, lower_bound_, lower_bounds_, result_, results_
        As in `GaussianMixture`. The components are shown under the names that the family gives
        them: `rates_` for `Poisson`.

    Examples
    --------
    >>> from emlib.families import Binomial
    >>> heads = np.array([5.0, 9, 8, 4, 7])[:, None]  # in five sets of ten tosses, of two coins
    >>> model = Mixture(2, family=Binomial(10), weights_init=[0.5, 0.5], random_state=0).fit(heads)
    >>> model.probabilities_.shape
    (2, 1)
    """

    _: KW_ONLY
    family: Family | None = None
    components_init: tuple[ArrayLike | None, ...] | None = None

    def __sklearn_tags__(self) -> Tags:
        """NaN is welcome to Gaussians."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = bool(getattr(self.family, "whitens", True))
        return tags

    def _family(self, X: ArrayLike | None = None) -> Family:
        return family_of(self.family)

    def _given(self, family: Any, k: int, d: int) -> tuple[Array | None, ...]:
        return family.check_start(self.components_init, family.shapes(k, d))


@dataclass(eq=False, repr=False)
class PoissonMixture(_Mixture):
    """Mixture of Poisson counts, fitted by EM; features are independent within a component.

    Parameters
    ----------
    n_components : int
        K, the number of components.
    rates_init : array-like of shape (K, D), optional
        Explicit start.
    tol, max_iter, n_init, init_params, weights_init, responsibilities_init, accelerate, warm_start
        As in `GaussianMixture`.
    hold, verbose, random_state
        As in `GaussianMixture`.

    Attributes
    ----------
    weights_ : ndarray of shape (K,)
    rates_ : ndarray of shape (K, D)
        The mean count of each feature in each component.
    converged_, n_iter_, lower_bound_, lower_bounds_, result_, results_
        As in `GaussianMixture`.

    Examples
    --------
    Deaths per day of women of 80 and over, as announced in The Times (Hasselblad 1969).

    >>> days = np.array([162, 267, 271, 185, 111, 61, 27, 8, 3, 1])
    >>> deaths = np.repeat(np.arange(10), days)[:, None]
    >>> model = PoissonMixture(2, accelerate=True, random_state=0).fit(deaths)
    >>> np.sort(model.rates_[:, 0]).round(2)
    array([1.26, 2.66])
    """

    _: KW_ONLY
    rates_init: ArrayLike | None = None

    rates_: Array = field(init=False)

    _counts = True

    def _family(self, X: ArrayLike | None = None) -> Family:
        return Poisson()

    def _given(self, family: Any, k: int, d: int) -> tuple[Array | None, ...]:
        return (check.in_range("rates_init", self.rates_init, (k, d)),)


@dataclass(eq=False, repr=False)
class BernoulliMixture(_Mixture):
    """Mixture of binary tables, fitted by EM: latent class analysis.

    Features are zero or one, and independent within a component.

    Parameters
    ----------
    n_components : int
        K, the number of latent classes.
    binarize : float, optional
        If given, what is above it is one, and the rest zero; if None, data must be zeros and ones.
    probabilities_init : array-like of shape (K, D), optional
        Explicit start.
    probabilities_prior : float
        Concentration of a Dirichlet prior, at least 1: every answer counts as seen that many extra
        times, less one, in every class. Then no probability is zero, nor a later answer impossible.
    tol, max_iter, n_init, init_params, weights_init, responsibilities_init, accelerate, warm_start
        As in `GaussianMixture`.
    hold, verbose, random_state
        As in `GaussianMixture`. Likelihoods of binary tables have many maxima: use several starts.

    Attributes
    ----------
    weights_ : ndarray of shape (K,)
    probabilities_ : ndarray of shape (K, D)
        Of a one, for each feature in each component.
    converged_, n_iter_, lower_bound_, lower_bounds_, result_, results_
        As in `GaussianMixture`.

    Examples
    --------
    >>> x = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 0], [0, 0, 1], [0, 1, 1], [0, 0, 1]])
    >>> model = BernoulliMixture(2, random_state=0).fit(x)
    >>> model.predict(x) == model.predict(x[:1])
    array([ True,  True,  True, False, False, False])
    """

    _: KW_ONLY
    binarize: float | None = None
    probabilities_init: ArrayLike | None = None
    probabilities_prior: float = 1.0

    probabilities_: Array = field(init=False)

    def _family(self, X: ArrayLike | None = None) -> Family:
        return Binomial(1)

    def _prior(self, data: Blocks) -> AnswersPrior | None:
        return AnswersPrior.of(data.family, self.probabilities_prior)

    def _given(self, family: Any, k: int, d: int) -> tuple[Array | None, ...]:
        return (check.in_range("probabilities_init", self.probabilities_init, (k, d), 1.0),)

    def _encode(self, x: Array, reset: bool) -> Array:
        x = check.data(x, check.OF_NAN_IN_COUNTS)
        if self.binarize is None:
            return x
        return (x > check.size("binarize", self.binarize, -np.inf)).astype(float)


@dataclass(eq=False, repr=False)
class CategoricalMixture(_Mixture):
    """Mixture of categorical tables, fitted by EM: latent class analysis.

    Each column holds categories 0, 1, 2 and so on, or NaN where there is no answer; columns are
    independent within a component.

    Parameters
    ----------
    n_components : int
        K, the number of latent classes.
    n_categories : int or array-like of shape (D,), optional
        How many categories each column has; by default, up to the highest number in the data. Then
        numbers that never occur do not count as parameters in criteria.
    probabilities_init : list of D array-likes of shape (K, n_categories), optional
        Explicit start; or one table, like `probabilities_`.
    probabilities_prior : float
        As in `BernoulliMixture`: every category counts as seen that many extra times, less one.
    tol, max_iter, n_init, init_params, weights_init, responsibilities_init, accelerate, warm_start
        As in `GaussianMixture`.
    hold, verbose, random_state
        As in `GaussianMixture`. Likelihoods of such tables have many maxima: use several starts.

    Attributes
    ----------
    weights_ : ndarray of shape (K,)
    probabilities_ : ndarray of shape (K, sum of n_categories)
        Those of the first column's categories, then those of the second's, and so on.
    n_categories_ : tuple of D ints
    converged_, n_iter_, lower_bound_, lower_bounds_, result_, results_
        As in `GaussianMixture`.

    Examples
    --------
    >>> x = np.array([[0, 2, 1], [0, 2, 1], [0, 1, 1], [1, 0, 0], [1, 0, 0], [1, 1, 0]])
    >>> model = CategoricalMixture(2, random_state=0).fit(x)
    >>> model.predict(x) == model.predict(x[:1])
    array([ True,  True,  True, False, False, False])
    """

    _: KW_ONLY
    n_categories: int | ArrayLike | None = None
    probabilities_init: list[ArrayLike] | None = None
    probabilities_prior: float = 1.0

    probabilities_: Array = field(init=False)

    _counts = _takes_nan = True
    _of_text = f". Number the categories of each column: {check.ENCODER}"

    def _family(self, X: ArrayLike | None = None) -> Family:
        message = "%(name)s has no n_categories_: fit it, or set them with its parameters"
        check_is_fitted(self, "n_categories_", msg=message)
        return Categorical(self.n_categories_)

    def _prior(self, data: Blocks) -> AnswersPrior | None:
        return AnswersPrior.of(data.family, self.probabilities_prior)

    def _n_unseen(self, x: Array) -> int:
        return 0 if self.n_categories is not None else int((x == 0).all(axis=0).sum())

    def _given(self, family: Any, k: int, d: int) -> tuple[Array | None, ...]:
        if self.probabilities_init is None:
            return (None,)
        given: Any = self.probabilities_init
        if isinstance(given, np.ndarray) and given.shape == (k, d):
            given = np.split(given, np.cumsum(self.n_categories_)[:-1], axis=1)
        if not isinstance(given, tuple | list | np.ndarray) or len(given) != len(
            self.n_categories_
        ):
            raise ValueError("probabilities_init must be a list with a table for each column")
        tables = zip(given, self.n_categories_, strict=True)
        parts: list[Any] = [
            check.shares("probabilities_init", table, (k, n)) for table, n in tables
        ]
        return (np.concatenate(parts, axis=1),)

    def _encode(self, x: Array, reset: bool) -> Array:
        seen = ~np.isnan(x)
        x = check.data(np.where(seen, x, 0.0))
        if np.any(x < 0) or np.any(x != np.floor(x)):
            what = "Negative values in data" if np.any(x < 0) else "Fractions in data"
            raise ValueError(
                f"{what}: categories must be whole numbers from 0 up, and NaN, not -1, where there "
                "is no answer. Number them."
            )
        if reset:
            sizes = x.max(axis=0) + 1 if self.n_categories is None else self.n_categories
            self.n_categories_ = _one_each(sizes, x.shape[1])
        unknown = np.argwhere(x >= self.n_categories_)
        if len(unknown):
            row, column = unknown[0]
            raise ValueError(
                f"column {column} has category {x[row, column]:g} (row {row}), but only "
                f"{self.n_categories_[column]} categories: say with n_categories how many there are"
            )
        ends = np.cumsum(self.n_categories_)
        one_hot = np.zeros((len(x), ends[-1]))
        columns = x.astype(int) + ends - self.n_categories_
        np.put_along_axis(one_hot, columns, 1.0, axis=1)
        one_hot[np.repeat(~seen, self.n_categories_, axis=1)] = np.nan
        return one_hot

    def _by_feature(self, holes: Mask) -> Mask:
        return holes[:, np.cumsum(self.n_categories_) - self.n_categories_]

    def _decode(self, x: Array) -> Array:
        features = np.split(x, np.cumsum(self.n_categories_)[:-1], axis=1)
        return np.stack([one_hot.argmax(axis=1) for one_hot in features], axis=1)


def _one_each(sizes: ArrayLike, d: int) -> tuple[int, ...]:
    """A number of categories for each column."""
    given = check.numbers("n_categories", sizes)
    if given.shape not in ((), (d,)) or isinstance(sizes, bool) or np.any(given != np.floor(given)):
        raise ValueError(f"n_categories must be a whole number, or {d} of them, got {sizes!r}")
    if np.any(given < 1):
        raise ValueError(f"n_categories must be above zero, got {sizes!r}")
    return tuple(np.broadcast_to(given, d).astype(int).tolist())


def _check_enough(x: Array, k: int) -> None:
    if len(x) < 2:
        raise ValueError(f"n_samples={len(x)}: one point has no spread. At least two are needed.")
    if k > len(x):
        raise ValueError(f"n_components={k} is more than n_samples={len(x)}: use fewer.")
