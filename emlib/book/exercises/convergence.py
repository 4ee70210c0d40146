"""Answers to the exercises of "How EM converges". Looking here spoils them."""

from __future__ import annotations

import numpy as np

from emlib.book.exercises.checking import Exercise

# Fisher's maize: 1997, 906, 904, 32. The likelihood equation is a quadratic.
_PLANTS = np.array([1997.0, 906.0, 904.0, 32.0])
_OTHERS = _PLANTS[1] + _PLANTS[2]
_LINEAR = _PLANTS[0] - 2 * _OTHERS - _PLANTS[3]
MAIZE = float(np.roots([_PLANTS.sum(), -_LINEAR, -2 * _PLANTS[3]]).max())
# Minus the second derivative of 1997 log(2 + t) + 1810 log(1 - t) + 32 log t.
_OBSERVED = _PLANTS[0] / (2 + MAIZE) ** 2 + _OTHERS / (1 - MAIZE) ** 2 + _PLANTS[3] / MAIZE**2
_COMPLETE = (_PLANTS[0] / (2 + MAIZE) + _PLANTS[3] / MAIZE) / MAIZE + _OTHERS / (1 - MAIZE) ** 2
_RATE = 1 - _OBSERVED / _COMPLETE
_SE = _OBSERVED**-0.5
# Fisher's expected information: each count replaced by its expectation at the estimate.
_EXPECTED = _PLANTS.sum() / 4 * (1 / (2 + MAIZE) + 2 / (1 - MAIZE) + 1 / MAIZE)


EXERCISES = {
    "missing": Exercise(
        8,
        (
            (15, "You took the fraction that is observed. EM leaves the fraction that is missing."),
            (
                np.log(1000) / np.log(8 / 3),
                "Right so far: a whole number of iterations was asked for.",
            ),
            (7, "Nearly. Seven iterations leave a little more than a thousandth."),
            (14, "You took the fraction that is observed. EM leaves the fraction that is missing."),
            (3, "That would be right if each iteration left a tenth. What does it leave?"),
        ),
        "The rate is the missing information over the complete. Which power of it is small enough?",
        rtol=0,
        atol=5e-3,
    ),
    "gains": Exercise(
        [0.9, 0.0162 * 0.81 / 0.19],
        (
            (
                [0.81, 0.0162 * 0.81 / 0.19],
                "The gains shrink by that factor. They fall with the square of the distance.",
            ),
            ([0.9, 0.0162 * 9], "The rate is right. The gains shrink by its square."),
            ([0.9, 0.0162 / 0.19], "The last gain has been made. Sum those still to come."),
            ([0.9, 0.0162 * 0.81], "That is the next gain alone. Sum the whole series."),
            ([0.81, 0.0162 / 0.19], "The last gain has been made; and a gain is a square."),
            ([0.0162 * 0.81 / 0.19, 0.9], "Right, but first the rate, then the nats."),
        ),
        "By what factor do the gains shrink? They go with the square of the distance.",
    ),
    "leave": Exercise(
        39,
        (
            (38, "Nearly. After 38 steps it is a little less than that away."),
            (np.log(1e4) / np.log(1.269), "Right so far: a whole number of steps was asked for."),
            (20, "The square of the eigenvalue is the factor of the gains, not of the distance."),
            (49, "From 0.00001 to 0.1 it is a factor of ten thousand."),
            (35, "The growth compounds: which power of the eigenvalue is large enough?"),
        ),
        "By what factor does the distance grow in one step, and by what factor must it in all?",
        rtol=0,
        atol=5e-3,
    ),
    "censored": Exercise(
        [4.0, 0.3],
        (
            ([4000.0, 0.3], "Give the fixed point in thousands of hours."),
            ([13 / 7, 0.3], "Lamps that are still burning have burnt too: count their hours."),
            ([2.8, 0.3], "That counts every lamp as failed."),
            ([4.0, 0.7], "That is the fraction observed. What does the map leave?"),
            ([4.0, 3 / 7], "Three of how many lamps?"),
            ([4.0, 30.0], "Right, but give the rate as a fraction of one."),
            ([0.3, 4.0], "Right, but first the fixed point, then the rate."),
        ),
        "The mean of ten lifetimes, three of them replaced by their expectations.",
        rtol=2e-3,
    ),
    "maize": Exercise(
        [MAIZE, _RATE, _SE],
        (
            ([MAIZE, _RATE, _COMPLETE**-0.5], "The standard error is that of complete data."),
            ([MAIZE, _RATE, _EXPECTED**-0.5], "That is from the expected information."),
            ([MAIZE, 1 - _RATE, _SE], "That is the fraction observed. The rate is the other."),
            (
                [MAIZE, _RATE, _OBSERVED],
                "You gave the information. One over its root was asked for.",
            ),
        ),
        "Run the map with the new counts to its limit, then compute both informations there.",
        rtol=1e-2,
    ),
    "across": Exercise(
        [49.0, 9.8],
        (
            ([7.0, 1.4], "The leap is squared."),
            ([-7.0, -1.4], "The leap is squared."),
            ([49.0, 1.96], "One EM step follows the leap, not two."),
            ([49.0, 39.2], "An EM step leaves the fraction lambda of an error."),
            ([1.0, 0.2], "Check 1 - a (1 - lambda): the product is eight."),
        ),
        "Put both numbers into the formula for the error after a leap.",
        rtol=1e-6,
    ),
    "zero": Exercise(
        2364 / 1096,
        (
            (1096, "That is the number of days. Divide the deaths by it."),
            (2364, "That is the number of deaths. Divide by the days."),
        ),
        "Write down the M-step's weight times its mean, and sum over the two kinds.",
    ),
    "flat": Exercise(
        [0.6, 1e4 / 1.2],
        (
            ([1.0, 5000], "That is for Gaussian data. Put in the mean of x to the fourth here."),
            ([1.8, 1e4 / 3.6], "The cubic term of tanh has a third in front."),
            ([0.6, 1e4 / 0.6], "1 / theta squared grows by 2 c in a step, not by c."),
            ([0.6, 100 / 1.2], "The square of 0.01 is 0.0001."),
        ),
        "Put the series of tanh into the mean. Then how does 1 / theta squared grow?",
        rtol=2e-2,
    ),
    "student": Exercise(
        2 / 7,
        (
            (5 / 7, "That is the fraction observed."),
            (200 / 7, "Right, but give it as a fraction of one."),
            (2 / 5, "Compare with the complete information, and not with the observed."),
            (7 / 5, "A rate above one means no maximum. Turn the fraction over, then look again."),
        ),
        "How much information would a point hold if its precision were known?",
        rtol=2e-2,
    ),
    "onedim": Exercise(
        [13, 6],
        (
            ([13, 3], "Count evaluations of the map: a leap needs two."),
            ([13, 4], "Is the distance below the bound yet?"),
            ([10, 6], "That is for a bound on the step. Look at the distance to the limit."),
            ([13, 9], "Here no EM step follows a leap: the next two start where it lands."),
            ([13, 8], "Here no EM step follows a leap: the next two start where it lands."),
        ),
        "Loop until the distance to the exact limit is small, and count each call of the map.",
        rtol=0,
    ),
}
