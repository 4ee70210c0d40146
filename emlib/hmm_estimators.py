"""Hidden Markov models with hmmlearn's conventions, on top of the functions of `emlib.hmm`."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from emlib import fitting, hmm
from emlib.covariances import FORMS
from emlib.em import DegenerateError, DegenerateWarning, EMResult
from emlib.families import Categorical, Family, Poisson
from emlib.hmm import HMMParams
from emlib.hmm_fitting import HMMProblem, known_symbols
from emlib.sequences import Sequences
from emlib.settings import check_count, check_hmm_settings, positive, shares
from emlib.validation import check_data, check_spread, listed, shaped

Array = NDArray[np.float64]
Integers = NDArray[np.intp]


class _HMM(BaseEstimator, ABC):
    """What the three models have in common.

    Their arguments:

    n_components : int
        K, the number of hidden states.
    startprob_init, transmat_init : array-like of shapes (K,) and (K, K), optional
        An explicit start of the chain. What is zero stays zero: so you forbid transitions.
    stationary : bool
        Whether every sequence starts in the chain's stationary distribution.
    tol : float
        In log-likelihood per observation; bounds the estimated distance to the limit.
    max_iter : int
        The most EM iterations of one climb: that from a start, and each that follows a nudge.
    n_init : int
        Number of starts; the best result is kept in the attributes.
    init_params : {'kmeans', 'k-means++', 'random_from_data', 'random'}
        How the states are first told apart, as in a mixture, where no start is given.
    verbose : bool or int
        Whether to show a progress bar.
    random_state : int, RandomState instance or None
        Makes starts and samples repeatable.

    And their attributes after `fit`: `startprob_`, `transmat_`, `converged_`, `n_iter_`,
    `result_`, an EMResult that says why EM stopped, and `results_`, one for each start.
    """

    n_components: int
    random_state: Any
    startprob_: Array
    transmat_: Array

    def fit(self, X: ArrayLike, lengths: ArrayLike | None = None) -> Self:
        """Fit the model by EM, here called Baum-Welch.

        Parameters
        ----------
        X : array-like of shape (T, D)
            Sequences, one below the other.
        lengths : array-like of int, optional
            How many rows each sequence has; by default all are one sequence.

        Raises
        ------
        ValueError
            If the data or the settings cannot give a model; the message says what to do.

        Warns
        -----
        DegenerateWarning, ObjectiveFellWarning, ConvergenceWarning
            If the result is not to be trusted; `result_` has it all the same.
        """
        check_hmm_settings(self)
        problem = self._problem(X, lengths)
        if self.n_components > problem.sequences.n:
            raise ValueError(
                f"n_components={self.n_components} is more than the {problem.sequences.n} "
                "observations there are: use fewer."
            )
        rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31, size=4))
        self.results_ = problem.fit_all(rng)
        best = max(self.results_, key=fitting.rank)
        self.result_, self.converged_, self.n_iter_ = best, best.converged, best.n_iter
        self.startprob_, self.transmat_ = best.params.startprob, best.params.transmat
        self._keep(best.params.components)
        fitting.warn_of(best, "Raise max_iter, or try other starts with n_init.")
        self._say_unvisited(best, self._sequences(X, lengths))
        return self

    def score(self, X: ArrayLike, lengths: ArrayLike | None = None) -> float:
        """Log-likelihood of all sequences together, as hmmlearn has it."""
        return hmm.e_step(self._params(), self._sequences(X, lengths), self._family())[1]

    def score_samples(self, X: ArrayLike, lengths: ArrayLike | None = None) -> tuple[float, Array]:
        """The log-likelihood, and the responsibilities of shape (T, K)."""
        return hmm.smoothed(self._params(), self._sequences(X, lengths), self._family())[::-1]

    def predict_proba(self, X: ArrayLike, lengths: ArrayLike | None = None) -> Array:
        """Responsibilities: p(z_t = k | the whole sequence), of shape (T, K)."""
        return self.score_samples(X, lengths)[1]

    def decode(self, X: ArrayLike, lengths: ArrayLike | None = None) -> tuple[float, Integers]:
        """Log-probability of data and most probable paths together, and the paths."""
        return hmm.decoded(self._params(), self._sequences(X, lengths), self._family())[::-1]

    def predict(self, X: ArrayLike, lengths: ArrayLike | None = None) -> Integers:
        """The most probable path of states of each sequence, one after the other."""
        return self.decode(X, lengths)[1]

    def sample(self, n_samples: int = 1, random_state: Any = None) -> tuple[Array, Integers]:
        """Draw one sequence, of shape (n_samples, D), and the states behind it."""
        params = self._params()
        check_count("n_samples", n_samples)
        source = self.random_state if random_state is None else random_state
        rng = np.random.default_rng(check_random_state(source).randint(2**31))
        x, z = hmm.sample(params, n_samples, rng, self._family())
        return self._shown(x), z

    def aic(self, X: ArrayLike, lengths: ArrayLike | None = None) -> float:
        """Akaike's criterion, -2 log L + 2 p: the lower the better."""
        return 2 * self._n_parameters() - 2 * self.score(X, lengths)

    def bic(self, X: ArrayLike, lengths: ArrayLike | None = None) -> float:
        """Schwarz's criterion, -2 log L + p log T: the lower the better."""
        penalty = self._n_parameters() * np.log(len(np.asarray(X)))
        return float(penalty - 2 * self.score(X, lengths))

    def _n_parameters(self) -> int:
        """Free parameters; a stationary chain's start is not free."""
        params = self._params()
        k, d = params.components[0].shape
        start = 0 if self.get_params()["stationary"] else k - 1
        return int(start + k * (k - 1) + self._family().n_parameters(k, d))

    def _params(self) -> HMMParams:
        check_is_fitted(self)
        return HMMParams(self.startprob_, self.transmat_, self._components())

    def _say_unvisited(self, best: EMResult[HMMParams], sequences: Sequences) -> None:
        """Warn of states of which the data say nothing."""
        never, stays = hmm.unvisited(hmm.e_step(best.params, sequences, self._family())[0])
        if len(never):
            message = f"state {listed(never)} is never visited: what it has is that of the start"
            warnings.warn(message, DegenerateWarning, stacklevel=3)
        if len(stays):
            message = f"state {listed(stays)} is never left: its row of transmat_ is the start's"
            warnings.warn(message, DegenerateWarning, stacklevel=3)

    def _shown(self, x: Array) -> Array:
        """Drawn observations as the user has them."""
        return x

    @abstractmethod
    def _problem(self, X: ArrayLike, lengths: ArrayLike | None) -> HMMProblem:
        """Checked data and explicit starts."""

    def _sequences(self, X: ArrayLike, lengths: ArrayLike | None) -> Sequences:
        """Checked data, with as many features as those of the fit."""
        d = self._params().components[0].shape[1]
        sequences = Sequences.of(X, lengths)
        if sequences.data.shape[1] != d:
            raise ValueError(f"the model has {d} features, the data {sequences.data.shape[1]}")
        return sequences

    @abstractmethod
    def _family(self) -> Family:
        """That of the fitted components."""

    @abstractmethod
    def _components(self) -> tuple[Array, ...]:
        """Those that were fitted."""

    @abstractmethod
    def _keep(self, components: tuple[Array, ...]) -> None:
        """Under the names that users know."""


class GaussianHMM(_HMM):
    """Hidden Markov model of which every state emits points of a Gaussian.

    Methods are hmmlearn's; there is no hidden prior, and no result depends on the data's units.

    Parameters
    ----------
    n_components : int
        K, the number of hidden states.
    covariance_type : {'full', 'tied', 'diag', 'spherical'}
        As in `emlib.GaussianMixture`, as is `covariance_floor`.
    means_init : array-like of shape (K, D), optional
    covars_init : array-like, optional
        In the shape of `covars_`.
    startprob_init, transmat_init, stationary, tol, max_iter, n_init, init_params
        Explicit starts of the chain (zeros stay zero); whether it starts stationary; when to
        stop, in log-likelihood per observation; how many starts, and how to make them.
    verbose, random_state
        As in `emlib.GaussianMixture`.

    Attributes
    ----------
    startprob_, transmat_, means_ : ndarrays of shapes (K,), (K, K) and (K, D)
    covars_ : ndarray of shape (K, D, D), (D, D), (K, D) or (K,), by `covariance_type`
        As hmmlearn takes them; it shows them as (K, D, D) whatever their type.
    converged_, n_iter_, result_, results_
        `result_` is an EMResult: why EM stopped, the trace, whether a maximum was confirmed.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = np.repeat([0.0, 5.0, 0.0], 100)[:, None] + rng.normal(size=(300, 1))
    >>> model = GaussianHMM(2, random_state=0).fit(x)
    >>> np.diff(model.predict(x)).nonzero()[0]
    array([ 99, 199])
    """

    def __init__(
        self,
        n_components: int = 1,
        covariance_type: str = "full",
        *,
        covariance_floor: float = 1e-8,
        startprob_init: ArrayLike | None = None,
        transmat_init: ArrayLike | None = None,
        means_init: ArrayLike | None = None,
        covars_init: ArrayLike | None = None,
        stationary: bool = False,
        tol: float = 1e-8,
        max_iter: int = 2000,
        n_init: int = 1,
        init_params: str = "kmeans",
        verbose: bool | int = False,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.covariance_floor = covariance_floor
        self.startprob_init = startprob_init
        self.transmat_init = transmat_init
        self.means_init = means_init
        self.covars_init = covars_init
        self.stationary = stationary
        self.tol = tol
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.verbose = verbose
        self.random_state = random_state

    def _problem(self, X: ArrayLike, lengths: ArrayLike | None) -> HMMProblem:
        x = check_data(X)
        check_spread(x)
        kind, k, d = self.covariance_type, self.n_components, x.shape[1]
        sequences = Sequences.of(x, lengths, standard=True, common=kind == "spherical")
        family = FORMS[kind](floor=float(self.covariance_floor))
        means = shaped("means_init", self.means_init, (k, d))
        covars = positive("covars_init", self.covars_init, kind, k, d)
        self._fitted_type = kind
        return HMMProblem(self, sequences, family, (means, covars))

    def _family(self) -> Family:
        return FORMS[self._fitted_type]()

    def _components(self) -> tuple[Array, ...]:
        return self.means_, self.covars_

    def _keep(self, components: tuple[Array, ...]) -> None:
        self.means_, self.covars_ = components


class PoissonHMM(_HMM):
    """Hidden Markov model of which every state emits Poisson counts.

    Parameters
    ----------
    n_components : int
        K, the number of hidden states.
    lambdas_init : array-like of shape (K, D), optional
    startprob_init, transmat_init, stationary, tol, max_iter, n_init, init_params, verbose,
    random_state
        As in `GaussianHMM`.

    Attributes
    ----------
    startprob_, transmat_ : ndarrays of shapes (K,) and (K, K)
    lambdas_ : ndarray of shape (K, D)
        Rates: the mean count of each feature in each state.
    converged_, n_iter_, result_, results_
        As in `GaussianHMM`.

    Examples
    --------
    >>> from emlib.datasets import load_earthquakes
    >>> counts = load_earthquakes().values[:, [1]]
    >>> model = PoissonHMM(2, stationary=True, random_state=0).fit(counts)
    >>> np.sort(model.lambdas_[:, 0]).round(1), round(model.score(counts), 4)
    (array([15.5, 26.1]), -342.3183)
    """

    def __init__(
        self,
        n_components: int = 1,
        *,
        startprob_init: ArrayLike | None = None,
        transmat_init: ArrayLike | None = None,
        lambdas_init: ArrayLike | None = None,
        stationary: bool = False,
        tol: float = 1e-8,
        max_iter: int = 2000,
        n_init: int = 1,
        init_params: str = "kmeans",
        verbose: bool | int = False,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.startprob_init = startprob_init
        self.transmat_init = transmat_init
        self.lambdas_init = lambdas_init
        self.stationary = stationary
        self.tol = tol
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.verbose = verbose
        self.random_state = random_state

    def _problem(self, X: ArrayLike, lengths: ArrayLike | None) -> HMMProblem:
        sequences = Sequences.of(X, lengths)
        Poisson().shared(sequences.data.x)  # which checks that they are counts
        shape = (self.n_components, sequences.data.shape[1])
        lambdas = shaped("lambdas_init", self.lambdas_init, shape)
        return HMMProblem(self, sequences, Poisson(), (lambdas,))

    def _family(self) -> Family:
        return Poisson()

    def _components(self) -> tuple[Array, ...]:
        return (self.lambdas_,)

    def _keep(self, components: tuple[Array, ...]) -> None:
        (self.lambdas_,) = components


class CategoricalHMM(_HMM):
    """Hidden Markov model of which every state emits symbols.

    Parameters
    ----------
    n_components : int
        K, the number of hidden states.
    n_features : int, optional
        How many symbols there are; by default, as many as occur or as `emissionprob_init` has.
    emissionprob_init : array-like of shape (K, n_features), optional
    startprob_init, transmat_init, stationary, tol, max_iter, n_init, verbose, random_state
        As in `GaussianHMM`. Starts that are not explicit are random: use several.

    Attributes
    ----------
    startprob_, transmat_ : ndarrays of shapes (K,) and (K, K)
    emissionprob_ : ndarray of shape (K, n_features)
        Rows sum to one.
    converged_, n_iter_, result_, results_
        As in `GaussianHMM`.

    Examples
    --------
    >>> symbols = np.array([0, 1, 0, 2, 0, 1, 0, 2, 0, 1])[:, None]
    >>> model = CategoricalHMM(2, n_init=5, random_state=1).fit(symbols)
    >>> model.emissionprob_[model.predict(symbols)[1]].round(1)  # of every second symbol
    array([0. , 0.6, 0.4])
    """

    def __init__(
        self,
        n_components: int = 1,
        *,
        n_features: int | None = None,
        startprob_init: ArrayLike | None = None,
        transmat_init: ArrayLike | None = None,
        emissionprob_init: ArrayLike | None = None,
        stationary: bool = False,
        tol: float = 1e-8,
        max_iter: int = 2000,
        n_init: int = 1,
        verbose: bool | int = False,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.n_features = n_features
        self.startprob_init = startprob_init
        self.transmat_init = transmat_init
        self.emissionprob_init = emissionprob_init
        self.stationary = stationary
        self.tol = tol
        self.max_iter = max_iter
        self.n_init = n_init
        self.verbose = verbose
        self.random_state = random_state

    def _problem(self, X: ArrayLike, lengths: ArrayLike | None) -> HMMProblem:
        n = self.n_features
        if n is None and self.emissionprob_init is not None:
            n = np.shape(self.emissionprob_init)[-1]
        symbols = known_symbols(X, n)
        n = int(symbols.max()) + 1 if n is None else n
        given = shares("emissionprob_init", self.emissionprob_init, (self.n_components, n))
        sequences = Sequences.of_values(np.eye(n), symbols, lengths)
        if given is not None:
            _check_symbols(given, symbols)
        return HMMProblem(self, sequences, Categorical((n,)), (given,))

    def _sequences(self, X: ArrayLike, lengths: ArrayLike | None) -> Sequences:
        check_is_fitted(self)
        n = self.emissionprob_.shape[1]
        symbols = known_symbols(X, n)
        _check_symbols(self.emissionprob_, symbols)
        return Sequences.of_values(np.eye(n), symbols, lengths)

    def _family(self) -> Family:
        return Categorical((self.emissionprob_.shape[1],))

    def _components(self) -> tuple[Array, ...]:
        return (self.emissionprob_,)

    def _keep(self, components: tuple[Array, ...]) -> None:
        (self.emissionprob_,) = components

    def _shown(self, x: Array) -> Array:
        return np.asarray(x.argmax(axis=1)[:, None])


def _check_symbols(emissionprob: Array, symbols: Integers) -> None:
    """A DegenerateError that names a symbol no state can emit."""
    impossible = np.setdiff1d(symbols, np.flatnonzero(emissionprob.max(axis=0) > 0))
    if len(impossible):
        raise DegenerateError(
            f"symbol {listed(impossible)} has probability zero in every state, but occurs: fit "
            "with data in which it occurs, or give it a probability above zero"
        )
