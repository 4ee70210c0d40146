"""hmmlearn's conventions on top of the pure functions of `emlib.hmm.steps`."""

from __future__ import annotations

import warnings
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import _check_feature_names

from emlib import validation as check
from emlib.covariances import FORMS, family_of
from emlib.estimators import ComponentsEstimator, generator, warn_of_unseen
from emlib.families import Family, Poisson, Symbols
from emlib.hmm import fitting, steps
from emlib.hmm.priors import ChainPrior, concentration
from emlib.hmm.sequences import Sequences, check_lengths
from emlib.hmm.stationary import stationary
from emlib.hmm.steps import HMMParams
from emlib.holding import Held
from emlib.mixture.priors import Prior, prior_of
from emlib.mixture.starts import STARTS
from emlib.results import DegenerateWarning, ImpossibleError
from emlib.types import Array, Integers
from emlib.wording import sentence, shown


class _Fit(NamedTuple):
    """A fit: its family, what was held, how much of the chain was free, symbols never seen, end."""

    family: Family
    held: Held
    free_in_chain: tuple[int, int]
    n_unseen: int
    params: HMMParams


@dataclass(eq=False, repr=False)
class _HMM(ComponentsEstimator):
    """What models of all families have in common; `GaussianHMM` says what the settings mean."""

    _: KW_ONLY
    startprob_init: ArrayLike | None = None
    transmat_init: ArrayLike | None = None
    startprob_prior: ArrayLike = 1.0
    transmat_prior: ArrayLike = 1.0
    stationary: bool = False
    accelerate: bool = False

    startprob_: Array = field(init=False)
    transmat_: Array = field(init=False)

    _outer = ("startprob", "transmat")
    _choices = {"init_params": STARTS, "covariance_type": FORMS}
    _takes_nan = True

    def fit(
        self,
        X: ArrayLike,
        lengths: ArrayLike | None = None,
        states: ArrayLike | None = None,
    ) -> Self:
        """Fit the model by EM, here called Baum-Welch.

        Parameters
        ----------
        X : array-like of shape (T, D)
            Sequences, one below the other; rows are one step of time apart. A row that is NaN
            throughout stands for an observation that was not made: the chain goes on, and the
            row makes no state likelier. Put in the rows that your table leaves out. Where states
            are Gaussians a row may be NaN in part: it counts by the marginal of the rest.
        lengths : array-like of int, optional
            How many rows each sequence has, in the order in which they come; by default all are
            one sequence. With pandas, `table.groupby("person", sort=False).size()`.
        states : array-like of int, shape (T,), optional
            The states that are known, from 0 to K - 1, and -1 for those that are not.

        Raises
        ------
        ValueError
            If the data or the settings cannot give a model; the message says what to do.

        Warns
        -----
        DegenerateWarning, ObjectiveFellWarning, ConvergenceWarning
            If the result is not to be trusted; `result_` has it all the same.
        """
        with self._all_or_nothing():
            if self.stationary and self.startprob_init is not None:
                raise ValueError(
                    "a stationary chain has no start of its own: leave startprob_init out"
                )
            k, how = self.n_components, getattr(self, "init_params", None)
            sequences = self._sequences(X, lengths, fit=True)
            if states is not None:
                sequences = sequences.with_known(states, k)
            if k > sequences.n:
                raise ValueError(
                    f"n_components={k} is more than the {sequences.n} observations: use fewer."
                )
            family = sequences.data.family
            prior = self._prior(sequences)
            components = self._given(family, k, sequences.data.x.shape[1])
            startprob = check.shares("startprob_init", self.startprob_init, (k,))
            transmat = check.shares("transmat_init", self.transmat_init, (k, k))
            explicit: Any = HMMParams._make((startprob, transmat, components))
            outer = {"startprob": startprob, "transmat": transmat}
            if self.stationary:  # then the start is that of the steps
                del outer["startprob"]
            inner = dict(zip(self._names(family), components, strict=True))
            held = Held.of(self.hold, outer, inner, k, family, prior.gaussians)
            if self.stationary:
                held = replace(held, outer=held.outer * 2)
            problem = fitting.problem_of(sequences, self.stationary, prior, held, self.accelerate)
            rng = generator(self.random_state, 4)

            def start(_: int) -> HMMParams:
                start = fitting.start(sequences, prior, explicit, how, rng)
                if self.stationary:
                    start = start._replace(startprob=stationary(start.transmat))
                return start

            best = self._climb(problem, start, rng)
            free = self._free_in_chain(*best.trace.params[0][:2])
            n_unseen = self._n_unseen(sequences)
            self._fit = _Fit(family, held, free, n_unseen, best.params)
            self._show((*best.params[:2], *best.params.components), family)
        self._warn("Raise max_iter, try other starts with n_init, or accelerate=True.")
        components = family.to_units(best.params.components, sequences.data.units)
        end = best.params._replace(components=components)
        _warn_of_unvisited(end, sequences)
        if sequences.data.holes is not None:
            r = steps.smoothed(end, sequences)[0][sequences.pieces.rows]
            warn_of_unseen(sequences.per_value(r.T) @ ~sequences.data.holes, "state", held)
        return self

    def score(self, X: ArrayLike, lengths: ArrayLike | None = None) -> float:
        """Log-likelihood of all sequences together, as hmmlearn has it; -inf if impossible."""
        return self._score(self._sequences(X, lengths))

    def _score(self, sequences: Sequences) -> float:
        try:
            return steps.e_step(self._params(), sequences)[1]
        except ImpossibleError:
            return -np.inf

    def score_samples(self, X: ArrayLike, lengths: ArrayLike | None = None) -> tuple[float, Array]:
        """The log-likelihood, and the responsibilities of shape (T, K)."""
        sequences = self._sequences(X, lengths)
        return steps.smoothed(self._params(), sequences)[::-1]

    def predict_proba(self, X: ArrayLike, lengths: ArrayLike | None = None) -> Array:
        """Responsibilities: p(z_t = k | the whole sequence), of shape (T, K)."""
        return self.score_samples(X, lengths)[1]

    def score_sequences(self, X: ArrayLike, lengths: ArrayLike | None = None) -> Array:
        """The log-likelihood of each sequence; -inf for one that is impossible."""
        return self._filtered(X, lengths)[1]

    def filter_proba(self, X: ArrayLike, lengths: ArrayLike | None = None) -> Array:
        """p(z_t = k | x_1 .. x_t), of shape (T, K): what was known about the states at the time.

        The rows of a sequence are zero from where it becomes impossible.
        """
        return self._filtered(X, lengths)[0]

    def forecast_proba(
        self, X: ArrayLike, lengths: ArrayLike | None = None, steps: int = 1
    ) -> Array:
        """p(z_{T+s} = k | x_1 .. x_T), s `steps` after the last row of each sequence.

        The observation then comes from the mixture of the states' components with these weights:
        `model.forecast_proba(X) @ model.means_` is its mean. A copy of the model whose `startprob_`
        is `model.forecast_proba(X)[0]` goes on from there: it filters and scores the rows that
        follow as if it had read `X` before them.

        Returns
        -------
        ndarray of shape (number of sequences, K)

        Examples
        --------
        How many large earthquakes the next seven years may see: the middle 90 % of forecasts.

        >>> import copy
        >>> from emlib.datasets import load_earthquakes
        >>> counts = load_earthquakes().values[:, [1]]
        >>> model = PoissonHMM(2, random_state=0).fit(counts)
        >>> ahead = copy.deepcopy(model)
        >>> ahead.startprob_ = model.forecast_proba(counts)[0]
        >>> totals = [ahead.sample(7, random_state=s)[0].sum() for s in range(1000)]
        >>> np.quantile(totals, [0.05, 0.95]).round()
        array([ 94., 174.])
        """
        check.count("steps", steps)
        if check.is_whole(lengths):
            raise ValueError(
                f"lengths must be a list, got {shown(lengths)}: did you mean "
                f"steps={shown(lengths)}?"
            )
        r, log_likelihoods = self._filtered(X, lengths)
        if len(impossible := np.flatnonzero(log_likelihoods == -np.inf)):
            are_impossible = sentence("sequence", impossible, "is impossible", "are impossible")
            raise ImpossibleError(f"{are_impossible} under the model: nothing follows")
        last = np.cumsum(check_lengths(lengths, len(r))) - 1
        # Equation hmm-forward, without an observation: by squares, so that steps may be many
        forecast, power = r[last], _normalised(self._params().transmat)
        while steps:
            if steps % 2:
                forecast = _normalised(forecast @ power)
            power, steps = _normalised(power @ power), steps // 2
        return forecast

    def _filtered(self, X: ArrayLike, lengths: ArrayLike | None) -> tuple[Array, Array]:
        sequences = self._sequences(X, lengths)
        return steps.filtered(self._params(), sequences)

    def get_stationary_distribution(self) -> Array:
        """The shares of time that the chain spends in each state, in the long run: (K,)."""
        return stationary(self._params().transmat)

    def decode(
        self, X: ArrayLike, lengths: ArrayLike | None = None, algorithm: str = "viterbi"
    ) -> tuple[float, Integers]:
        """The states behind the data, and how good they are, by one of hmmlearn's two criteria.

        Returns
        -------
        float
            The log-probability of data and paths together; for 'map' the expected number of
            states that are right.
        ndarray of shape (T,)
            What makes that number largest: for 'viterbi' the most probable path of each sequence,
            for 'map' the most probable state of each row, even where the chain forbids the step.
        """
        if algorithm == "map":
            r = self.predict_proba(X, lengths)
            return float(r.max(axis=1).sum()), r.argmax(axis=1)
        if algorithm != "viterbi":
            raise ValueError(f"algorithm must be 'viterbi' or 'map', got {shown(algorithm)}")
        sequences = self._sequences(X, lengths)
        return steps.decoded(self._params(), sequences)[::-1]

    def predict(self, X: ArrayLike, lengths: ArrayLike | None = None) -> Integers:
        """The most probable path of states of each sequence, one after the other."""
        return self.decode(X, lengths)[1]

    def sample(self, n_samples: int = 1, random_state: Any = None) -> tuple[Array, Integers]:
        """Draw one sequence, of shape (n_samples, D), and the states behind it."""
        params = self._params()
        check.count("n_samples", n_samples)
        rng = generator(self.random_state if random_state is None else random_state)
        x, z = steps.sample(params, n_samples, rng, self._fitted_family())
        return x, z

    def aic(self, X: ArrayLike, lengths: ArrayLike | None = None) -> float:
        """Akaike's criterion, -2 log L + 2 p: the lower the better."""
        return 2 * self._n_parameters() - 2 * self.score(X, lengths)

    def bic(self, X: ArrayLike, lengths: ArrayLike | None = None) -> float:
        """Schwarz's criterion, -2 log L + p log T: the lower the better."""
        sequences = self._sequences(X, lengths)
        return float(self._n_parameters() * np.log(sequences.n) - 2 * self._score(sequences))

    def _n_parameters(self) -> int:
        """Free parameters; a stationary chain's start is not free, nor is a forbidden step."""
        params, fit = self._params(), self._unchanged_fit(self._outer)
        held, free, n_unseen = Held((False, False)), self._free_in_chain(*params[:2]), 0
        if fit is not None:
            held, free, n_unseen = fit.held, fit.free_in_chain, fit.n_unseen
        chain = sum(n for n, is_held in zip(free, held.outer, strict=True) if not is_held)
        k, d = params.components[0].shape
        return chain + held.n_free(self._fitted_family(), k, d, n_unseen)

    def _free_in_chain(self, startprob: Array, transmat: Array) -> tuple[int, int]:
        """How many probabilities of start and steps are free, if zeros are forbidden."""
        starts = 0 if self.stationary else int((startprob > 0).sum()) - 1
        return starts, int((transmat > 0).sum()) - len(transmat)

    def _fitted_family(self) -> Family:
        fit = self._unchanged_fit()
        if fit is not None:
            return fit.family
        self._check_settings()  # of a model made by hand
        return self._family()

    def _unchanged_fit(self, outer: tuple[str, ...] = ()) -> _Fit | None:
        """The fit that found these components, and `outer`; None if there is none, or no longer."""
        if not hasattr(self, "_fit"):
            return None
        found = dict(zip(self._names(self._fit.family), self._fit.params.components, strict=True))
        found |= {name: getattr(self._fit.params, name) for name in outer}
        same = (np.array_equal(part, getattr(self, f"{n}_", ())) for n, part in found.items())
        return self._fit if all(same) else None

    def _params(self) -> HMMParams:
        startprob, transmat, *components = self._fitted_parts()
        return HMMParams(startprob, transmat, tuple(components))

    def _prior(self, sequences: Sequences) -> ChainPrior:
        """The priors in the units in which EM works; here of the chain alone."""
        k = self.n_components
        starts = concentration("startprob_prior", self.startprob_prior, (k,))
        if self.stationary and np.any(starts):
            raise ValueError(
                "a stationary chain has no start of its own: leave startprob_prior out"
            )
        return ChainPrior(starts, concentration("transmat_prior", self.transmat_prior, (k, k)))

    # --- What a model has of its own

    def _n_unseen(self, sequences: Sequences) -> int:
        """How many symbols a fit takes for granted: those are not free parameters."""
        return 0

    def _sequences(self, X: ArrayLike, lengths: ArrayLike | None, fit: bool = False) -> Sequences:
        """Checked data; for a fit, in the units in which EM works."""
        _check_feature_names(self, X, reset=fit)
        if fit:
            sequences = Sequences.of(X, lengths, self._family(X), standard=True)
            self.n_features_in_ = sequences.data.x.shape[1]
            return sequences
        params, family = self._params(), self._fitted_family()
        sequences = Sequences.of(X, lengths, family)
        found = sequences.data.x.shape[1]
        d = 1 if family.n_symbols else params[2][0].shape[1]
        if found != d:
            name = type(self).__name__
            raise ValueError(
                f"X has {found} features, but {name} is expecting {d} features as input"
            )
        return sequences


def _normalised(rows: Array) -> Array:
    """Rows that sum to one: what rounding makes of them would grow with every power."""
    return rows / rows.sum(axis=1, keepdims=True)


def _warn_of_unvisited(params: HMMParams, sequences: Sequences) -> None:
    """Warn, in the line that called `fit`, of states about which the data say nothing."""
    statistics, _ = steps.expectations(params, sequences)
    visited, left = steps.visited(statistics), statistics.transitions.sum(axis=1) > 0
    never, stays = np.flatnonzero(~visited), np.flatnonzero(visited & ~left)
    if len(never):
        are_never = sentence("state", never, "is never", "are never")
        message = f"{are_never} visited: what was there at the start is still there"
        warnings.warn(message, DegenerateWarning, stacklevel=3)
    if len(stays) and len(params.startprob) > 1:
        are_never = sentence("state", stays, "is never", "are never")
        message = f"{are_never} left: that row of transmat_ is the start's"
        warnings.warn(message, DegenerateWarning, stacklevel=3)


@dataclass(eq=False, repr=False)
class GaussianHMM(_HMM):
    """Hidden Markov model in which every state emits points from a Gaussian.

    Methods are hmmlearn's; there is no hidden prior, and no result depends on the data's units.

    Parameters
    ----------
    n_components : int
        K, the number of hidden states.
    covariance_type : {'full', 'tied', 'diag', 'spherical'}
        As in `emlib.GaussianMixture`, as is `covariance_floor`.
    prior : Prior, optional
        On means and covariances, as in `emlib.GaussianMixture`: keeps states from collapsing.
    means_init : array-like of shape (K, D), optional
    covars_init : array-like, optional
        In the shape of `covars_`.
    startprob_init, transmat_init : array-like of shapes (K,) and (K, K), optional
        Explicit starts of the chain: zeros stay zero, and criteria do not count them as free.
    startprob_prior, transmat_prior : float or array-like of the same shapes
        Concentrations of Dirichlet priors, at least 1: each counts as that many starts or
        steps, less one.
    stationary, accelerate, tol, max_iter, n_init, init_params
        Whether the chain starts stationary; whether to leap ahead, as in `emlib.GaussianMixture`;
        when to stop, in log-likelihood per observation; how many starts, and how to make them:
        'kmeans' often makes the same again, so for a search take 'k-means++', 'random_from_data' or
        'random'.
    hold : str, int, or a list of these
        What stays as its explicit start: 'startprob', 'transmat', 'means', 'covars', or the number
        of a state, of which mean and covariance stay. EM is exact for the rest, and criteria do
        not count what is held as free.
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

    covariance_type: str = "full"
    _: KW_ONLY
    covariance_floor: float = 1e-8
    prior: Prior | None = None
    means_init: ArrayLike | None = None
    covars_init: ArrayLike | None = None
    init_params: str = "kmeans"

    means_: Array = field(init=False)
    covars_: Array = field(init=False)

    _renamed = {"covariances": "covars"}

    def _family(self, X: ArrayLike | None = None) -> Family:
        return FORMS[self.covariance_type](floor=float(self.covariance_floor))

    def _prior(self, sequences: Sequences) -> ChainPrior:
        prior, chain = prior_of(self.prior), super()._prior(sequences)
        if prior is None:
            return chain
        if prior.weight_concentration != 1:
            raise ValueError("states have no weights: give startprob_prior or transmat_prior")
        return replace(chain, gaussians=prior.bound(sequences.data, self.n_components))

    def _given(self, family: Any, k: int, d: int) -> tuple[Array | None, ...]:
        shape = family.shapes(k, d)[1]
        covars = check.positive_definite("covars_init", self.covars_init, shape, family.matrices)
        return check.shaped("means_init", self.means_init, (k, d)), covars


@dataclass(eq=False, repr=False)
class PoissonHMM(_HMM):
    """Hidden Markov model in which every state emits Poisson counts.

    Parameters
    ----------
    n_components : int
        K, the number of hidden states.
    lambdas_init : array-like of shape (K, D), optional
    startprob_init, transmat_init, startprob_prior, transmat_prior, stationary, accelerate
        As in `GaussianHMM`.
    hold, tol, max_iter, n_init, init_params, verbose, random_state
        As in `GaussianHMM`, but 'lambdas' can be held.

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

    _: KW_ONLY
    lambdas_init: ArrayLike | None = None
    init_params: str = "kmeans"

    lambdas_: Array = field(init=False)

    _renamed = {"rates": "lambdas"}

    def _family(self, X: ArrayLike | None = None) -> Family:
        return Poisson()

    def _given(self, family: Any, k: int, d: int) -> tuple[Array | None, ...]:
        return (check.in_range("lambdas_init", self.lambdas_init, (k, d)),)


@dataclass(eq=False, repr=False)
class CategoricalHMM(_HMM):
    """Hidden Markov model in which every state emits symbols.

    Parameters
    ----------
    n_components : int
        K, the number of hidden states.
    n_features : int, optional
        How many symbols there are; by default, as many as `emissionprob_init` has, or up to the
        highest number in the data. Then criteria do not count numbers that never occur.
    emissionprob_init : array-like of shape (K, n_features), optional
    emissionprob_prior : float or array-like of shape (K, n_features)
        Concentrations of a Dirichlet prior, at least 1; with 2, every symbol was seen once more.
    startprob_init, transmat_init, startprob_prior, transmat_prior, stationary, accelerate
        As in `GaussianHMM`.
    hold, tol, max_iter, n_init, verbose, random_state
        As in `GaussianHMM`, but 'emissionprob' can be held. Starts that are not explicit are
        random: use several.

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

    _: KW_ONLY
    n_features: int | None = None
    emissionprob_init: ArrayLike | None = None
    emissionprob_prior: ArrayLike = 1.0

    emissionprob_: Array = field(init=False)

    _renamed = {"probabilities": "emissionprob"}

    def _n_unseen(self, sequences: Sequences) -> int:
        is_said = self.n_features is not None or self.emissionprob_init is not None
        return 0 if is_said else int(np.sum(sequences.data.count(slice(None)) == 0))

    def _prior(self, sequences: Sequences) -> ChainPrior:
        shape = self.n_components, sequences.data.family.n_symbols
        symbols = concentration("emissionprob_prior", self.emissionprob_prior, shape)
        return replace(super()._prior(sequences), symbols=symbols)

    def _family(self, X: ArrayLike | None = None) -> Family:
        if X is None:
            shape = np.shape(getattr(self, "emissionprob_", 0.0))
            return Symbols(shape[-1] if shape else 1)
        n, given = self.n_features, self.emissionprob_init
        if n is None and given is not None:
            shape = check.numbers("emissionprob_init", given).shape
            n = shape[-1] if shape else None
        if n is None:
            n = int(check.symbols(check.observed(X, fit=True)[0]).max()) + 1
        return Symbols(check.count("n_features", n))

    def _given(self, family: Any, k: int, d: int) -> tuple[Array | None, ...]:
        return (check.shares("emissionprob_init", self.emissionprob_init, *family.shapes(k, d)),)


@dataclass(eq=False, repr=False)
class HMM(_HMM):
    """Hidden Markov model of any family: one of `emlib.families`, or your own.

    Parameters
    ----------
    n_components : int
        K, the number of hidden states.
    family : Family, optional
        What every state emits: an instance of a subclass of `emlib.families.Family`. By default
        Gaussians with full covariances.
    components_init : tuple of array-like or None, optional
        Explicit starts for each of the family's parameters.
    startprob_init, transmat_init, startprob_prior, transmat_prior, stationary, accelerate
        As in `GaussianHMM`.
    hold, tol, max_iter, n_init, init_params, verbose, random_state
        As in `GaussianHMM`, but the family's parameters can be held, under its names for them.

    Attributes
    ----------
    startprob_, transmat_ : ndarrays of shapes (K,) and (K, K)
    converged_, n_iter_, result_, results_
        As in `GaussianHMM`. What states emit is shown under the names that the family gives it:
        `probabilities_` for `Binomial`.

    Examples
    --------
    Ten tosses at a time, of a coin that is changed for another now and then.

    >>> from emlib.families import Binomial
    >>> heads = np.array([4, 5, 4, 6, 5, 8, 9, 8, 9, 9, 8, 4, 5, 5, 4])[:, None]
    >>> model = HMM(2, family=Binomial(10), random_state=0).fit(heads)
    >>> np.diff(model.predict(heads)).nonzero()[0]
    array([ 4, 10])
    """

    _: KW_ONLY
    family: Family | None = None
    components_init: tuple[ArrayLike | None, ...] | None = None
    init_params: str = "kmeans"

    def _family(self, X: ArrayLike | None = None) -> Family:
        return family_of(self.family)

    def _given(self, family: Any, k: int, d: int) -> tuple[Array | None, ...]:
        return family.check_start(self.components_init, family.shapes(k, d))
