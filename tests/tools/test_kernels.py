"""Chapters run alike for everybody, whatever a reader has set for other work."""

import json
import os
import subprocess
import sys

from nbformat.v4 import new_code_cell

from tests.tools.helpers import save
from tools import execute
from tools.kernels import kernel_environment, prepare_kernels

SEEN = """
import sys, warnings, matplotlib
print(matplotlib.rcParams["font.size"], matplotlib.rcParams["backend"], sys.flags.optimize)
warnings.warn("once")
"""


def test_a_reader_s_own_settings_are_not_those_of_a_chapter(tmp_path, monkeypatch):
    (tmp_path / "matplotlibrc").write_text("font.size: 22", encoding="utf8")
    others = {
        "MPLCONFIGDIR": str(tmp_path),
        "MATPLOTLIBRC": str(tmp_path),
        "MPLBACKEND": "no such backend",
        "PYTHONOPTIMIZE": "1",
        "PYTHONWARNINGS": "error",
    }
    for name, value in others.items():
        monkeypatch.setenv(name, value)
    prepare_kernels()
    run = subprocess.run(
        [sys.executable, "-c", SEEN],
        env=kernel_environment(),
        capture_output=True,
        encoding="utf8",
        check=False,
    )
    assert run.stdout.split() == ["10.0", "agg", "0"], run.stderr
    assert "UserWarning: once" in run.stderr
    assert run.returncode == 0


def test_a_chapter_runs_in_this_python_whatever_others_call_theirs(tmp_path, monkeypatch):
    other = tmp_path / "kernels" / "python3" / "kernel.json"
    other.parent.mkdir(parents=True)
    spec = {"argv": ["no-such-python"], "display_name": "Other", "language": "python"}
    other.write_text(json.dumps(spec), encoding="utf8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    startup = tmp_path / "startup.py"
    startup.write_text("import sys; sys.executable = 'started'", encoding="utf8")
    monkeypatch.setenv("PYTHONSTARTUP", str(startup))
    prepare_kernels()
    assert "JUPYTER_PATH" not in os.environ
    cell = new_code_cell("import sys; print(sys.executable)")
    notebook = execute.execute(save(tmp_path / "small.ipynb", cell))
    assert notebook.cells[0].outputs[0].text.strip() == sys.executable
