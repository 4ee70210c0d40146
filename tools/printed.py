"""The chapters as a printed book has them: figures that stand still, answers at the end.

What a page can do and paper cannot is put in other words here, before Sphinx sees the chapters.
"""

import ast
import base64
import copy
import json
import re
import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from bs4 import BeautifulSoup
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook, new_output
from PIL import Image

from emlib.book.recall import Question, questions
from tools.asked import asked, given
from tools.copies import plain_code, source_of, title
from tools.notebooks import dumps
from tools.paths import ROOT, write_atomically
from tools.reading import lesson_cells, solution_cells
from tools.references import References, chapter_numbers, parts

EXERCISE = re.compile(r"^```\{exercise-start\} (.*)\n:label: (\S+)\n```\n", re.MULTILINE)
EXERCISE_END = re.compile(r"^```\{exercise-end\}\n```$", re.MULTILINE)
SOLUTION = re.compile(r"^```\{solution-start\} (\S+)\n(?::.*\n)*```\n?", re.MULTILINE)
SOLUTION_END = re.compile(r"^```\{solution-end\}\n```$", re.MULTILINE)
PROOF = re.compile(r"^(:{3,})\{prf:(\w+)\} *(.*)\n(?::label: (\S+)\n)?", re.MULTILINE)
TO_BOX = re.compile(r"\{(?:prf:ref|ref)\}`([\w-]+)`")
RAW_HTML = re.compile(r"^(`{3,}|:{3,})\{raw\} html\n.*?^\1$", re.MULTILINE | re.DOTALL)
SITE_LINK = re.compile(
    r"\[([^\]]*)\]\((?:\w+\.html|laboratory\.md)[^)]*\)|<a href=[\"']\w+\.html[^>]*>(.*?)</a>"
)
BUTTONS = re.compile(r"^(?:\*\*\[[^\]]*\]\([^)]*\)\*\* ?)+\n", re.MULTILINE)
ON_SCREEN = re.compile(r'<span class="on-s(?:creen|ite)">.*?</span>', re.DOTALL)
CODE_COMMENT = re.compile(r"`# Equations? [^`\n]*`")
TO_DO = re.compile(r" Drag [^.]*\.$")
RIGHT = re.compile(r"^Right\.\n", re.MULTILINE)
OPEN_AN_ANSWER = "Open an answer to see whether it is right, and why."
PIXELS_PER_INCH, LINE = 200, 6.0  # figures are saved so; inches of a line of print
STILLS = 4
TITLE = "Expectation–Maximization, Step by Step"
LETTERS = "abcdefgh"


def stills(frames: list[dict[str, str]]) -> list[dict[str, str]]:
    """The first, the last, and two between them; all if there are no more."""
    last = len(frames) - 1
    return [frames[i] for i in sorted({round(i * last / (STILLS - 1)) for i in range(STILLS)})]


def player_frames(html: str) -> list[dict[str, str]]:
    """All frames of a figure that moves."""
    script = BeautifulSoup(html, "html.parser").select_one("script")
    if script is None or script.string is None:
        raise ValueError("the output is no player: it has no frames")
    frames: list[dict[str, str]] = json.loads(script.string)
    return frames


def frame_png(frame: dict[str, str]) -> bytes:
    """The picture of a frame."""
    return base64.b64decode(frame["src"].split(",", 1)[1])


def share_of_line(png: bytes) -> int:
    """How much of a line of print a figure takes, in per cent."""
    with Image.open(BytesIO(png)) as image:
        return min(100, round(100 * image.width / PIXELS_PER_INCH / LINE))


def in_rows(frames: list[dict[str, str]]) -> str:
    """One picture, base64, of several: two in a row."""
    pictures = [Image.open(BytesIO(frame_png(frame))).convert("RGB") for frame in frames]
    width, height = pictures[0].size
    sheet = Image.new("RGB", (2 * width, (len(pictures) + 1) // 2 * height), "white")
    for i, picture in enumerate(pictures):
        sheet.paste(picture, (i % 2 * width, i // 2 * height))
    buffer = BytesIO()
    sheet.quantize(256, method=Image.Quantize.MEDIANCUT).save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def still_player(cell: NotebookNode, html: str) -> NotebookNode:
    """A figure with the telling frames of a player, two in a row, and what each of them is."""
    chosen = stills(player_frames(html))
    said = "; ".join(frame["label"] for frame in chosen)
    figure = cell.metadata["mystnb"]["figure"]
    figure["caption"] = f"{figure['caption'].strip()} Row by row: {said}.\n"
    cell.metadata["mystnb"]["image"] = {"alt": " ".join(frame["alt"] for frame in chosen)}
    cell.outputs = [new_output("display_data", {"image/png": in_rows(chosen)})]
    return without_code(with_width(cell))


def scene_picture(html: str) -> tuple[dict[str, str], str]:
    """The still picture of a scene of the laboratory, as a frame, and its caption."""
    page = BeautifulSoup(html, "html.parser")
    image, caption = page.select_one("img"), page.figcaption
    if image is None or caption is None:
        raise ValueError("the output is no scene: it has no picture or no caption")
    return {"src": str(image["src"]), "alt": str(image["alt"])}, caption.get_text()


def still_scene(cell: NotebookNode, html: str) -> Iterator[NotebookNode]:
    """The still picture of a scene of the laboratory, and below it what it is about."""
    frame, caption = scene_picture(html)
    cell.metadata["mystnb"] = NotebookNode(image=NotebookNode(alt=frame["alt"]))
    png = frame["src"].split(",", 1)[1]
    cell.outputs = [new_output("display_data", {"image/png": png})]
    yield without_code(with_width(cell))
    below = raw_latex(r"\nopagebreak")
    yield new_markdown_cell(f"{below}*{TO_DO.sub('', caption)}*")


def recall_asked(question: Question) -> str:
    """A recall question with its choices, as Markdown."""
    choices = (f"   - {choice.text}" for choice in question.choices)
    return "\n".join([f"1. {question.ask}", "", "   {.choices}", *choices])


def recall_answered(question: Question) -> str:
    """What is right, and why each choice is right or not, as Markdown."""
    reasons = (
        f"**{LETTERS[i]}{', right' if c.right else ''}.** {c.why}"
        for i, c in enumerate(question.choices)
    )
    return f"1. {' '.join(reasons)}"


def unbroken(name: str) -> str:
    """A name and its number, which stay in one line."""
    return name.replace(" ", "\N{NO-BREAK SPACE}")


def named(source: str, references: References) -> str:
    """Prose whose references to exercises and theorems say their number."""

    def with_number(match: re.Match[str]) -> str:
        target = references.targets.get(match[1])
        return f"{{ref}}`{unbroken(target.text)} <{match[1]}>`" if target else match[0]

    return TO_BOX.sub(with_number, source)


def on_paper(source: str, references: References) -> str:
    """Prose without what only a page can do, and with the numbers of equations in its code."""
    source = BUTTONS.sub("", RAW_HTML.sub("", ON_SCREEN.sub("", source)))
    source = SITE_LINK.sub(lambda link: link[1] or link[2], source)
    source = source.replace(OPEN_AN_ANSWER, "What is right, and why, is at the end of the book.")
    return CODE_COMMENT.sub(lambda comment: plain_code(comment[0], references), source)


def boxes(source: str, references: References) -> str:
    """Prose in which exercises are headings, and theorems boxes with their number as text."""

    def exercise(match: re.Match[str]) -> str:
        name = references.targets[match[2]].text
        return f"({match[2]})=\n### {{ref}}`{name} <sol-{match[2]}>`. {match[1]}\n\n"

    def solution(match: re.Match[str]) -> str:
        name = references.targets[match[1]].text
        return f"(sol-{match[1]})=\n### {{ref}}`{name} <{match[1]}>`\n\n"

    def proof(match: re.Match[str]) -> str:
        fence, kind, words, label = match.groups()
        name = references.targets[label].text if label else kind.title()
        words = f" ({words})" if words else ""
        anchor = f"({label})=\n" if label else ""
        return f"{anchor}{fence}{{admonition}} {name}{words}\n:class: {kind}\n"

    source = named(on_paper(source, references), references)  # before links are added here
    source = EXERCISE_END.sub("", EXERCISE.sub(exercise, source))
    source = SOLUTION_END.sub("", SOLUTION.sub(solution, source))
    return PROOF.sub(proof, source)


def without_code(cell: NotebookNode) -> NotebookNode:
    """The cell's outputs alone."""
    cell.metadata["tags"] = ["remove-input"]
    return cell


def printed_code(cell: NotebookNode, references: References) -> Iterator[NotebookNode]:
    """A code cell as print has it: what is folded on the site has its outputs only."""
    cell = copy.deepcopy(cell)
    figure = cell.metadata.get("mystnb", {}).get("figure", {})
    if "caption" in figure:
        figure["caption"] = named(figure["caption"], references)
    tags = cell.metadata.get("tags", [])
    html = "".join(output.get("data", {}).get("text/html", "") for output in cell.outputs)
    if "em-player" in html:
        yield still_player(cell, html)
    elif "em-scene" in html:
        yield from still_scene(cell, html)
    elif "em-recall" in html:
        chapter = BeautifulSoup(html, "html.parser").select_one("[data-chapter]")
        assert chapter
        yield new_markdown_cell(
            "\n\n".join(map(recall_asked, questions(str(chapter["data-chapter"]))))
        )
    elif "check" in tags:
        words = cell.source.split("\n", 1)[0].removeprefix("# ")
        yield new_markdown_cell(f"*{words}.*")
        yield without_code(cell)
    elif "hide-input" in tags:
        yield without_code(with_width(cell))
    elif asked(cell.source):
        if data := given(cell.source):
            cell.source, cell.outputs = data, []
            yield cell
    else:
        cell.source = plain_code(without_checks(cell.source), references).strip()
        yield with_width(without_verdicts(cell))


def without_checks(code: str) -> str:
    """Code in which an answer that was handed to `check` is only named, if it had no name yet."""
    lines = code.split("\n")
    for node in reversed(ast.parse(code).body):
        call = node.value if isinstance(node, ast.Expr) else None
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "check":
            answer = call.args[1]
            said = (ast.get_source_segment(code, answer) or "").replace("\n    ", "\n")
            named = isinstance(answer, ast.Name)
            lines[node.lineno - 1 : node.end_lineno] = [] if named else [f"answer = {said}"]
    return "\n".join(lines)


def without_verdicts(cell: NotebookNode) -> NotebookNode:
    """The cell without what `check` says of an answer that is known to be right."""
    for output in cell.outputs:
        if "text" in output:
            output.text = RIGHT.sub("", output.text)
    cell.outputs = [output for output in cell.outputs if output.get("text", " ")]
    return cell


def with_width(cell: NotebookNode) -> NotebookNode:
    """The cell, whose picture takes as much of the line as it was drawn for."""
    for output in cell.outputs:
        if png := output.get("data", {}).get("image/png"):
            settings = cell.metadata.setdefault("mystnb", NotebookNode())
            image = settings.setdefault("image", NotebookNode())
            image["width"] = f"{share_of_line(base64.b64decode(png))}%"
    return cell


def printed(cells: list[NotebookNode], references: References) -> Iterator[NotebookNode]:
    """Cells of a page as print has them."""
    for cell in cells:
        if cell.cell_type == "code":
            yield from printed_code(cell, references)
        else:
            yield new_markdown_cell(boxes(cell.source, references))


def as_text(cells: list[NotebookNode]) -> str:
    """The file of a notebook with these cells."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return dumps(new_notebook(cells=cells, metadata={"kernelspec": kernel}))


def raw_latex(*commands: str) -> str:
    """Commands for LaTeX alone."""
    return "\n".join(["```{raw} latex", *commands, "```", "", ""])


def beginning(page: str, part: str, pages: list[str], numbers: dict[str, int]) -> str:
    """What stands before a page: for LaTeX its part, and whether chapters have numbers here."""
    numbered = r"\numberedchapters" if page in numbers else r"\unnumberedchapters"
    return raw_latex(*([rf"\bookpart{{{part}}}"] if part and page == pages[0] else []), numbered)


def answer_page(page: str, references: References, chapters: Path) -> str:
    """The page with a chapter's answers: to its recall questions, and its solutions."""
    notebook = source_of(page, chapters)
    number = chapter_numbers()[page]
    heading = [f"# {number} {title(page, chapters)}", "", "## Recall", ""]
    recall = "\n\n".join(map(recall_answered, questions(page)))
    first = new_markdown_cell("\n".join([*heading, recall, "", "## Solutions"]))
    solutions = printed(solution_cells(notebook), references)
    return as_text([first, *solutions])


def toctree(caption: str, pages: list[str], *, numbered: bool) -> str:
    """The directive that puts pages into the book."""
    lines = ["```{toctree}", *([f":caption: {caption}"] if caption else [])]
    lines += [":numbered: 1"] if numbered else []
    return "\n".join([*lines, "", *(f"chapters/{page}" for page in pages), "```", ""])


def print_source(chapters: Path, source: Path, *, own_index: bool = False) -> None:
    """Write all that Sphinx is to see of the chapters into an empty folder.

    The laboratory is left out, and with `own_index`, that is by pages, so is the one by links.
    """
    elsewhere = {"laboratory", *(["word_index"] if own_index else [])}
    references, numbers = References(chapters), chapter_numbers()
    folder = source / "chapters"
    folder.mkdir(parents=True)
    shutil.copy(chapters / "references.bib", folder)
    about = (ROOT / "print" / "about.md").read_text(encoding="utf8")
    about = raw_latex(r"\unnumberedchapters") + about
    write_atomically(folder / "about.md", about)
    book = [f"# {TITLE}", "", toctree("", ["about", "intro"], numbered=False)]
    for part, listed in parts():
        pages = [page for page in listed if page not in elsewhere]
        for page in pages:
            cells = copy.deepcopy(lesson_cells(source_of(page, chapters)))
            if page == "intro":
                cells[0].source = cells[0].source.replace(f"# {TITLE}", "# Introduction", 1)
            made = list(printed(cells, references))
            made[0].source = beginning(page, part, pages, numbers) + made[0].source
            if (chapters / f"{page}.md").exists():
                write_atomically(folder / f"{page}.md", f"{made[0].source}\n")
            else:
                write_atomically(folder / f"{page}.ipynb", as_text(made))
        if part:
            book.append(toctree(part, pages, numbered=pages[0] in numbers))
        if set(pages) & set(numbers) and pages[-1] == list(numbers)[-1]:
            book.append(answers(numbers, references, chapters, folder))
    write_atomically(source / "book.md", "\n".join(book))


def answers(numbers: dict[str, int], references: References, chapters: Path, folder: Path) -> str:
    """Write the pages of answers, and return the directive that puts them into the book."""
    for page in numbers:
        text = answer_page(page, references, chapters)
        write_atomically(folder / f"answers_{page}.ipynb", text)
    begin = raw_latex(r"\unnumberedchapters", r"\answersbegin")
    end = raw_latex(r"\answersend")
    inner = toctree("", [f"answers_{page}" for page in numbers], numbered=False)
    words = "To the recall questions of each chapter, and to its exercises."
    inner = inner.replace("chapters/", "")
    write_atomically(folder / "answers.md", f"{begin}# Answers\n\n{words}\n\n{inner}\n{end}")
    return toctree("Answers", ["answers"], numbered=False)
