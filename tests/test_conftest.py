"""The project's own conftest.py: stored outputs are compared, and it needs only what tests need."""

import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from tests.tools.helpers import FIGURE, decoded, encoded, save
from tools import execute, notebooks
from tools.paths import ROOT


def test_emlib_s_tests_need_nothing_that_only_the_book_needs():
    # `make test-oldest`, `make test-newest` and `make mutants` install what [test] asks for.
    only_the_book_s = ("jupytext", "nbclient", "pybtex", "sphinx", "sphinx_exercise")
    code = f"import sys; sys.modules.update(dict.fromkeys({only_the_book_s})); import conftest"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """A chapter with a text and a figure, executed, as `make outputs` would store it."""
    folder = tmp_path_factory.mktemp("stored")
    text, figure = new_code_cell("print('seven')"), new_code_cell(FIGURE.format(top=1))
    return execute.execute(save(folder / "small.ipynb", text, figure))


def other_figure(notebook):
    data = notebook.cells[1].outputs[0]["data"]
    picture = decoded(data["image/png"])
    picture.paste("black", (0, 0, 30, 30))
    data["image/png"] = encoded(picture)


def other_text(notebook):
    notebook.cells[0].outputs[0]["text"] = "eight\n"


def cleared(notebook):
    notebook.cells[1].outputs = []


def unchanged(notebook):
    pass


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (unchanged, "2 passed"),
        (other_text, "eight"),
        (other_figure, r"figure 0 differs by"),
        (cleared, "1 figures were drawn, 0 are stored"),
    ],
)
def test_stored_outputs_that_are_not_true_fail(executed, tmp_path, change, complaint):
    notebook = nbformat.from_dict(executed)
    change(notebook)
    (tmp_path / "small.ipynb").write_text(notebooks.dumps(notebook), encoding="utf8")
    # The book's own conftest.py, with this folder in place of the project.
    shutil.copy(ROOT / "conftest.py", tmp_path)
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "small.ipynb"]
    own = {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf8"}
    environment = execute.kernel_environment() | own
    run = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, encoding="utf8", check=False
    )
    assert run.returncode == (change is not unchanged), run.stdout
    assert re.search(complaint, run.stdout), run.stdout
