"""Points of two clusters, which several tests of mixtures fit, and every form of covariance."""

import numpy as np
import pytest

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
