"""The book as PDF and as EPUB, from the same chapters as the site."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo, is_zipfile

import yaml

from tools.execute import plain
from tools.paths import BUILD, CHAPTERS, ROOT
from tools.printed import print_source
from tools.quiet import run_quietly
from tools.website import add_katex

PRINT = ROOT / "print"
NAME = "em-step-by-step"
FIRST_DATE_OF_ZIP = "315532800"  # 1980
INSTALL_TEX = (
    "On Debian, `apt install --no-install-recommends latexmk texlive-xetex texlive-latex-extra "
    "texlive-fonts-recommended fonts-texgyre fonts-texgyre-math fonts-dejavu` brings all that is "
    "needed."
)
OVERFULL = re.compile(r"(Overfull \\[hv]box \(([\d.]+)pt too (?:wide|high)\).*)")
XHTML = re.compile(r'href="([^"]+)" media-type="application/xhtml\+xml"(?: properties="([^"]*)")?')
NO_SUCH_STYLE = re.compile(r'\s*<link [^>]*href="[^"]*mystnb[^"]*\.css"[^>]*/>')
LIST_IN_PARAGRAPH = re.compile(
    r"<p>(<ul\b(?:(?!</?p>).|<p>(?:(?!</?p>).)*</p>)*</ul>)\s*</p>", re.DOTALL
)
APPLIED = re.compile("(<mo>\N{FUNCTION APPLICATION}</mo>)(?!<mo[^>]*>[([])")
UID = re.compile(r'(name="dtb:uid" content=")[^"]*')  # Sphinx writes another than it lists
WIDEST = 20.0  # points over the edge of a line or page, which a margin of 2.4 cm forgives


def assemble_print(builder: str, chapters: Path, source: Path) -> None:
    """Put in one folder all that Sphinx is to see of the printed book."""
    print_source(chapters, source, own_index=builder == "latex")
    for path in PRINT.iterdir():
        if path.suffix in (".py", ".tex"):
            shutil.copy(path, source)
    shutil.copy(ROOT / "CITATION.cff", source)
    (source / "static").mkdir()
    shutil.copy(PRINT / "epub.css", source / "static")
    shared = ("katex_math", "glossary_links", "glossary_letters", "book_index", "lookups")
    for name in (*(f"{module}.py" for module in shared), "render.mjs"):
        shutil.copy(ROOT / "site" / name, source)
    add_katex(source)


def run_sphinx(builder: str, chapters: Path, source: Path, out: Path) -> None:
    """Let Sphinx write the book; a warning is an error."""
    command = [sys.executable, "-m", "sphinx", "-b", builder, "-W", "--keep-going", "-n", "-q"]
    command += ["-d", str(out.with_name("doctrees"))]
    settings = ["-D", f"numbered_chapters={chapters}"]
    run = run_quietly(
        [*command, *settings, str(source), str(out)],
        PYTHONPATH=str(ROOT),
        SOURCE_DATE_EPOCH=source_date(),
    )
    if run.returncode:
        raise SystemExit(f"{plain(run.stdout)}\nThe book was not written: see the warnings above.")


def source_date() -> str:
    """The book's date in seconds since 1970: SOURCE_DATE_EPOCH, or when the last commit was.

    Without git, or in a folder that came as an archive, it is the date of the edition.
    """
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return given
    git = ["git", "log", "-1", "--format=%ct"]
    try:
        run = subprocess.run(git, cwd=ROOT, capture_output=True, encoding="utf8", check=True)
    except (OSError, subprocess.CalledProcessError):
        released = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf8"))
        day = datetime.fromisoformat(released["date-released"]).replace(tzinfo=UTC)
        return f"{day.timestamp():.0f}"
    return run.stdout.strip()


def identifier(listing: str) -> str:
    """The e-book's own name in its list of files."""
    found = re.search(r"<dc:identifier[^>]*>([^<]+)", listing)
    if found is None:
        raise ValueError("the e-book's list of files has no identifier")
    return found[1]


def valid(page: str) -> str:
    """A page of an e-book without what an EPUB may not have, and with room as in log x."""
    page = NO_SUCH_STYLE.sub("", page)  # it is on the disk only when the e-book has been packed
    page = LIST_IN_PARAGRAPH.sub(r"\1", page)
    return APPLIED.sub(r'\1<mspace width="0.167em"/>', page)


def packed(folder: Path, target: Path, date: str) -> Path:
    """Pack an e-book: equal files give equal bytes, and pages with formulas are listed as such."""
    listing = folder / "content.opf"
    text = listing.read_text(encoding="utf8")

    for page in folder.rglob("*.xhtml"):
        page.write_text(valid(page.read_text(encoding="utf8")), encoding="utf8")
    contents = folder / "toc.ncx"
    older = contents.read_text(encoding="utf8")
    contents.write_text(UID.sub(f"\\g<1>{identifier(text)}", older), encoding="utf8")

    def listed(item: re.Match[str]) -> str:
        has_formulas = "<math" in (folder / item[1]).read_text(encoding="utf8")
        properties = [*(item[2] or "").split(), *(["mathml"] if has_formulas else [])]
        said = f' properties="{" ".join(properties)}"' if properties else ""
        return f'href="{item[1]}" media-type="application/xhtml+xml"{said}'

    text = XHTML.sub(listed, text)
    listing.write_text(text, encoding="utf8")
    files = [folder / "mimetype", folder / "META-INF" / "container.xml", listing]
    files += [folder / href for href in re.findall(r'<item [^>]*?href="([^"]+)"', text)]
    when = datetime.fromtimestamp(max(int(date), int(FIRST_DATE_OF_ZIP)), tz=UTC).timetuple()[:6]
    with ZipFile(target, "w") as archive:
        for file in files:
            info = ZipInfo(file.relative_to(folder).as_posix(), when)
            plain_first = file.name == "mimetype"
            info.compress_type = ZIP_STORED if plain_first else ZIP_DEFLATED
            archive.writestr(info, file.read_bytes())
    return target


@contextmanager
def written(builder: str, chapters: Path, target: Path) -> Iterator[Path]:
    """What Sphinx writes of the book, in a folder beside `target` that is removed afterwards."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=target.parent, prefix=f"{builder}-") as name:
        source, out = Path(name) / "source", Path(name) / "out"
        source.mkdir()
        assemble_print(builder, chapters, source)
        run_sphinx(builder, chapters, source, out)
        yield out


def build_epub(chapters: Path, target: Path) -> Path:
    """Write the book as an EPUB from chapters as they stand, stored outputs and all."""
    with written("epub", chapters, target) as out:
        return packed(out, target, source_date())


def build_pdf(chapters: Path, target: Path) -> Path:
    """Write the book as a PDF from chapters as they stand, stored outputs and all."""
    with written("latex", chapters, target) as out:
        log = typeset(out)
        (out / "book.pdf").replace(target)
    if said := misfits(log):
        raise SystemExit(
            "\n".join([*said, f"{target} has what does not fit on its page, or letters missing."])
        )
    return target


def typeset(folder: Path) -> str:
    """Let LaTeX make book.pdf of book.tex, and return its log."""
    options = ["-xelatex", "-interaction=nonstopmode", "-halt-on-error", "-file-line-error"]
    run = subprocess.run(
        ["latexmk", *options, "book.tex"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        env={**os.environ, "SOURCE_DATE_EPOCH": source_date(), "FORCE_SOURCE_DATE": "1"},
    )
    log = (folder / "book.log").read_text(encoding="utf8", errors="replace")
    if run.returncode:
        errors = re.findall(r"^\S+\.(?:tex|sty):\d+: .*|^! .*", log, re.MULTILINE)
        raise SystemExit("\n".join([*errors, f"LaTeX made no PDF of the book. {INSTALL_TEX}"]))
    return log


def misfits(log: str) -> list[str]:
    """What LaTeX says in its log of lines and pages that overflow, and of letters it lacks."""
    long = [line for line in OVERFULL.findall(log) if float(line[1]) > WIDEST]
    lost = re.findall(r"Missing character: .*", log)
    return [*(line[0] for line in long), *sorted(set(lost))]


def needs(tools: tuple[str, ...], install: str) -> None:
    """Stop where a program is missing, and say what to install."""
    if missing := [tool for tool in tools if shutil.which(tool) is None]:
        raise SystemExit(f"{' and '.join(missing)} cannot be found. {install}")


def pdf() -> None:
    """Write the book as a PDF, with the stored outputs."""
    needs(("xelatex", "latexmk"), INSTALL_TEX)
    made = build_pdf(CHAPTERS, BUILD / f"{NAME}.pdf")
    print(f"The book is at {made} ({made.stat().st_size / 1e6:.1f} MB)")


def epub() -> None:
    """Write the book as an EPUB, with the stored outputs, and check it."""
    made = build_epub(CHAPTERS, BUILD / f"{NAME}.epub")
    print(f"The book is at {made} ({made.stat().st_size / 1e6:.1f} MB)", flush=True)
    needs(("epubcheck", "java"), "So the EPUB is not checked: on Debian, `apt install epubcheck`.")
    raise SystemExit(subprocess.run([*epubcheck(), str(made)], check=False).returncode)


def epubcheck() -> list[str]:
    """The command that checks an EPUB; Debian installs a Java archive under its name."""
    program = shutil.which("epubcheck") or "epubcheck"
    return ["java", "-jar", program] if is_zipfile(program) else [program]
