"""Answers to the exercises of "EM at scale". Looking here spoils them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from emlib.book.exercises.checking import Exercise, FunctionExercise
from emlib.datasets import make_20_40

Array = NDArray[np.float64]


def _combine(parts: Array) -> Array:
    """Chan, Golub and LeVeque (1983): within the chunks, and between them."""
    n, means, squares = np.transpose(parts)
    mean = n @ means / n.sum()
    return np.array([n.sum(), mean, squares.sum() + n @ (means - mean) ** 2])


def _combine_within(parts: Array) -> Array:
    total = _combine(parts)
    total[2] = np.sum(np.asarray(parts)[:, 2])
    return total


def _combine_plain_means(parts: Array) -> Array:
    n, means, squares = np.transpose(parts)
    mean = means.mean()
    return np.array([n.sum(), mean, squares.sum() + n @ (means - mean) ** 2])


def _combine_to_variance(parts: Array) -> Array:
    n, mean, squares = _combine(parts)
    return np.array([n, mean, squares / n])


def _combine_unweighted(parts: Array) -> Array:
    n, means, squares = np.transpose(parts)
    mean = n @ means / n.sum()
    return np.array([n.sum(), mean, squares.sum() + ((means - mean) ** 2).sum()])


def _combine_by_squares(parts: Array) -> Array:
    n, means, squares = np.transpose(parts)
    return np.array(
        [n.sum(), n @ means / n.sum(), squares.sum() + n @ means**2 - (n @ means) ** 2 / n.sum()]
    )


def _combine_by_the_square_of_the_mean(parts: Array) -> Array:
    n, means, squares = np.transpose(parts)
    mean = n @ means / n.sum()
    return np.array([n.sum(), mean, squares.sum() + n @ means**2 - n.sum() * mean**2])


def _weights(t: int, alpha: float) -> Array:
    """Of every batch in the average after t of them."""
    gammas = np.arange(1.0, t + 1) ** -alpha
    return np.array([gammas[m] * np.prod(1 - gammas[m + 1 :]) for m in range(t)])


def _weights_only_steps(t: int, alpha: float) -> Array:
    return np.arange(1.0, t + 1) ** -alpha


def _weights_own_factor(t: int, alpha: float) -> Array:
    gammas = np.arange(1.0, t + 1) ** -alpha
    return np.array([gammas[m] * np.prod(1 - gammas[max(m, 1) :]) for m in range(t)])


def _weights_reversed(t: int, alpha: float) -> Array:
    return _weights(t, alpha)[::-1]


def _sums(theta: Array, x: Array) -> tuple[Array, float]:
    """Expected statistics (n, sum x, sum of squares) of two Gaussians in 1-D, and log p."""
    weights, means, variances = theta
    squares = (x[:, None] - means) ** 2 / variances
    joint = np.log(weights) - 0.5 * (np.log(2 * np.pi * variances) + squares)
    log_p = np.logaddexp(*joint.T)
    r = np.exp(joint - log_p[:, None])
    return np.array([r.sum(axis=0), x @ r, x**2 @ r]), float(log_p.sum())


def _mle(sums: Array) -> Array:
    n, sum_x, sum_xx = sums
    return np.array([n / n.sum(), sum_x / n, sum_xx / n - (sum_x / n) ** 2])


_X = make_20_40().values[:, 0]
_START = np.array([[0.5, 0.5], [25.0, 30.0], [100.0, 100.0]])
_CHUNKS = tuple(_X.reshape(100, 100).T)


def _visits(chunks: Sequence[Array], passes: int) -> list[Array]:
    """Parameters of incremental EM after one whole step of EM, and after each visit of a chunk."""
    kept = [_sums(_START, chunk)[0] for chunk in chunks]
    path = [_mle(np.sum(kept, axis=0))]
    for _ in range(passes):
        for i, chunk in enumerate(chunks):
            kept[i] = _sums(path[-1], chunk)[0]
            path.append(_mle(np.sum(kept, axis=0)))
    return path


_PATH = _visits(_CHUNKS, 4)


def _incremental(passes: int) -> float:
    """Log-likelihood after up to four passes of incremental EM, which begins with an E-step."""
    return _sums(_PATH[passes * len(_CHUNKS)], _X)[1]


def _batch(passes: int) -> float:
    theta = _START
    for _ in range(passes):
        theta = _mle(_sums(theta, _X)[0])
    return _sums(theta, _X)[1]


def _counts() -> list[Array]:
    draw = np.random.default_rng(0)
    busy = draw.uniform(size=6000) < 0.3
    return np.array_split(draw.poisson(np.where(busy, 7.0, 2.0)), 40)


def _rates(counts: Array, steps: int = 500) -> Array:
    """Of two kinds of minutes, by EM on all counts at once."""
    weights, rates = np.array([0.5, 0.5]), np.array([1.0, 5.0])
    values, times = np.unique(counts, return_counts=True)
    for _ in range(steps):
        joint = weights * np.exp(-rates) * rates ** values[:, None]  # the factorial cancels
        r = times[:, None] * joint / joint.sum(axis=1, keepdims=True)
        weights, rates = r.sum(axis=0) / len(counts), values @ r / r.sum(axis=0)
    return rates


_COUNTS = _counts()
_RATES = _rates(np.concatenate(_COUNTS))
_SORTED = np.array_split(np.sort(_X), 100)
# By how much each of three passes' visits changes the log-likelihood.
_IN_ORDER = np.diff([_sums(theta, _X)[1] for theta in _visits(_SORTED, 3)])
_PARTS = np.array([[4.0, 1.0, 8.0], [6.0, 6.0, 6.0]])
_FAR = _PARTS + np.array([0.0, 1e9, 0.0])
_LOST = (
    "Right on paper, but far from zero the squares have used up all digits: take deviations "
    "from the mean of all."
)
_MORE = np.array([[3.0, -2.0, 1.5], [10.0, 0.5, 7.0], [1.0, 9.0, 0.0]])

EXERCISES = {
    "numbers": Exercise(
        331,
        (
            (330, "Nearly. One more number is needed to see that the likelihood does not fall."),
            (556, "A covariance is symmetric. Half of its off-diagonal sums are sent twice."),
            (555, "Count symmetric entries once, and don't forget the log-likelihood."),
            (66, "That is one component's. There are five, and the log-likelihood."),
            (329, "That is the number of free parameters. All sums are sent, the weights' too."),
        ),
        "For one component, how many entries has T(x)? The log-likelihood is sent as well.",
        rtol=0,
    ),
    "enough": Exercise(
        0.170 * 60**2 / 0.644,
        (
            (0.170 * 60**2, "That many long ones. How many must you look at in all?"),
            (0.170 * 60**2 * 0.644, "Not all that you look at are long: you need more, not fewer."),
            (0.170 / 0.644, "The variance is in square minutes, and the error in seconds."),
            (0.170**0.5 * 60 / 0.644, "The error shrinks with the square root of their number."),
            (0.170 * 60**2 / 0.356, "The long ones are 64.4 per cent."),
        ),
        "When is the variance of a mean, the variance over their number, one square second?",
        rtol=1e-3,
    ),
    "combine": FunctionExercise(
        _combine,
        ((_PARTS,), (_MORE,), (_FAR,)),
        (
            (_combine_within, "The chunks' means differ: that spread is missing."),
            (_combine_plain_means, "A mean of means must count each chunk as often as its points."),
            (_combine_to_variance, "Return the sum of squares, not divided by anything."),
            (_combine_unweighted, "Each chunk's distance from the mean counts once per point."),
            (_combine_by_squares, _LOST),
            (_combine_by_the_square_of_the_mean, _LOST),
        ),
        "Write a point's deviation as that from its chunk's mean plus that of the chunk's mean. "
        "If it is right for the two chunks by hand, try means near a billion.",
    ),
    "speedup": Exercise(
        [6.25, 25.0],
        (
            ([8.0, 8.0], "Part of the time does not shrink."),
            ([1.6, 0.4], "Those are times. How many times shorter is that?"),
            ([6.0, 24.0], "On one worker the rest has to be done as well."),
            ([6.25, 24.0], "With one worker the iteration takes ten seconds."),
        ),
        "Put both parts into the equation, for one worker and for eight.",
        rtol=1e-3,
    ),
    "weights": FunctionExercise(
        _weights,
        ((5, 0.6), (8, 1.0), (1, 0.7)),
        (
            (
                _weights_only_steps,
                "That is the weight when the batch comes in. Later ones make it fade.",
            ),
            (_weights_own_factor, "A batch is faded by the steps after its own."),
            (_weights_reversed, "The first batch comes first in the answer."),
        ),
        "The weights must sum to one, because the first step is one. Do t = 2 by hand.",
    ),
    "halflife": Exercise(
        14,
        (
            (np.log(0.5) / np.log(0.95), "Right so far: a whole number of batches was asked for."),
            (13, "After that many, its weight is still a little above half."),
            (20, "That is the inverse of the step: by then little more than a third is left."),
            (10, "It does not fade by equal amounts, but by equal factors."),
        ),
        "Each further batch multiplies the weight by the same factor.",
        rtol=0,
    ),
    "incremental": Exercise(
        _incremental(3),
        (
            (_batch(3), "That is batch EM after three passes: move after every chunk."),
            (_batch(4), "That is batch EM after four passes: move after every chunk."),
            (_incremental(2), "One pass is missing. The first E-step is not counted as one."),
            (_incremental(4), "One pass too many."),
        ),
        "Keep each chunk's sums. Replace one chunk's, add all, M-step, next chunk.",
        rtol=0,
        atol=6e-3,
    ),
    "poisson": Exercise(
        _RATES,
        (
            (_RATES[::-1], "The lower one first."),
            (_rates(_COUNTS[0]), "That is the first chunk alone: give em the list, and map=map."),
            (
                np.mean([_rates(chunk, 200) for chunk in _COUNTS], axis=0),
                "That is the mean of the chunks' fits: let em add their statistics.",
            ),
            (np.full(2, np.mean(np.concatenate(_COUNTS))), "Equal rates stay equal: start apart."),
        ),
        "The M-step divides the sum of r x by the sum of r, for each kind.",
    ),
    "bound": Exercise(
        -_IN_ORDER.min(),
        (
            (_IN_ORDER.min(), "The question is by how much it falls: a positive number."),
            (0, "That holds for F. Take the log-likelihood of all the data, after every visit."),
            (np.sum(_IN_ORDER < 0), "That is how often it falls. By how much at most?"),
            (
                -_IN_ORDER[_IN_ORDER < 0].sum(),
                "Those are all falls together: give the largest.",
            ),
        ),
        "Note the log-likelihood of all the data after every visit, and take differences.",
    ),
}
