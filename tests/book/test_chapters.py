"""What every chapter must have, besides outputs that are true (which nbval sees to)."""

import inspect
import re
from collections import Counter
from functools import lru_cache
from importlib import import_module

import nbformat
import numpy as np
import pytest

import emlib
from emlib.book.exercises import FunctionExercise
from emlib.book.exercises.checking import all_exercises
from tools.copies import headings
from tools.notebooks import dumps, load, normalise
from tools.paths import ROOT
from tools.reading import (
    names_from_folded_cells,
    names_from_other_solutions,
    names_from_solutions,
    reading,
    solution_cells,
    state_minutes,
    visible_assertions,
)
from tools.references import chapter_numbers

CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
PAGES = sorted((ROOT / "chapters").glob("*.md"))
HIDDEN = {"hide-input", "remove-input", "hide-cell"}
SHADES = re.compile(
    r"\b(?:dark(?:er|est)?|light(?:er)?|pale(?:r|st)?|black|white)\b", re.IGNORECASE
)
# They teach nothing new, so they have no exercises and no summary.
NOT_LESSONS = {"intro", "study", "applications", "misconceptions"}
LESSONS = [path for path in CHAPTERS if path.stem not in NOT_LESSONS]

chapters = pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
lessons = pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)


def read(path):
    return nbformat.read(path, as_version=4)


def code(path):
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def prose(path):
    if path.suffix == ".md":
        return path.read_text(encoding="utf8")
    return "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")


def images(cell):
    return [out for out in cell.outputs if "image/png" in out.get("data", {})]


def test_there_are_chapters():
    assert len(LESSONS) >= 3
    assert {path.stem for path in CHAPTERS} >= NOT_LESSONS


@chapters
def test_every_code_cell_has_been_run_in_order(path):
    # nbval passes silently over a cell whose outputs were cleared.
    counts = [cell.execution_count for cell in code(path)]
    assert counts == list(range(1, len(counts) + 1)), f"run `make outputs ONLY={path.stem}`"


@chapters
def test_no_cell_failed_or_warned(path):
    for cell in code(path):
        for output in cell.outputs:
            expected = "raises-exception" in cell.metadata.get("tags", [])
            assert output.output_type != "error" or expected
            assert output.get("name") != "stderr", output.get("text")


@chapters
def test_a_lesson_needs_no_name_from_a_solution(path):
    assert names_from_solutions(load(path)) == set()


@chapters
def test_a_solution_needs_no_name_that_only_another_solution_defines(path):
    # Readers run the solution of the exercise that they have tried, and perhaps no other.
    assert names_from_other_solutions(load(path)) == {}


@chapters
def test_notebook_is_stored_as_make_outputs_stores_it(path):
    notebook = load(path)
    state_minutes(notebook)
    normalise(notebook)
    stored = path.read_text(encoding="utf8")
    assert dumps(notebook) == stored, f"run `make outputs ONLY={path.stem}`"


@chapters
def test_every_figure_says_what_is_seen_and_why_it_matters(path):
    for cell in code(path):
        if images(cell):
            about = cell.metadata.get("mystnb", {})
            assert len(about.get("image", {}).get("alt", "")) > 20, cell.source
            assert about.get("figure", {}).get("name", "").startswith("fig-"), cell.source
            assert len(about.get("figure", {}).get("caption", "")) > 20, cell.source
            assert len(images(cell)) == 1, "one figure per cell"


@chapters
def test_no_drawn_figure_is_described_by_what_is_dark_or_light(path):
    # At night the site inverts it. Pictures of the class `dark-light` keep their colours.
    for cell in code(path):
        about = cell.metadata.get("mystnb", {})
        if about.get("image", {}).get("classes") != "dark-light":
            pages = "\n".join(str(out.get("data", {}).get("text/html", "")) for out in cell.outputs)
            frames = re.findall(r"""alt='([^']*)'|"alt": "([^"]*)\"""", pages)
            said = {alt for frame in frames for alt in frame}
            said.add(about.get("image", {}).get("alt", ""))
            said.add(about.get("figure", {}).get("caption", ""))
            for text in said:
                assert not SHADES.findall(text), text


@chapters
def test_visible_cells_fit_in_a_head(path):
    for cell in code(path):
        if not HIDDEN & set(cell.metadata.get("tags", [])):
            assert len(cell.source.splitlines()) <= 25, cell.source


@chapters
def test_equations_named_in_code_exist(path):
    labels = equation_labels()
    named = {name for cell in code(path) for name in equation_names(cell.source)}
    assert named <= labels


def test_equations_named_in_emlib_exist_and_are_on_the_notation_page():
    source = "\n".join(p.read_text(encoding="utf8") for p in (ROOT / "emlib").rglob("*.py"))
    named = equation_names(source)
    assert named
    assert named <= equation_labels()
    page = (ROOT / "chapters" / "notation.md").read_text(encoding="utf8")
    assert named == set(re.findall(r"\{eq\}`([^`]+)`", page))


def test_the_notation_page_says_of_which_chapter_an_equation_is():
    page = (ROOT / "chapters" / "notation.md").read_text(encoding="utf8")
    listed = re.search(r"first letters say which chapter it is from: (.*?)\. ", page)[1]
    used = {label.split("-")[0] for label in equation_labels()}
    said = "chapters/notation.md, From equation to code: not the first letters that labels have"
    assert set(re.findall(r"`(\w+)`", listed)) == used, said


def test_the_notation_page_says_where_each_equation_is_computed():
    page = (ROOT / "chapters" / "notation.md").read_text(encoding="utf8")
    rows = re.findall(
        r"^\| \{eq\}`\S+` \| `(\S+)` \| `(\S+)` \| (?:`(\S+)`|the same) \|$", page, re.M
    )
    assert {label for label, *_ in rows} == set(re.findall(r"\{eq\}`([^`]+)`", page))
    for label, *places in rows:
        for place in filter(None, places):
            assert label in equation_names(inspect.getsource(named_in_emlib(place))), place


def named_in_emlib(place):
    """The function, class or method at a dotted place inside emlib."""
    found, names = emlib, place.split(".")
    for i, name in enumerate(names):
        try:
            found = import_module(".".join(["emlib", *names[: i + 1]]))
        except ModuleNotFoundError:
            found = getattr(found, name)
    return found


def equation_names(source):
    prefixes = "|".join({label.split("-")[0] for label in equation_labels()})
    lines = re.findall(r"# Equations? (.*)", source)
    names = rf"\b(?:{prefixes})-[a-z0-9-]*[a-z0-9]"
    return {name for line in lines for name in re.findall(names, line)}


@lru_cache
def equation_labels():
    return {m for p in (*CHAPTERS, *PAGES) for m in re.findall(r"\$\$ \(([a-z0-9-]+)\)", prose(p))}


@lessons
def test_jupyterlab_shows_of_a_solution_only_what_is_opened(path):
    cells = [cell for cell in solution_cells(read(path)) if cell.cell_type == "code"]
    assert cells
    for cell in cells:
        assert cell.metadata["jupyter"] == {"source_hidden": True, "outputs_hidden": True}


@pytest.mark.parametrize("path", CHAPTERS + PAGES, ids=lambda p: p.stem)
def test_links_to_pages_lead_somewhere_on_the_site_and_in_jupyterlab(path):
    targets = re.findall(r"\]\(([^)\s]+)\)", prose(path))
    pages = [target.split("#")[0] for target in targets if not re.match(r"[a-z]+:|#", target)]
    assert [page for page in pages if not (path.parent / page).is_file()] == []


def anchors(page):
    """The places on a page that a link may name: its headings and its labels."""
    labels = re.findall(r"^\(([\w-]+)\)=$", prose(page_path(page)), re.MULTILINE)
    return {*headings(page), *labels}


def page_path(name):
    notebook = ROOT / "chapters" / f"{name}.ipynb"
    return notebook if notebook.exists() else notebook.with_suffix(".md")


@pytest.mark.parametrize("path", CHAPTERS + PAGES, ids=lambda p: p.stem)
def test_links_to_sections_lead_to_one(path):
    links = re.findall(r"\]\((?:([a-z_0-9]+)\.(?:ipynb|md))?#([^)\s]+)\)", prose(path))
    for page, place in links:
        assert place in anchors(page or path.stem), f"{page}#{place}: renamed? say the new heading"


@lessons
def test_every_exercise_has_a_solution(path):
    text = prose(path)
    exercises = re.findall(r"\{exercise(?:-start)?\}.*\n:label: (\S+)", text)
    solutions = re.findall(r"\{solution(?:-start)?\} (\S+)", text)
    assert len(exercises) >= 6
    assert len(set(exercises)) == len(exercises)
    assert exercises == solutions
    for kind in ("Warm-up", "Core", "Challenge"):
        assert re.search(rf"\{{exercise(-start)?\}} {kind}", text), kind


@lessons
def test_every_exercise_has_a_check_or_asks_for_a_proof(path):
    text = "\n".join(cell.source for cell in read(path).cells)
    asked = re.findall(
        r"\{exercise-start\}[^\n]*\n:label: (\S+)\n(.*?)\{solution-start\}", text, re.DOTALL
    )
    assert len(asked) == text.count("{exercise-start}")
    for label, question in asked:
        proof = re.search(r"\b(?:Prove|Show that)\b", question)
        assert re.search(r'^check\("', question, re.MULTILINE) or proof, label


@lessons
def test_an_answer_cell_wipes_out_nothing_that_its_reader_has_written(path):
    # With the dots in it, it would set a function that the exercise asks for to dots.
    named = re.findall(r"`(\w+)\(", prose(path))
    for cell in code(path):
        for name in re.findall(r"^(\w+) = \.\.\.", cell.source, flags=re.MULTILINE):
            assert name == "answer", cell.source
    assert "answer" not in named


@lessons
def test_every_check_is_first_open_then_solved(path):
    verdicts = {}
    for cell in code(path):
        printed = "".join(out.get("text", "") for out in cell.outputs)
        for name in re.findall(r'^check\("([^"]+)"', cell.source, flags=re.MULTILINE):
            verdicts.setdefault(name, []).append(printed.splitlines()[-1])
    assert verdicts
    for name, (question, solution) in verdicts.items():
        assert question.startswith("Not answered yet"), name
        assert solution == "Right.", name


@lessons
def test_three_digits_are_enough_or_more_are_asked_for(path):
    asked = ""
    for cell in read(path).cells:
        asked = cell.source if cell.cell_type == "markdown" else asked + cell.source
        for name in re.findall(r'^check\("([^"]+)", answer\)', cell.source, flags=re.MULTILINE):
            if "..." in cell.source and is_rounded_wrong(all_exercises()[name]):
                assert re.search("digit|decimal", asked), name


def is_rounded_wrong(exercise):
    if isinstance(exercise, FunctionExercise) or np.all(np.mod(exercise.answer, 1) == 0):
        return False
    rounded = [float(f"{value:.3g}") for value in np.ravel(exercise.answer)]
    return not exercise.grade(np.reshape(rounded, np.shape(exercise.answer))).right


def test_every_exercise_of_the_package_is_in_a_chapter():
    source = "\n".join(cell.source for path in CHAPTERS for cell in code(path))
    assert set(re.findall(r'check\("([^"]+)"', source)) == set(all_exercises())


def test_every_exercise_foresees_a_mistake():
    for name, exercise in all_exercises().items():
        kind = "functions" if isinstance(exercise, FunctionExercise) else "numbers"
        assert exercise.mistakes, f"{name}: which wrong {kind} are likely?"


@chapters
def test_what_is_cited_is_in_the_bibliography(path):
    keys = set(re.findall(r"^@\w+\{(\S+),", references(), flags=re.MULTILINE))
    cited = re.findall(r"\{cite(?::[pt])?\}`([^`]+)`", prose(path))
    assert cited
    assert {key.strip() for group in cited for key in group.split(",")} <= keys


def references():
    return (ROOT / "chapters" / "references.bib").read_text(encoding="utf8")


def test_every_work_has_the_author_and_year_by_which_it_is_cited():
    works = references().split("\n@")[1:]
    lacking = [w.split(",")[0] for w in works if not re.search(r"\b(author|editor) = ", w)]
    lacking += [w.split(",")[0] for w in works if not re.search(r"\byear = ", w)]
    assert not lacking, f"chapters/references.bib: no author or no year in {lacking}"


@lessons
def test_chapter_has_its_parts(path):
    headings = re.findall(r"^## (.*)$", prose(path), flags=re.MULTILINE)
    headings = [heading for heading in headings if heading != "Going further"]
    last = ["Where people go wrong", "Recall", "Exercises", "Summary", "Read more"]
    assert headings[-5:] == last
    assert any(f'recall("{path.stem}")' in cell.source for cell in code(path))
    for part in ("**You will learn**", "**You need**", "**Time**"):
        assert part in prose(path)
    assert any("assert" in cell.source for cell in code(path))


def test_the_maps_in_the_introduction_and_the_readme_have_every_chapter():
    parts = (ROOT / "_toc.yml").read_text(encoding="utf8").split("- caption:")
    numbered = "".join(part for part in parts if "numbered" in part)
    names = re.findall(r"file: chapters/(\w+)", numbered)
    titles = [re.search(r"^# (.*)$", prose(p), re.M)[1] for p in map(chapter, names)]
    rows = re.findall(r"^\| (\d+) \| \[(.*)\]\((\w+)\.ipynb\)", prose(chapter("intro")), re.M)
    right = [(str(i), *row) for i, row in enumerate(zip(titles, names, strict=True), 1)]
    assert rows == right, "chapters/intro.ipynb: its map (and its list of parts) is not _toc.yml's"
    readme = (ROOT / "README.md").read_text(encoding="utf8")
    places = [readme.find(title) for title in titles]
    missing = [title for title, place in zip(titles, places, strict=True) if place < 0]
    assert not missing, f"README.md: its list of chapters lacks {missing}"
    assert places == sorted(places), "README.md: its chapters are not in the order of _toc.yml"
    # Its table and its figure follow the introduction's map when it is executed.
    outputs = [out.get("text", "") for cell in code(chapter("study")) for out in cell.outputs]
    shown = re.findall(r"^ *(\d+) (.+?) {2,}\d+ +\d+ +\d+$", "".join(outputs), re.MULTILINE)
    said = "chapters/study.ipynb is older than the map: run `make outputs ONLY=study`"
    assert shown == [(number, title) for number, title, _ in right], said


def test_links_with_a_number_lead_to_the_chapter_of_this_number():
    number_of = chapter_numbers()
    link = r"\b[Cc]hapter (\d+)(?:\]|, \[[^]]+\])\((\w+)\.ipynb"
    for path in CHAPTERS + PAGES:
        for number, name in re.findall(link, prose(path)):
            assert int(number) == number_of[name], f"{path.name}: {name} is {number_of[name]}"


# The shorter ways below the introduction's map, and the chapters that their numbers mean.
WAYS = {
    "EM itself": "latent_variables deriving_em image_reconstruction hard_e_step judges "
    "latent_variables em_by_hand",
    "Clusters": "latent_variables how_many image_segmentation em_at_scale",
    "Missing data": "latent_variables gaussian_1d gaussian_nd missing_data",
    "Series": "latent_variables mixtures_1d hmm gaussian_nd kalman",
    "How far to trust a fit": "latent_variables mixtures_1d convergence faster",
    "If you know maximum likelihood and mixtures": "deriving_em",
}


def test_the_introduction_names_ways_by_their_chapters_numbers():
    number_of, text = chapter_numbers(), prose(chapter("intro"))
    for way, names in WAYS.items():
        line = re.search(rf"^- (?:\*\*)?{way}.*", text, re.MULTILINE)[0]
        meant = [number_of[name] for name in names.split()]
        said = f"chapters/intro.ipynb: {line} (WAYS, in this test, has the chapters that it means)"
        assert [int(number) for number in re.findall(r"\d+", line)] == meant, said


def test_the_figure_of_what_needs_what_is_described_with_every_chapter():
    figure = next(cell for cell in code(chapter("study")) if images(cell))
    told = re.findall(r"\d+", figure.metadata["mystnb"]["image"]["alt"])
    said = "chapters/study.ipynb: say the figure's arrows anew in its alternative text"
    assert {int(number) for number in told} == set(chapter_numbers().values()), said


def chapter(name):
    return ROOT / "chapters" / f"{name}.ipynb"


@chapters
def test_chapter_is_read_in_45_minutes(path):
    assert reading(load(path)).minutes <= 45


@lessons
def test_the_time_that_exercises_take_follows_from_their_number(path):
    kinds = Counter(re.findall(r"\{exercise-start\} (\S+):", prose(path)))
    # As the page of all exercises says: a few minutes, and ten to twenty-five.
    minutes = 3 * kinds["Warm-up"] + 17.5 * kinds["Core"]
    said = re.search(r"\*\*Time\*\*: .*", prose(path))[0]
    longer = bool(re.search(r"another hour (?:or two|and a half)\b", said))
    assert longer == (minutes > 70), f"{minutes:.0f} minutes: {said}"


@chapters
def test_code_in_sight_is_to_be_read_and_not_a_check(path):
    assertions, lines = visible_assertions(load(path))
    assert assertions <= 0.02 * lines


@chapters
def test_code_in_sight_uses_no_name_from_folded_code(path):
    assert names_from_folded_cells(load(path)) == {}


@chapters
def test_every_figure_is_referred_to(path):
    names = {
        cell.metadata["mystnb"]["figure"]["name"]
        for cell in code(path)
        if images(cell) and "check" not in cell.metadata.get("tags", [])
    }
    assert names <= set(re.findall(r"\{numref\}`(?:[^`<]*<)?(fig-[^`>]+)>?`", prose(path)))
