"""Whether emlib's tests would notice a change of its code, by mutmut: what is in pyproject.toml."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

from tools.kernels import kernel_environment
from tools.paths import MUTANTS, ROOT
from tools.versions import environment

# A change that makes a test go on for ever is noticed by pytest-timeout.
MUTMUT = ("mutmut==3.8.1", "pytest-timeout==2.4.0")
# One change to begin with, of code that few tests run: mutmut lists all only after its first run.
FIRST = "emlib.mixture.conditionals.x_marginal__mutmut_1"
UNNOTICED = ("survived", "no tests")
UNTRIED = "not checked"  # where Ctrl-C ended the run


def drawn(names: list[str], number: int, seed: int) -> dict[str, list[str]]:
    """Of each module, that many of the changes by these names, or all if there are no more."""
    modules: dict[str, list[str]] = {}
    for name in sorted(names):
        modules.setdefault(module_of(name), []).append(name)
    return {
        module: sorted(Random(f"{module} {seed}").sample(changes, min(number, len(changes))))
        for module, changes in modules.items()
    }


def module_of(name: str) -> str:
    """The module that a change is made in, by the change's name."""
    return name.rpartition(".")[0]


def table(ends: dict[str, str]) -> str:
    """How many changes of each module were tried, and how many of them some test noticed.

    `ends` has the name of each change, and what mutmut says became of it.
    """
    tried = [name for name, end in ends.items() if end != UNTRIED]
    noticed = [name for name in tried if ends[name] not in UNNOTICED]
    lines = [f"{'module':30}{'sampled':>9}{'noticed':>9}"]
    for module in sorted({module_of(name) for name in tried}):
        counts = (sum(module_of(name) == module for name in some) for some in (tried, noticed))
        lines.append(f"{module:30}" + "".join(f"{count:9}" for count in counts))
    return "\n".join([*lines, f"{'all':30}{len(tried):9}{len(noticed):9}"])


def mutants() -> None:
    """Change emlib in a sample of places, and show the changes that its tests do not notice.

    `SAMPLE` in the environment is how many changes of each module are tried (30), `SEED` which
    (0), and `JOBS` how many at a time (as many as there are processors). What mutmut says
    meanwhile goes to standard error.
    """
    number, seed = int(os.environ.get("SAMPLE", "30")), int(os.environ.get("SEED", "0"))
    jobs = os.environ.get("JOBS", str(os.cpu_count() or 1))
    shutil.rmtree(MUTANTS, ignore_errors=True)  # what mutmut knows of older code and tests
    mutmut = Path(environment("mutmut", *MUTMUT)).parent / "mutmut"

    def call(*words: str, stdout: Any = sys.stderr) -> str:
        command: list[str | Path] = [mutmut, *words]
        done = subprocess.run(
            command, cwd=ROOT, env=kernel_environment(), check=True, stdout=stdout, encoding="utf8"
        )
        return done.stdout

    def run(*names: str) -> None:
        call("run", "--max-children", jobs, *names)

    def results() -> dict[str, str]:
        lines = call("results", "--all", "true", stdout=subprocess.PIPE).splitlines()
        return dict(line.strip().rsplit(": ", 1) for line in lines)

    run(FIRST)
    sample = drawn(list(results()), number, seed)
    names = [name for changes in sample.values() for name in changes]
    run(*names)
    found = results()
    ends = {name: found[name] for name in names}
    print(table(ends), flush=True)
    for name, end in ends.items():
        if end in UNNOTICED:
            print("", call("show", name, stdout=subprocess.PIPE).strip(), sep="\n", flush=True)
