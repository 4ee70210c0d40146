"""The README's code does what it says."""

import os
import re
import shutil
import subprocess
import sys
import tomllib

import numpy as np
import yaml

import emlib
from tools.paths import ROOT

README = (ROOT / "README.md").read_text(encoding="utf8")


def test_all_places_say_the_same_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf8"))
    assert project["version"] == emlib.__version__ == citation["version"]
    assert citation["date-released"][:4] == str(citation["preferred-citation"]["year"])


def test_python_in_the_readme_runs(capsys):
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    loop, mixture, holes, chain = blocks
    names = {}
    for block in (loop, mixture):
        exec(block, names)
    # The root of its likelihood equation; a gain of tol = 1e-6 nats is left, 7e-5 from it at most.
    np.testing.assert_allclose(names["fit"].params, (15 + np.sqrt(53809)) / 394, atol=7e-5)
    assert names["fit"].confirmed
    assert capsys.readouterr().out.startswith("0.6268")
    whole = names["model"]
    assert whole.result_.confirmed
    exec(holes, names)
    assert np.isnan(names["eruptions"]).sum() == 91
    assert names["model"].result_.confirmed
    means = np.sort(names["model"].means_, axis=0)
    np.testing.assert_allclose(means, np.sort(whole.means_, axis=0), atol=0.5)
    exec(chain, names)
    model, counts = names["model"], names["counts"]
    next_year = model.predict_proba(np.vstack([counts, [[np.nan]]]))[-1]
    np.testing.assert_allclose(model.forecast_proba(counts), [next_year], atol=1e-12)
    assert model.result_.confirmed


def test_the_package_is_installed_from_a_clone_under_a_name_that_is_not_taken(tmp_path):
    clone, wheels, installed = (tmp_path / name for name in ("clone", "wheels", "installed"))
    shutil.copytree(ROOT / "emlib", clone / "emlib")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, clone)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    alone = ["--no-deps", "--no-index"]
    build = [*pip, "wheel", *alone, "--no-build-isolation", "--wheel-dir", wheels, clone]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = wheels.iterdir()
    name = tomllib.loads((clone / "pyproject.toml").read_text(encoding="utf8"))["project"]["name"]
    assert wheel.name.startswith(f"{name.replace('-', '_')}-")
    assert f"`{name}`" in README
    subprocess.run([*pip, "install", *alone, "--target", installed, wheel], check=True)
    code = (
        "import emlib; from emlib.datasets import load_faithful as load\n"
        "model = emlib.GaussianMixture(2, random_state=0).fit(load().values)\n"
        "print(emlib.__file__, model.converged_)"
    )
    run = [sys.executable, "-c", code]
    said = subprocess.run(
        run,
        env=os.environ | {"PYTHONPATH": str(installed)},
        cwd=tmp_path,
        check=True,
        capture_output=True,
    ).stdout.decode()
    assert said.startswith(str(installed))
    assert said.strip().endswith("True")
