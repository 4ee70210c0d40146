"""Notebooks as text that stays the same when nothing in them has changed."""

import hashlib
from collections import Counter
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tools.figures import lighten_outputs

VOLATILE = ("execution", "ExecuteTime", "collapsed", "scrolled", "vscode", "editable")


def load(path: Path) -> NotebookNode:
    """Read a notebook in the newest minor format, the one whose cells have ids."""
    notebook: NotebookNode = nbformat.read(path, as_version=4)
    notebook.nbformat_minor = 5
    return notebook


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The cells that are executed, in order."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def graft(notebook: NotebookNode, executed: NotebookNode) -> None:
    """Give `notebook` the outputs of `executed`, which has the same code cells."""
    for cell, source in zip(code_cells(notebook), code_cells(executed), strict=True):
        cell.outputs = source.outputs
        cell.execution_count = source.execution_count


def normalise(notebook: NotebookNode) -> None:
    """Drop what differs from run to run and from machine to machine."""
    notebook.metadata = NotebookNode(
        kernelspec={"display_name": "Python 3", "language": "python", "name": "python3"},
        language_info={"name": "python"},
    )
    seen: Counter[tuple[str, str]] = Counter()
    for cell in notebook.cells:
        content = (cell.cell_type, cell.source)
        # A nul cannot stand in a source, so no two cells can hash the same text.
        text = "\0".join((*content, str(seen[content])))
        cell.id = hashlib.sha256(text.encode()).hexdigest()[:8]
        seen[content] += 1
        for key in VOLATILE:
            cell.metadata.pop(key, None)
        lighten_outputs(cell.get("outputs", []))


def dumps(notebook: NotebookNode) -> str:
    """The notebook as the text of its file."""
    return f"{nbformat.writes(notebook, version=nbformat.NO_CONVERT)}\n"
