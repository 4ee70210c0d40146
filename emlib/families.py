"""Exponential families: what a mixture, or an HMM, must know of its components.

For all of them log p(x | theta_k) = eta_k . T(x) + eta . U(x), where T(x) = (1, x, ...) is
weighted by the component's own parameters and U(x) by what all components share. The second
part cancels from the responsibilities, and its sum over the data is known before EM begins.

Gaussians are in `emlib.covariances`; here are the counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from emlib.em import DegenerateError
from emlib.gaussian import check_alive

Array = NDArray[np.float64]
# Stands for the logarithm of zero: lower than any log-density, and zero times it is zero.
LOG_ZERO = -1e200


class Sums(NamedTuple):
    """Expected statistics of counts: the sums of T(x) = (1, x), one row per component."""

    n: Array
    sum_x: Array


class Family(Protocol):
    """The interface; `components` are arrays with one row per component."""

    def extra(self, d: int) -> int:
        """How many features T(x) has beyond 1 and x itself."""

    def fill(self, x: Array, out: Array) -> None:
        """Write those features of `x`, of shape (D, B), into `out`."""

    def shared(self, x: Array) -> Array:
        """U(x), of shape (Q, B)."""

    @property
    def natural(self) -> Callable[..., tuple[Array, Array]]:
        """From components to the coefficients eta of T, of shape (K, P), and of U, (Q,)."""

    def statistics(self, sums: Array, shared: Array, d: int) -> Any:
        """Expected statistics from the sums of T, of shape (K, P), and of U."""

    def mle(self, statistics: Any) -> tuple[Array, ...]:
        """Components of maximum likelihood."""

    @property
    def expected(self) -> Callable[..., Any]:
        """Statistics of `n` points, of shape (K,), of which `mle` makes the components given."""

    @property
    def draw(self) -> Callable[..., Array]:
        """From labels (N,), a generator and components to a point for each label, (N, D)."""

    def n_parameters(self, k: int, d: int) -> int:
        """Free parameters of K components of D features."""

    def shapes(self, k: int, d: int) -> tuple[tuple[int, ...], ...]:
        """The shapes of the components' arrays."""


class _Counts:
    """What the families of counts have in common: T(x) = (1, x) and one number a feature."""

    def extra(self, d: int) -> int:
        return 0

    def fill(self, x: Array, out: Array) -> None:
        pass

    def statistics(self, sums: Array, shared: Array, d: int) -> Sums:
        return Sums(sums[:, 0], sums[:, 1 : d + 1])

    def n_parameters(self, k: int, d: int) -> int:
        return k * d

    def shapes(self, k: int, d: int) -> tuple[tuple[int, ...], ...]:
        return ((k, d),)


@dataclass(frozen=True)
class Poisson(_Counts):
    """Independent Poisson counts; components are rates of shape (K, D)."""

    def shared(self, x: Array) -> Array:
        log_factorials: Array = gammaln(_counted(x) + 1)
        return np.asarray(-log_factorials.sum(axis=0, keepdims=True))

    def natural(self, rates: Array) -> tuple[Array, Array]:
        # log p(x) = x log rate - rate - log x!
        return np.column_stack([-rates.sum(axis=1), _log(rates)]), np.ones(1)

    def mle(self, statistics: Sums) -> tuple[Array]:
        return (_means(statistics),)

    def expected(self, n: Array, rates: Array) -> Sums:
        return Sums(n, n[:, None] * rates)

    def draw(self, z: NDArray[np.intp], rng: np.random.Generator, rates: Array) -> Array:
        return rng.poisson(rates[z]).astype(float)


@dataclass(frozen=True)
class Binomial(_Counts):
    """Independent numbers of successes in `trials` trials; components are chances (K, D)."""

    trials: int = 1

    def extra(self, d: int) -> int:
        return d

    def fill(self, x: Array, out: Array) -> None:
        np.subtract(self.trials, x, out=out)

    def shared(self, x: Array) -> Array:
        failures = _counted(self.trials - _counted(x))
        ways: Array = gammaln(self.trials + 1) - gammaln(x + 1) - gammaln(failures + 1)
        return np.asarray(ways.sum(axis=0, keepdims=True))

    def natural(self, chances: Array) -> tuple[Array, Array]:
        # log p(x) = x log p + (n - x) log(1 - p) + log (n choose x)
        zeros = np.zeros(len(chances))
        return np.column_stack([zeros, _log(chances), _log(1 - chances)]), np.ones(1)

    def mle(self, statistics: Sums) -> tuple[Array]:
        return (_means(statistics) / self.trials,)

    def expected(self, n: Array, chances: Array) -> Sums:
        return Sums(n, n[:, None] * self.trials * chances)

    def draw(self, z: NDArray[np.intp], rng: np.random.Generator, chances: Array) -> Array:
        return rng.binomial(self.trials, chances[z]).astype(float)


@dataclass(frozen=True)
class Categorical(_Counts):
    """Independent categorical features, one-hot encoded side by side, or counts of them.

    `sizes` are the numbers of categories of each feature, in the order of the columns;
    components are probabilities of shape (K, D), which sum to one over each feature's columns.
    """

    sizes: tuple[int, ...]

    def shared(self, x: Array) -> Array:
        # Log of the multinomial coefficient; zero for one-hot features.
        arrangements = np.zeros((1, x.shape[1]))
        for counts in self._groups(_counted(x), axis=0):
            arrangements += gammaln(counts.sum(axis=0) + 1) - gammaln(counts + 1).sum(axis=0)
        return arrangements

    def natural(self, probabilities: Array) -> tuple[Array, Array]:
        return np.column_stack([np.zeros(len(probabilities)), _log(probabilities)]), np.ones(1)

    def mle(self, statistics: Sums) -> tuple[Array]:
        check_alive(statistics.n)
        groups = self._groups(statistics.sum_x, axis=1)
        for feature, counts in enumerate(groups):
            if not np.all(counts.sum(axis=1) > 0):
                raise DegenerateError(f"feature {feature} has no counts in some component: drop it")
        return (np.concatenate([g / g.sum(axis=1, keepdims=True) for g in groups], axis=1),)

    def expected(self, n: Array, probabilities: Array) -> Sums:
        return Sums(n, n[:, None] * probabilities)

    def draw(self, z: NDArray[np.intp], rng: np.random.Generator, probabilities: Array) -> Array:
        groups = self._groups(probabilities, axis=1)
        return np.concatenate([rng.multinomial(1, group[z]) for group in groups], axis=1) * 1.0

    def n_parameters(self, k: int, d: int) -> int:
        return k * (d - len(self.sizes))

    def shapes(self, k: int, d: int) -> tuple[tuple[int, ...], ...]:
        if sum(self.sizes) != d:
            raise ValueError(f"sizes {self.sizes} need {sum(self.sizes)} columns, got {d}")
        return super().shapes(k, d)

    def _groups(self, values: Array, axis: int) -> list[Array]:
        return np.split(values, np.cumsum(self.sizes)[:-1], axis=axis)


def _counted(x: Array) -> Array:
    if np.any(x < 0) or np.any(x != np.floor(x)):
        raise ValueError(
            "counts must be whole numbers, not negative, and not above the number of trials; "
            "found others. Is this the right family for these data?"
        )
    return x


def _log(values: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(np.maximum(np.log(values), LOG_ZERO))


def _means(statistics: Sums) -> Array:
    return np.asarray(statistics.sum_x / check_alive(statistics.n)[:, None])
