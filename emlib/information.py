"""Standard errors of a Gaussian mixture from the observed information (Louis 1982).

The information in the data is what complete data would hold, less what is missing:
I_obs = E[I_complete] - Var(score_complete), both given the data.
J. R. Statist. Soc. B 44, 226-233, doi:10.1111/j.2517-6161.1982.tb01203.x.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emlib import engine
from emlib.blocks import Blocks
from emlib.covariances import Diagonal, Full, Gaussians, Spherical
from emlib.em import DegenerateError
from emlib.mixture import MixtureParams

Array = NDArray[np.float64]
# Squared distance from a stationary point, in standard errors, up to which it counts as one.
LARGEST_DECREMENT = 0.01


def standard_errors(params: MixtureParams, data: Blocks, family: Gaussians) -> MixtureParams:
    """Standard errors of every parameter, in the shapes of the parameters.

    Parameters
    ----------
    params : MixtureParams
        A maximum of the likelihood, in the units of `data`.
    data : Blocks
    family : Gaussians

    Returns
    -------
    MixtureParams

    Raises
    ------
    DegenerateError
        If the information is not positive definite: `params` is no maximum, or a component has
        hardly any points.
    """
    scores = _Scores.of(params, family)
    with np.errstate(divide="ignore", invalid="ignore"):  # a weight of zero is named below
        slope, information = slope_and_information(scores, data, family)
    try:
        if not np.all(np.isfinite(information)):
            raise np.linalg.LinAlgError
        np.linalg.cholesky(information)
        covariance = np.asarray(np.linalg.inv(information), dtype=float)
        if slope @ covariance @ slope > LARGEST_DECREMENT:
            raise np.linalg.LinAlgError
    except np.linalg.LinAlgError as error:
        raise DegenerateError(
            "these parameters are no proper maximum of the likelihood, and standard errors belong "
            "to one: run EM to convergence (a smaller tol), without a strong prior, or use fewer "
            "components."
        ) from error
    return scores.named(covariance)


def slope_and_information(scores: _Scores, data: Blocks, family: Gaussians) -> tuple[Array, Array]:
    """First, and minus the second, derivatives of the log-likelihood, as Louis computes them."""
    n, sums = np.zeros(len(scores.means)), np.zeros_like(scores.means)
    scatters = np.zeros_like(scores.precisions)
    slope, missing = np.zeros(scores.size), np.zeros((scores.size, scores.size))
    for _, rows, r, _ in engine.posteriors(
        scores.params, data, family, height=len(n) * scores.size
    ):
        x, w = data.read(rows, np.empty((data.shape[1], r.shape[1]))), data.count(rows)
        offsets = x - scores.means[:, :, None]
        n += (r * w).sum(axis=1)
        sums += np.einsum("kb,kib->ki", r * w, offsets)
        scatters += np.einsum("kb,kib,kjb->kij", r * w, offsets, offsets)
        s = scores.at(offsets)
        mean = np.einsum("kb,kbm->bm", r, s)
        # Equation conv-louis: the variance of the score, given the data
        missing += np.einsum("kb,kbl,kbm->lm", r * w, s, s, optimize=True)
        missing -= (mean.T * w) @ mean
        slope += (mean.T * w).sum(axis=1)
    return slope, scores.complete_information(n, sums, scatters) - missing


@dataclass(frozen=True, eq=False)
class _Scores:
    """First and second derivatives of the complete data's log-likelihood.

    A parameter vector holds K - 1 weights, K means, then the coefficients of the matrices in
    `basis` whose sum is a covariance: once, if components share it.
    """

    params: MixtureParams
    means: Array
    precisions: Array
    basis: Array
    tied: bool

    @classmethod
    def of(cls, params: MixtureParams, family: Gaussians) -> _Scores:
        k, d = params.means.shape
        one = np.eye(d)
        i, j = np.triu_indices(d) if isinstance(family, Full) else (np.arange(d),) * 2
        basis = one[i][:, :, None] * one[j][:, None, :]
        basis = np.maximum(basis, np.swapaxes(basis, 1, 2))
        if isinstance(family, Spherical):
            basis = one[None]
        precisions = family.precisions(family.whiteners(params.covariances, k))
        if isinstance(family, Diagonal):
            precisions = precisions[:, :, None] * one
        return cls(params, params.means, np.asarray(precisions), basis, family.tied)

    @property
    def size(self) -> int:
        """How many parameters there are."""
        k, d = self.means.shape
        return int(k - 1 + k * d + (1 if self.tied else k) * len(self.basis))

    def of_mean(self, k: int) -> slice:
        """Where the parameters of a component's mean are in the vector."""
        components, d = self.means.shape
        return slice(components - 1 + k * d, components - 1 + (k + 1) * d)

    def of_covariance(self, k: int) -> slice:
        """Where those of its covariance are."""
        start, q = self.of_mean(len(self.means)).start, len(self.basis)
        return slice(start, start + q) if self.tied else slice(start + k * q, start + (k + 1) * q)

    def of_weights(self) -> Array:
        """Derivatives of log pi_k, row k, by the free weights; the last is one less their sum."""
        weights = self.params.weights
        free = np.diag(1 / weights)[:, :-1]
        free[-1] = -1 / weights[-1]
        return free

    def at(self, offsets: Array) -> Array:
        """Scores (K, B, M) of points at `offsets` (K, D, B) from the means, were z = k known."""
        k, _, size = offsets.shape
        s = np.zeros((k, size, self.size))
        s[:, :, : k - 1] = self.of_weights()[:, None]
        for i, y in enumerate(self.precisions @ offsets):
            s[i, :, self.of_mean(i)] = y.T
            squares = np.einsum("aij,ib,jb->ba", self.basis, y, y, optimize=True)
            traces = np.einsum("aij,ij->a", self.basis, self.precisions[i])
            s[i, :, self.of_covariance(i)] = 0.5 * (squares - traces)
        return s

    def complete_information(self, n: Array, sums: Array, scatters: Array) -> Array:
        """Minus the expected second derivatives, given the data."""
        information = np.zeros((self.size, self.size))
        free = self.of_weights()
        information[: len(n) - 1, : len(n) - 1] = (free.T * n) @ free
        for k, precision in enumerate(self.precisions):
            mean, covariance = self.of_mean(k), self.of_covariance(k)
            information[mean, mean] = n[k] * precision
            inner = precision @ scatters[k] @ precision - 0.5 * n[k] * precision
            bends = np.einsum(
                "aij,jk,bkl,li->ab", self.basis, precision, self.basis, inner, optimize=True
            )
            information[covariance, covariance] += bends
            turned = precision @ sums[k]  # zero at a maximum
            cross = np.einsum("ij,ajl,l->ia", precision, self.basis, turned)
            information[mean, covariance] += cross
            information[covariance, mean] += cross.T
        return information

    def named(self, covariance: Array) -> MixtureParams:
        """Roots of the variances, each where its parameter is."""
        k, d = self.means.shape
        variances = np.diag(covariance)
        last = covariance[: k - 1, : k - 1].sum()  # the weights sum to one
        weights = np.append(variances[: k - 1], last)
        means = variances[k - 1 : k - 1 + k * d].reshape(k, d)
        q = len(self.basis)
        coefficients = variances[k - 1 + k * d :].reshape(-1, q)
        matrices = np.einsum("ka,aij->kij", coefficients, self.basis)
        covariances = self._in_shape(matrices)
        return MixtureParams(np.sqrt(weights), np.sqrt(means), np.sqrt(covariances))

    def _in_shape(self, matrices: Array) -> Array:
        """Matrices (K, D, D), or one, in the shape of the covariances."""
        shape = self.params.covariances.shape
        if self.tied:
            return np.asarray(matrices[0])
        if len(shape) == 3:
            return matrices
        diagonals = np.diagonal(matrices, axis1=1, axis2=2)
        return diagonals if len(shape) == 2 else diagonals[:, 0]
