"""Answers to the exercises of "Gaussian mixtures". Looking here spoils them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from emlib.book.exercises.checking import Exercise, FunctionExercise

Array = NDArray[np.float64]

# Old Faithful's two kinds of eruption at the maximum, the short one first: weights, means and
# covariances of (duration, wait). R's mclust and an independent EM agree on all digits.
WEIGHTS = np.array([0.35587286, 0.64412714])
MEANS = np.array([[2.03638847, 54.47851653], [4.28966199, 79.96811534]])
DURATION = np.array([0.06916769, 0.16996842])  # variances
BOTH = np.array([0.43516775, 0.94060909])  # covariances
WAIT = np.array([33.69728296, 36.04620879])  # variances


def _given(duration: float, weights: Array) -> Array:
    """Probability of each kind, given the duration alone."""
    joint = weights * norm.pdf(duration, MEANS[:, 0], np.sqrt(DURATION))
    return np.asarray(joint / joint.sum())


def _lines(duration: float) -> Array:
    """The expected wait within each kind, given the duration."""
    return np.asarray(MEANS[:, 1] + BOTH / DURATION * (duration - MEANS[:, 0]))


def _spherical(r: Array, x: Array) -> Array:
    """The variance of each component, where every circle has its own."""
    n = r.sum(axis=0)
    squares = ((x[:, None] - (r.T @ x) / n[:, None]) ** 2).sum(axis=2)
    return np.asarray((r * squares).sum(axis=0) / (n * x.shape[1]))


def one_variance(r: Array, x: Array) -> float:
    """The variance that all components share, where all circles are equal."""
    return float(r.sum(axis=0) @ _spherical(r, x) / len(x))


def _without_d(r: Array, x: Array) -> float:
    return one_variance(r, x) * x.shape[1]


def _without_n(r: Array, x: Array) -> float:
    return one_variance(r, x) * len(x)


def _deviation(r: Array, x: Array) -> float:
    return float(np.sqrt(one_variance(r, x)))


def _plain_average(r: Array, x: Array) -> float:
    return float(_spherical(r, x).mean())


def _common_mean(r: Array, x: Array) -> float:
    return float((r.T @ ((x - x.mean(axis=0)) ** 2)).sum() / x.size)


def _tied(r: Array, x: Array) -> Array:
    means = (r.T @ x) / r.sum(axis=0)[:, None]
    scatters = [(q * (x - m).T) @ (x - m) for q, m in zip(r.T, means, strict=True)]
    return np.asarray(np.sum(scatters, axis=0) / len(x))


def _per_feature(r: Array, x: Array) -> Array:
    return np.asarray(np.diag(_tied(r, x)))


def _volume(r: Array, x: Array) -> float:
    return float(np.linalg.det(_tied(r, x)) ** (1 / x.shape[1]))


def _same_shape(V: Array, n: Array, steps: int = 500) -> Array:
    """Covariances lambda_k C with det C = 1, by turns for the sizes and for the shape."""
    d = V.shape[1]
    c, sizes = V.sum(axis=0), np.ones(len(n))
    for _ in range(steps):
        c = c / np.linalg.det(c) ** (1 / d)
        sizes = np.trace(np.linalg.solve(c, V), axis1=1, axis2=2) / (d * n)
        c = (V / sizes[:, None, None]).sum(axis=0)
    return np.asarray(sizes[:, None, None] * c / np.linalg.det(c) ** (1 / d))


def _after_one_turn(V: Array, n: Array) -> Array:
    return _same_shape(V, n, steps=1)


def _own_shapes(V: Array, n: Array) -> Array:
    return np.asarray(V / n[:, None, None])


def _one_size(V: Array, n: Array) -> Array:
    return np.asarray(np.broadcast_to(V.sum(axis=0) / n.sum(), V.shape))


def _sizes_without_d(V: Array, n: Array) -> Array:
    return np.asarray(_same_shape(V, n) * V.shape[1])


def _pooled_shape(V: Array, n: Array) -> Array:
    c = V.sum(axis=0)
    sizes = np.linalg.det(V / n[:, None, None]) / np.linalg.det(c)
    return np.asarray(sizes[:, None, None] ** (1 / V.shape[1]) * c)


_X = np.array([[0.5, 1.0, 0.0], [1.0, 4.0, 2.0], [2.5, 0.0, 1.0], [4.0, 5.0, 3.0], [7.0, 2.0, 9.0]])
_R = np.array([[0.9, 0.1], [0.8, 0.2], [0.5, 0.5], [0.3, 0.7], [0.0, 1.0]])
_V = np.array([[[4.0, 1.0], [1.0, 2.0]], [[30.0, -6.0], [-6.0, 9.0]]])
_V_3 = np.array([np.diag([1.0, 2.0, 6.0]), np.diag([8.0, 3.0, 1.0]) + 0.5])
_HEIGHT = -1130.26396018  # log-likelihood there
_SHORT = float(_given(3.0, WEIGHTS)[0])
_FORECAST = float(_given(3.0, WEIGHTS) @ _lines(3.0))

_LOWER = "That is a lower maximum: start the Gaussians from the fit without the constant."

EXERCISES = {
    "units": Exercise(
        _HEIGHT - 272 * np.log(60),
        (
            (_HEIGHT + 272 * np.log(60), "Per second a density is lower than per minute."),
            (_HEIGHT - np.log(60), "That is for one row. All 272 change."),
            (_HEIGHT, "A density is per unit of x, and the unit has changed."),
            (_HEIGHT - 544 * np.log(60), "The waits are still in minutes."),
            (_HEIGHT - 272 * np.log10(60), "Logarithms are natural in this book."),
            (60 * _HEIGHT, "Every density is divided; what does that do to its logarithm?"),
            (272 * np.log(60) - _HEIGHT, "Mind the sign: the densities are small numbers."),
        ),
        "By what factor does the density of one row change, and by how much does its logarithm?",
        rtol=0,
        atol=0.06,
    ),
    "odd": Exercise(
        [1.0, 0.0],
        (
            ([0.0, 0.0], "The first is for the short kind; the long one was asked for."),
            ([1.0, 272.0], "The second is how many have a higher density."),
            ([0.0, 272.0], "The long kind was asked for, and a lower density."),
        ),
        "predict_proba has a column for each kind, and score_samples the logarithm of the density.",
        rtol=0,
        atol=6e-4,
    ),
    "cost": Exercise(
        [44, 24, 26, 17],
        (
            ([42, 22, 24, 15], "The weights have free parameters, too."),
            ([45, 25, 27, 18], "The weights sum to one."),
            ([62, 30, 26, 17], "A covariance is symmetric: count each pair of features once."),
            ([32, 12, 14, 5], "The means have parameters, too."),
            ([30, 10, 12, 3], "Those are the covariances alone. Weights and means are free, too."),
            ([44, 44, 26, 17], "Tied means one matrix for all components."),
            ([44, 24, 18, 17], "In the diagonal form each component has variances of its own."),
            ([44, 24, 26, 15], "In the spherical form each component has a variance of its own."),
        ),
        "Weights, means, covariances: only the last differ between the forms.",
        rtol=0,
    ),
    "spherical": FunctionExercise(
        one_variance,
        ((_R, _X), (np.eye(2)[[0, 0, 1, 1, 1]], _X[:, :2])),
        (
            (_without_d, "Divide by D as well: it is the variance of one feature."),
            (_without_n, "Divide by N as well: add up what the components hold."),
            (_deviation, "That is the standard deviation; the variance was asked for."),
            (_spherical, "That is the spherical form, one variance each. Here all share one."),
            (_plain_average, "A component that holds more counts more: weight it by its N_k."),
            (_common_mean, "Measure from each component's own weighted mean."),
            (_volume, "Not the determinant: average the variances of the features."),
            (_tied, "That is the tied form, with an ellipse. Here it is a circle."),
            (_per_feature, "That is a variance for each feature. Average over the features."),
        ),
        "With one variance the terms of all components add up: to what, and what is its maximum?",
    ),
    "marginal": Exercise(
        _SHORT,
        (
            (0.12, "Right as far as it goes: give three digits."),
            (100 * _SHORT, "That is in per cent. Give the probability itself."),
            (1 - _SHORT, "That is the probability of the long kind."),
            (
                float(_given(3.0, np.array([0.5, 0.5]))[0]),
                "You compared the densities alone: long eruptions are also more common.",
            ),
            (
                float(WEIGHTS[0] * norm.pdf(3.0, MEANS[0, 0], np.sqrt(DURATION[0]))),
                "That is a joint density. Divide by the sum over both kinds.",
            ),
        ),
        "It is a responsibility with the duration alone: one mean and one variance per kind.",
    ),
    "sharp": Exercise(
        float(np.sqrt(0.1 / np.log(99))),
        (
            (0.15, "Right as far as it goes: give three digits."),
            (
                float(0.1 / np.log(99)),
                "That is the variance; the standard deviation was asked for.",
            ),
            (
                float(np.sqrt(0.2 / np.log(99))),
                "Mind the 2 below the squared distance in the exponent.",
            ),
        ),
        "Write down the log-odds of the two responsibilities; only squared distances remain.",
    ),
    "forecast": Exercise(
        _FORECAST,
        (
            (71.0, "Right as far as it goes: give one decimal."),
            (float(_lines(3.0)[0]), "That is the wait if it was of the short kind. It may not be."),
            (float(_lines(3.0)[1]), "That is the wait if it was of the long kind. It may not be."),
            (
                float(_given(3.0, WEIGHTS) @ MEANS[:, 1]),
                "You weighted the means. Within a kind, the wait depends on the duration too.",
            ),
            (
                float(WEIGHTS @ _lines(3.0)),
                "You used the weights of all eruptions. This one lasted 3 minutes: use its own.",
            ),
        ),
        "Each kind has its own expected wait. How probable is each kind after three minutes?",
        rtol=0,
        atol=0.06,
    ),
    # Two Gaussians and a constant: an EM and a quasi-Newton maximiser agree on 0.078130.
    "noise": Exercise(
        0.0781303,
        (
            (100 * 0.0781303, "That is in per cent. Give the weight itself."),
            (292 * 0.0781303, "That is the expected number of strays. Give the weight."),
            (20 / 292, "That is the share that was mixed in. Some eruptions lie among them too."),
            (0.33084884, "That is the weight of the short kind."),
            (0.59102092, "That is the weight of the long kind."),
            *((lower, _LOWER) for lower in (0.4667, 0.473, 0.7221)),
            (0.0848425, "The box is the one from which the strays are drawn."),
            (0.08, "Right as far as it goes: give three digits."),
        ),
        "The constant is one over the area of the box; its M-step sets its weight, and no more.",
    ),
    "sizes": FunctionExercise(
        _same_shape,
        ((_V, np.array([3.0, 10.0])), (_V_3, np.array([5.0, 4.0]))),
        (
            (_own_shapes, "That is the full form: every component has its own shape."),
            (_one_size, "That is the tied form: every component needs a size of its own."),
            (_after_one_turn, "That is one turn. Go on until nothing changes."),
            (_sizes_without_d, "Divide the trace by D as well as by N_k."),
            (_pooled_shape, "Weight each scatter by one over its size before you pool them."),
        ),
        "For a given shape the sizes have a formula, and for given sizes the shape has one. Take "
        "turns until six digits stand still: that can take a dozen turns or more.",
        rtol=1e-5,
    ),
}
