"""Answers to the exercises of "How many components?". Looking here spoils them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy
from scipy.stats import multivariate_normal

from emlib.book.exercises.checking import Exercise, FunctionExercise
from emlib.datasets import load_faithful

Array = NDArray[np.float64]


# Old Faithful, three components with one covariance: an independent EM from 120 starts.
WEIGHTS = np.array([0.3563781230, 0.1686067151, 0.4750151619])
MEANS = np.array(
    [[2.0376147478, 54.4912851379], [3.7977599657, 77.4688773678], [4.4657394260, 80.8727532332]]
)
COVARIANCE = np.array([[0.0779753741, 0.4701587211], [0.4701587211, 33.6720454032]])
PAIRS = ((0, 1), (0, 2), (1, 2))


def _responsibilities() -> Array:
    x = load_faithful().values
    densities = [multivariate_normal(mean, COVARIANCE).pdf(x) for mean in MEANS]
    joint = WEIGHTS * np.column_stack(densities)
    return np.asarray(joint / joint.sum(axis=1, keepdims=True))


def _entropy(r: Array) -> float:
    return -float(xlogy(r, r).sum())


def _merged_entropies() -> Array:
    r = _responsibilities()
    merged = [np.column_stack([r[:, i] + r[:, j], r[:, 3 - i - j]]) for i, j in PAIRS]
    return np.array([_entropy(m) for m in merged])


_LEFT = _merged_entropies()
_FALLS = _entropy(_responsibilities()) - _LEFT


def _count(letters: str, k: int, d: int, shape: int | None = None) -> int:
    times = {"E": 1, "V": k, "I": 0}
    parts = (1, d - 1 if shape is None else shape, d * (d - 1) // 2)
    return sum(times[letter] * part for letter, part in zip(letters, parts, strict=True))


def _count_with_free_determinant(letters: str, k: int, d: int) -> int:
    return _count(letters, k, d, shape=d)


def _count_with_everything(letters: str, k: int, d: int) -> int:
    return k - 1 + k * d + _count(letters, k, d)


_MODELS = [
    "EII",
    "VII",
    "EEI",
    "VEI",
    "EVI",
    "VVI",
    "EEE",
    "VEE",
    "EVE",
    "VVE",
    "EEV",
    "VEV",
    "EVV",
    "VVV",
]

_FINER = (
    "Close. Take midpoints of cells, at least 200 in each direction: the band is narrow. And "
    "is the mean taken under the truth?"
)

EXERCISES = {
    "rule": Exercise(
        3,
        (
            (2, "The standard error of a mean of five is the deviation over the root of five."),
            (4, "That is the best mean. A smaller K may be within one standard error of it."),
            (1, "Its mean is far below: compute the threshold."),
        ),
        "How far below the best mean is the threshold, and which is the smallest K above it?",
        rtol=0,
    ),
    "choose": Exercise(
        [3, 2],
        (
            ([4, 4], "That is the highest likelihood, which always takes the most."),
            ([2, 3], "The other way round: at N = 100, which of the two charges more?"),
            ([3, 3], "Look at BIC again: the step from 2 to 3 gains 5. What does it cost?"),
            ([2, 2], "Look at AIC again: what does a step cost, and what does each one gain?"),
            ([4, 2], "Look at AIC again: the last step gains less than it costs."),
        ),
        "Count the parameters for each K, then put the numbers into the formulas.",
        rtol=0,
    ),
    "price": Exercise(
        [3 * np.log(272), 6.0],
        (
            ([17.0, 6.0], "Right as far as it goes: give one decimal."),
            ([12 * np.log(272) / 4 / np.log(10), 6.0], "Take the natural logarithm."),
            ([6 * np.log(272), 12.0], "The log-likelihood is doubled in both criteria."),
            ([6 * np.log(272), 6.0], "AIC is right. In BIC, too, the log-likelihood is doubled."),
            ([1.5 * np.log(272), 3.0], "That is for one feature. Count again for two."),
            ([2.5 * np.log(272), 5.0], "The new component's weight is a parameter too."),
            ([6.0, 3 * np.log(272)], "The other way round: BIC first."),
            ([3.5 * np.log(272), 7.0], "A symmetric matrix of two rows has three free entries."),
        ),
        "How many parameters does one more component bring?",
    ),
    "icl": Exercise(
        [600 * np.log(2), 1],
        (
            ([600 * np.log(2), 2], "One component has no doubt to pay for: compare both ICLs."),
            ([300 * np.log(2), 2], "BIC is on the scale of twice the log-likelihood; so is doubt."),
            ([-600 * np.log(2), 2], "Unsure labels must make it larger."),
            ([600 * np.log10(2), 2], "Logarithms are natural in this book."),
            ([2000 * np.log(2), 1], "Points that are sure pay nothing."),
        ),
        "What does a point that is torn evenly add to ICL, and what a point that is sure?",
        rtol=0,
        atol=0.06,
    ),
    "pvalue": Exercise(
        999,
        (
            (1000, "The observed statistic counts as one of them."),
            (1001, "The observed statistic is one more draw: fewer samples are enough."),
        ),
        "What p-value comes out if no simulated statistic is as large as the observed one?",
        rtol=0,
    ),
    "letters": FunctionExercise(
        _count,
        tuple((letters, k, d) for letters in _MODELS for k, d in ((1, 2), (3, 3), (4, 2))),
        (
            (_count_with_free_determinant, "The shape has determinant 1: one number fewer."),
            (_count_with_everything, "Only the covariances are asked for."),
        ),
        "How many free numbers does each of the three parts have, and how often is it paid for?",
    ),
    "merge": Exercise(
        _FALLS,
        (
            (_LEFT, "Those are the entropies that are left. By how much did they fall?"),
            (-_FALLS, "A fall is positive: the entropy before less the one after."),
            (_FALLS[::-1], "The order asked for is (1, 2), (1, 3), (2, 3)."),
            ([0.5, 0.0, 42.0], "Right as far as it goes: give one decimal."),
        ),
        "Add the two columns of responsibilities, and compare entropies before and after.",
        rtol=0,
        atol=0.15,
    ),
    "sign": Exercise(
        [-1, 1],
        (
            ([1, -1], "The other way round: what does a missed maximum do to each statistic?"),
            ([1, 1], "One of them lowers the simulated statistics. Which?"),
            ([-1, -1], "One of them raises the simulated statistics. Which?"),
        ),
        "Write down the statistic, and ask what happens to it if one of its terms is too low.",
        rtol=0,
    ),
    "surface": Exercise(
        0.4082,
        (
            (-0.4082, "A fall is positive."),
            (1.0, "That is BIC's price. Compute the integral on a grid."),
            (0.5, "That is the limit for ever larger N. Compute it between these two."),
            (0.94, "That is the fall per factor of ten: divide by log 10."),
            *((coarse, _FINER) for coarse in (0.346, 0.357, 0.385, 0.398, 0.420, 0.442)),
            (1.88, "That is the whole fall: divide by the difference of the log N."),
        ),
        "At each w and mu the divergence is an integral over x; check that it is 0 at w = 0.",
        rtol=0,
        atol=6e-3,
    ),
}
