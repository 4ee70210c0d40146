"""Chapters are executed again if, and only if, something that they show may have changed."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from tests.tools.helpers import FIGURE, save
from tools import execute, notebooks, paths
from tools.paths import CHAPTERS, ROOT


@pytest.fixture
def chapters(tmp_path, monkeypatch):
    """A folder of two chapters, a cache of its own, and no kernels: outputs are counted."""
    folder = tmp_path / "chapters"
    folder.mkdir()
    for name in ("one", "two"):
        save(folder / f"{name}.ipynb", new_markdown_cell("# Title"), new_code_cell(f"'{name}'"))
    runs = []

    def pretend(notebook, where, started):
        assert where == folder
        runs.append(notebook.cells[1].source)
        started(cell_index=1)
        notebook.cells[1].outputs = [new_output("stream", text=f"run {runs[-1]}")]
        notebook.cells[1].execution_count = 1

    monkeypatch.setattr(execute, "EXECUTED", tmp_path / "executed")
    monkeypatch.setattr(execute, "run_cells", pretend)
    monkeypatch.setattr(execute, "prepare_kernels", lambda: None)
    execute.refresh(folder)
    assert sorted(runs) == ["'one'", "'two'"]
    runs.clear()
    return folder, runs


def edit(path, cell, source):
    notebook = notebooks.load(path)
    notebook.cells[cell].source = source
    path.write_text(notebooks.dumps(notebook), encoding="utf8")


def test_nothing_is_executed_when_nothing_has_changed(chapters):
    folder, runs = chapters
    execute.refresh(folder)
    assert runs == []


def test_only_the_chapter_whose_code_has_changed_is_executed(chapters):
    folder, runs = chapters
    edit(folder / "one.ipynb", 1, "'new'")
    execute.refresh(folder)
    assert runs == ["'new'"]


def test_a_change_of_prose_executes_nothing_and_keeps_the_outputs(chapters):
    folder, runs = chapters
    edit(folder / "one.ipynb", 0, "# Another title")
    twins = execute.refresh(folder)
    assert runs == []
    chapter = folder / "one.ipynb"
    merged = nbformat.reads(execute.with_outputs(chapter, twins[chapter]), as_version=4)
    assert merged.cells[0].source == "# Another title"
    assert merged.cells[1].outputs[0].text == "run 'one'"


def test_a_change_of_the_package_executes_everything(chapters, tmp_path, monkeypatch):
    folder, runs = chapters
    module = tmp_path / "emlib.py"
    monkeypatch.setattr(execute, "ROOT", tmp_path)
    monkeypatch.setattr(execute, "environment_files", lambda: [module])
    for text in ("a = 1", "a = 2"):
        module.write_text(text, encoding="utf8")
        execute.refresh(folder)
    assert sorted(runs) == ["'one'", "'one'", "'two'", "'two'"]


def test_answers_and_questions_are_in_the_key_of_the_chapter_that_names_them(
    chapters, tmp_path, monkeypatch
):
    folder, runs = chapters
    answers, questions = tmp_path / "exercises", tmp_path / "recall"
    for place, name in ((answers, "byhand.py"), (answers, "hmm.py"), (questions, "hmm.toml")):
        place.mkdir(exist_ok=True)
        (place / name).write_text("first", encoding="utf8")
    for name, value in (("ROOT", tmp_path), ("ANSWERS", answers), ("RECALL", questions)):
        monkeypatch.setattr(execute, name, value)
    monkeypatch.setattr(execute, "environment_files", lambda: [])
    edit(folder / "one.ipynb", 1, 'check("byhand.six", answer)')
    edit(folder / "two.ipynb", 1, 'check("hmm.stay", answer)\nrecall("hmm")')
    execute.refresh(folder)
    for path, again in (
        (answers / "byhand.py", ['check("byhand.six", answer)']),
        (answers / "hmm.py", ['check("hmm.stay", answer)\nrecall("hmm")']),
        (questions / "hmm.toml", ['check("hmm.stay", answer)\nrecall("hmm")']),
    ):
        runs.clear()
        path.write_text("second", encoding="utf8")
        execute.refresh(folder)
        assert runs == again


def test_every_answer_and_question_is_in_some_chapter_s_key_or_in_all():
    everywhere = set(execute.environment_files())
    own = set()
    for path in CHAPTERS.glob("*.ipynb"):
        code = "\n".join(cell.source for cell in notebooks.code_cells(notebooks.load(path)))
        own |= set(execute.own_files(code))
    book = ROOT / "emlib" / "book"
    written = {*(book / "exercises").glob("*.py"), *(book / "recall").glob("*.toml")}
    assert written <= everywhere | own
    assert not everywhere & own


def test_the_package_the_pins_and_the_executor_are_in_the_key():
    files = {path.relative_to(paths.ROOT).as_posix() for path in execute.environment_files()}
    assert {
        "requirements.txt",
        "tools/execute.py",
        "tools/kernels.py",
        "emlib/em.py",
        "emlib/book/plotting.py",
    } <= files
    assert not any("__pycache__" in name for name in files)


def test_chapters_are_only_read_by_refresh(chapters):
    folder, _ = chapters
    edit(folder / "one.ipynb", 1, "'new'")  # so that its outputs are no longer true
    before = {path: path.read_bytes() for path in folder.iterdir()}
    execute.refresh(folder, again=True)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_outputs_are_stored_in_the_chapters_that_are_named(chapters, monkeypatch):
    folder, runs = chapters
    monkeypatch.setattr(execute, "CHAPTERS", folder)
    for page in ("write_exercise_list", "write_citation_page"):
        monkeypatch.setattr(execute, page, lambda: None)
    before = (folder / "two.ipynb").read_bytes()
    monkeypatch.setenv("ONLY", "one")
    execute.store_outputs()
    assert runs == ["'one'"]
    assert notebooks.load(folder / "one.ipynb").cells[1].outputs[0].text == "run 'one'"
    assert (folder / "two.ipynb").read_bytes() == before
    monkeypatch.setenv("ONLY", "one three")
    with pytest.raises(SystemExit, match="no chapter three"):
        execute.store_outputs()
    monkeypatch.delenv("ONLY")
    execute.store_outputs()
    assert sorted(runs) == ["'one'", "'one'", "'two'"]


def test_a_failing_cell_is_named_and_its_chapter_not_remembered(tmp_path, monkeypatch):
    monkeypatch.setattr(execute, "EXECUTED", tmp_path / "executed")
    chapters = tmp_path / "chapters"
    chapters.mkdir()
    save(chapters / "bad.ipynb", new_markdown_cell("Text"), new_code_cell("1 / 0"))
    with pytest.raises(execute.ChapterError, match=r"bad\.ipynb, cell 2 of 2") as caught:
        execute.refresh(chapters)
    assert "ZeroDivisionError" in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert not list(tmp_path.glob("executed/**/*.ipynb"))


def test_two_executions_give_the_same_bytes(tmp_path):
    source = FIGURE.format(top=1) + "\nprint({'b', 'a', 'c'})"
    chapter = save(tmp_path / "a.ipynb", new_code_cell(source), new_code_cell("object"))
    first, second = (notebooks.dumps(execute.execute(chapter)) for _ in range(2))
    assert "image/png" in first
    assert first == second
