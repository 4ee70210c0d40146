"""Answers to the exercises of "Hidden Markov models". Looking here spoils them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emlib.book.exercises.checking import Exercise, FunctionExercise

Array = NDArray[np.float64]


def _filter(start: Array, transmat: Array, b: Array) -> Array:
    """Filtered probabilities; the argument `start` is the prediction for the first point."""
    alpha, predicted = np.empty_like(b), start
    for n, seen in enumerate(b):
        alpha[n] = predicted * seen / (predicted @ seen)
        predicted = alpha[n] @ transmat
    return alpha


def _filter_moved(start: Array, transmat: Array, b: Array) -> Array:
    return _filter(start @ transmat, transmat, b)


def _filter_transposed(start: Array, transmat: Array, b: Array) -> Array:
    alpha, predicted = np.empty_like(b), start
    for n, seen in enumerate(b):
        alpha[n] = predicted * seen / (predicted @ seen)
        predicted = transmat @ alpha[n]
    return alpha


def _filter_unscaled(start: Array, transmat: Array, b: Array) -> Array:
    joint, predicted = np.empty_like(b), start
    for n, seen in enumerate(b):
        joint[n] = predicted * seen
        predicted = joint[n] @ transmat
    return joint


def _predictions(start: Array, transmat: Array, b: Array) -> Array:
    return np.vstack([start, _filter(start, transmat, b)[:-1] @ transmat])


def _smoothed(start: Array, transmat: Array, b: Array) -> Array:
    r = _filter(start, transmat, b)
    beta = np.ones(len(start))
    for n in range(len(b) - 2, -1, -1):
        beta = transmat @ (b[n + 1] * beta)
        beta = beta / beta.sum()
        r[n] *= beta / (r[n] @ beta)
    return r


_START = np.array([0.6, 0.3, 0.1])
_MOVES = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.0, 0.7]])
_SEEN = np.array([[0.5, 0.1, 0.2], [0.1, 0.4, 0.3], [0.2, 0.2, 0.9], [0.6, 0.1, 0.1]])
_LONG = np.tile(_SEEN, (500, 1))  # products of so many densities are zero

# Iterations of pi from even odds, with g from the three-state fit: a power of their ratio.
CORNER = 4

EXERCISES = {
    "stay": Exercise(
        20.0,
        (
            (19.0, "That leaves out the year in which the chain arrived."),
            (0.95, "That is the chance of staying one more year."),
            (1 / 0.95, "Divide by the chance of leaving, not of staying."),
            (
                np.log(0.5) / np.log(0.95),
                "That is the median, for continuous time. What is asked for?",
            ),
        ),
        "A visit ends each year with the same probability. What is the mean of its length?",
    ),
    "tomorrow": Exercise(
        0.6573400284,
        (
            (0.6533429, "That is the probability of rain. And the umbrella?"),
            (0.8183499, "You did not move from day 2 to day 3 before you looked."),
            (0.6391, "That is what day 1 said about day 2."),
            (0.55, "That is for a day about which nothing is known."),
        ),
        "Move the belief by one day, then add over rain and dry.",
        rtol=0,
        atol=6e-4,
    ),
    "best": Exercise(
        0.02916 / 0.091045,
        (
            (0.3, "Right as far as it goes: give three decimals."),
            (0.02916, "That is together with what was seen. Divide by the sum over all paths."),
            (0.091045, "That is the sum over all paths, the likelihood."),
            (0.019845 / 0.091045, "That is the share of three days of rain. One path has more."),
            (0.02916 / (0.02916 + 0.01512), "Divide by the sum over all eight paths."),
            (0.388, "That multiplies what is known about each day. The days depend on each other."),
            (0.490, "That multiplies the filtered probabilities. Multiply along the path."),
            (0.045, "That is before you looked: multiply by what you see as well."),
        ),
        "Start, see, move, see, move, see: one product for each of the eight paths.",
        rtol=0,
        atol=6e-4,
    ),
    "told": Exercise(
        0.946440,
        (
            (0.883357, "That is what the two umbrellas say. The news of day 3 says more."),
            (0.764465, "That is if day 3 is known to be dry."),
            (0.927247, "That is for an umbrella on day 3. You know more than that: it rains."),
            (0.653343, "That is rain on day 3, before the news."),
            (0.899412, "That is rain on day 1."),
            (0.618350, "Divide by the sum over rain and dry."),
            (0.7, "That leaves out the umbrellas of days 1 and 2."),
        ),
        "How probable is the news of day 3 after a rainy day 2, and after a dry one?",
        rtol=0,
        atol=6e-4,
    ),
    "step": Exercise(
        # Paths 0.0315, 0.108, 0.003 and 0.056.
        [0.1395 / 0.1985, 0.0315 / 0.1395, 0.056 / 0.059],
        (
            (
                [0.1395 / 0.1985, 0.0315 / 0.1985, 0.056 / 0.1985],
                "Those are expected moves. Divide each by all moves from the same state.",
            ),
            (
                [9 / 11, 0.0315 / 0.1395, 0.056 / 0.059],
                "The first is filtered, not smoothed: day 2 says something about day 1 as well.",
            ),
            (
                [0.1395 / 0.1985, 0.108 / 0.1395, 0.003 / 0.059],
                "Those are the moves from one state to the other.",
            ),
            (
                [0.1395 / 0.1985, 0.0315 / 0.0345, 0.056 / 0.164],
                "You divided by the moves to a state. Divide by those from it.",
            ),
            (
                [0.1395 / 0.1985, 0.108 / 0.1395, 0.056 / 0.059],
                "The second is from rain to dry; from rain to rain was asked for.",
            ),
            (
                [0.1395 / 0.1985, 0.0315 / 0.1395, 0.003 / 0.059],
                "The third is from dry to rain; from dry to dry was asked for.",
            ),
            (
                [0.1395, 0.0315, 0.056],
                "Those are products of paths. By what sum must each be divided?",
            ),
            (
                [0.3105 / 0.3515, 0.2835 / 0.3105, 0.014 / 0.041],
                "That is for an umbrella on both days. On day 2 there is none.",
            ),
        ),
        "List the four paths. What would you count and divide, if each path came as often as its "
        "product says?",
        rtol=0,
        atol=6e-4,
    ),
    "parameters": Exercise(
        [23, 17],
        (
            ([17, 23], "Right, but the free one first."),
            *(
                ([wrong, 17], hint)
                for wrong, hint in (
                    (17, "The first is the mixture. What does the memory add?"),
                    (26, "Each row of A sums to one; and a covariance is symmetric."),
                    (24, "The start probabilities sum to one."),
                    (27, "The start probabilities, and each row of A, sum to one."),
                    (21, "The start of the first model is free: it has parameters too."),
                    (29, "A covariance is symmetric, and each row of A sums to one."),
                    (20, "Each component has two means and three numbers in its covariance."),
                )
            ),
            *(
                ([23, wrong], hint)
                for wrong, hint in (
                    (19, "From left to right the start is known: it is state 1."),
                    (18, "From left to right, each of the first two rows has one free number."),
                    (20, "The start is known, and a row that allows two moves has one number."),
                    (21, "What is forbidden is zero, and not a parameter."),
                    (23, "What is forbidden is zero, and not a parameter."),
                    (15, "From left to right a state is kept or left: with what probability?"),
                )
            ),
        ),
        "Add up the start, the transitions, the means and the covariances.",
        rtol=0,
    ),
    "filter": FunctionExercise(
        _filter,
        (
            (_START, _MOVES, _SEEN),
            (_START, _MOVES.T / _MOVES.sum(axis=0)[:, None], _SEEN[::-1]),
            (_START, _MOVES, _LONG),
        ),
        (
            (_filter_moved, "On the first day nothing has moved yet: start from pi itself."),
            (_filter_transposed, "Rows of A are where the chain comes from: alpha @ A."),
            (_filter_unscaled, "Divide by the sum at every step: a row of alpha sums to one."),
            (_predictions, "Those are the predictions, before the day's evidence."),
            (_smoothed, "Those are smoothed: a filter does not know the future."),
        ),
        "Try the vault: two umbrellas give 0.818 and 0.883. If it is right there, try a thousand "
        "days.",
    ),
    "hole": Exercise(
        # Even prior odds, and 0.653343 for rain from either side: the odds multiply.
        0.653343**2 / (0.653343**2 + 0.346657**2),
        (
            (0.653343, "That is what the days before say. What do days 4 and 5 say about day 3?"),
            (0.307484, "That is for a day that was seen without an umbrella."),
            (0.190668, "That is for a day without an umbrella, and only from the days before."),
            (0.5, "The other days say something about day 3."),
            (0.941, "That is for a day with an umbrella."),
            # The third decimal is a zero, and so two would pass.
            (0.8, "Right as far as it goes: give three decimals."),
        ),
        "What density does a day have, in either state, if nothing was seen of it?",
        rtol=0,
        atol=6e-4,
    ),
    "forecast": Exercise(
        # From the published fit of the stationary chain, by SciPy's Poisson tails.
        0.0582274,
        (
            (0.0292876, "That is for 2006. Move the chain by one year first."),
            (0.3265041, "That is the long run. The last years are known."),
            (0.0791608, "More than 20 begins at 21."),
            (0.0393476, "Mix the probabilities of the three states, not their rates."),
            (1 - 0.0582274, "That is the probability of 20 or fewer."),
            (0.411215, "That is the share of such years in the record."),
            (0.383069, "That is a mixture, without memory: where was the chain in 2006?"),
        ),
        "How probable is each state in the last year, and then in the year after it?",
        rtol=0,
        atol=6e-4,
    ),
    "changes": Exercise(
        10.682,
        (
            (9.0, "That is Viterbi's path. What do all paths say?"),
            (9.614, "That is before any count was seen. Given the counts, use xi."),
            (106 - 10.682, "That is how often it stays."),
            (106.0, "Those are all moves, those from a state to itself included."),
        ),
        "The expected number of moves from one state to another is an entry of xi.",
        rtol=0,
        atol=0.02,
    ),
    "casino": Exercise(
        # By hmmlearn's CategoricalHMM from the same start and from others; the highest it found.
        0.606967,
        (
            (0.5, "That is what made the data. What do the data say?"),
            (0.166863, "That is the other die."),
            (0.253, "That is the share of sixes in all rolls. Whose are they?"),
        ),
        "Expected number of sixes shown by the loaded die, over its expected number of rolls.",
        rtol=0,
        atol=2e-3,
    ),
    "corner": Exercise(
        CORNER,
        (
            (1, "One iteration gives r_1k, which is not yet near a corner."),
            (CORNER - 1, "Count again: there the largest is not above 0.999999 yet."),
            (CORNER + 1, "Count again: one earlier it is above 0.999999 already."),
        ),
        "Compute the three g_k; after t iterations pi is proportional to their powers.",
        rtol=0,
    ),
}
