"""From sequences and settings to fits: what the `fit` of an HMM does, in pure functions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emlib import hmm, mixture
from emlib.covariances import Gaussians
from emlib.em import EMResult, StopReason, em
from emlib.families import Categorical, Family
from emlib.fitting import all_climbs, collapse
from emlib.hmm import HMMParams, HMMStatistics
from emlib.mixture import MixtureParams
from emlib.sequences import Sequences
from emlib.settings import shares
from emlib.starts import STARTS

Array = NDArray[np.float64]
# Steps that every start's transition matrix has seen between any two states.
SEEN = 1.0


@dataclass(frozen=True, eq=False)
class HMMProblem:
    """Sequences, the components' family, and the settings.

    Attributes
    ----------
    model : GaussianHMM, CategoricalHMM or PoissonHMM
        Whose settings are meant; nothing of it is changed.
    sequences : Sequences
    family : Family
        In the units of `sequences.data`.
    given : tuple
        The explicit components in the user's units, each an array or None.
    """

    model: Any
    sequences: Sequences
    family: Family
    given: tuple[Array | None, ...]

    def fit_all(self, rng: np.random.Generator) -> list[EMResult[HMMParams]]:
        """One climb per start; a start that cannot be used is passed over if another can."""

        def climb(_: int) -> EMResult[HMMParams]:
            return self._restored(self._named(self._climb(self._start(rng), rng)))

        return all_climbs(self.model.n_init, climb)

    def _climb(self, start: HMMParams, rng: np.random.Generator) -> EMResult[HMMParams]:
        model, family = self.model, self.family
        return em(
            partial(hmm.e_step, family=family),
            partial(hmm.m_step, family=family, stationary=model.stationary),
            start,
            self.sequences,
            tol=model.tol * self.sequences.n,
            max_iter=model.max_iter,
            nudge=partial(hmm.nudge, family=family),
            rng=rng,
            progress=bool(model.verbose),
            warn=False,  # what is wrong with the result that is kept, the estimator says
        )

    def _start(self, rng: np.random.Generator) -> HMMParams:
        """The first parameters, in the units of the data: explicit where given."""
        model, k = self.model, self.model.n_components
        startprob = shares("startprob_init", model.startprob_init, (k,))
        transmat = shares("transmat_init", model.transmat_init, (k, k))
        given = self._standardised()
        if startprob is None or transmat is None or any(part is None for part in given):
            drawn = self._drawn(rng)
            startprob = drawn.startprob if startprob is None else startprob
            transmat = drawn.transmat if transmat is None else transmat
            pairs = zip(given, drawn.components, strict=True)
            given = tuple(other if part is None else part for part, other in pairs)
        if isinstance(self.family, Gaussians):
            given = (given[0], self.family.floored(given[1]))
        startprob = hmm.stationary(transmat) if model.stationary else startprob
        return HMMParams(startprob, transmat, given)

    def _standardised(self) -> tuple[Any, ...]:
        """The explicit components in the units of the data."""
        if not isinstance(self.family, Gaussians):
            return self.given
        units, (means, covariances) = self.sequences.data.units, self.given
        return (
            None if means is None else units.standardise(means),
            None if covariances is None else self.family.rescaled(covariances, units.per_scale),
        )

    def _drawn(self, rng: np.random.Generator) -> HMMParams:
        """An M-step from states that were drawn as a mixture's components are."""
        k, data = self.model.n_components, self.sequences.data
        r = self._responsibilities(rng)
        emissions = mixture.statistics(r, data, self.family)
        transitions = SEEN + self.sequences.counted(r.T)
        even = np.full(k, 1 / k)
        transmat = transitions / transitions.sum(axis=1, keepdims=True)
        known = HMMParams(even, transmat, self.family.mle(emissions))
        return hmm.m_step(HMMStatistics(even, transitions, emissions, known), self.family)

    def _responsibilities(self, rng: np.random.Generator) -> Array:
        k, data = self.model.n_components, self.sequences.data
        x = data.x
        if isinstance(self.family, Categorical) or len(x) < k:
            # Symbols lie in no space in which they could be near each other.
            return rng.dirichlet(np.ones(k), size=len(x))
        scale = data.units.scale if isinstance(self.family, Gaussians) else x.std(axis=0)
        standard = (x - data.units.origin) / np.where(scale > 0, scale, 1)
        return STARTS[self.model.init_params](standard, k, rng, data.weights)

    def _named(self, result: EMResult[HMMParams]) -> EMResult[HMMParams]:
        """Call the result degenerate if a covariance rests on the floor."""
        if not isinstance(self.family, Gaussians):
            return result
        message = collapse(result.params.components[1], self.family, "state")
        if message is None:
            return result
        return replace(result, stop=StopReason.DEGENERATE, message=message)

    def _restored(self, result: EMResult[HMMParams]) -> EMResult[HMMParams]:
        """The same in the units of the user's data."""
        if not isinstance(self.family, Gaussians):
            return result
        family, units = self.family, self.sequences.data.units

        def restore(params: HMMParams) -> HMMParams:
            as_mixture = MixtureParams(params.startprob, *params.components)
            return params._replace(components=tuple(units.restore_params(as_mixture, family)[1:]))

        return units.restored(result, self.sequences.n, restore)


def known_symbols(symbols: Any, n_features: int | None) -> NDArray[np.intp]:
    """Symbols 0, 1, 2, ... of shape (T,), or a ValueError that names what is none."""
    numbers = np.asarray(symbols).reshape(-1)
    wrong = (numbers != np.floor(numbers)) | (numbers < 0)
    if n_features is not None:
        wrong |= numbers >= n_features
    if np.any(wrong):
        limit = "" if n_features is None else f" below {n_features}"
        row = int(np.argmax(wrong))
        raise ValueError(
            f"symbols must be whole numbers from 0 on{limit}, got {numbers[row]:g} (row {row}). "
            "Number the symbols, or say with n_features how many there may be."
        )
    return numbers.astype(np.intp)
