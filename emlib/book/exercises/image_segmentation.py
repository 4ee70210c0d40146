"""Answers to the exercises of "Image segmentation". Looking here spoils them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emlib.book.exercises.checking import Exercise, FunctionExercise

Array = NDArray[np.float64]


def _recolour(r: Array, means: Array) -> Array:
    return np.asarray(r @ means)


def _recolour_hard(r: Array, means: Array) -> Array:
    return np.asarray(means[r.argmax(axis=1)])


def _compress(levels: NDArray[np.intp]) -> NDArray[np.intp]:
    colours, counts = np.unique(levels, axis=0, return_counts=True)
    return np.column_stack([colours, counts])


def _compress_without_counts(levels: NDArray[np.intp]) -> NDArray[np.intp]:
    colours = np.unique(levels, axis=0)
    return np.column_stack([colours, np.ones(len(colours), dtype=int)])


def _neighbours(r: Array) -> Array:
    wide = np.pad(r, ((1, 1), (1, 1), (0, 0)))
    return np.asarray(wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:])


def _neighbours_around_the_edge(r: Array) -> Array:
    return np.asarray(sum(np.roll(r, step, axis) for step in (1, -1) for axis in (0, 1)))


def _neighbours_and_itself(r: Array) -> Array:
    return _neighbours(r) + r


def _t_weight(x: Array, mu: float, s2: float, nu: float) -> Array:
    return np.asarray((nu + 1) / (nu + (x - mu) ** 2 / s2))


def _t_weight_of_the_prior(x: Array, mu: float, s2: float, nu: float) -> Array:
    return np.asarray(nu / (nu + (x - mu) ** 2 / s2))


def _t_weight_inverted(x: Array, mu: float, s2: float, nu: float) -> Array:
    return 1 / _t_weight(x, mu, s2, nu)


def _t_weight_with_deviation(x: Array, mu: float, s2: float, nu: float) -> Array:
    return np.asarray((nu + 1) / (nu + (x - mu) ** 2 / s2**2))


_rng = np.random.default_rng(0)
_R = _rng.dirichlet(np.ones(3), size=8)
_LEVELS = np.array([[3, 1, 2], [0, 5, 5], [3, 1, 2], [0, 5, 4], [3, 1, 2]])
_FIELD = _rng.dirichlet(np.ones(2), size=(4, 5))
_X = np.array([-1.0, 0.0, 0.5, 9.0])

EXERCISES: dict[str, Exercise | FunctionExercise] = {
    "count": Exercise(
        49,
        mistakes=(
            (50, "The weights sum to one: one of them is not free."),
            (64, "A covariance is symmetric: count its entries off the diagonal once."),
            (65, "Two slips: weights sum to one, and a covariance is symmetric."),
            (34, "Full covariances have entries off the diagonal too."),
        ),
        hint="Weights, means, and symmetric matrices in three dimensions.",
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
    "recolour": FunctionExercise(
        _recolour,
        ((_R, np.array([[0.1, 0.2, 0.3], [0.9, 0.5, 0.1], [0.4, 0.4, 0.8]])),),
        mistakes=((_recolour_hard, "That is the hard picture: use all of a pixel's r."),),
        hint="For each pixel, the means weighted by its responsibilities.",
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
    "neighbours": FunctionExercise(
        _neighbours,
        ((_FIELD,), (np.ones((1, 3, 2)),)),
        mistakes=(
            (_neighbours_around_the_edge, "A picture has edges: nothing lies beyond them."),
            (_neighbours_and_itself, "A pixel is not its own neighbour."),
        ),
        hint="Try it on ones of shape (3, 3, 1): corners have two neighbours, the middle four.",
    ),
    "t_weight": FunctionExercise(
        _t_weight,
        ((_X, 0.5, 2.0, 3.0), (_X, -1.0, 0.3, 1.0)),
        mistakes=(
            (_t_weight_of_the_prior, "Given x, the shape has grown by a half."),
            (_t_weight_inverted, "The mean is shape over rate, not rate over shape."),
            (_t_weight_with_deviation, "s2 is the variance already: do not square it."),
        ),
        hint="Shape over rate, both as given in the question.",
    ),
}
