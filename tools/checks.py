"""Everything that must hold before a change goes in."""

import subprocess
import sys

from tools.execute import kernel_environment, prepare_kernels
from tools.paths import ROOT

CHECKS = (
    ("ruff", "check"),
    ("ruff", "format", "--check"),
    ("mypy",),
    ("pytest",),
)


def check() -> None:
    """Run every check, also after one has failed, and say at the end which did."""
    prepare_kernels()
    failed = []
    for command in CHECKS:
        name = " ".join(command)
        print(f"== {name}", flush=True)
        run = [sys.executable, "-m", *command]
        if subprocess.run(run, cwd=ROOT, env=kernel_environment(), check=False).returncode:
            failed.append(name)
    if failed:
        raise SystemExit(f"Failed: {', '.join(failed)}.")
    print("All checks passed.")
