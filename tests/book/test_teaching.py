"""The page for teachers: its code grades, and its line installs all that the chapters import."""

import ast
import re
import subprocess
import sys
from importlib import metadata

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from packaging.requirements import Requirement

from tools import copies
from tools.kernels import kernel_environment, prepare_kernels
from tools.notebooks import code_cells, load
from tools.paths import CHAPTERS, ROOT
from tools.reading import reading

PAGE = (CHAPTERS / "teaching.md").read_text(encoding="utf8")
ONE, FOLDER = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
INSTALL = 'pip install ".[parquet,plot]" hmmlearn scikit-image jupyterlab'


def test_one_answer_is_graded():
    names = {}
    exec(ONE, names)
    assert names["verdict"].right


def test_a_folder_of_notebooks_is_graded(tmp_path):
    folder = tmp_path / "handed_in"
    folder.mkdir()
    begin = new_code_cell("from emlib.book import check")
    two = 'check("byhand.map", {})\n{}\ncheck("byhand.map_end", {})'
    for student, answers in {
        "ada": ("3 * 4 - 4", "...", ([0.7, 0.5], "print('Right.')", [0.763, 0.520])),
        "bo": ("1 / 0", "[0.881, 0.5, 0.119]", ([0.700, 0.574], "1 / 0", [0.763, 0.520])),
    }.items():
        cells = [new_markdown_cell('check("mixtures.count", answer)'), begin]
        for name, answer in zip(("mixtures.count", "mixtures.estep"), answers[:2], strict=True):
            cells.append(new_code_cell(f'answer = {answer}\ncheck("{name}", answer)'))
        cells.append(new_code_cell(two.format(*answers[2])))
        nbformat.write(new_notebook(cells=cells), folder / f"{student}.ipynb")
    prepare_kernels()
    environment = kernel_environment() | {"PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "-c", FOLDER],
        cwd=tmp_path,
        env=environment,
        check=True,
        capture_output=True,
        encoding="utf8",
    )
    assert run.stdout.splitlines() == [
        "ada mixtures.count True True",
        "ada mixtures.estep False False",
        "ada byhand.map True False",
        "ada byhand.map_end True True",
        "bo mixtures.count True False",
        "bo mixtures.estep True True",
        "bo byhand.map True True",
        "bo byhand.map_end True False",
    ]


def needs(required):
    """The distributions that these requirements bring, as they are installed here."""
    found, left = set(), [Requirement(text) for text in required]
    while left:
        this = left.pop()
        key = this.name.lower().replace("_", "-"), frozenset(this.extras)
        if key in found:
            continue
        found.add(key)
        extras = {"", *this.extras}
        for more in map(Requirement, metadata.requires(this.name) or []):
            if not more.marker or any(more.marker.evaluate({"extra": e}) for e in extras):
                left.append(more)
    return {name for name, _ in found}


def test_what_the_page_says_to_install_is_all_that_chapters_import():
    assert INSTALL in PAGE
    assert INSTALL in copies.INSTALL
    others = INSTALL.split('"')[2].split()
    installed = needs(["em-step-by-step[parquet,plot]", *others])
    of_module = metadata.packages_distributions()
    sources = [cell.source for path in CHAPTERS.glob("*.ipynb") for cell in code_cells(load(path))]
    sources += [path.read_text(encoding="utf8") for path in (ROOT / "emlib").rglob("*.py")]
    modules = set()
    for source in sources:
        for node in ast.walk(ast.parse(re.sub(r"^[%!].*", "", source, flags=re.MULTILINE))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                modules.add(node.module.partition(".")[0])
    for module in modules - sys.stdlib_module_names - {"emlib"}:
        assert installed & {name.lower().replace("_", "-") for name in of_module[module]}, module


def minutes(page):
    """How long a chapter takes to read; *Deriving EM* as far as its box halfway."""
    notebook = load(CHAPTERS / f"{page}.ipynb")
    if page == "deriving_em":
        box = [i for i, c in enumerate(notebook.cells) if "{admonition} You may stop" in c.source]
        notebook.cells = notebook.cells[: box[0]]
    return reading(notebook).minutes


def test_the_sessions_of_the_day_follow_each_other_and_are_long_enough():
    day = PAGE.partition("## One day")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\d+):(\d\d)–(\d+):(\d\d) \|.*?\]\((\w+)\.ipynb", day, re.MULTILINE)
    assert len(rows) == 6
    end = 0
    for *times, page in rows:
        hours, begun, until, over = map(int, times)
        start = 60 * hours + begun
        assert start >= end + 10 * bool(end), f"no break before {page}"
        end = 60 * until + over
        if page != "misconceptions":
            assert end - start >= minutes(page) + 10, f"{page} and its exercise"


def test_the_weeks_say_how_many_hours_they_take():
    study = load(CHAPTERS / "study.ipynb")
    printed = "".join(out.get("text", "") for c in code_cells(study) for out in c.outputs)
    table = re.findall(r"^ *\d+ (.+?) {2,}(\d+) +(\d+) +\d+$", printed, re.MULTILINE)
    times = {title: (int(read), int(pencil)) for title, read, pencil in table}
    weeks = PAGE.partition("## Four weeks")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| \d \| (.*?) \| (.*?) \| ([\d., ]+) \|", weeks, re.MULTILINE)
    assert len(rows) == 4
    for lectures, laboratory, hours in rows:
        once = re.sub(r" or \[[^\]]*\]", "", lectures)
        titles = re.findall(r"\[([^\]]*)\]\(", f"{once} {laboratory}")
        sums = [sum(times[title][i] for title in titles) / 60 for i in (0, 1)]
        assert hours == "{:.1f}, {:.1f}".format(*sums)
