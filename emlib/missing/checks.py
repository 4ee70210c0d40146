"""Checks of what the steps are given: an error says what is wrong and what to do about it."""

from __future__ import annotations

from typing import NoReturn

import numpy as np

from emlib.gaussian import NOT_POSITIVE, Gaussian, GaussianStatistics
from emlib.results import DegenerateError
from emlib.types import Array
from emlib.validation import LARGEST, SMALLEST, is_symmetric, numbers


def checked_params(params: Gaussian, d: int) -> Gaussian:
    """The parameters as arrays, or a ValueError if they are not those of a Gaussian of D features.

    Whether the covariance is positive definite shows when it is factorised.
    """
    if not isinstance(params, Gaussian):
        raise ValueError(f"params must be a Gaussian(mean, covariance), got {params!r}")
    mean = numbers("mean", params.mean, finite=False)
    covariance = numbers("covariance", params.covariance, finite=False)
    if mean.shape != (d,) or covariance.shape != (d, d):
        raise ValueError(
            f"data with {d} features need a mean of shape ({d},) and a covariance of shape "
            f"({d}, {d}), got {mean.shape} and {covariance.shape}"
        )
    variances = covariance.diagonal()
    in_range = np.abs(mean).max() <= LARGEST and variances.min() >= SMALLEST**2
    if not (in_range and variances.max() <= LARGEST**2 and is_symmetric(covariance)):
        _refuse(mean, covariance)
    return Gaussian(mean, covariance)


def _refuse(mean: Array, covariance: Array) -> NoReturn:
    """The error that says why these cannot be the parameters of a Gaussian."""
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        raise ValueError(
            "mean and covariance must be finite, and hold NaN or infinity. If they were computed "
            "from a table with holes, take np.nanmean and np.nanvar."
        )
    if not is_symmetric(covariance):
        raise ValueError("the covariance must be symmetric: take (covariance + covariance.T) / 2")
    if covariance.diagonal().min() <= 0:
        raise DegenerateError(NOT_POSITIVE)
    raise ValueError(
        "mean or covariance holds numbers whose squares or inverses are out of a float's range. "
        "Rescale the features."
    )


def checked_statistics(statistics: GaussianStatistics) -> GaussianStatistics:
    """The statistics as arrays, or a ValueError if they are not those of one Gaussian."""
    if not isinstance(statistics, GaussianStatistics):
        raise ValueError(
            f"statistics must be GaussianStatistics, as e_step returns them, got {statistics!r}"
        )
    names = ("n", "sum_x", "sum_xx", "origin")
    n, sum_x, sum_xx, origin = (
        numbers(name, getattr(statistics, name), finite=False) for name in names
    )
    d = sum_x.size
    if n.shape != () or sum_x.shape != (d,) or sum_xx.shape != (d, d):
        raise ValueError(
            "statistics must be a number n, sum_x of shape (D,) and sum_xx of shape (D, D), got "
            f"shapes {n.shape}, {sum_x.shape} and {sum_xx.shape}"
        )
    if not all(np.isfinite(part).all() for part in (n, sum_x, sum_xx, origin)):
        raise ValueError(
            "statistics must be finite, and hold NaN or infinity: the E-step's parameters or data "
            "were out of a float's range. Rescale the features."
        )
    if n <= 0:
        raise ValueError(f"n, the number of rows, must be above zero, got {n}: there are no data")
    if not is_symmetric(sum_xx) or (sum_xx.diagonal() < 0).any():
        raise ValueError("sum_xx must be symmetric, with sums of squares on its diagonal")
    return GaussianStatistics(n, sum_x, sum_xx, origin)


def check_generator(rng: object) -> None:
    """A ValueError if `rng` cannot draw numbers."""
    if not isinstance(rng, np.random.Generator | np.random.RandomState):
        raise ValueError(f"rng must be a generator, as np.random.default_rng(0), got {rng!r}")
