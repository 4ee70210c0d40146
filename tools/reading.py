"""What a chapter asks of its reader: minutes, code that checks, names from folded cells."""

import ast
import builtins
import math
import re
import symtable
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from tools.paths import CHAPTERS

FOLDED = {"check", "hide-input", "remove-input", "hide-cell"}
WORDS_A_MINUTE, LINES_A_MINUTE = 180, 8
DISPLAY = re.compile(r"\$\$.+?\$\$(?:\s*\([\w-]+\))?", re.DOTALL)
DIRECTIVE = re.compile(r"^\s*(?:`{3,}|:{3,}|:\w+:|\(\S+\)=).*$", re.MULTILINE)
TIME = re.compile(r"(?<=\*\*Time\*\*: )\d+(?= minutes)")
EXERCISES = re.compile(r"^#+ Exercises\b", re.MULTILINE)
EXERCISE_START = "{exercise-start}"
NAMED = re.compile(r"(?<![`\w])`(\w+)")
SOLUTION_START, SOLUTION_END = "{solution-start}", "{solution-end}"
SOLUTION_OF = re.compile(r"\{solution-start\} (\S+)")
SOLUTION_EDGE = re.compile(
    r"(?=^```\{solution-start\})|(?<=^```\{solution-end\}\n```)", re.MULTILINE
)


@dataclass(frozen=True)
class Reading:
    """A chapter's main path, up to its exercises, without what is folded.

    Attributes
    ----------
    words, lines, displays : int
        Of prose without displayed equations; of visible code; displayed equations.
    """

    words: int
    lines: int
    displays: int

    @property
    def minutes(self) -> int:
        """Rounded up to five: 180 words, 8 lines of code or one displayed equation a minute."""
        exact = self.words / WORDS_A_MINUTE + self.lines / LINES_A_MINUTE + self.displays
        return 5 * math.ceil(exact / 5)


def is_visible(cell: NotebookNode) -> bool:
    """Whether readers see the cell's code without asking for it."""
    return not FOLDED & set(cell.metadata.get("tags", []))


def separated(notebook: NotebookNode) -> Iterator[tuple[NotebookNode, bool]]:
    """Each cell, and whether it is a solution's; prose is cut where a solution begins or ends.

    In a chapter the cell in which a solution ends also holds the exercise that follows it.
    """
    inside = False
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            yield cell, inside
            continue
        for piece in SOLUTION_EDGE.split(cell.source):
            inside = inside or SOLUTION_START in piece
            if piece.strip():
                yield new_markdown_cell(piece.strip(), metadata=cell.metadata), inside
            inside = inside and SOLUTION_END not in piece


def solution_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The cells of solutions, those with the marks of their start and end among them."""
    return [cell for cell, inside in separated(notebook) if inside]


def lesson_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The cells without those of solutions."""
    return [cell for cell, inside in separated(notebook) if not inside]


def main_path(notebook: NotebookNode) -> list[NotebookNode]:
    """The cells before the heading *Exercises*; all if there is none."""
    kept = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and EXERCISES.search(cell.source):
            break
        kept.append(cell)
    return kept


def code_lines(source: str) -> list[str]:
    """The lines of code that are not blank."""
    return [line for line in source.splitlines() if line.strip()]


def reading(notebook: NotebookNode) -> Reading:
    """Words, visible lines and displayed equations on the main path."""
    words = lines = displays = 0
    for cell in main_path(notebook):
        if cell.cell_type == "code":
            lines += len(code_lines(cell.source)) if is_visible(cell) else 0
        elif cell.cell_type == "markdown":
            displays += len(DISPLAY.findall(cell.source))
            words += len(DIRECTIVE.sub("", DISPLAY.sub("", cell.source)).split())
    return Reading(words, lines, displays)


def state_minutes(notebook: NotebookNode) -> None:
    """Write into *Before you start* the minutes that the main path takes."""
    minutes = str(reading(notebook).minutes)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = TIME.sub(minutes, cell.source)


def assertion_lines(source: str) -> int:
    """How many lines of a cell belong to assertions."""
    count = 0
    for node in ast.walk(ast.parse(source)):
        called = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
        name = ast.unparse(node.value.func).split(".")[-1] if called else ""  # type: ignore[attr-defined]
        if isinstance(node, ast.Assert) or name.startswith("assert"):
            count += (node.end_lineno or node.lineno) - node.lineno + 1  # type: ignore[attr-defined]
    return count


def visible_assertions(notebook: NotebookNode) -> tuple[int, int]:
    """Lines of assertions, and all lines, of the code that is visible outside solutions."""
    sources = [c.source for c in lesson_cells(notebook) if c.cell_type == "code" and is_visible(c)]
    return sum(map(assertion_lines, sources)), sum(len(code_lines(s)) for s in sources)


def outer_names(source: str) -> tuple[set[str], set[str]]:
    """The names that code gives a meaning to, and those that it relies on, without local ones."""
    top = symtable.symtable(source, "cell", "exec")
    binds = (s for s in top.get_symbols() if s.is_assigned() or s.is_imported() or s.is_namespace())
    bound, read, tables = {symbol.get_name() for symbol in binds}, set(), [top]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        for symbol in table.get_symbols():
            if symbol.is_referenced() and (table is top or symbol.is_global()):
                read.add(symbol.get_name())
    return bound, read


def names_from_folded_cells(notebook: NotebookNode) -> dict[int, set[str]]:
    """Names that a visible cell reads and that no cell in sight, nor the first, has bound.

    The words of an exercise may name others: `rolls`, say.
    """
    known, missing, first = set(dir(builtins)), {}, True
    for i, cell in enumerate(notebook.cells):
        if EXERCISE_START in cell.source:
            known |= set(NAMED.findall(cell.source))
        if cell.cell_type != "code":
            continue
        if first or is_visible(cell):
            bound, read = outer_names(cell.source)
            known |= bound
            if not first and (unknown := read - known):
                missing[i] = unknown
        first = False
    return missing


def names_from_solutions(notebook: NotebookNode) -> set[str]:
    """Names that the lesson reads and only solutions bind: without these it does not run."""
    lesson, solved = (
        outer_names("\n".join(cell.source for cell in cells if cell.cell_type == "code"))
        for cells in (lesson_cells(notebook), solution_cells(notebook))
    )
    return lesson[1] & (solved[0] - lesson[0])


def names_from_other_solutions(notebook: NotebookNode) -> dict[str, set[str]]:
    """Of each exercise the names that its solution reads and only solutions of others bind.

    Cells count in whatever order they stand.
    """
    lesson, label = "", ""
    solutions: dict[str, str] = {}
    for cell, inside in separated(notebook):
        if cell.cell_type == "markdown":
            label = found[1] if (found := SOLUTION_OF.search(cell.source)) else label
        elif cell.cell_type == "code" and inside:
            solutions[label] = f"{solutions.get(label, '')}\n{cell.source}"
        elif cell.cell_type == "code":
            lesson += f"\n{cell.source}"
    known, names = outer_names(lesson)[0], {k: outer_names(s) for k, s in solutions.items()}
    of_solutions = set().union(*(bound for bound, _ in names.values()))
    missing = {k: read & of_solutions - bound - known for k, (bound, read) in names.items()}
    return {k: found for k, found in missing.items() if found}


def print_reading(chapters: Path = CHAPTERS) -> None:
    """Say what each chapter asks of its reader."""
    print(f"{'chapter':24}{'words':>7}{'lines':>7}{'displays':>10}{'minutes':>9}{'asserts':>9}")
    for path in sorted(chapters.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        r, (asserts, lines) = reading(notebook), visible_assertions(notebook)
        share = asserts / max(lines, 1)
        print(f"{path.stem:24}{r.words:7}{r.lines:7}{r.displays:10}{r.minutes:9}{share:9.1%}")
        for i, names in names_from_folded_cells(notebook).items():
            print(f"    cell {i} reads what only folded cells define: {', '.join(sorted(names))}")
