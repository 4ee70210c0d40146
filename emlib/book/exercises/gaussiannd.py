"""Answers to the exercises of "The multivariate Gaussian". Looking here spoils them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from emlib.book.exercises.checking import Exercise, FunctionExercise
from emlib.datasets import load_faithful

Array = NDArray[np.float64]

ELLIPSE = float(np.sqrt(2 * np.log(10)))

# Durations and waits: mean and standard deviation of their sum, from the table itself
_TABLE = load_faithful().values
_MEAN = float(_TABLE.sum(axis=1).mean())
_VARIANCES, _COVARIANCE = _TABLE.var(axis=0), float(np.cov(_TABLE.T, ddof=0)[0, 1])


def _cycle(variance: float) -> Array:
    return np.array([_MEAN, np.sqrt(variance)])


def round_fit(x: Array, w: Array) -> float:
    """Weighted maximum likelihood estimate of the one variance of a round Gaussian."""
    return float(_total_variance(x, w) / x.shape[1])


def _total_variance(x: Array, w: Array) -> float:
    return float(w @ ((x - w @ x / w.sum()) ** 2).sum(axis=1) / w.sum())


def _unweighted_round(x: Array, w: Array) -> float:
    return round_fit(x, np.ones_like(w))


def _geometric_round(x: Array, w: Array) -> float:
    determinant = np.linalg.det(np.cov(x.T, aweights=w, ddof=0))
    return float(determinant ** (1 / x.shape[1]))


def given(mean: Array, covariance: Array, seen: list[int], values: Array) -> Array:
    """Conditional mean in the first row, conditional covariance below it."""
    rest = np.setdiff1d(np.arange(len(mean)), seen)
    across = covariance[seen][:, rest]
    slope = np.linalg.solve(covariance[seen][:, seen], across).T
    centre = mean[rest] + slope @ (np.asarray(values) - mean[seen])
    left = covariance[np.ix_(rest, rest)] - slope @ across
    return np.vstack([centre, left])


def _given_not_centred(mean: Array, covariance: Array, seen: list[int], values: Array) -> Array:
    shifted = np.asarray(values) + mean[seen]
    return given(mean, covariance, seen, shifted)


def _given_marginal(mean: Array, covariance: Array, seen: list[int], values: Array) -> Array:
    rest = np.setdiff1d(np.arange(len(mean)), seen)
    first = given(mean, covariance, seen, values)[0]
    return np.vstack([first, covariance[np.ix_(rest, rest)]])


_SIGMA = np.array(
    [[4.0, 1.0, 0.5, -1.0], [1.0, 3.0, 0.7, 0.2], [0.5, 0.7, 2.0, 0.4], [-1.0, 0.2, 0.4, 5.0]]
)
_MU = np.array([1.0, -2.0, 0.5, 3.0])
_X = np.array([[0.5, 1.0], [-1.0, 2.5], [2.5, 0.0], [4.0, 7.0]])
_W = np.array([0.9, 0.2, 0.5, 0.3])

EXERCISES: dict[str, Exercise | FunctionExercise] = {
    "count": Exercise(
        65,
        (
            (110, "The covariance matrix is symmetric: do not count a pair twice."),
            (55, "The means are parameters too."),
            (20, "Features may vary together: the covariances are parameters too."),
            (64, "Nothing has to sum to one here."),
        ),
        "Count means, variances, and pairs of features.",
        rtol=0,
    ),
    "distance": Exercise(
        np.array([2 / 3, 2.0]),
        (
            (np.array([2.0, 2.0]), "That is with a ruler. The covariance has a say."),
            (np.array([6.0, 2.0]), "You multiplied by the covariance. Its inverse is needed."),
            (np.sqrt([2 / 3, 2.0]), "That is the distance; its square was asked."),
            (np.array([2.0, 2 / 3]), "The other way round: along which point is more spread?"),
        ),
        "Both points lie along an eigenvector. What are the eigenvalues?",
    ),
    "ellipse": Exercise(
        ELLIPSE,
        (
            (ELLIPSE**2, "That is the squared distance."),
            (float(norm.ppf(0.95)), "That is for one dimension. In the plane more is outside."),
            (float(norm.ppf(0.9)), "That is for one dimension, and for one tail."),
            (float(np.sqrt(-2 * np.log(0.9))), "That ellipse holds ten per cent."),
        ),
        "Solve the formula for the share within a distance, in the plane.",
    ),
    "conditional": Exercise(
        np.array([2.0, 3.0]),
        (
            (np.array([4.5, 3.0]), "The slope divides by the variance of what was seen."),
            (np.array([4.5, 6.75]), "That is the second given the first."),
            (np.array([2.0, 4.0]), "The mean is right. Seeing something shrinks the variance."),
            (np.array([2.0, np.sqrt(3)]), "The second number is a standard deviation."),
        ),
        "Write down the four blocks; each is a single number here.",
    ),
    "cycle": Exercise(
        _cycle(_VARIANCES.sum() + 2 * _COVARIANCE),
        (
            (_cycle(_VARIANCES.sum()), "That is right if the two were uncorrelated."),
            (_cycle(_VARIANCES.sum() + _COVARIANCE), "The covariance comes in twice."),
            (_cycle(_VARIANCES.sum() - 2 * _COVARIANCE), "That is the difference, not the sum."),
            (_cycle(np.sqrt(_VARIANCES).sum() ** 2), "Standard deviations do not add."),
            (
                np.array([_MEAN, _VARIANCES.sum() + 2 * _COVARIANCE]),
                "The second number is the variance.",
            ),
            (
                _cycle((_VARIANCES.sum() + 2 * _COVARIANCE) * len(_TABLE) / (len(_TABLE) - 1)),
                "Close: this book divides by N.",
            ),
        ),
        "A sum is a map to one dimension. Which matrix is it?",
        rtol=5e-4,
    ),
    "round": FunctionExercise(
        round_fit,
        ((_X, _W), (np.hstack([_X, _X[::-1, :1]]), np.ones(4))),
        (
            (_total_variance, "One variance for each of D directions: divide by D."),
            (_unweighted_round, "Points with more weight count more, in the mean too."),
            (
                lambda x, w: round_fit(x, w) * float(w.sum()) / len(x),
                "Divide by the sum of the weights, not by the number of points.",
            ),
            (_geometric_round, "Not the determinant: which mean of the variances is it?"),
            (
                lambda x, w: float(np.sqrt(round_fit(x, w))),
                "That is the standard deviation. The variance was asked.",
            ),
        ),
        "Put the round covariance into the formula with the trace.",
    ),
    "given": FunctionExercise(
        given,
        (
            (_MU, _SIGMA, [1, 3], np.array([0.0, 1.0])),
            (_MU, _SIGMA, [2], np.array([2.5])),
            (_MU[:2], _SIGMA[:2, :2], [0], np.array([3.0])),
        ),
        (
            (_given_not_centred, "Subtract the mean of what was seen from its values."),
            (_given_marginal, "The means are right. Seeing something shrinks the covariance."),
        ),
        "Try it on two features, where the chapter has done it.",
    ),
}
