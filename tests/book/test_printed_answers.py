"""Answers as the chapters print them are right, and near ones named."""

import re

import nbformat
import numpy as np
import pytest
from scipy.stats import norm

from emlib.book.exercises import FunctionExercise, grade
from emlib.book.exercises.checking import all_exercises
from tools.paths import CHAPTERS
from tools.reading import solution_cells


# What no solution prints (those that do are below), and digits that are fewer than it prints.
@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("byhand.many", [0.65, 0.95]),
        ("byhand.many", [0.7, 0.95]),
        ("byhand.many", [0.66, 0.95]),
        ("convergence.maize", [0.0357, 0.495, 0.006]),
        ("convergence.maize", [0.03571, 0.4951, 0.00603]),
        ("convergence.student", 0.286),
        ("hmm.best", 0.320),
        ("which_maximum.thick", 0.8314),
        ("hmm.hole", 0.780),
        ("hmm.tomorrow", 0.657),
        ("mixtures.predict", 0.2374),
        ("mixtures.remaining", [-1018, 6]),
        ("judges.dentists", [0.196, 130]),
        ("faster.first", [1.0, 0.81]),
        ("faster.pair", [0.24, 0.14, 0.10, 0.90]),
        ("gaussian1d.difference", 0.0011),
        ("gaussiannd.distance", [0.67, 2]),
        ("gmm.odd", [1, 0]),
        ("gmm.odd", [0.99999, 0]),
        ("gmm.noise", 0.078),
        ("missing_data.complete", 9.7),
        ("missing_data.kinds", [1, 2, 3, 3]),
        ("missing_data.split", 1.73),
        ("howmany.merge", [0.5, 0, 42.3]),
        ("howmany.merge", [0.5, 0, 42.2]),
        ("howmany.price", [16.8, 6]),
        ("howmany.icl", [415.9, 1]),
        ("howmany.rule", [3]),
        ("howmany.pvalue", 999.0),
        ("latent.responsibilities", [0.180, 0.820]),
        ("latent.moments", [34, 109]),
        ("image_reconstruction.share", [2.4, 3.6, 6]),
        ("image_reconstruction.pillar", [9.3, 5.1]),
        ("image_reconstruction.pillar", [9, 5]),
        ("text.null", 144),
        ("text.discounted", [0.88, 0.55]),
        ("text.slow", 0.502),
    ],
)
def test_a_printed_answer_is_right(name, printed):
    assert grade(name, printed).right


# That every mistake in `emlib/book/exercises/` gets its own hint, `test_exercises.py` tests; here,
# that the mistake is there, has the hint that is meant, and is known by the digits people give.
@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("byhand.six", 55, "per cent"),
        ("byhand.mstep", [0.725, 0.386, 0.8, 0.45], "more probable"),
        ("byhand.mstep", [0.733, 0.4, 0.7, 0.3], "not with one half"),
        ("byhand.mstep", [0.7, 0.3, 0.725, 0.386], "fractions first"),
        ("byhand.mstep", [0.58, 0.27, 0.7, 0.3], "part of its tosses"),
        ("byhand.mstep", [0.73, 0.39, 0.7, 0.3], "three digits"),
        ("byhand.mstep", [0.725, 0.386], "a list of length 4"),
        ("byhand.weights", [0.514, 0.793, 0.523], "larger bias"),
        ("byhand.weights", [0.79, 0.51, 0.52], "three digits"),
        ("byhand.rounded", [11.148, 0.580], "squares of expected"),
        ("byhand.many", [70, 95], "per cent"),
        ("byhand.many", [0.6, 0.95], "A little low"),
        ("byhand.many", [0.60, 0.90], "A little low"),
        ("byhand.classes", [0.721, 2.72], "larger class"),
        ("convergence.maize", [0.0357, 0.495, 0.00584], "expected information"),
        ("convergence.missing", 7.04, "whole number"),
        ("convergence.missing", 14, "fraction that is observed"),
        ("convergence.gains", [0.81, 0.069], "square of the distance"),
        ("convergence.gains", [0.9, 0.146], "by its square"),
        ("convergence.gains", [0.9, 0.07], "two digits"),
        ("convergence.leave", 38.7, "whole number"),
        ("mixtures.predict", 0.24, "three decimals"),
        ("mixtures.predict", 23.7, "per cent"),
        ("mixtures.exponential", [0.10, 0.86], "three decimals"),
        ("mixtures.exponential", [1.16, 9.94], "mean lifetimes"),
        ("mixtures.exponential", [9.943, 1.160], "mean lifetimes"),
        ("mixtures.remaining", [-1018, 18], "in nats"),
        ("mixtures.remaining", [-1018, 4.24], "by half a nat, not by a whole"),
        ("mixtures.remaining", [-1012, 6.93], "Count the last gain once"),
        ("mixtures.remaining", [-1030, 6], "not 6 again"),
        ("mixtures.remaining", [-1030, 3.46], "not 6 again"),
        ("mixtures.remaining", [1018, 6], "Mind the sign"),
        ("mixtures.remaining", -1018, "a list of length 2"),
        ("mixtures.tied", 34.45, "common variance"),
        ("mixtures.tied", 5.869, "four decimals"),
        ("mixtures.tied", 5.87, "four decimals"),
        ("mixtures.tied", 5.8695, "mean of the two"),
        ("mixtures.tied", 5.868, "small tol"),
        ("mixtures.zeros", [88, 0.972], "the share"),
        ("convergence.censored", [4000, 0.3], "thousands of hours"),
        ("convergence.onedim", [13, 8], "start where it lands"),
        ("faster.interval", [0.526, 0.728], "parabola"),
        ("faster.odds", [0.0040, 0.40], "plain numbers"),
        ("faster.odds", [-2.61, -0.16], "back into weights"),
        ("faster.first", [10, 0], "slow direction alone"),
        ("faster.first", [1.0, 0.9], "squared"),
        ("faster.pair", [0.24, 0.14, 0.1, 0.5], "largest eigenvalue"),
        ("faster.pair", [0.236, 0.141, 10, 0.9], "turn it over"),
        ("faster.pair", [0.14, 0.24, 0.1, 0.9], "smaller, not larger"),
        ("faster.ecm", 4.69, "three digits"),
        ("deriving.jensen", 0.22, "three digits"),
        ("deriving.gap", [-2.53, -2.67, 0.14], "three decimals"),
        ("deriving.overshoot", float("inf"), "parabola"),
        ("deriving.gradient", 0.1697, "the step"),
        ("deriving.dirichlet", [53.8, 38.5, 7.7], "per cent"),
        ("deriving.dirichlet", [0.54, 0.38, 0.08], "three decimals"),
        ("deriving.gain", [0.383, 0.020, 0.405], "other way round"),
        ("deriving.gain", [0.255, 0.150, 0.405], "one half each"),
        ("deriving.gain", [0.383, 0.022, 0.361], "add it"),
        ("deriving.gain", [0.38, 0.02, 0.41], "three decimals"),
        ("deriving.gain", [38.3, 2.2, 40.5], "per cent"),
        ("deriving.factor", [4.09, 0.338], "squared length"),
        ("deriving.factor", [2.03, 0.339], "N - 1"),
        ("deriving.factor", [2.0, 0.34], "three digits"),
        ("deriving.median", [1.108, 3.621], "exchanged"),
        ("gaussian1d.thermometers", [20.0, 0.436], "reads alone"),
        ("gaussian1d.thermometers", [20.19, 0.436], "Which weight does each square have"),
        ("gaussian1d.thermometers", [20.1, 0.44], "three decimals"),
        ("gaussian1d.peak", 0.4, "three decimals"),
        ("gaussian1d.longer", 2.28, "per cent"),
        ("gaussian1d.parabola", [2, 0.17], "three digits"),
        ("gaussian1d.parabola", [2, 0.33], "second derivative is not"),
        ("gaussian1d.parabola", [2, 0.408], "standard deviation"),
        ("gaussian1d.parabola", [2, 6], "one over it"),
        ("gaussian1d.price", -2.95, "a cost is positive"),
        ("kalman.gain", [0.195, 980.5, 3219.5], "drifts first"),
        ("kalman.ahead", 26500, "variance"),
        ("kalman.ahead", 107, "that year's chance"),
        ("kalman.gap", 48.2, "with all years"),
        ("kalman.dam", 247.8, "sign"),
        ("kalman.rate", 0.96, "three digits"),
        ("gaussiannd.distance", [0.7, 2], "two decimals"),
        ("gaussiannd.ellipse", 2.15, "three decimals"),
        ("gaussiannd.factor", [5, 1.79], "squared"),
        ("gaussiannd.factor", [53, 3.58], "ruler"),
        ("gaussiannd.factor", [5, 3.6], "two decimals"),
        ("gaussiannd.cycle", [74, 15], "two decimals"),
        ("gaussiannd.chain", [1, 0, 2], "precision"),
        ("hmm.best", 32, "per cent"),
        ("hmm.best", 0.0292, "sum over all paths"),
        ("hmm.told", 0.95, "three decimals"),
        ("hmm.told", 0.883, "two umbrellas"),
        ("hmm.told", 0.764, "known to be dry"),
        ("hmm.step", [0.703, 0.159, 0.282], "from the same state"),
        ("hmm.step", [0.818, 0.226, 0.949], "filtered"),
        ("hmm.parameters", [23, 19], "it is state 1"),
        ("hmm.hole", 0.307, "without an umbrella"),
        ("hmm.hole", 0.8, "give three decimals"),
        ("howmany.price", [17, 6], "one decimal"),
        ("image_reconstruction.pillar", [5.1, 9.3], "row first"),
        ("image_reconstruction.pillar", [8, 4], "find the slow pixels"),
        ("image_reconstruction.stop", 14, "full scan"),
        ("image_reconstruction.step", [5.917, 6.083], "sensitivities"),
        ("howmany.price", [7.3, 6], "natural logarithm"),
        ("howmany.sign", [1, -1], "other way round"),
        ("howmany.surface", 0.94, "factor of ten"),
        ("howmany.surface", 0.385, "midpoints"),
        ("howmany.price", [33.6, 6], "AIC is right"),
        ("latent.name", [1, 2, 2, 2], "Case 2"),
        ("latent.name", [1, 4, 1, 2], "Case 3"),
        ("latent.responsibilities", [18, 82], "per cent"),
        ("latent.responsibilities", [0.2, 0.8], "three decimals"),
        ("latent.responsibilities", [0.18, 0.8], "three decimals"),
        ("latent.responsibilities", [0.2, 0.82], "three decimals"),
        ("latent.responsibilities", [0.8, 0.2], "These are the weights"),
        ("latent.apart", 2.33, "from one mean to the cut"),
        ("latent.apart", 5.15, "one side of the cut"),
        ("latent.apart", 4.11, "both sides"),
        ("latent.apart", 4.7, "three digits"),
        ("latent.apart", 2, "16 in 100"),
        ("latent.moments", [34.0, 108.6], "the sample's"),
        ("latent.unimodal", 2, "anything above two"),
        ("latent.unimodal", 3, "three digits"),
        ("latent.tosses", [0.7, 0.4, 0.9], "Labels switched"),
        ("likelihood.coin_ratio", 2.27, "three decimals"),
        ("likelihood.two_schools", [66.5, 93.5], "Which two sums"),
        ("likelihood.coin_map", 64.29, "per cent"),
        ("likelihood.exponential", [0.42, 0.19], "three decimals"),
        ("likelihood.exponential", [0.416, 0.186], "do not cut"),
        ("likelihood.exponential", [0.417, 0.035], "take its root"),
        ("likelihood.exponential", [0.417, 0.083], "what is its root"),
        ("likelihood.exponential", [0.417, 5.367], "turn it over"),
        ("likelihood.exponential", [2.4, 1.07], "mean lifetime"),
        ("likelihood.exponential", [0.333, 0.149], "N - 1"),
        ("likelihood.exponential", [0.083, 0.186], "N factors"),
        ("likelihood.exponential", [0.000417, 0.000186], "per hour"),
        ("likelihood.exponential", 0.417, "a list of length 2"),
        ("likelihood.linkage", 0.627, "four digits"),
        ("likelihood.truncated", [82.18, 4.47], "noted waits alone"),
        ("likelihood.cauchy", [3.963, -1.103], "higher one first"),
        ("likelihood.weighted_mle", "weighted_mle", "without quotes"),
        ("likelihood.log_likelihood", "log_likelihood", "without quotes"),
        ("likelihood.two_schools", [67, 93.76], "two decimals"),
        ("gaussian1d.thermometers", [19.999, 0.4364], "Which weight does each square have"),
        ("gmm.marginal", 0.12, "three digits"),
        ("gmm.units", -16.6, "Per second"),
        ("gmm.odd", [1, 272], "higher density"),
        ("gmm.units", -1134.4, "one row"),
        ("gmm.units", -2244, "one decimal"),
        ("gmm.noise", 0.467, "lower maximum"),
        ("gmm.noise", 0.474, "lower maximum"),
        ("gmm.noise", 0.08, "three digits"),
        ("gmm.sharp", 0.15, "three digits"),
        ("gmm.forecast", 71, "one decimal"),
        ("which_maximum.bound", [-860, -233], "one decimal"),
        ("which_maximum.bound", [859.64, 233.34], "the sign"),
        ("em_at_scale.halflife", 13.5, "whole number"),
        ("which_maximum.spot", 8, "collapse"),
        ("which_maximum.ratio", [0.0101, 5.7e-5], "Scale"),
        ("which_maximum.thick", 0.42, "half"),
        ("which_maximum.starts", 11.35, "whole number"),
        ("hmm.forecast", 0.06, "three decimals"),
        ("image_reconstruction.pillar", [8.4, 4.4], "find the slow pixels"),
        ("image_segmentation.step", 0.00028, "three digits"),
        ("missing_data.complete", 9, "cut the decimals off"),
        ("missing_data.complete", 8.7, "With what probability"),
        ("missing_data.complete", 10, "give two digits"),
        ("missing_data.kinds", [1, 2, 3, 2], "In (d)"),
        ("missing_data.split", 1.7, "three digits"),
        ("mixtures.exponential", [0.103, 0.859], "Give it weights"),
        ("mixtures.count", 7, "shared variance"),
        ("mixtures.count", 12, "must sum to one"),
        ("faster.interval", [52.2, 72.2], "per cent"),
        ("likelihood.coin_map", 0.642, "Round, do not cut"),
        ("deriving.gap", [-1.097, -1.160, 0.062], "Logarithms are natural"),
        ("which_maximum.nats", 12, "Logarithms are natural"),
        ("mixtures.estep", [0.982, 0.5, 0.018], "half"),
        ("mixtures.estep", [1, 0.5, 0], "in doubt"),
        ("likelihood.two_schools", [66.8, 15.36], "between"),
    ],
)
def test_a_near_answer_is_told_what_it_is(name, given, said):
    verdict = grade(name, given)
    assert not verdict.right
    assert said in verdict.message


def test_a_function_that_makes_a_likely_mistake_is_told_which():
    def mean_score(r_k, x, rate):
        return np.mean(r_k * (x / rate - 1))

    def by_cov(x, w):
        return [w @ x / w.sum(), float(np.cov(x, aweights=w))]

    def larger_term(x, weights, means, variances):
        logs = np.log(weights) + norm.logpdf(x[:, None], means, np.sqrt(variances))
        return logs.max(axis=1)

    def by_mask(mean, covariance, seen, values):
        mask = np.isin(np.arange(len(mean)), seen)
        B = covariance[np.ix_(~mask, mask)] @ np.linalg.inv(covariance[np.ix_(mask, mask)])
        left = covariance[np.ix_(~mask, ~mask)] - B @ covariance[np.ix_(mask, ~mask)]
        return np.vstack([mean[~mask] + B @ (values - mean[mask]), left])

    assert "order of seen" in grade("gaussiannd.given", by_mask).message
    assert "The log-likelihood is a sum" in grade("deriving.score", mean_score).message
    assert "ddof=0" in grade("likelihood.weighted_mle", by_cov).message
    assert "larger term alone" in grade("latent.log_density", larger_term).message


NUMBER = re.compile(r"(?<![\w.])[-−]?\d[\d_]*(?:\.\d+)?(?:e[-+]?\d+)?")


def finest(tokens, value):
    """Of numbers as printed, the one with most digits that `value` rounds to; None without one."""
    found = None
    for token in tokens:
        number = float(token.replace("−", "-"))
        decimals = len(token.partition("e")[0].partition(".")[2])
        unit = 10.0 ** -(decimals - int(token.partition("e")[2] or 0))
        near = abs(number - value) <= 0.5001 * unit and abs(number - value) <= 0.05 * abs(value)
        if near and (found is None or decimals > found[0]):
            found = decimals, number
    return None if found is None else found[1]


def printed_by_solutions():
    """Each exercise whose solution prints its answer, with the numbers as they are printed."""
    for path in sorted(CHAPTERS.glob("*.ipynb")):
        printed = ""
        for cell in solution_cells(nbformat.read(path, as_version=4)):
            outputs = "".join(out.get("text", "") for out in cell.get("outputs", []))
            printed = printed + outputs if cell.cell_type == "code" else ""
            for name in re.findall(r'^check\("([^"]+)"', cell.source, re.MULTILINE):
                exercise = all_exercises()[name]
                if not isinstance(exercise, FunctionExercise):
                    tokens = NUMBER.findall(printed)
                    numbers = [finest(tokens, value) for value in np.ravel(exercise.answer)]
                    if None not in numbers:
                        yield name, np.reshape(numbers, np.shape(exercise.answer))


PRINTED = list(printed_by_solutions())


@pytest.mark.parametrize(("name", "printed"), PRINTED, ids=[name for name, _ in PRINTED])
def test_what_a_solution_prints_is_right(name, printed):
    assert grade(name, printed).right


def test_most_solutions_print_their_answers():
    assert len(PRINTED) > 70


WORDS = ("no", "one", "two", "three", "four", "five", "six")


def rounded_as_asked(question, answer):
    """The answer with the digits or decimals that the question asks for; None if it says none."""
    asked = re.search(rf"({'|'.join(WORDS)}) (digits?|decimals?)", question)
    if asked is None:
        return None
    count = WORDS.index(asked[1])
    form = f".{count}f" if asked[2].startswith("decimal") else f".{count}g"
    return np.reshape([float(format(v, form)) for v in np.ravel(answer)], np.shape(answer))


def questions():
    for path in sorted(CHAPTERS.glob("*.ipynb")):
        asked = ""
        for cell in nbformat.read(path, as_version=4).cells:
            asked = cell.source if cell.cell_type == "markdown" else asked
            for name in re.findall(r'^check\("([^"]+)", answer\)', cell.source, re.MULTILINE):
                yield name, asked.rpartition("{exercise-start}")[2]


def cut_as_asked(question, answer):
    """The answer cut behind the digits that the question asks for; None if it says none."""
    asked = re.search(rf"({'|'.join(WORDS)}) (digits?|decimals?)", question)
    if asked is None:
        return None
    places = np.full(np.shape(answer), WORDS.index(asked[1]))
    if asked[2].startswith("digit"):
        places = places - 1 - np.floor(np.log10(np.abs(answer))).astype(int)
    return np.trunc(np.asarray(answer) * 10.0**places) / 10.0**places


def test_an_answer_cut_as_its_question_asks_is_right_or_told_to_round():
    said = {}
    for name, asked in questions():
        exercise = all_exercises()[name]
        answer = None if isinstance(exercise, FunctionExercise) else exercise.answer
        cut = None if answer is None else cut_as_asked(asked, answer)
        if cut is not None:
            said[name] = exercise.grade(cut).message
            foreseen = [f"Not yet. {hint}" for _, hint in exercise.mistakes]
            known = said[name] == "Right." or "do not cut" in said[name] or said[name] in foreseen
            assert known, f"{name}: {cut}: {said[name]}"
    assert len(said) > 20
    assert sum("do not cut" in message for message in said.values()) > 5


def test_an_answer_rounded_as_its_question_asks_is_right():
    seen = 0
    for name, asked in questions():
        exercise = all_exercises()[name]
        answer = None if isinstance(exercise, FunctionExercise) else exercise.answer
        rounded = None if answer is None else rounded_as_asked(asked, answer)
        if rounded is not None:
            seen += 1
            assert exercise.grade(rounded).right, f"{name}: {rounded}"
    assert seen > 20
