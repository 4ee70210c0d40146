"""Answers to the exercises of "Deriving EM". Looking here spoils them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emlib.book.exercises.checking import Exercise, FunctionExercise

Array = NDArray[np.float64]

# The bound and gap worked by hand: joint densities 0.06 and 0.02, q of one half each.
_LOG_LIKELIHOOD = np.log(0.08)
_BOUND = 0.5 * np.log(0.12 * 0.04)
_GAP = np.array([_LOG_LIKELIHOOD, _BOUND, _LOG_LIKELIHOOD - _BOUND])
_OTHER_WAY = 0.75 * np.log(1.5) + 0.25 * np.log(0.5)
_EXPECTED_LOG = 0.5 * np.log(0.06 * 0.02)

# An M-step from the joint densities 0.06 and 0.02 to 0.10 and 0.02, by hand.
_LIFT, _GAIN = 0.75 * np.log(5 / 3), np.log(1.5)
_OPENS = 0.75 * np.log(0.9) + 0.25 * np.log(1.5)
_OPENS_OTHER_WAY = 5 / 6 * np.log(10 / 9) + 1 / 6 * np.log(2 / 3)
_LIFT_OF_HALVES = 0.5 * np.log(5 / 3)

_COUNTS = np.array([12.0, 8.0, 0.0])

# The slope at 0.05: twenty readings, and EM's first iteration leads from 0.05 to 0.21971.
SLOPE = 20 * (0.21971 - 0.05)

# Length of w and sigma of the one factor of Fisher's irises, from the eigenvalues of their
# covariance by the closed form of Tipping and Bishop (1999).
FACTOR = np.array([2.0213645, 0.3378448])
DIGITS = "Right as far as it goes: give {}."

# The geometric median of the five towns, found by SciPy's Nelder-Mead.
MEDIAN = np.array([3.6206797, 1.1076549])


def score(r_k: Array, x: Array, rate: float) -> float:
    """Derivative of a Poisson mixture's log-likelihood by one rate: Fisher's identity."""
    return float(np.sum(r_k * (x / rate - 1)))


def _shares(counts: Array) -> Array:
    return np.asarray(counts / counts.sum())


EXERCISES = {
    "jensen": Exercise(
        np.log(1.25),
        (
            (-np.log(1.25), "The log of the mean is the larger of the two: change the sign."),
            (0.5, "That is 2.5 less 2. Take logarithms before you subtract."),
            (np.log(2.5), "That is the log of the mean. Subtract the mean of the logs."),
            (np.log(2), "That is the mean of the logs. Subtract it from the log of the mean."),
            (np.log10(1.25), "Logarithms are natural in this book."),
            (0.22, DIGITS.format("three digits")),
            (0.2, DIGITS.format("three digits")),
        ),
        "Compute both by hand. The log of 1 is 0.",
    ),
    "gap": Exercise(
        _GAP,
        (
            (
                (_LOG_LIKELIHOOD, _BOUND, _OTHER_WAY),
                "The gap is the divergence of q from the posterior, not the other way round.",
            ),
            (
                (_LOG_LIKELIHOOD, _EXPECTED_LOG, _LOG_LIKELIHOOD - _EXPECTED_LOG),
                "The second is Q. The bound divides by q inside the logarithm.",
            ),
            (
                (_LOG_LIKELIHOOD, _EXPECTED_LOG, _LOG_LIKELIHOOD - _BOUND),
                "The second is Q. The bound divides by q inside the logarithm.",
            ),
            (
                (0.08, np.exp(_BOUND), 0.08 - np.exp(_BOUND)),
                "Give logarithms: the log-likelihood, not the likelihood.",
            ),
            (
                (_LOG_LIKELIHOOD, _EXPECTED_LOG - np.log(2), _GAP[0] - _EXPECTED_LOG + np.log(2)),
                "The entropy of q is added to Q, not subtracted: q is in the denominator.",
            ),
            (_GAP / np.log(10), "Logarithms are natural in this book."),
            (_GAP * (1, 1, -1), "The gap is not negative: log-likelihood less bound."),
            ((-2.53, -2.67, 0.14), DIGITS.format("three decimals")),
            ((-2.5, -2.7, 0.1), DIGITS.format("three decimals")),
            ((-2.5, -2.7, 0.2), DIGITS.format("three decimals")),
        ),
        "The likelihood is the sum of the two joint densities. Bound and gap add up to its log.",
    ),
    "gain": Exercise(
        np.array([_LIFT, _OPENS, _GAIN]),
        (
            (
                (_LIFT, _OPENS_OTHER_WAY, _GAIN),
                "The gap is the divergence of q from the new posterior, not the other way round.",
            ),
            (
                (_LIFT_OF_HALVES, _GAIN - _LIFT_OF_HALVES, _GAIN),
                "That is with one half each. Now q is the posterior at the old parameters.",
            ),
            (
                (_LIFT + _GAP[2], _OPENS, _GAIN),
                "The lift begins where the E-step left the bound, which is where it touches.",
            ),
            *(
                ((_LIFT, 0, gain), "The gap is closed by the next E-step; until then it is open.")
                for gain in (_LIFT, _GAIN)
            ),
            (
                (_GAIN, 0, _GAIN),
                "That q is the new posterior. Until the next E-step it is the old one.",
            ),
            ((_LIFT, _OPENS, _LIFT), "The new gap is a part of the gain: the bound lies below."),
            ((_LIFT, _OPENS, _LIFT - _OPENS), "The new gap lies above the bound: add it."),
            ((_LIFT, -_OPENS, _GAIN), "A gap is never negative."),
            ((_LIFT, _OPENS, 0.12 / 0.08), "Take the logarithm of that ratio."),
            ((_LIFT, _OPENS, 0.04), "That is the gain in likelihood: take logarithms first."),
            (np.array([_LIFT, _OPENS, _GAIN]) / np.log(10), "Logarithms are natural in this book."),
            ((0.38, 0.02, 0.41), DIGITS.format("three decimals")),
        ),
        "Both bounds use the old posterior. Lift and new gap add up to the gain.",
        rtol=0,
        atol=6e-4,
    ),
    "overshoot": Exercise(
        2,
        (
            (1, "That is EM itself, which lands on the top. What is the furthest you may land?"),
            (3, "So far beyond the top you are lower than where you began."),
            (1.5, "Still higher than at the start. Go on until it is level."),
            (np.inf, "However high the top, the bound falls beyond it: it is a parabola."),
        ),
        "The bound is a parabola. How high is it on the other side of its top?",
        rtol=1e-6,
    ),
    "score": FunctionExercise(
        score,
        (
            (np.array([0.9, 0.2, 0.5]), np.array([0.0, 4.0, 2.0]), 1.5),
            (np.array([1.0, 1.0]), np.array([3.0, 5.0]), 2.0),
        ),
        (
            (
                lambda r_k, x, rate: np.sum(x / rate - 1) + 0 * np.sum(r_k),
                "That is for labelled data: average over the hidden component.",
            ),
            (
                lambda r_k, x, rate: -score(r_k, x, rate),
                "The sign: with all counts above the rate, the likelihood rises with it.",
            ),
            (
                lambda r_k, x, rate: np.mean(r_k * (x / rate - 1)),
                "That is the mean over the points. The log-likelihood is a sum.",
            ),
            (
                lambda r_k, x, rate: r_k * (x / rate - 1),
                "Those are the terms of the points. The derivative is their sum.",
            ),
            (
                lambda r_k, x, rate: np.sum(r_k * (x - rate)),
                "Differentiate x log(rate) once more: where is the rate in it?",
            ),
            (
                lambda r_k, x, rate: np.sum(r_k * x) / np.sum(r_k) + 0 * rate,
                "That is the M-step, where the derivative of the bound is zero.",
            ),
        ),
        "Differentiate the log of one point's joint density with respect to the rate, "
        "then weight and sum.",
    ),
    "dirichlet": Exercise(
        _shares(_COUNTS + 2),
        (
            (_shares(_COUNTS), "That is the maximum of the likelihood: the prior is missing."),
            (
                _shares(_COUNTS + 3),
                "That is the posterior's mean. The mode has one less in every exponent.",
            ),
            (_COUNTS + 2, "Those are the counts with the prior's. Weights sum to one."),
            ((_COUNTS + 2) / 20, "The weights must sum to one: pseudo-counts count there too."),
            (100 * _shares(_COUNTS + 2), "That is in per cent: give weights that sum to one."),
            ((0.54, 0.38, 0.08), DIGITS.format("three decimals")),
            ((0.54, 0.39, 0.08), DIGITS.format("three decimals")),
        ),
        "Collect the exponents of the weights in likelihood times prior.",
    ),
    "gradient": Exercise(
        SLOPE,
        (
            (0.16971, "That is the step. EM divides the slope by something to get it."),
            (
                0.16971 / 20,
                "The other way round: the step is the slope over the number of readings.",
            ),
            (-SLOPE, "EM goes uphill: the slope has the sign of the step."),
            (20 * 0.21971, "The step is measured from 0.05, and not from zero."),
        ),
        "Fisher's identity gives the slope, and the M-step the same sum, over N.",
    ),
    "factor": Exercise(
        FACTOR,
        (
            ((FACTOR[0] ** 2, FACTOR[1]), "You gave the squared length of w."),
            ((FACTOR[0], FACTOR[1] ** 2), "You gave the variance of the noise; sigma is its root."),
            (FACTOR**2, "Those are the squares of both: the length and sigma are asked for."),
            (
                (2.056, 0.3378),
                "That is the first eigenvalue's root. The noise is a part of it: take it away.",
            ),
            (
                FACTOR * np.sqrt(150 / 149),
                "You divided by N - 1, as np.cov and PCA do: maximum likelihood divides by N.",
            ),
            ((2.0, 0.34), DIGITS.format("three digits")),
        ),
        "The M-step needs the expected squares of the sizes: mean squared plus variance.",
        rtol=1.5e-3,
    ),
    "median": Exercise(
        MEDIAN,
        (
            ((3.0, 1.8), "That is the mean, from which you may start."),
            ((4.0, 1.0), "That takes each coordinate's median by itself."),
            (MEDIAN[::-1], "The two are exchanged: first coordinate first."),
            ((3.6, 1.1), DIGITS.format("three digits")),
        ),
        "Weight every point by one over its present distance, take the mean, and repeat.",
    ),
}
