"""Answers to the exercises of "Which maximum?". Looking here spoils them."""

from __future__ import annotations

import numpy as np

from emlib.book.exercises.checking import Exercise

# The k-means sum of the 272 waiting times and two means, by trying every cut of the sorted data.
INERTIA = 8855.7906977


def _bound(inertia: float, c: float = 1.0) -> float:
    return float(-272 / 2 * (np.log(2 * np.pi * inertia / 272) + 1) - 272 * np.log(c))


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
    "thick": Exercise(
        float(1.2 * np.sqrt(12) / 5),
        (
            (0.24, "A rounding error is smaller than the step: divide the step by a root."),
            (1.2 * np.sqrt(3) / 5, "The error lies within *half* a step of zero on either side."),
            (0.48, "Half a step is the largest error. Take the standard deviation."),
            (float(5 / np.sqrt(12) / 1.2), "The thickness over the error, not the error over it."),
            (float(5 / np.sqrt(12)), "That is the rounding error, in minutes."),
            (float(1.2 * np.sqrt(12)), "That is for waits in whole minutes."),
        ),
        "What is the standard deviation of an error that is uniform over one step?",
        rtol=1e-2,
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
        "What is the chance that one start misses it, and that all of them do?",
        rtol=0,
        atol=0.06,
    ),
    "ratio": Exercise(
        [0.110692, 0.000570926],
        (
            ([0.0101097, 0.0000568917], "That is in minutes. Scale both columns first."),
            ([0.0122528, 3.25957e-7], "That is the ratio of variances. Take the square root."),
            ([0.148043, 0.000701691], "Compare over all components, not within each."),
            ([9.03406, 1751.54], "The smallest over the largest: the ratio is at most 1."),
            (
                [0.129232, 0.000747378],
                "A determinant is a volume, and a thin ellipse can be large.",
            ),
            ([0.125575, 0.331464], "The diagonal is not enough: use the eigenvalues."),
            ([0.140144, 0.000363324], "That is in rounding errors. Standard units are asked for."),
            ([0.000570926, 0.110692], "Which of the two has the thin component?"),
        ),
        "All eigenvalues of all components: the smallest of them over the largest.",
        rtol=2e-2,
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
    "spot": Exercise(
        0,
        (
            (8, "Those collapse: count a fit only if its `converged_` is true."),
            (16, "Those collapse. How many of the others end above -1110?"),
            (256, "That many converge. How many of them end above -1110?"),
        ),
        "Count a fit if `converged_` is true and `result_.objective` is above -1110.",
        rtol=0,
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
