"""Whether emlib's tests would notice a change of its code, by mutmut: what is in pyproject.toml."""

import subprocess
from pathlib import Path

from tools.execute import kernel_environment
from tools.paths import ROOT
from tools.versions import environment

MUTMUT = "mutmut==3.8.1"
# mutmut numbers the changes of every function: those that end in this digit are a tenth of them.
SAMPLE = "*7"


def mutants() -> None:
    """Change emlib in a sample of places, and list the changes that its tests do not notice."""
    mutmut = Path(environment("mutmut", MUTMUT)).parent / "mutmut"
    subprocess.run([mutmut, "run", SAMPLE], cwd=ROOT, env=kernel_environment(), check=True)
    subprocess.run([mutmut, "results"], cwd=ROOT, env=kernel_environment(), check=True)
