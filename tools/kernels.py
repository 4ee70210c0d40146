"""The environment in which notebooks and tests run; emlib's tests alone have what this needs."""

import importlib
import os

from tools.paths import BUILD

IPYTHON = BUILD / "ipython"


def kernel_environment() -> dict[str, str]:
    """The environment of every kernel: one thread, so that sums are added in one order."""
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    own = {"PYTHONHASHSEED": "0", "IPYTHONDIR": str(IPYTHON)}
    # MPLBACKEND=agg would silence every figure; matplotlib's inline backend is the kernel's own.
    inherited = {key: value for key, value in os.environ.items() if key != "MPLBACKEND"}
    return inherited | threads | own


def prepare_kernels() -> None:
    """Give kernels a profile without start-up files, and let matplotlib find its fonts now.

    In a kernel it would say so, among the outputs of the chapter.
    """
    IPYTHON.mkdir(parents=True, exist_ok=True)
    importlib.import_module("matplotlib.font_manager")
