"""Answers to the exercises of "How many components?". Looking here spoils them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import xlogy
from scipy.stats import multivariate_normal

from emlib.book.exercises.checking import Exercise, FunctionExercise, Verdict
from emlib.datasets import load_faithful

Array = NDArray[np.float64]


@dataclass(frozen=True)
class NumberFunction(FunctionExercise):
    """A function whose value is one number; a list or an array of one is taken for it."""

    def grade(self, given: Any) -> Verdict:
        """Compare what `given` returns, without the brackets around a single number."""
        if not callable(given):
            return super().grade(given)

        def unwrapped(*args: Any) -> Any:
            value = given(*args)
            single = isinstance(value, list | np.ndarray) and np.size(value) == 1
            return np.ravel(value)[0] if single else value

        return super().grade(unwrapped)


# Old Faithful, three components with one covariance: an independent EM from 120 starts.
WEIGHTS = np.array([0.3563781230, 0.1686067151, 0.4750151619])
MEANS = np.array(
    [[2.0376147478, 54.4912851379], [3.7977599657, 77.4688773678], [4.4657394260, 80.8727532332]]
)
COVARIANCE = np.array([[0.0779753741, 0.4701587211], [0.4701587211, 33.6720454032]])
PAIRS = ((0, 1), (0, 2), (1, 2))


def _responsibilities() -> Array:
    x = load_faithful().values
    densities = [multivariate_normal(mean, COVARIANCE).pdf(x) for mean in MEANS]
    joint = WEIGHTS * np.column_stack(densities)
    return np.asarray(joint / joint.sum(axis=1, keepdims=True))


def _entropy(r: Array) -> float:
    return -float(xlogy(r, r).sum())


def _merged_entropies() -> Array:
    r = _responsibilities()
    merged = [np.column_stack([r[:, i] + r[:, j], r[:, 3 - i - j]]) for i, j in PAIRS]
    return np.array([_entropy(m) for m in merged])


_LEFT = _merged_entropies()
_FALLS = _entropy(_responsibilities()) - _LEFT


def _icl(log_likelihood: float, p: int, r: Array) -> float:
    sure = np.log(r.max(axis=1)).sum()
    return float(-2 * log_likelihood + p * np.log(len(r)) - 2 * sure)


def _icl_rewarding_doubt(log_likelihood: float, p: int, r: Array) -> float:
    bic = -2 * log_likelihood + p * np.log(len(r))
    return float(bic + 2 * np.log(r.max(axis=1)).sum())


def _icl_once(log_likelihood: float, p: int, r: Array) -> float:
    bic = -2 * log_likelihood + p * np.log(len(r))
    return float(bic - np.log(r.max(axis=1)).sum())


def _icl_with_entropy(log_likelihood: float, p: int, r: Array) -> float:
    return float(-2 * log_likelihood + p * np.log(len(r)) + 2 * _entropy(r))


def _icl_as_mclust(log_likelihood: float, p: int, r: Array) -> float:
    return -_icl(log_likelihood, p, r)


def _icl_in_nats(log_likelihood: float, p: int, r: Array) -> float:
    return -_icl(log_likelihood, p, r) / 2


def _icl_from_aic(log_likelihood: float, p: int, r: Array) -> float:
    return _icl(log_likelihood, p, r) + p * (2 - float(np.log(len(r))))


def _bic_alone(log_likelihood: float, p: int, r: Array) -> float:
    return float(-2 * log_likelihood + p * np.log(len(r)))


def _p_value(observed: float, simulated: ArrayLike) -> float:
    values = np.asarray(simulated)
    return float((1 + np.sum(values >= observed)) / (1 + len(values)))


def _p_value_without_itself(observed: float, simulated: ArrayLike) -> float:
    return float(np.mean(np.asarray(simulated) >= observed))


def _p_value_of_the_lower_tail(observed: float, simulated: ArrayLike) -> float:
    values = np.asarray(simulated)
    return float((1 + np.sum(values <= observed)) / (1 + len(values)))


def _p_value_without_ties(observed: float, simulated: ArrayLike) -> float:
    values = np.asarray(simulated)
    return float((1 + np.sum(values > observed)) / (1 + len(values)))


def _count(letters: str, k: int, d: int, shape: int | None = None) -> int:
    times = {"E": 1, "V": k, "I": 0}
    parts = (1, d - 1 if shape is None else shape, d * (d - 1) // 2)
    return sum(times[letter] * part for letter, part in zip(letters, parts, strict=True))


def _count_with_free_determinant(letters: str, k: int, d: int) -> int:
    return _count(letters, k, d, shape=d)


def _count_with_everything(letters: str, k: int, d: int) -> int:
    return k - 1 + k * d + _count(letters, k, d)


_R = np.array([[0.9, 0.1, 0.0], [0.4, 0.35, 0.25], [0.0, 0.0, 1.0], [0.2, 0.2, 0.6]])
_SIMULATED = np.array([0.3, 4.0, 7.5, 7.5, 9.1, 1.2, 0.0, 2.2, 3.3])
_MODELS = [
    "EII",
    "VII",
    "EEI",
    "VEI",
    "EVI",
    "VVI",
    "EEE",
    "VEE",
    "EVE",
    "VVE",
    "EEV",
    "VEV",
    "EVV",
    "VVV",
]

_FINER = "Near. Take midpoints of cells, at least 200 in each direction: the band is narrow."

EXERCISES = {
    "families": Exercise(
        [29, 17, 20, 14],
        (
            ([30, 18, 21, 15], "Three weights are not three free numbers: they sum to one."),
            ([27, 15, 18, 12], "The weights are parameters too."),
            ([38, 20, 20, 14], "A covariance matrix is symmetric: how many entries are free?"),
            ([18, 6, 9, 3], "Those are the covariances alone. Add weights and means."),
        ),
        "Count weights, means and covariances one after the other, and ask which are free.",
        rtol=0,
    ),
    "choose": Exercise(
        [3, 2],
        (
            ([4, 4], "That is the highest likelihood, which always takes the most."),
            ([2, 3], "The other way round: at N = 100, which of the two charges more?"),
            ([3, 3], "Look at BIC again: the step from 2 to 3 gains 5. What does it cost?"),
            ([2, 2], "Look at AIC again: what does a step cost, and what does each one gain?"),
            ([4, 2], "Look at AIC again: the last step gains less than it costs."),
        ),
        "Count the parameters for each K, then put the numbers into the formulas.",
        rtol=0,
    ),
    "price": Exercise(
        [3 * np.log(272), 6.0],
        (
            ([17.0, 6.0], "Right as far as it goes: give one decimal."),
            ([12 * np.log(272) / 4 / np.log(10), 6.0], "Take the natural logarithm."),
            ([6 * np.log(272), 12.0], "The log-likelihood is doubled in both criteria."),
            ([6 * np.log(272), 6.0], "AIC is right. In BIC, too, the log-likelihood is doubled."),
            ([1.5 * np.log(272), 3.0], "That is for one feature. Count again for two."),
            ([2.5 * np.log(272), 5.0], "The new component's weight is a parameter too."),
            ([6.0, 3 * np.log(272)], "The other way round: BIC first."),
            ([3.5 * np.log(272), 7.0], "A symmetric matrix of two rows has three free entries."),
        ),
        "How many parameters does one more component bring?",
    ),
    "icl": NumberFunction(
        _icl,
        ((-100.0, 8, _R), (-20.5, 2, np.ones((7, 1)))),
        (
            (_icl_rewarding_doubt, "Unsure labels must make it larger, and yours make it smaller."),
            (_icl_once, "BIC is on the scale of twice the log-likelihood; so is the rest."),
            (_icl_with_entropy, "That uses the entropy; here each point has one label."),
            (_bic_alone, "That is BIC. What do unsure labels cost?"),
            (_icl_as_mclust, "That is mclust's sign: here the lower value wins."),
            (_icl_in_nats, "That is half of it, with the other sign: multiply by -2."),
            (_icl_from_aic, "That starts from AIC; ICL starts from BIC."),
        ),
        "With one component all labels are sure, and it must equal BIC.",
    ),
    "pvalue": NumberFunction(
        _p_value,
        ((7.5, _SIMULATED), (20.0, _SIMULATED), (2.0, _SIMULATED)),
        (
            (_p_value_without_itself, "The observed statistic counts as one of them."),
            (_p_value_of_the_lower_tail, "Large values speak against the smaller model."),
            (_p_value_without_ties, "At least as large: equal values count."),
        ),
        "An observed value above all nine simulated ones must give one tenth.",
    ),
    "letters": FunctionExercise(
        _count,
        tuple((letters, k, d) for letters in _MODELS for k, d in ((1, 2), (3, 3), (4, 2))),
        (
            (_count_with_free_determinant, "The shape has determinant 1: one number less."),
            (_count_with_everything, "Only the covariances are asked for."),
        ),
        "How many free numbers has each of the three parts, and how often is it paid for?",
    ),
    "merge": Exercise(
        _FALLS,
        (
            (_LEFT, "Those are the entropies that are left. By how much did they fall?"),
            (-_FALLS, "A fall is positive: the entropy before less the one after."),
            (_FALLS[::-1], "The order asked for is (1, 2), (1, 3), (2, 3)."),
            ([0.5, 0.0, 42.0], "Right as far as it goes: give one decimal."),
        ),
        "Add the two columns of responsibilities, and compare entropies before and after.",
        rtol=0,
        atol=0.15,
    ),
    "sign": Exercise(
        [-1, 1],
        (
            ([1, -1], "The other way round: what does a missed maximum do to each statistic?"),
            ([1, 1], "One of them lowers the simulated statistics. Which?"),
            ([-1, -1], "One of them raises the simulated statistics. Which?"),
        ),
        "Write down the statistic, and ask what happens to it if one of its terms is too low.",
        rtol=0,
    ),
    "surface": Exercise(
        0.4082,
        (
            (-0.4082, "A fall is positive."),
            (1.0, "That is BIC's price. Compute the integral on a grid."),
            (0.5, "That is the limit for ever larger N. Compute it between these two."),
            (0.94, "That is the fall per factor of ten: divide by log 10."),
            *((coarse, _FINER) for coarse in (0.346, 0.357, 0.385, 0.398, 0.420, 0.442)),
            (1.88, "That is the whole fall: divide by the difference of the log N."),
        ),
        "At each w and mu the divergence is an integral over x; check that it is 0 at w = 0.",
        rtol=0,
        atol=6e-3,
    ),
}
