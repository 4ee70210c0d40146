"""What Gaussians of two components say of rows with holes, one row after the other."""

import numpy as np
from scipy.stats import multivariate_normal

from tests.numerics import matrices

FULL = np.array(
    [
        [[1.0, 0.5, 0.2], [0.5, 2.0, -0.4], [0.2, -0.4, 0.7]],
        [[1.5, -0.3, 0.0], [-0.3, 0.6, 0.1], [0.0, 0.1, 1.1]],
    ]
)
COVARIANCES = {
    "full": FULL,
    "tied": FULL[0],
    "diag": FULL.diagonal(axis1=1, axis2=2),
    "spherical": np.array([0.8, 1.7]),
}


def row_by_row(form, x, means):
    """Log p(what was seen | state), and E[x] and E[x x'] given that and the state."""
    log_b, mean, square = (
        np.zeros((len(x), 2)),
        np.empty((len(x), 2, 3)),
        np.empty((len(x), 2, 3, 3)),
    )
    for t, row in enumerate(x):
        for k, (mu, sigma) in enumerate(
            zip(means, matrices(form, COVARIANCES[form], 2, 3), strict=True)
        ):
            s, h = np.flatnonzero(~np.isnan(row)), np.flatnonzero(np.isnan(row))
            mean[t, k], left = np.where(np.isnan(row), mu, row), np.zeros((3, 3))
            left[np.ix_(h, h)] = sigma[np.ix_(h, h)]
            if len(s):
                log_b[t, k] = multivariate_normal(mu[s], sigma[np.ix_(s, s)]).logpdf(row[s])
                gain = sigma[np.ix_(h, s)] @ np.linalg.inv(sigma[np.ix_(s, s)])
                mean[t, k, h] += gain @ (row[s] - mu[s])
                left[np.ix_(h, h)] -= gain @ sigma[np.ix_(s, h)]
            square[t, k] = np.outer(mean[t, k], mean[t, k]) + left
    return log_b, mean, square
