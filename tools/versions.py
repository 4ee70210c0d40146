"""emlib's tests with other versions of what it stands on than those that the book pins."""

import os
import shutil
import subprocess
import sys
import tomllib

from packaging.requirements import Requirement

from tools.kernels import kernel_environment
from tools.paths import BUILD, ROOT

TESTS = [
    "tests/hmm",
    "tests/missing",
    "tests/mixture",
    *(
        f"tests/test_{name}.py"
        for name in (
            "bad_input",
            "datasets",
            "distributed",
            "em",
            "em_confirmation",
            "em_functions",
            "em_stopping",
            "families",
            "gaussian",
            "holding",
            "squarem",
            "validation",
        )
    ),
]


def lowest() -> list[str]:
    """The oldest version that pyproject.toml admits of each package that emlib needs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["plot"]]
    bounds = [(r.name, next(iter(r.specifier)).version) for r in map(Requirement, needed)]
    return [f"{name}=={version}" for name, version in bounds]


def environment(name: str, *packages: str) -> str:
    """The Python of a fresh environment with these packages, emlib, and what its tests need."""
    folder = BUILD / name
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = str(folder / ("Scripts" if os.name == "nt" else "bin") / "python")
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([python, *install, "-e", f"{ROOT}[test]", *packages], check=True, cwd=folder)
    return python


def run_tests(name: str, versions: list[str]) -> None:
    """Run emlib's tests in a fresh environment with these versions, and else the newest."""
    python = environment(name, *versions)
    run = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS]
    if subprocess.run(run, cwd=ROOT, env=kernel_environment(), check=False).returncode:
        raise SystemExit(f"The tests fail with the {name} versions.")


def test_oldest() -> None:
    """Run emlib's tests with the oldest versions that pyproject.toml admits."""
    if sys.version_info >= (3, 13):
        raise SystemExit("The oldest versions are not built for Python 3.13: take 3.11 or 3.12.")
    run_tests("oldest", lowest())


def test_newest() -> None:
    """Run emlib's tests with the newest versions that are published."""
    run_tests("newest", [])
