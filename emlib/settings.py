"""Checks of an estimator's settings, and of explicit starts: what is wrong, and what to do."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emlib.covariances import FORMS
from emlib.priors import Prior
from emlib.starts import STARTS
from emlib.validation import shaped

Array = NDArray[np.float64]


def check_settings(model: Any) -> None:
    """A ValueError that names the first setting of a `GaussianMixture` that makes no sense."""
    for name in ("n_components", "n_init", "max_iter"):
        check_count(name, getattr(model, name))
    for name in ("tol", "covariance_floor", "reg_covar"):
        value = getattr(model, name)
        if name == "reg_covar" and value is None:
            continue
        if not isinstance(value, Real) or not 0 <= float(value) < np.inf:
            raise ValueError(f"{name} must be a number, zero or positive, got {value!r}")
    for name, known in (("init_params", STARTS), ("covariance_type", FORMS)):
        value = getattr(model, name)
        if not isinstance(value, str) or value not in known:
            raise ValueError(f"{name} must be one of {list(known)}, got {value!r}")
    if not isinstance(model.prior, Prior | None):
        raise ValueError(f"prior must be an emlib.priors.Prior or None, got {model.prior!r}")
    if model.prior is not None and model.reg_covar:
        raise ValueError("give a prior or reg_covar, not both")


def check_hmm_settings(model: Any) -> None:
    """A ValueError that names the first setting of an HMM that makes no sense."""
    for name in ("n_components", "n_init", "max_iter"):
        check_count(name, getattr(model, name))
    for name in ("tol", "covariance_floor"):
        value = getattr(model, name, 0.0)
        if not isinstance(value, Real) or not 0 <= float(value) < np.inf:
            raise ValueError(f"{name} must be a number, zero or positive, got {value!r}")
    for name, known in (("init_params", STARTS), ("covariance_type", FORMS)):
        value = getattr(model, name, None)
        if hasattr(model, name) and (not isinstance(value, str) or value not in known):
            raise ValueError(f"{name} must be one of {list(known)}, got {value!r}")
    if model.stationary and model.startprob_init is not None:
        raise ValueError("a stationary chain has no start of its own: leave startprob_init out")


def check_count(name: str, value: Any) -> None:
    """A ValueError if `value` is not a whole number above zero."""
    if not isinstance(value, Integral) or int(value) < 1:
        raise ValueError(f"{name} must be a whole number, at least 1, got {value!r}")


def shares(name: str, value: ArrayLike | None, shape: tuple[int, ...]) -> Array | None:
    """Weights, or rows of responsibilities, that sum to one: exactly, after this."""
    array = shaped(name, value, shape)
    if array is None:
        return None
    totals = array.sum(axis=-1, keepdims=True)
    if np.any(array < 0) or not np.allclose(totals, 1):
        raise ValueError(f"{name} must not be negative and must sum to 1, got {array}")
    return np.asarray(array / totals)


def positive(name: str, value: ArrayLike | None, kind: str, k: int, d: int) -> Array | None:
    """Explicit covariances, or precisions, of the covariance type `kind`."""
    array = shaped(name, value, FORMS[kind]().shape(k, d))
    if array is None:
        return None
    if kind in ("diag", "spherical"):
        if np.any(array <= 0):
            raise ValueError(f"{name} must be above zero")
        return array
    size = np.abs(array).max()
    symmetric = np.allclose(array, np.swapaxes(array, -1, -2), rtol=0, atol=1e-8 * size)
    if not symmetric or np.any(np.linalg.eigvalsh(array) <= 0):
        raise ValueError(f"{name} must hold symmetric, positive definite matrices")
    return array


def inverses(name: str, value: ArrayLike | None, kind: str, k: int, d: int) -> Array | None:
    """Covariances from explicit precisions, for the covariance type `kind`."""
    array = positive(name, value, kind, k, d)
    if array is None or kind in ("diag", "spherical"):
        return array if array is None else np.asarray(1 / array)
    return np.asarray(np.linalg.inv(array), dtype=float)
