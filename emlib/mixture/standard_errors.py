"""Standard errors of a mixture of any family, from the observed information (Louis 1982).

The information in the data is what complete data would hold, less what is missing:
I_obs = E[I_complete] - Var(score_complete), both given the data.
J. R. Statist. Soc. B 44, 226-233, doi:10.1111/j.2517-6161.1982.tb01203.x.

The expected statistics S serve as coordinates, since the M-step makes the parameters out of them.
The complete data's log-likelihood is linear in the features T, with coefficients eta; so along a
direction u of S its score is (d eta / du)' (T - E[T]) and its information (dS / du)' (d eta / du).
All that is needed of a family is what it has anyway: `natural`, `mle`, and its features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import block_diag

from emlib.covariances import whiten
from emlib.families import Family
from emlib.mixture import engine, steps
from emlib.mixture.blocks import Blocks
from emlib.results import DegenerateError
from emlib.types import Array

# Length of a numerical step, in standard deviations of the complete data.
STEP = 1e-3
# The information is symmetric but for errors of numerical steps, or of rounding at the least: it
# has to be this many times as large in every direction. That of all features is about one.
TIMES_NOISE, SMALLEST_NOISE = 50.0, 1e-12
# Squared distance from a stationary point, in standard errors, up to which it counts as one.
LARGEST_DECREMENT = 0.01
# A bound on the share of themselves by which rounding may change standard errors: they are nearly
# always far nearer.
LARGEST_ERROR = 0.1
# Where these standard errors do not apply, as an error says it.
OTHERWISE = (
    "draw rows, with replacement, fit again from this fit (warm_start=True), so that components "
    "keep their places, and see how the estimates scatter"
)


def standard_errors(params: steps.Params, data: Blocks, family: Family | None = None) -> Any:
    """Standard errors of every parameter, in the shapes of the parameters.

    Parameters
    ----------
    params : tuple of weights and the family's parameters
        A maximum of the likelihood, in the units of `data`.
    data : Blocks
    family : Family, optional
        By default that of the data.

    Returns
    -------
    MixtureParams, or a tuple of weights and the family's parameters

    Raises
    ------
    DegenerateError
        If the information is not positive definite: `params` is not a maximum, or a component has
        hardly any points.
    """
    params, data = steps.checked(params, data, family)
    family = data.family
    if family.n_symbols:
        raise ValueError(
            "there are no standard errors for Symbols: take one-hot rows and the family Categorical"
        )
    if data.holes is not None:
        raise ValueError(
            f"some values are NaN, and these standard errors are for complete data: {OTHERWISE}"
        )
    if family.whitens:
        _check_digits(params, family)
    row = _Row(family, len(params[0]), data.x.shape[1], data.height)
    try:
        with np.errstate(all="ignore"):  # what goes wrong shows in the information
            sums = row.moments(params, data).sums
            params = row.params(sums)  # a step on, and so a function of `sums`
            after, total, missing = row.moments(params, data)
            directions = row.directions(total - np.outer(after, after) / data.n)
            d_eta, d_params = row.derivatives(sums, np.sqrt(data.n) * STEP * directions)
            d_eta, d_params = (d / (np.sqrt(data.n) * STEP) for d in (d_eta, d_params))
            # Equation conv-louis
            information = directions.T @ d_eta - d_eta.T @ missing @ d_eta
            noise = max(np.abs(information - information.T).max(), SMALLEST_NOISE)
            if not np.linalg.eigvalsh((information + information.T) / 2)[0] > TIMES_NOISE * noise:
                raise np.linalg.LinAlgError
            covariance = np.linalg.inv(information)
            slope = d_eta.T @ (after - sums)
            if not slope @ covariance @ slope <= LARGEST_DECREMENT:
                raise np.linalg.LinAlgError
    except (ArithmeticError, np.linalg.LinAlgError) as error:
        raise DegenerateError(
            "these parameters are not a proper maximum of the likelihood of these data, and "
            "standard errors belong to one: pass the very rows of the fit, in the same units; run "
            "EM to convergence (a smaller tol), without a strong prior, or use fewer components. "
            "Rates and probabilities at the end of their range, such as 0, have none, nor has a "
            f"fit with a ridge, or with a constant feature: {OTHERWISE}."
        ) from error
    variances = np.einsum("iu,uv,iv->i", d_params, covariance, d_params, optimize=True)
    ends = np.cumsum([part.size for part in params])[:-1]
    parts = np.split(np.sqrt(variances), ends)
    shaped = [e.reshape(part.shape) for e, part in zip(parts, params, strict=True)]
    return steps.named(tuple(shaped), family)


def _check_digits(params: steps.Params, family: Any) -> None:
    """A DegenerateError if a Gaussian is too narrow, and too far from the middle of the data.

    Fourth moments about the middle then hold too few digits of those about its mean.
    """
    means = params[1]
    for k, w in enumerate(family.whiteners(params[1:])):
        distance = float(np.square(whiten(w, means[k][:, None])).sum())
        if np.finfo(float).eps * distance**2 > LARGEST_ERROR:
            raise DegenerateError(
                f"component {k} is so narrow beside the spread of all the data that rounding "
                "may leave no digits of its standard errors: fit one Gaussian to its points"
            )


class _Moments(NamedTuple):
    """What the data say about the features T of the complete data, of which there are M.

    Attributes
    ----------
    sums : ndarray of shape (M,)
        The expected statistics S.
    total : ndarray of shape (M, M)
        The sum over the points of E[T T'].
    missing : ndarray of shape (M, M)
        The sum over the points of the variance of T.
    """

    sums: Array
    total: Array
    missing: Array


@dataclass(frozen=True)
class _Row:
    """The features of the complete data in a row: each component's own, then those shared."""

    family: Family
    k: int
    d: int
    own: int  # how many features each component has for itself

    def moments(self, params: steps.Params, data: Blocks) -> _Moments:
        """One pass over the data, with an E-step at `params`."""
        k, d, own, family = self.k, self.d, self.own, self.family
        size = k * own + len(data.total_shared)
        sums, of_means = np.zeros(size), np.zeros((size, size))
        of_features = np.zeros((k, own, own))
        form = engine.form_of(params, data)
        for rows in data.slices(size + own):
            n = rows.stop - rows.start
            r, features = np.empty((k, n)), np.ones((own, n))
            r[form.order] = form.posterior(rows)[0]
            data.features(rows, features)
            mean, w = (r[:, None] * features).reshape(k * own, -1), data.count(rows)
            if family.shared is not None:
                mean = np.concatenate([mean, family.shared(features[1 : d + 1])])
            sums += (mean * w).sum(axis=1)
            of_means += (mean * w) @ mean.T
            of_features += np.stack([(features * (w * r_k)) @ features.T for r_k in r])
        missing = np.zeros((size, size))
        missing[: k * own, : k * own] = block_diag(*of_features) - of_means[: k * own, : k * own]
        return _Moments(sums, of_means + missing, missing)

    def directions(self, covariance: Array) -> Array:
        """As many directions of the sums as there are free parameters, each one deviation long."""
        n_free = self.k - 1 + self.family.n_parameters(self.k, self.d)
        values, vectors = np.linalg.eigh(covariance)
        return vectors[:, -n_free:] * np.sqrt(values[-n_free:])

    def params(self, sums: Array) -> Any:
        """The M-step."""
        split = self.k * self.own
        own, shared = sums[:split].reshape(self.k, self.own), sums[split:]
        return steps.maximum(self.family.statistics(own, shared, self.d), self.family)

    def eta(self, params: steps.Params) -> Array:
        """The coefficients of the features in the complete data's log-likelihood."""
        eta = self.family.natural(params[1:]).copy()
        eta[:, 0] += np.log(params[0])
        return np.concatenate([eta[:, : self.own].ravel(), eta[0, self.own :]])

    def derivatives(self, sums: Array, directions: Array) -> tuple[Array, Array]:
        """How eta, and all parameters in a row, change along directions: each a numerical step."""

        def changed(by: Array) -> Array:
            params = self.params(sums + by)
            return np.concatenate([self.eta(params), *(part.ravel() for part in params)])

        slopes = [
            (8 * (changed(u) - changed(-u)) - (changed(2 * u) - changed(-2 * u))) / 12
            for u in directions.T
        ]
        at = len(directions)
        return np.transpose(slopes)[:at], np.transpose(slopes)[at:]
