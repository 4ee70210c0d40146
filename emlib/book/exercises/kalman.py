"""Answers to the exercises of "The Kalman filter". Looking here spoils them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from emlib.book.exercises.checking import Exercise

Array = NDArray[np.float64]

_YEARS = np.arange(1871, 1971)
_TABLE = [
    [1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140],
    [995, 935, 1110, 994, 1020, 960, 1180, 799, 958, 1140],
    [1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774, 840],
    [874, 694, 940, 833, 701, 916, 692, 1020, 1050, 969],
    [831, 726, 456, 824, 702, 1120, 1100, 832, 764, 821],
    [768, 845, 864, 862, 698, 845, 744, 796, 1040, 759],
    [781, 865, 845, 944, 984, 897, 822, 1010, 771, 676],
    [649, 846, 812, 742, 801, 1040, 860, 874, 848, 890],
    [744, 749, 838, 1050, 918, 986, 797, 923, 975, 815],
    [1020, 906, 901, 1170, 912, 746, 919, 718, 714, 740],
]
_FLOW = np.ravel(_TABLE).astype(float)
_Q, _R = 1470.0, 15100.0


def _levels(a: float, q: float) -> Array:
    """The covariances of the hundred levels: the first from N(0, 1e7), then z = a z + drift."""
    variances = [1e7]
    for _ in _YEARS[1:]:
        variances.append(a**2 * variances[-1] + q)
    n = np.arange(100)
    lag = np.abs(np.subtract.outer(n, n))
    return np.asarray(a**lag * np.array(variances)[np.minimum.outer(n, n)])


def _height(a: float, q: float, r: float, x: Array) -> float:
    """The log-likelihood of the flows, as of one Gaussian."""
    flows = _levels(a, q) + r * np.eye(100)
    return float(-(np.linalg.slogdet(2 * np.pi * flows)[1] + x @ np.linalg.solve(flows, x)) / 2)


def _sd_in_1900(years: NDArray[np.bool_]) -> float:
    """The standard deviation of the level of 1900, from the flows of these years."""
    levels = _levels(1.0, _Q)
    flows = levels[np.ix_(years, years)] + _R * np.eye(years.sum())
    told = levels[29, years] @ np.linalg.solve(flows, levels[29, years])
    return float(np.sqrt(levels[29, 29] - told))


_KEPT = (_YEARS <= 1890) | ((_YEARS >= 1911) & (_YEARS <= 1930))
_GAP, _NO_GAP = _sd_in_1900(_KEPT), _sd_in_1900(_YEARS > 0)
_FILTERED = _sd_in_1900(_YEARS <= 1890)
_U = (_Q + np.sqrt(_Q**2 + 4 * _Q * _R)) / 2
_GAIN = _U / (_U + _R)
_BACK = minimize(
    lambda v: -_height(v[0], np.exp(v[1]), np.exp(v[2]), _FLOW - _FLOW.mean()),
    [0.8, np.log(4000), np.log(12000)],
    method="Nelder-Mead",
    options={"xatol": 1e-5, "fatol": 1e-7},
)
_BEFORE, _AFTER = _FLOW[_YEARS < 1899].mean(), _FLOW[_YEARS >= 1899].mean()


def _slope(q: float) -> float:
    """The derivative of the log-likelihood with respect to q."""
    flows, by_q = _levels(1.0, q) + _R * np.eye(100), _levels(1.0, 1.0) - 1e7
    told = np.linalg.solve(flows, _FLOW)
    return float(told @ by_q @ told - np.trace(np.linalg.solve(flows, by_q))) / 2


def _rate() -> float:
    """By how much a step of EM in q alone shrinks the error."""
    q = _Q
    for _ in range(50):  # Newton's steps
        curvature = (_slope(q + 1) - _slope(q - 1)) / 2
        q -= _slope(q) / curvature
    return 1 + 2 * q**2 / 99 * curvature


_RATE = _rate()


EXERCISES = {
    "gain": Exercise(
        [0.25, 975, 4125],
        (
            ([0.25, 975, 1375], "The variance left is the share 1 - g of u, not g of it."),
            ([0.75, 925, 1375], "The gain is the level's share, u / (u + r), not the noise's."),
            ([0.25, 1025, 4125], "The flow was lower than expected: look at the sign."),
            ([0.25, 975, 3000], "The drift's variance is added before you weigh."),
            (
                [4000 / 20500, 1000 - 4000 / 205, 4000 * 16500 / 20500],
                "The level drifts first: add q to its variance.",
            ),
        ),
        "Predict first: the variance grows by q. Then take the level's share of u + r.",
    ),
    "ahead": Exercise(
        np.sqrt(26500),
        (
            (26500, "That is the variance."),
            (np.sqrt(11500), "That is for the level. The flow has that year's chance as well."),
            (np.sqrt(20500), "Five drifts lie between 1970 and 1975, and their variances add."),
            (np.sqrt(28000), "Five drifts lie between 1970 and 1975, not six."),
            (np.sqrt(4000 + 25 * 1500 + 15000), "Independent drifts: their variances add."),
            (np.sqrt(4000 + 5 * 16500), "Only the drifts add up: each flow has one error."),
        ),
        "Add up the variances: of the level in 1970, of the drifts, of that year's chance.",
    ),
    "steady": Exercise(
        _GAIN,
        (
            (_U, "That is u. The gain is its share of u + r."),
            (_Q / (_Q + _R), "That is the gain if the level had been known a year ago."),
            (1 - _GAIN, "That is what is left of the prediction: the gain is the other part."),
        ),
        "In the end u = (1 - g) u + q, with g = u / (u + r): solve for u.",
    ),
    "gap": Exercise(
        _GAP,
        (
            (_GAP**2, "That is the variance."),
            (_FILTERED, "That is filtered: the years after the gap say something, too."),
            (_NO_GAP, "That is with all years: put nan into those that are taken out."),
            (
                np.sqrt(_GAP**2 + _R),
                "That is for the flow: the level's own standard deviation is asked for.",
            ),
        ),
        "Put nan into the years that are taken out, smooth, and look at the variance of 1900.",
    ),
    "coordinates": Exercise(
        [2, -1, 1, 0],
        (
            ([1, 1, 0, 1], "That is A itself."),
            ([2, 1, -1, 0], "That is the transpose: row by row."),
            ([0, 1, -1, 2], "This year's level is the first entry of the state."),
        ),
        "What are next year's two entries, in terms of this year's two?",
        atol=1e-9,
    ),
    "memory": Exercise(
        _BACK.x[0],
        (
            (0.5, "That is the start: let em run."),
            (1.0, "Is a free, and is the mean taken off the flows? Near 1 it is the random walk."),
        ),
        "a is the sum of the expected products of neighbours over that of the earlier squares.",
        rtol=0,
        atol=6e-3,
    ),
    "dam": Exercise(
        _AFTER - _BEFORE,
        (
            (_BEFORE - _AFTER, "The flow fell: look at the sign."),
            (_AFTER, "That is the level after the step: the difference is asked for."),
            (
                _FLOW[_YEARS > 1899].mean() - _FLOW[_YEARS <= 1899].mean(),
                "The year 1899 itself comes after the step.",
            ),
            (-249.9, "Not there yet: q is still falling. Where will it be, and where will delta?"),
        ),
        "With q at zero there are two levels, one before and one after: where do they go?",
    ),
    "rate": Exercise(
        _RATE,
        (
            (1 - _RATE, "That is the part that a step removes."),
            (0.974, "That is with r free: hold it."),
            (1 + (1 - _RATE), "At a maximum the second derivative is negative."),
            (1 + 2 * (_RATE - 1), "Complete data have the information (N - 1) / (2 q²)."),
        ),
        "One plus 2 q² / (N - 1) times the second derivative of the log-likelihood.",
        rtol=6e-4,
    ),
}
