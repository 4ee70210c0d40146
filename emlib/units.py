"""Standard units: every feature centred and scaled, and the way back.

Fitting in standard units makes results the same whatever the data's origin and scale.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from emlib.em import EMResult

if TYPE_CHECKING:
    from emlib.covariances import Gaussians
    from emlib.mixture import MixtureParams

Array = NDArray[np.float64]
P = TypeVar("P")


@dataclass(frozen=True, eq=False)
class Units:
    """Origin and scale of each feature.

    Attributes
    ----------
    origin : ndarray of shape (D,)
    scale : ndarray of shape (D,)
    """

    origin: Array
    scale: Array

    @classmethod
    def identity(cls, d: int) -> Self:
        """The units that the data are in."""
        return cls(np.zeros(d), np.ones(d))

    @cached_property
    def per_scale(self) -> Array:
        """One over the scale."""
        return np.asarray(1 / self.scale)

    def standardise(self, x: NDArray[Any]) -> Array:
        """`x` with mean zero and variance one in every feature."""
        return np.asarray((x - self.origin) * self.per_scale)

    def standardise_params(self, params: MixtureParams, family: Gaussians) -> MixtureParams:
        """The mixture of `standardise(x)` if `params` is that of x."""
        covariances = family.rescaled(params.covariances, self.per_scale)
        return params._replace(means=self.standardise(params.means), covariances=covariances)

    def restore_params(self, params: MixtureParams, family: Gaussians) -> MixtureParams:
        """The inverse of `standardise_params`."""
        covariances = family.rescaled(params.covariances, self.scale)
        return params._replace(
            means=params.means * self.scale + self.origin, covariances=covariances
        )

    def restore_result(
        self, result: EMResult[MixtureParams], n: float, family: Gaussians
    ) -> EMResult[MixtureParams]:
        """A fit to `n` standardised points as the fit to the points themselves."""
        return self.restored(result, n, partial(self.restore_params, family=family))

    def restored(self, result: EMResult[P], n: float, restore: Callable[[P], P]) -> EMResult[P]:
        """The same for any model whose parameters `restore` brings back."""
        # Densities are per unit of x: scaling by s divides them by s.
        shift = n * float(np.log(self.scale).sum())
        trace = replace(
            result.trace,
            params=tuple(map(restore, result.trace.params)),
            objective=result.trace.objective - shift,
        )
        return replace(
            result,
            params=trace.params[-1],
            objective=result.objective - shift,
            trace=trace,
        )
