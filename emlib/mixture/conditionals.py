"""What some features of a Gaussian mixture say about the others: a mixture again, of full form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from emlib import validation as check
from emlib.covariances import Gaussians
from emlib.mixture import engine, steps
from emlib.mixture.blocks import FULL, Blocks
from emlib.mixture.steps import MixtureParams, Params
from emlib.wording import shown


def marginal(params: Params, features: ArrayLike, family: Gaussians = FULL) -> MixtureParams:
    """The mixture of some of the features, whatever the others are.

    Parameters
    ----------
    params : MixtureParams
    features : int, or array of int
        Columns of the data, in the order in which they are wanted.
    family : Gaussians
        The form of the covariances.

    Returns
    -------
    MixtureParams
        With full covariances.

    Examples
    --------
    >>> two = MixtureParams(np.ones(1), np.array([[1.0, 5.0]]), np.array([[[4.0, 1], [1, 9]]]))
    >>> marginal(two, 1).covariances
    array([[[9.]]])
    """
    check.kind("family", family, Gaussians)
    weights, *components = steps.checked_params(params, family)
    d = components[0].shape[1]
    try:
        i = np.arange(d)[np.atleast_1d(features)]
    except IndexError:
        i = np.empty(0, dtype=int)
    if i.ndim != 1 or not len(i) or len(set(i.tolist())) < len(i):
        raise ValueError(
            f"features must be different columns of the data, from 0 to {d - 1}, got "
            f"{shown(features)}"
        )
    matrices = family.as_matrices(tuple(components))
    return MixtureParams(weights, components[0][:, i], matrices[:, i[:, None], i])


def conditional(params: Params, x: ArrayLike, family: Gaussians = FULL) -> MixtureParams:
    """The mixture of the features that are NaN in `x`, given the others.

    Parameters
    ----------
    params : MixtureParams
    x : array of shape (D,)
        One point, NaN where it is not known.
    family : Gaussians
        The form of the covariances.

    Returns
    -------
    MixtureParams
        Of the features that are NaN, in their order, with full covariances. The weights are the
        responsibilities of the components for what is known.

    Examples
    --------
    >>> two = MixtureParams(np.ones(1), np.array([[1.0, 5.0]]), np.array([[[4.0, 1], [1, 9]]]))
    >>> conditional(two, [3.0, np.nan]).means
    array([[5.5]])
    """
    check.kind("family", family, Gaussians)
    checked = steps.checked_params(params, family)
    row = check.numbers("x", x, finite=False, shape=(checked[1].shape[1],))
    holes = np.isnan(row)
    if holes.all() or not holes.any():
        raise ValueError(f"x must be NaN where it is not known, and only there, got {shown(x)}")
    point = replace(Blocks.of(np.where(holes, 0.0, row)[None], family), holes=holes[None])
    with np.errstate(divide="ignore"):  # a weight may be zero
        form = engine.Incomplete(point, checked[0], family, checked[1:])
    r, log_p = form.posterior(slice(0, 1))
    engine.check_possible(log_p, point)
    # Equation miss-expectation
    (_, _, regression, left), (_, _, z) = form.matrices(0), next(form.residuals())
    h, means = np.flatnonzero(holes), form.means + (regression @ z)[:, :, 0]
    return MixtureParams(r[:, 0], means[:, h], left[:, h[:, None], h])
