"""What a chapter asks of its reader is counted from its text."""

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools.reading import (
    names_from_folded_cells,
    names_from_other_solutions,
    reading,
    state_minutes,
    visible_assertions,
)


def test_reading_counts_the_main_path():
    cells = [
        new_markdown_cell(f"# Title\n\n{'word ' * 178}\n\n$$\na = b\n$$ (label)\n"),
        new_code_cell("x = 1\n\n" * 8),
        new_code_cell("y = 2\n" * 80, metadata={"tags": ["hide-input"]}),
        new_markdown_cell("## Exercises\n\nmore words"),
        new_code_cell("z = 3"),
    ]
    seen = reading(new_notebook(cells=cells))
    assert (seen.words, seen.lines, seen.displays, seen.minutes) == (180, 8, 1, 5)


def test_the_minutes_are_written_from_the_text():
    text = "# Title\n\n**Time**: 90 minutes, and 90 more."
    notebook = new_notebook(cells=[new_markdown_cell(text), new_markdown_cell("word " * 1800)])
    state_minutes(notebook)
    assert notebook.cells[0].source == "# Title\n\n**Time**: 15 minutes, and 90 more."


def test_visible_assertions_are_counted_without_checks_and_solutions():
    cells = [
        new_code_cell("x = 1\nassert x == 1\nnp.testing.assert_allclose(\n    x,\n    1,\n)"),
        new_code_cell("# Checked: x\nassert x", metadata={"tags": ["check"]}),
        new_markdown_cell("```{solution-start} ex\n```"),
        new_code_cell("assert x"),
        new_markdown_cell("```{solution-end}\n```"),
    ]
    assert visible_assertions(new_notebook(cells=cells)) == (5, 6)


def test_names_that_only_folded_cells_bind_are_found():
    cells = [
        new_code_cell("import numpy as np", metadata={"tags": ["hide-input"]}),
        new_code_cell("hidden, rolls = 1, [2]", metadata={"tags": ["hide-input"]}),
        new_code_cell("def seen(hidden):\n    return np.ones(hidden)"),
        new_code_cell("print([seen(3) for _ in range(hidden)])"),
        new_markdown_cell("```{exercise-start} Core: dice\n```\nAdd the `rolls`."),
        new_code_cell("print(sum(rolls))"),
    ]
    assert names_from_folded_cells(new_notebook(cells=cells)) == {3: {"hidden"}}


def test_names_that_only_another_solution_binds_are_found():
    one = "def density(x):\n    return x\n\n\nscale = 2"
    two = "def double(x, scale):\n    total = [density(v) for v in x]\n    return total, np, scale"
    cells = [new_code_cell("import numpy as np")]
    own = "density = 1\nprint(density)"
    for label, code in (("ex-one", one), ("ex-two", two), ("ex-three", own)):
        cells.append(new_markdown_cell(f"```{{solution-start}} {label}\n```"))
        cells.append(new_code_cell(code))
        cells.append(new_markdown_cell("```{solution-end}\n```"))
    notebook = new_notebook(cells=cells)
    assert names_from_other_solutions(notebook) == {"ex-two": {"density"}}
