"""Notebooks have one form, whoever has saved them."""

import json

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools import notebooks
from tools.notebooks import normalise


def test_normalise_is_idempotent():
    cells = [new_code_cell("x"), new_code_cell("x"), new_markdown_cell("x")]
    notebook = new_notebook(cells=cells, metadata={"widgets": {}})
    cells[0].metadata.update(execution={"iopub.execute_input": "now"}, tags=["hide-input"])
    notebooks.normalise(notebook)
    once = notebooks.dumps(notebook)
    again = nbformat.reads(once, as_version=4)
    notebooks.normalise(again)
    assert notebooks.dumps(again) == once
    assert cells[0].metadata == {"tags": ["hide-input"], "jupyter": {"source_hidden": True}}


def test_a_cell_keeps_its_id_and_gets_one_from_its_text_where_it_has_none(tmp_path):
    notebook = new_notebook(cells=[new_code_cell(text) for text in "xxyz"])
    for cell in notebook.cells[:3]:
        del cell["id"]
    notebooks.normalise(notebook)
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == 4
    notebook.cells[0].source = "changed"
    notebook.cells.insert(0, new_code_cell("x", id=ids[3]))  # as who copies a cell by hand
    notebook.cells.insert(2, new_code_cell("x"))
    del notebook.cells[2]["id"]  # and its text was that of the cell before, which has the id
    path = tmp_path / "notebook.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf8")
    loaded = [notebooks.load(path), notebooks.load(path)]
    for again in loaded:
        notebooks.normalise(again)
    assert loaded[0] == loaded[1]
    now = [cell.id for cell in loaded[0].cells]
    assert [now[0], now[1], *now[3:5]] == [ids[3], *ids[:3]]
    assert len(set(now)) == 6


def test_a_check_is_folded_to_its_first_line():
    source = "# Checked: one is one\nassert 1 == 1"
    notebook = new_notebook(cells=[new_code_cell(source, metadata={"tags": ["check"]})])
    normalise(notebook)
    about = notebook.cells[0].metadata
    assert about["tags"] == ["check", "hide-input"]
    assert about["mystnb"]["code_prompt_show"] == "Checked: one is one"
    assert about["jupyter"] == {"source_hidden": True}


def test_the_button_over_a_folded_first_cell_says_that_it_has_the_imports():
    folded = {"tags": ["hide-input"]}
    figure = {**folded, "mystnb": {"figure": {"name": "fig-a"}}}
    said = []
    for first in (folded, figure, {}):
        cells = [
            new_code_cell("import numpy", metadata=first),
            new_code_cell("import re", metadata=folded),
        ]
        notebook = new_notebook(cells=cells)
        normalise(notebook)
        said.append([c.metadata.get("mystnb", {}).get("code_prompt_show") for c in notebook.cells])
    assert said == [
        ["Show the imports", None],
        ["Show the code, with the imports", None],
        [None, None],
    ]
