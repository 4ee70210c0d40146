"""Notebooks as text that stays the same when nothing in them has changed."""

import hashlib
from functools import lru_cache
from itertools import count
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tools.figures import lighten_outputs
from tools.reading import solution_cells

VOLATILE = ("execution", "ExecuteTime", "collapsed", "scrolled", "vscode", "editable")


def load(path: Path) -> NotebookNode:
    """Read a notebook in the newest minor format, the one whose cells have ids."""
    # `nbformat.read` would give ids at random where one is missing or double.
    notebook: NotebookNode = nbformat.v4.reads(path.read_text(encoding="utf8"))
    notebook.nbformat_minor = 5
    return notebook


@lru_cache(maxsize=64)
def parsed(text: bytes) -> NotebookNode:
    """A notebook from the bytes of its file; the same object for the same bytes."""
    notebook: NotebookNode = nbformat.reads(text.decode(), as_version=4)
    return notebook


def shared(path: Path) -> NotebookNode:
    """The notebook as its file stands, to be read only: whoever asks for it has the same one."""
    return parsed(path.read_bytes())


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The cells that are executed, in order."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def graft(notebook: NotebookNode, executed: NotebookNode) -> None:
    """Give `notebook` the outputs of `executed`, which has the same code cells."""
    for cell, source in zip(code_cells(notebook), code_cells(executed), strict=True):
        cell.outputs = source.outputs
        cell.execution_count = source.execution_count


def fold(cell: NotebookNode) -> None:
    """Fold code whose tags ask for it; of a check, the first comment stays in sight."""
    tags = cell.metadata.get("tags", [])
    if "check" in tags:
        words = cell.source.split("\n", 1)[0].removeprefix("# ")
        cell.metadata["tags"] = tags = sorted({*tags, "hide-input"})
        cell.metadata["mystnb"] = {"code_prompt_show": words, "code_prompt_hide": words}
    if {"hide-input", "remove-input"} & set(tags):
        cell.metadata["jupyter"] = {"source_hidden": True}


def fold_solutions(notebook: NotebookNode) -> None:
    """Let JupyterLab show of a solution only what its reader opens."""
    for cell in solution_cells(notebook):
        if cell.cell_type == "code":
            cell.metadata["jupyter"] = {"source_hidden": True, "outputs_hidden": True}


def announce_imports(notebook: NotebookNode) -> None:
    """Let the button over a folded first cell say that the chapter's imports are in it."""
    cell = next(iter(code_cells(notebook)), None)
    if cell is None or "hide-input" not in cell.metadata.get("tags", []):
        return
    if cell.source.startswith(("import ", "from ")):
        about = cell.metadata.setdefault("mystnb", NotebookNode())
        what = "the code, with the imports" if "figure" in about else "the imports"
        about["code_prompt_show"], about["code_prompt_hide"] = f"Show {what}", f"Hide {what}"


def name_cells(notebook: NotebookNode) -> None:
    """Give a cell without an id, or with the id of an earlier cell, one made from its text."""
    taken, seen = {cell.get("id") for cell in notebook.cells}, set()
    for cell in notebook.cells:
        if not cell.get("id") or cell.id in seen:
            # A nul cannot stand in a source, so no two cells can hash the same text.
            texts = (f"{cell.cell_type}\0{cell.source}\0{i}".encode() for i in count())
            ids = (hashlib.sha256(text).hexdigest()[:8] for text in texts)
            cell.id = next(made for made in ids if made not in taken)
            taken.add(cell.id)
        seen.add(cell.id)


def normalise(notebook: NotebookNode) -> None:
    """Fold what is to be folded, and drop what differs from run to run."""
    notebook.metadata = NotebookNode(
        kernelspec={"display_name": "Python 3", "language": "python", "name": "python3"},
        language_info={"name": "python"},
    )
    name_cells(notebook)
    for cell in notebook.cells:
        for key in VOLATILE:
            cell.metadata.pop(key, None)
        fold(cell)
        lighten_outputs(cell.get("outputs", []))
    announce_imports(notebook)
    fold_solutions(notebook)


def dumps(notebook: NotebookNode) -> str:
    """The notebook as the text of its file."""
    return f"{nbformat.writes(notebook, version=nbformat.NO_CONVERT)}\n"
