"""The printed book: what becomes of the chapters, the EPUB's structure, the PDF where TeX is."""

import base64
import csv
import importlib.util
import io
import json
import re
import shutil
import subprocess
from datetime import UTC, datetime
from xml.etree import ElementTree
from zipfile import ZIP_STORED, ZipFile

import nbformat
import pytest
from bs4 import BeautifulSoup
from docutils import nodes
from nbformat.v4 import new_code_cell
from PIL import Image
from sphinx import addnodes

from emlib.book.recall import questions
from tools.notebooks import load
from tools.paths import CHAPTERS, ROOT
from tools.press import build_epub, identifier, misfits, needs, packed, source_date, valid
from tools.printed import (
    boxes,
    frame_png,
    player_frames,
    print_source,
    printed_code,
    stills,
)
from tools.references import References, chapter_numbers
from tools.slides import write_figures

spec = importlib.util.spec_from_file_location("for_latex", ROOT / "print" / "for_latex.py")
for_latex = importlib.util.module_from_spec(spec)
spec.loader.exec_module(for_latex)

OPF = "{http://www.idpf.org/2007/opf}"


@pytest.fixture(scope="module")
def book():
    return References()


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("print")
    print_source(CHAPTERS, folder)
    return folder / "chapters"


@pytest.fixture(scope="module")
def epub(tmp_path_factory):
    # A warning of Sphinx is an error: the build stops and says why.
    with ZipFile(build_epub(CHAPTERS, tmp_path_factory.mktemp("epub") / "book.epub")) as archive:
        yield archive


def prose(path):
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


@pytest.mark.parametrize("page", chapter_numbers())
def test_every_exercise_is_printed_once_and_its_solution_at_the_end(source, page):
    stored = prose(CHAPTERS / f"{page}.ipynb")
    labels = re.findall(r"\{exercise-start\}.*\n:label: (\S+)", stored)
    assert len(labels) == stored.count("{exercise-start}") > 5
    lesson, answers = prose(source / f"{page}.ipynb"), prose(source / f"answers_{page}.ipynb")
    for label in labels:
        assert lesson.count(f"({label})=\n### ") == 1
        assert answers.count(f"(sol-{label})=\n### ") == 1
    assert "(sol-" not in lesson
    assert "\n## Summary" in lesson


@pytest.mark.parametrize("page", chapter_numbers())
def test_recall_questions_are_asked_in_the_chapter_and_answered_at_the_end(source, page):
    lesson, answers = prose(source / f"{page}.ipynb"), prose(source / f"answers_{page}.ipynb")
    for question in questions(page):
        assert question.ask in lesson
        for choice in question.choices:
            assert choice.text in lesson
            assert choice.why in answers
            assert choice.why not in lesson
    rights = re.findall(r"\*\*([a-h]), right\.\*\*", answers)
    expected = [[c.right for c in question.choices].index(True) for question in questions(page)]
    assert rights == ["abcdefgh"[i] for i in expected]


def test_nothing_is_printed_that_only_a_page_can_do(source):
    for path in source.glob("*.ipynb"):
        for cell in load(path).cells:
            assert "hide-input" not in cell.metadata.get("tags", [])
            outputs = json.dumps(cell.get("outputs", []))
            assert "text/html" not in outputs
            assert "IPython.core.display" not in outputs
            assert "Not answered yet" not in outputs
            if cell.cell_type == "markdown":
                assert not re.search(r"\{(?:prf|exercise|solution)|\{raw\} html", cell.source)


def test_a_player_is_printed_as_its_first_and_last_frames_and_two_between(book):
    assert [f["label"] for f in stills([{"label": i} for i in range(10)])] == [0, 3, 6, 9]
    assert [f["label"] for f in stills([{"label": i} for i in range(2)])] == [0, 1]
    page = load(CHAPTERS / "em_by_hand.ipynb")
    cell = next(c for c in page.cells if "plotting.player(" in c.source)
    frames = player_frames(cell.outputs[0].data["text/html"])
    (still,) = printed_code(cell, book)
    about = still.metadata["mystnb"]
    assert about["figure"]["name"] == cell.metadata["mystnb"]["figure"]["name"]
    assert frames[0]["label"] in about["figure"]["caption"]
    assert frames[-1]["label"] in about["figure"]["caption"]
    assert frames[-1]["alt"] in about["image"]["alt"]
    sizes = [
        Image.open(io.BytesIO(png)).size
        for png in (base64.b64decode(still.outputs[0].data["image/png"]), frame_png(frames[0]))
    ]
    assert sizes[0] == (2 * sizes[1][0], 2 * sizes[1][1])


def test_exercises_theorems_and_code_have_the_numbers_of_the_site(book):
    number = book.targets["ex-hand-six"].text
    text = "```{exercise-start} Warm-up: x\n:label: ex-hand-six\n```\nAsk.\n```{exercise-end}\n```"
    assert boxes(text, book).startswith(f"(ex-hand-six)=\n### {{ref}}`{number} <sol-ex-hand-six>`.")
    name = book.targets["thm-em-jensen"].text
    text = ":::{prf:theorem} Title\n:label: thm-em-jensen\n\nIt holds.\n:::"
    assert boxes(text, book).startswith(f"(thm-em-jensen)=\n:::{{admonition}} {name} (Title)")
    kept = name.replace(" ", "\N{NO-BREAK SPACE}")
    assert boxes("By {prf:ref}`thm-em-jensen`.", book) == f"By {{ref}}`{kept} <thm-em-jensen>`."
    assert boxes("See {ref}`some-section`.", book) == "See {ref}`some-section`."


def test_the_data_given_for_an_exercise_are_printed_and_the_empty_answer_is_not(book):
    cell = new_code_cell('x = [1, 2]\n\nanswer = ...  # yours\ncheck("a.b", answer)')
    assert [c.source for c in printed_code(cell, book)] == ["x = [1, 2]"]
    cell = new_code_cell('answer = ...  # yours\ncheck("a.b", answer)')
    assert not list(printed_code(cell, book))


def test_a_solution_says_what_it_hands_to_the_check(book):
    def shown(code):
        return [cell.source for cell in printed_code(new_code_cell(code), book)]

    assert shown('m = 1\ncheck("a.b", f(m) / 2)\nprint(m)') == [
        "m = 1\nanswer = f(m) / 2\nprint(m)"
    ]
    assert shown('a = 1\ncheck("a.b", a)') == ["a = 1"]
    assert shown('check(\n    "a.b",\n    [\n        1,\n        2,\n    ],\n)') == [
        "answer = [\n    1,\n    2,\n]"
    ]


def test_what_only_a_page_can_do_is_not_asked_on_paper(source, book):
    text = 'Rise.<span class="on-screen"> Drag\na mean.</span> Fall.'
    assert boxes(text, book) == "Rise. Fall."
    assert boxes("**[Start](a.ipynb)** **[Lab](laboratory.md)**\n\nText", book).strip() == "Text"
    assert boxes("In [the laboratory](laboratory.md).", book) == "In the laboratory."
    number = book.targets["lat-gaussian"].text
    assert boxes("As `# Equation lat-gaussian` says", book) == f"As `# Equation {number}` says"
    for path in source.glob("*.ipynb"):
        if path.stem not in ("intro", "study"):
            asks = r"\b(?:[Dd]rag|[Cc]lick|[Pp]ress|slider|folded cell)\b(?! flat)|\*Play\*"
            assert not re.search(asks, prose(path)), path.stem


def test_the_epub_begins_as_readers_want_it_and_lists_what_it_has(epub):
    first = epub.infolist()[0]
    assert (first.filename, first.compress_type) == ("mimetype", ZIP_STORED)
    assert epub.read("mimetype") == b"application/epub+zip"
    listing = ElementTree.fromstring(epub.read("content.opf"))
    listed = {item.attrib["href"]: item for item in listing.iter(f"{OPF}item")}
    own = {"mimetype", "META-INF/container.xml", "content.opf"}
    assert set(epub.namelist()) - own == set(listed)
    for name in epub.namelist():
        if name.endswith(".xhtml"):
            formulas = b"<math" in epub.read(name)
            assert formulas == ("mathml" in listed[name].attrib.get("properties", ""))


def test_what_an_epub_may_not_have_is_mended_in_it(epub):
    pages = [epub.read(name).decode() for name in epub.namelist() if name.endswith(".xhtml")]
    assert not [page for page in pages if re.search(r"<p>\s*<ul\b", page)]
    assert any("</mo><mspace" in page for page in pages)
    assert identifier(epub.read("content.opf").decode()) in epub.read("toc.ncx").decode()


def test_every_link_within_the_epub_leads_somewhere(epub):
    pages = {
        n: BeautifulSoup(epub.read(n), "html.parser")
        for n in epub.namelist()
        if n.endswith("xhtml")
    }
    places = {name: {tag["id"] for tag in page.select("[id]")} for name, page in pages.items()}
    for name, page in pages.items():
        folder = name.rpartition("/")[0]
        for tag in page.select("[href], [src]"):
            target, _, place = (tag.get("href") or tag["src"]).partition("#")
            if re.match(r"https?:|mailto:", target):
                continue
            parts = [*folder.split("/"), *target.split("/")] if target else name.split("/")
            resolved: list[str] = []
            for part in parts:
                resolved = resolved[:-1] if part == ".." else [*resolved, part]
            file = "/".join(part for part in resolved if part)
            assert file in epub.namelist(), f"{name}: {target}"
            if place and file in places:
                assert place in places[file], f"{name}: {target}#{place}"


def test_the_epub_shows_no_markup_and_the_numbers_of_the_site(epub, book):
    for page in (*chapter_numbers(), *(f"answers_{page}" for page in chapter_numbers())):
        soup = BeautifulSoup(epub.read(f"chapters/{page}.xhtml"), "html.parser")
        for code in soup.select("math, pre, code"):
            code.decompose()
        text = soup.get_text(" ")
        assert not re.search(r"\{\w+(?::\w+)?\}`|:::|\$\$|\{width|</?\w+>", text), page
        for figure in soup.select("figure[id]"):
            target = book.targets.get(figure["id"])
            if target:
                assert target.text in " ".join(figure.get_text(" ").split())


@pytest.mark.parametrize("page", chapter_numbers())
def test_equations_of_the_epub_have_the_numbers_of_the_site(epub, book, page):
    numbers = {}
    for name in (page, f"answers_{page}"):
        soup = BeautifulSoup(epub.read(f"chapters/{name}.xhtml"), "html.parser")
        for equation in soup.select("div.math[id]"):
            numbers[equation["id"]] = equation.select_one(".eqno").get_text()
    for label, target in book.targets.items():
        if target.page == page and target.text.startswith("("):
            assert target.text in numbers[f"equation-{label}"]


def test_a_function_stands_apart_from_its_argument_in_an_epub():
    log = "<mi>log</mi><mo>\N{FUNCTION APPLICATION}</mo>"
    apart = '<mspace width="0.167em"/>'
    assert valid(f"{log}<mi>x</mi>") == f"{log}{apart}<mi>x</mi>"
    in_brackets = f'{log}<mo stretchy="false">(</mo>'
    assert valid(in_brackets) == in_brackets


def test_equal_files_make_equal_epubs(tmp_path):
    made = []
    for name in ("a", "b"):
        folder = tmp_path / name
        (folder / "META-INF").mkdir(parents=True)
        for file in ("mimetype", "META-INF/container.xml", "page.xhtml"):
            (folder / file).write_text("<math/>", encoding="utf8")
        item = '<item id="i" href="page.xhtml" media-type="application/xhtml+xml" />'
        listing = f'<dc:identifier id="x">urn:uuid:1</dc:identifier>{item}'
        (folder / "content.opf").write_text(listing, encoding="utf8")
        (folder / "toc.ncx").write_text('name="dtb:uid" content="other"', encoding="utf8")
        made.append(packed(folder, tmp_path / f"{name}.epub", "1700000000").read_bytes())
        assert "urn:uuid:1" in (folder / "toc.ncx").read_text(encoding="utf8")
    assert made[0] == made[1]


def after(transform, *children):
    """What a transform makes of a section with these children."""
    page = nodes.section("", *children)
    run = object.__new__(transform)
    run.document = page
    run.run()
    return page


def table_of(rows):
    group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in rows[0]))
    body = nodes.tbody()
    for row in rows:
        cells = [nodes.entry("", *([nodes.paragraph("", text)] if text else [])) for text in row]
        body += nodes.row("", *cells)
    group += body
    return nodes.table("", group)


def test_columns_of_a_table_hold_their_longest_word_and_fill_the_line():
    long = "many words that go on " * 6
    page = after(for_latex.Tables, table_of([["week", "topic", long], ["1", "Mathematics", long]]))
    widths = [spec["colwidth"] for spec in page.findall(nodes.colspec)]
    assert widths[0] >= len("week") + 4
    assert widths[1] >= len("Mathematics") + 4
    assert 80 <= sum(widths) <= 88
    assert "colwidths-given" in page[0]["classes"]
    short = after(for_latex.Tables, table_of([["a", "b"], ["1", ""]]))
    assert "colwidths-given" not in short[0]["classes"]
    assert next(short.findall(nodes.raw)).astext() == r"\mbox{}"
    table = table_of([["a", "b"]])
    reference = nodes.paragraph("", "", nodes.reference())  # its number comes from LaTeX
    next(table.findall(nodes.entry)).children = [reference]
    assert not list(after(for_latex.Tables, table).findall(nodes.raw))


def test_a_table_with_many_lines_goes_on_to_the_next_page():
    long = "many words that go on " * 12
    for count, classes in ((2, False), (12, True)):
        page = after(for_latex.Tables, table_of([["chapter", long]] * count))
        assert ("longtable" in page[0]["classes"]) is classes
    table = table_of([["chapter", long]] * 12)
    title, entry = nodes.title("", "Letters"), addnodes.index(entries=[])
    page = after(for_latex.Tables, nodes.section("", title, entry, table))
    assert page[0].astext() == r"\needspace{0.2\textheight}"
    assert "longtable" in table["classes"]


@pytest.mark.parametrize(("code", "printed_lines", "kept"), [(9, 5, 1), (17, 9, 2), (30, 30, 0)])
def test_short_programs_and_outputs_are_kept_on_a_page(code, printed_lines, kept):
    blocks = [nodes.literal_block("", "\n".join("x" * n)) for n in (code, printed_lines)]
    parts = [nodes.container("", block) for block in blocks]
    page = after(for_latex.TogetherOnAPage, nodes.container("", *parts, classes=["cell"]))
    together = [n for n in page.findall(nodes.container) if "together" in n["classes"]]
    assert len(together) == kept
    assert not after(for_latex.TogetherOnAPage, nodes.container("", classes=["cell"]))[0].children


def test_the_title_of_a_box_that_is_longer_than_a_page_may_keep_stays_its_title():
    parts = [nodes.paragraph("", "words " * 200) for _ in range(3)]
    box = nodes.admonition("", nodes.title("", "Algorithm"), *parts)
    after(for_latex.TogetherOnAPage, nodes.section("", box))
    assert [type(part) for part in box] == [nodes.title, *[nodes.container] * 3]


def test_choices_have_letters_and_other_lists_have_not():
    items = [nodes.list_item("", nodes.paragraph("", text)) for text in ("one", "two")]
    page = after(for_latex.Choices, nodes.bullet_list("", *items, classes=["choices"]))
    assert page[0]["classes"] == ["choices"]
    assert page[0][0]["enumtype"] == "loweralpha"
    assert [item.astext() for item in page[0][0]] == ["one", "two"]
    assert isinstance(after(for_latex.Choices, nodes.bullet_list())[0], nodes.bullet_list)


def test_what_runs_off_a_line_or_a_page_is_said():
    log = (
        "Overfull \\hbox (3.1pt too wide) in paragraph at lines 1--2\n"
        "Overfull \\hbox (30.1pt too wide) in paragraph at lines 3--4\n"
        "Overfull \\vbox (253.3pt too high) has occurred while \\output is active []\n"
        "Missing character: There is no x in font y!\n"
    )
    assert [said.split("(")[-1].split("pt")[0] for said in misfits(log)][:2] == ["30.1", "253.3"]
    assert "no x in font" in misfits(log)[2]


def test_without_git_the_book_has_the_date_of_its_edition(monkeypatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    monkeypatch.setenv("PATH", "")
    day = datetime.fromtimestamp(int(source_date()), tz=UTC).date()
    assert f'date-released: "{day}"' in (ROOT / "CITATION.cff").read_text(encoding="utf8")


def test_a_missing_program_is_named_with_what_to_install():
    with pytest.raises(SystemExit, match=r"no-such-program cannot be found\. Install it\."):
        needs(("sh" if shutil.which("sh") else "python", "no-such-program"), "Install it.")


def has_tex():
    """Whether TeX is here, with the book's fonts."""
    if not shutil.which("latexmk") or not shutil.which("fc-list"):
        return False
    fonts = subprocess.run(["fc-list"], capture_output=True, encoding="utf8", check=True).stdout
    return "TeX Gyre Pagella Math" in fonts


@pytest.mark.skipif(not has_tex(), reason="needs TeX; make pdf tells how to get it")
def test_a_page_of_the_book_becomes_a_pdf(tmp_path):
    text = (
        "\\documentclass[openany,oneside]{book}\n\\usepackage{amsmath,titlesec,fancyhdr,hyperref}\n"
        "\\newenvironment{sphinxthebibliography}[1]{}{}\\def\\sphinxtermref#1{}\\usepackage{xcolor}\n"
        "\\newcommand*{\\sphinxhyphenininlineliteral}{-}\n"
        "\\usepackage{array,tabulary,etoolbox,fancyvrb}"
        "\\newcommand{\\sphinxtablepre}{}\\def\\sphinxattablestart{}\\def\\sphinxatlongtablestart{}"
        "\\newcommand{\\sphinxtablecontinued}[1]{}\\newcommand{\\sphinxstyleindexentry}[1]{}"
        "\\usepackage{fontspec}\\input{preamble.tex}\n\\begin{document}\n\\booktitlepage\n"
        "\\numberedchapters\\chapter{One} Lᵀ, x₁ and $\\theta$.\n\\end{document}\n"
    )
    (tmp_path / "book.tex").write_text(text, encoding="utf8")
    shutil.copy(ROOT / "print" / "preamble.tex", tmp_path)
    run = ["latexmk", "-xelatex", "-interaction=nonstopmode", "-halt-on-error", "book.tex"]
    subprocess.run(run, cwd=tmp_path, check=True, capture_output=True)
    log = (tmp_path / "book.log").read_text(encoding="utf8", errors="replace")
    assert (tmp_path / "book.pdf").read_bytes().startswith(b"%PDF")
    assert "Missing character" not in log


def test_the_archive_of_figures_has_each_with_its_number_caption_and_licence(tmp_path, book):
    count = write_figures(tmp_path / "figures.zip")
    with ZipFile(tmp_path / "figures.zip") as archive:
        names = archive.namelist()
        licence = archive.read("figures/LICENSE.txt").decode()
        assert "CC BY 4.0" in licence
        table = archive.read("figures/figures.csv").decode("utf-8-sig")
        pictures = [name for name in names if name.endswith(".png")]
        assert len(pictures) == count == table.count(".png,")
        for name in pictures:
            assert name.removeprefix("figures/") in table
            with Image.open(io.BytesIO(archive.read(name))) as image:
                assert image.width >= 800
    for label, target in book.targets.items():
        if target.text.startswith("Fig."):
            assert f"{target.text},{label}," in table
    # Photographs of others are named where they are shown and where the licence is.
    rows = list(csv.DictReader(io.StringIO(table)))
    others = {row["label"]: row["caption"] for row in rows if "CC BY 2.0" in row["caption"]}
    assert len(others) == 5
    lines = [line for line in licence.splitlines() if "flickr" in line]
    cite = (CHAPTERS / "cite.md").read_text(encoding="utf8")
    for label, caption in others.items():
        assert any(
            label in line and re.search(r"Photograph: (\w+),", caption)[1] in line for line in lines
        )
        assert f"`{label}`" in cite
