"""The house: what is imported when, what users find, and what no machine reads otherwise."""

import ast
import re
import subprocess
import sys

import pytest

import emlib
from tools.paths import ROOT


def modules_after(statement):
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf8", check=True
    )
    return set(run.stdout.split())


def test_the_loop_needs_no_scikit_learn_and_no_scipy():
    assert not {"sklearn", "scipy", "matplotlib"} & modules_after("from emlib import em")


def test_no_estimator_needs_what_only_the_book_has():
    names = [name for name in dir(emlib) if name[0].isupper()]
    assert {"GaussianMixture", "GaussianHMM", "GaussianImputer", "Mixture", "Prior"} <= set(names)
    loaded = modules_after(f"from emlib import {', '.join(names)}")
    assert not {"matplotlib", "seaborn", "IPython"} & loaded
    assert not any(name.startswith("emlib.book") for name in loaded)


@pytest.mark.parametrize(
    ("name", "wing"),
    [("GaussianMixture", "mixture"), ("GaussianHMM", "hmm"), ("GaussianImputer", "missing")],
)
def test_an_estimator_loads_those_of_no_other_wing(name, wing):
    loaded = modules_after(f"from emlib import {name}")
    estimators = {m for m in loaded if re.fullmatch(r"emlib\.\w+\.estimators", m)}
    assert estimators == {f"emlib.{wing}.estimators"}


def test_modules_are_found_without_an_import_of_their_own():
    assert modules_after("import emlib; emlib.gaussian.mle; emlib.mixture.e_step")
    with pytest.raises(AttributeError, match="has no attribute 'gausian'"):
        _ = emlib.gausian


def test_a_module_that_lacks_what_it_needs_says_so():
    code = "import sys; sys.modules['scipy'] = None; import emlib; emlib.gaussian"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf8", check=False
    )
    assert "scipy" in run.stderr.splitlines()[-1]


def test_a_star_imports_the_estimators_too():
    names = {}
    exec("from emlib import *", names)
    assert names["em"] is emlib.em
    assert names["GaussianMixture"] is emlib.GaussianMixture
    assert names["GaussianHMM"] is emlib.GaussianHMM


def without_encoding(code):
    """The lines of calls that leave the encoding of a text to the machine."""
    for call in ast.walk(ast.parse(code)):
        if not isinstance(call, ast.Call):
            continue
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        values = [getattr(value, "value", None) for value in call.args]
        words = {word.arg for word in call.keywords}
        binary = "rb" in values or "wb" in values
        picture = name == "open" and ast.unparse(call.func) == "Image.open"
        file = name in ("open", "read_text", "write_text") and not binary and not picture
        program = name in ("run", "Popen", "check_output", "node") and "text" in words
        if (file or program) and "encoding" not in words and "utf8" not in values:
            yield call.lineno


def test_text_has_the_same_encoding_on_every_machine():
    # Else it is the system's own: on Windows one that lacks most of the letters of a formula.
    assert [*without_encoding("open(a)\na.read_text()\nrun(b, text=True)")] == [1, 2, 3]
    own = [ROOT / "conftest.py"]
    for folder in ("emlib", "print", "site", "tests", "tools"):
        own += (ROOT / folder).rglob("*.py")
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in own
        for line in without_encoding(path.read_text(encoding="utf8"))
    ]
    assert not found
