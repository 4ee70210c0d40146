"""What a component of a mixture, or a state of an HMM, is: an exponential family.

    log p(x | theta_k)  =  eta(theta_k) . T(x)  +  log h(x)            T(x) = (1, x, and more)

`Family` says what a family needs to have, and what it gets for nothing. Here are the counts;
Gaussians are in `emlib.covariances`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln, softmax

from emlib import validation as check
from emlib.em import relative_nudge
from emlib.gaussian import check_alive
from emlib.results import DegenerateError
from emlib.trees import Additive, leaves
from emlib.types import Array, Generator, Integers, Mask
from emlib.units import Units
from emlib.wording import first_of, shown

# Stands for the logarithm of zero: lower than any log-density, and zero times it is zero.
LOG_ZERO = -1e200
# The share of all points that a component without any gets: too small for the likelihood to see.
SEED = 1e-12
# The share of counts that components have in common at a start at which some would have none.
SHARED = 0.1
# Log-densities of counts are small differences of numbers thirty times as large as the counts: up
# to here they are right to a thousandth of a nat.
LARGEST_COUNT, LARGEST_TRIALS = 1e12, 10**11
Components = tuple[Array, ...]


@dataclass(frozen=True, eq=False)
class Sums(Additive):
    """Expected statistics of most families: the sums of T(x), one row per component.

    Attributes
    ----------
    n : ndarray of shape (K,)
        Of ones: how many points a component has.
    sum_x : ndarray of shape (K, D)
    sum_more : ndarray of shape (K, any)
        Of the features that T has beyond 1 and x.
    """

    n: Array
    sum_x: Array
    sum_more: Array

    def __add__(self, other: Sums) -> Sums:
        """Statistics add."""
        return Sums(self.n + other.n, self.sum_x + other.sum_x, self.sum_more + other.sum_more)

    def __getitem__(self, which: Mask) -> Sums:
        """The sums of some of the components."""
        return Sums(self.n[which], self.sum_x[which], self.sum_more[which])

    def mean_x(self) -> Array:
        """The mean of x in each component, of shape (K, D)."""
        return self.sum_x / check_alive(self.n)[:, None]


class Family(ABC):
    """An exponential family of points with D features.

    `components`, the parameters of K components, are arrays: one for each of the `parameters`. A
    family must have these, `natural` and `mle`, and whatever else differs from the defaults; gamma,
    in thirty lines, is in CONTRIBUTING.md. Points are columns: x is (D, B). Where a parameter may
    be zero, `lifted` must not let it be so at the start, or EM keeps it there.
    """

    # The name of each array of parameters, and its axes: {"rates": "KD"}, {"covariance": "DD"}.
    # An estimator shows them as `rates_`; without a K an array belongs to all components. The first
    # is KD, even if D is one.
    parameters: ClassVar[dict[str, str]]

    # --- The density

    @abstractmethod
    def natural(self, components: Components) -> Array:
        """The coefficients eta of T(x), of shape (K, P); or a DegenerateError."""

    def n_more(self, d: int) -> int:
        """How many features T(x) has beyond 1 and x."""
        return 0

    def fill(self, x: Array, out: Array) -> None:
        """Write these further features of `x` into `out`, of shape (n_more, B)."""

    # A function from x to features of shape (Q, B) which all components weigh alike: the last in
    # `natural`. And one from x to log h(x), of shape (B,). None if there is nothing of the kind.
    shared: ClassVar[Callable[..., Array] | None] = None
    log_base: ClassVar[Callable[..., Array] | None] = None

    def key(self) -> Hashable:
        """What tells apart families that have different features T or base measures h."""
        return self

    # --- Maximum likelihood

    @abstractmethod
    def mle(self, statistics: Any) -> Components:
        """The components of maximum likelihood."""

    def statistics(self, sums: Array, shared: Array, d: int) -> Any:
        """The sums of T(x), one row per component, and of the shared features, by name."""
        return Sums(sums[:, 0], sums[:, 1 : d + 1], sums[:, d + 1 :])

    def revived(self, statistics: Any) -> Any:
        """Statistics in which a component that had no point has a very small share of all."""
        seeds = SEED * ~(statistics.n > 0)
        return Sums(*(s + np.multiply.outer(seeds, s.sum(axis=0)) for s in leaves(statistics)))

    def lifted(self, statistics: Any) -> Any:
        """Statistics to start from, without zeros that EM would keep for ever."""
        return statistics

    def refit(self, statistics: Any, visited: Mask, components: Components) -> Components:
        """Maximum likelihood for the components that were visited; the others as they are."""
        fitted = list(self.mle(statistics[visited]))
        for i, axes in enumerate(self.parameters.values()):
            if axes.startswith("K"):
                part = np.array(components[i])
                part[visited], fitted[i] = fitted[i], part
        return tuple(fitted)

    # Whether some of the parameters of all components can be held while `mle` finds the others.
    holds_parts: ClassVar[bool] = False

    def around(self, statistics: Any, given: Components, held: tuple[bool, ...]) -> Any:
        """Statistics of which `mle` makes the other parameters' maximum, if these are held."""
        return statistics

    def bounded(self, components: Components) -> Components:
        """The components, moved to where `mle` may lead: onto a floor, for instance."""
        return components

    @property
    def exact(self) -> bool:
        """Whether `mle` really is the maximum, so that EM cannot fall: with a ridge it is not."""
        return not np.any(self.ridge)

    # --- Data

    # From data as a user has them to an array of shape (N, D), if all its rows can come from this
    # family; or a ValueError.
    check_data: ClassVar[Callable[..., Array]] = staticmethod(check.data)

    def check_fit(self, x: Array) -> None:
        """A ValueError if nothing can be fitted to data such as `x`, of shape (N, D).

        By default, if the family's own methods do not go together.
        """
        if not self.n_symbols:
            check_methods(self, x)

    # Whether EM works in standard units, and whether all features keep a common scale in them.
    standardised: ClassVar[bool] = False
    common_scale: ClassVar[bool] = False
    # What fits add to the variance of every feature, in the units of x.
    ridge: float | Array = 0.0

    def pooled(self, per_feature: Array) -> Array:
        """What is known about each of D features; about all where these have a common scale."""
        if self.common_scale:
            return np.full_like(per_feature, per_feature.mean())
        return per_feature

    def in_units(self, units: Units) -> Family:
        """The family of `units.standardise(x)`: another only if a setting is in the units of x."""
        return self

    def to_units(self, components: Any, units: Units) -> Any:
        """The components of `units.standardise(x)` if these are those of x.

        Some of them may be None, where a start is given in part, and stay so.
        """
        return components

    def from_units(self, components: Components, units: Units) -> Components:
        """The inverse of `to_units`."""
        return components

    def statistics_to_units(self, statistics: Any, units: Units) -> Any:
        """The statistics of `units.standardise(x)` if these are those of x."""
        return statistics

    # --- Checks of what a user gives

    def check_components(self, components: Any, d: int | None) -> Components:
        """The parameters of some components, of data with `d` features, as arrays.

        Or an error that names the one that is wrong.
        """
        names = list(self.parameters)
        if not isinstance(components, tuple | list) or len(components) != len(names):
            raise ValueError(f"parameters of components must be {', '.join(names)}, in a tuple")
        arrays = tuple(map(check.numbers, names, components))
        first = arrays[0]
        if first.ndim != 2 or not first.size:
            raise ValueError(f"{names[0]} must be of shape (K, D), not empty, got {first.shape}")
        k, d = len(first), first.shape[1] if d is None else d
        shapes, found = self.shapes(k, d), tuple(part.shape for part in arrays)
        if found != shapes:
            raise ValueError(
                f"{k} components of data with {d} features need parameters of shape "
                f"{', '.join(map(str, shapes))}, got {', '.join(map(str, found))}: those of "
                f"{', '.join(names)}"
            )
        self.check_range(arrays)
        return arrays

    def check_range(self, components: Components) -> None:
        """A ValueError if parameters are out of their range, and `natural` would not say so."""

    def check_statistics(self, statistics: Any) -> Any:
        """The sums that `mle` takes, as arrays; or an error that names one that is wrong."""
        check.kind("statistics", statistics, Sums)
        n = check.numbers("n", statistics.n, shape=(None,))
        if not len(n) or (n < 0).any():
            raise ValueError(f"n must hold a number for each component, none negative, got {n}")
        shape = len(n), None
        sum_x = check.numbers("sum_x", statistics.sum_x, shape=shape)
        return Sums(n, sum_x, check.numbers("sum_more", statistics.sum_more, shape=shape))

    def check_start(
        self, given: Any, shapes: tuple[tuple[int, ...], ...]
    ) -> tuple[Array | None, ...]:
        """The setting `components_init`: an array of its shape for each of the parameters.

        None stands for those that are to be drawn.
        """
        names = tuple(self.parameters)
        given = (None,) * len(names) if given is None else given
        if not isinstance(given, tuple | list) or len(given) != len(names):
            raise ValueError(f"components_init must have an entry for each of {names}")
        pairs = zip(given, shapes, strict=True)
        return tuple(check.shaped("components_init", part, shape) for part, shape in pairs)

    # --- What else can be asked of a fit

    def shapes(self, k: int, d: int) -> tuple[tuple[int, ...], ...]:
        """The shapes of the parameters of K components."""
        size = {"K": k, "D": d}
        return tuple(tuple(size[axis] for axis in axes) for axes in self.parameters.values())

    def n_parameters(self, k: int, d: int) -> int:
        """How many parameters of K components are free."""
        return sum(math.prod(shape) for shape in self.shapes(k, d))

    def collapse(self, components: Components, part: str) -> str | None:
        """What to say if a component (in the user's words, a `part`) has collapsed, or None."""
        return None

    def sample(self, components: Components, z: Integers, rng: Generator) -> NDArray[Any]:
        """A point from component z_n for each n, of shape (N, D)."""
        raise NotImplementedError(f"{type(self).__name__} cannot be drawn from: write its `sample`")

    def nudge(self, statistics: Any, rng: Generator, size: float) -> Any:
        """Statistics as if the components had been moved, for the confirmation in `emlib.em`."""
        return relative_nudge(statistics, rng, size)

    def relabelled(self, components: Components, order: Integers) -> Components:
        """The same components in another order."""
        pairs = zip(components, self.parameters.values(), strict=True)
        return tuple(part[order] if axes.startswith("K") else part for part, axes in pairs)

    def to_free(self, components: Components) -> tuple[Array, ...]:
        """Arrays of the same shapes whose entries may be any numbers, in which to leap."""
        return components

    def from_free(self, free: tuple[Array, ...]) -> Components:
        """The inverse of `to_free`."""
        return free

    # --- Other forms of the E-step than eta . T(x), in `emlib.mixture.engine`

    # Whether there is one in whitened residuals, as Gaussians have.
    whitens: ClassVar[bool] = False
    # How many values x has, if `natural` is a table of log p(x) with a column for each; else zero.
    n_symbols: int = 0


class Counts(Family):
    """What families of counts have in common: whole numbers, and parameters not below zero."""

    def check_range(self, components: Components) -> None:
        for name, part in zip(self.parameters, components, strict=True):
            if np.any(part < 0):
                raise ValueError(f"{name} must not be negative: found {part.min():g}")

    def check_statistics(self, statistics: Any) -> Sums:
        sums: Sums = super().check_statistics(statistics)
        if (sums.sum_x < 0).any():
            raise ValueError("sum_x must not be negative: these are sums of counts")
        return sums

    def check_data(self, x: ArrayLike) -> Array:
        counts = check.data(x, check.OF_NAN_IN_COUNTS)
        for wrong, what in (
            (counts < 0, "Negative values"),
            (counts != np.floor(counts), "Fractions"),
        ):
            if wrong.any():
                raise ValueError(
                    f"{what} in data: counts must be whole numbers, not negative, found "
                    f"{first_of(counts, wrong)}. Is this the right family for these data?"
                )
        if np.any(counts > LARGEST_COUNT):
            raise ValueError(
                f"counts above {LARGEST_COUNT:g} are too large for a float's digits, found "
                f"{counts.max():g}. Such counts are as good as Gaussian: GaussianMixture takes them"
            )
        return counts

    def lifted(self, statistics: Sums) -> Sums:
        # A rate or probability of zero stays zero: no later point that needs it can be claimed.
        sums = leaves(statistics)
        if not any(((s == 0) & (s.sum(axis=0) > 0)).any() for s in sums):
            return statistics
        return Sums(*((1 - SHARED) * s + SHARED * s.mean(axis=0) for s in sums))

    def to_free(self, components: Components) -> tuple[Array, ...]:
        return (np.log(components[0]),)

    def from_free(self, free: tuple[Array, ...]) -> Components:
        return (np.exp(free[0]),)


@dataclass(frozen=True)
class Poisson(Counts):
    """Independent Poisson counts; the components are rates of shape (K, D)."""

    parameters = {"rates": "KD"}

    def natural(self, components: Components) -> Array:
        # log p(x) = -rate + x log rate - log x!
        (rates,) = components
        return np.column_stack([-rates.sum(axis=1), log(rates)])

    def log_base(self, x: Array) -> Array:
        return -gammaln(x + 1).sum(axis=0)

    def mle(self, statistics: Sums) -> Components:
        return (statistics.mean_x(),)

    def sample(self, components: Components, z: Integers, rng: Generator) -> NDArray[Any]:
        return rng.poisson(components[0][z])


@dataclass(frozen=True)
class Binomial(Counts):
    """Independent numbers of successes in `trials` trials; probabilities of shape (K, D).

    With one trial it is called Bernoulli. Where every row has a number of trials of its own, take
    two columns, successes and failures, and `Categorical((2,))`.
    """

    trials: int = 1
    parameters = {"probabilities": "KD"}

    def __post_init__(self) -> None:
        check.count("trials", self.trials)
        if self.trials > LARGEST_TRIALS:
            raise ValueError(f"trials must not be above {LARGEST_TRIALS:g}, got {self.trials}")

    def check_range(self, components: Components) -> None:
        super().check_range(components)
        if np.any(components[0] > 1):
            raise ValueError("probabilities must not be negative, nor above one")

    def natural(self, components: Components) -> Array:
        # log p(x) = x log p + (trials - x) log(1 - p) + log (trials choose x)
        (p,) = components
        return np.column_stack([np.zeros(len(p)), log(p), log(1 - p)])

    def n_more(self, d: int) -> int:
        return d

    def fill(self, x: Array, out: Array) -> None:
        np.subtract(self.trials, x, out=out)

    def log_base(self, x: Array) -> Array:
        n = self.trials
        return (gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)).sum(axis=0)

    def mle(self, statistics: Sums) -> Components:
        check_alive(statistics.n)
        return (statistics.sum_x / (statistics.sum_x + statistics.sum_more),)

    def check_statistics(self, statistics: Any) -> Sums:
        sums = super().check_statistics(statistics)
        if sums.sum_more.shape != sums.sum_x.shape or (sums.sum_more < 0).any():
            raise ValueError(
                f"sum_more must be the failures, of shape {sums.sum_x.shape} and not negative, got "
                f"{shown(sums.sum_more)}"
            )
        return sums

    def check_data(self, x: ArrayLike) -> Array:
        counts = super().check_data(x)
        if np.any(counts > self.trials):
            found = first_of(counts, counts > self.trials)
            advice = "" if self.trials > 1 else ". BernoulliMixture has binarize= for other data"
            raise ValueError(
                "counts must be whole numbers, not above the number of trials, "
                f"{self.trials}: found {found}{advice}"
            )
        return counts

    def sample(self, components: Components, z: Integers, rng: Generator) -> NDArray[Any]:
        return rng.binomial(self.trials, components[0][z])


@dataclass(frozen=True)
class Categorical(Counts):
    """Independent categorical features, one-hot encoded side by side, or counts of them.

    `sizes` are the numbers of categories of each feature, in the order of the columns; the
    components are probabilities of shape (K, D), which sum to one over each feature's columns.
    A feature that was not seen in a row is zero in all of its columns: the row counts by the rest.
    """

    sizes: tuple[int, ...]
    parameters = {"probabilities": "KD"}

    def __post_init__(self) -> None:
        if not isinstance(self.sizes, tuple) or not self.sizes:
            raise ValueError(f"sizes must be a tuple of whole numbers, got {self.sizes!r}")
        for size in self.sizes:
            check.count("sizes", size)

    def check_range(self, components: Components) -> None:
        for group in self._by_feature(components[0], axis=1):
            check.sums("probabilities", group)

    def natural(self, components: Components) -> Array:
        # log p(x) = sum of x log p, + the logarithm of the multinomial coefficient
        (p,) = components
        return np.column_stack([np.zeros(len(p)), log(p)])

    def log_base(self, x: Array) -> Array:
        groups = self._by_feature(x, axis=0)
        return sum(gammaln(g.sum(axis=0) + 1) - gammaln(g + 1).sum(axis=0) for g in groups)

    def mle(self, statistics: Sums) -> Components:
        check_alive(statistics.n)
        tables = []
        for feature, counts in enumerate(self._by_feature(statistics.sum_x, axis=1)):
            totals = counts.sum(axis=1, keepdims=True)
            if not np.any(totals > 0):
                raise DegenerateError(f"feature {feature} has no counts in any component: drop it")
            # Where a component has none, all tables are equally likely.
            even = np.full(counts.shape, 1 / counts.shape[1])
            tables.append(np.divide(counts, totals, out=even, where=totals > 0))
        return (np.concatenate(tables, axis=1),)

    def check_data(self, x: ArrayLike) -> Array:
        counts = super().check_data(x)
        if sum(self.sizes) != counts.shape[1]:
            raise ValueError(
                f"sizes {self.sizes} need {sum(self.sizes)} columns of data, got {counts.shape[1]}"
            )
        return counts

    def n_parameters(self, k: int, d: int) -> int:
        return k * (d - len(self.sizes))

    def sample(self, components: Components, z: Integers, rng: Generator) -> NDArray[Any]:
        groups = self._by_feature(components[0], axis=1)
        shares = [g / g.sum(axis=1, keepdims=True) for g in groups]  # NumPy allows less rounding
        return np.concatenate([rng.multinomial(1, g[z]) for g in shares], axis=1)

    def from_free(self, free: tuple[Array, ...]) -> Components:
        groups = self._by_feature(free[0], axis=1)
        return (np.concatenate([softmax(g, axis=1) for g in groups], axis=1),)

    def _by_feature(self, values: Array, axis: int) -> list[Array]:
        return np.split(values, np.cumsum(self.sizes)[:-1], axis=axis)


@dataclass(frozen=True)
class Symbols(Counts):
    """One categorical feature whose values are the numbers 0, 1, ... below `n_symbols`.

    The components are probabilities of shape (K, n_symbols); rows sum to one. It is what
    `Categorical` is for one-hot rows, at a cost that does not grow with the number of symbols.
    """

    n_symbols: int
    parameters = {"probabilities": "KD"}

    def __post_init__(self) -> None:
        check.count("n_symbols", self.n_symbols)

    def check_range(self, components: Components) -> None:
        check.sums("probabilities", components[0])

    def shapes(self, k: int, d: int) -> tuple[tuple[int, ...], ...]:
        return ((k, self.n_symbols),)

    def natural(self, components: Components) -> Array:
        return log(components[0])

    def mle(self, statistics: Sums) -> Components:
        check_alive(statistics.n)
        return (statistics.sum_x / statistics.sum_x.sum(axis=1, keepdims=True),)

    def check_data(self, x: ArrayLike) -> Array:
        return check.symbols(x, self.n_symbols)[:, None].astype(float)

    def n_parameters(self, k: int, d: int) -> int:
        return k * (self.n_symbols - 1)

    def from_free(self, free: tuple[Array, ...]) -> Components:
        return (softmax(free[0], axis=1),)

    def sample(self, components: Components, z: Integers, rng: Generator) -> NDArray[Any]:
        x, u = np.empty(len(z), dtype=np.intp), rng.uniform(size=len(z))
        for k, p in enumerate(components[0]):
            x[z == k] = category(p, u[z == k])
        return x[:, None]


def category(p: Array, u: Array) -> Integers:
    """The category that each uniform number stands for, if these are their probabilities."""
    # The last bound is one, whatever rounding made of it; no uniform number reaches it.
    return np.searchsorted(np.cumsum(p)[:-1], u, side="right")


def log(values: Array) -> Array:
    """The logarithm, with a very low number for that of zero: zero times it is zero."""
    if np.any(values < 0):
        raise DegenerateError("rates and probabilities must not be negative, nor above one")
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(values), LOG_ZERO)


def check_methods(family: Any, x: Array) -> None:
    """A ValueError that names the method of a family that does not do what `Family` asks of it.

    They are tried on a few rows of `x`, of shape (N, D), and on two components.
    """
    points = x[:: -(-len(x) // 50)].T.copy()
    points.flags.writeable = False
    d, n = points.shape

    def require(method: str, is_right: bool, task: str) -> None:
        if not is_right:
            raise ValueError(f"{type(family).__name__}.{method} must {task}")

    require("n_more", callable(family.n_more), "be a method, n_more(self, d)")
    k, height = 2, 1 + d + family.n_more(d)
    features, shared = np.full((height, n), np.nan), np.zeros((0, n))
    features[0], features[1 : d + 1] = 1.0, points
    with np.errstate(all="ignore"):
        try:
            returned = family.fill(points, features[d + 1 :])
        except ValueError as error:
            require("fill", "read-only" not in str(error), "leave x as it is")
            raise
        task = f"write what n_more announces, {height - d - 1} rows, into `out`, and return nothing"
        is_written = returned is None or np.may_share_memory(returned, features)
        require("fill", is_written and not np.isnan(features).any(), task)
        if family.log_base is not None:
            task = "return log h(x) of every point, of shape (B,)"
            require("log_base", np.shape(family.log_base(points)) == (n,), task)
        if family.shared is not None:
            shared = family.shared(points)
            require("shared", np.shape(shared)[1:] == (n,), "return features of shape (Q, B)")
        share = np.linspace(0.2, 0.8, n)
        sums = np.stack([share, 1 - share]) @ features.T
        try:
            components = family.mle(family.statistics(sums, shared.sum(axis=1), d))
        except Exception:  # from few points, there need be no maximum
            return
        shapes, shape = family.shapes(k, d), (k, height + len(shared))
        task = f"return a tuple of arrays, of shapes {shapes} for {k} components"
        arrays = components if isinstance(components, tuple | list) else ()
        found = tuple(part.shape for part in arrays if isinstance(part, np.ndarray))
        require("mle", found == shapes, task)
        try:
            eta = family.natural(components)
        except Exception:  # nor a density
            return
        task = f"return an array, of shape {shape} for {k} components: coefficients for 1, for x, "
        task += "and for what `fill` and `shared` add"
        require("natural", isinstance(eta, np.ndarray) and eta.shape == shape, task)
