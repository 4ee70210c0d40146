"""Answers to the exercises of "Which maximum?". Looking here spoils them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emlib.book.exercises.checking import Exercise, FunctionExercise, Verdict
from emlib.datasets import load_faithful
from emlib.mixture.estimators import GaussianMixture
from emlib.results import DegenerateWarning

Array = NDArray[np.float64]

# The k-means sum of the 272 waiting times and two means, by trying every cut of the sorted data.
INERTIA = 8855.7906977


@dataclass(frozen=True)
class FindMaximum(Exercise):
    """Labels of Old Faithful's eruptions are right if EM from them ends high enough."""

    above: float = -1110.0
    known: float = -1103.5501

    def grade(self, given: Any) -> Verdict:
        """Run EM from the labels, and say what it found."""
        verdict = super().grade(given)
        labels = np.asarray(given) if not callable(given) else np.zeros(0)
        if labels.shape != np.shape(self.answer) or not np.isin(labels, (0, 1, 2)).all():
            return verdict
        if len(np.unique(labels)) < 3:
            return Verdict(False, "Not yet. Use each of the labels 0, 1 and 2.")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DegenerateWarning)
            start = np.eye(3)[labels.astype(int)]
            fit = GaussianMixture(3, responsibilities_init=start, random_state=0)
            height = fit.fit(load_faithful().values).result_.objective
        if not fit.converged_:
            return Verdict(False, "Not yet. From there EM collapses: that maximum is singular.")
        if fit.weights_.min() * len(labels) < 4:
            return Verdict(False, "Not yet. A component has fewer than four points.")
        if abs(height - self.known) < 0.01:
            return Verdict(False, "Not yet. That is the maximum of the nine on the page.")
        if height <= self.above:
            return Verdict(False, f"Not yet. EM ends at {height:.2f}: look for thinner groups.")
        return Verdict(True, "Right.")


def _labels(third: list[int]) -> NDArray[np.int64]:
    labels = np.where(load_faithful().values[:, 0] < 3.1, 0, 1)
    labels[third] = 2
    return np.asarray(labels)


def _bound(inertia: float, c: float = 1.0) -> float:
    return float(-272 / 2 * (np.log(2 * np.pi * inertia / 272) + 1) - 272 * np.log(c))


def _ratio(covariances: Array) -> float:
    values = np.linalg.eigvalsh(covariances)
    return float(np.sqrt(values.min() / values.max()))


def _ratio_of_variances(covariances: Array) -> float:
    return _ratio(covariances) ** 2


def _ratio_inside(covariances: Array) -> float:
    values = np.linalg.eigvalsh(covariances)
    return float(np.sqrt((values[:, 0] / values[:, -1]).min()))


def _ratio_of_diagonals(covariances: Array) -> float:
    values = np.diagonal(covariances, axis1=1, axis2=2)
    return float(np.sqrt(values.min() / values.max()))


def _ratio_upside_down(covariances: Array) -> float:
    return 1 / _ratio(covariances)


def _ratio_of_volumes(covariances: Array) -> float:
    values = np.linalg.det(covariances)
    return float(np.sqrt(values.min() / values.max()))


_C = np.array([[[4.0, 1.5], [1.5, 1.0]], [[0.5, 0.1], [0.1, 0.3]], [[9.0, -2.0], [-2.0, 16.0]]])
_C_3 = np.array([np.diag([1.0, 2.0, 0.5]), np.eye(3) + 0.5, np.diag([3.0, 7.0, 6.0])])

EXERCISES = {
    "points": Exercise(
        11,
        (
            (10, "Deviations from the points' own mean sum to zero: one direction is lost."),
            (55, "That is how many numbers the matrix has. A point contributes a direction."),
            (2, "Two points span a line. How many directions are needed?"),
        ),
        "Try two dimensions first: which points make an ellipse that is not a line?",
        rtol=0,
    ),
    "nats": Exercise(
        float(3 * np.log(1e4)),
        (
            (float(6 * np.log(1e4)), "A density has one over the standard deviation, a root."),
            (float(9 * np.log(1e4)), "Only the direction across the plane has no spread."),
            (3 * 4.0, "Logarithms are natural in this book: nats, not powers of ten."),
            (float(0.5 * np.log(1e4)), "That is what one point gains."),
            (float(-3 * np.log(1e4)), "A narrower density is higher: mind the sign."),
        ),
        "What does one point gain when a variance shrinks, and in how many directions does it?",
    ),
    "starts": Exercise(
        12,
        (
            (11, "Eleven starts miss it a little more often than that. Round up."),
            (3, "On average it is found once in three starts, and that is not often enough."),
            (5, "You solved for a success in every start. All of them must fail."),
            (
                float(np.log(0.01) / np.log(2 / 3)),
                "A number of starts is a whole number: round it to the safe side.",
            ),
        ),
        "All of the starts must fail, and each fails with probability two thirds.",
        rtol=0,
        atol=0.06,
    ),
    "ratio": FunctionExercise(
        _ratio,
        ((_C,), (_C_3,)),
        (
            (_ratio_of_variances, "That is the ratio of variances. Take the square root."),
            (_ratio_inside, "Compare over all components, not within each."),
            (_ratio_upside_down, "The smallest over the largest: the ratio is at most 1."),
            (_ratio_of_volumes, "A determinant is a volume, and a thin ellipse can be large."),
            (_ratio_of_diagonals, "The diagonal is not enough: use the eigenvalues."),
        ),
        "All eigenvalues of all components: the smallest of them over the largest.",
    ),
    "prior": Exercise(
        float(np.sqrt(0.2 / 18)),
        (
            (0.2 / 18, "That is the variance."),
            (float(10 * np.sqrt(0.2 / 18)), "That is in millimetres."),
            (float(np.sqrt(0.2 / 12)), "That is a component without points. This one has six."),
            (float(np.sqrt(0.2 / 6)), "The prior counts for points too: look at the denominator."),
            (float(np.sqrt(0.2 / 14)), "The denominator has D as well: there are four features."),
        ),
        "Across the hyperplane the scatter is zero. What is left above, and what below?",
    ),
    "find": FindMaximum(
        _labels([24, 63, 137, 167, 176, 199, 242, 253]),
        (
            (
                _labels([131, 140, 159, 176, 195, 197, 206, 253, 271]),
                "That is the maximum of the nine",
            ),
        ),
        "A label of 0, 1 or 2 for each of the 272 eruptions is asked for.",
    ),
    "bound": Exercise(
        [_bound(INERTIA), _bound(INERTIA, 0.1)],
        (
            ([_bound(INERTIA, 0.1), _bound(INERTIA)], "The tied form first, then c = 0.1."),
            ([-860.0, -233.0], "Right as far as it goes: give one decimal."),
            ([_bound(272 * 184.1438), _bound(272 * 184.1438, 0.1)], "Take the best two means."),
            ([-_bound(INERTIA), -_bound(INERTIA, 0.1)], "Mind the sign in front of N / 2."),
            (
                [_bound(INERTIA) + 136, _bound(INERTIA, 0.1) + 136],
                "The 1 in the bracket is missing.",
            ),
            ([_bound(INERTIA), _bound(INERTIA, 10)], "A smaller c loosens the bound."),
            (
                [_bound(8901.768721), _bound(8901.768721, 0.1)],
                "That sum is of both columns. Take the waiting times alone.",
            ),
        ),
        "Find the best cut of the sorted waits, and put its sum of squares into the formula.",
        rtol=0,
        atol=0.06,
    ),
}
