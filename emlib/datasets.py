"""Data sets of the book, each with its source."""

from __future__ import annotations

import csv
import tomllib
from dataclasses import dataclass, replace
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from emlib import validation as check

OUTLINES = ("tower", "dahlia", "brain")


@dataclass(frozen=True, eq=False)
class Dataset:
    """A table of numbers and where it comes from.

    Attributes
    ----------
    values : ndarray of shape (N, D)
    columns : tuple of str
        Name of each feature, and its unit where the source has one.
    source : str
        Where the data come from; for made-up data, how they were made.
    labels : ndarray of shape (N,) or None
        The hidden variable, known only where the data were made up or somebody judged every case.
    """

    values: NDArray[np.float64]
    columns: tuple[str, ...]
    source: str
    labels: NDArray[np.intp] | None = None


@dataclass(frozen=True, eq=False)
class ParallelText:
    """Sentences in two languages and where they come from.

    Attributes
    ----------
    pairs : list of (str, str)
        German and English, words separated by blanks.
    links : dict of int to set of (int, int)
        For the pairs that were aligned by hand: which German word, counted from 0, belongs to
        which English word.
    source : str
    """

    pairs: list[tuple[str, str]]
    links: dict[int, set[tuple[int, int]]]
    source: str


def load_faithful() -> Dataset:
    """272 eruptions of the geyser Old Faithful: duration, and waiting time until the next.

    Not to be read as a series: seven times, one short wait follows another, which never happens in
    the record without gaps, `load_geyser`. A third of the durations are multiples of five seconds.

    Examples
    --------
    >>> load_faithful().values.shape
    (272, 2)
    """
    return _table("faithful")


def load_geyser() -> Dataset:
    """299 eruptions of Old Faithful one after the other, nights included, August 1985.

    A row is the wait for an eruption and the duration of that eruption; from one row to the next
    none is left out. Some durations at night were noted only as short, medium or long, and
    appear here as 2, 3 and 4 minutes.

    Examples
    --------
    >>> load_geyser().values[:2].round(2)
    array([[80.  ,  4.02],
           [71.  ,  2.15]])
    """
    return _table("geyser")


def load_galaxies() -> Dataset:
    """82 galaxies of the Corona Borealis region: the speed at which each moves away from us.

    The copy that is distributed with R has a misprint, 26690 for 26960; it is corrected here. An
    83rd galaxy of the survey, at 5607 km/s, has been left out since Roeder (1990).

    Examples
    --------
    >>> load_galaxies().values[:3, 0]
    array([9172., 9350., 9483.])
    """
    return _table("galaxies")


def load_diabetes() -> Dataset:
    """145 adults: glucose when fasting, and glucose and insulin in the hours after sugar.

    `values` are the plasma glucose of a fasting person, and the areas under the curves of glucose
    and insulin in an oral glucose tolerance test. `labels` are diagnoses: 0 normal, 1 chemical
    diabetes (no symptoms, but a poor tolerance of glucose), 2 overt diabetes. The copy in R's
    mclust differs: its columns bear other names, and one glucose area is 45 for 455.

    Examples
    --------
    >>> load_diabetes().values[0]
    array([ 80., 356., 124.])
    """
    table = _table("diabetes")
    diagnoses = table.values[:, 3].astype(np.intp)
    return replace(table, values=table.values[:, :3], columns=table.columns[:3], labels=diagnoses)


def load_earthquakes() -> Dataset:
    """Major earthquakes in the world, magnitude 7 or more, in each year from 1900 to 2006.

    Magnitudes before 1949 were measured too high, those before 1908 by half a unit or more, so
    that early years have too many (Perez and Scholz 1984, Bull. Seismol. Soc. Am. 74, 669-686).

    Examples
    --------
    >>> load_earthquakes().values[:3].astype(int).tolist()
    [[1900, 13], [1901, 14], [1902, 8]]
    """
    return _table("earthquakes")


def load_murray() -> Dataset:
    """Murray's twelve points in the plane: four with both coordinates, eight with only one.

    Made to have a likelihood with two maxima and a saddle between them. NaN marks what is missing.

    Examples
    --------
    >>> load_murray().values[3:6]
    array([[-1., -1.],
           [ 2., nan],
           [ 2., nan]])
    """
    return _table("murray1977")


def load_messages() -> ParallelText:
    """382 messages of the web framework Django in German and English, 50 of them aligned by hand.

    From the twelve German catalogues (`locale/de/LC_MESSAGES/django.mo`): each message whose two
    sides have 2 to 25 words, in lower case, without placeholders, markup, digits and punctuation.
    The 50 were drawn at random from those of 4 to 14 words, and their links drawn by one annotator
    before a model had seen them.

    Examples
    --------
    >>> messages = load_messages()
    >>> messages.pairs[30]
    ('benutzername oder passwort vergessen', 'forgotten your password or username')
    >>> sorted(messages.links[30])
    [(0, 4), (1, 3), (2, 2), (3, 0)]
    """
    with files("emlib").joinpath("data", "django_messages.csv").open(encoding="utf8") as file:
        rows = list(csv.DictReader(file))
    links = {
        n: {(int(f), int(e)) for f, e in (link.split("-") for link in row["links"].split())}
        for n, row in enumerate(rows)
        if row["links"]
    }
    return ParallelText(
        [(row["german"], row["english"]) for row in rows],
        links,
        _source("django_messages"),
    )


def load_outline(picture: str) -> Dataset:
    """The outline of what a picture shows, drawn by hand: the truth to score a segmentation by.

    Each row is a corner of a polygon: its piece, and its place in pixels from the top left of the
    whole picture. A pixel is inside where an odd number of pieces contains it, so that a piece
    inside another is a hole.

    Parameters
    ----------
    picture : {'tower', 'dahlia', 'brain'}
        The tower of scikit-learn's china.jpg, the whole dahlia of its flower.jpg, or the brain in
        matplotlib's s1045.ima.gz, a slice by magnetic resonance.

    Examples
    --------
    >>> load_outline("dahlia").values[0]
    array([  0., 297.,  89.])
    """
    if picture not in OUTLINES:
        raise ValueError(f"picture must be one of {', '.join(OUTLINES)}, not {picture!r}")
    table = _table("outlines")
    rows = table.values[:, 0] == OUTLINES.index(picture)
    return replace(table, values=table.values[rows, 1:], columns=table.columns[1:])


def load_mammal_sleep() -> Dataset:
    """Sleep, body and dangers of 62 species of mammals; NaN where nobody had measured.

    Slow-wave sleep is that without dreams, paradoxical sleep that with dreams, and total sleep is
    their sum wherever all three are known. The paper itself works with 39 of the species. The
    indices go from 1, little, to 5: how likely the animal is to be preyed upon, how exposed it is
    while sleeping, and the overall danger from other animals. The file in `emlib/data` names the
    species.

    Examples
    --------
    >>> load_mammal_sleep().values[2, :5]  # the Arctic fox
    array([ 3.385, 44.5  ,    nan,    nan, 12.5  ])
    """
    return _table("mammalsleep", first=1)


def load_airquality() -> Dataset:
    """The air of New York on the 153 days from May to September 1973; NaN where it is missing.

    Ozone is the mean from 1 to 3 p.m. on Roosevelt Island; radiation that from 8 a.m. to noon in
    Central Park, of 4000 to 7700 angstrom; wind the mean of 7 and 10 a.m. and temperature the
    highest of the day, both at LaGuardia.

    Examples
    --------
    >>> load_airquality().values[4]  # neither ozone nor radiation on 5 May
    array([ nan,  nan, 14.3, 56. ,  5. ,  5. ])
    """
    return _table("airquality")


def make_20_40(seed: int = 1) -> Dataset:
    """3000 points from N(20, sd 5) and 7000 from N(40, sd 5), from a widely read tutorial.

    Examples
    --------
    >>> make_20_40().values[:3, 0].round(4)
    array([28.1217, 16.9412, 17.3591])
    """
    return _two_normals(
        seed, (20, 5, 3000), (40, 5, 7000), "made as in Brownlee (2019), Machine Learning Mastery"
    )


def make_2_9(seed: int = 36788765) -> Dataset:
    """1000 points from N(2, sd 4) and 500 from N(9, sd 2), from another widely read tutorial.

    Examples
    --------
    >>> make_2_9().values.shape
    (1500, 1)
    """
    return _two_normals(
        seed, (2, 4, 1000), (9, 2, 500), "made as in the example of Analytics Vidhya's EM guide"
    )


def _two_normals(
    seed: int, first: tuple[float, float, int], second: tuple[float, float, int], source: str
) -> Dataset:
    # The tutorials draw from NumPy's older generator; only it gives the same numbers.
    generator = np.random.RandomState(check.count("seed", seed, 0))
    values = np.concatenate([generator.normal(*first), generator.normal(*second)])
    labels = np.repeat([0, 1], [first[2], second[2]])
    return Dataset(values[:, None], ("x",), f"{source}, seed {seed}", labels)


def _table(name: str, first: int = 0) -> Dataset:
    """The numbers of a file from the column `first` on; its first line has the names."""
    with files("emlib").joinpath("data", f"{name}.csv").open(encoding="utf8") as file:
        columns = tuple(next(file).strip().split(","))[first:]
        used = range(first, first + len(columns))
        values = np.loadtxt(file, delimiter=",", usecols=used, ndmin=2)
    return Dataset(values, columns, _source(name))


def _source(name: str) -> str:
    """Where a file of `emlib/data` comes from."""
    sources = tomllib.loads(files("emlib").joinpath("data", "sources.toml").read_text("utf8"))
    return str(sources[name])
