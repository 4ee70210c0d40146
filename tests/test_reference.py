"""What the reference says to those who come from another library."""

import ast
import re
from importlib import import_module

import hmmlearn.hmm
import numpy as np
import pytest
import sklearn.mixture
from sklearn.base import clone

import emlib
from tools.paths import CHAPTERS

PAGE = (CHAPTERS / "reference.md").read_text(encoding="utf8")
THEIRS = {
    "scikit-learn": [sklearn.mixture.GaussianMixture()],
    "hmmlearn": [hmmlearn.hmm.GaussianHMM(), hmmlearn.hmm.PoissonHMM()],
}
OURS = [emlib.GaussianMixture(), emlib.GaussianHMM(), emlib.PoissonHMM(), emlib.CategoricalHMM()]


@pytest.mark.parametrize("title", THEIRS)
def test_the_defaults_that_the_tables_name_are_those_of_either_side(title):
    rows = PAGE.split(f"| {title} | here |\n|:--|:--|\n")[1].split("\n\n")[0].splitlines()
    theirs, ours = zip(*(row.strip("| ").split(" | ") for row in rows), strict=True)
    for column, models in ((theirs, THEIRS[title]), (ours, OURS)):
        settings = {k: v for model in models for k, v in model.get_params().items()}
        found = re.findall(r'`(\w+)=([\d.e-]+|None|"\w+")`', " ".join(column))
        assert found
        for name, default in found:
            assert settings[name] == ast.literal_eval(default), name
    starts = set(re.findall(r"`(\w+_init)`", " ".join(ours)))
    assert starts <= settings.keys()


def test_models_move_in_both_directions():
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    names = {}
    exec(code, names)
    x, series = names["x"], names["series"]
    np.testing.assert_allclose(names["model"].score(x), names["theirs"].score(x), rtol=1e-13)
    np.testing.assert_allclose(names["back"].score(x), names["further"].score(x), rtol=1e-13)
    assert names["further"].score(x) > names["theirs"].score(x)
    chain = names["chain"]
    np.testing.assert_allclose(names["copy"].score(series), chain.score(series), rtol=1e-12)
    diagonal = clone(chain).set_params(covariance_type="diag").fit(series)
    copy = emlib.GaussianHMM(2, "diag")
    for name in ("startprob_", "transmat_", "means_"):
        setattr(copy, name, getattr(diagonal, name))
    copy.covars_ = np.diagonal(diagonal.covars_, axis1=1, axis2=2)
    np.testing.assert_allclose(copy.score(series), diagonal.score(series), rtol=1e-12)


@pytest.mark.parametrize("where", re.findall(r"^\.\. auto(?:class|function):: (\S+)", PAGE, re.M))
def test_what_the_page_names_is_imported_as_its_first_paragraph_says(where):
    *modules, name = where.split(".")
    # By import_module, as a function may hide the module that it is in.
    found = getattr(import_module(".".join(modules)), name)
    homes = [emlib, import_module(".".join(modules[:2]))]
    assert any(getattr(home, name, None) is found for home in homes), f"{name} of {modules[1]}"
