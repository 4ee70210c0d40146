"""The tools: what is executed again and what is not, and that nothing is lost or passed over."""

import base64
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image
from pybtex.database import parse_string

from tools import book, execute, figures, fingerprint, links, notebooks, paths, website
from tools.citation import bibtex, citation_page
from tools.copies import copies, plain_code, plain_markdown, readable, write_copies
from tools.exercise_list import exercise_list
from tools.mutants import drawn, table
from tools.notebooks import dumps, normalise
from tools.paths import CHAPTERS, ROOT
from tools.reading import (
    names_from_folded_cells,
    names_from_other_solutions,
    reading,
    state_minutes,
    visible_assertions,
)
from tools.references import References, chapter_numbers

FIGURE = "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([0, {top}])\nplt.show()"


def save(path, *cells):
    nbformat.write(new_notebook(cells=list(cells)), path)
    return path


def encoded(image):
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def decoded(png):
    return Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")


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


def test_emlib_s_tests_need_nothing_that_only_the_book_needs():
    # `make test-oldest`, `make test-newest` and `make mutants` install what [test] asks for.
    only_the_book_s = ("jupytext", "nbclient", "pybtex", "sphinx", "sphinx_exercise")
    code = f"import sys; sys.modules.update(dict.fromkeys({only_the_book_s})); import conftest"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_a_sample_of_changes_is_that_of_its_seed():
    names = [f"{m}.f__{i}" for m in ("emlib.em", "emlib.hmm.walks") for i in range(50)] + ["a.g__1"]
    sample = drawn(names, 10, 1)
    assert {module: len(set(some)) for module, some in sample.items()} == {
        "emlib.em": 10,
        "emlib.hmm.walks": 10,
        "a": 1,
    }
    assert all(name.startswith(module) for module, some in sample.items() for name in some)
    assert drawn(names[::-1], 10, 1) == sample != drawn(names, 10, 2)


def test_the_table_of_changes_counts_those_that_were_tried_and_those_that_were_noticed():
    ends = {
        "emlib.squarem.g__1": "no tests",
        "emlib.em.f__1": "killed",
        "emlib.em.f__2": "survived",
        "emlib.em.f__3": "timeout",
        "emlib.em.f__4": "not checked",
    }
    assert [line.split() for line in table(ends).splitlines()] == [
        ["module", "sampled", "noticed"],
        ["emlib.em", "3", "2"],
        ["emlib.squarem", "1", "0"],
        ["all", "4", "2"],
    ]


def test_chapters_are_only_read_by_refresh(chapters):
    folder, _ = chapters
    edit(folder / "one.ipynb", 1, "'new'")  # so that its outputs are no longer true
    before = {path: path.read_bytes() for path in folder.iterdir()}
    execute.refresh(folder, again=True)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file.txt"
    paths.write_atomically(path, "old")

    def half(self, text, **_):
        with self.open("w") as file:
            file.write(text[: len(text) // 2])
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_text", half)
    with pytest.raises(OSError, match="disk full"):
        paths.write_atomically(path, "new and longer")
    assert path.read_text() == "old"


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


def test_lighten_keeps_the_picture_and_does_nothing_the_second_time():
    picture = Image.merge("RGB", [Image.linear_gradient("L")] * 3)  # 256 colours
    light = figures.lighten(encoded(picture))
    assert Image.open(io.BytesIO(base64.b64decode(light))).mode == "P"
    assert figures.distance(decoded(light), picture) < 0.5
    assert figures.lighten(light) == light


def test_lighten_leaves_a_picture_alone_that_needs_more_colours():
    ramp = Image.linear_gradient("L")
    picture = encoded(Image.merge("RGB", [ramp, ramp.rotate(90), ramp.rotate(180)]))
    assert figures.lighten(picture) == picture


def test_figures_are_found_and_lightened_wherever_they_are():
    orange = encoded(Image.new("RGB", (8, 6), "#de8f05"))
    html = "<img src='data:image/png;base64,{}' alt='Orange'>"
    outputs = [{"data": {"image/png": orange}}, {"data": {"text/html": html.format(orange)}}]
    figures.lighten_outputs(outputs)
    assert orange not in str(outputs)
    rest, found = figures.take_figures(outputs)
    assert rest == [{"data": {}}, {"data": {"text/html": html.format("figure")}}]
    assert [picture.getpixel((0, 0)) for picture in found] == [(0xDE, 0x8F, 0x05)] * 2
    assert "image/png" in outputs[0]["data"]


def test_distance_is_the_root_mean_square_over_pixels_and_colours():
    black = Image.new("RGB", (2, 2))
    corner = black.copy()
    corner.putpixel((0, 0), (60, 60, 60))
    assert figures.distance(black, black) == 0
    assert figures.distance(black, corner) == pytest.approx((60**2 / 4) ** 0.5)
    assert figures.distance(black, Image.new("RGB", (2, 3))) == float("inf")


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
    (tmp_path / "conftest.py").write_text((paths.ROOT / "conftest.py").read_text(encoding="utf8"))
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "small.ipynb"]
    environment = execute.kernel_environment() | {"PYTHONPATH": str(paths.ROOT)}
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert run.returncode == (change is not unchanged), run.stdout
    assert re.search(complaint, run.stdout), run.stdout


def test_a_check_is_folded_to_its_first_line():
    source = "# Checked: one is one\nassert 1 == 1"
    notebook = new_notebook(cells=[new_code_cell(source, metadata={"tags": ["check"]})])
    normalise(notebook)
    about = notebook.cells[0].metadata
    assert about["tags"] == ["check", "hide-input"]
    assert about["mystnb"]["code_prompt_show"] == "Checked: one is one"
    assert about["jupyter"] == {"source_hidden": True}


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
        new_code_cell("hidden = 1", metadata={"tags": ["hide-input"]}),
        new_code_cell("seen = np.ones(3)"),
        new_code_cell("print([seen for _ in range(hidden)])"),
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


def test_a_site_that_fails_to_build_leaves_the_last_good_one(tmp_path, monkeypatch):
    (tmp_path / "html").mkdir()
    (tmp_path / "html" / "index.html").write_text("good", encoding="utf8")
    (tmp_path / book.RECORD).write_text("what it was built from", encoding="utf8")

    def fails(source, _):
        assert (source / "_toc.yml").exists()
        assert (tmp_path / "html" / "index.html").read_text(encoding="utf8") == "good"
        raise SystemExit("The site was not built")

    monkeypatch.setattr(website, "run_jupyter_book", fails)
    monkeypatch.setattr(website, "lay_site", lambda target: target.mkdir())
    monkeypatch.setattr(website, "lighten", lambda *_: None)
    with pytest.raises(SystemExit):
        website.build_site(CHAPTERS, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"html", book.RECORD, "building.lock"}

    def builds(_, work):
        first = work / "new" / "chapters" / "intro.html"
        first.parent.mkdir(parents=True)
        first.write_text("<head></head><article>the new one</article>", encoding="utf8")
        return work / "new"

    monkeypatch.setattr(website, "run_jupyter_book", builds)
    site = website.build_site(CHAPTERS, tmp_path)
    assert "the new one" in (site / "index.html").read_text(encoding="utf8")
    # What the site was built from is not known here, so its record is gone.
    assert {path.name for path in tmp_path.iterdir()} == {"html", "kept", "building.lock"}


def test_a_site_that_is_not_built_ends_with_its_warnings():
    fault = "/book/chapters/hmm.ipynb:10: \x1b[31mWARNING: 'myst' cross-reference not found: 'gone'"
    said = website.complaint(f"reading\n{fault}\n{fault}\nbuild finished, 1 warning.\nmore\n")
    *_, before, last = said.splitlines()
    assert before == "The site was not built, because of this:"
    assert last == "/book/chapters/hmm.ipynb:10: WARNING: 'myst' cross-reference not found: 'gone'"


def test_dead_links_are_told_from_hosts_that_answer_no_program():
    def record(uri, status, code, info=""):
        found = {"filename": "chapters/hmm.ipynb", "lineno": 3, "uri": uri}
        return json.dumps({**found, "status": status, "code": code, "info": info})

    dead, unsaid = links.verdicts(
        [
            record("https://a.org/here", "working", 0),
            record("https://a.org/moved", "redirected", 301, "https://a.org/there"),
            record("https://a.org/gone", "broken", 0, "404 Client Error: Not Found"),
            record("https://a.org/closed", "broken", 0, "403 Client Error: Forbidden"),
            record("https://a.org/slow", "broken", 0, "Read timed out. (read timeout=30)"),
            record("https://a.org/slower", "timeout", 0),
        ]
    )
    assert dead == ["chapters/hmm.ipynb: https://a.org/gone (404 Client Error: Not Found)"]
    assert unsaid == [
        "chapters/hmm.ipynb: https://a.org/closed (403 Client Error: Forbidden)",
        "chapters/hmm.ipynb: https://a.org/slow (Read timed out. (read timeout=30))",
        "chapters/hmm.ipynb: https://a.org/slower (timed out)",
    ]


def test_links_are_not_checked_without_a_network(monkeypatch):
    def unreachable(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(links.socket, "create_connection", unreachable)
    with pytest.raises(SystemExit, match="needs a network"):
        links.links()


def test_two_builds_at_once_take_turns(tmp_path):
    inside = []

    def work(number):
        with book.alone(tmp_path):
            inside.append(number)
            time.sleep(0.05)
            inside.append(number)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    assert inside[::2] == inside[1::2]


@pytest.fixture
def copied_project(tmp_path, monkeypatch):
    """A copy of all that a site depends on, in which the fingerprint is taken."""
    for name in fingerprint.SOURCES:
        place = ROOT / name
        copy = shutil.copytree if place.is_dir() else shutil.copy
        copy(place, tmp_path / name)
    shutil.copytree(CHAPTERS, tmp_path / "chapters")
    monkeypatch.setattr(fingerprint, "ROOT", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        "_config.yml",
        "_toc.yml",
        "chapters/glossary.md",
        "chapters/hmm.ipynb",
        "chapters/references.bib",
        "emlib/em.py",
        "site/assets/book.css",
        "site/package-lock.json",
        "tools/website.py",
    ],
)
def test_a_site_is_not_taken_for_built_once_anything_of_it_has_changed(copied_project, name):
    before = fingerprint.fingerprint(copied_project / "chapters")
    assert fingerprint.fingerprint(copied_project / "chapters") == before
    path = copied_project / name
    times = path.stat()
    path.write_bytes(path.read_bytes() + b" ")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert fingerprint.fingerprint(copied_project / "chapters") != before


def test_another_version_of_a_package_is_another_site(monkeypatch):
    before = fingerprint.surroundings(CHAPTERS)
    newer = [SimpleNamespace(name="sphinx", version="999")]
    monkeypatch.setattr(fingerprint, "distributions", lambda: newer)
    assert fingerprint.surroundings(CHAPTERS) != before


@pytest.fixture(scope="module")
def references():
    return References()


def test_a_copy_says_what_the_site_prints_and_needs_no_extension(references):
    source = (
        ":::{prf:theorem} It rises\n:label: thm-em-monotone\n\nBy {eq}`em-e`,\n\n"
        "$$\na = b\n$$ (em-bound)\n\nas {cite:t}`dempster1977` say {cite:p}`wu1983,neal1998`.\n"
        ":::\n```python\na = 1\n```\nSee {numref}`fig-mix-geyser`."
    )
    printed = {label: target.text for label, target in references.targets.items()}
    section = "Old-Faithful%2C-and-the-hidden-variable"
    assert plain_markdown(source, "deriving_em", references) == (
        f"**{printed['thm-em-monotone']}** (It rises).\n\nBy {printed['em-e']},\n\n"
        f"$$\na = b \\tag{{{printed['em-bound'][1:-1]}}}\n$$\n\nas "
        "[Dempster et al. (1977)](https://doi.org/10.1111/j.2517-6161.1977.tb01600.x) say "
        "([Wu, 1983](https://doi.org/10.1214/aos/1176346060); [Neal and Hinton, 1998]"
        "(https://doi.org/10.1007/978-94-011-5014-9_12)).\n\n```python\na = 1\n```\n"
        f"See [{printed['fig-mix-geyser']}](mixtures_1d.ipynb#{section})."
    )


def test_a_copy_asks_for_nothing_that_only_the_site_can_do(references):
    source = '<span class="on-site">Drag a mean. </span><span class="on-screen">Press Play.</span>'
    assert (
        plain_markdown(source, "intro", references) == '<span class="on-screen">Press Play.</span>'
    )


def test_comments_in_a_copy_name_equations_by_their_numbers(references):
    number = references.targets["em-e"].text
    assert re.fullmatch(r"\(\d+\.\d+\)", number)
    above, behind = "# Equation em-e\nr = f(x)  # x", "    r = f(x)  # Equation em-e, in logs"
    assert plain_code(above, references) == above.replace("em-e", number)
    assert plain_code(behind, references) == behind.replace("em-e", number)


def test_the_page_of_all_exercises_has_every_exercise_of_every_chapter():
    page = (CHAPTERS / "exercises.md").read_text(encoding="utf8")
    assert page == exercise_list(), "run `make outputs`"
    listed = re.findall(r"\{ref\}`([\w-]+)`", page)
    written = [
        label
        for path in CHAPTERS.glob("*.ipynb")
        for cell in notebooks.load(path).cells
        for label in re.findall(r"\{exercise-start\}.*\n:label: (\S+)", cell.source)
    ]
    assert sorted(listed) == sorted(written)


def test_the_page_on_citing_says_what_citation_cff_says():
    assert (CHAPTERS / "cite.md").read_text(encoding="utf8") == citation_page(), "make outputs"
    work = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf8"))["preferred-citation"]
    entry = next(iter(parse_string(bibtex(work), "bibtex").entries.values()))
    assert entry.type == work["type"]
    assert entry.fields["year"] == str(work["year"])
    assert entry.fields["title"] == work["title"].replace("–", "--")
    assert len(entry.persons["author"]) == len(work["authors"])


def test_links_in_a_copy_lead_to_jupyterlabs_headings(references):
    link = "[a](notation.md#letters-with-several-meanings), [b](#read-more)"
    expected = "[a](notation.ipynb#Letters-with-several-meanings), [b](#Read-more)"
    assert plain_markdown(link, "deriving_em", references) == expected


def test_what_is_numbered_in_another_chapter_is_linked_by_its_heading(references):
    target = references.targets["mvn-share"]
    link = f"[{target.text}](gaussian_nd.ipynb#How-far-is-far%3F)"
    assert plain_markdown("{eq}`mvn-share`", "hmm", references) == link
    assert plain_markdown("{eq}`mvn-share`", "gaussian_nd", references) == target.text
    top = references.targets["fig-mvn-odd"]  # above the first section
    link = f"[{top.text}](gaussian_nd.ipynb)"
    assert plain_markdown("{numref}`fig-mvn-odd`", "hmm", references) == link


def test_links_in_a_copy_lead_to_headings_of_the_chapters_that_are_copied(tmp_path):
    shutil.copytree(CHAPTERS, tmp_path / "chapters")
    with (tmp_path / "chapters" / "notation.md").open("a", encoding="utf8") as page:
        page.write("\n## A new heading\n")
    there = References(tmp_path / "chapters")
    assert plain_markdown("[a](notation.md#a-new-heading)", "deriving_em", there) == (
        "[a](notation.ipynb#A-new-heading)"
    )


@pytest.mark.parametrize("solutions", [True, False])
def test_every_page_has_a_copy_that_any_jupyter_shows(solutions):
    made = copies(solutions=solutions)
    assert {path.stem for path in CHAPTERS.iterdir() if path.suffix in (".ipynb", ".md")} < set(
        made
    )
    for notebook in made.values():
        words = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
        assert not re.findall(r"\{[a-z:-]+\}`|^[`:]{3,}\{|^\([\w-]+\)=", words, re.MULTILINE)
        assert ("Solution of" in words) <= solutions
        for page in re.findall(r"\]\(([^):#]+)", re.sub(r"\]\(https?://[^)]*", "", words)):
            assert page.removesuffix(".ipynb") in made


def test_a_copy_shows_of_a_solution_only_its_heading():
    """JupyterLab folds what stands between a collapsed heading and the next of its level."""
    hidden, made = 0, copies()
    for page in chapter_numbers():
        folded, in_sight, out_of_sight = False, "", ""
        for cell in made[page].cells:
            text = cell.source if cell.cell_type == "markdown" else ""
            if re.match(r"#{1,4} ", text):
                folded = cell.metadata.get("jp-MarkdownHeadingCollapsed", False)
                assert folded == text.startswith("#### Solution of Exercise ")
                in_sight += text
            elif folded:
                out_of_sight += text
            else:
                in_sight += text
        lesson, _, end = in_sight.partition("## Solutions")
        assert "#### Solution of" not in lesson  # who goes from cell to cell does not step into it
        assert re.sub(r"#### Solution of Exercise [\d.]+", "", end).strip() == ""
        stored = notebooks.load(CHAPTERS / f"{page}.ipynb").cells
        prose = "\n".join(cell.source for cell in stored if cell.cell_type == "markdown")
        assert in_sight.count("#### Solution of") == prose.count("{solution-start}")
        for solution in re.findall(r"\{solution-start\}(.*?)\{solution-end\}", prose, re.DOTALL):
            for line in solution.splitlines():
                if re.fullmatch(r"[A-Z][\w ,.;:'()]{40,}", line):
                    hidden += 1
                    assert line in out_of_sight
                    assert line not in in_sight
    assert hidden > 15


def test_a_copy_gets_emlib_by_itself_where_the_repository_is_known(monkeypatch):
    chapter = new_notebook(cells=[new_markdown_cell("# Title"), new_code_cell("import emlib")])
    monkeypatch.setattr("tools.copies.repository", lambda: "")
    assert "git+" not in dumps(readable(chapter, "hmm", References()))
    monkeypatch.setattr("tools.copies.repository", lambda: "https://github.com/name/book")
    title, install, code, _ = readable(chapter, "hmm", References()).cells
    assert title.source == "# Title"
    assert "make lab" in install.source
    assert "@ git+https://github.com/name/book" in code.source
    prose = new_notebook(cells=[new_markdown_cell("# Notation")])
    assert "git+" not in dumps(readable(prose, "notation", References()))


def test_copies_without_solutions_have_every_exercise_and_the_summary():
    without = copies(solutions=False)
    for page in chapter_numbers():
        prose = [c.source for c in without[page].cells if c.cell_type == "markdown"]
        text = "\n".join(prose)
        stored = (CHAPTERS / f"{page}.ipynb").read_text(encoding="utf8")
        assert text.count("### Exercise ") == stored.count("{exercise-start}")
        assert "\n## Summary" in f"\n{text}"
        assert "jupyter lab student" in prose[1]
        assert "Solutions are folded" not in prose[1]


@pytest.mark.parametrize("tags", [["check"], ["hide-input"], []])
@pytest.mark.parametrize("claim", ["assert x == 1", "assert_equal(x, 1)"])
def test_a_check_that_a_change_of_its_reader_breaks_lets_the_rest_run(monkeypatch, tags, claim):
    monkeypatch.setattr("tools.copies.repository", lambda: "")  # else a cell more comes first
    source = f"from numpy.testing import assert_equal\n{claim}"
    check = new_code_cell(source, metadata={"tags": tags})
    cells = [new_markdown_cell("# Title"), new_code_cell("x = 1"), check, new_code_cell("print(x)")]
    for number in ("1", "2"):
        made = readable(new_notebook(cells=cells), "hmm", References())
        made.cells[2].source = f"x = {number}"
        execute.run_cells(made, ROOT, lambda **_: None)
        assert made.cells[4].outputs[0].text.strip() == number
        assert bool(made.cells[3].outputs) == (number != "1")


def test_a_copy_that_was_opened_or_run_is_not_taken_for_changed(tmp_path, capsys):
    write_copies(tmp_path)
    path = tmp_path / "study.ipynb"
    opened = nbformat.read(path, as_version=4)
    opened.metadata["language_info"]["version"] = "3.99"
    opened.cells[-1].outputs = []
    nbformat.write(opened, path)
    as_left = path.read_bytes()
    assert path not in write_copies(tmp_path)
    assert path.read_bytes() == as_left
    assert "yours" not in capsys.readouterr().out


def test_a_copy_that_its_reader_has_changed_is_kept(tmp_path, capsys):
    write_copies(tmp_path)
    theirs = tmp_path / "intro.ipynb"
    theirs.write_text("mine", encoding="utf8")
    fresh = write_copies(tmp_path)
    assert theirs.read_text(encoding="utf8") == "mine"
    assert theirs not in fresh
    assert (tmp_path / "contents.ipynb") in fresh
    assert "intro.ipynb is yours" in capsys.readouterr().out
