"""What of emlib's stands otherwise in the laboratory."""

from tests.numerics import matrices


def in_laboratory(problem, params):
    """Parameters of emlib's as the laboratory has them."""
    weights, *parts = params
    if problem["model"] == "coins":
        return {"weights": weights, "heads": parts[0][:, 0]}
    means, covariances = parts
    if problem["model"] == "line":
        return {"weights": weights, "means": means[:, 0], "variances": covariances[:, 0, 0]}
    form, (k, d) = problem["form"], means.shape
    return {
        "weights": weights,
        "means": means,
        "covariances": matrices(form, covariances, k, d),
    }
