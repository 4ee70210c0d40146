"""What the site prints for each label: (5.4), Fig. 5.1, Theorem 5.2, Dempster et al. [1977]."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml
from nbformat import NotebookNode
from pybtex.database import Entry, parse_file
from pybtex.plugin import find_plugin

from tools.notebooks import shared
from tools.paths import CHAPTERS, ROOT

EQUATION = re.compile(r"\$\$\s*\(([\w-]+)\)\s*$", re.MULTILINE)
PROOF = re.compile(r"^:{3,}\{prf:(\w+)\}.*\n:label: (\S+)", re.MULTILINE)
EXERCISE = re.compile(r"\{exercise-start\}.*\n:label: (\S+)")
SECTION = re.compile(r"^##+ (.+)$", re.MULTILINE)
ROLE = re.compile(r"\{(eq|numref|ref|prf:ref|cite:t|cite:p)\}`([^`]+)`")


@dataclass(frozen=True)
class Target:
    """Where a label is, and what is printed where prose refers to it.

    Attributes
    ----------
    page : str
        The name of the chapter's file, without its ending.
    text : str
    heading : str
        What it stands under: in a notebook links lead to headings alone.
    """

    page: str
    text: str
    heading: str


def names(part: dict[str, Any]) -> list[str]:
    """The pages of a part, by the names of their files."""
    return [Path(chapter["file"]).name for chapter in part["chapters"]]


def parts(toc: Path = ROOT / "_toc.yml") -> list[tuple[str, list[str]]]:
    """The book's parts, each with the names of its pages; the first page stands alone."""
    contents = yaml.safe_load(toc.read_text(encoding="utf8"))
    first = ("", [Path(contents["root"]).name])
    return [first, *((part["caption"], names(part)) for part in contents["parts"])]


def chapter_numbers(toc: Path = ROOT / "_toc.yml") -> dict[str, int]:
    """The number of each numbered chapter, by its file's name."""
    contents = yaml.safe_load(toc.read_text(encoding="utf8"))["parts"]
    pages = [page for part in contents if part.get("numbered") for page in names(part)]
    return {page: i for i, page in enumerate(pages, 1)}


def labels(notebook: NotebookNode) -> Iterator[tuple[str, str, str]]:
    """The kind of thing that is numbered, its label and its heading, in the order of the page."""
    heading = ""
    for cell in notebook.cells:
        figure = cell.metadata.get("mystnb", {}).get("figure", {})
        if "name" in figure:
            yield "Fig.", figure["name"], heading
        if cell.cell_type == "markdown":
            found = [(m.start(), "", m[1]) for m in EQUATION.finditer(cell.source)]
            found += [(m.start(), m[1].title(), m[2]) for m in PROOF.finditer(cell.source)]
            found += [(m.start(), "Exercise", m[1]) for m in EXERCISE.finditer(cell.source)]
            found += [(m.start(), "heading", m[1]) for m in SECTION.finditer(cell.source)]
            for _, kind, label in sorted(found):
                if kind == "heading":
                    heading = label
                else:
                    yield kind, label, heading


def targets(chapters: Path = CHAPTERS) -> dict[str, Target]:
    """All labels of the book; pages without a number share one count, in the book's order."""
    found, numbers = {}, chapter_numbers()
    unnumbered: Counter[str] = Counter()
    for page in (page for _, pages in parts() for page in pages):
        path = chapters / f"{page}.ipynb"
        counts = Counter() if page in numbers else unnumbered
        before = f"{numbers[page]}." if page in numbers else ""
        for kind, label, heading in labels(shared(path)) if path.exists() else ():
            counts[kind] += 1
            place = f"{before}{counts[kind]}"
            found[label] = Target(page, f"{kind} {place}" if kind else f"({place})", heading)
    return found


def authors(entry: Entry) -> str:
    """Who wrote it, as a sentence names them: one, two, or the first of more."""
    people = entry.persons.get("author") or entry.persons["editor"]
    names = [" ".join(map(str, p.rich_prelast_names + p.rich_last_names)) for p in people]
    return f"{names[0]} et al." if len(names) > 2 else " and ".join(names)


def fragment(heading: str) -> str:
    """How an address names a heading of a notebook in JupyterLab, if there is one."""
    return f"#{quote(heading.replace(' ', '-'))}" if heading else ""


def address(entry: Entry) -> str:
    """Where the work is found."""
    fields = entry.fields
    return f"https://doi.org/{fields['doi']}" if "doi" in fields else fields.get("url", "")


class References:
    """Labels and citations of the whole book, as text that any notebook shows.

    Attributes
    ----------
    chapters : Path
    targets : dict of label -> Target
    entries : dict of key -> Entry
        The bibliography.
    """

    def __init__(self, chapters: Path = CHAPTERS) -> None:
        self.chapters = chapters
        self.targets = targets(chapters)
        self.entries: dict[str, Entry] = parse_file(str(chapters / "references.bib")).entries

    def cited(self, key: str, *, in_brackets: bool) -> str:
        """Author and year, with a link to the work if it has an address."""
        entry = self.entries[key]
        year = entry.fields["year"]
        text = f"{authors(entry)}, {year}" if in_brackets else f"{authors(entry)} ({year})"
        return f"[{text}]({address(entry)})" if address(entry) else text

    def resolve(self, text: str, page: str) -> str:
        """The text with what the site prints in place of every role."""

        def replaced(match: re.Match[str]) -> str:
            role, content = match[1], match[2]
            if role == "cite:t":
                return self.cited(content, in_brackets=False)
            if role == "cite:p":
                works = [self.cited(key.strip(), in_brackets=True) for key in content.split(",")]
                return f"({'; '.join(works)})"
            target = self.targets[content]
            if target.page == page:
                return target.text
            return f"[{target.text}]({target.page}.ipynb{fragment(target.heading)})"

        return ROLE.sub(replaced, text)

    def bibliography(self) -> str:
        """Every work, by author, as a Markdown list."""
        style = find_plugin("pybtex.style.formatting", "plain")()
        markdown = find_plugin("pybtex.backends", "markdown")()
        works = style.format_entries(list(self.entries.values()))
        return "\n".join("- " + work.text.render(markdown).replace("\n", " ") for work in works)
