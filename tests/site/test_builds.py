"""The site is built anew only where something has changed, and comes out the same."""

import json
import shutil

from tools.paths import CHAPTERS
from tools.website import build_site


def contents_of(site):
    """Every file of the built site, by its name."""
    files = (path for path in site.rglob("*") if path.is_file())
    return {path.relative_to(site).as_posix(): path.read_bytes() for path in files}


def edit(chapter, change):
    """Change the text of a chapter's first cell of prose that is longer than a line."""
    notebook = json.loads(chapter.read_text(encoding="utf8"))
    prose = [c for c in notebook["cells"] if c["cell_type"] == "markdown" and len(c["source"]) > 1]
    prose[0]["source"] = change("".join(prose[0]["source"]))
    chapter.write_text(json.dumps(notebook), encoding="utf8")


def test_a_build_that_goes_on_gives_the_bytes_of_a_build_from_nothing(tmp_path):
    chapters, out = shutil.copytree(CHAPTERS, tmp_path / "chapters"), tmp_path / "going on"
    first = contents_of(build_site(chapters, out))

    edit(chapters / "hmm.ipynb", lambda prose: f"{prose}\n\nA sentence more.")
    second = contents_of(build_site(chapters, out))
    changed = {name for name in second if second[name] != first.get(name)}
    assert b"A sentence more." in second["chapters/hmm.html"]
    assert changed == {
        "chapters/hmm.html",
        "_sources/chapters/hmm.ipynb",
        "_sources/chapters/hmm-exercises.ipynb",
        "_static/search-index.js",
    }

    # What other pages show, too: a title, the numbers of equations, a label.
    equation = "\n\n$$\na = b\n$$ (latent-new)\n"
    edit(
        chapters / "latent_variables.ipynb",
        lambda prose: f"{prose.replace('# ', '# Really: ', 1)}{equation}",
    )
    third = contents_of(build_site(chapters, out))
    from_nothing = contents_of(build_site(chapters, tmp_path / "from nothing"))
    assert b"Really: " in third["chapters/text.html"]
    assert {name for name in third if third[name] != from_nothing.get(name)} == set()
    assert third.keys() == from_nothing.keys()
