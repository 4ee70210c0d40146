"""Whether emlib's tests would notice a change of its code, by mutmut: what is in pyproject.toml."""

import os
import subprocess
from pathlib import Path
from random import Random

from tools.kernels import kernel_environment
from tools.paths import ROOT
from tools.versions import environment

MUTMUT = "mutmut==3.8.1"
# A few changes to begin with: mutmut lists the others only after its first run.
FIRST = "emlib.hmm.priors.*_1"


def drawn(names: list[str], number: int, seed: int) -> dict[str, list[str]]:
    """Of each module, that many of the changes by these names, or all if there are no more."""
    modules: dict[str, list[str]] = {}
    for name in sorted(names):
        modules.setdefault(name.rpartition(".")[0], []).append(name)
    return {
        module: sorted(Random(f"{module} {seed}").sample(changes, min(number, len(changes))))
        for module, changes in modules.items()
    }


def mutants() -> None:
    """Change emlib in a sample of places, and show the changes that its tests do not notice.

    `SAMPLE` in the environment is how many changes of each module are tried (30), and `SEED`
    which (0).
    """
    number, seed = int(os.environ.get("SAMPLE", "30")), int(os.environ.get("SEED", "0"))
    mutmut = Path(environment("mutmut", MUTMUT)).parent / "mutmut"

    def run(*words: str, stdout: int | None = None) -> str:
        command: list[str | Path] = [mutmut, *words]
        done = subprocess.run(
            command, cwd=ROOT, env=kernel_environment(), check=True, stdout=stdout, text=True
        )
        return done.stdout

    def results() -> dict[str, str]:
        lines = run("results", "--all", "true", stdout=subprocess.PIPE).splitlines()
        return dict(line.strip().rsplit(": ", 1) for line in lines)

    run("run", FIRST)
    sample = drawn(list(results()), number, seed)
    run("run", *(name for names in sample.values() for name in names))
    ends = results()
    for module, names in sample.items():
        unnoticed = [name for name in names if ends[name] in ("survived", "no tests")]
        print(
            f"{module}: {len(names) - len(unnoticed)} of {len(names)} changes are noticed",
            flush=True,
        )
        for name in unnoticed:
            run("show", name)
