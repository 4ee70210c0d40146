"""Answers to the exercises of "Mixtures in one dimension". Looking here spoils them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from emlib.book.exercises.checking import Exercise, FunctionExercise

Array = NDArray[np.float64]

# Old Faithful's waits at the maximum: weights, means, standard deviations. Found by an
# independent optimiser; R's mixtools prints the same to five digits.
WEIGHTS = np.array([0.360886, 0.639114])
MEANS = np.array([54.61486, 80.09107])
SDS = np.array([5.87122, 5.86773])
# The rates of the last challenge's lifetimes, found by SciPy's Nelder-Mead.
_RATES = np.array([0.1005769, 0.8618402])
# The two slopes of the last challenge, found by SciPy's BFGS from twenty starts.
_SLOPES = np.array([-0.4763650, 1.9559362])
# McKendrick's village: the positive counts are truncated Poisson, so their mean, 86 / 55, is
# rate / (1 - exp(-rate)); solved by bisection.
_RISK_RATE = 0.9721778549
_RISK_SHARE = 86 / 223 / _RISK_RATE

# Three points 0, 1 and 2 between components at 0 and 2: the first component's weight, mean and
# variance after the M-step. Its responsibilities are _R0, one half and 1 - _R0.
_R0 = 1 / (1 + np.exp(-2))
_MEAN = (0.5 + 2 * (1 - _R0)) / 1.5
_FIRST = np.array([0.5, _MEAN, (0.5 + 4 * (1 - _R0)) / 1.5 - _MEAN**2])


def _long(x: float, weights: Array) -> float:
    """Responsibility of the long component at `x`."""
    joint = weights * norm.pdf(x, MEANS, SDS)
    return float(joint[1] / joint.sum())


def _boundary(weights: Array) -> float:
    """Where the two are equally probable: a quadratic in x, solved between the means."""
    a = 0.5 / SDS[0] ** 2 - 0.5 / SDS[1] ** 2
    b = MEANS[1] / SDS[1] ** 2 - MEANS[0] / SDS[0] ** 2
    logs = np.log(weights / SDS)
    c = logs[1] - logs[0] + 0.5 * (MEANS[0] / SDS[0]) ** 2 - 0.5 * (MEANS[1] / SDS[1]) ** 2
    roots = np.roots([a, b, c])
    return float(roots[(roots > MEANS[0]) & (roots < MEANS[1])][0])


def _fit(r: Array, x: Array) -> Array:
    n = r.sum(axis=0)
    means = r.T @ x / n
    variances = (r * (x[:, None] - means) ** 2).sum(axis=0) / n
    return np.array([n / len(x), means, variances])


def _fit_with_sds(r: Array, x: Array) -> Array:
    weights, means, variances = _fit(r, x)
    return np.array([weights, means, np.sqrt(variances)])


def _fit_divided_by_less(r: Array, x: Array) -> Array:
    n = r.sum(axis=0)
    weights, means, variances = _fit(r, x)
    return np.array([weights, means, variances * n / (n - 1)])


def _fit_divided_by_all(r: Array, x: Array) -> Array:
    means = r.T @ x / len(x)
    variances = (r * (x[:, None] - means) ** 2).sum(axis=0) / len(x)
    return np.array([r.mean(axis=0), means, variances])


def _fit_means_first(r: Array, x: Array) -> Array:
    return _fit(r, x)[[1, 0, 2]]


def _fit_about_zero(r: Array, x: Array) -> Array:
    weights, means, variances = _fit(r, x)
    return np.array([weights, means, variances + means**2])


def _fit_about_all(r: Array, x: Array) -> Array:
    weights, means, variances = _fit(r, x)
    return np.array([weights, means, variances + (means - x.mean()) ** 2])


def _fit_with_counts(r: Array, x: Array) -> Array:
    weights, means, variances = _fit(r, x)
    return np.array([weights * len(x), means, variances])


def _with_either(limit: float, nats: float, hint: str) -> tuple[tuple[Array, str], ...]:
    """A wrong limit, with the right number of standard errors and with what follows from it."""
    return tuple((np.array([limit, errors]), hint) for errors in (6.0, np.sqrt(2 * nats)))


_X = np.array([0.5, 1.0, 2.5, 4.0, 7.0])
_R = np.array([[0.9, 0.1], [0.8, 0.2], [0.5, 0.5], [0.3, 0.7], [0.0, 1.0]])
_GAP = np.exp(2 * np.array([0.0, 1.0, 2.0]) - 2)

EXERCISES = {
    "count": Exercise(
        8,
        (
            (11, "That is with a variance for each component."),
            (9, "Four weights are not four free numbers: they must sum to one."),
            (5, "The weights are parameters too."),
            (7, "The shared variance is a parameter too."),
            (12, "One variance is shared, and the weights must sum to one."),
        ),
        "Count means, variance and weights, and ask which are free.",
        rtol=0,
    ),
    "estep": Exercise(
        1 / (1 + _GAP),
        (
            (_GAP / (1 + _GAP), "Those are the responsibilities of the second component."),
            (
                norm.pdf([0.0, 1.0, 2.0]),
                "Those are densities. Divide by the sum over both components.",
            ),
            (
                1 / (1 + _GAP**2),
                "A Gaussian density falls with *half* the squared distance, over the variance.",
            ),
            (
                np.array([1.0, 0.5, 0.0]),
                "That is a hard assignment. Even a point at one mean is in doubt: the other "
                "component has a density there too.",
            ),
            (0.5 * norm.pdf([0.0, 1.0, 2.0]), "Divide by the sum over both components."),
        ),
        "Write down both weighted densities at one point, and divide the first by their sum.",
        rtol=0,
        atol=2e-3,
    ),
    "byhand": Exercise(
        _FIRST,
        (
            (
                (0.5, _MEAN, _FIRST[2] + _MEAN**2),
                "That is the mean square. The variance is about the new mean.",
            ),
            (
                (0.5, _MEAN, np.sqrt(_FIRST[2])),
                "The third is the standard deviation. What is the variance?",
            ),
            (
                (0.5, _MEAN / 2, (0.5 + 4 * (1 - _R0)) / 3 - _MEAN**2 / 4),
                "Divide by the points that the component is expected to have, not by all three.",
            ),
            ((0.5, 2 - _MEAN, _FIRST[2]), "That is the second component."),
            ((1.5, _MEAN, _FIRST[2]), "The weight is the share of the three points."),
            ((0.5, 1 / 3, 2 / 9), "That is with hard labels, and the point at 1 split in half."),
            ((0.5, 1.0, 2 / 3), "That is the fit of all three. Weight them by responsibility."),
        ),
        "Sum the responsibilities of the first component; then sum them times the points, and "
        "times the squares of the points.",
        rtol=0,
        atol=2e-3,
    ),
    "mstep": FunctionExercise(
        _fit,
        ((_R, _X), (np.eye(2)[[0, 0, 1, 1, 1]], _X)),
        (
            (_fit_with_sds, "The third row holds standard deviations; variances were asked for."),
            (_fit_divided_by_less, "Divide by N_k: maximum likelihood takes nothing off."),
            (_fit_divided_by_all, "Divide by N_k, what the component holds, and not by N."),
            (_fit_means_first, "The order of the rows is weights, means, variances."),
            (_fit_about_all, "Measure from each component's own mean, not from that of all."),
            (_fit_about_zero, "Those are mean squares of x. Take the squared means off."),
            (_fit_with_counts, "The first row holds N_k; a weight is a share of all points."),
        ),
        "With responsibilities of 0 and 1 it must give the mean and variance of each group.",
    ),
    "predict": Exercise(
        _long(65.0, WEIGHTS),
        (
            (1 - _long(65.0, WEIGHTS), "That is the probability of the short kind."),
            (0.24, "Right as far as it goes: give three decimals."),
            (100 * _long(65.0, WEIGHTS), "That is in per cent: give a number between 0 and 1."),
            (
                _long(65.0, np.array([0.5, 0.5])),
                "You compared the densities alone: long waits are also more common.",
            ),
            (
                float(WEIGHTS[1] * norm.pdf(65.0, MEANS[1], SDS[1])),
                "That is a joint density. Divide by the sum over both kinds.",
            ),
        ),
        "It is one responsibility: weight times density, divided by the sum over both kinds.",
    ),
    "boundary": Exercise(
        _boundary(WEIGHTS),
        (
            (MEANS.mean(), "Half-way between the means: right only if both are equally common."),
            (
                float(WEIGHTS @ MEANS),
                "That is the mean of all waits: the boundary need not be there.",
            ),
        ),
        "Look for the point where both responsibilities are one half.",
        rtol=0,
        atol=0.02,
    ),
    "remaining": Exercise(
        np.array([-1018.0, 6.0]),
        (
            (
                (-1018.0, 18.0),
                "That is in nats. At how many standard errors is a parabola that low?",
            ),
            ((-1018.0, 3.0), "A standard error is where it has fallen by half a nat, not by two."),
            (
                (-1018.0, 18.0**0.5),
                "A standard error is where the parabola has fallen by half a nat, not by a whole "
                "one.",
            ),
            ((6.0, -1018.0), "The limit first, then the number of standard errors."),
            ((-1018.0, 36.0), "A parabola falls with the square of the distance: take the root."),
            *_with_either(1018.0, 18.0, "Mind the sign: the three values are negative."),
            *_with_either(18.0, 18.0, "That is what is left to gain. Where does it lead?"),
            *_with_either(
                -1012.0, 24.0, "Count the last gain once: it is already in the last value."
            ),
            *_with_either(
                -1030.0, 6.0, "The next gain is not 6 again, and it is not the last one."
            ),
            *_with_either(-1031.5, 4.5, "That is one more step. Sum the whole series."),
        ),
        "By what factor did the second gain differ from the first? Sum the series. Then: at "
        "how many standard errors from its top has a parabola fallen by that much?",
        rtol=1e-6,
    ),
    "tied": Exercise(
        # By SciPy's Nelder-Mead on the four parameters.
        5.8690914,
        (
            *(
                (rounded, "That is the common variance; the standard deviation was asked for.")
                for rounded in (34.4462, 34.446, 34.45, 34.4)
            ),
            (
                13.56996,
                "That is the spread of all waits about one mean; use each component's own.",
            ),
            (
                float(SDS.mean()),
                "That is the mean of the two separate estimates. Fit a common one.",
            ),
            *(
                (close, "Close. Give four decimals, from a fit of one variance with a small tol.")
                # of three decimals, of two fitted variances pooled, of two larger tols
                for close in (5.869, 5.86899, 5.8699, 5.8677)
            ),
        ),
        "Pool the squared distances of all points from the means of their components.",
        rtol=0,
        atol=6e-5,
    ),
    "exponential": Exercise(
        _RATES,
        (
            *(
                (lifetimes, "Those are mean lifetimes. A rate is one over the mean.")
                for lifetimes in (1 / _RATES, (1 / _RATES)[::-1])
            ),
            (_RATES[::-1], "The smaller one first."),
            (np.array([0.1, 1.0]), "Those made the data. What do the data say?"),
            (_RATES.round(2), "Right as far as it goes: give three decimals."),
        ),
        "For one group alone, the maximum is at one over the mean. Give it weights.",
    ),
    "zeros": Exercise(
        np.array([_RISK_SHARE, _RISK_RATE]),
        (
            (np.array([_RISK_RATE, _RISK_SHARE]), "The share first, then the rate."),
            (np.array([1 - _RISK_SHARE, _RISK_RATE]), "That is the share that was not at risk."),
            *(
                (np.array([number, _RISK_RATE]), "Give the share, not the number.")
                for number in (223 * _RISK_SHARE, 88.0)
            ),
            (np.array([100 * _RISK_SHARE, _RISK_RATE]), "That share is in per cent."),
            (np.array([1.0, 86 / 223]), "That is one Poisson distribution for all households."),
            (
                np.array([55 / 223, 86 / 55]),
                "You left out those that were at risk and yet had no case.",
            ),
            (np.array([0.4, 0.97]), "Right as far as it goes: give three decimals."),
        ),
        "How many of the households without a case do you expect to have been at risk?",
    ),
    "saddle": Exercise(
        -1095.29,
        (
            (1095.29, "Mind the sign: each wait has a density far below one."),
            (-1034.0, "That is the maximum, with two different components."),
            (-1095.29 / 272, "That is per point. Give the sum over all waits."),
            (-1095.0, "Right as far as it goes: give one decimal."),
        ),
        "Which single Gaussian is this mixture?",
        rtol=0,
        atol=0.06,
    ),
    "lines": Exercise(
        _SLOPES,
        (
            (_SLOPES[::-1], "The smaller one first."),
            (np.array([-0.5, 2.0]), "Those made the data. What do the data say?"),
            (_SLOPES.round(2), "Right as far as it goes: give three decimals."),
        ),
        "Weighted least squares for each line; then compare where several starts end.",
        rtol=0,
        atol=1.5e-3,
    ),
}
