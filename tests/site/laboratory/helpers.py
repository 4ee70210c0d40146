"""What of emlib's stands otherwise in the laboratory."""

import numpy as np


def in_laboratory(problem, params):
    """Parameters of emlib's as the laboratory has them."""
    weights, *parts = params
    if problem["model"] == "coins":
        return {"weights": weights, "heads": parts[0][:, 0]}
    means, covariances = parts
    if problem["model"] == "line":
        return {"weights": weights, "means": means[:, 0], "variances": covariances[:, 0, 0]}
    matrices = {
        "full": lambda: covariances,
        "tied": lambda: np.array([covariances] * len(weights)),
        "diag": lambda: covariances[:, :, None] * np.eye(2),
        "spherical": lambda: covariances[:, None, None] * np.eye(2),
    }
    return {"weights": weights, "means": means, "covariances": matrices[problem["form"]]()}
