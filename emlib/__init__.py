"""Expectation-maximization, readable: one loop, and models that are two functions each."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

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

# Of the estimators an editor knows from here; Python imports them, with scikit-learn, when they are
# first asked for.
if TYPE_CHECKING:
    from emlib.hmm.estimators import HMM, CategoricalHMM, GaussianHMM, PoissonHMM
    from emlib.missing.estimators import GaussianImputer
    from emlib.mixture.estimators import (
        BernoulliMixture,
        CategoricalMixture,
        GaussianMixture,
        Mixture,
        PoissonMixture,
        Prior,
    )

__version__ = "0.1.0"
__all__ = ["Coordinates", "DegenerateError", "DegenerateWarning", "EMResult", "Interrupted"]
__all__ += ["ObjectiveFellWarning", "StopReason", "Trace", "em", "relative_nudge"]
__all__ += ["BernoulliMixture", "CategoricalMixture", "GaussianMixture", "Mixture"]
__all__ += ["HMM", "CategoricalHMM", "GaussianHMM", "PoissonHMM", "PoissonMixture", "Prior"]
__all__ += ["GaussianImputer"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        # The end of its name says in which wing an estimator is.
        wing = (
            "hmm" if name.endswith("HMM") else "missing" if name.endswith("Imputer") else "mixture"
        )
        return getattr(import_module(f"emlib.{wing}.estimators"), name)
    try:
        return import_module(f"emlib.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"emlib.{name}":  # what is missing is something that the module needs
            raise
        raise AttributeError(f"module 'emlib' has no attribute {name!r}") from None


def __dir__() -> list[str]:
    return [*globals(), *__all__]
