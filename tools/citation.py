"""The page that says how to cite the book, made from CITATION.cff."""

from pathlib import Path

import yaml

from tools.paths import CHAPTERS, ROOT, write_atomically

CC_BY = "[CC BY 4.0](https://creativecommons.org/licenses/by/4.0/)"
PHOTOGRAPHS = (
    "- **Photographs** in {numref}`fig-seg-tower` and {numref}`fig-seg-cut` (by danielbuechele), "
    "and in {numref}`fig-seg-cloud`, {numref}`fig-seg-components` and {numref}`fig-intro-hidden` "
    "(by vultilion): "
    "[CC BY 2.0](https://creativecommons.org/licenses/by/2.0/). Name the photographer as well. "
    "The slice of a head in {numref}`fig-seg-soft` and {numref}`fig-seg-field` comes with "
    "matplotlib, which names no author."
)
OF_OTHERS = '<span class="on-site"><a href="../_static/licences.txt">Their notices.</a></span>'
LICENCES = f"""\
## Licences

- **Text and figures**: {CC_BY}. Name the book, link the licence, and say what you changed.
{PHOTOGRAPHS}
- **Code**, including that of the chapters: MIT. Keep the notice in the file `LICENSE`.
- **What the site has from others** (theme, formulas, search, drawing): MIT, ISC and BSD; fonts: \
SIL Open Font License. {OF_OTHERS}
- **Data**: as their sources say. `load_faithful().source` is that of Old Faithful's \
eruptions, and likewise for each of the [data sets](reference.md#data-sets). The tables that come \
from R are under the GPL, Django's messages under its three-clause BSD licence.

You need not ask for what a licence allows: use a figure in a lecture, copy a section, build on the
package.
"""


def bibtex(work: dict[str, object]) -> str:
    """The entry for LaTeX users of what CITATION.cff prefers to have cited."""
    authors = " and ".join(f"{{{person['name']}}}" for person in work["authors"])  # type: ignore[attr-defined]
    fields = {
        "title": work["title"],
        "author": authors,
        "edition": str(work["edition"]).title(),
        "year": work["year"],
    }
    lines = (f"  {name} = {{{str(value).replace('–', '--')}}}," for name, value in fields.items())
    return "\n".join([f"@book{{emstepbystep{work['year']},", *lines, "}"])


def citation_page(citation: Path = ROOT / "CITATION.cff") -> str:
    """The page as Markdown."""
    work = yaml.safe_load(citation.read_text(encoding="utf8"))["preferred-citation"]
    names = ", ".join(person["name"] for person in work["authors"])
    return "\n".join(
        [
            "# How to cite",
            "",
            f"{names}: *{work['title']}*. {work['edition'].title()} edition, {work['year']}.",
            "",
            "For BibTeX:",
            "",
            "```bibtex",
            bibtex(work),
            "```",
            "",
            "The file `CITATION.cff` in the book's folder says the same to programs. Cite a method "
            "by its own paper, which the chapter that teaches it names, and a data set by its "
            "source.",
            "",
            LICENCES,
        ]
    )


def write_citation_page() -> None:
    """Write the page into chapters/."""
    write_atomically(CHAPTERS / "cite.md", citation_page())
