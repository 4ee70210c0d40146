"""The book's one figure style. Nothing else in `emlib` imports matplotlib."""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from IPython.core.getipython import get_ipython
from IPython.display import HTML
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib_inline.backend_inline import set_matplotlib_formats
from numpy.typing import ArrayLike
from scipy.stats import norm

# Seaborn's colour-blind palette, its orange last: too light for thin lines and dark pages.
COLORS = tuple(np.array(sns.color_palette("colorblind").as_hex())[[0, 3, 2, 4, 5, 9, 1]].tolist())
INK = "#222222"
QUIET = "#767676"
DATA = "#949494"  # three to one on white, and in the dark, where the site inverts it

_STYLE = {
    "figure.figsize": (6.0, 3.6),
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "axes.labelsize": 11,
    "axes.titlesize": 11,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": QUIET,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "lines.linewidth": 2,
    "font.family": "DejaVu Sans",
}


def use_book_style() -> None:
    """Make every later figure look like the book: colour-blind safe, sharp, legible on a phone."""
    sns.set_theme(style="ticks", palette=list(COLORS), rc=_STYLE)
    if get_ipython() is not None:
        set_matplotlib_formats("retina", bbox_inches=None)  # type: ignore[no-untyped-call]


def color(k: int) -> str:
    """The colour of component `k`, the same in every figure of a chapter."""
    return str(COLORS[k % len(COLORS)])


def label(ax: Axes, x: float, y: float, text: str, k: int | None = None, **options: object) -> None:
    """Write `text` into the figure, in the colour of component `k`: direct labels, no legend."""
    # A line may be light; letters in the same colour need to be darker to be read.
    ink = INK if k is None else tuple(0.72 * part for part in to_rgb(color(k)))
    ax.text(x, y, text, color=ink, **options)  # type: ignore[arg-type]


def histogram(ax: Axes, x: ArrayLike, bins: int | ArrayLike = 40) -> None:
    """The data as a quiet grey histogram of density, outlined, for curves to be drawn over."""
    look = {"color": DATA, "alpha": 0.45, "edgecolor": QUIET, "linewidth": 1, "element": "step"}
    sns.histplot(x=np.ravel(x), bins=bins, stat="density", ax=ax, **look)
    ax.set_ylabel("density")


def mixture_1d(
    ax: Axes,
    weights: ArrayLike,
    means: ArrayLike,
    sds: ArrayLike,
    low: float,
    high: float,
    *,
    fill: bool = True,
) -> None:
    """Each component times its weight, in its colour, and their sum as a dark line."""
    x = np.linspace(low, high, 500)
    parameters = zip(np.ravel(weights), np.ravel(means), np.ravel(sds), strict=True)
    parts = [w * norm.pdf(x, m, s) for w, m, s in parameters]
    for k, part in enumerate(parts):
        if fill:
            ax.fill_between(x, part, color=color(k), alpha=0.25, linewidth=0)
        ax.plot(x, part, color=color(k))
    ax.plot(x, np.sum(parts, axis=0), color=INK, linewidth=1.5)
    ax.set_xlim(low, high)
    ax.set_ylim(bottom=0)


def mixture_2d(
    ax: Axes,
    x: ArrayLike,
    r: ArrayLike,
    means: ArrayLike,
    covariances: ArrayLike,
    *,
    size: float = 22,
) -> None:
    """Points in their components' colours, mixed by their responsibilities `r`, and ellipses.

    On the ellipse of a component the Mahalanobis distance from its mean is two.
    """
    colors = np.array([to_rgb(color(k)) for k in range(len(np.asarray(means)))])
    blend = np.clip(np.asarray(r) @ colors, 0, 1)
    first, second = np.asarray(x).T
    ax.scatter(first, second, s=size, color=blend, alpha=0.65, linewidth=0)
    turn = np.linspace(0, 2 * np.pi, 200)
    circle = np.array([np.cos(turn), np.sin(turn)])
    components = zip(np.asarray(means), np.asarray(covariances), strict=True)
    for k, (mean, covariance) in enumerate(components):
        ring = mean[:, None] + 2 * np.linalg.cholesky(covariance) @ circle
        ax.plot(*ring, color=color(k))
        ax.plot(*mean, "o", color=color(k), mec="white", ms=9)


def player(
    draw: Callable[[int], Figure], labels: Sequence[str], *, alt: Sequence[str], rest: int = 0
) -> HTML:
    """A figure that moves, in the reader's hands: a slider, back, forward and play.

    Where no script may run, as in a notebook that is not trusted yet, the frame at rest and the
    last one are shown, and how to make them move. Its name and its caption stand in the cell's
    metadata, as for every figure of the book.

    Parameters
    ----------
    draw : callable frame number -> Figure
    labels : sequence of str
        What is written beside the slider, one per frame.
    alt : sequence of str
        What is to be seen, one per frame.
    rest : int
        The frame that is shown before its reader moves it.
    """
    texts = enumerate(zip(labels, alt, strict=True))
    frames = [{**_frame(draw(i)), "label": said, "alt": seen} for i, (said, seen) in texts]
    # Within a script, "<" could end it.
    data = json.dumps(frames).replace("<", "\\u003c")
    return HTML(  # type: ignore[no-untyped-call]
        f"<div class='em-player' data-rest='{rest}'><div class='em-frames'>"
        f"{_image(frames[rest], onload=_START)}{_image(frames[-1])}</div>"
        f"<p class='em-still'>Two of {len(frames)} frames: {labels[rest]}, "
        f"{labels[-1]}.<span> Run the cell to see them move.</span></p>"
        f"<script type='application/json'>{data}</script></div>"
    )


# Runs once the first frame is there: handlers of images run in a page and in a trusted notebook
# alike, and nowhere else, so that what a reader sees is either still or works.
_START = """
const player = this.closest('.em-player'), image = this;
if (player.querySelector('input')) return;
const frames = JSON.parse(player.querySelector('script').textContent), top = frames.length - 1;
const rest = +player.dataset.rest;
const make = (name, settings) => Object.assign(document.createElement(name), settings);
const button = (text, more) => make('button', {type: 'button', textContent: text, ...more});
const arrow = (text, name) => button(text, {title: name, ariaLabel: name});
const back = arrow('‹', 'Back'), forward = arrow('›', 'Forward'), play = button('Play');
const slider = make('input', {type: 'range', min: 0, max: top, value: 0, ariaLabel: 'Frame'});
const said = make('output', {ariaLive: 'polite'}), bar = make('div', {className: 'em-controls'});
const show = (i) => {
  const frame = frames[slider.value = Math.max(0, Math.min(i, top))];
  image.src = frame.src; image.alt = frame.alt;
  said.textContent = slider.ariaValueText = frame.label;
};
let timer = 0;
const stop = () => { clearInterval(timer); timer = 0; play.textContent = 'Play'; };
const step = (by) => { show(+slider.value + by); if (by > 0 && +slider.value === top) stop(); };
slider.oninput = () => { stop(); show(+slider.value); };
back.onclick = () => { stop(); step(-1); };
forward.onclick = () => { stop(); step(1); };
play.onclick = () => {
  if (timer) return stop();
  if (+slider.value === top) show(0);
  play.textContent = 'Pause'; timer = setInterval(step, 700, 1);
};
const fetch = () => frames.forEach((frame) => { new Image().src = frame.src; });
bar.addEventListener('pointerenter', fetch, {once: true});
bar.addEventListener('focusin', fetch, {once: true});
bar.append(back, slider, forward, play, said);
player.append(bar);
player.querySelector('.em-still').hidden = true;
player.querySelectorAll('img')[1].style.display = 'none';
addEventListener('beforeprint', () => { stop(); show(rest); });
show(rest);
"""


def image(figure: Figure, alt: str) -> str:
    """The figure as an image in HTML that needs no file, described by `alt`."""
    return _image({**_frame(figure), "alt": alt})


def _frame(figure: Figure) -> dict[str, str]:
    """The picture, and its size on the page: it is drawn at twice that, for sharp screens."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=200)
    plt.close(figure)
    width, height = (str(int(100 * inches)) for inches in figure.get_size_inches())
    source = base64.b64encode(buffer.getvalue()).decode()
    return {"src": f"data:image/png;base64,{source}", "width": width, "height": height}


def _image(frame: dict[str, str], **attributes: str) -> str:
    shown = {key: frame[key] for key in ("src", "alt", "width", "height")} | attributes
    shown |= {"style": "max-width:100%;height:auto", "loading": "lazy"}
    return "<img " + " ".join(f"{key}='{html.escape(shown[key])}'" for key in shown) + ">"
