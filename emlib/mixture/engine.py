"""The E-step of any mixture: two matrix products per block.

    log pi_k p(x | theta_k)  =  eta_k . T(x)        one product, then Bayes' rule
    S_k                      =  sum of r_k T(x)     the other

Samples are on the last axis, so that every operation runs along contiguous numbers. The products
have several forms. Symbols are `LookedUp`; rows of which not all was seen are `Incomplete`, and
kept `Apart` from the others. For the rest there are three, and each earns its keep. Milliseconds
for one step of EM, measured on one thread (Intel Xeon with AVX-512), for N points, D features and K
full components:

    N, D, K       100,000, 2, 5   100,000, 10, 8   20,000, 50, 10
    `Natural`           2               14               78         if neither of these is better
    `Affine`            8               34               52         full covariances, D > 25
    `Whitened`          7               46               76         where `Natural` loses digits

`Natural` measures all components from one of them, the reference, which has the largest weight:
what components share cancels, and Bayes' rule needs one exponential less for every point.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import reduce
from typing import Any

import numpy as np

from emlib.covariances import Gaussians, log_normalisers, whiten
from emlib.families import Components, Sums
from emlib.gaussian import KEPT, GaussianStatistics, inverse_factor
from emlib.mixture.blocks import LARGEST_COPY, Blocks
from emlib.results import ImpossibleError
from emlib.types import Array, Integers
from emlib.wording import with_value

EPS = float(np.finfo(float).eps)
# The largest error, in nats, that rounding may cause in the log-density of a point.
LARGEST_ERROR = 1e-9
# With more features than this, full covariances are faster as `Affine`.
MANY_FEATURES = 25
# Log-densities below this, or NaN, are those of points that no component can have produced.
IMPOSSIBLE = -1e150


def expectations(params: Components, data: Blocks) -> tuple[Any, float]:
    """The E-step: expected statistics, and the log-likelihood of the data."""
    form, log_likelihood = form_of(params, data), 0.0
    for rows in form.slices:
        # Equations mix-joint, mix-density and mix-responsibilities
        r, log_p = form.posterior(rows)
        check_possible(log_p, data, rows.start)
        if data.weights is not None:
            r *= data.weights[rows]
            log_p *= data.weights[rows]
        # Equation mix-loglik
        log_likelihood += float(log_p.sum())
        # Equation mix-statistics
        form.add(r)
    return form.total(), log_likelihood + form.total_log_shared()


def log_joint(params: Components, data: Blocks) -> Array:
    """Log p(x, z = k) of all the data, of shape (K, N); -inf where it is zero."""
    form, found = form_of(params, data), np.empty((len(params[0]), len(data.x)))
    for rows in form.slices:
        with np.errstate(all="ignore"):  # a weight, or a probability, may be zero
            joint = form.log_joint(rows)
        found[:, rows] = np.where(joint > IMPOSSIBLE, joint + form.log_shared(), -np.inf)
    return found


def responsibilities(form: Form, out: Array) -> float:
    """Write responsibilities of all the data into `out`, (K, N); returns the log-likelihood.

    Of that, what all components share is left out, as in `Form.log_joint`.
    """
    data, log_likelihood = form.data, 0.0
    for rows in form.slices:
        out[form.order, rows], log_p = form.posterior(rows)
        check_possible(log_p, data, rows.start)
        log_likelihood += float(log_p.sum() if data.weights is None else log_p @ data.weights[rows])
    return log_likelihood


def statistics(form: Form, r: Array) -> Any:
    """The statistics of all the data, weighted by `r`, of shape (K, N)."""
    for rows in form.slices:
        form.read(rows)
        form.add(r[form.order, rows])
    return form.total()


@np.errstate(all="ignore")  # what is not finite, no bound holds for, or is named later
def form_of(params: Components, data: Blocks) -> Form:
    """The mixture bound to the data, in the form that is exact and fast: as a rule `Natural`."""
    family: Any = data.family
    weights, components = params[0], params[1:]
    if data.holes is not None and family.whitens:
        if len(data.complete):
            return Apart(data, params)
        return Incomplete(data, weights, family, components)
    eta = family.natural(components)
    if family.n_symbols:
        return LookedUp(data, weights, eta)
    if family.whitens:
        largest = (np.abs(eta) @ data.largest_features).max()
        # A sum of P products of rounded factors errs by at most about P + 4 units.
        if not EPS * (eta.shape[1] + 4) * largest <= LARGEST_ERROR:
            return Whitened(data, weights, family, components)
        if family.form == "full" and data.x.shape[1] > MANY_FEATURES:
            return Affine(data, weights, family, components)
    return Natural(data, weights, eta)


def form_without_params(data: Blocks, k: int) -> Form:
    """A form that only adds up statistics of K components, for responsibilities that are known."""
    weights: Any = np.full(k, 1 / k)
    family: Any = data.family
    if data.holes is not None and family.whitens:  # in standard units: mean zero and variance one
        spheres = family.spheres(np.zeros((k, data.x.shape[1])))
        return form_of((weights, *spheres), data)
    if family.n_symbols:
        return LookedUp(data, weights, np.zeros((k, family.n_symbols)))
    return Natural(data, weights, np.zeros((k, data.height + len(data.total_shared))))


def form_about(means: Array, data: Blocks) -> Form:
    """A form that adds up statistics of Gaussians about these means, of shape (K, D)."""
    family: Any = data.family
    even = np.full(len(means), 1 / len(means))
    return Whitened(data, even, family, family.spheres(means))


class Form(ABC):
    """A mixture bound to data, with the sums that an E-step fills.

    Attributes
    ----------
    slices : list of slice
        The points of each block, of a size that suits the form.
    order : ndarray of shape (K,), or slice
        Which component each row of responsibilities belongs to.
    """

    data: Blocks
    slices: list[slice]
    order: Integers | slice = slice(None)

    @abstractmethod
    def read(self, rows: slice) -> Any:
        """Read a block of the data."""

    @abstractmethod
    def log_joint(self, rows: slice) -> Array:
        """Log p(x, z = k) of a block, of shape (K, B), but for what all components share."""

    def posterior(self, rows: slice) -> tuple[Array, Array]:
        """Responsibilities of a block, (K, B) in `order`, and log p(x) as in `log_joint`, (B,)."""
        with np.errstate(all="ignore"):
            r = self.log_joint(rows)
            if self.data.labels is not None:
                labels = self.data.labels[rows]
                r[(labels >= 0) & (labels != np.arange(len(r))[:, None])] = -np.inf
            log_p = normalise(r)
        return r[self.order], log_p

    @abstractmethod
    def add(self, r: Array) -> None:
        """Add the statistics of the block read last, weighted by `r`, (K, B) in `order`."""

    @abstractmethod
    def total(self) -> Any:
        """The statistics of all that was added."""

    def log_shared(self) -> Array | float:
        """What `log_joint` leaves out, of the block that was read last: of shape (B,), or 0."""
        return 0.0

    def total_log_shared(self) -> float:
        """The weighted sum of `log_shared` over all the data."""
        return 0.0


class Natural(Form):
    """Components in natural form: everything is linear in the features T(x)."""

    def __init__(self, data: Blocks, weights: Array, eta: Array) -> None:
        self.data, self.shared_eta = data, eta[0, data.height :]
        self.eta = eta[:, : data.height].copy()
        self.eta[:, 0] += np.log(weights)
        last, reference = len(eta) - 1, len(eta) - 1 - int(weights[::-1].argmax())
        if reference != last:
            self.order = np.arange(len(eta))
            self.order[reference], self.order[last] = last, reference
        self.contrasts = self.eta[self.order].copy()
        self.contrasts[:-1] -= self.contrasts[-1]
        self.sums = np.zeros_like(self.contrasts)
        self.features, self.joint = np.empty((data.height, 0)), np.empty((len(eta), 0))
        self.slices = data.slices(max(data.height, len(eta)))

    def read(self, rows: slice) -> Array:
        """T(x) of a block, of shape (P, B)."""
        size = rows.stop - rows.start
        if size == len(self.data.x):
            self.features = self.data.all_features
        else:
            if self.features.shape[1] != size:
                self.features = np.empty((len(self.features), size))
                self.features[0] = 1.0
            self.data.features(rows, self.features)
        return self.features

    def log_joint(self, rows: slice) -> Array:
        # Equation mix-joint: eta is log pi_k, and the coefficients of log p(x | theta_k)
        return self.eta @ self.read(rows)

    def posterior(self, rows: slice) -> tuple[Array, Array]:
        if self.data.labels is not None:
            return super().posterior(rows)
        features = self.read(rows)
        if self.joint.shape[1] != features.shape[1]:
            self.joint = np.empty((len(self.eta), features.shape[1]))
        with np.errstate(all="ignore"):
            # Equation mix-joint: of the reference, in the last row; the others less that
            r = np.matmul(self.contrasts, features, out=self.joint)
            others, reference = r[:-1], r[-1]
            np.exp(others, out=others)
            total = np.add.reduce(others, axis=0, initial=1.0)
            if not total.max() < np.inf:  # some point is too far from the reference
                return super().posterior(rows)
            # Equation mix-density
            log_p = np.log(total)
            log_p += reference
            # Equation mix-responsibilities
            np.reciprocal(total, out=reference)
            others *= reference
        return r, log_p

    def add(self, r: Array) -> None:
        # Equation mix-statistics
        self.sums += r @ self.features.T

    def total(self) -> Any:
        data, sums = self.data, np.empty_like(self.sums)
        sums[self.order] = self.sums
        return data.family.statistics(sums, data.total_shared, data.x.shape[1])

    def log_shared(self) -> Array | float:
        family, x = self.data.family, self.features[1 : self.data.x.shape[1] + 1]
        shared = 0.0 if family.shared is None else self.shared_eta @ family.shared(x)
        return shared + (0.0 if family.log_base is None else family.log_base(x))

    def total_log_shared(self) -> float:
        return self.data.total_log_base + float(self.shared_eta @ self.data.total_shared)


class LookedUp(Form):
    """Symbols: log p(x, z = k) is in a table, and the statistics are counts."""

    def __init__(self, data: Blocks, weights: Array, table: Array) -> None:
        self.data, self.slices = data, data.slices(len(table))
        self.table = table + np.log(weights)[:, None]
        self.counts = np.zeros_like(table)

    def read(self, rows: slice) -> None:
        self.symbols = self.data.x[rows, 0].astype(np.intp)

    def log_joint(self, rows: slice) -> Array:
        self.read(rows)
        # Equation mix-joint
        return self.table[:, self.symbols]

    def add(self, r: Array) -> None:
        # Equation mix-statistics
        for counts, r_k in zip(self.counts, r, strict=True):
            counts += np.bincount(self.symbols, weights=r_k, minlength=len(counts))

    def total(self) -> Sums:
        return Sums(self.counts.sum(axis=1), self.counts, np.empty((len(self.counts), 0)))


class Residuals(Form):
    """Gaussians in whitened residuals: log p(x, z = k) is a constant less half their square."""

    constants: Array
    x: Array

    @abstractmethod
    def residuals(self, k: int) -> Array:
        """Whitened residuals of the block from component k, of shape (D, B)."""

    def log_joint(self, rows: slice) -> Array:
        self.read(rows)
        joint = np.empty((len(self.constants), self.x.shape[1]))
        for k, constant in enumerate(self.constants):
            z = self.residuals(k)
            # Equation mix-joint
            joint[k] = constant - 0.5 * np.einsum("db,db->b", z, z)
        return joint


class Affine(Residuals):
    """Full covariances of many features: residuals [-W mu, W] (1, x), and moments of (1, x)."""

    def __init__(self, data: Blocks, weights: Array, family: Gaussians, components: Components):
        means, w = components[0], family.whiteners(components)
        k, self.d = means.shape
        self.data, self.slices = data, data.slices(max(2 * (self.d + 1), k))
        self.w = np.concatenate([-(w @ means[:, :, None]), w], axis=2)
        self.constants = np.log(weights) + log_normalisers(w)
        self.moments = np.zeros((k, self.d + 1, self.d + 1))
        self.x = self.scratch = np.empty((self.d + 1, 0))

    def read(self, rows: slice) -> None:
        size = rows.stop - rows.start
        if self.x.shape[1] != size:
            self.x, self.scratch = np.ones((2, self.d + 1, size))
        self.data.read(rows, self.x[1:])

    def residuals(self, k: int) -> Array:
        z, half = self.scratch[1:], self.d // 2
        # W is a lower triangle: its first rows need only the first features.
        np.matmul(self.w[k, :half, : half + 1], self.x[: half + 1], out=z[:half])
        np.matmul(self.w[k, half:], self.x, out=z[half:])
        return z

    def add(self, r: Array) -> None:
        for k, root in enumerate(np.sqrt(r)):
            np.multiply(self.x, root, out=self.scratch)
            # Equation mix-statistics; NumPy is twice as fast on a matrix times its own transpose
            self.moments[k] += self.scratch @ self.scratch.T

    def total(self) -> GaussianStatistics:
        m = self.moments
        return GaussianStatistics(m[:, 0, 0], m[:, 0, 1:], m[:, 1:, 1:])


class Whitened(Residuals):
    """Gaussians in whitened residuals W_k (x - mu_k), with statistics about the means mu_k."""

    def __init__(self, data: Blocks, weights: Array, family: Gaussians, components: Components):
        self.means, self.w = components[0], family.whiteners(components)
        k, self.d = self.means.shape
        self.data, self.family = data, family
        self.slices = data.slices(max(3 * self.d, k))
        self.constants = np.log(weights) + log_normalisers(self.w)
        self.origins = origins(self.means, data)
        self.n, self.sum_x = np.zeros(k), np.zeros((k, self.d))
        self.sum_xx = [np.zeros(())] * k

    def read(self, rows: slice) -> None:
        self.x = self.data.read(rows, np.empty((self.d, rows.stop - rows.start)))

    def residuals(self, k: int) -> Array:
        return whiten(self.w[k], self.x - self.means[k][:, None])

    def add(self, r: Array) -> None:
        # Equation mix-statistics
        self.n += r.sum(axis=1)
        for k, origin in enumerate(self.origins):
            residuals = self.x - origin[:, None]
            self.sum_x[k] += residuals @ r[k]
            self.sum_xx[k] = self.sum_xx[k] + self.family.squares(residuals, r[k])

    def total(self) -> GaussianStatistics:
        sum_xx, form = np.stack(self.sum_xx), self.family.form
        sum_xx = sum_xx.sum(axis=0) if self.family.tied else sum_xx
        return GaussianStatistics(self.n, self.sum_x, sum_xx, self.origins, form)


class Incomplete(Form):
    """Gaussians of points of which not all features were seen: by the marginal of those that were.

    Every pattern, a set of features that were seen together, needs 3 K matrices, each made in D^3
    steps. Those of as many patterns as `LARGEST_COPY` has room for are kept.
    """

    def __init__(self, data: Blocks, weights: Array, family: Gaussians, components: Components):
        self.means, self.covariances = components[0], family.as_matrices(components)
        k, d = self.means.shape
        self.data, self.family, self.slices = data, family, data.slices(3 * k * d)
        self.log_weights = np.log(weights)
        self.origins = origins(self.means, data)
        self.patterns, self.which = data.patterns
        self.kept: dict[int, tuple[Array, Array, Array, Array]] = {}
        self.n, self.sum_x, self.sum_xx = np.zeros(k), np.zeros((k, d)), np.zeros((k, d, d))

    def matrices(self, pattern: int) -> tuple[Array, Array, Array, Array]:
        """Of a pattern: constants (K,); whiteners, regression and what is left, (K, D, D) each."""
        if pattern in self.kept:
            return self.kept[pattern]
        if 3 * self.covariances.size * len(self.kept) > LARGEST_COPY:
            self.kept.clear()
        seen, constants = np.flatnonzero(self.patterns[pattern]), self.log_weights
        w = np.zeros(self.covariances.shape)  # of what was seen: with zeros for the rest
        if len(seen):
            block = inverse_factor(self.covariances[:, seen[:, None], seen])
            w[:, seen[:, None], seen] = block
            constants = constants + log_normalisers(block)
        half = w @ self.covariances
        # Equations miss-coefficients and miss-left
        regression = np.swapaxes(half, -1, -2)
        left = self.covariances - regression @ half
        self.kept[pattern] = constants, w, regression, left
        return self.kept[pattern]

    def read(self, rows: slice) -> None:
        self.x = self.data.read(rows, np.empty((self.means.shape[1], rows.stop - rows.start)))
        self.pattern = self.which[rows]

    def residuals(self) -> Iterator[tuple[int, Integers, Array]]:
        """For each pattern its points, and their whitened residuals, of shape (K, D, points)."""
        for pattern in np.unique(self.pattern):
            points = np.flatnonzero(self.pattern == pattern)
            w = self.matrices(pattern)[1]
            yield pattern, points, w @ (self.x[:, points] - self.means[:, :, None])

    def log_joint(self, rows: slice) -> Array:
        self.read(rows)
        joint = np.empty((len(self.means), self.x.shape[1]))
        for pattern, points, z in self.residuals():
            constants = self.matrices(pattern)[0]
            joint[:, points] = constants[:, None] - 0.5 * np.einsum("kdb,kdb->kb", z, z)
        return joint

    def add(self, r: Array) -> None:
        self.n += r.sum(axis=1)
        shift = (self.means - self.origins)[:, :, None]
        for pattern, points, z in self.residuals():
            _, _, regression, left = self.matrices(pattern)
            # Equation miss-expectation, less the origin
            expected, shares = shift + regression @ z, r[:, None, points]
            weighted = expected * shares
            self.sum_x += weighted.sum(axis=2)
            left_over = shares.sum(axis=2)[..., None] * left
            self.sum_xx += weighted @ np.swapaxes(expected, 1, 2) + left_over

    def total(self) -> GaussianStatistics:
        form, sum_xx = self.family.form, self.sum_xx + np.swapaxes(self.sum_xx, 1, 2)
        sum_xx = np.einsum(KEPT[form], sum_xx / 2)  # symmetric to the last digit
        return GaussianStatistics(self.n, self.sum_x, sum_xx, self.origins, form)


class Apart(Form):
    """Points of which all was seen, and separately the others, each in the form that suits."""

    def __init__(self, data: Blocks, params: Components) -> None:
        self.data, self.origins = data, origins(params[1], data)
        self.parts = [(numbers, form_of(params, some)) for numbers, some in data.by_holes]
        self.slices = data.slices(max(params[1].shape))

    def locate(self, rows: slice) -> None:
        """Of each part in a block: where its points are in the block, and in the part."""
        self.block = []
        for numbers, form in self.parts:
            part = slice(*np.searchsorted(numbers, (rows.start, rows.stop)))
            if part.start < part.stop:
                self.block.append((numbers[part] - rows.start, part, form))

    def read(self, rows: slice) -> None:
        self.locate(rows)
        for _, part, form in self.block:
            form.read(part)

    def log_joint(self, rows: slice) -> Array:
        self.locate(rows)
        joint = np.empty((len(self.origins), rows.stop - rows.start))
        for places, part, form in self.block:
            joint[:, places] = form.log_joint(part) + form.log_shared()
        return joint

    def add(self, r: Array) -> None:
        for places, _, form in self.block:
            form.add(r[:, places][form.order])

    def total(self) -> GaussianStatistics:
        parts = (form.total().about(self.origins) for _, form in self.parts)
        return reduce(GaussianStatistics.__add__, parts)


def origins(means: Array, data: Blocks) -> Array:
    """From where squares are small, (K, D): the means, but for those that lie outside the data."""
    reach = data.largest_features[1 : means.shape[1] + 1]
    return np.clip(means, -reach, reach)


def normalise(joint: Array) -> Array:
    """Turn log p(x, z = k), of shape (K, B), into responsibilities in place; returns log p(x)."""
    highest = np.maximum.reduce(joint, axis=0)
    joint -= highest
    np.exp(joint, out=joint)
    total = np.add.reduce(joint, axis=0)
    # Equation mix-density: the log of a sum, with its largest term taken out
    highest += np.log(total)
    # Equation mix-responsibilities: Bayes' rule
    joint *= np.reciprocal(total, out=total)
    return highest


def check_possible(log_p: Array, data: Blocks, start: int = 0) -> None:
    """An ImpossibleError that names a point which no component can have produced.

    `log_p` are the log-densities of the points from `start` on.
    """
    if log_p.min() > IMPOSSIBLE:
        return
    impossible = ~(log_p > IMPOSSIBLE) & (data.count(slice(start, start + len(log_p))) > 0)
    if impossible.any():
        row = start + int(np.argmax(impossible))
        raise ImpossibleError(
            f"point {with_value(row, data.x[row])} has density zero under every component, or one "
            "too small for a float. Is it an outlier, a value without probability, or a start far "
            "from the data?",
            row,
        )
