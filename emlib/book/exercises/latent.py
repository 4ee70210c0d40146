"""Exercises of the chapter *Latent variables*."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import logsumexp
from scipy.stats import lomax, norm

from emlib.book.exercises.checking import Exercise, FunctionExercise

# Two components with one mean; x = 3, weights 0.8 and 0.2, variances 1 and 9
_X = 3.0
_W, _VAR = np.array([0.8, 0.2]), np.array([1.0, 9.0])


def _bayes(weights: Any, densities: Any) -> Any:
    joint = np.asarray(weights) * densities
    return joint / joint.sum()


_DENSITIES = norm.pdf(_X, 0, np.sqrt(_VAR))
_R = _bayes(_W, _DENSITIES)

# The mixture 0.3 N(20, 25) + 0.7 N(40, 25)
_P, _MU, _S2 = np.array([0.3, 0.7]), np.array([20.0, 40.0]), 25.0
_MEAN = _P @ _MU
_BETWEEN = _P @ (_MU - _MEAN) ** 2
_EVEN = _MU.mean()


def _log_joint(x: Any, weights: Any, means: Any, variances: Any) -> Any:
    return np.log(weights) + norm.logpdf(np.asarray(x)[:, None], means, np.sqrt(variances))


def _own(table: Any, z: Any) -> Any:
    return np.asarray(table)[np.arange(len(z)), z]


def _complete(x: Any, z: Any, weights: Any, means: Any, variances: Any) -> Any:
    return _own(_log_joint(x, weights, means, variances), z).sum()


def _complete_without_weights(x: Any, z: Any, weights: Any, means: Any, variances: Any) -> Any:
    return _complete(x, z, np.ones_like(weights), means, variances)


def _complete_variance_as_sd(x: Any, z: Any, weights: Any, means: Any, variances: Any) -> Any:
    return _complete(x, z, weights, means, np.square(variances))


def _complete_average(x: Any, z: Any, weights: Any, means: Any, variances: Any) -> Any:
    return _complete(x, z, weights, means, variances) / len(x)


def _complete_underflow(x: Any, z: Any, weights: Any, means: Any, variances: Any) -> Any:
    with np.errstate(divide="ignore"):
        return np.log(np.exp(_own(_log_joint(x, weights, means, variances), z))).sum()


def _complete_every_component(x: Any, _z: Any, weights: Any, means: Any, variances: Any) -> Any:
    return _log_joint(x, weights, means, variances).sum()


def _complete_without_2_pi(x: Any, z: Any, weights: Any, means: Any, variances: Any) -> Any:
    return _complete(x, z, weights, means, variances) + 0.5 * len(x) * np.log(2 * np.pi)


def _complete_without_half(x: Any, z: Any, weights: Any, means: Any, variances: Any) -> Any:
    scale = np.log(2 * np.pi * np.asarray(variances)[z]).sum()
    return _complete(x, z, weights, means, variances) - 0.5 * scale


def _incomplete(x: Any, _z: Any, weights: Any, means: Any, variances: Any) -> Any:
    return _log_density(x, weights, means, variances).sum()


def _log_density(x: Any, weights: Any, means: Any, variances: Any) -> Any:
    return logsumexp(_log_joint(x, weights, means, variances), axis=1)


def _log_density_underflow(x: Any, weights: Any, means: Any, variances: Any) -> Any:
    with np.errstate(divide="ignore"):
        return np.log(np.exp(_log_joint(x, weights, means, variances)).sum(axis=1))


def _log_density_without_weights(x: Any, weights: Any, means: Any, variances: Any) -> Any:
    return _log_density(x, np.ones_like(weights), means, variances)


def _log_density_variance_as_sd(x: Any, weights: Any, means: Any, variances: Any) -> Any:
    return _log_density(x, weights, means, np.square(variances))


def _average_of_logs(x: Any, weights: Any, means: Any, variances: Any) -> Any:
    return norm.logpdf(np.asarray(x)[:, None], means, np.sqrt(variances)) @ weights


def _maximum_left_out(x: Any, weights: Any, means: Any, variances: Any) -> Any:
    joint = _log_joint(x, weights, means, variances)
    return logsumexp(joint - joint.max(axis=1, keepdims=True), axis=1)


def _sum_of_log_joint(x: Any, weights: Any, means: Any, variances: Any) -> Any:
    return _log_joint(x, weights, means, variances).sum(axis=1)


def _larger_component_only(x: Any, weights: Any, means: Any, variances: Any) -> Any:
    return _log_joint(x, weights, means, variances).max(axis=1)


def _lifetime(x: Any, a: float, b: float) -> Any:
    return lomax.pdf(x, a, scale=b)


def _lifetime_average_rate(x: Any, a: float, b: float) -> Any:
    return a / b * np.exp(-a / b * x)


def _lifetime_not_normalised(x: Any, a: float, b: float) -> Any:
    return 1 / (b + x) ** (a + 1)


def _lifetime_without_gammas(x: Any, a: float, b: float) -> Any:
    return b**a / (b + x) ** (a + 1)


def _lifetime_one_power_short(x: Any, a: float, b: float) -> Any:
    return b**a / (b + x) ** a


def _lifetime_scale(x: Any, a: float, b: float) -> Any:
    return lomax.pdf(x, a, scale=1 / b)


_SD_GIVEN = "The second number is the standard deviation; the variance is asked for."
_SD = np.sqrt(_S2 + _BETWEEN)
_SD_ANSWERS = tuple((_MEAN, sd) for sd in (_SD, *(round(_SD, d) for d in range(1, 5))))
_SAMPLE = "Those are the sample's. The mixture's own are asked for, and they are exact."
_SAMPLE_MEAN, _SAMPLE_VARIANCE = 34.0488633, 108.6463015
_OF_THE_SAMPLE = tuple(
    (mean, variance)
    for mean in (_SAMPLE_MEAN, *(round(_SAMPLE_MEAN, d) for d in range(5)))
    for divided in (_SAMPLE_VARIANCE, _SAMPLE_VARIANCE * 10000 / 9999)
    for variance in (divided, *(round(divided, d) for d in range(1, 5)))
)

# Kinds of hidden variable: 1 discrete, latent; 2 continuous, latent; 3 discrete, missing;
# 4 continuous, missing. Wrong answers to one case, with what it overlooks.
_KINDS = (1, 4, 2, 2)
_SHOP = "Case 1: nobody wrote down for whom any customer bought, and there are two kinds."
_SURVEY = "Case 2: incomes are amounts of money, and most people did state theirs."
_TEST = "Case 3: ability is read on a scale, and nobody's was ever seen."
_TANK = "Case 4: a temperature can be any number, and the sensor shows it only with noise."


def _one_wrong() -> tuple[tuple[Any, str], ...]:
    said = (_SHOP, _SURVEY, _TEST, _TANK)
    return tuple(
        (np.array([*_KINDS[:case], kind, *_KINDS[case + 1 :]]), said[case])
        for case in range(4)
        for kind in range(1, 5)
        if kind != _KINDS[case]
    )


def _born() -> float:
    """How many sds apart two components of weights 0.8 and 0.2 first have two modes."""

    def excess(d: float) -> float:
        r = (1 + np.sqrt(1 - 4 / d**2)) / 2
        return float(np.log(r / (1 - r)) - np.log(0.2 / 0.8) - d**2 * (r - 0.5))

    return float(brentq(excess, 2.001, 4))


_BORN = _born()
_TWO = (_P, _MU, np.array([25.0, 16.0]))
_FAR = (np.array([22.0, 41.0, 19.0, 520.0]), np.array([0, 1, 1, 1]), *_TWO)
_NEAR = (np.array([18.0, 33.0, 44.5]), np.array([0, 0, 1]), *_TWO)
_APART = 2 * norm.isf(0.01)

_WEIGHTS_HINT = "The weights are missing: how probable each component was before x was seen."
_SD_HINT = "The Gaussian's second parameter is the variance; it looks as if it was squared again."

_DIGITS = "Right as far as it goes: give {}."

EXERCISES: dict[str, Exercise | FunctionExercise] = {
    "name": Exercise(
        answer=np.array(_KINDS),
        mistakes=_one_wrong(),
        hint="Ask of each case: could its value be any number, or one of a few kinds? And did "
        "anybody's value get into the data?",
    ),
    "responsibilities": Exercise(
        answer=_R,
        mistakes=(
            (_R[::-1], "The two are in the wrong order."),
            (_bayes(1, _DENSITIES), _WEIGHTS_HINT),
            (
                _bayes(_W, np.exp(-0.5 * _X**2 / _VAR)),
                "The factor in front of the exponential is not the same for both, so it "
                "does not cancel.",
            ),
            (
                _bayes(_W, norm.pdf(_X, 0, _VAR)),
                "9 is the second component's variance, not its standard deviation.",
            ),
            (
                _bayes(_W, np.exp(-0.5 * _X**2 / _VAR) / _VAR),
                "The factor in front of the exponential contains the square root of the variance.",
            ),
            (_W * _DENSITIES, "These are the joint densities. Divide so that they sum to one."),
            (
                _bayes(_W, np.exp(-(_X**2) / _VAR) / np.sqrt(_VAR)),
                "The exponent is -x^2 / (2 sigma^2): the 2 is missing.",
            ),
            (_W, "These are the weights: what you knew before you saw x."),
            (100 * _R, "That is in per cent. Probabilities are between zero and one."),
            (np.round(100 * _R), "That is in per cent. Probabilities are between zero and one."),
            *(
                (np.array(rounded), _DIGITS.format("three decimals"))
                for rounded in ([0.2, 0.8], [0.18, 0.8], [0.2, 0.82])
            ),
        ),
        hint="Write the joint density of each component, then divide both by their sum.",
    ),
    "moments": Exercise(
        answer=np.array([_MEAN, _S2 + _BETWEEN]),
        mistakes=(
            (
                (_MEAN, _S2),
                "That variance is the one within the components. The means of the components "
                "differ too, and that adds to it.",
            ),
            (
                (_MEAN, _BETWEEN),
                "That variance is the one between the components. Each has a spread of its own.",
            ),
            *((wrong, _SD_GIVEN) for wrong in _SD_ANSWERS),
            (
                (_MEAN, _P @ (_S2 + _MU**2)),
                "The second number is the mean of x squared. Subtract the square of the mean.",
            ),
            (
                (_MEAN, _P**2 @ np.full(2, _S2)),
                "That is the variance of 0.3 times one draw plus 0.7 times another. In a mixture "
                "each x comes from one component only.",
            ),
            (
                (_EVEN, _S2 + np.mean((_MU - _EVEN) ** 2)),
                "The components are not equally common.",
            ),
            *((wrong, _SAMPLE) for wrong in _OF_THE_SAMPLE),
            (
                (_MEAN, 5 + _BETWEEN),
                "Within a component the variance is 25; 5 is the standard deviation.",
            ),
        ),
        hint="First the mean, as a weighted average. Then that of x squared, in each component.",
        rtol=1e-6,
    ),
    "complete_log_likelihood": FunctionExercise(
        reference=_complete,
        cases=(_NEAR, _FAR),
        mistakes=(
            (
                _complete_underflow,
                "One density is so small that it is rounded to 0. Take the logarithm on paper, "
                "so that no exponential is left in the code.",
            ),
            (_complete_without_weights, _WEIGHTS_HINT),
            (_complete_variance_as_sd, _SD_HINT),
            (_complete_without_2_pi, "The constant log 2 pi is missing."),
            (_complete_without_half, "The logarithm of a square root brings a factor of one half."),
            (_complete_average, "That is the mean over the points; the sum is asked for."),
            (_incomplete, "That is the log-likelihood without labels. Here z is known: use it."),
            (
                _complete_every_component,
                "You added up every component for every point. A point counts only with its own.",
            ),
        ),
    ),
    "log_density": FunctionExercise(
        reference=_log_density,
        cases=((_NEAR[0], *_TWO), (np.array([30.0, 500.0, -800.0]), *_TWO)),
        mistakes=(
            (
                _log_density_underflow,
                "Right near the means, and -inf far away: the density underflows before the "
                "logarithm is taken. Take each point's own largest term out of its sum first.",
            ),
            (_log_density_without_weights, _WEIGHTS_HINT),
            (_log_density_variance_as_sd, _SD_HINT),
            (
                _average_of_logs,
                "That is a weighted average of logs. The logarithm goes outside the sum.",
            ),
            (_sum_of_log_joint, "That is a sum of logs. The logarithm goes outside the sum."),
            (
                _larger_component_only,
                "That is the larger term alone. Between the means the other one counts too: add.",
            ),
            (_maximum_left_out, "The largest term was taken out of the sum and never put back."),
        ),
    ),
    "apart": Exercise(
        answer=_APART,
        mistakes=(
            (
                _APART / 2,
                "That is the distance from one mean to the cut. How far is the other mean?",
            ),
            (
                2 * norm.isf(0.005),
                "Each kind is mistaken on one side of the cut only. One in a hundred of all points "
                "is one in how many of its own?",
            ),
            (
                2 * norm.isf(0.02),
                "Both kinds are mistaken at times: count the points on both sides of the cut.",
            ),
            (_APART**2, "That is in variances. How many standard deviations?"),
            (2.0, "With 2 there is no second hump yet, and 16 in 100 labels are wrong."),
        ),
        hint="Where does the rule cut, and which part of one component lies beyond?",
        rtol=1e-3,
    ),
    "continuous": FunctionExercise(
        reference=_lifetime,
        cases=((1.5, 3.0, 2.0), (0.2, 0.7, 5.0), (10.0, 2.0, 1.0)),
        mistakes=(
            (
                _lifetime_average_rate,
                "That is a lamp with the average rate. Average the densities, not the rates.",
            ),
            (
                _lifetime_not_normalised,
                "The factors that do not depend on x are missing: it does not integrate to one.",
            ),
            (
                _lifetime_without_gammas,
                "One factor is missing: simplify the ratio of the two Gamma functions.",
            ),
            (
                _lifetime_one_power_short,
                "Count the powers of z: the exponential density brings one more. (You may have "
                "the probability of living longer than x.)",
            ),
            (_lifetime_scale, "b multiplies z in the exponent; it looks as if you divided by it."),
        ),
        hint="Write the product under the integral as a power of z times one exponential of z.",
    ),
    "unimodal": Exercise(
        answer=_BORN,
        mistakes=(
            (
                2.0,
                "With equal weights anything above two would do. A rare component is harder "
                "to see.",
            ),
            (2.9, _DIGITS.format("three digits")),
            (3.0, _DIGITS.format("three digits")),
        ),
        hint="Count the modes on a fine grid for a few separations, and close in on the first "
        "that has two.",
        rtol=2e-3,
    ),
    "tosses": Exercise(
        answer=np.array([0.3, 0.9, 0.4]),
        mistakes=(
            (
                np.array([0.7, 0.4, 0.9]),
                "Labels switched: a is to be the larger bias, and pi the share of its coins.",
            ),
            (np.array([0.7, 0.9, 0.4]), "That pi is the share of the others."),
            (np.array([0.3, 0.4, 0.9]), "The larger bias comes first."),
            (
                np.array([30, 90, 40]),
                "That is in per cent. Probabilities are between zero and one.",
            ),
        ),
        hint="First the three means, from the chances that one, two and three given tosses are "
        "all heads. Average the quadratic over the coins, once as it is and once times theta.",
        rtol=1e-2,
    ),
}
