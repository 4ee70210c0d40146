"""Copies of the chapters that any Jupyter shows as they are meant, with solutions or without.

In `chapters/` prose is written for the site, whose build numbers equations and figures. A copy has
these numbers as text, captions under its figures, and nothing that needs an extension. Solutions
stand at its end, where who goes from cell to cell does not step into them. A cell whose check fails
lets the rest run: its reader has changed a number, and wants to see what becomes of it.
"""

import copy
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
from myst_parser.mdit_to_docutils.base import default_slugify
from nbformat import NotebookNode
from nbformat.sign import NotebookNotary
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools.equations import COMMENT, LABEL
from tools.exercise_list import exercise_list
from tools.notebooks import dumps, normalise, shared
from tools.paths import CHAPTERS, ROOT, write_atomically
from tools.reading import assertion_lines, lesson_cells, solution_cells
from tools.references import References, chapter_numbers, fragment, parts
from tools.repository import repository

NOTEBOOKS, STUDENT = ROOT / "notebooks", ROOT / "student"
WRITTEN = ".written.json"
NUMBERED_EQUATION = re.compile(r"\n?\$\$[ \t]*\(([\w-]+)\)[ \t]*$", re.MULTILINE)
ANCHOR = re.compile(r"^\([\w-]+\)=\n", re.MULTILINE)
FENCE = re.compile(r"^(`{3,}|:{3,})(?:\{([\w:-]+)\} *(.*))?")
OPTION = re.compile(r"^:(\w+): *(.*)$")
LINK = re.compile(r"\]\((?:([a-z_0-9]+)\.(?:md|ipynb))?(?:#([^)]*))?\)")
AUTODOC = re.compile(r"^\.\. auto\w+:: (\S+)\n(?:   :.*\n)*", re.MULTILINE)
DEFINITION = re.compile(r"^(\w.*)\n  (\S.*)$", re.MULTILINE)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
ON_SITE = re.compile(r'<span class="on-site">.*?</span>', re.DOTALL)
SOLUTION, SOLVED = "#### Solution of ", "<!-- solved -->"
CHECKED = re.compile(r"\A# Checked\b")
SOLUTION_MARK = re.compile(rf"^({SOLUTION}.*|{SOLVED})$", re.MULTILINE)
INSTALL = (
    "*A chapter of “Expectation–Maximization, Step by Step”. Its code needs `emlib`, the book's "
    "own package: in the folder of the book, `make lab` installs all that is needed, and so does "
    '`pip install ".[parquet,plot]" hmmlearn scikit-image jupyterlab`. (`pip install emlib` gives '
    "another project.)*"
)
TO_STUDENTS = (
    "*A chapter of “Expectation–Maximization, Step by Step”, without solutions. Its code needs "
    "`emlib`, the book's own package: in the folder of the book, `make student` installs all that "
    "is needed, and writes chapters like this one into the folder `student`. "
    "`.venv/bin/jupyter lab student` opens them. (`make lab` opens those with solutions.) Without "
    'make, `pip install ".[parquet,plot]" hmmlearn scikit-image jupyterlab` in that folder '
    "installs the same, and `jupyter lab` opens this file. (`pip install emlib` gives another "
    "project.)*"
)
HOW_TO_RUN = (
    "*Change what you like, and run it again. Folded checks, and lines that begin with `assert`, "
    "compare with the book's own numbers: one that says otherwise after your change is no fault, "
    "and what follows runs all the same. Give what you write names of your own, such as "
    "`my_e_step`: later cells go on with the chapter's. "
    "To begin anew, restart the kernel and run all cells.{}*"
)
FOLDED = " Solutions are folded, at the end."

# Where the book's repository is known, a copy gets the package itself, also in Colab.
GET_EMLIB = """\
# The book's own package and what its chapters need, unless they are there already
try:
    from emlib.book import plotting
except ImportError:
    %pip install --quiet "em-step-by-step[dask,parquet,plot] @ git+{source}" hmmlearn scikit-image
"""


def headline(references: References, kind: str, title: str, label: str) -> str:
    """The words that stand where the site begins a box."""
    if kind == "bibliography":
        return references.bibliography()
    if kind in ("glossary", "eval-rst", "book-index"):
        return ""
    if kind == "prf:proof":
        return "*Proof.*"
    if kind == "solution-end":
        return SOLVED
    if kind.endswith("-end"):
        return ""
    if kind == "solution-start":
        return f"{SOLUTION}{references.targets[title].text}"
    if label in references.targets:
        name = references.targets[label].text
        if kind == "exercise-start":
            return f"### {name}: {title}"
        return f"**{name}** ({title})." if title else f"**{name}**."
    return f"**{title or kind.title()}**"


def without_boxes(source: str, references: References) -> str:
    """Prose in which a bold line stands where a box began, and nothing where it ended."""
    lines, open_fences, box = [], [], None  # the box whose options are still being read
    for line in source.split("\n"):
        if box and (option := OPTION.match(line)):
            box[option[1]] = option[2]
            continue
        if box:
            lines += [headline(references, box["kind"], box["title"], box.get("label", "")), ""]
            box = None
        fence = FENCE.match(line)
        if fence and fence[2]:
            open_fences.append("box")
            box = {"kind": fence[2], "title": fence[3]}
        elif fence and open_fences and line.strip("`:") == "":
            lines += [line] if open_fences.pop() == "code" else [""]
        else:
            open_fences += ["code"] if fence else []
            lines.append(line)
    return "\n".join(lines)


def cells_of(text: str) -> Iterator[NotebookNode]:
    """Prose as cells: a solution's heading alone, folded, and what follows the solution apart.

    JupyterLab folds all cells from such a heading to the next, also when they are run.
    """
    for piece in SOLUTION_MARK.split(text):
        if piece.startswith(SOLUTION):
            heading = new_markdown_cell(piece)
            heading.metadata["jp-MarkdownHeadingCollapsed"] = True
            yield heading
        elif piece != SOLVED and piece.strip():
            yield new_markdown_cell(piece.strip())


def plain_markdown(source: str, page: str, references: References) -> str:
    """Prose in which every directive, role and label has become ordinary Markdown."""

    def tagged(match: re.Match[str]) -> str:
        return f" \\tag{{{references.targets[match[1]].text[1:-1]}}}\n$$"

    def linked(match: re.Match[str]) -> str:
        other = match[1] or page
        place = fragment(headings(other, references.chapters).get(match[2] or "", ""))
        return f"]({place})" if other == page else f"]({other}.ipynb{place})"

    text = without_boxes(ANCHOR.sub("", ON_SITE.sub("", source)), references)
    text = AUTODOC.sub(r"- `help(\1)`\n", text)
    text = DEFINITION.sub(r"- **\1**: \2", NUMBERED_EQUATION.sub(tagged, text))
    text = LINK.sub(linked, text)
    return re.sub(r"\n{3,}", "\n\n", references.resolve(text, page)).strip()


def headings(page: str, chapters: Path = CHAPTERS) -> dict[str, str]:
    """The headings of a page, by what the site calls their places."""
    found = (h for cell in source_of(page, chapters).cells for h in HEADING.findall(cell.source))
    return {default_slugify(heading): heading for heading in found}


def plain_code(source: str, references: References) -> str:
    """Code whose comments say an equation's number, and not its label."""

    def number(match: re.Match[str]) -> str:
        target = references.targets.get(match[0])
        return target.text if target else match[0]

    return COMMENT.sub(lambda comment: LABEL.sub(number, comment[0]), source)


def caption(cell: NotebookNode, page: str, references: References) -> Iterator[NotebookNode]:
    """A cell with the caption that the site shows under this cell's figure, if there is one."""
    figure = cell.metadata.get("mystnb", {}).get("figure", {})
    if "caption" in figure:
        words = references.resolve(figure["caption"], page).strip()
        name = references.targets.get(figure.get("name", ""))
        yield new_markdown_cell(f"**{name.text}.** {words}" if name else f"*{words}*")


def unfolded(cell: NotebookNode) -> NotebookNode:
    """A copy of a solution's cell that shows its code, since the solution's heading is folded."""
    tags = [tag for tag in cell.metadata.get("tags", []) if not tag.startswith("hide-")]
    return NotebookNode({**cell, "metadata": NotebookNode(tags=tags)})


def named_anew(notebook: NotebookNode) -> NotebookNode:
    """A copy in its one form; its cells' ids follow their text, so that equal copies are equal."""
    for cell in notebook.cells:
        del cell["id"]  # of a new cell it is random
    normalise(notebook)
    return notebook


def readable(
    notebook: NotebookNode, page: str, references: References, *, solutions: bool = True
) -> NotebookNode:
    """A copy of a chapter with numbers, captions and plain Markdown."""
    solved = solution_cells(notebook) if solutions else []
    end = [new_markdown_cell("## Solutions")] if solved else []
    runs = any(cell.cell_type == "code" for cell in notebook.cells)
    install = INSTALL if solutions else TO_STUDENTS
    how_to_run = HOW_TO_RUN.format(FOLDED if solved else "")
    cells = [new_markdown_cell(f"{install}\n\n{how_to_run}" if runs else install)]
    for cell in map(copy.deepcopy, [*lesson_cells(notebook), *end, *map(unfolded, solved)]):
        if cell.cell_type == "code":
            cell.source = plain_code(cell.source, references)
            cells += [cell, *caption(cell, page, references)]
            cell.metadata.pop("mystnb", None)
            if "check" in (tags := cell.metadata.get("tags", [])):
                cell.source = CHECKED.sub("# Checked in the book", cell.source)
            if "check" in tags or assertion_lines(cell.source):
                cell.metadata["tags"] = [*tags, "raises-exception"]
        else:
            cells += cells_of(plain_markdown(cell.source, page, references))
    cells[0], cells[1] = cells[1], cells[0]
    if (source := repository()) and runs:
        cells.insert(2, new_code_cell(GET_EMLIB.format(source=source)))
    return named_anew(new_notebook(cells=cells, metadata=notebook.metadata))


def contents(chapters: Path = CHAPTERS) -> NotebookNode:
    """The book's table of contents, whose links open the copies."""
    numbers, lines = chapter_numbers(), ["# Contents", ""]
    for part, pages in parts():
        lines += ["", f"## {part}", ""] if part else []
        for page in pages:
            number = f"{numbers[page]}." if page in numbers else "-"
            lines.append(f"{number} [{title(page, chapters)}]({page}.ipynb)")
    return named_anew(new_notebook(cells=[new_markdown_cell("\n".join(lines))]))


def source_of(page: str, chapters: Path = CHAPTERS) -> NotebookNode:
    """A page of the book as a notebook, also where its file is Markdown; to be read only."""
    path = chapters / f"{page}.ipynb"
    if path.exists():
        return shared(path)
    text = path.with_suffix(".md").read_text(encoding="utf8")
    if page == "exercises":  # the stored page may be older than the chapters
        text = exercise_list(chapters)
    return new_notebook(cells=[new_markdown_cell(text)])


def title(page: str, chapters: Path = CHAPTERS) -> str:
    """The heading of a page."""
    return source_of(page, chapters).cells[0].source.split("\n", 1)[0].removeprefix("# ")


def page_copy(page: str, references: References, *, solutions: bool = True) -> NotebookNode:
    """The copy of a page, or the contents under that name."""
    if page == "contents":
        return contents(references.chapters)
    source = source_of(page, references.chapters)
    return readable(source, page, references, solutions=solutions)


def copies(chapters: Path = CHAPTERS, *, solutions: bool = True) -> dict[str, NotebookNode]:
    """The contents and all pages, by name."""
    references = References(chapters)
    pages = ["contents", *(page for _, part in parts() for page in part)]
    return {page: page_copy(page, references, solutions=solutions) for page in pages}


def digests(text: str) -> list[str]:
    """Two hashes of a notebook's file: of all of it, and of its prose and code without outputs."""
    try:
        cells = [[cell["cell_type"], "".join(cell["source"])] for cell in json.loads(text)["cells"]]
    except (ValueError, KeyError, TypeError):  # no notebook any more
        cells = [[text]]
    return [hashlib.sha256(part.encode()).hexdigest() for part in (text, json.dumps(cells))]


def write_copies(folder: Path, *, solutions: bool = True) -> list[Path]:
    """Write all copies, but none over one that its reader has changed; return what was written.

    One that its reader has only opened or run is written again when there is a new text for it.
    """
    record = folder / WRITTEN
    written = json.loads(record.read_text(encoding="utf8")) if record.exists() else {}
    fresh = []
    for name, notebook in copies(solutions=solutions).items():
        path, text = folder / f"{name}.ipynb", dumps(notebook)
        before, now = written.get(path.name, ["", ""]), digests(text)
        there = digests(path.read_text(encoding="utf8")) if path.exists() else before
        if there[1] != before[1]:
            print(f"  {path.name} is yours now, since you changed it; delete it to have a new one")
        elif not path.exists() or there[0] == before[0] or now[1] != before[1]:
            write_atomically(path, text)
            written[path.name] = now
            fresh.append(path)
    write_atomically(record, json.dumps(written, indent=1))
    return fresh


def student() -> None:
    """Write the chapters without their solutions, ready to hand out."""
    write_copies(STUDENT, solutions=False)
    print(f"The chapters without solutions are in {STUDENT}")


def write_trusted(folder: Path) -> None:
    """Write the copies, and let JupyterLab trust them: their moving figures move at once."""
    notary = NotebookNotary()
    for path in write_copies(folder):
        notary.sign(nbformat.read(path, as_version=4))


def notebooks() -> None:
    """Write copies of the chapters, yours to change."""
    write_trusted(NOTEBOOKS)
    print(f"The chapters are in {NOTEBOOKS}")


def lab() -> None:
    """Open the chapters in JupyterLab at their contents, as copies that are the reader's own."""
    write_trusted(NOTEBOOKS)
    command = [sys.executable, "-m", "jupyterlab", "--LabApp.default_url=/lab/tree/contents.ipynb"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # as in many containers
        command.append("--allow-root")
    raise SystemExit(subprocess.run(command, cwd=NOTEBOOKS, check=False).returncode)
