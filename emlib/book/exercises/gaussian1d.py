"""Answers to the exercises of "The Gaussian in one dimension". Looking here spoils them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from emlib.book.exercises.checking import Exercise, FunctionExercise

Array = NDArray[np.float64]

PEAK = 1 / np.sqrt(2 * np.pi)
DIGITS = "Right as far as it goes: give three decimals."

PER_CENT = "That is in per cent. A probability is between zero and one."

# Three readings with known standard deviations
READINGS, SDS = np.array([20.0, 21.0, 18.0]), np.array([0.5, 1.0, 2.0])

# Sum of the weights and the ratio of the variances, in the exercise on the price
WEIGHT, RATIO = 100.0, 25 / 36


def _combined(weights: Array) -> Array:
    """Estimate with these weights, and the standard deviation that it has."""
    share = weights / weights.sum()
    return np.array([share @ READINGS, np.sqrt(share**2 @ SDS**2)])


def _price(u: float) -> float:
    return float(WEIGHT / 2 * (u - 1 - np.log(u)))


def variance_about(x: Array, w: Array, mu: float) -> float:
    """Weighted maximum likelihood estimate of the variance when the mean is known."""
    return float(w @ (x - mu) ** 2 / w.sum())


def _about_own_mean(x: Array, w: Array, _mu: float) -> float:
    return float(w @ (x - w @ x / w.sum()) ** 2 / w.sum())


def merge(a: Array, b: Array) -> Array:
    """Number, mean and variance of two blocks together; only differences are squared."""
    n, d = a[0] + b[0], b[1] - a[1]
    variance = (a[0] * a[2] + b[0] * b[2]) / n + a[0] * b[0] / n**2 * d**2
    return np.array([n, a[1] + b[0] / n * d, variance])


def _merge_by_squares(a: Array, b: Array) -> Array:
    n = a[0] + b[0]
    mean = (a[0] * a[1] + b[0] * b[1]) / n
    square = (a[0] * (a[2] + a[1] ** 2) + b[0] * (b[2] + b[1] ** 2)) / n
    return np.array([n, mean, square - mean**2])


def _merge_within(a: Array, b: Array) -> Array:
    n, mean, _ = merge(a, b)
    return np.array([n, mean, (a[0] * a[2] + b[0] * b[2]) / n])


def _merge_undivided(a: Array, b: Array) -> Array:
    n, mean, _ = merge(a, b)
    spread = a[0] * b[0] / n * (b[1] - a[1]) ** 2
    return np.array([n, mean, (a[0] * a[2] + b[0] * b[2]) / n + spread])


def _merge_unweighted(a: Array, b: Array) -> Array:
    return np.array([a[0] + b[0], (a[1] + b[1]) / 2, (a[2] + b[2]) / 2 + (b[1] - a[1]) ** 2 / 4])


_X, _W = np.array([0.5, -1.0, 2.5, 4.0]), np.array([0.9, 0.2, 0.5, 0.0])

EXERCISES: dict[str, Exercise | FunctionExercise] = {
    "peak": Exercise(
        PEAK,
        (
            (PEAK**2, "That is the variance. Its root was asked for."),
            (np.sqrt(2 * np.pi), "Upside down: a wide bell is low."),
            (0.4, DIGITS),
        ),
        "Where is the density highest, and how high is it there?",
        rtol=2e-3,
    ),
    "longer": Exercise(
        float(norm.sf(2)),
        (
            (2 * float(norm.sf(2)), "That is both tails. Only one of them is above."),
            (0.05, "That is both tails. Only one of them is above."),
            *((value, PER_CENT) for value in (2.0, 2.275, 2.28, 2.3, 2.5)),
            (float(norm.cdf(2)), "That is the probability of a shorter wait."),
            (float(norm.sf(12 / 36)), "36 is the variance: divide by the standard deviation."),
        ),
        "How many standard deviations is 92 above the mean?",
        rtol=0,
        atol=3e-3,
    ),
    "parabola": Exercise(
        np.array([2, 1 / 6]),
        (
            ((2, 6), "That is how strongly it bends. The variance is one over it."),
            ((2, 1 / 3), "Differentiate twice: with -3x^2 the second derivative is not -3."),
            ((2, 3), "Differentiate twice, and then think which way up."),
            ((2, 6**-0.5), "That is the standard deviation. The variance was asked for."),
            ((2, -1 / 6), "Minus one over the second derivative: a variance is above zero."),
            ((-2, 1 / 6), "The variance is right. Mind the sign: where is the slope zero?"),
            ((4, 1 / 6), "The variance is right. What is the slope of -3x^2?"),
            ((1 / 6, 2), "The mean first."),
        ),
        "Where is the slope zero, and what is the second derivative there?",
        rtol=3e-3,
    ),
    "difference": Exercise(
        float(norm.cdf(-26 / np.sqrt(72))),
        (
            (float(norm.cdf(-26 / 12)), "You added standard deviations. Variances add."),
            (float(norm.cdf(-26 / 6)), "The difference varies more than either of the two."),
            (float(norm.cdf(-26 / 72)), "72 is the variance: divide by its root."),
            (float(norm.sf(-26 / np.sqrt(72))), "That is the probability that it is longer."),
            (100 * float(norm.cdf(-26 / np.sqrt(72))), PER_CENT),
            (0.001, "Right as far as it goes: give two significant digits."),
        ),
        "What is the distribution of the difference, and which part of it is below zero?",
        rtol=2e-2,
    ),
    "known_mean": FunctionExercise(
        variance_about,
        ((_X, _W, 0.0), (_X, np.ones(4), 2.0)),
        (
            (_about_own_mean, "That is about the weighted mean. Here the mean is known."),
            (
                lambda x, w, mu: float(w @ (x - mu) ** 2 / len(x)),
                "Divide by the sum of the weights, not by the number of points.",
            ),
            (
                lambda x, w, mu: float(np.sqrt(variance_about(x, w, mu))),
                "That is the standard deviation. The variance was asked for.",
            ),
            (lambda x, w, mu: float(w @ (x - mu) ** 2), "Divide by the sum of the weights."),
        ),
        "Let u be a weighted mean square divided by v, as in the chapter's proof.",
    ),
    "thermometers": Exercise(
        _combined(1 / SDS**2),
        (
            (_combined(np.ones(3)), "That is the plain mean. A good thermometer counts more."),
            (_combined(1 / SDS), "Which power of the standard deviation is in the likelihood?"),
            (
                np.array([20.0, _combined(1 / SDS**2)[1]]),
                "The second is right. The estimate is not what the best thermometer reads alone.",
            ),
            (np.round(_combined(1 / SDS**2), 2), DIGITS),
            (np.round(_combined(1 / SDS**2), 1), DIGITS),
            (
                _combined(1 / SDS**2) ** [1, 2],
                "The estimate is right; the other number is its variance.",
            ),
        ),
        "Write down the log-likelihood of the three readings. Which weight does each square have?",
        rtol=0,
        atol=1e-3,
    ),
    "price": Exercise(
        _price(RATIO),
        (
            (_price(np.sqrt(RATIO)), "u is a ratio of variances, not of standard deviations."),
            (_price(1 / RATIO), "u is upside down: the estimate's variance is on top."),
            (2 * _price(RATIO), "Half of the weights' sum goes before the bracket."),
            (_price(RATIO) / WEIGHT, "That is per unit of weight."),
            (-_price(RATIO), "Right, but a cost is positive: the best less yours."),
            (np.exp(_price(RATIO)), "That is the ratio of the likelihoods. Give its logarithm."),
            (2.95, DIGITS),
            (3.0, DIGITS),
        ),
        "The chapter has a formula for exactly this loss.",
        rtol=0,
        atol=1e-3,
    ),
    "merge": FunctionExercise(
        merge,
        (
            (np.array([3.0, 1.0, 2.0]), np.array([5.0, 4.0, 1.0])),
            (np.array([3.0, 1e9, 2.0]), np.array([5.0, 1e9 + 4, 1.0])),
        ),
        (
            (_merge_within, "The means differ too, and that spreads the points."),
            (_merge_undivided, "The spread of the means is a sum of squares: divide it by N too."),
            (_merge_unweighted, "The blocks are of different sizes."),
            (_merge_by_squares, "Right on paper, but far from zero the square of a mean is lost."),
        ),
        "Try it near zero first. Far from zero, square nothing but a difference of the means.",
    ),
}
