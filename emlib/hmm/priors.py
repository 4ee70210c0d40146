"""Maximum a posteriori estimates of HMMs: conjugate priors as steps that were seen before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import xlogy

from emlib import validation as check
from emlib.families import Family
from emlib.hmm import steps
from emlib.hmm.steps import HMMParams, HMMStatistics
from emlib.mixture.priors import BoundPrior
from emlib.types import Array


@dataclass(frozen=True, eq=False)
class ChainPrior:
    """Dirichlet priors on start, transitions and symbols, and one on Gaussians.

    What is forbidden stays so: a prior adds nothing to what has probability zero.

    Attributes
    ----------
    starts, transitions : ndarrays of shapes (K,) and (K, K)
        For how many starts and steps the priors count: their concentrations, less one.
    symbols : ndarray of shape (K, number of symbols), or 0
        The same for emissions.
    gaussians : BoundPrior, optional
    """

    starts: Array
    transitions: Array
    symbols: Array | float = 0.0
    gaussians: BoundPrior | None = None

    def __bool__(self) -> bool:
        """Whether there is any prior at all."""
        counts = (self.starts, self.transitions, self.symbols)
        return self.gaussians is not None or any(map(np.any, counts))

    @property
    def treats_states_alike(self) -> bool:
        """Whether the prior is the same for the states in any order."""
        off = ~np.eye(len(self.starts), dtype=bool)
        chain = (self.starts, self.transitions.diagonal(), self.transitions[off])
        symbols = np.atleast_2d(self.symbols)
        alike = bool((symbols == symbols[0]).all())
        return alike and all(len(np.unique(part)) <= 1 for part in chain)

    def counts(self, params: HMMParams) -> tuple[Array, Array, Any]:
        """How many starts, steps and symbols the priors count for: none of what is forbidden."""
        return (
            self.starts * (params.startprob > 0),
            self.transitions * (params.transmat > 0),
            self.symbols * (params.components[0] > 0),
        )

    def m_step(self, statistics: HMMStatistics, family: Family, stationary: bool) -> HMMParams:
        """The maximum of the expected complete-data log-posterior."""
        emissions = statistics.emissions
        starts, transitions, symbols = self.counts(statistics.params)
        starts, transitions = statistics.starts + starts, statistics.transitions + transitions
        more = replace(statistics, starts=starts, transitions=transitions)
        if self.gaussians is not None:
            components = self.gaussians.m_step(emissions)[1:]
            return HMMParams(*steps.chain_m_step(more, stationary), components)
        more = replace(more, emissions=with_symbols(emissions, symbols))
        return steps.maximum(more, family, stationary)

    def log_density(self, params: HMMParams) -> float:
        """Log of the prior density, up to a constant."""
        probabilities = (params.startprob, params.transmat, params.components[0])
        pairs = zip(self.counts(params), probabilities, strict=True)
        total = sum(float(xlogy(n, p).sum()) for n, p in pairs)
        if self.gaussians is not None:
            total += self.gaussians.log_density(steps.evenly(params.components))
        return total


def with_symbols(emissions: Any, symbols: Array | float) -> Any:
    """The statistics of states that have emitted these numbers of symbols, too."""
    if not np.any(symbols):
        return emissions
    seen = emissions.sum_x + symbols
    return replace(emissions, n=seen.sum(axis=1), sum_x=seen)


def concentration(name: str, value: Any, shape: tuple[int, ...]) -> Array:
    """For how many observations a Dirichlet prior counts; a ValueError if it has no maximum."""
    given = check.numbers(name, value)
    if given.shape not in ((), shape):
        raise ValueError(f"{name} must be a number, or of shape {shape}, got shape {given.shape}")
    array = np.broadcast_to(given, shape)
    if not np.all(array >= 1):
        raise ValueError(f"{name} must be at least 1, or the prior has no maximum, got {value!r}")
    return array - 1
