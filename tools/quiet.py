"""Programs whose words are shown only if something is wrong."""

import subprocess

from tools.kernels import kernel_environment
from tools.paths import ROOT


def run_quietly(command: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a Python program where it finds `tools` and `emlib`; what it says is in `stdout`.

    It is to say so in UTF-8: where the system's own encoding is another, as on Windows, that has
    not all letters of the book.
    """
    return subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf8",
        errors="replace",  # programs that it runs itself may speak otherwise
        check=False,
        cwd=ROOT,
        env={**kernel_environment(), "PYTHONIOENCODING": "utf8", **variables},
    )
