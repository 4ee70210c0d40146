"""Derivatives by differences and covariances in full, against which closed forms are held."""

import numpy as np


def second_derivatives(f, v, h):
    """The matrix of second derivatives of f at v, from steps of h, one size or one a number."""
    steps = np.diag(np.broadcast_to(h, np.shape(v)))
    return np.array(
        [
            [
                (f(v + a + b) - f(v + a - b) - f(v - a + b) + f(v - a - b))
                / (4 * a.max() * b.max())
                for b in steps
            ]
            for a in steps
        ]
    )


def matrices(form, covariances, k, d):
    """Covariances of any form as those of each component, (K, D, D)."""
    if form in ("full", "tied"):
        return np.broadcast_to(covariances, (k, d, d))
    return np.stack([np.diag(np.broadcast_to(c, d)) for c in covariances])
