"""The E-step of any mixture of exponential families: two matrix products over blocks.

    log p(x, z = k)  =  eta_k . T(x)         responsibilities r: softmax over k
    S_k              =  sum of r_k T(x)      expected statistics

Samples are on the last axis, so that every operation runs along contiguous numbers. Where
eta . T(x) would lose digits, because a component is narrow beside its distance from the origin,
Gaussians are written in whitened residuals instead.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emlib.blocks import Blocks
from emlib.covariances import Full, Gaussians
from emlib.em import DegenerateError
from emlib.families import Family
from emlib.gaussian import GaussianStatistics

Array = NDArray[np.float64]
EPS = float(np.finfo(float).eps)
# The largest error, in nats, that rounding may cause in the log-density of a point.
LARGEST_ERROR = 1e-9
# From this many features on, residuals are faster than all products of two features.
MANY_FEATURES = 25
# Log-densities below this, or NaN, are those of points that no component can have produced.
IMPOSSIBLE = -1e150
# Densities between this and its inverse keep all their digits, also those of small components.
SAFE = 1e-250


class Natural:
    """Components in natural form: everything is linear in the features T(x)."""

    def __init__(self, family: Family, d: int, eta: Array, shared_eta: Array) -> None:
        self.family, self.d, self.eta, self.shared_eta = family, d, eta, shared_eta
        self.height = eta.shape[1]
        self.sums = np.zeros_like(eta)
        self.features = np.empty((self.height, 0))
        self.joint = np.empty((len(eta), 0))
        self.level = 0.0

    def read(self, data: Blocks, rows: slice) -> None:
        """Compute the features of a block of data; only once if it is all of them."""
        if rows.stop - rows.start == len(data.x):
            once = ("features", _identity(self.family))
            self.features = data.remembered(once, lambda: self._filled(data, rows))
        else:
            self.features = self._filled(data, rows)

    def _filled(self, data: Blocks, rows: slice) -> Array:
        size = rows.stop - rows.start
        features = self.features
        if features.shape[1] != size:
            features = np.ones((self.height, size))
        x = data.read(rows, features[1 : self.d + 1])
        self.family.fill(x, features[self.d + 1 :])
        return features

    def log_joint(self) -> Array:
        """Of the block that was read, but for what components share: of shape (K, B)."""
        if self.joint.shape[1] != self.features.shape[1]:
            self.joint = np.empty((len(self.eta), self.features.shape[1]))
        # Equation mix-joint
        return np.matmul(self.eta, self.features, out=self.joint)

    def lower(self, level: float) -> None:
        """From now on, `log_joint` is less by `level`."""
        if np.isfinite(level):
            self.eta[:, 0] -= level
            self.level = level

    def add(self, r: Array) -> None:
        """Add the block's statistics, each point weighted by `r` of shape (K, B)."""
        # Equation mix-statistics
        self.sums += r @ self.features.T

    def log_shared(self) -> Array:
        """What all components have in common in log p(x), of shape (B,)."""
        return np.asarray(self.shared_eta @ self.family.shared(self.features[1 : self.d + 1]))

    def total(self, data: Blocks) -> tuple[Any, float]:
        """Statistics of all that was added, and the sum of `log_shared` over the data."""
        shared = np.zeros(0)
        if len(self.shared_eta):
            shared = data.total(self.family.shared, self.d**2, _identity(self.family))
        return self.family.statistics(self.sums, shared, self.d), float(self.shared_eta @ shared)

    def rounding(self, data: Blocks) -> float:
        """A bound on the error that rounding in eta . T(x) causes in any point's log-density."""
        once = ("reach", _identity(self.family))
        reach = data.remembered(once, lambda: self._of_reach(data.reach))
        shared = np.abs(self.shared_eta) @ self.family.shared(data.reach)
        with np.errstate(over="ignore", invalid="ignore"):  # then no bound holds
            largest = float((np.abs(self.eta) @ reach + shared).max())
        # A sum of P products of rounded factors errs by at most about P + 4 units.
        return float(EPS * (self.height + 4) * largest)

    def _of_reach(self, reach: Array) -> Array:
        features = np.ones((self.height, 1))
        features[1 : self.d + 1] = reach
        self.family.fill(reach, features[self.d + 1 :])
        return features


class _Residuals(ABC):
    """Gaussians in whitened residuals: log p(x, z = k) is a constant less half their square."""

    constants: Array
    x: Array

    @abstractmethod
    def residuals(self, k: int) -> Array:
        """Whitened residuals of the block from component k, of shape (D, B)."""

    def log_joint(self) -> Array:
        """Of the block that was read, of shape (K, B)."""
        joint = np.empty((len(self.constants), self.x.shape[1]))
        for k, constant in enumerate(self.constants):
            z = self.residuals(k)
            # Equation mix-joint
            joint[k] = constant - 0.5 * np.einsum("db,db->b", z, z)
        return joint

    def log_shared(self) -> Array:
        """Nothing is left out of `log_joint`."""
        return np.zeros(self.x.shape[1])


class Affine(_Residuals):
    """Full covariances of many features: residuals [-W mu, W] (1, x), and moments of (1, x)."""

    def __init__(self, family: Full, weights: Array, means: Array, covariances: Array) -> None:
        k, self.d = means.shape
        whiteners = family.whiteners(covariances, k)
        shifts = -(whiteners @ means[:, :, None])
        self.height = 2 * (self.d + 1)
        self.w = np.concatenate([shifts, whiteners], axis=2)
        self.constants = _log(weights) + family.log_normalisers(whiteners, self.d)
        self.moments = np.zeros((k, self.d + 1, self.d + 1))
        self.x = self.scratch = np.empty((self.d + 1, 0))

    def read(self, data: Blocks, rows: slice) -> None:
        """Standardise a block of data, below a row of ones."""
        size = rows.stop - rows.start
        if self.x.shape[1] != size:
            self.x, self.scratch = np.ones((2, self.d + 1, size))
        data.read(rows, self.x[1:])

    def residuals(self, k: int) -> Array:
        """Whitened residuals of the block from component k, of shape (D, B)."""
        z, half = self.scratch[1:], self.d // 2
        # W is a lower triangle: its first rows need only the first features.
        np.matmul(self.w[k, :half, : half + 1], self.x[: half + 1], out=z[:half])
        np.matmul(self.w[k, half:], self.x, out=z[half:])
        return z

    def add(self, r: Array) -> None:
        """Add the block's statistics, each point weighted by `r` of shape (K, B)."""
        for k, root in enumerate(np.sqrt(r)):
            np.multiply(self.x, root, out=self.scratch)
            # NumPy is twice as fast on a matrix times its own transpose
            self.moments[k] += self.scratch @ self.scratch.T

    def total(self, _: Blocks) -> tuple[GaussianStatistics, float]:
        """Statistics of all that was added."""
        m = self.moments
        return GaussianStatistics(m[:, 0, 0], m[:, 0, 1:], m[:, 1:, 1:]), 0.0


class Whitened(_Residuals):
    """Gaussians in whitened residuals W_k (x - mu_k), with statistics about the means mu_k."""

    def __init__(
        self, family: Gaussians, reach: Array, weights: Array, means: Array, covariances: Array
    ) -> None:
        k, self.d = means.shape
        self.family, self.means, self.height = family, means, 3 * self.d
        self.w = family.whiteners(covariances, k)
        self.constants = _log(weights) + family.log_normalisers(self.w, self.d)
        # Outside the data, a mean is no origin from which squares would be small.
        self.origins = np.clip(means, -reach.T, reach.T)
        self.n, self.sum_x = np.zeros(k), np.zeros((k, self.d))
        self.sum_xx = [np.zeros(())] * k

    def read(self, data: Blocks, rows: slice) -> None:
        """Standardise a block of data."""
        self.x = data.read(rows, np.empty((self.d, rows.stop - rows.start)))

    def residuals(self, k: int) -> Array:
        """Whitened residuals of the block from component k, of shape (D, B)."""
        return self.family.whiten(self.w[k], self.x - self.means[k][:, None])

    def add(self, r: Array) -> None:
        """Add the block's statistics, each point weighted by `r` of shape (K, B)."""
        self.n += r.sum(axis=1)
        for k, origin in enumerate(self.origins):
            residuals = self.x - origin[:, None]
            self.sum_x[k] += residuals @ r[k]
            self.sum_xx[k] = self.sum_xx[k] + self.family.squares(residuals, r[k])

    def total(self, _: Blocks) -> tuple[GaussianStatistics, float]:
        """Statistics of all that was added, about the means."""
        sum_xx, tied = np.stack(self.sum_xx), self.family.tied
        sum_xx = sum_xx.sum(axis=0) if tied else sum_xx
        return GaussianStatistics(self.n, self.sum_x, sum_xx, self.origins, tied), 0.0


Form = Natural | Affine | Whitened


def form_for(params: tuple[Array, ...], data: Blocks, family: Family) -> Form:
    """The form in which to compute: natural, unless that would be inexact or slow."""
    weights, *components = params
    d = data.shape[1]
    _check(params, family, d)
    eta, shared_eta = family.natural(*components)
    natural = Natural(family, d, eta, shared_eta)
    exact = not isinstance(family, Gaussians) or natural.rounding(data) <= LARGEST_ERROR
    eta[:, 0] += _log(weights)
    if not isinstance(family, Gaussians):
        return natural
    if not exact:
        return Whitened(family, data.reach, weights, *components)
    if isinstance(family, Full) and not family.tied and d > MANY_FEATURES:
        return Affine(family, weights, *components)
    return natural


def posteriors(
    params: tuple[Array, ...], data: Blocks, family: Family, height: int = 0, strict: bool = True
) -> Iterator[tuple[Form, slice, Array, Array]]:
    """Block by block: the form, the rows, responsibilities (K, B) and log p(x) of shape (B,).

    Log p(x) is without what components share, `form.log_shared()`. Blocks are smaller where
    the caller needs `height` numbers a point; a point without any density is an error if `strict`.
    """
    form = form_for(params, data, family)
    for rows in data.slices(max(form.height, len(params[0]), height)):
        form.read(data, rows)
        with np.errstate(all="ignore"):  # a point out of reach is named below
            r, log_p, possible = _responsibilities(form)
        if not possible:
            _name_impossible(log_p, data, rows, strict)
        yield form, rows, r, log_p


def _name_impossible(log_p: Array, data: Blocks, rows: slice, strict: bool) -> None:
    """Say which point has no density, or give it density zero if that is allowed."""
    impossible = ~(log_p > IMPOSSIBLE)
    if not strict:
        log_p[impossible] = -np.inf
    elif np.any(impossible & (data.count(rows) > 0)):
        raise DegenerateError(
            f"point {rows.start + np.argmax(impossible)} has density zero under every "
            "component: it is too far from all of them for a float to hold. Is it an outlier, "
            "or a start far from the data?"
        )


def _responsibilities(form: Form) -> tuple[Array, Array, bool]:
    """Responsibilities and log p(x) of the block that was read, and whether all points can be.

    Exponentials are taken relative to the largest log p(x) of the first block, which saves looking
    for every point's largest term; where that would leave the range of a float, we do look.
    """
    r = form.log_joint()
    if isinstance(form, Natural) and form.level:
        np.exp(r, out=r)
        total: Array = np.add.reduce(r, axis=0)
        if total.min() > SAFE and total.max() < 1 / SAFE:
            log_p = np.log(total)
            log_p += form.level
            r *= np.reciprocal(total, out=total)
            return r, log_p, True
        r = form.log_joint() + form.level
    log_p = _normalise(r)
    if isinstance(form, Natural) and not form.level:
        form.lower(float(log_p.max()))
    return r, log_p, bool(log_p.min() > IMPOSSIBLE)


def _normalise(joint: Array) -> Array:
    """Turn log p(x, z = k), of shape (K, B), into responsibilities in place; returns log p(x)."""
    highest: Array = np.maximum.reduce(joint, axis=0)
    joint -= highest
    np.exp(joint, out=joint)
    total = np.add.reduce(joint, axis=0)
    # Equation mix-density: the log of a sum, with its largest term taken out
    highest += np.log(total)
    # Equation mix-responsibilities: Bayes' rule
    joint *= np.reciprocal(total, out=total)
    return highest


def _check(params: tuple[Array, ...], family: Family, d: int) -> None:
    """A DegenerateError if these cannot be parameters for data with `d` features."""
    weights, *components = params
    k = len(weights)
    if not ((weights >= 0).all() and abs(weights.sum() - 1) < 1e-6):
        raise DegenerateError(f"weights must not be negative and must sum to 1, got {weights}")
    shapes = family.shapes(k, d)
    if tuple(np.shape(part) for part in components) != shapes:
        found = ", ".join(str(np.shape(part)) for part in components)
        expected = ", ".join(map(str, shapes))
        raise DegenerateError(
            f"{k} components of data with {d} features need parameters of shape {expected}, "
            f"got {found}"
        )
    if not all(np.isfinite(part).all() for part in components):
        raise DegenerateError("parameters must be finite")
    if not isinstance(family, Gaussians) and np.any(components[0] < 0):
        raise DegenerateError("rates and probabilities must not be negative")


def _identity(family: Family) -> Any:
    """What distinguishes the features of one family from those of another."""
    return type(family) if isinstance(family, Gaussians) else family


def _log(weights: Array) -> Array:
    with np.errstate(divide="ignore"):  # a component of weight zero has probability e^-inf
        return np.asarray(np.log(weights))
