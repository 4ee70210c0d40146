"""Answers to the exercises of "When the E-step is too hard". Looking here spoils them."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_expit, logsumexp
from scipy.stats import norm

from emlib.book.exercises.checking import Exercise

Array = NDArray[np.float64]

_PATTERNS = np.array(list(product((0, 1), repeat=5)))
_WRONG_FIRST = [3, 6, 2, 11, 1, 1, 3, 4, 1, 8, 0, 16, 0, 3, 2, 15]
_RIGHT_FIRST = [10, 29, 14, 81, 3, 28, 15, 80, 16, 56, 21, 173, 11, 61, 28, 298]
_COUNTS = np.array([*_WRONG_FIRST, *_RIGHT_FIRST])
_GRID = np.linspace(-6, 6, 61)


def _log_answers(steepness: Array, easiness: Array, x: Array, z: Array) -> Array:
    """Log-probability of each pattern of answers at its own abilities, (patterns, abilities)."""
    log_odds = z[..., None] * steepness + easiness
    return np.asarray(log_expit(np.where(x[:, None] == 1, log_odds, -log_odds)).sum(axis=2))


def _log_joint(steepness: Array, easiness: Array, x: Array) -> Array:
    """Log-probability of each pattern and each ability of the grid."""
    grid = np.tile(_GRID, (len(x), 1))
    return _log_answers(steepness, easiness, x, grid) + norm.logpdf(grid) + np.log(0.2)


def _height(steepness: Array, easiness: Array) -> float:
    """Log-likelihood of all candidates."""
    return float(_COUNTS @ logsumexp(_log_joint(steepness, easiness, _PATTERNS), axis=1))


_BEST = minimize(lambda v: -_height(v[:5], v[5:]), [1.0] * 5 + [0.0] * 5, tol=1e-5)
_A, _B, _HIGHEST = _BEST.x[:5], _BEST.x[5:], -_BEST.fun
_RASCH = minimize(lambda v: -_height(np.full(5, v[0]), v[1:]), [1.0] + [0.0] * 5, tol=1e-5)
_SLOPE = abs(_RASCH.x[0])  # turned round, it is as good
_GAIN = _HIGHEST + _RASCH.fun
_SHARES = _COUNTS @ _PATTERNS / _COUNTS.sum()
_INDEPENDENT = _height(np.zeros(5), np.log(_SHARES / (1 - _SHARES)))
_TWO_RIGHT = _log_joint(_A, _B, np.array([[1, 0, 0, 0, 1], [0, 1, 1, 0, 0]]))
_MEANS = np.exp(_TWO_RIGHT - logsumexp(_TWO_RIGHT, axis=1, keepdims=True)) @ _GRID
_MODES = _GRID[_TWO_RIGHT.argmax(axis=1)]


def _draws() -> tuple[float, float]:
    """The bound with one draw and with two, at the best parameters and their best Gaussians."""
    places, weights = hermegauss(30)
    weights = weights / weights.sum()
    m, v = np.zeros(32), np.ones(32)
    for _ in range(60):
        z = m[:, None] + np.sqrt(v)[:, None] * places
        p = expit(z[..., None] * _A + _B)
        v = 1 / (1 + (weights @ (p * (1 - p))) @ _A**2)
        m = m + v * ((_PATTERNS - weights @ p) @ _A - m)
    z = m[:, None] + np.sqrt(v)[:, None] * places
    q = norm.logpdf(z, m[:, None], np.sqrt(v)[:, None])
    ratio = _log_answers(_A, _B, _PATTERNS, z) + norm.logpdf(z) - q
    both = np.logaddexp(ratio[:, :, None], ratio[:, None, :]) - np.log(2)
    two = np.einsum("nij,i,j->n", both, weights, weights)
    return float(_COUNTS @ (ratio @ weights)), float(_COUNTS @ two)


_ONE, _TWO = _draws()


EXERCISES = {
    "price": Exercise(
        (1 + 0.25 - 1 - np.log(0.25)) / 2,
        (
            (1 + 0.25 - 1 - np.log(0.25), "Half of that."),
            ((1 + 0.5**4 - 1 - np.log(0.5**4)) / 2, "The second number is the variance already."),
            ((1 + 0.5 - 1 - np.log(0.5)) / 2, "The equation has the variance, not the sd."),
            (
                (1 / 0.25 + 1 / 0.25 - 1 + np.log(0.25)) / 2,
                "That is the divergence the other way round, of the prior from q.",
            ),
            ((1 + 0.25 - 1 + np.log(0.25)) / 2, "A price is never below zero: look at the sign."),
        ),
        "Put mean and variance into the equation of the price.",
    ),
    "grid": Exercise(
        61**4 * 32 / 1e6,
        (
            (61**4 / 1e6, "That is for one pattern."),
            (61 * 4 * 32 / 1e6, "A grid has all combinations of places: its points multiply."),
            (4**61 * 32 / 1e6, "Sixty-one places for each of four abilities, not the reverse."),
            (61**4 * 1000 / 1e6, "Candidates with the same answers have the same posterior."),
        ),
        "How many combinations of four places are there, and how many patterns?",
        rtol=2e-3,
    ),
    "ability": Exercise(
        _MEANS,
        (
            (_MEANS[::-1], "The candidate with the first and the last question comes first."),
            (_MODES, "Those are the most probable abilities: the averages are asked for."),
            (np.full(2, _MEANS.mean()), "The two are not the same: questions differ in steepness."),
        ),
        "Average the grid with the weights of each candidate's posterior.",
        rtol=0,
        atol=6e-3,
    ),
    "rasch": Exercise(
        [_SLOPE, _GAIN],
        (
            ([_GAIN, _SLOPE], "The steepness first, then the nats."),
            ([_SLOPE, -_GAIN], "The model with more parameters is the higher one."),
            (
                [_SLOPE, -_RASCH.fun],
                "The second number is the difference of the two models' log-likelihoods.",
            ),
            (
                [_A.mean(), _GAIN],
                "Don't average five slopes: all questions share one in the M-step.",
            ),
        ),
        "Add up the slopes in a of all five questions, and let each easiness have its own.",
        rtol=1e-3,
    ),
    "zero": Exercise(
        _INDEPENDENT,
        (
            (_HIGHEST, "That is with the look around: confirm=False."),
            (
                _COUNTS.sum() * 5 * np.log(0.5),
                "That is where it starts. The easiness moves in the first step.",
            ),
            (-_INDEPENDENT, "A log-probability is below zero."),
        ),
        "Let EM run from zeros, and read the objective of the result.",
        rtol=0,
        atol=6e-3,
    ),
    "meanfield": Exercise(
        np.sqrt(1 - 0.9**2),
        (
            (1 - 0.9**2, "That is the factor of the variance."),
            (1 / np.sqrt(1 - 0.9**2), "Too small by a factor: it is below one."),
            (np.sqrt(1 - 0.9), "The correlation enters as a square."),
            (1 - 0.9, "Invert the matrix: what is on the diagonal of its inverse?"),
        ),
        "What is on the diagonal of the inverse of a two by two matrix?",
    ),
    "two": Exercise(
        _TWO,
        (
            (_ONE, "That is one draw: take the mean of two ratios before the logarithm."),
            (_HIGHEST, "That is the log-likelihood itself."),
            (
                _TWO + 1000 * np.log(2),
                "The mean of two, not their sum: half is missing before the logarithm.",
            ),
        ),
        "For each pattern, sum over both draws' places: log of the mean ratio, times both weights.",
        rtol=0,
        atol=6e-3,
    ),
}
