"""The laboratory's data and scenes: what the site shows live is here drawn as a still picture."""

from __future__ import annotations

import html
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import HTML
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from emlib import datasets, mixture
from emlib.book import plotting
from emlib.covariances import FORMS, Full
from emlib.families import Binomial, Family
from emlib.mixture import MixtureParams
from emlib.types import Array


@dataclass(frozen=True)
class Data:
    """A data set of the laboratory, made by a line of Python that its readers may copy.

    Attributes
    ----------
    title, axes
        What readers call it, and its features with their units.
    model : {'coins', 'line', 'plane'}
    python : str
        The line, which binds `x`; or `heads` and `tosses`.
    source : str
        Where the numbers come from.
    """

    title: str
    model: str
    axes: tuple[str, ...]
    python: str
    source: str

    @cached_property
    def x(self) -> Array:
        """The data as emlib takes them, of shape (N, D); the heads of coins have shape (N, 1)."""
        names = vars(datasets) | {"np": np}
        exec(self.python, names)
        made = names["heads"][:, None] if self.model == "coins" else names["x"]
        return np.asarray(made, dtype=float)


MADE_20_40, MADE_2_9 = datasets.make_20_40(), datasets.make_2_9()
FAITHFUL, GALAXIES = datasets.load_faithful(), datasets.load_galaxies()
TOSSES = 10  # in every set of the coins

DATA = {
    "coins": Data(
        "Five sets of ten tosses",
        "coins",
        ("heads",),
        "heads, tosses = np.array([5, 9, 8, 4, 7]), np.array([10, 10, 10, 10, 10])",
        "Do and Batzoglou (2008), Nature Biotechnology 26, 897-899.",
    ),
    "twenty-forty": Data(
        "20/40",
        "line",
        ("x",),
        "x = make_20_40().values[::20].round(2)",
        f"Every twentieth point of those {MADE_20_40.source}.",
    ),
    "two-nine": Data(
        "2/9",
        "line",
        ("x",),
        "x = make_2_9().values[::5].round(2)",
        f"Every fifth point of those {MADE_2_9.source}.",
    ),
    "galaxies": Data(
        "Galaxies",
        "line",
        ("velocity (1000 km/s)",),
        "x = load_galaxies().values / 1000",
        GALAXIES.source,
    ),
    "faithful": Data(
        "Old Faithful", "plane", FAITHFUL.columns, "x = load_faithful().values", FAITHFUL.source
    ),
    "clouds": Data(
        "Three clouds",
        "plane",
        ("x", "y"),
        "x = (np.repeat([[0, 0], [6, 0], [3, 5]], 40, axis=0)"
        " + np.random.default_rng(1).normal(size=(120, 2))).round(2)",
        "Made up: 40 points around each of (0, 0), (6, 0) and (3, 5), with standard deviation 1.",
    ),
    "outlier": Data(
        "Points with an outlier",
        "plane",
        ("x", "y"),
        "x = np.vstack([np.random.default_rng(1).normal(size=(40, 2)), [[5, 4]]]).round(2)",
        "Made up: 40 points around (0, 0) with standard deviation 1, and one at (5, 4).",
    ),
}


@dataclass(frozen=True, eq=False)
class Scene:
    """A start, and a sentence that says what to look for.

    Attributes
    ----------
    title, sentence : str
    data : str
        The name of the data.
    params : tuple of ndarray
        The start: weights and components as `emlib.mixture` has them.
    iterations : tuple of int
        How many each 'run' takes until it stops.
    steps : tuple of str
        What to press: 'E', 'M', 'hard', 'run', 'nudge'.
    form : str
        Of the covariances in the plane.
    floor : float
        Below which no eigenvalue of a covariance may fall.
    fixed : tuple of str
        The parameters that the M-step leaves as they are.
    stopping : dict
        `tolerance`, `rule` and `maxIterations`, where they are not the usual ones.
    is_lesson : bool
        Whether it shows how EM behaves, and not only a data set.
    """

    title: str
    sentence: str
    data: str
    params: tuple[Array, ...]
    iterations: tuple[int, ...]
    steps: tuple[str, ...] = ("run",)
    form: str = "full"
    floor: float = 0.0
    fixed: tuple[str, ...] = ()
    stopping: tuple[tuple[str, Any], ...] = ()
    is_lesson: bool = True

    @property
    def model(self) -> str:
        """'coins', 'line' or 'plane'."""
        return DATA[self.data].model

    @property
    def x(self) -> Array:
        """The data, of shape (N, D)."""
        return DATA[self.data].x

    @property
    def family(self) -> Family:
        """What the components are, in emlib."""
        return Binomial(TOSSES) if self.model == "coins" else FORMS[self.form](floor=self.floor)

    def m_step(self, statistics: Any, before: tuple[Array, ...]) -> tuple[Array, ...]:
        """The M-step, after which the fixed parameters are as before."""
        names = ("weights", *self.family.parameters)
        found = mixture.m_step(statistics, self.family)
        choice = zip(names, before, found, strict=True)
        return tuple(old if name in self.fixed else new for name, old, new in choice)

    def stages(self) -> list[tuple[str, tuple[Array, ...]]]:
        """What the picture shows: the parameters at the start, and after each M-step or run."""
        rng, runs = np.random.default_rng(0), iter(self.iterations)
        params, found = self.params, [("the start", self.params)]
        iteration, after = 0, ""
        statistics = mixture.e_step(params, self.x, self.family)[0]
        for step in self.steps:
            if step == "hard":
                r = mixture.responsibilities(params, self.x, self.family)
                assigned = np.eye(r.shape[1])[r.argmax(axis=1)]
                statistics, after = mixture.statistics(assigned, self.x, self.family), "a hard step"
            elif step == "nudge":
                statistics, after = mixture.nudge(statistics, rng, 0.3, self.family), "a nudge"
            elif step in ("M", "run"):
                n = next(runs) if step == "run" else 1
                for _ in range(n):
                    params = self.m_step(statistics, params)
                    statistics = mixture.e_step(params, self.x, self.family)[0]
                iteration += n
                many = f"{iteration} iteration{'s' * (iteration > 1)}"
                found.append((f"after {after or many}", params))
        return found


def laboratory(name: str) -> HTML:
    """A scene as a still picture, in whose place the site lets its readers drive EM.

    Parameters
    ----------
    name : str
        Of the scene, one of `SCENES`.

    Raises
    ------
    ValueError
        If there is no such scene.
    """
    if name not in SCENES:
        raise ValueError(f"there is no scene {name!r}; there are {', '.join(SCENES)}")
    scene = SCENES[name]
    picture = plotting.image(*still(scene))
    return HTML(  # type: ignore[no-untyped-call]
        f"<figure class='em-scene' data-scene='{name}'>{picture}"
        "<p class='em-still'>A still picture: on the book's site, the page “The laboratory” lets "
        f"you drive this scene, “{html.escape(scene.title)}”, yourself.</p>"
        f"<figcaption>{html.escape(scene.sentence)}</figcaption></figure>"
    )


def still(scene: Scene) -> tuple[Figure, str]:
    """A scene as a picture of its start and of what its steps lead to, and the same in words."""
    stages = scene.stages()
    seen = "; ".join(f"{label}, {described(scene, params)}" for label, params in stages)
    return draw(scene, stages), f"{scene.title}. {seen[0].upper()}{seen[1:]}."


def draw(scene: Scene, stages: list[tuple[str, tuple[Array, ...]]]) -> Figure:
    """The stages of a scene side by side, from left to right."""
    figure, axes = plt.subplots(
        1, len(stages), figsize=(6.4, 2.9), sharex=True, sharey=True, squeeze=False
    )
    for ax, (label, params) in zip(axes[0], stages, strict=True):
        DRAWINGS[scene.model](ax, scene, params)
        ax.set_title(label, fontsize=10)
        ax.set_xlabel(ax.get_xlabel(), fontsize=9)
        ax.tick_params(labelsize=9)
    return figure


def draw_coins(ax: Axes, scene: Scene, params: tuple[Array, ...]) -> None:
    """For every set of tosses a bar, shared out between the two coins."""
    r = mixture.responsibilities(params, scene.x, scene.family)
    rows = -np.arange(len(r))
    ax.barh(rows, r[:, 0], color=plotting.color(0), height=0.7)
    ax.barh(rows, r[:, 1], left=r[:, 0], color=plotting.color(1), height=0.7)
    first, second = params[1][:, 0]
    plotting.label(ax, 0, 0.55, f"A: {first:.2f}", 0, fontsize=9)
    plotting.label(ax, 1, 0.55, f"B: {second:.2f}", 1, ha="right", fontsize=9)
    ax.set_yticks(rows, [f"{heads:.0f} heads" for heads in scene.x[:, 0]])
    ax.set(xlim=(0, 1), ylim=(rows[-1] - 0.6, 1.1), xticks=[0, 0.5, 1], xlabel="responsibility")


def draw_line(ax: Axes, scene: Scene, params: tuple[Array, ...]) -> None:
    """The histogram of the data under the bells of the mixture."""
    low, high = scene.x.min(), scene.x.max()
    margin = 0.08 * (high - low)
    plotting.histogram(ax, scene.x, bins=30)
    weights, means, covariances = params
    ends = low - margin, high + margin
    plotting.mixture_1d(ax, weights, means, np.sqrt(covariances[:, 0, 0]), *ends)
    ax.set_xlabel(DATA[scene.data].axes[0])


def draw_plane(ax: Axes, scene: Scene, params: tuple[Array, ...]) -> None:
    """The points in the colours of the components that claim them, and the components' ellipses."""
    r = mixture.responsibilities(params, scene.x, scene.family)
    plotting.mixture_2d(ax, scene.x, r, params[1], matrices(scene, params[2]), size=14)
    ax.set(xlabel=DATA[scene.data].axes[0], ylabel=DATA[scene.data].axes[1])
    ax.label_outer()


DRAWINGS = {"coins": draw_coins, "line": draw_line, "plane": draw_plane}


def matrices(scene: Scene, covariances: Array) -> Array:
    """A covariance matrix for every component of a mixture in the plane, of shape (K, D, D)."""
    if scene.form == "tied":
        return np.array([covariances] * len(scene.params[0]))
    if scene.form == "diag":
        return covariances[:, :, None] * np.eye(2)
    return covariances[:, None, None] * np.eye(2) if scene.form == "spherical" else covariances


def described(scene: Scene, params: tuple[Array, ...]) -> str:
    """Where the components are, in words."""
    if scene.model == "coins":
        return "coins with {:.2f} and {:.2f} heads".format(*params[1][:, 0])
    places = [", ".join(f"{value:.3g}" for value in mean) for mean in params[1]]
    if scene.model == "plane":
        return "ellipses around " + " and ".join(f"({place})" for place in places)
    return "bells around " + " and ".join(places)


def bells(weights: list[float], means: list[float], variances: list[float]) -> MixtureParams:
    """The parameters of a mixture in one dimension."""
    return MixtureParams(
        np.array(weights), np.array(means)[:, None], np.array(variances)[:, None, None]
    )


def ellipses(weights: list[float], means: list[Any], covariances: list[Any]) -> MixtureParams:
    """The parameters of a mixture in the plane."""
    return MixtureParams(np.array(weights), np.array(means, float), np.array(covariances, float))


def two_coins(a: float, b: float) -> tuple[Array, ...]:
    """Two coins that are taken equally often, by their probabilities of heads."""
    return np.array([0.5, 0.5]), np.array([[a], [b]])


def from_responsibilities(name: str, r: Array) -> tuple[Array, ...]:
    """The parameters that an M-step makes from responsibilities of shape (N, K)."""
    weights, means, c = mixture.m_step(mixture.statistics(r, DATA[name].x, Full()), Full())
    return weights, means, (c + np.swapaxes(c, 1, 2)) / 2  # symmetric to the last digit


def random_shares(n: int, k: int) -> Array:
    """Random responsibilities of shape (n, k), which leave all components nearly equal."""
    r = np.random.default_rng(1).uniform(size=(n, k))
    return r / r.sum(axis=1, keepdims=True)


HALVES, THIRDS = [0.5, 0.5], [1 / 3] * 3
SMALL = ellipses(
    [0.35, 0.63, 0.02],
    [[2.04, 54.5], [4.29, 80], [4.03, 82]],
    [[[0.07, 0.43], [0.43, 34]], [[0.17, 0.94], [0.94, 36]], [[0.01, 0], [0, 1]]],
)
# Kinds of Old Faithful's eruptions: the short, the long, and nine that lie almost on a line.
KINDS = np.where(FAITHFUL.values[:, 0] < 3.1, 0, 1)
KINDS[[131, 140, 159, 176, 195, 197, 206, 253, 271]] = 2
ONLY_MEANS = ("weights", "covariances")

SCENES = {
    "coins": Scene(
        "Two coins",
        "Five sets of ten tosses, and nobody wrote down which coin was tossed. E shares every set "
        "out between the two coins, M gives each coin its share of the heads: they end at 0.80 "
        "and 0.52.",
        "coins",
        two_coins(0.6, 0.5),
        (10,),
        ("E", "M", "run"),
        fixed=("weights",),
        is_lesson=False,
    ),
    "faithful": Scene(
        "Old Faithful",
        "From a bad guess, two ellipses find the short eruptions and the long ones. E recolours "
        "the points, M fits each ellipse to what it claims.",
        "faithful",
        ellipses(HALVES, [[5, 50], [2, 90]], [[[1, 0], [0, 100]]] * 2),
        (16,),
        ("E", "M", "run"),
        is_lesson=False,
    ),
    "twenty-forty": Scene(
        "Two humps",
        "Two bells that start far out, at 10 and 50, come in to the two humps, at 20 and at 40.",
        "twenty-forty",
        bells(HALVES, [10, 50], [25, 25]),
        (19,),
        ("E", "M", "run"),
        is_lesson=False,
    ),
    "galaxies": Scene(
        "Galaxies",
        "Three bells for the speeds of 82 galaxies: the two outer ones keep seven and three "
        "galaxies, and the middle one takes all the rest.",
        "galaxies",
        bells(THIRDS, [10, 20, 33], [4, 4, 4]),
        (9,),
        is_lesson=False,
    ),
    "outlier": Scene(
        "An outlier",
        "One point lies far from the others. The second component, which started on its side of "
        "the cloud, becomes wide and faint: it holds about three of the 41 points.",
        "outlier",
        ellipses(HALVES, [[0, 0], [1.5, 1.5]], [1, 2]),
        (21,),
        form="spherical",
        is_lesson=False,
    ),
    "saddle": Scene(
        "Equal starts: a saddle",
        "Two equal coins stay equal. EM converges with both at 0.66, which is a saddle: nudge it, "
        "and the coins come apart while the log-likelihood rises.",
        "coins",
        two_coins(0.5, 0.5),
        (2, 30),
        ("run", "nudge", "run"),
        fixed=("weights",),
    ),
    "labels": Scene(
        "Label switching",
        "The coins of “Two coins” with their starts exchanged: EM ends at the same "
        "log-likelihood, with the names of the coins exchanged. Both ends are right.",
        "coins",
        two_coins(0.5, 0.6),
        (11,),
        fixed=("weights",),
    ),
    "hard": Scene(
        "A hard step is not an E-step",
        "The coins start at the maximum, and an E-step leaves no gap between the bound and the "
        "log-likelihood. A hard step, which gives each set wholly to one coin, opens one; the "
        "M-step after it moves the coins to 0.80 and 0.45, and the log-likelihood falls.",
        "coins",
        two_coins(0.7967890650045024, 0.5195831291198074),
        (),
        ("E", "hard", "M"),
        fixed=("weights",),
    ),
    "tolerance": Scene(
        "Too loose a tolerance",
        "From random responsibilities the first steps gain next to nothing, so a rule that looks "
        "only at the last step stops at once, with both means near 34. Let the rule look at the "
        "gain that remains, and EM goes on to 20 and 40.",
        "twenty-forty",
        from_responsibilities("twenty-forty", random_shares(500, 2)),
        (1,),
        stopping=(("rule", "last step"), ("tolerance", 0.5)),
    ),
    "slow": Scene(
        "Slow convergence",
        "The two humps overlap, and each step gains about nine tenths of the one before it. When "
        "a step gains less than 0.01, ten times as much is still to come.",
        "two-nine",
        bells(HALVES, [-2, 3], [9, 9]),
        (201,),
    ),
    "surface": Scene(
        "Two free means",
        "Only the two means may move, and the map shows the log-likelihood of every pair. It has "
        "two peaks of unequal height; a start on the wrong side of the diagonal climbs the lower "
        "one.",
        "twenty-forty",
        bells([0.3, 0.7], [50, 45], [25, 25]),
        (19,),
        fixed=ONLY_MEANS,
    ),
    "bad-maximum": Scene(
        "A bad maximum",
        "Two components share the upper cloud, and the third has to span both lower ones. EM "
        "converges there, 37 nats below the best. Drag one of the two to a lower cloud and run "
        "again.",
        "clouds",
        ellipses(THIRDS, [[2, 5], [4, 5], [3, 0]], [np.eye(2)] * 3),
        (78,),
    ),
    "collapse": Scene(
        "Collapse, with the floor off",
        "The third ellipse flattens onto eruptions that were followed by a wait of exactly 83 "
        "minutes. The flatter it is, the higher the log-likelihood, until EM has to stop: "
        "degenerate.",
        "faithful",
        SMALL,
        (16,),
    ),
    "floor": Scene(
        "Collapse, with the floor on",
        "The same start, but no ellipse may be narrower than a floor. The third one comes to rest "
        "on it, the log-likelihood stays finite, and the result is still called degenerate.",
        "faithful",
        SMALL,
        (26,),
        floor=0.01,
    ),
    "spurious": Scene(
        "A spurious maximum",
        "Nine eruptions happen to lie almost on a line. A thin ellipse around them is a maximum, "
        "11 nats above the one that the usual starts find, and it describes nothing.",
        "faithful",
        from_responsibilities("faithful", np.eye(3)[KINDS]),
        (7,),
    ),
    "k-means": Scene(
        "k-means is the limit",
        "The weights are equal and the circles stay narrow, so that E gives each point almost "
        "wholly to the nearest mean. Then a hard step changes nothing: this is k-means.",
        "clouds",
        ellipses(THIRDS, [[2, 2], [3, 2], [2, 3]], [0.02] * 3),
        (5,),
        ("run", "hard", "M"),
        form="spherical",
        fixed=ONLY_MEANS,
    ),
    "one-too-many": Scene(
        "One component too many",
        "Two bells share the left hump. After a thousand iterations the third has gained 0.8 nats "
        "over two bells; BIC would ask for 9.3 for its three parameters.",
        "twenty-forty",
        bells(THIRDS, [18, 22, 40], [25, 25, 25]),
        (1206,),
        stopping=(("maxIterations", 5000),),
    ),
}


def written() -> dict[str, dict[str, Any]]:
    """Data and scenes as the site's script has them, in numbers, lists and words alone."""
    return {
        "data": {name: written_data(data) for name, data in DATA.items()},
        "scenes": {name: written_scene(scene) for name, scene in SCENES.items()},
    }


def written_data(data: Data) -> dict[str, Any]:
    """A data set with its values, one entry a point."""
    values: list[Any] = data.x.tolist()
    if data.model == "coins":
        values = [{"heads": int(heads), "tosses": TOSSES} for (heads,) in values]
    elif data.model == "line":
        values = [value for (value,) in values]
    about = {"title": data.title, "model": data.model, "axes": list(data.axes)}
    return {**about, "values": values, "python": data.python, "source": data.source}


def written_scene(scene: Scene) -> dict[str, Any]:
    """A scene: what it says, its problem, and the parameters at its start."""
    weights, *components = scene.params
    problem = {"model": scene.model, "data": scene.data, "floor": scene.floor}
    parameters = {"weights": weights.tolist()}
    if scene.model == "coins":
        parameters["heads"] = components[0][:, 0].tolist()
    elif scene.model == "line":
        parameters["means"] = components[0][:, 0].tolist()
        parameters["variances"] = components[1][:, 0, 0].tolist()
    else:
        problem["form"] = scene.form
        parameters["means"] = components[0].tolist()
        parameters["covariances"] = matrices(scene, components[1]).tolist()
    spread = "variances" if scene.model == "line" else "covariances"
    problem["fixed"] = [spread if name == "covariances" else name for name in scene.fixed]
    return {
        "title": scene.title,
        "sentence": scene.sentence,
        "group": "lesson" if scene.is_lesson else "data",
        "steps": list(scene.steps),
        "problem": problem | dict(scene.stopping),
        "parameters": parameters,
    }
