"""Answers to the exercises of "The multivariate Gaussian". Looking here spoils them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.datasets import load_iris

from emlib.book.exercises.checking import Exercise, FunctionExercise
from emlib.datasets import load_faithful

Array = NDArray[np.float64]

ELLIPSE = float(np.sqrt(2 * np.log(10)))
DIGITS = "Right as far as it goes: give three decimals."

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


def _given_sorted(mean: Array, covariance: Array, seen: list[int], values: Array) -> Array:
    """With a mask for what was seen, as if its positions always ascended."""
    return given(mean, covariance, sorted(seen), values)


def _given_marginal(mean: Array, covariance: Array, seen: list[int], values: Array) -> Array:
    rest = np.setdiff1d(np.arange(len(mean)), seen)
    first = given(mean, covariance, seen, values)[0]
    return np.vstack([first, covariance[np.ix_(rest, rest)]])


def _flowers() -> Array:
    """Correlation without the line in the model, nats lost; correlation in the data, partial."""
    data = np.asarray(load_iris().data, dtype=float)
    S = np.cov(data[50:100].T, ddof=0)
    c = [0, 3]
    through = S[1, c] @ np.linalg.solve(S[np.ix_(c, c)], S[c, 2])
    P, scale = np.linalg.inv(S), np.sqrt(S[1, 1] * S[2, 2])
    partial = -P[1, 2] / np.sqrt(P[1, 1] * P[2, 2])
    return np.array([through / scale, -25 * np.log(1 - partial**2), S[1, 2] / scale, partial])


_MODEL, _NATS, _SEEN, _PARTIAL = _flowers().tolist()


def follow(x: Array, q: float, r: float) -> Array:
    """Mean and variance of the walker's last position, given all that was seen."""
    m, v = 0.0, 0.0
    for seen in x:
        v += q
        g = v / (v + r)
        m, v = m + g * (seen - m), v * (1 - g)
    return np.array([m, v])


def _follow_without_steps(x: Array, q: float, r: float) -> Array:
    """The steps' variance is added only once."""
    m, v = 0.0, q
    for seen in x:
        g = v / (v + r)
        m, v = m + g * (seen - m), v * (1 - g)
    return np.array([m, v])


def _follow_no_news(x: Array, q: float, r: float) -> Array:
    return np.array([follow(x, q, r)[0], len(x) * q])


def _follow_predict(x: Array, q: float, r: float) -> Array:
    m, v = follow(x, q, r)
    return np.array([m, v + q])


def _follow_deviation(x: Array, q: float, r: float) -> Array:
    m, v = follow(x, q, r)
    return np.array([m, np.sqrt(v)])


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
            (np.sqrt([2 / 3, 2.0]), "That is the distance; its square was asked for."),
            (
                np.array([2.0, 2 / 3]),
                "The other way round: along which point is there more spread?",
            ),
            (np.array([1.5, 0.5]), "Upside down: along a long axis the same step counts less."),
            (np.array([0.7, 2.0]), "Right as far as it goes: give two decimals."),
        ),
        "Both points lie along an eigenvector. What are the eigenvalues?",
        atol=5e-3,
    ),
    "factor": Exercise(
        np.array([5.0, np.log(36)]),
        (
            (np.array([5.0, np.log(6)]), "The determinant of L L^T is that of L, squared."),
            (np.array([53.0, np.log(36)]), "That is with a ruler: take the squared length of z."),
            (np.array([np.sqrt(5), np.log(36)]), "That is the distance; its square was asked for."),
            (np.array([5.0, 36.0]), "That is the determinant. Its logarithm was asked for."),
            (
                np.array([5.0, 2 * np.log10(6)]),
                "Logarithms are natural in this book, not powers of ten.",
            ),
            (
                np.array([4 / 4 + 49 / 10, np.log(40)]),
                "That is without the covariance: the second row of L has two entries.",
            ),
            (np.array([np.log(36), 5.0]), "Right, but first the distance, then the determinant."),
            (np.array([5.0, 3.6]), "Right as far as it goes: give two decimals."),
        ),
        "Fill L entry by entry, from the first row to the second, then z in the same order.",
        rtol=0,
        atol=5e-3,
    ),
    "ellipse": Exercise(
        ELLIPSE,
        (
            (ELLIPSE**2, "That is the squared distance."),
            (float(norm.ppf(0.95)), "That is for one dimension. In the plane, more is outside."),
            (float(norm.ppf(0.9)), "That is for one dimension, and for one tail."),
            (float(np.sqrt(-2 * np.log(0.9))), "That ellipse holds ten per cent."),
            (2.1, DIGITS),
            (2.15, DIGITS),
        ),
        "Solve the formula for the share within a distance, in the plane.",
        rtol=0,
        atol=1.5e-3,
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
            (_cycle(_VARIANCES.sum()), "That would be right if the two were uncorrelated."),
            (_cycle(_VARIANCES.sum() + _COVARIANCE), "The covariance comes in twice."),
            (_cycle(_VARIANCES.sum() - 2 * _COVARIANCE), "That is the difference, not the sum."),
            (_cycle(np.sqrt(_VARIANCES).sum() ** 2), "Standard deviations do not add."),
            (
                np.array([_MEAN, _VARIANCES.sum() + 2 * _COVARIANCE]),
                "The second number is the variance.",
            ),
            (np.array([74.0, 15.0]), "Right as far as it goes: give two decimals."),
            (
                _cycle((_VARIANCES.sum() + 2 * _COVARIANCE) * len(_TABLE) / (len(_TABLE) - 1)),
                "Close: this book divides by N.",
            ),
        ),
        "A sum is a map to one dimension. Which matrix is it?",
        rtol=5e-4,
    ),
    "chain": Exercise(
        np.array([1.0, 0.0, 0.5]),
        (
            (
                np.array([0.0, 0.0, 0.5]),
                "The third contains the first: write it in terms of the z alone.",
            ),
            (
                np.array([1.0, 1.0, 0.5]),
                "Given the second, does the first say more about the third?",
            ),
            (np.array([1.0, 0.0, 2.0]), "The last is an entry of the precision matrix."),
            (np.array([1.0, 0.0, 1.0]), "The third feature also says something about the second."),
        ),
        "Write the squared distance as a sum of squares of the z, and those in terms of the x.",
        atol=1e-9,
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
                "That is the standard deviation. The variance was asked for.",
            ),
        ),
        "Put v I for the covariance into Q: the determinant is v to the power D, and a squared "
        "distance is a squared length over v.",
    ),
    "given": FunctionExercise(
        given,
        (
            (_MU, _SIGMA, [1, 3], np.array([0.0, 1.0])),
            (_MU, _SIGMA, [2], np.array([2.5])),
            (_MU, _SIGMA, [3, 1], np.array([1.0, 0.0])),
            (_MU[:2], _SIGMA[:2, :2], [0], np.array([3.0])),
        ),
        (
            (_given_not_centred, "Subtract the mean of what was seen from its values."),
            (_given_marginal, "The means are right. Seeing something shrinks the covariance."),
            (_given_sorted, "The values come in the order of seen, which need not ascend."),
        ),
        "Try it on two features, where the chapter has done it.",
    ),
    "selection": Exercise(
        np.array([_MODEL, _NATS]),
        (
            (
                np.array([_MODEL, 2 * _NATS]),
                "The correlation is right, and the cost is half of that.",
            ),
            (np.array([_MODEL, _NATS / 50]), "The correlation is right. All fifty flowers pay."),
            (np.array([_MODEL, -_NATS]), "The correlation is right. A cost is above zero."),
            (np.array([_SEEN, _NATS]), "That is the correlation in the data, not in the model."),
            (np.array([0.0, _NATS]), "A zero in the precision is not one in the covariance."),
            (np.array([_PARTIAL, _NATS]), "That is the partial correlation that was set to zero."),
            (np.round([_MODEL, _NATS], 2), DIGITS),
        ),
        "By the slope, which entries of the covariance must still equal the data's?",
        rtol=0,
        atol=1.5e-3,
    ),
    "walk": FunctionExercise(
        follow,
        (
            (np.array([0.5, 2.0, 1.0]), 0.3, 1.0),
            (np.array([-1.0]), 2.0, 0.5),
            (np.linspace(0, 3, 40), 0.1, 4.0),
        ),
        (
            (_follow_without_steps, "The walker takes a step before every look."),
            (_follow_no_news, "The mean is right. Every look shrinks the variance."),
            (_follow_predict, "That is the variance one step later, before the next look."),
            (_follow_deviation, "That is the standard deviation. The variance was asked for."),
        ),
        "Write it out for one look, then for two.",
    ),
}
