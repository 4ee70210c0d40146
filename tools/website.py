"""Turn chapters into a site that needs no other host, not even for its equations."""

import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tools.book import RECORD, alone
from tools.copies import headings, page_copy
from tools.execute import plain, refresh, with_outputs
from tools.exercise_list import exercise_list
from tools.fingerprint import surroundings
from tools.lighten import lighten
from tools.node import packages
from tools.notebooks import dumps
from tools.paths import ROOT, write_atomically
from tools.publish import complete, make_publishable, pages, public_address
from tools.quiet import run_quietly
from tools.references import References
from tools.repository import repository, with_ways_out
from tools.search_index import entries, without_sphinx_search, write_index
from tools.slides import write_figures

# Its own command may not be on the PATH, and `python -m jupyter_book` does not exist.
JUPYTER_BOOK = (sys.executable, "-c", "from jupyter_book.cli.main import main; main()")
SPHINX_ONLY = (
    *(".buildinfo", "searchindex.js", "searchtools.js", "language_data.js", "*.map"),
    *("locales", "*webpack-macros.html"),  # of the themes: for the build alone
)
UNSEEN = shutil.ignore_patterns(".*", "node_modules", "__pycache__")
# What the style sheet and the script of all pages are made of, and the laboratory and the search.
THEME = (
    "pydata-sphinx-theme",  # with Bootstrap and Font Awesome
    "sphinx-book-theme",
    *(f"sphinx{part}" for part in ("", "-copybutton", "-design", "-exercise", "-proof")),
    "sphinx-togglebutton",
    "myst-nb",
)
SCRIPTS = re.compile(r"(?:d3-[\w-]+|internmap|katex|lit-html|minisearch)/LICEN[CS]E[^/]*")


def add_katex(site: Path) -> None:
    """Lay KaTeX beside the site's files: its code for the build, style and fonts for readers."""
    katex = packages() / "node_modules" / "katex" / "dist"
    shutil.copy(katex / "katex.mjs", site)
    fonts = site / "assets" / "katex" / "fonts"
    fonts.mkdir(parents=True)
    shutil.copy(katex / "katex.min.css", fonts.parent)
    for font in katex.glob("fonts/*.woff2"):
        shutil.copy(font, fonts)


def add_minisearch(site: Path) -> None:
    """Lay the search library where pages load it from when a reader searches."""
    minisearch = packages() / "node_modules" / "minisearch" / "dist" / "umd" / "index.js"
    text = minisearch.read_text(encoding="utf8")
    # Its source map stays behind.
    plain_text = re.sub(r"^//# sourceMappingURL=.*$", "", text, flags=re.MULTILINE)
    (site / "assets" / "minisearch.js").write_text(plain_text, encoding="utf8")


def notices() -> Iterator[str]:
    """The licences of others' code and fonts that are in the site: they go where these go."""
    modules = packages() / "node_modules"
    for path in sorted(modules.glob("*/LICEN*")):
        if SCRIPTS.fullmatch(path.relative_to(modules).as_posix()):
            yield f"{path.parent.name}\n\n{path.read_text(encoding='utf8').strip()}"
    for name in THEME:
        for file in distribution(name).files or []:
            if "LICENSE" in file.name:
                yield f"{name}: {file.name}\n\n{file.read_text('utf8').strip()}"


def lay_site(target: Path) -> None:
    """Copy what is of the site itself, and make what it has from other projects."""
    # Imported where it is needed: a build in which only prose has changed should not wait for it.
    from tools.laboratory import bundle, write_stills

    shutil.copytree(ROOT / "site", target, ignore=UNSEEN)
    add_katex(target)
    add_minisearch(target)
    bundle(target / "assets" / "laboratory.js")
    text = f"\n\n{'-' * 80}\n\n".join(notices())
    (target / "assets" / "licences.txt").write_text(f"{text}\n", encoding="utf8")
    write_stills(target)


def assemble(chapters: Path, source: Path) -> None:
    """Put in one folder all that Jupyter Book is to see, and nothing else.

    What is of the site itself may be there already.
    """
    source.mkdir(exist_ok=True)
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy(ROOT / name, source)
    shutil.rmtree(source / "chapters", ignore_errors=True)
    shutil.copytree(chapters, source / "chapters", ignore=UNSEEN)
    (source / "chapters" / "exercises.md").write_text(exercise_list(chapters), encoding="utf8")
    if not (source / "site").exists():
        lay_site(source / "site")
    for path in source.rglob("*"):
        os.utime(path, (0, 0))  # so that Sphinx goes by contents: see site/incremental.py


def welcome(html: Path) -> None:
    """Show the first page at the top of the site too, for whoever comes by its address."""
    text = (html / "chapters" / "intro.html").read_text(encoding="utf8")
    text = text.replace('data-content_root="../"', 'data-content_root="./"')
    text = re.sub(r'( (?:href|src)=")(?![./#]|[a-z]+:)', r"\1chapters/", text)
    text = re.sub(r"""(["'])\.\./""", r"\1", text)
    (html / "index.html").write_text(text, encoding="utf8")


def complaint(output: str) -> str:
    """All that Jupyter Book said, and at its end the warnings once more."""
    said = plain(output)
    warnings = dict.fromkeys(re.findall(r"^.*\b(?:WARNING|ERROR): .*$", said, re.MULTILINE))
    return "\n".join([said, "The site was not built, because of this:", *warnings])


def run_jupyter_book(source: Path, work: Path) -> Path:
    """Let Jupyter Book turn `source` into a site, for which a warning is an error."""
    strict = ["--warningiserror", "--nitpick", "--keep-going"]
    to = ["--path-output", str(work.resolve())]
    run = run_quietly([*JUPYTER_BOOK, "build", str(source.resolve()), *to, *strict])
    if run.returncode:
        raise SystemExit(complaint(run.stdout))
    return work / "_build" / "html"


def offer_downloads(chapters: Path, folder: Path, made: Path) -> None:
    """Put copies that need nothing of the site where its download buttons lead.

    Those in `made` are taken from there if what they are made from is the same.
    """
    references = References(chapters)
    names = ["contents", *(path.stem for path in sorted(chapters.glob("*.ipynb")))]
    places = {path.stem: headings(path.stem, chapters) for path in chapters.glob("*.ipynb")}
    shown = repr((sorted(references.targets.items()), sorted(places.items())))
    for name in names:
        chapter = chapters / f"{name}.ipynb"
        source = chapter.read_bytes() if chapter.exists() else b""
        key = hashlib.sha256(shown.encode() + source).hexdigest()
        for solutions, ending in ((True, ""), (False, "-exercises")):
            copied = made / f"{name}{ending}.{key}.ipynb"
            if not copied.exists():
                for old in made.glob(f"{name}{ending}.*.ipynb"):
                    old.unlink()
                write_atomically(copied, dumps(page_copy(name, references, solutions=solutions)))
            if chapter.exists():
                folder.mkdir(parents=True, exist_ok=True)
                shutil.copy(copied, folder / f"{name}{ending}.ipynb")


def finished(text: str, address: str, source: str, page: str) -> dict[str, Any]:
    """A page as Sphinx wrote it, made fit for its readers, and its sections for the search."""
    own = with_ways_out(without_sphinx_search(text), source)
    return {"text": complete(own, address, page), "sections": list(entries(own, page))}


def finish_pages(html: Path, made: Path) -> None:
    """Finish every page, and index them; take from `made` what was finished of the same text."""
    address, source, sections = public_address(), repository(), []
    for path in pages(html):
        page, text = path.relative_to(html).as_posix(), path.read_text(encoding="utf8")
        key = hashlib.sha256(text.encode()).hexdigest()
        store = made / f"{page}.json"
        done = json.loads(store.read_text(encoding="utf8")) if store.exists() else {}
        if done.get("key") != key:
            done = {"key": key, **finished(text, address, source, page)}
            write_atomically(store, json.dumps(done))
        path.write_text(done["text"], encoding="utf8")
        sections += done["sections"]
    write_index(html, sections)


def drop_pictures_of_before(html: Path) -> None:
    """Remove the pictures that no page shows any more."""
    shown = {
        name
        for page in pages(html)
        for name in re.findall(r"_images/([^\"'?#\s)]+)", page.read_text(encoding="utf8"))
    }
    for picture in html.glob("_images/*"):
        if picture.name not in shown:
            picture.unlink()


def build_alone(chapters: Path, out: Path) -> Path:
    """Build the site in a folder where no other build works; return its folder.

    What the last build has read and written is in `kept`, and a copy of it goes on from there if
    all but the pages' text is the same. The copy becomes what is kept if it succeeds.
    """
    html, kept, fresh = out / "html", out / "kept", out / "fresh"
    key = surroundings(chapters)
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        if (kept / "key").exists() and (kept / "key").read_text(encoding="utf8") == key:
            shutil.copytree(kept, fresh)
        else:
            (fresh / "work").mkdir(parents=True)
        assemble(chapters, fresh / "source")
        built = run_jupyter_book(fresh / "source", fresh / "work")
        drop_pictures_of_before(built)
        site = shutil.copytree(built, fresh / "html", ignore=shutil.ignore_patterns(*SPHINX_ONLY))
        finish_pages(site, fresh / "pages")
        welcome(site)
        lighten(site, fresh / "styles")
        make_publishable(site)
        offer_downloads(chapters, site / "_sources" / "chapters", fresh / "downloads")
        write_figures(site / "_sources" / "chapters" / "figures.zip", chapters)
        (fresh / "key").write_text(key, encoding="utf8")
        (out / RECORD).unlink(missing_ok=True)
        if html.exists():
            html.replace(fresh / "before")
        site.replace(html)
        shutil.rmtree(fresh / "before", ignore_errors=True)
        shutil.rmtree(kept, ignore_errors=True)
        fresh.replace(kept)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return html


def build_site(chapters: Path, out: Path) -> Path:
    """Build the site from chapters as they stand, stored outputs and all; return its folder.

    The site that was there stays until the new one is whole, and two builds at once take turns.
    """
    with alone(out):
        return build_alone(chapters, out)


def build_with_outputs(chapters: Path, out: Path) -> None:
    """Execute what has changed, and build the site from chapters with these outputs."""
    twins = refresh(chapters)
    with TemporaryDirectory(dir=out, prefix="chapters-", ignore_cleanup_errors=True) as folder:
        staged = Path(folder) / "chapters"
        shutil.copytree(chapters, staged, ignore=UNSEEN)
        for chapter, twin in twins.items():
            (staged / chapter.name).write_text(with_outputs(chapter, twin), encoding="utf8")
        print("Building the site", flush=True)
        build_alone(staged, out)
