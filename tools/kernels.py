"""The environment in which notebooks and tests run; emlib's tests alone have what this needs."""

import importlib
import os

from tools.paths import BUILD

IPYTHON = BUILD / "ipython"
# What a reader may have set for other work. MPLBACKEND=agg would silence every figure (matplotlib's
# inline backend is the kernel's own), and PYTHONOPTIMIZE every assertion.
OTHERS = {"MPLBACKEND", "PYTHONOPTIMIZE", "PYTHONSTARTUP", "PYTHONWARNINGS"}


def kernel_environment() -> dict[str, str]:
    """The environment of every kernel: one thread, so that sums are added in one order.

    The settings of IPython and matplotlib are their own, and not those of the reader's home.
    """
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    own = {"PYTHONHASHSEED": "0", "IPYTHONDIR": str(IPYTHON), "MATPLOTLIBRC": str(IPYTHON)}
    inherited = {key: value for key, value in os.environ.items() if key not in OTHERS}
    return inherited | threads | own


def prepare_kernels() -> None:
    """Give kernels a profile with nothing in it, and let matplotlib find its fonts now.

    In a kernel it would say so, among the outputs of the chapter.
    """
    IPYTHON.mkdir(parents=True, exist_ok=True)
    (IPYTHON / "matplotlibrc").touch()
    os.environ.pop("JUPYTER_PATH", None)  # where another Python may be called python3
    importlib.import_module("matplotlib.font_manager")
