"""Answers to the exercises of "Text". Looking here spoils them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from emlib.book.exercises.checking import Exercise, FunctionExercise

Array = NDArray[np.float64]


def _links(theta: Any, f: Any, e: Any) -> Array:
    """Probability of each English word (columns) from each foreign one of its sentence (rows)."""
    table: Array = np.asarray(theta)[np.ix_(f, e)]
    return table


def _confidence(theta: Any, f: Any, e: Any) -> float:
    p = _links(theta, f, e)
    return float(np.prod(p.max(axis=0) / p.sum(axis=0)))


def _best_joint(theta: Any, f: Any, e: Any) -> float:
    return float(np.prod(_links(theta, f, e).max(axis=0) / len(f)))


def _best_translation(theta: Any, f: Any, e: Any) -> float:
    return float(np.prod(_links(theta, f, e).max(axis=0)))


def _wrong_way_round(theta: Any, f: Any, e: Any) -> float:
    p = _links(theta, f, e)
    return float(np.prod(p.max(axis=1) / p.sum(axis=1)))


def _merged(theta: Any, f: Any, e: Any) -> float:
    p = np.asarray(theta)[:, e] * np.bincount(f, minlength=len(theta))[:, None]
    return float(np.prod(p.max(axis=0) / p.sum(axis=0)))


def _mean_link(theta: Any, f: Any, e: Any) -> float:
    p = _links(theta, f, e)
    return float(np.mean(p.max(axis=0) / p.sum(axis=0)))


def _least_link(theta: Any, f: Any, e: Any) -> float:
    p = _links(theta, f, e)
    return float(np.min(p.max(axis=0) / p.sum(axis=0)))


def _r(theta: Any, X: Any, allowed: Any, axis: int = 1) -> Array:
    log_joint = np.log(theta[0]) + X @ np.log(theta[1]).T
    r: Array = softmax(np.where(allowed, log_joint, -np.inf), axis=axis)
    return r


def _sums(r: Array, X: Any) -> Array:
    return np.column_stack([r.sum(axis=0), r.T @ X])


def _weighted(theta: Any, X: Any, allowed: Any, w: Any) -> Array:
    return _sums(w[:, None] * _r(theta, X, allowed), X)


def _unweighted(theta: Any, X: Any, allowed: Any, w: Any) -> Array:
    return _weighted(theta, X, allowed, np.ones_like(w))


def _not_clamped(theta: Any, X: Any, allowed: Any, w: Any) -> Array:
    return _sums(w[:, None] * _r(theta, X, np.ones_like(allowed)), X)


def _words_only(theta: Any, X: Any, allowed: Any, w: Any) -> Array:
    r = _r(theta, X, allowed)
    return np.column_stack([r.sum(axis=0), (w[:, None] * r).T @ X])


def _weighted_words(theta: Any, X: Any, allowed: Any, w: Any) -> Array:
    return _sums(w[:, None] * _r(theta, w[:, None] * X, allowed), X)


def _shares(theta: Any, X: Any, allowed: Any, w: Any) -> Array:
    sums = _weighted(theta, X, allowed, w)
    sums[:, 0] /= sums[:, 0].sum()
    sums[:, 1:] /= sums[:, 1:].sum(axis=1, keepdims=True)
    return sums


def _turned(theta: Any, X: Any, allowed: Any, w: Any) -> Array:
    return _weighted(theta, X, allowed, w).T


_THETA = np.array(
    [[0.7, 0.1, 0.1, 0.1], [0.2, 0.5, 0.2, 0.1], [0.1, 0.1, 0.6, 0.2], [0.25, 0.3, 0.15, 0.3]]
)
_NB = (np.array([0.4, 0.6]), np.array([[0.5, 0.2, 0.2, 0.1], [0.2, 0.3, 0.1, 0.4]]))
_X = np.array([[2.0, 0, 1, 0], [0, 1, 0, 3], [1, 1, 0, 0], [0, 2, 1, 0]])
_ALLOWED = np.array([[True, False], [False, True], [True, True], [True, True]])
# So long that its probability is zero to a computer.
_LONG = np.array([[800.0, 500, 300, 400], [1, 0, 0, 1], [0, 3, 1, 1]])
_HALF = np.array([3.25, 0.5, 2.5])

EXERCISES: dict[str, Exercise | FunctionExercise] = {
    "house": Exercise(
        22 / 29,
        (
            (7 / 29, "That is the probability that it comes from das."),
            (4 / 7, "That is an entry of the table. Bayes' rule divides by the sum over das, too."),
            (0.5, "That is what the first iteration began with."),
            (2 / 3, "That is one iteration earlier."),
            (2 / 7, "The joint probability still has to be divided by that of house."),
        ),
        "Which German words can house come from? Compare how probable each of them makes house.",
        rtol=2e-3,
    ),
    "half": Exercise(
        (_HALF + 1) / (_HALF + 1).sum(),
        (
            (_HALF / _HALF.sum(), "That is without the prior: every word is seen once more."),
            (np.array([4, 1, 3]) / 8, "The unlabelled document counts too, in part."),
            (np.array([5, 3, 5]) / 13, "The unlabelled document is not all sport's."),
            (
                (_HALF + 1) / _HALF.sum(),
                "These do not sum to one: the added counts belong in the sum, too.",
            ),
            ((_HALF + 1), "Those are counts. Divide by their sum."),
            ((_HALF + 2) / (_HALF + 2).sum(), "What the prior adds is alpha minus one."),
            (
                np.array([4.75, 2.5, 4.5]) / 11.75,
                "That is the share of the other subject. Sport gets a quarter.",
            ),
        ),
        "How much of the unlabelled document does sport count, and what does the prior add?",
    ),
    "score": Exercise(
        np.array([3 / 4, 3 / 5, 1 / 3]),
        (
            (np.array([3 / 5, 3 / 4, 1 / 3]), "Precision is a share of the links the model draws."),
            (np.array([3 / 4, 3 / 5, 2 / 3]), "That is the share that agrees. What is the rest?"),
            (
                np.array([3 / 4, 3 / 5, 1 / 2]),
                "The links in both are counted among the four and among the five.",
            ),
            (np.array([3 / 4, 3 / 5, 0.325]), "Is the error rate one minus a mean of the two?"),
        ),
        "What share of the model's links is right, and what share of the annotator's is found?",
        rtol=2e-3,
    ),
    "links": FunctionExercise(
        _confidence,
        (
            (_THETA, [0, 1], [0, 1]),
            (_THETA, [3, 1, 2, 0], [2, 2, 0]),
            (_THETA, [2], [0, 3]),
            (_THETA, [0, 1, 2, 3] * 8, [3, 1, 0, 2] * 5),
        ),
        (
            (_best_joint, "That is a joint probability. The English sentence is given."),
            (_best_translation, "Divide the probabilities of each English word by their sum."),
            (_wrong_way_round, "Responsibilities sum to one over the foreign words."),
            (_merged, "That is for words. An alignment names positions, and a word may have two."),
            (_mean_link, "All links have to be right at once: multiply."),
            (_least_link, "All links have to be right at once: multiply."),
        ),
        "Begin with one English word: how probable is its best partner?",
    ),
    "null": Exercise(
        144.0,
        (
            (64.0, "That is without NULL."),
            (12.0, "That is its square root."),
            (1 / 144, "That is the probability. Give one over it."),
            (np.log(144), "That is its logarithm."),
            (144 ** (1 / 3), "That is per phrase. The product is asked for."),
        ),
        "With NULL, each German phrase has three words. Nothing else changes.",
        rtol=2e-3,
    ),
    "discount": FunctionExercise(
        _weighted,
        (
            (_NB, _X, _ALLOWED, np.array([1.0, 1, 0.25, 0.25])),
            (_NB, _LONG, np.ones((3, 2), bool), np.array([0.5, 0.1, 1])),
        ),
        (
            (_unweighted, "The weights play no part in your result."),
            (_not_clamped, "A labelled document can have its own label only: use allowed."),
            (_words_only, "The weights belong in the first column, too."),
            (_weighted_words, "The weight is not a matter of the posterior: use all of its words."),
            (_shares, "Those are shares. The statistics are sums, and the M-step divides."),
            (_turned, "One row for each component: turn the array round."),
        ),
        "Try it with all weights one: is it the E-step of the chapter? Is anything nan?",
    ),
    "discounted": Exercise(
        # By the solution, over the sixteen splits; a standard error is 0.004 and more.
        np.array([0.881, 0.556]),
        (
            ([0.856, 0.592], "That is with every document counted whole."),
            ([0.856, 0.556], "With 64 labels you counted every document whole."),
            ([0.881, 0.592], "With one label you counted every document whole."),
            ([0.888, 0.475], "That is with the labelled documents alone."),
            ([0.556, 0.881], "The mean with 64 labels first, then that with one."),
        ),
        "A labelled document has weight 1, any other 0.1. Average over the sixteen splits.",
        rtol=0,
        atol=0.01,
    ),
    "rate": Exercise(
        0.6 * np.log(2),
        (
            (6 * np.log(2), "That is the sum. The bound is one over t times it."),
            (0.3 * np.log(2), "Each phrase has two English words, and each of these counts."),
            (0.6 * np.log(4), "The logarithm is of the length of one German phrase."),
            (0.6 * np.log10(2), "The logarithm is the natural one."),
        ),
        "How many English words are there, and how many German words may each come from?",
        rtol=2e-3,
    ),
    "slow": Exercise(
        0.5,
        (
            (2.0, "That is by how much its reciprocal grows."),
            (0.0, "That is the limit of x itself."),
            (1.0, "Of which English words does ein expect a share, and do they sum to one?"),
        ),
        "Write down what ein expects of book and of a. Then look at the reciprocal.",
    ),
    "order": Exercise(
        np.array([1.0, 16.0]),
        (
            (np.array([16.0, 1.0]), "The two are in the wrong order."),
            (np.array([64.0, 64.0]), "That is Model 1. Let alpha change, too."),
            (np.array([1.0, 1.0]), "Look at the second start again: which way does it read?"),
            (np.array([0.0, np.log(16)]), "Those are logarithms."),
            (np.array([1.0, 1 / 16]), "Those are probabilities. Give one over them."),
        ),
        "Keep one more table of expected counts: position against position.",
    ),
}
