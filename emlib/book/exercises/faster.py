"""Answers to the exercises of "Faster, and how sure". Looking here spoils them."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from emlib.book.exercises.checking import Exercise

# The linkage data: 125, 18 + 20, 34. The likelihood equation is a quadratic.
_TOP = (15 + np.sqrt(53809)) / 394
_OBSERVED = 125 / (2 + _TOP) ** 2 + 38 / (1 - _TOP) ** 2 + 34 / _TOP**2


def _value(theta: float) -> float:
    return float(125 * np.log(2 + theta) + 38 * np.log(1 - theta) + 34 * np.log(theta))


def _interval(drop: float) -> list[float]:
    def excess(theta: float) -> float:
        return _value(_TOP) - _value(theta) - drop

    return [brentq(excess, 0.1, _TOP), brentq(excess, _TOP, 0.95)]


def _parabola(deviations: float) -> list[float]:
    half = deviations / np.sqrt(_OBSERVED)
    return [_TOP - half, _TOP + half]


def _weights(*log_odds: float) -> list[float]:
    return [float(1 / (1 + np.exp(-y))) for y in log_odds]


def _by_log_odds(error: float, deviations: float = 1.96) -> list[float]:
    centre = float(np.log(0.2 / 0.8))
    return _weights(centre - deviations * error, centre + deviations * error)


# The first leap, with errors of 1 along lambda = 0.9 and lambda = 0.
_A = float(np.sqrt((0.1**2 + 1) / (0.01**2 + 1)))


def _leap(a: float) -> list[float]:
    return [a, (1 - 0.1 * a) ** 2]


_PAIR = [float(np.sqrt(50 / 900)), 50**-0.5, 0.1, 0.9]

EXERCISES = {
    "steps": Exercise(
        [0.15, 0.4],
        (
            ([0.4, 0.15], "Which of the two divides by what the data tell you?"),
            ([0.15, 0.24], "Newton divides by the observed information, not by the missing."),
            ([80 / 12, 30 / 12], "The slope over the information, and not the reverse."),
        ),
        "Each step is the slope over an information. Which one does each of the two use?",
        rtol=1e-2,
    ),
    "draws": Exercise(
        1250,
        (
            (2500, "That is for 1 / sqrt(B)."),
            (25, "Square it."),
            (625, "Solve 2 B = 1 / 0.02 squared once more."),
            (5000, "Squaring 1 / 0.02 gives two times B: halve it, do not double it."),
        ),
        "Set the relative standard error to 0.02 and solve for the number of draws.",
        rtol=1e-3,
    ),
    "odds": Exercise(
        _by_log_odds(0.1 / 0.16),
        (
            ([0.2 - 0.196, 0.2 + 0.196], "That is the interval in plain numbers."),
            (_by_log_odds(0.1), "The log-odds change by more than the weight: by how much more?"),
            (_by_log_odds(0.016), "Divide by pi (1 - pi); you multiplied."),
            (_by_log_odds(0.1 / 0.16, 1), "That is one standard error to each side, not 1.96."),
            (_by_log_odds(0.1 / 0.16)[::-1], "Right, but give the lower end first."),
            (
                [np.log(0.25) - 1.225, np.log(0.25) + 1.225],
                "Those are log-odds. Turn the ends back into weights.",
            ),
            (
                np.exp([np.log(0.25) - 1.225, np.log(0.25) + 1.225]),
                "Those are odds. A weight is the odds over one plus the odds.",
            ),
        ),
        "What are the log-odds and their standard error? Turn only the ends back into weights.",
        rtol=1e-2,
    ),
    "first": Exercise(
        _leap(_A),
        (
            ([10.0, 0.0], "That is with the slow direction alone. The fast error is still there."),
            (_leap(1.1 / 1.01), "Perpendicular parts: the length is the root of the squares' sum."),
            (_leap(5.5), "Not the average of the two: put the lengths of u and v into the ratio."),
            ([_A, 1 - 0.1 * _A], "The leap is squared."),
            ([_A, (1 - _A) ** 2], "That is the factor of the fast error."),
            (
                [_A, 0.9 * (1 - 0.1 * _A) ** 2],
                "That is after the EM step. The leap alone was asked for.",
            ),
        ),
        "Write down both parts of u and of v, then the lengths of u and v.",
    ),
    "pair": Exercise(
        _PAIR,
        (
            (
                [_PAIR[i] for i in (1, 0, 2, 3)],
                "Known parameters make an error smaller, not larger.",
            ),
            ([_PAIR[i] for i in (1, 1, 2, 3)], "Invert the matrix, and then take its entry."),
            ([*np.square(_PAIR[:3]), 0.9], "Those are variances. Take the roots."),
            ([*_PAIR[:2], 10.0, 0.9], "That is the root of the information: turn it over."),
            ([*_PAIR[:3], 0.5], "The largest eigenvalue decides, and not the diagonal."),
            ([*_PAIR[:3], 0.1], "That is the rate in the fast direction."),
            ([*_PAIR[:3], 9.0], "Compare with the complete information, and not the observed."),
            (
                [_PAIR[0], _PAIR[1], _PAIR[0], 0.9],
                "What is missing is what labels would tell you: use the complete information.",
            ),
        ),
        "What is observed is the complete less the missing. Which entry of which inverse is it?",
        rtol=2e-2,
    ),
    "interval": Exercise(
        _interval(1.96**2 / 2),
        (
            (_parabola(1.96), "That is the parabola's interval. Look at the curve itself."),
            (_interval(1.96**2), "The drop of the log-likelihood is half of that."),
            (_interval(0.5), "That is one standard error's worth, about 68 per cent."),
            (_interval(1.96**2 / 2)[::-1], "Right, but give the lower end first."),
            ([0.52, 0.72], "Right so far: three digits, please."),
        ),
        "Find the maximum, then search on each side for the given drop.",
        rtol=1.5e-3,
    ),
    "ecm": Exercise(
        (-50 + np.sqrt(5400)) / 5,
        (
            (4.69, "Round, do not cut: give three digits, the last of them rounded."),
            (5.0, "That is the plain mean. The standard deviation depends on the mean, too."),
            (-(50 + np.sqrt(5400)) / 5, "A quadratic has two roots, and the mean is above zero."),
        ),
        "Set the derivative to zero and multiply by c squared times the mean's cube.",
        rtol=1e-3,
    ),
    "px": Exercise(
        [0.75, 0.5],
        (
            ([0.5, 0.75], "Which of the two uses more of what it knows?"),
            ([0.75, 0.25], "Subtract the slope of log E[w], which is E[w b]."),
            ([75.0, 50.0], "Right, but give the rates as fractions of one."),
            ([0.75, 1.0], "The mean of w is in the denominator: its slope is subtracted."),
        ),
        "Differentiate the logarithm of each map at the truth; q falls as the scale grows.",
    ),
}
