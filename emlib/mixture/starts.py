"""Where EM starts: ways to make the first responsibilities.

Each takes standardised data (N, D), the number of components K, a NumPy Generator and the
points' weights (N,) or None, and returns responsibilities of shape (N, K). An M-step turns them
into the first parameters.
"""

from __future__ import annotations

import numpy as np
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.metrics import pairwise_distances_argmin

from emlib.types import Array, Generator, Integers


def kmeans(x: Array, k: int, rng: Generator, weights: Array | None) -> Array:
    """The clusters of k-means, one start of it."""
    model = KMeans(k, n_init=1, random_state=int(rng.integers(2**31)))
    return np.eye(k)[model.fit(x, sample_weight=weights).labels_]


def kmeans_plus_plus(x: Array, k: int, rng: Generator, weights: Array | None) -> Array:
    """One data point per component, chosen far from each other (Arthur and Vassilvitskii 2007)."""
    seed = int(rng.integers(2**31))
    _, chosen = kmeans_plusplus(x, k, sample_weight=weights, random_state=seed)
    return _nearest(x, chosen)


def random_from_data(x: Array, k: int, rng: Generator, weights: Array | None) -> Array:
    """One data point per component, chosen at random."""
    p = None if weights is None else weights / weights.sum()
    return _nearest(x, rng.choice(len(x), k, replace=False, p=p))


def random_responsibilities(x: Array, k: int, rng: Generator, weights: Array | None) -> Array:
    """Uniform random numbers over their row's sum: near the saddle of equal components."""
    r = rng.uniform(size=(len(x), k))
    return r / r.sum(axis=1, keepdims=True)


def _nearest(x: Array, chosen: Integers) -> Array:
    """All of a point's responsibility to the nearest chosen point; each keeps at least itself."""
    nearest = pairwise_distances_argmin(x, x[chosen])
    nearest[chosen] = np.arange(len(chosen))
    return np.eye(len(chosen))[nearest]


STARTS = {
    "kmeans": kmeans,
    "k-means++": kmeans_plus_plus,
    "random_from_data": random_from_data,
    "random": random_responsibilities,
}
