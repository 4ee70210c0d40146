"""Answers to the exercises of "Image segmentation". Looking here spoils them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from emlib.book.exercises.checking import Exercise, FunctionExercise

Array = NDArray[np.float64]


def _compress(levels: NDArray[np.intp]) -> NDArray[np.intp]:
    colours, counts = np.unique(levels, axis=0, return_counts=True)
    return np.column_stack([colours, counts])


def _compress_without_counts(levels: NDArray[np.intp]) -> NDArray[np.intp]:
    colours = np.unique(levels, axis=0)
    return np.column_stack([colours, np.ones(len(colours), dtype=int)])


def _over(mu: float, sigma: float, c: float) -> float:
    alpha = (c - mu) / sigma
    return float(mu + sigma * np.exp(norm.logpdf(alpha) - norm.logsf(alpha)))


def _under(mu: float, sigma: float, c: float) -> float:
    alpha = (c - mu) / sigma
    return float(mu - sigma * np.exp(norm.logpdf(alpha) - norm.logcdf(alpha)))


def _over_with_variance(mu: float, sigma: float, c: float) -> float:
    return _over(mu, np.sqrt(sigma), c)


def _over_without_sigma(mu: float, sigma: float, c: float) -> float:
    return mu + (_over(mu, sigma, c) - mu) / sigma


def _over_by_subtraction(mu: float, sigma: float, c: float) -> float:
    alpha = (c - mu) / sigma
    with np.errstate(divide="ignore"):
        return float(mu + sigma * norm.pdf(alpha) / (1 - norm.cdf(alpha)))


def _bias_weights(r: Array, variances: Array) -> Array:
    return np.asarray(r @ (1 / variances))


def _bias_weights_inverted(r: Array, variances: Array) -> Array:
    return np.asarray(1 / (r @ variances))


def _bias_weights_with_deviations(r: Array, variances: Array) -> Array:
    return np.asarray(r @ (1 / np.sqrt(variances)))


def _diagonals(q: Array) -> Array:
    wide = np.pad(q, ((0, 0), (1, 1), (1, 1)))
    rows = wide[:, :-2] + wide[:, 2:]
    return np.asarray(rows[:, :, :-2] + rows[:, :, 2:])


def _diagonals_around_the_edge(q: Array) -> Array:
    steps = [(i, j) for i in (1, -1) for j in (1, -1)]
    return np.asarray(sum(np.roll(q, step, axis=(1, 2)) for step in steps))


def _four_neighbours(q: Array) -> Array:
    wide = np.pad(q, ((0, 0), (1, 1), (1, 1)))
    upright = wide[:, :-2, 1:-1] + wide[:, 2:, 1:-1]
    return np.asarray(upright + wide[:, 1:-1, :-2] + wide[:, 1:-1, 2:])


def _eight_neighbours(q: Array) -> Array:
    return _four_neighbours(q) + _diagonals(q)


_rng = np.random.default_rng(0)
_R = _rng.dirichlet(np.ones(3), size=8)
_LEVELS = np.array([[3, 1, 2], [0, 5, 5], [3, 1, 2], [0, 5, 4], [3, 1, 2]])
_FIELD = np.moveaxis(_rng.dirichlet(np.ones(2), size=(4, 5)), 2, 0)
_VARIANCES = np.array([4.0, 0.5, 9.0])
_VOTE = 0.25 * np.exp(3.2) / (1 + 0.25 * np.exp(3.2))

EXERCISES: dict[str, Exercise | FunctionExercise] = {
    "iou": Exercise(
        [3800 / 4400, 7600 / 8200],
        mistakes=(
            ([7600 / 8200, 3800 / 4400], "The other way round."),
            ([3800 / 4200, 7600 / 8200], "The union has the missed pixels too."),
            ([3800 / 4000, 7600 / 8200], "The union has the wrongly cut pixels too."),
            ([3800 / 8200, 7600 / 8200], "In the union, count what both have only once."),
        ),
        hint="How many pixels are in at least one of the two, each counted once?",
    ),
    "step": Exercise(
        1 / 1024 / np.sqrt(12),
        mistakes=(
            (1 / 1024**2 / 12, "That is the variance."),
            (1 / 256 / np.sqrt(12), "That is for 8 bits."),
            (1 / np.sqrt(12), "In steps, yes; but a step is 1/1024 wide."),
            (1 / 1024, "That is the whole width of a step."),
        ),
        hint="What is the variance of a uniform number over a step of width h?",
    ),
    "vote": Exercise(
        _VOTE,
        mistakes=(
            (
                0.25 * np.exp(3.6) / (1 + 0.25 * np.exp(3.6)),
                "The background gets votes too: 0.1 each.",
            ),
            (np.exp(3.2) / (1 + np.exp(3.2)), "The colour has a say too: 0.2 to 0.8."),
            (0.25 * np.exp(0.8) / (1 + 0.25 * np.exp(0.8)), "Four neighbours vote, not one."),
            (0.25 * np.exp(3.2), "Those are the odds: a probability is odds / (1 + odds)."),
        ),
        hint="By what factor do the four neighbours change the odds of tower to background?",
    ),
    "outvoted": Exercise(
        0.25,
        mistakes=(
            (0.5, "It has two neighbours, so letting it differ cuts two pipes."),
            (1, "The outer two keep their labels: only the middle one's preference is at stake."),
            (0.75, "Compare only what differs: one preference against two pipes."),
            (1.5, "Compare only what differs: one preference against two pipes."),
            (0.125, "Its preference is 1/2, and is paid once."),
        ),
        hint="What does it cost to grant the middle one its background, and what to refuse?",
    ),
    "over": FunctionExercise(
        _over,
        ((100.0, 20.0, 110.0), (0.0, 1.0, -1.0), (5.0, 0.5, 4.0), (0.0, 1.0, 9.0)),
        mistakes=(
            (_under, "That is the expectation below c."),
            (_over_with_variance, "sigma is the standard deviation."),
            (_over_without_sigma, "The step from mu is in units of sigma."),
            (
                _over_by_subtraction,
                "Right on paper, but far out 1 - Phi is rounded to zero: norm.sf keeps its digits.",
            ),
        ),
        hint="Turn the axis round, and use the formula for x below c.",
    ),
    "compress": FunctionExercise(
        _compress,
        ((_LEVELS,),),
        mistakes=((_compress_without_counts, "The last column says how often each occurs."),),
        hint="np.unique with axis=0 looks at whole rows.",
    ),
    "double": Exercise(
        [4, np.log(40_000) / np.log(10_000)],
        mistakes=(
            ([4, 4], "The price has the logarithm of N in it."),
            ([2, np.log(20_000) / np.log(10_000)], "Each pixel becomes four."),
            ([2, np.log(40_000) / np.log(10_000)], "The log-likelihood is a sum over pixels."),
        ),
        hint="What happens to a sum in which every term occurs four times?",
    ),
    "bias": FunctionExercise(
        _bias_weights,
        ((_R, _VARIANCES),),
        mistakes=(
            (_bias_weights_inverted, "Average the precisions, not the variances."),
            (_bias_weights_with_deviations, "Precisions are one over variances."),
        ),
        hint="For each pixel, the responsibilities times one over the variances, summed.",
    ),
    "diagonals": FunctionExercise(
        _diagonals,
        ((_FIELD,), (np.ones((2, 1, 3)),), (np.ones((1, 3, 3)),)),
        mistakes=(
            (_diagonals_around_the_edge, "A picture has edges: nothing lies beyond them."),
            (_four_neighbours, "Those share an edge; the question is about corners."),
            (_eight_neighbours, "Only the diagonal ones."),
        ),
        hint="Try it on ones of shape (1, 3, 3): corners have one, edges two, the middle four.",
    ),
}
