"""Everything that must hold before a change goes in."""

import subprocess
import sys

from tools.kernels import kernel_environment, prepare_kernels
from tools.paths import ROOT

# import-linter has no `python -m`.
LAYERS = "from importlinter.cli import lint_imports_command; lint_imports_command()"

CHECKS = {
    "ruff check": ["-m", "ruff", "check"],
    "ruff format": ["-m", "ruff", "format", "--check"],
    "mypy": ["-m", "mypy"],
    "layers": ["-c", LAYERS],
    "pytest": ["-m", "pytest"],
}


def check() -> None:
    """Run every check, also after one has failed, and say at the end which did."""
    prepare_kernels()
    failed = []
    for name, command in CHECKS.items():
        print(f"== {name}", flush=True)
        run = [sys.executable, *command]
        if subprocess.run(run, cwd=ROOT, env=kernel_environment(), check=False).returncode:
            failed.append(name)
    if failed:
        raise SystemExit(f"Failed: {', '.join(failed)}.")
    print("All checks passed.")
