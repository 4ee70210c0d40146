"""Sphinx extension: where an answer is numbers, a reader types it on the page itself."""

import html
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

from emlib.book.answers import can_be_typed, concealed
from emlib.book.exercises.checking import OPEN, Exercise, find
from tools.asked import asked, given

IN_NOTEBOOK = (
    "<p class='em-in-notebook'>This answer needs Python: "
    "<a href='../_sources/{page}-exercises.ipynb' download>take the chapter's notebook</a>, put "
    "your answer where the dots are, and <code>check</code> tells you whether it is right.</p>"
)
FORM = """<form class="em-answer" data-exercise="{name}" data-key="{key}">
<label for="{place}">{label}</label>
<input id="{place}" type="text" autocomplete="off" autocapitalize="off" spellcheck="false">
<button type="submit">Check</button>
<p class="em-said"></p>
</form>"""


def label_of(comment: str) -> str:
    """What stands above the field, from what stands behind the dots."""
    return f"Y{comment[1:]}" if comment.startswith("your answer") else f"Your answer: {comment}"


def form(name: str, comment: str, exercise: Exercise) -> str:
    """A field for the answer, with what is needed to judge it."""
    return FORM.format(
        name=name,
        place=f"answer-{name.replace('.', '-').replace('_', '-')}",
        label=html.escape(label_of(comment or "your answer")),
        key=html.escape(concealed(exercise)),
    )


class Answers(SphinxPostTransform):
    """Put a field, or the way to the notebook, in place of each cell that waits for an answer."""

    default_priority = 600

    def run(self, **_: Any) -> None:
        """Look at every cell of the page."""
        for cell in list(self.document.findall(nodes.container)):
            if "cell" in cell["classes"] and OPEN in cell.children[-1].astext():
                self.put(cell)

    def put(self, cell: nodes.container) -> None:
        """Keep of the cell what the question gives; where nothing can be typed, all its code."""
        code_input, code = cell[0], next(iter(cell.findall(nodes.literal_block)))
        questions = asked(code.astext())
        exercises = [find(name) for _, name in questions]
        numbers = [exercise for exercise in exercises if can_be_typed(exercise)]
        text = IN_NOTEBOOK.format(page=self.env.docname)
        if len(numbers) == len(exercises):
            fields = zip(questions, numbers, strict=True)
            text = "\n".join(form(name, said, number) for (said, name), number in fields)
            if data := given(code.astext()):
                code.replace_self(nodes.literal_block(data, data, **code.attributes))
            else:
                cell.remove(code_input)
        cell.pop(-1)
        cell.append(nodes.raw("", text, format="html"))
        cell["classes"].append("em-question")


def load_script(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document
) -> None:
    """Load the script on pages where something can be typed, and on no other."""
    if 'class="em-answer"' in context.get("body", ""):
        app.add_js_file("answers.js", priority=400, defer="defer")


def setup(app: Sphinx) -> dict[str, Any]:
    """Work on every page once its outputs are chosen."""
    app.add_post_transform(Answers)
    app.connect("html-page-context", load_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
