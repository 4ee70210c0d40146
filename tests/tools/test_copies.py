"""Copies of the chapters for JupyterLab: they say what the site says, and are their readers'."""

import re
import shutil
from functools import cache

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools import execute, notebooks
from tools.copies import copies, page_copy, plain_code, plain_markdown, readable, write_copies
from tools.notebooks import dumps
from tools.paths import CHAPTERS, ROOT
from tools.references import References, chapter_numbers


@pytest.fixture(scope="module")
def references():
    return References()


@cache
def all_copies(*, solutions):
    """The copies of the book's pages, to be read only."""
    return copies(solutions=solutions)


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
    made = all_copies(solutions=solutions)
    assert {path.stem for path in CHAPTERS.iterdir() if path.suffix in (".ipynb", ".md")} < set(
        made
    )
    for notebook in made.values():
        words = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
        assert not re.findall(r"\{[a-z:-]+\}`|^[`:]{3,}\{|^\([\w-]+\)=", words, re.MULTILINE)
        assert ("Solution of" in words) <= solutions
        for page in re.findall(r"\]\(([^):#]+)", re.sub(r"\]\(https?://[^)]*", "", words)):
            assert page.removesuffix(".ipynb") in made


def test_the_same_page_gives_the_same_copy(references):
    for page in ("contents", "kalman"):
        assert dumps(page_copy(page, references)) == dumps(page_copy(page, references))


def test_a_copy_shows_of_a_solution_only_its_heading():
    """JupyterLab folds what stands between a collapsed heading and the next of its level."""
    hidden, made = 0, all_copies(solutions=True)
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
    without = all_copies(solutions=False)
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
def test_a_check_that_a_change_of_its_reader_breaks_lets_the_rest_run(
    monkeypatch, references, tags, claim
):
    monkeypatch.setattr("tools.copies.repository", lambda: "")  # else a cell more comes first
    source = f"from numpy.testing import assert_equal\n{claim}"
    check = new_code_cell(source, metadata={"tags": tags})
    cells = [new_markdown_cell("# Title"), new_code_cell("x = 1"), check, new_code_cell("print(x)")]
    for number in ("1", "2"):
        made = readable(new_notebook(cells=cells), "hmm", references)
        made.cells[2].source = f"x = {number}"
        execute.run_cells(made, ROOT, lambda **_: None)
        assert made.cells[4].outputs[0].text.strip() == number
        assert bool(made.cells[3].outputs) == (number != "1")


def test_a_copy_says_that_a_check_is_the_books():
    # After a change of the reader's it may fail, and this line stands above the failure.
    source = "# Checked: x is 1\nassert x == 1  # Checked"
    check = new_code_cell(source, metadata={"tags": ["check", "hide-input"]})
    made = readable(new_notebook(cells=[new_markdown_cell("# Title"), check]), "hmm", References())
    assert made.cells[-1].source == "# Checked in the book: x is 1\nassert x == 1  # Checked"


@pytest.fixture
def three_pages(monkeypatch):
    """Copies of the contents and of two pages: every page is written in the same way."""
    monkeypatch.setattr("tools.copies.parts", lambda: [("", ["intro", "study"])])


@pytest.mark.usefixtures("three_pages")
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


@pytest.mark.usefixtures("three_pages")
def test_a_copy_that_its_reader_has_changed_is_kept(tmp_path, capsys):
    write_copies(tmp_path)
    theirs = tmp_path / "intro.ipynb"
    theirs.write_text("mine", encoding="utf8")
    fresh = write_copies(tmp_path)
    assert theirs.read_text(encoding="utf8") == "mine"
    assert theirs not in fresh
    assert (tmp_path / "contents.ipynb") in fresh
    assert "intro.ipynb is yours" in capsys.readouterr().out
