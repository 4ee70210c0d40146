"""Standard units: every feature centred and scaled, and the way back.

Fitting in standard units makes results the same whatever the data's origin and scale.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from emlib.em import EMResult
from emlib.mixture import MixtureParams

Array = NDArray[np.float64]


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
    def of(cls, x: Array) -> Self:
        """Mean and standard deviation of each feature of `x`, of shape (N, D)."""
        return cls(x.mean(axis=0), x.std(axis=0))

    def standardise(self, x: Array) -> Array:
        """`x` with mean zero and variance one in every feature."""
        return (x - self.origin) / self.scale

    def standardise_params(self, params: MixtureParams) -> MixtureParams:
        """The mixture of `standardise(x)` if `params` is that of x."""
        means = (params.means - self.origin) / self.scale
        return MixtureParams(params.weights, means, params.covariances / self._areas())

    def restore_params(self, params: MixtureParams) -> MixtureParams:
        """The inverse of `standardise_params`."""
        means = params.means * self.scale + self.origin
        return MixtureParams(params.weights, means, params.covariances * self._areas())

    def restore_result(self, result: EMResult[MixtureParams], n: int) -> EMResult[MixtureParams]:
        """A fit to `n` standardised points as the fit to the points themselves."""
        # Densities are per unit of x: scaling by s divides them by s.
        shift = n * float(np.log(self.scale).sum())
        trace = replace(
            result.trace,
            params=tuple(self.restore_params(p) for p in result.trace.params),
            objective=result.trace.objective - shift,
        )
        return replace(
            result,
            params=self.restore_params(result.params),
            objective=result.objective - shift,
            trace=trace,
        )

    def _areas(self) -> Array:
        return np.outer(self.scale, self.scale)
