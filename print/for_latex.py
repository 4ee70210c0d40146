"""Sphinx extension: print has the site's numbers, and its tables fit the page."""

import re
from pathlib import Path
from typing import Any

from docutils import nodes
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


class ColumnWidths(SphinxPostTransform):
    """Give the columns of tables that would not fit the page widths by what is in them."""

    default_priority = 900
    formats = ("latex",)
    line, widest, long = 80, 48, 30  # characters, characters, and rows: LaTeX breaks a long table

    def run(self, **_: Any) -> None:
        """Measure each column by its longest cell, and by its longest word."""
        for table in self.document.findall(nodes.table):
            rows = [[shown(cell) for cell in row] for row in table.findall(nodes.row)]
            columns = list(zip(*rows, strict=False))
            longest = [max(map(len, column)) for column in columns]
            if sum(longest) > self.line or len(rows) > self.long:
                table["classes"].append("colwidths-given")
                for spec, column in zip(table.findall(nodes.colspec), columns, strict=True):
                    spec["colwidth"] = self.width(column)

    def width(self, column: tuple[str, ...]) -> int:
        """Room for the longest word, and for the longest cell unless that is very long."""
        word = max((len(word) for cell in column for word in cell.split()), default=0)
        return max(round(1.2 * word), 6, min(max(map(len, column)), self.widest))


def shown(cell: nodes.entry) -> str:
    """About the characters that a cell shows: those of a formula without its commands."""
    parts = cell.findall(nodes.Text)
    return "".join(TEX.sub("", p) if isinstance(p.parent, nodes.math) else p for p in parts)


def setup(app: Sphinx) -> dict[str, Any]:
    """Number once all pages are read, and write LaTeX with these numbers."""
    app.add_config_value("numbered_chapters", "", "env")
    app.add_post_transform(ColumnWidths)
    app.connect("env-check-consistency", number)
    app.add_node(nodes.math_block, override=True, latex=(visit_math_block, None))
    app.add_node(
        nodes.caption, override=True, latex=(visit_caption, LaTeXTranslator.depart_caption)
    )
    return {"parallel_read_safe": True, "parallel_write_safe": False}
