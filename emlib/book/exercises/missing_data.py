"""Answers to the exercises of "Missing data". Looking here spoils them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emlib.book.exercises.checking import Exercise, FunctionExercise

Array = NDArray[np.float64]


def _row(mu: Array, sigma: Array, row: Array) -> tuple[Array, Array]:
    """The filled row, and the covariance left open."""
    s, h = ~np.isnan(row), np.isnan(row)
    b = np.linalg.solve(sigma[np.ix_(s, s)], sigma[np.ix_(s, h)]).T
    filled, left = row.copy(), np.zeros_like(sigma)
    filled[h] = mu[h] + b @ (row[s] - mu[s])
    left[np.ix_(h, h)] = sigma[np.ix_(h, h)] - b @ sigma[np.ix_(s, h)]
    return filled, left


def _statistics(mu: Array, sigma: Array, row: Array) -> Array:
    filled, left = _row(mu, sigma, row)
    return np.outer(filled, filled) + left


def _without_left(mu: Array, sigma: Array, row: Array) -> Array:
    filled, _ = _row(mu, sigma, row)
    return np.outer(filled, filled)


def _unconditional(mu: Array, sigma: Array, row: Array) -> Array:
    filled, _ = _row(mu, sigma, row)
    h = np.isnan(row)
    return np.asarray(np.outer(filled, filled) + sigma * np.outer(h, h))


def _with_means(mu: Array, sigma: Array, row: Array) -> Array:
    _, left = _row(mu, sigma, row)
    filled = np.where(np.isnan(row), mu, row)
    return np.outer(filled, filled) + left


def _total(estimates: Array, errors: Array) -> float:
    m = len(estimates)
    return float(np.sqrt(np.mean(errors**2) + (1 + 1 / m) * np.var(estimates, ddof=1)))


def _total_by_m(estimates: Array, errors: Array) -> float:
    m = len(estimates)
    return float(np.sqrt(np.mean(errors**2) + (1 + 1 / m) * np.var(estimates)))


def _within(estimates: Array, errors: Array) -> float:  # noqa: ARG001 - that is the mistake
    return float(np.sqrt(np.mean(errors**2)))


def _squared(estimates: Array, errors: Array) -> float:
    return _total(estimates, errors) ** 2


def _unsquared(estimates: Array, errors: Array) -> float:
    return _total(estimates, np.sqrt(errors))


def _no_extra(estimates: Array, errors: Array) -> float:
    return float(np.sqrt(np.mean(errors**2) + np.var(estimates, ddof=1)))


def _student(x: Array, nu: float = 4.0, steps: int = 1000) -> Array:
    mu, sigma, d = x.mean(axis=0), np.cov(x.T, ddof=0), x.shape[1]
    for _ in range(steps):
        r = x - mu
        w = (nu + d) / (nu + (r * np.linalg.solve(sigma, r.T).T).sum(axis=1))
        mu = w @ x / w.sum()
        r = x - mu
        sigma = (w[:, None] * r).T @ r / len(x)
    return np.asarray(mu)


def _student_cauchy(x: Array) -> Array:
    return _student(x, nu=1.0)


def _mean(x: Array) -> Array:
    return np.asarray(x.mean(axis=0))


def _median(x: Array) -> Array:
    return np.asarray(np.median(x, axis=0))


def _one_step(x: Array) -> Array:
    return _student(x, steps=1)


_NAN = np.nan
_MU = np.array([1.0, -1.0, 0.5])
_SIGMA = np.array([[2.0, 0.6, -0.4], [0.6, 1.5, 0.3], [-0.4, 0.3, 1.0]])
_CASES = tuple(
    (_MU, _SIGMA, np.array(row))
    for row in ([2.0, _NAN, _NAN], [_NAN, 0.5, 1.0], [0.0, 1.0, 2.0], [_NAN, _NAN, _NAN])
)
_TAILS = np.array(
    [[0.1, 0.3], [1.2, 0.9], [-0.7, -0.2], [0.4, 1.1], [-1.0, -1.3], [0.8, 0.1], [30.0, -20.0]]
)

# The table of counts with holes, at the end: by SciPy's BFGS on the log-likelihood.
_P11, _P10, _P01 = 0.4533922, 0.0531768, 0.2530299
_GIVEN_YES = _P11 / (_P11 + _P10)

EXERCISES = {
    "fill": Exercise(
        [1.0, 3.0],
        (
            ([1.0, 1.0], "The mean of a square is more than the square of the mean."),
            ([1.0, 4.0], "Add the variance that is left open once the first is known."),
            ([1.0, 2.0], "That is what is left open. Add the square of the expectation."),
            ([4 / 3, 16 / 9 + 5 / 3], "Divide by the variance of the feature that was seen."),
        ),
        "Regress the second feature on the first; then use variance and squared mean.",
    ),
    "complete": Exercise(
        1000 * 0.7**13,
        (
            (700.0, "All 13 values of a row must be there, and not only one."),
            (1000 * 0.3**13, "That counts rows of which nothing was seen."),
            (0.7**13, "That is the share. How many of the thousand rows?"),
            (10.0, "Right as far as it goes: give two digits."),
            (9.0, "You cut the decimals off. Give two digits, rounded."),
        ),
        "With what probability are all values of one row there?",
    ),
    "kinds": Exercise(
        [1, 2, 3, 3],
        (
            ([1, 2, 3, 2], "In (d) what decided is no longer in the table."),
            ([1, 2, 2, 3], "In (c) what decides is the income, which is what is missing."),
            ([1, 2, 2, 2], "In (c) and (d), is what decided in the table?"),
            ([1, 3, 3, 3], "In (b) what decided is in the table. A reason may be seen."),
            ([1, 3, 3, 2], "In (b) the first reading decided: is it in the table? And in (d)?"),
            ([2, 2, 3, 3], "In (a) no value decided, seen or not."),
        ),
        "Ask of each case: did a value decide? Is it in the table?",
        rtol=0,
    ),
    "table": Exercise(
        [0.485, 0.065, 0.175, 0.275],
        (
            ([0.4, 0.1, 2 / 15, 11 / 30], "Those are the shares you start from."),
            ([97, 13, 35, 55], "Those are the expected counts. Divide by all people."),
            ([97 / 60, 13 / 60, 35 / 60, 55 / 60], "Divide by all people, not by the sixty."),
            (
                np.array([24 + 10 + 38, 6 + 10 + 7, 8 + 15 + 38, 22 + 15 + 7]) / 200,
                "You halved every hole. Share it out in proportion to the pairs it may belong to.",
            ),
            (
                np.array([24 + 16, 6 + 4, 8 + 8, 22 + 22]) / 110,
                "Those who answered only the second question tell you something, too.",
            ),
            (
                np.array([24 + 57, 6 + 3, 8 + 19, 22 + 11]) / 150,
                "Those who answered only the first question tell you something, too.",
            ),
            ([0.485, 0.175, 0.065, 0.275], "The two in the middle are in the wrong order."),
        ),
        "Of those who said yes to the first only, what share is expected to say yes to the "
        "second, by the shares among the sixty? Go on like that, and add up.",
    ),
    "table_end": Exercise(
        _GIVEN_YES,
        (
            (0.8, "That is its share among the sixty."),
            (97 / 110, "That is after one iteration. Go on to the end."),
            (_P11, "That is the probability of both. Divide by that of yes to the first."),
            (_P11 / (_P11 + _P01), "That is yes to the first, given yes to the second."),
        ),
        "Share out the holes again, by the new shares, until nothing changes in the fourth digit.",
        rtol=2e-3,
    ),
    "row": FunctionExercise(
        _statistics,
        _CASES,
        (
            (_without_left, "That is the forgotten variance: add what is left open."),
            (_unconditional, "Add the covariance given what was seen: it is smaller."),
            (_with_means, "Fill from what was seen of the row, and not with the mean."),
        ),
        "Fill the row first, then add C where both features are holes.",
    ),
    "bounds": Exercise(
        [416.3 / 62, 608.3 / 62],
        (
            (
                [416.3 / 62, 752.3 / 62],
                "Where the total is known, slow-wave sleep is not longer.",
            ),
            (
                [416.3 / 62, 609.6 / 62],
                "For two species the dreaming is known: it takes up part of the day.",
            ),
            ([416.3 / 48, 416.3 / 48], "That is the mean of what was seen. The others may differ."),
        ),
        "Put the least that is possible, then the most, into every hole.",
        rtol=1e-3,
    ),
    "little": Exercise(
        [14.940, 35.106],
        (
            ([14.842, 34.877], "Take the covariance of maximum likelihood, with divisor N."),
            ([8.0, 14.0], "These are the degrees of freedom."),
            ([0.0603, 0.00142], "These are the p-values."),
        ),
        "Call little on the first four columns, and on all six.",
        rtol=4e-3,
    ),
    "split": Exercise(
        float(np.sqrt(3)),
        (
            (3.0, "That is the square of a."),
            (1.0, "Keep the factor 4/3: eight rows of twelve add to the products."),
        ),
        "Find the variance at which it stands still, then what becomes of a small correlation.",
    ),
    "combine": FunctionExercise(
        _total,
        (
            (np.array([1.0, 1.4, 0.9, 1.3]), np.array([0.2, 0.25, 0.22, 0.3])),
            (np.array([3.0, 5.0]), np.array([1.0, 2.0])),
        ),
        (
            (_within, "That is the error without holes. Add what the draws differ by."),
            (_total_by_m, "Divide by m - 1 in the variance between the estimates."),
            (_squared, "That is the squared error: take the root at the end."),
            (_unsquared, "The errors given are not squared yet."),
            (_no_extra, "The factor 1 + 1/m is for having only m draws."),
        ),
        "Squared errors within, the variance between, and then a root.",
    ),
    "inflated": Exercise(
        float(np.sqrt(0.36 / 0.52)),
        (
            (0.36 / 0.52, "That is the squared correlation."),
            (0.6, "The points on the line raise it."),
            (
                float(np.sqrt(0.36 / (0.36 + 0.75 * 0.64))),
                "The share in the formula is that of the rows with both.",
            ),
            (1.0, "A quarter of the rows still scatters about the line."),
        ),
        "The slope stays; the variance about the line shrinks. Then put them together.",
    ),
    "student": FunctionExercise(
        _student,
        ((_TAILS,), (_TAILS[:, ::-1] * [1.0, 3.0],)),
        (
            (_mean, "That is the mean: the far row pulls it along."),
            (_median, "The median is robust too, but it is not the maximum asked for."),
            (_one_step, "That is one step. Go on until it stands still."),
            (_student_cauchy, "Take four degrees of freedom."),
        ),
        "Weights from the distances, then a weighted mean and a scatter over N, and again.",
        rtol=1e-3,  # where EM stops by its own tolerance is good enough
        atol=1e-4,
    ),
    "intercept": Exercise(
        [37.2603, 49.5101],
        (
            ([1388.33, 2451.25], "These are the variances: take their roots."),
            ([49.5101, 37.2603], "tau is for the batches, sigma for preparations of one batch."),
            (
                [43.3426, 49.5101],
                "The batches' means differ by chance as well: take off what the preparations add.",
            ),
            ([42.0006, 49.5101], "Maximum likelihood divides the batches' squares by all six."),
            (
                [38.5573, 44.2832],
                "Each batch has its own mean: within it, divide by the number of yields less one.",
            ),
            (
                [0.0, 61.9644],
                "What the preparations leave open in each batch adds to both averages of squares.",
            ),
        ),
        "The formula needs no EM: sigma from within the batches first, then tau from their means.",
    ),
}
