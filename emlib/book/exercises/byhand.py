"""Answers to the exercises of "EM by hand". Looking here spoils them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from emlib.book.exercises.checking import Exercise, FunctionExercise

Array = NDArray[np.float64]

_X, _START = np.array([5.0, 9, 8, 4, 7]), np.array([0.6, 0.5])
_M = np.full(5, 10.0)
_ODDS = 1.2**6 * 0.8**4


def _log_joint(theta: Any, x: Any, m: Any) -> Array:
    log_joint: Array = np.outer(x, np.log(theta)) + np.outer(m - x, np.log1p(-theta))
    return log_joint


def _sums(r: Array, x: Any, m: Any) -> Array:
    return np.array([r.T @ x, r.T @ (m - x)])


def _counts(theta: Any, x: Any, m: Any) -> Array:
    return _sums(softmax(_log_joint(theta, x, m), axis=1), x, m)


def _counts_over_sets(theta: Any, x: Any, m: Any) -> Array:
    return _sums(softmax(_log_joint(theta, x, m), axis=0), x, m)


def _counts_hard(theta: Any, x: Any, m: Any) -> Array:
    return _sums(np.eye(len(theta))[_log_joint(theta, x, m).argmax(axis=1)], x, m)


def _counts_not_divided(theta: Any, x: Any, m: Any) -> Array:
    return _sums(np.exp(_log_joint(theta, x, m)), x, m)


def _counts_heads_only(theta: Any, x: Any, m: Any) -> Array:
    return _sums(softmax(np.outer(x, np.log(theta)), axis=1), x, m)


def _counts_with_tosses(theta: Any, x: Any, m: Any) -> Array:
    heads, tails = _counts(theta, x, m)
    return np.array([heads, heads + tails])


def _counts_turned(theta: Any, x: Any, m: Any) -> Array:
    return _counts(theta, x, m).T


def _map(a: float, b: float) -> Array:
    """The biases after one iteration with a Beta(a, b) prior on each."""
    heads, tails = _counts(_START, _X, _M)
    biases: Array = (heads + a - 1) / (heads + tails + a + b - 2)
    return biases


def _map_end(a: float, b: float) -> Array:
    theta = _START
    for _ in range(500):
        heads, tails = _counts(theta, _X, _M)
        theta = (heads + a - 1) / (heads + tails + a + b - 2)
    return theta


# Three sets with 8, 6 and 3 heads, A's with probability 1, 0.6 and 0: soft, then hard
_SOFT, _HARD = (11.6 / 16, 5.4 / 14), (14 / 20, 3 / 10)

# The blood groups: shares of the genes A, B and O. First with the mistakes in the first iteration.
_AA, _BB = 186 * 0.3 / 1.3, 38 * 0.2 / 1.2


def _genes(aa: float, bb: float) -> Array:
    """The shares if so many of the two groups are AA and BB."""
    counts = [186 + aa + 13, 38 + bb + 13, 186 - aa + 38 - bb + 2 * 284]
    return np.array(counts) / (2 * 521)


_GENES = _genes(_AA, _BB)
_GENES_ALIKE = _genes(186 * 0.3 / 0.8, 38 * 0.2 / 0.7)
_GENES_HALVED = _genes(186 / 2, 38 / 2)
_GENES_ONCE = np.array([186 + 13, 38 + 13, 186 - _AA + 38 - _BB + 284]) / 521
# By Nelder-Mead on the log-likelihood; Lange prints the first four decimals.
_GENES_END = np.array([0.2135909, 0.0501453, 0.7362637])

_THREE = np.array([0.2, 0.5, 0.9])
_P = _X.sum() / _M.sum()
_DRIFT = np.sum((_X - 10 * _P) ** 2) / (5 * 10 * _P * (1 - _P))

EXERCISES: dict[str, Exercise | FunctionExercise] = {
    "six": Exercise(
        _ODDS / (1 + _ODDS),
        (
            (_ODDS, "Those are the odds. What probability do they belong to?"),
            (1 / (1 + _ODDS), "That is the probability of coin B."),
            (0.5, "That is what you knew before you saw the tosses."),
            (55.0, "That is in per cent. Give a probability between 0 and 1."),
            (0.5 * 0.6**6 * 0.4**4, "That is a joint probability. Divide by the sum over coins."),
            (1.2**6 / (1 + 1.2**6), "The tails tell you something about the coin too."),
        ),
        "Begin with the odds of set 1. What does one more head in place of a tail do to them?",
        rtol=2e-3,
    ),
    "mstep": Exercise(
        np.array([*_SOFT, *_HARD]),
        (
            ((*_SOFT[::-1], *_HARD[::-1]), "The two are in the wrong order."),
            ((*_HARD, *_SOFT), "The fractions first, then the whole sets."),
            (
                (11.6 / 20, 5.4 / 20, *_HARD),
                "A coin that expects a part of a set expects only that part of its tosses.",
            ),
            (
                (11.6 / 30, 5.4 / 30, *_HARD),
                "Divide by the coin's own tosses, not by all of them.",
            ),
            (
                (11 / 15, 6 / 15, *_HARD),
                "The second set is A's with probability 0.6, not with one half.",
            ),
            ((10.4 / 14, 6.6 / 16, *_HARD), "You exchanged 0.6 and 0.4: which is A's?"),
            ((*_HARD, *_HARD), "In the first two the second set is shared between the coins."),
            ((*_SOFT, *_SOFT), "In the last two each set goes whole to one coin."),
            (
                (*_SOFT, 8 / 10, 9 / 20),
                "Hard EM gives a set to the coin that is more probable: whose is the second?",
            ),
            (
                (*_SOFT, 8 / 10, 3 / 10),
                "Hard EM does not leave out the set that is in doubt: it gives it to one coin.",
            ),
            ((0.73, 0.39, *_HARD), "Right as far as it goes: give three digits."),
            ((*_SOFT, 14 / 30, 3 / 30), "Divide by the coin's own tosses, not by all of them."),
        ),
        "Write down each coin's expected heads and expected tails, and check that they make 30. "
        "Then do it again, with every set given to one coin.",
        rtol=2e-3,
    ),
    "counts": FunctionExercise(
        _counts,
        (
            (_START, _X, _M),
            (_THREE, np.array([3.0, 8, 12, 0]), np.array([10.0, 10, 14, 6])),
            (_THREE, np.array([1400.0, 2]), np.array([3000.0, 5])),
        ),
        (
            (_counts_over_sets, "Your posteriors sum to one over the sets. Over what should they?"),
            (_counts_hard, "You gave each set to one coin. Share it, by the posterior."),
            (_counts_not_divided, "Divide the joint probabilities of each set by their sum."),
            (_counts_heads_only, "The tails tell you something about the coin too."),
            (_counts_with_tosses, "The second row holds tosses; tails were asked for."),
            (_counts_turned, "Heads in the first row, tails in the second: turn the array round."),
        ),
        "Try the five sets and compare with the chapter. If that is right, try a set of 3000: "
        "is the result nan?",
    ),
    "map": Exercise(
        _map(2, 2),
        (
            (_map(1, 1), "That is the M-step without a prior."),
            (_map(3, 3), "A Beta(a, b) prior adds a - 1 heads and b - 1 tails, not a and b."),
            (_map(2, 2)[::-1], "The two are in the wrong order."),
            (_map(2, 1), "The prior adds tails too."),
        ),
        "Which pseudo-counts does the prior add to the expected heads and tails of each coin?",
        rtol=2e-3,
    ),
    "map_end": Exercise(
        _map_end(2, 2),
        (
            (_map(2, 2), "That is after one iteration. Let EM run to the end."),
            (_map_end(1, 1), "That is the end without a prior."),
            (_map_end(3, 3), "A Beta(a, b) prior adds a - 1 heads and b - 1 tails, not a and b."),
            (_map_end(2, 2)[::-1], "The two are in the wrong order."),
            (np.round(_map_end(2, 2), 2), "Right as far as it goes: give three digits."),
        ),
        "Give em your M-step and the log-prior, and print result.params.",
        rtol=2e-3,
    ),
    "weights": Exercise(
        # By Nelder-Mead on the log-likelihood of the three parameters.
        np.array([0.7933676, 0.5139166, 0.5227513]),
        (
            (
                np.array([0.7967891, 0.5195831, 0.5]),
                "That is the fit with equal weights. Estimate the weight too.",
            ),
            (
                np.array([0.5139166, 0.7933676, 0.4772487]),
                "That is the mirrored fit: A was to be the coin with the larger bias.",
            ),
            (
                np.array([0.7933676, 0.5139166, 0.4772487]),
                "The weight is coin B's.",
            ),
            (
                np.array([0.5139166, 0.7933676, 0.5227513]),
                "A is to be the coin with the larger bias.",
            ),
            (np.array([0.79, 0.51, 0.52]), "Right as far as it goes: give three digits."),
        ),
        "In the E-step the weights go in front of the two powers. In the M-step a weight is "
        "the expected share of the sets. Then run until nothing changes in the fourth digit.",
        rtol=2e-3,
    ),
    "blood": Exercise(
        _GENES,
        (
            (2 * _GENES, "Every person has two genes: divide by twice the number of people."),
            (_GENES_ALIKE, "AO comes about in two ways: the O from one parent, or from the other."),
            (_GENES_HALVED, "The two kinds in a group are not equally probable. See their odds."),
            (_GENES_ONCE, "In AA there are two genes A, and in OO two genes O."),
            (_GENES_END, "That is the end. What comes out of the first iteration?"),
            (np.array([0.3, 0.2, 0.5]), "That is the start."),
        ),
        "Share out the two groups that come about in two ways, then count the genes of each kind. "
        "The three shares must sum to one.",
        rtol=0,
        atol=1e-3,
    ),
    "blood_end": Exercise(
        _GENES_END,
        (
            (_GENES, "That is after one iteration. Go on to the end."),
            (np.array([0.2160, 0.0503, 0.7337]), "That is after two iterations. Go on to the end."),
        ),
        "Give em your two steps. If the first iteration was right, so is the rest.",
        rtol=0,
        atol=1e-3,
    ),
    "drift": Exercise(
        _DRIFT,
        (
            (1 / _DRIFT, "That is one over it."),
            (_DRIFT * 5 / 4, "Divide by N, not by N - 1."),
            (_DRIFT * 10, "The variance of ten tosses is ten times that of one."),
            (np.sqrt(_DRIFT), "That is its root: variances are compared."),
            (_DRIFT * 5, "Divide by the number of sets."),
        ),
        "Compute the squared distances of the five counts from their mean, and add them.",
    ),
    "ridge": Exercise(
        1.32,
        (
            (0.66, "That is the average of the two biases. What is their sum?"),
            (1.1, "That is the sum at the first start."),
            (1.0, "That is the sum at the second start."),
        ),
        "What is the probability that a toss is heads, if the coin was taken at random?",
        rtol=1e-4,
    ),
    "many": Exercise(
        # By 10 000 records of each kind; a thousand have a standard error of 0.01 to 0.02.
        np.array([0.67, 0.947]),
        (
            (np.array([0.947, 0.67]), "The two are in the wrong order."),
            (np.array([65.0, 95.0]), "That is in per cent. Give shares between 0 and 1."),
            (np.array([70.0, 95.0]), "That is in per cent. Give shares between 0 and 1."),
            (
                np.array([0.6, 0.95]),
                "A little low. Is the limit the 95 per cent quantile of 20-set records, and are "
                "there 2000 of them?",
            ),
            (np.array([0.33, 0.053]), "Those are the shares in which it is not seen."),
        ),
        "The limit comes from records made with one coin, by np.quantile(gains, 0.95), and anew "
        "for each number of sets.",
        rtol=0,
        atol=0.05,
    ),
    "rounded": Exercise(
        # By Nelder-Mead on the log-likelihood of the rounded lengths.
        np.array([11.1489247, 0.6616729]),
        (
            (np.array([11.1480591, 0.5804796]), "That is with squares of expected lengths."),
            (np.array([11.15, 0.7262920]), "That takes the written lengths for the true ones."),
            (np.array([11.1489247, 0.4378110]), "The second number is the variance."),
            (np.array([11.0, 0.66]), "Right as far as it goes: give three digits."),
        ),
        "The E-step needs the mean and the variance of a Gaussian that is cut off at half a "
        "centimetre on both sides; expected square = variance + mean squared.",
        rtol=5e-3,
    ),
    "classes": Exercise(
        # By SciPy's BFGS from five starts; the log-likelihood, -504.4677, is as in the
        # documentation of the R package poLCA.
        np.array([0.2792461, 2.7199219]),
        (
            (np.array([0.7207539, 2.7199219]), "That is the share of the larger class."),
            (np.array([0.5, 81.0842312]), "Both classes are alike: start from two different ones."),
            (np.array([0.2792461, 1.3599609]), "The deviance has a factor of two."),
            (np.array([27.92461, 2.7199219]), "That is in per cent. Give a share between 0 and 1."),
            (np.array([0.28, 2.7]), "Right as far as it goes: give three digits."),
        ),
        "Each pattern's posterior counts as often as people gave the pattern. Expected counts "
        "are 216 times the probabilities of the patterns.",
        rtol=2e-3,
    ),
}
