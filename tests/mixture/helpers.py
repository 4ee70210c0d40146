"""What several tests of mixtures fit, in which forms, and scikit-learn's steps beside them."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as SklearnMixture

from emlib.covariances import FORMS

kinds = pytest.mark.parametrize("kind", FORMS)


def clusters(seed, d=2, n=60, distance=4.0):
    """Points on a grid of powers of two, so that shifts and scales lose nothing."""
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.normal(size=(n, d)) + distance * i for i in range(2)])
    return np.round(x * 2**20) / 2**20


def two_clusters(seed=0):
    """Points of two clusters, of each of which five have their label."""
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.normal(0, 1, (120, 2)), rng.normal(4, 1, (180, 2))])
    labels = np.full(300, -1)
    labels[:5], labels[120:125] = 0, 1
    return x, labels


def sklearn_after(x, start, n, kind="full"):
    """Scikit-learn's mixture after n steps from a start, without its ridge."""
    whole = kind in ("full", "tied")
    model = SklearnMixture(
        len(start.weights),
        covariance_type=kind,
        weights_init=start.weights,
        means_init=start.means,
        precisions_init=np.linalg.inv(start.covariances) if whole else 1 / start.covariances,
        max_iter=n,
        tol=0,
        reg_covar=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(x)
