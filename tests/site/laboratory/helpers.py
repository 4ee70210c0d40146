"""What of emlib's stands otherwise in the laboratory."""

from numpy.testing import assert_allclose

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


def assert_python_says(code, problem, state):
    """Running the lines that the laboratory gives leads to the numbers of its state."""
    told = {}
    exec(code, told)
    assert_allclose(told["log_likelihood"], state["logLikelihood"], rtol=1e-9)
    params = told["params"]
    if problem["model"] == "coins":
        params = params[0], params[1][:, None]
    parameters = in_laboratory(problem, params)
    assert parameters.keys() == state["parameters"].keys()
    for part, values in parameters.items():
        assert_allclose(state["parameters"][part], values, rtol=1e-9, atol=1e-9)
