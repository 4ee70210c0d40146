"""Answers to the exercises of "Image reconstruction". Looking here spoils them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emlib.book.exercises.checking import Exercise, FunctionExercise

Array = NDArray[np.float64]

_A = np.array([[0.6, 0.2], [0.1, 0.5], [0.0, 0.1]])
_Y = np.array([7.0, 4, 1])
_C = np.array([0.5, 2.0, 0.3])
_BACK = _A.T @ (_Y / _A.sum(axis=1))


def _update(image: Any, kappa: Any, A: Any, y: Any, c: Any) -> Array:
    ratio = y / (A @ image + kappa * c)
    new: Array = image / A.sum(axis=0) * (A.T @ ratio)
    return np.append(new, kappa * (c @ ratio) / c.sum())


def _update_image_only(image: Any, kappa: Any, A: Any, y: Any, c: Any) -> Array:
    return np.append(_update(image, kappa, A, y, c)[:-1], kappa)


def _update_without_kappa(image: Any, kappa: Any, A: Any, y: Any, c: Any) -> Array:
    return _update(image, kappa, A, y, c)[:-1]


def _update_undivided(image: Any, kappa: Any, A: Any, y: Any, c: Any) -> Array:
    return _update(image, kappa, A, y, c) * np.append(A.sum(axis=0), c.sum())


def _update_kappa_undivided(image: Any, kappa: Any, A: Any, y: Any, c: Any) -> Array:
    return _update(image, kappa, A, y, c) * np.append(np.ones(len(image)), c.sum())


def _update_with_c(image: Any, kappa: Any, A: Any, y: Any, c: Any) -> Array:
    new = _update(image, 1.0, A, y, c)
    return np.append(new[:-1], kappa * new[-1])


def _update_first(image: Any, kappa: Any, A: Any, y: Any, c: Any) -> Array:
    new = _update(image, kappa, A, y, c)
    return np.roll(new, 1)


EXERCISES: dict[str, Exercise | FunctionExercise] = {
    "share": Exercise(
        np.array([2.4, 3.6, 6.0]),
        (
            (np.array([0.2, 0.3, 0.5]), "Those are the shares. How many decays is that?"),
            (
                12 * np.array([2, 3, 1]) / 6,
                "You used the probabilities alone. In which pixel does more happen?",
            ),
            (12 * np.array([1, 1, 5]) / 7, "A pixel that is hardly seen is less likely."),
            (np.array([2.0, 3.0, 5.0]), "Those are predicted counts. Share out the measured ones."),
        ),
        "Predict how many each pixel should have sent here, and share the counts in proportion.",
    ),
    "step": Exercise(
        _BACK / _A.sum(axis=0),
        (
            (_BACK, "Divide by the sensitivities, the column sums of A."),
            (_A.T @ _Y, "Divide the counts by the predicted ones before you carry them back."),
            (
                _BACK / _A.sum(axis=0).mean(),
                "Each pixel has a sensitivity of its own.",
            ),
        ),
        "Predicted counts, ratios, ratios carried back with the columns of A, sensitivities.",
        rtol=1e-3,
    ),
    "smooth": Exercise(
        np.sqrt([5.0, 45.0]),
        (
            (np.array([1.0, 9.0]), "That is without the prior, which draws the two together."),
            (np.sqrt([10.0, 90.0]), "The square of the pixel has the factor 2 beta, not beta."),
            (
                (np.sqrt(0.25 + 0.8 * np.array([1, 9])) - 0.5) / 0.4,
                "The bracket c holds the present pixel and its neighbour: here it is 10.",
            ),
            (
                # Where the derivatives of the log-posterior are zero, found by SciPy's fsolve.
                np.array([1.797479, 6.234132]),
                "That is where it ends. Only one step is asked for.",
            ),
        ),
        "Find the expected counts, then d, c and e: what is left of the quadratic equation?",
        rtol=1e-3,
    ),
    "background": FunctionExercise(
        _update,
        (
            (np.array([1.0, 1.0]), 2.0, _A, _Y, _C),
            (np.array([4.0, 9.0]), 0.5, _A, np.array([3.0, 0.0, 1.0]), _C),
        ),
        (
            (_update_image_only, "The image is right. kappa takes its share of the counts too."),
            (_update_without_kappa, "Return the new kappa too, at the end of the image."),
            (_update_undivided, "Divide by the sensitivities. That of kappa is the sum of c."),
            (_update_kappa_undivided, "The image is right. What is the sensitivity for kappa?"),
            (_update_with_c, "The predicted count of a line contains kappa times c, not c alone."),
            (_update_first, "The image first, and kappa at the end."),
        ),
        "If kappa were one more pixel, what would its column in A be, and its sensitivity?",
    ),
    "gamma": Exercise(
        # By BFGS on the log-posterior, in the logarithms of the pixels.
        np.array([4.474708, 3.717250, 4.474708]),
        (
            (np.array([39, 13, 39]) / 7, "That is the maximum without a prior."),
            (
                np.array([6.5, 6.0, 6.5]) / 1.5,
                "That is the image after one step. Go on until it stands still.",
            ),
            (
                # The same with 3 in place of 2 decays added.
                np.array([5.103331, 4.460005, 5.103331]),
                "The prior adds alpha - 1 decays to each pixel, not alpha.",
            ),
        ),
        "Which two numbers does the prior add, one to the expected counts, one to what they are "
        "divided by?",
    ),
    "stop": Exercise(
        28,
        (
            (29, "Close. The start is number 0."),
            (40, "That is the last iteration, if you ran 40. Judge by scan 2, not by scan 1."),
            (11, "That is where the error is smallest, and it takes the true image to know it."),
            (14, "That is where the full scan's error is smallest. Use scan 2 to judge."),
        ),
        "Compute the log-likelihood of scan 2 for every image in the trace, and take the highest.",
        rtol=0,
        atol=0.1,
    ),
    "pillar": Exercise(
        np.array([9.4, 5.4]),
        (
            (np.array([5.4, 9.4]), "The row first, then the column."),
            (np.array([10.4, 6.4]), "Rows and columns are counted from 0."),
            (np.array([9.0, 6.0]), "Is that the slowest pixel? Where is the middle of them all?"),
        ),
        "Run MLEM with pillar and times, make the image 16 rows of 16, and find the slow pixels; "
        "after too many iterations there are others.",
        rtol=0,
        atol=0.5,
    ),
    "edges": Exercise(
        29.0004,
        (
            (50.1187, "That is with black outside. What else sends light into the picture?"),
            (102.323, "That is without the sensitivities, and with black outside."),
        ),
        "Let the image be 80 by 80, and use C as the system matrix. Leave out what is never seen.",
    ),
    "incremental": Exercise(
        np.array([4174839 / 898144, 45653 / 12376, 2255039 / 483616]),
        (
            (np.array([4.5, 4.0, 4.5]), "That is the whole step of EM. Now visit both halves."),
            (
                np.array([2049 / 442, 841 / 221, 155 / 34]),
                "That is after the first half. Visit the second too.",
            ),
            (
                np.array([4.5, 51 / 13, 59.5 / 13]),
                "You visited the first half at the start. Take an M-step with both, then visit.",
            ),
            (
                np.array([39, 13, 39]) / 7,
                "That is where it ends. What is the image after one pass?",
            ),
        ),
        "An M-step with both. Then replace the first half's expected counts, and take an M-step "
        "with both again; then the second's.",
    ),
}
