"""Exercises of the chapter on maximum likelihood."""

from __future__ import annotations

from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from emlib.book.exercises.checking import Exercise, FunctionExercise

Array = NDArray[np.float64]

DIGITS = "Right as far as it goes: give {}."

# The coin of the chapter
HEADS, TOSSES = 7, 10


def _coin_likelihood(theta: float) -> float:
    return theta**HEADS * (1 - theta) ** (TOSSES - HEADS)


COIN_RATIO = _coin_likelihood(0.7) / _coin_likelihood(0.5)

# Two schools: number of pupils, mean, standard deviation (1/N)
PUPILS, MEANS, SDS = np.array([40.0, 60.0]), np.array([62.0, 70.0]), np.array([10.0, 8.0])
SCHOOL_MEAN = PUPILS @ MEANS / PUPILS.sum()
SCHOOL_VARIANCE = PUPILS @ (SDS**2 + MEANS**2) / PUPILS.sum() - SCHOOL_MEAN**2
WITHIN_VARIANCE = PUPILS @ SDS**2 / PUPILS.sum()
UNWEIGHTED = np.mean(MEANS), np.mean(SDS**2 + MEANS**2) - np.mean(MEANS) ** 2

# Five lifetimes, in thousand hours
LIFETIMES = np.array([2.1, 0.4, 5.0, 1.3, 3.2])
RATE = len(LIFETIMES) / LIFETIMES.sum()
RATE_SE = RATE / np.sqrt(len(LIFETIMES))

# Counts of the four genotypes, Dempster, Laird and Rubin (1977)
COUNTS = np.array([125.0, 18.0, 20.0, 34.0])
LINKAGE, OTHER_ROOT = np.roots([COUNTS.sum(), -15.0, -2 * COUNTS[3]])

# Old Faithful's waits above 75.5 minutes after long eruptions, as truncated and as they are: two
# independent optimisers agree on the first
TRUNCATED, NOTED = np.array([79.5093, 6.1514]), np.array([82.1812, 4.4709])
ALL_WAITS = np.array([79.9886, 5.9771])

# Local maxima of the Cauchy likelihood of -3, -1, 4 and 7, the highest first
CAUCHY = np.array([-1.1034, 3.9626])
VALLEY, MIDDLE = 1.6315, np.array([1.75, 1.5])


def log_likelihood(mu: float, var: float, x: ArrayLike) -> float:
    """Log-likelihood of a Gaussian in one dimension."""
    x = np.asarray(x, dtype=float)
    return float(-0.5 * len(x) * np.log(2 * np.pi * var) - ((x - mu) ** 2).sum() / (2 * var))


def _log_of_product(mu: float, var: float, x: ArrayLike) -> float:
    with np.errstate(divide="ignore"):
        return float(np.log(np.prod(norm.pdf(x, mu, np.sqrt(var)))))


def weighted_mle(x: ArrayLike, w: ArrayLike) -> tuple[float, float]:
    """Mean and variance that maximise the weighted log-likelihood."""
    x, w = np.asarray(x, dtype=float), np.asarray(w, dtype=float)
    mean = w @ x / w.sum()
    return float(mean), float(w @ (x - mean) ** 2 / w.sum())


def _weighted(x: ArrayLike, w: ArrayLike, divisor: float) -> tuple[float, float]:
    x, w = np.asarray(x, dtype=float), np.asarray(w, dtype=float)
    mean = float(w @ x / w.sum())
    return mean, float(w @ (x - mean) ** 2 / divisor)


def _wrong_rate(rate: float, hint: str) -> tuple[tuple[tuple[float, float], str], ...]:
    """A wrong rate, with the right standard error and with the one that follows from it."""
    return tuple(((rate, se), hint) for se in (RATE_SE, rate / np.sqrt(len(LIFETIMES))))


EXERCISES: dict[str, Exercise | FunctionExercise] = {
    "coin_ratio": Exercise(
        COIN_RATIO,
        mistakes=(
            (1 / COIN_RATIO, "That is how the fair coin compares with the bias 0.7: turn it over."),
            (np.log(COIN_RATIO), "That is the difference of the log-likelihoods. How many times?"),
            (
                np.log10(COIN_RATIO),
                "That is a logarithm to base 10. What is asked for is the ratio itself.",
            ),
            (
                comb(TOSSES, HEADS) * (_coin_likelihood(0.7) - _coin_likelihood(0.5)),
                "That is a difference. What is asked for is a ratio.",
            ),
            (0.27 / 0.12, "Close, but you divided rounded figures. Take more digits."),
            (2.3, DIGITS.format("three decimals")),
            (2.28, DIGITS.format("three decimals")),
            (2.27, DIGITS.format("three decimals")),
            (0.7 / 0.5, "That compares the two biases. Compare what they make of the data."),
        ),
        hint="Compute the likelihood of seven heads in ten for each of the two biases first.",
        rtol=0,
        atol=6e-4,
    ),
    "two_schools": Exercise(
        np.array([SCHOOL_MEAN, SCHOOL_VARIANCE]),
        mistakes=(
            (
                np.array([SCHOOL_MEAN, WITHIN_VARIANCE]),
                "The mean is right. You averaged the variances; but the schools' means differ, and "
                "that spreads the pupils further. Variances do not add. Statistics do.",
            ),
            (
                np.array([SCHOOL_MEAN, np.sqrt(SCHOOL_VARIANCE)]),
                "The variance is asked for, and you gave the standard deviation.",
            ),
            (
                np.array([SCHOOL_MEAN, PUPILS @ SDS / PUPILS.sum()]),
                "The mean is right. Standard deviations cannot be averaged: use S2.",
            ),
            (
                np.array([SCHOOL_MEAN, SCHOOL_VARIANCE - WITHIN_VARIANCE]),
                "The mean is right. That is the variance between the schools alone; pupils of one "
                "school differ too.",
            ),
            (
                np.array([SCHOOL_MEAN, SCHOOL_VARIANCE * 100 / 99]),
                "Maximum likelihood divides by N, not by N - 1.",
            ),
            (np.array(UNWEIGHTED), "The schools are not the same size: add sums, not means."),
            (np.array([66.8, 93.8]), DIGITS.format("two decimals")),
            (np.array([67.0, 94.0]), DIGITS.format("two decimals")),
        ),
        hint="Which two sums over its marks does each report give?",
        rtol=0,
        atol=6e-3,
    ),
    "log_likelihood": FunctionExercise(
        log_likelihood,
        cases=(
            (0.0, 1.0, np.array([0.5])),
            (1.0, 4.0, np.array([0.0, 2.0, 3.5])),
            (80.0, 36.0, np.array([71.0, 85.0, 92.0])),
            (0.0, 1.0, np.linspace(-3, 3, 2000)),
        ),
        mistakes=(
            (
                lambda mu, var, x: np.sum(norm.logpdf(x, mu, var)),
                "The second parameter is the variance. SciPy's scale is the standard deviation.",
            ),
            (
                _log_of_product,
                "The product underflows to zero when there are many points. Add logarithms.",
            ),
            (
                lambda mu, var, x: np.exp(log_likelihood(mu, var, x)),
                "That is the likelihood. Return its logarithm, without ever forming the product.",
            ),
            (
                lambda mu, var, x: log_likelihood(mu, var, x) / len(x),
                "That is the mean over the points; the log-likelihood is the sum.",
            ),
            (
                lambda mu, var, x: norm.logpdf(x, mu, np.sqrt(var)),
                "You return one value per point. Add them.",
            ),
            (
                lambda mu, var, x: log_likelihood(mu, var, x) + len(x) / 2 * np.log(2 * np.pi),
                "The shape is right; a constant, the same for every point, is missing.",
            ),
            (
                lambda mu, var, x: -log_likelihood(mu, var, x),
                "The sign is reversed: that is the function to minimise.",
            ),
        ),
        hint="Try x = [0, 2] with mu = 1 and var = 4: it must give -3.4742.",
    ),
    "weighted_mle": FunctionExercise(
        weighted_mle,
        cases=(
            (np.array([1.0, 2.0, 6.0]), np.array([1.0, 1.0, 2.0])),
            (np.array([0.0, 4.0, 5.0, 9.0]), np.array([0.7, 0.3, 0.9, 0.0])),
            (np.array([3.0, 5.0]), np.array([1.0, 1.0])),
        ),
        mistakes=(
            (
                lambda x, w: (weighted_mle(x, w)[0], np.sqrt(weighted_mle(x, w)[1])),
                "The second number asked for is the variance, not the standard deviation.",
            ),
            (
                lambda x, w: _weighted(x, w, np.sum(w) - 1),
                "Maximum likelihood divides by the sum of the weights, with nothing taken off.",
            ),
            (
                lambda x, w: (np.dot(w, x) / len(x), np.dot(w, np.square(x)) / len(x)),
                "Divide by the sum of the weights, not by the number of points.",
            ),
            (
                lambda x, w: _weighted(x, w, len(x)),
                "The mean is right. The variance too must be divided by the sum of the weights.",
            ),
            (
                lambda x, w: (
                    weighted_mle(x, w)[0],
                    float(np.cov(x, aweights=np.asarray(w, dtype=float))),
                ),
                "The mean is right. np.cov divides by less than the sum of the weights, to remove "
                "a bias, unless you pass ddof=0.",
            ),
            (
                lambda x, w: (np.mean(x), np.var(x)),  # noqa: ARG005
                "You have not used the weights.",
            ),
            (
                lambda x, w: (
                    weighted_mle(x, w)[0],
                    np.dot(np.square(w), np.square(x - weighted_mle(x, w)[0])) / np.sum(w),
                ),
                "Square the deviation, not the weight.",
            ),
        ),
        hint="Weights (1, 1, 2) must give what the data give with the third point twice.",
    ),
    "coin_map": Exercise(
        (HEADS + 2) / (TOSSES + 4),
        mistakes=(
            (HEADS / TOSSES, "That is the maximum of the likelihood: the prior is missing."),
            (
                (HEADS + 3) / (TOSSES + 6),
                "That is the posterior's mean. What is asked for is its highest point, the mode.",
            ),
            (0.5, "That is where the prior peaks. Now multiply it by the likelihood."),
            (0.64, DIGITS.format("three decimals")),
            (64.29, "That is in per cent. Give the probability itself."),
        ),
        hint="Write log-likelihood plus log-prior, and set the derivative to zero.",
        rtol=1e-3,
    ),
    "exponential": Exercise(
        np.array([RATE, RATE_SE]),
        mistakes=(
            ((RATE, RATE_SE**2), "The second number is the variance; take its root."),
            ((RATE, 1 / RATE_SE), "The second number is the root of the bend: turn it over."),
            (
                (RATE, 1 / RATE_SE**2),
                "The second number is the bend: turn it over, and take the root.",
            ),
            ((RATE, RATE / 5), "The rate is right. The bend is N / rate^2: what is its root?"),
            ((RATE, RATE / 2), "The rate is right. There are N points in the bend, not N - 1."),
            *(
                ((RATE, spread), "The rate is right. The second is the spread of the lifetimes.")
                for spread in (LIFETIMES.std(), LIFETIMES.std(ddof=1))
            ),
            *(
                ((RATE, se), "The rate is right. That is the error of the mean lifetime.")
                for se in (
                    LIFETIMES.mean() / 5**0.5,
                    *(LIFETIMES.std(ddof=d) / 5**0.5 for d in (0, 1)),
                )
            ),
            *_wrong_rate(
                LIFETIMES.mean(), "That is the mean lifetime. A rate is per thousand hours."
            ),
            *_wrong_rate(
                (len(LIFETIMES) - 1) / LIFETIMES.sum(),
                "You used N - 1. Look at the derivative once more: how many points are there?",
            ),
            *_wrong_rate(
                1 / LIFETIMES.sum(), "There are N factors of the rate, one for every lifetime."
            ),
            *_wrong_rate(
                1 / LIFETIMES.std(), "Take no detour via the spread: maximise the log-likelihood."
            ),
            *_wrong_rate(RATE / 1000, "That is per hour; per thousand hours is asked for."),
            ((0.42, 0.19), DIGITS.format("three decimals")),
            ((0.4, 0.2), DIGITS.format("three decimals")),
        ),
        hint="Add up the logs of the densities, and set the derivative with respect to the rate "
        "to zero. Then differentiate once more.",
        rtol=0,
        atol=6e-4,
    ),
    "linkage": Exercise(
        LINKAGE,
        mistakes=(
            (OTHER_ROOT, "That is a root of the quadratic, but can it be a probability?"),
            (
                2 * (COUNTS[0] + COUNTS[3]) / COUNTS.sum() - 1,
                "You pooled the first and the last cell. That uses less than the data say.",
            ),
            (
                4 * COUNTS[3] / COUNTS.sum(),
                "You used the last cell alone. Write the log-likelihood of all four.",
            ),
            (
                4 * (COUNTS[0] / COUNTS.sum() - 0.5),
                "You used the first cell alone. Write the log-likelihood of all four.",
            ),
            (1 - LINKAGE, "That is 1 - theta."),
            (0.627, DIGITS.format("four digits")),
            (0.63, DIGITS.format("four digits")),
        ),
        hint="The log-likelihood is a sum of count times log(cell probability), up to a constant.",
        rtol=1e-4,
    ),
    "uniform": FunctionExercise(
        np.max,
        cases=(
            (np.array([0.2, 1.5, 0.9]),),
            (np.array([3.0]),),
            (np.array([4.0, 2.0, 9.0, 1.0]),),
        ),
        mistakes=(
            (
                lambda x: 2 * np.mean(x),
                "Twice the mean may be smaller than a point you have seen. What is the "
                "likelihood then?",
            ),
            (
                lambda x: np.max(x) * (len(x) + 1) / len(x),
                "That corrects the bias; but the likelihood is higher elsewhere.",
            ),
            (lambda x: np.max(x) - np.min(x), "The lower end is known: it is 0."),
            (np.mean, "Some points are larger than that, and it gives them density zero."),
        ),
        hint="Draw the likelihood of one point x = 3, for theta from 1 to 6.",
    ),
    "truncated": Exercise(
        TRUNCATED,
        mistakes=(
            (np.round(TRUNCATED, 1), DIGITS.format("two decimals")),
            (TRUNCATED ** [1, 2], "The second number asked for is the standard deviation."),
            ([TRUNCATED[0], np.log(TRUNCATED[1])], "Take the exponential of the second."),
            (NOTED, "That describes the noted waits alone. Why are there none below?"),
            (ALL_WAITS, "That uses waits that were never written down."),
        ),
        hint="Given that it was noted, a wait has the density N(x) / P(x > 75.5).",
        rtol=0,
        atol=0.011,
    ),
    "cauchy": Exercise(
        CAUCHY,
        mistakes=(
            (np.round(CAUCHY, 2), DIGITS.format("three decimals")),
            (CAUCHY[::-1], "Both are right. Put the higher one first."),
            ([*CAUCHY, VALLEY], "One of the three is a valley: look at the second derivative."),
            (np.sort([*CAUCHY, VALLEY]), "One of the three is a valley."),
            (CAUCHY[0], "There is another top, further to the right."),
            (CAUCHY[1], "There is a higher one, further to the left."),
            (MIDDLE, "Neither the mean nor the median is a maximum here."),
        ),
        hint="Plot the log-likelihood from -5 to 9, then refine. Multiplied by all four "
        "denominators, the score is a polynomial: `np.roots` finds every zero.",
        rtol=0,
        atol=6e-4,
    ),
}
