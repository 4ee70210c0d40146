"""Expectation-maximization, readable: one loop, and models that are two functions each."""

from importlib import import_module
from typing import Any

from emlib.em import em, relative_nudge
from emlib.results import (
    DegenerateError,
    DegenerateWarning,
    EMResult,
    Interrupted,
    ObjectiveFellWarning,
    StopReason,
    Trace,
)
from emlib.squarem import Coordinates

__version__ = "0.1.0"

# Where the estimators are: they are imported, with scikit-learn, when they are first asked for.
_WINGS = {
    "mixture": (
        *("BernoulliMixture", "CategoricalMixture", "GaussianMixture", "Mixture"),
        *("PoissonMixture", "Prior"),
    ),
    "hmm": ("CategoricalHMM", "GaussianHMM", "HMM", "PoissonHMM"),
    "missing": ("GaussianImputer",),
}


def __getattr__(name: str) -> Any:
    for wing, estimators in _WINGS.items():
        if name in estimators:
            return getattr(import_module(f"emlib.{wing}.estimators"), name)
    try:
        return import_module(f"emlib.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"emlib.{name}":  # what is missing is something that the module needs
            raise
        raise AttributeError(f"module 'emlib' has no attribute {name!r}") from None


def __dir__() -> list[str]:
    return [*globals(), *(name for names in _WINGS.values() for name in names)]


# What `from emlib import *` brings, including the estimators.
__all__ = ["Coordinates", "DegenerateError", "DegenerateWarning", "EMResult", "Interrupted"]
__all__ += ["ObjectiveFellWarning", "StopReason", "Trace", "em", "relative_nudge"]
__all__ += [name for names in _WINGS.values() for name in names]
