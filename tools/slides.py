"""Every figure of the book as a picture for slides, with a table of what each of them shows."""

import base64
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from nbformat import NotebookNode

from tools.notebooks import load
from tools.paths import BUILD, CHAPTERS
from tools.printed import frame_png, player_frames, scene_picture, stills
from tools.references import References, parts

LICENCE = """\
The figures of "Expectation–Maximization, Step by Step".

They may be used, changed and passed on under Creative Commons Attribution 4.0 (CC BY 4.0),
https://creativecommons.org/licenses/by/4.0/: name the book, and say what you changed.

Five of them hold photographs that are not the book's, under Creative Commons Attribution 2.0
(CC BY 2.0), https://creativecommons.org/licenses/by/2.0/: name the photographer as well.
  fig-seg-tower, fig-seg-cut: danielbuechele, https://www.flickr.com/photos/danielbuechele/6061409035
  fig-seg-cloud, fig-seg-components, fig-intro-hidden: vultilion, https://www.flickr.com/photos/vultilion/6056698931
The slice of a head in fig-seg-soft and fig-seg-field comes with matplotlib, which names no author.

Each is a PNG with 200 dots per inch. figures.csv has for each file its chapter, its number and
label in the book, its caption, and in words what is to be seen, for those who cannot see it.
"""
DATE = (1980, 1, 1, 0, 0, 0)  # so that equal figures give equal archives


@dataclass(frozen=True)
class Picture:
    """A figure, or a still of one that moves.

    Attributes
    ----------
    file, chapter, number, label, caption, seen : str
        The label is the one that prose refers to; what is seen is the alternative text.
    png : bytes
    """

    file: str
    chapter: str
    number: str
    label: str
    caption: str
    seen: str
    png: bytes


def pictures(notebook: NotebookNode, page: str, references: References) -> Iterator[Picture]:
    """The pictures of a chapter, in its order."""
    count = 0
    for cell in (cell for cell in notebook.cells if cell.cell_type == "code"):
        settings = cell.metadata.get("mystnb", {})
        figure = settings.get("figure", {})
        label = figure.get("name", "")
        number = references.targets[label].text if label else ""
        caption = plain_words(references.resolve(figure.get("caption", ""), page))
        seen = settings.get("image", {}).get("alt", "")
        for data in (output.get("data", {}) for output in cell.outputs):
            if "image/png" in data:
                count += 1
                name = f"{page}/{count:02}-{label or 'figure'}.png"
                png = base64.b64decode(data["image/png"])
                yield Picture(name, page, number, label, caption, seen, png)
            elif "em-player" in data.get("text/html", ""):
                count += 1
                for i, frame in enumerate(stills(player_frames(data["text/html"])), 1):
                    name = f"{page}/{count:02}-{label}-still-{i}.png"
                    words = f"{caption} Here: {frame['label']}."
                    png = frame_png(frame)
                    yield Picture(name, page, number, label, words, frame["alt"], png)
            elif "em-scene" in data.get("text/html", ""):
                count += 1
                frame, said = scene_picture(data["text/html"])
                name = f"{page}/{count:02}-scene.png"
                yield Picture(name, page, "", "", said, frame["alt"], frame_png(frame))


def plain_words(markdown: str) -> str:
    """A caption on one line, without the addresses of its links."""
    return " ".join(re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", markdown).split())


def all_pictures(chapters: Path = CHAPTERS) -> list[Picture]:
    """The pictures of the whole book, in its order."""
    references = References(chapters)
    found: list[Picture] = []
    for page in (page for _, pages in parts() for page in pages):
        if (path := chapters / f"{page}.ipynb").exists():
            found += pictures(load(path), page, references)
    return found


def table(found: list[Picture]) -> str:
    """What each file shows, as comma-separated values."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([field.name for field in fields(Picture)][:-1])
    writer.writerows(astuple(picture)[:-1] for picture in found)
    return buffer.getvalue()


def write_figures(target: Path, chapters: Path = CHAPTERS) -> int:
    """Write an archive with all pictures, a table and the licence; return how many there are."""
    found = all_pictures(chapters)
    files = {"LICENSE.txt": LICENCE.encode(), "figures.csv": table(found).encode("utf-8-sig")}
    files |= {picture.file: picture.png for picture in found}
    target.parent.mkdir(parents=True, exist_ok=True)
    with ZipFile(target, "w") as archive:
        for name, content in files.items():
            info = ZipInfo(f"figures/{name}", DATE)
            info.compress_type = ZIP_DEFLATED
            archive.writestr(info, content)
    return len(found)


def figures() -> None:
    """Write every figure, and stills of those that move, into an archive for slides."""
    target = BUILD / "figures.zip"
    count = write_figures(target)
    print(f"{count} pictures are in {target} ({target.stat().st_size / 1e6:.1f} MB)")
