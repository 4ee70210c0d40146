"""Turn chapters into a site that needs no other host, not even for its equations."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.copies import copies
from tools.execute import plain, refresh, with_outputs
from tools.exercise_list import exercise_list
from tools.laboratory import bundle
from tools.node import packages
from tools.notebooks import dumps
from tools.paths import BUILD, CHAPTERS, ROOT, write_atomically
from tools.publish import make_publishable
from tools.search_index import own_search

# Its own command may not be on the PATH, and `python -m jupyter_book` does not exist.
JUPYTER_BOOK = (sys.executable, "-c", "from jupyter_book.cli.main import main; main()")
UNSEEN = shutil.ignore_patterns(".*", "node_modules", "__pycache__")


def renew(folder: Path) -> Path:
    """An empty folder in place of whatever was there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


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


def assemble(chapters: Path, source: Path) -> None:
    """Put in one folder all that Jupyter Book is to see, and nothing else."""
    renew(source)
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(chapters, source / "chapters", ignore=UNSEEN)
    (source / "chapters" / "exercises.md").write_text(exercise_list(chapters), encoding="utf8")
    shutil.copytree(ROOT / "site", source / "site", ignore=UNSEEN)
    add_katex(source / "site")
    add_minisearch(source / "site")
    bundle(source / "site" / "assets" / "laboratory.js")


def welcome(html: Path) -> None:
    """Show the first page at the top of the site too, for whoever comes by its address."""
    text = (html / "chapters" / "intro.html").read_text(encoding="utf8")
    text = text.replace('data-content_root="../"', 'data-content_root="./"')
    text = re.sub(r'( (?:href|src)=")(?![./#]|[a-z]+:)', r"\1chapters/", text)
    text = re.sub(r"""(["'])\.\./""", r"\1", text)
    (html / "index.html").write_text(text, encoding="utf8")


def run_jupyter_book(source: Path, work: Path) -> Path:
    """Let Jupyter Book turn `source` into a site, for which a warning is an error."""
    strict = ["--warningiserror", "--nitpick", "--keep-going"]
    run = subprocess.run(
        [*JUPYTER_BOOK, "build", str(source), "--path-output", str(work), *strict],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if run.returncode:
        raise SystemExit(f"{plain(run.stdout)}\nThe site was not built: see the warnings above.")
    return work / "_build" / "html"


def offer_downloads(chapters: Path, folder: Path) -> None:
    """Put copies that need nothing of the site where its download buttons lead."""
    for solutions, ending in ((True, ""), (False, "-exercises")):
        for name, notebook in copies(chapters, solutions=solutions).items():
            if (chapters / f"{name}.ipynb").exists():
                write_atomically(folder / f"{name}{ending}.ipynb", dumps(notebook))


def build_site(chapters: Path, out: Path) -> Path:
    """Build the site from chapters as they stand, stored outputs and all; return its folder.

    The site that was there stays until the new one is whole, and two builds at once do not meet.
    """
    out.mkdir(parents=True, exist_ok=True)
    html = out / "html"
    with TemporaryDirectory(dir=out, prefix="site-", ignore_cleanup_errors=True) as folder:
        source, work = Path(folder) / "source", renew(Path(folder) / "work")
        assemble(chapters, source)
        built = run_jupyter_book(source, work)
        own_search(built)
        welcome(built)
        make_publishable(built)
        offer_downloads(chapters, built / "_sources" / "chapters")
        if html.exists():
            html.replace(Path(folder) / "before")
        built.replace(html)
    return html


def build_book() -> None:
    """Execute what has changed and build the site of the whole book."""
    twins = refresh()
    BUILD.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=BUILD, prefix="chapters-", ignore_cleanup_errors=True) as folder:
        staged = Path(folder) / "chapters"
        shutil.copytree(CHAPTERS, staged, ignore=UNSEEN)
        for chapter, twin in twins.items():
            (staged / chapter.name).write_text(with_outputs(chapter, twin), encoding="utf8")
        print("Building the site", flush=True)
        index = build_site(staged, BUILD) / "index.html"
    print(f"The book is at {index}")
