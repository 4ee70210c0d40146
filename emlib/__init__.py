"""Expectation-maximization, readable: one loop, and models that are two functions each."""

from emlib.em import (
    DegenerateError,
    DegenerateWarning,
    EMResult,
    ObjectiveFellWarning,
    StopReason,
    Trace,
    em,
)
from emlib.estimators import GaussianMixture
from emlib.hmm_estimators import CategoricalHMM, GaussianHMM, PoissonHMM
from emlib.imputer import GaussianImputer

__version__ = "0.1.0"

__all__ = [
    "CategoricalHMM",
    "DegenerateError",
    "DegenerateWarning",
    "EMResult",
    "GaussianHMM",
    "GaussianImputer",
    "GaussianMixture",
    "ObjectiveFellWarning",
    "PoissonHMM",
    "StopReason",
    "Trace",
    "em",
]
