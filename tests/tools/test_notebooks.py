"""Notebooks have one form, whoever has saved them."""

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools import notebooks
from tools.notebooks import normalise


def test_normalise_is_idempotent_and_its_ids_follow_the_content():
    cells = [new_code_cell("x"), new_code_cell("x"), new_markdown_cell("x")]
    notebook = new_notebook(cells=cells, metadata={"widgets": {}})
    cells[0].metadata.update(execution={"iopub.execute_input": "now"}, tags=["hide-input"])
    notebooks.normalise(notebook)
    once, ids = notebooks.dumps(notebook), [cell.id for cell in notebook.cells]
    again = nbformat.reads(once, as_version=4)
    notebooks.normalise(again)
    assert notebooks.dumps(again) == once
    assert len(set(ids)) == 3
    assert cells[0].metadata == {"tags": ["hide-input"], "jupyter": {"source_hidden": True}}
    notebook.cells.insert(0, new_markdown_cell("new"))
    notebooks.normalise(notebook)
    assert [cell.id for cell in notebook.cells[1:]] == ids


def test_a_check_is_folded_to_its_first_line():
    source = "# Checked: one is one\nassert 1 == 1"
    notebook = new_notebook(cells=[new_code_cell(source, metadata={"tags": ["check"]})])
    normalise(notebook)
    about = notebook.cells[0].metadata
    assert about["tags"] == ["check", "hide-input"]
    assert about["mystnb"]["code_prompt_show"] == "Checked: one is one"
    assert about["jupyter"] == {"source_hidden": True}
