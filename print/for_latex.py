"""Sphinx extension: print has the site's numbers, and its tables fit the page."""

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.math import wrap_displaymath
from sphinx.writers.latex import LaTeXTranslator

from tools.references import targets

TEX = re.compile(r"\\[A-Za-z]+|[{}_^]")


def printed_numbers(app: Sphinx) -> dict[str, str]:
    """The number of every equation and figure, by its label."""
    found = targets(Path(app.config.numbered_chapters)).items()
    return {label: target.text.removeprefix("Fig. ").strip("()") for label, target in found}


def number(app: Sphinx, env: BuildEnvironment) -> None:
    """Give equations and figures their numbers, for references and for books without LaTeX."""
    app.env.book_numbers = numbers = printed_numbers(app)  # type: ignore[attr-defined]
    places = {nodes.make_id(f"equation-{label}"): text for label, text in numbers.items()}
    figures = {nodes.make_id(label): text for label, text in numbers.items()}
    for found in env.toc_fignumbers.values():
        for kind, known in (("displaymath", places), ("figure", figures)):
            for place in found.get(kind, {}):
                if place in known:
                    found[kind][place] = tuple(map(int, known[place].split(".")))


def visit_math_block(self: LaTeXTranslator, node: nodes.math_block) -> None:
    """Write a displayed equation, with the site's number as its tag."""
    label = node.get("label")
    numbers = self.builder.env.book_numbers  # type: ignore[attr-defined]
    if label not in numbers:
        self.body.append(wrap_displaymath(node.astext(), None, numbering=False))
    else:
        place = f"equation:{node['docname']}:{label}"
        self.body.append(
            "\\begin{equation}\n\\begin{split}" + node.astext().strip() + "\\end{split}\n"
            f"\\tag{{{numbers[label]}}}\\label{{{place}}}\n\\end{{equation}}"
        )
    raise nodes.SkipNode


def visit_caption(self: LaTeXTranslator, node: nodes.caption) -> None:
    """Begin a figure's caption, with the site's number, and without a list of figures."""
    numbers = self.builder.env.book_numbers  # type: ignore[attr-defined]
    known = {nodes.make_id(label): text for label, text in numbers.items()}
    for place in node.parent["ids"]:
        if place in known:
            self.body.append(f"\\def\\thefigure{{{known[place]}}}")
    self.in_caption += 1
    self.body.append(r"\caption[]{")


class Tables(SphinxPostTransform):
    """Fit tables to the page: columns as wide as their words need, long tables on two pages."""

    default_priority = 900
    formats = ("latex",)
    line, padding, tall = 84, 4, 24  # characters of a line, and between columns; lines of a table

    def run(self, **_: Any) -> None:
        """Look at every table, and give an empty cell a line of its own, for LaTeX makes it two."""
        for table in list(self.document.findall(nodes.table)):
            rows = [[shown(cell) for cell in row] for row in table.findall(nodes.row)]
            columns = list(zip(*rows, strict=False))
            widths = self.widths(columns)
            if sum(self.longest(column) for column in columns) > self.line:
                table["classes"].append("colwidths-given")
                for spec, width in zip(table.findall(nodes.colspec), widths, strict=True):
                    spec["colwidth"] = width
            if sum(self.lines(row, widths) for row in rows) > self.tall:
                table["classes"].append("longtable")
                self.begin_with_heading(table)
            for cell in table.findall(nodes.entry):
                if all(
                    isinstance(node, nodes.paragraph) for node in cell.findall() if node is not cell
                ):
                    cell.children = []
                    cell += nodes.paragraph("", "", nodes.raw("", r"\mbox{}", format="latex"))

    def begin_with_heading(self, table: nodes.table) -> None:
        """Let the heading right above a table begin the page where there is no room for both."""
        section = table.parent
        above = section.children[: section.index(table)]
        if above and all(isinstance(node, nodes.title | addnodes.index) for node in above):
            room = nodes.raw("", r"\needspace{0.2\textheight}", format="latex")
            section.parent.insert(section.parent.index(section), room)

    def longest(self, column: tuple[str, ...]) -> int:
        """What a column takes if no cell is broken, with what stands between two columns."""
        return max(map(len, column)) + self.padding

    def widths(self, columns: list[tuple[str, ...]]) -> list[int]:
        """Room for the longest word of each column; what is left goes where it is wanted."""
        words = [
            max((len(word) for cell in column for word in cell.split()), default=0) + self.padding
            for column in columns
        ]
        wanted = [self.longest(column) - word for column, word in zip(columns, words, strict=True)]
        share = min(1.0, max(0, self.line - sum(words)) / max(1, sum(wanted)))
        return [round(word + share * more) for word, more in zip(words, wanted, strict=True)]

    def lines(self, row: list[str], widths: list[int]) -> int:
        """About the lines of the row's longest cell."""
        rooms = [width - self.padding for width in widths]
        return max(-(-len(cell) // max(1, room)) for cell, room in zip(row, rooms, strict=False))


class TogetherOnAPage(SphinxPostTransform):
    """Keep a short program and what it prints on one page, or each alone, and short boxes."""

    default_priority = 900
    formats = ("latex",)
    most, frame, line, formula = 20, 2, 84, 3  # lines; characters of a line; lines of a formula

    def run(self, **_: Any) -> None:
        """Mark every cell and box that is short enough, and the parts of what is longer."""
        for node in list(self.document.findall(self.is_whole)):
            short = self.lines(node) <= self.most
            parts = [part for part in node.children if not isinstance(part, nodes.title)]
            for part in [node] if short else parts:
                if 0 < self.lines(part) <= self.most:
                    together = nodes.container(classes=["together"])
                    part.replace_self(together)
                    together += part

    def is_whole(self, node: nodes.Node) -> bool:
        """Whether a node is a cell without a figure, which has its own place, or a box."""
        cell = isinstance(node, nodes.container) and "cell" in node["classes"]
        box = isinstance(node, nodes.Admonition) and isinstance(node.parent, nodes.section)
        return (cell or box) and not any(node.findall(nodes.image))

    def lines(self, node: nodes.Node) -> int:
        """About how many lines a cell or a box takes."""
        found = self.frame if isinstance(node, nodes.Admonition) else 0
        for part in node.findall():
            if isinstance(part, nodes.literal_block):
                found += part.astext().count("\n") + 1 + self.frame
            elif isinstance(part, nodes.math_block):
                found += self.formula + part.astext().count(r"\\")
            elif isinstance(part, nodes.TextElement) and not isinstance(part, nodes.Inline):
                found += 1 + len(part.astext()) // self.line
        return found


class Choices(SphinxPostTransform):
    """Give the choices of a question letters, as a list and together on a page."""

    default_priority = 900

    def run(self, **_: Any) -> None:
        """Look for the lists that are marked as choices."""
        for found in list(self.document.findall(nodes.bullet_list)):
            if "choices" in found["classes"]:
                letters = nodes.enumerated_list("", *found.children, enumtype="loweralpha")
                letters.attributes.update({"prefix": "", "suffix": "."})
                found.replace_self(nodes.container("", letters, classes=["choices"]))


class GlossaryIndex(SphinxPostTransform):
    """Put a word of the glossary into the index where its meaning begins.

    Inside of the word LaTeX would write the entry in a form of its own, beside all others.
    """

    default_priority = 900
    formats = ("latex",)

    def run(self, **_: Any) -> None:
        """Move every entry of a word."""
        for term in self.document.findall(nodes.term):
            item = term.parent
            for entry in list(term.findall(addnodes.index)):
                entry.parent.remove(entry)
                item.children[-1][0].insert(0, entry)


def shown(cell: nodes.entry) -> str:
    """About the characters that a cell shows: those of a formula without its commands."""
    parts = cell.findall(nodes.Text)
    return "".join(TEX.sub("", p) if isinstance(p.parent, nodes.math) else p for p in parts)


def setup(app: Sphinx) -> dict[str, Any]:
    """Number once all pages are read, and write LaTeX with these numbers."""
    app.add_config_value("numbered_chapters", "", "env")
    for transform in (Tables, TogetherOnAPage, Choices, GlossaryIndex):
        app.add_post_transform(transform)
    app.connect("env-check-consistency", number)
    app.add_node(nodes.math_block, override=True, latex=(visit_math_block, None))
    app.add_node(
        nodes.caption, override=True, latex=(visit_caption, LaTeXTranslator.depart_caption)
    )
    return {"parallel_read_safe": True, "parallel_write_safe": False}
