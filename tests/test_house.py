"""The house: what is imported when, and that users find what they look for."""

import subprocess
import sys

import pytest

import emlib


def modules_after(statement):
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_the_loop_needs_no_scikit_learn_and_no_scipy():
    assert not {"sklearn", "scipy", "matplotlib"} & modules_after("from emlib import em")


def test_no_estimator_needs_what_only_the_book_has():
    names = [name for name in dir(emlib) if name[0].isupper()]
    assert {"GaussianMixture", "GaussianHMM", "GaussianImputer", "Mixture", "Prior"} <= set(names)
    loaded = modules_after(f"from emlib import {', '.join(names)}")
    assert not {"matplotlib", "seaborn", "IPython"} & loaded
    assert not any(name.startswith("emlib.book") for name in loaded)


def test_modules_are_found_without_an_import_of_their_own():
    assert modules_after("import emlib; emlib.gaussian.mle; emlib.mixture.e_step")
    with pytest.raises(AttributeError, match="has no attribute 'gausian'"):
        _ = emlib.gausian


def test_a_module_that_lacks_what_it_needs_says_so():
    code = "import sys; sys.modules['scipy'] = None; import emlib; emlib.gaussian"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "scipy" in run.stderr.splitlines()[-1]


def test_a_star_imports_the_estimators_too():
    names = {}
    exec("from emlib import *", names)
    assert names["em"] is emlib.em
    assert names["GaussianMixture"] is emlib.GaussianMixture
    assert names["GaussianHMM"] is emlib.GaussianHMM
