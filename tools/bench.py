"""How fast one EM iteration is beside other libraries: same data, same start, same result.

Rounds of all contestants are interleaved, so that a busy machine slows all alike; what counts is
the ratio of the medians of processor time. Iterations on small data come several to a round, as
they do in a fit. Everything runs on one thread. A peer that is not installed, or does not have the
form, is absent from the table.
"""

import importlib.util
import json
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as SklearnMixture
from threadpoolctl import threadpool_limits

from emlib import GaussianMixture
from emlib.book import plotting
from emlib.covariances import FORMS
from emlib.mixture import MixtureParams
from emlib.mixture.blocks import Blocks
from emlib.mixture.engine import expectations
from emlib.mixture.fitting import standardised
from emlib.mixture.steps import maximum
from tools.paths import BUILD
from tools.timing import interleaved, seconds

Array = NDArray[np.float64]
ITERATIONS, ROUNDS = 50, 9


@dataclass(frozen=True)
class Case:
    """A problem, and the ratio scikit-learn / emlib that is asked of it."""

    n: int
    d: int
    k: int
    kind: str = "full"
    at_least: float = 1.0

    @property
    def name(self) -> str:
        """As the table shows it."""
        return f"{self.kind} ({self.n:.0e}, {self.d}, {self.k})".replace("e+0", "e")


CASES = (
    Case(300, 2, 2),
    Case(10_000, 2, 3, at_least=6),
    Case(100_000, 10, 8, at_least=8),
    Case(100_000, 2, 5, at_least=12),
    Case(1_000_000, 4, 6, at_least=20),
    Case(20_000, 50, 10, at_least=2.3),
    Case(100_000, 10, 8, "diag", at_least=5.5),
    Case(100_000, 10, 8, "tied", at_least=15),
    Case(100_000, 10, 8, "spherical", at_least=5.5),
)


@dataclass(frozen=True)
class Row:
    """What was measured: milliseconds an iteration, ratios, MiB, and agreement."""

    case: str
    at_least: float
    emlib_ms: float
    sklearn_ms: float
    ratio: float
    fit_ratio: float
    pomegranate_ratio: float | None
    onedal_fit_ratio: float | None
    memory_mib: float
    times_the_bound: float
    disagreement: float


def problem(case: Case, seed: int = 0) -> tuple[Array, MixtureParams]:
    """Overlapping clusters, and a start near them."""
    rng = np.random.default_rng(seed)
    centres = 2 * rng.normal(size=(case.k, case.d))
    x = centres[rng.integers(case.k, size=case.n)] + rng.normal(size=(case.n, case.d))
    family = FORMS[case.kind]()
    shape = family.shapes(case.k, case.d)[1]
    ones = np.ones(shape) if case.kind in ("diag", "spherical") else np.eye(case.d)
    weights = np.full(case.k, 1 / case.k)
    return x, MixtureParams(weights, centres + 0.3, 1.5 * np.broadcast_to(ones, shape))


def settings(case: Case, start: MixtureParams, iterations: int) -> dict[str, Any]:
    """The same explicit start for both estimators; precisions are inverse covariances."""
    return {
        "n_components": case.k,
        "covariance_type": case.kind,
        "weights_init": start.weights,
        "means_init": start.means,
        # Covariances of the start are multiples of the identity.
        "precisions_init": np.where(start.covariances > 0, 1 / 1.5, 0.0),
        "tol": 0,
        "max_iter": iterations,
        "reg_covar": 0,
    }


def emlib_iteration(case: Case, x: Array, start: MixtureParams) -> Callable[[], float]:
    """One EM iteration at a time, as fits run it; returns the mean log-likelihood before it."""
    family = FORMS[case.kind]()
    data = Blocks.standard(x, family)
    params = standardised(start, family, data.units)
    shift = np.log(data.units.scale).sum()

    def iterate() -> float:
        nonlocal params
        expected, log_likelihood = expectations(params, data)
        params = maximum(expected, family, revive=True)
        return float(log_likelihood / len(x) - shift)

    return iterate


def sklearn_iteration(case: Case, x: Array, start: MixtureParams) -> Callable[[], float]:
    """The same with scikit-learn's own two steps."""
    model = SklearnMixture(**settings(case, start, 1)).fit(x[: 10 * case.k * case.d])
    model.weights_, model.means_ = start.weights, start.means
    given = settings(case, start, 1)["precisions_init"]
    model.precisions_cholesky_ = np.sqrt(given)

    def iterate() -> float:
        log_p, log_r = model._e_step(x)
        model._m_step(x, log_r)
        return float(log_p)

    return iterate


def pomegranate_iteration(case: Case, x: Array, start: MixtureParams) -> Callable[[], float] | None:
    """The same with pomegranate, where it is installed and has the form."""
    if importlib.util.find_spec("pomegranate") is None or case.kind not in ("full", "diag"):
        return None
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    normal = importlib.import_module("pomegranate.distributions").Normal
    parts = [
        normal(m, c, covariance_type=case.kind, check_data=False)
        for m, c in zip(start.means, start.covariances, strict=True)
    ]
    model = importlib.import_module("pomegranate.gmm").GeneralMixtureModel(
        parts, priors=start.weights, check_data=False
    )
    tensor = torch.tensor(x)

    def iterate() -> float:
        log_likelihood = float(model.summarize(tensor)) / len(x)
        model.from_summaries()
        return log_likelihood

    return iterate


def onedal_fit(
    case: Case, x: Array, start: MixtureParams, iterations: int
) -> Callable[[], int] | None:
    """A whole fit with Intel's oneDAL, where it is installed and has the form: its iterations.

    daal4py 2024.7 is the last that has mixtures, and imports with scikit-learn 1.6 only: measure it
    in an environment of its own.
    """
    storage = {"full": "full", "diag": "diagonal"}.get(case.kind)
    if importlib.util.find_spec("daal4py") is None or storage is None:
        return None
    daal4py = importlib.import_module("daal4py")
    daal4py.daalinit(1)  # one thread
    model = daal4py.em_gmm(
        nComponents=case.k,
        maxIterations=iterations,
        accuracyThreshold=0.0,
        regularizationFactor=0.0,
        covarianceStorage=storage,
    )
    covariances = [np.atleast_2d(covariance) for covariance in start.covariances]

    def fit() -> int:
        result = model.compute(x, start.weights[None], start.means, covariances)
        return int(result.nIterations[0, 0])

    return fit


def bound(case: Case) -> float:
    """Seconds an iteration would take were it nothing but its products and exponentials."""
    square, many = np.ones((600, 600)), np.linspace(-1, 0, 100_000)
    out = np.empty_like(many)
    rate = 2 * 600**3 / min(seconds(lambda: square @ square) for _ in range(7))
    exp = min(seconds(lambda: np.exp(many, out=out)) for _ in range(20)) / len(many)
    features = 1 + case.d + FORMS[case.kind]().n_more(case.d)
    return case.n * case.k * (4 * features / rate + exp)


def peak_memory(case: Case, x: Array, start: MixtureParams) -> float:
    """MiB that a whole fit needs beyond the data."""
    model = GaussianMixture(**settings(case, start, 2))
    tracemalloc.start()
    model.fit(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


def disagreement(case: Case, x: Array, start: MixtureParams) -> float:
    """Relative difference of the log-likelihoods after ten iterations."""
    ours, theirs = emlib_iteration(case, x, start), sklearn_iteration(case, x, start)
    for _ in range(10):
        left, right = ours(), theirs()
    return abs(left - right) / abs(right)


def measured(case: Case, rounds: int = ROUNDS) -> Row:
    """All there is to say of a case."""
    x, start = problem(case)
    contestants: dict[str, Callable[[], Any]] = {
        "emlib": emlib_iteration(case, x, start),
        "sklearn": sklearn_iteration(case, x, start),
    }
    other = pomegranate_iteration(case, x, start)
    if other is not None:
        contestants["pomegranate"] = other
    times = interleaved(contestants, rounds, max(1, 100_000 // case.n))
    ours, theirs = (
        kind(**settings(case, start, ITERATIONS)) for kind in (GaussianMixture, SklearnMixture)
    )
    whole: dict[str, Callable[[], Any]] = {
        "emlib": partial(ours.fit, x),
        "sklearn": partial(theirs.fit, x),
    }
    onedal = onedal_fit(case, x, start, ITERATIONS)
    if onedal is not None:
        whole["onedal"] = onedal
    fits = interleaved(whole, 3 if case.n < 1_000_000 else 1)
    # One may have converged before the limit, or gone on to confirm it: time a step, too.
    step = fits["emlib"] / ours.result_.n_steps
    return Row(
        case.name,
        case.at_least,
        1e3 * times["emlib"],
        1e3 * times["sklearn"],
        times["sklearn"] / times["emlib"],
        fits["sklearn"] / theirs.n_iter_ / step,
        times["pomegranate"] / times["emlib"] if other else None,
        fits["onedal"] / onedal() / step if onedal else None,
        peak_memory(case, x, start),
        times["emlib"] / bound(case),
        disagreement(case, x, start),
    )


def lines(rows: list[Row]) -> Iterator[str]:
    """A table, ready for a terminal and for a page."""
    names = ("case (N, D, K)", "emlib ms", "sklearn ms", "ratio", "asked", "whole fit")
    more = ("pomegranate", "oneDAL, whole fit", "MiB", "times the bound", "agree")
    yield "| " + " | ".join((*names, *more)) + " |"
    yield "|" + 11 * "---|"
    for r in rows:
        other = "absent" if r.pomegranate_ratio is None else f"{r.pomegranate_ratio:.1f}"
        onedal = "absent" if r.onedal_fit_ratio is None else f"{r.onedal_fit_ratio:.2f}"
        yield (
            f"| {r.case} | {r.emlib_ms:.2f} | {r.sklearn_ms:.1f} | {r.ratio:.1f} | {r.at_least:g} "
            f"| {r.fit_ratio:.1f} | {other} | {onedal} | {r.memory_mib:.1f} "
            f"| {r.times_the_bound:.1f} | {r.disagreement:.0e} |"
        )


def draw(rows: list[Row]) -> None:
    """The ratios as bars, for a page of the book."""
    plotting.use_book_style()
    figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
    names, ratios = [r.case for r in rows][::-1], [r.ratio for r in rows][::-1]
    bars = axes.barh(names, ratios, color=plotting.color(0))
    axes.bar_label(bars, [f"{ratio:.1f}" for ratio in ratios], padding=3)
    axes.axvline(1, color="0.5", linewidth=1)
    axes.set_xlabel("scikit-learn's time / emlib's, one EM iteration")
    figure.savefig(BUILD / "bench.png", dpi=200)
    plt.close(figure)


def bench_mixtures() -> None:
    """Time emlib's mixtures beside their peers; table and plot are also left in _build."""
    rows = []
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for case in CASES:
            rows.append(measured(case))
            print(list(lines(rows))[-1], flush=True)
    BUILD.mkdir(exist_ok=True)
    text = json.dumps([asdict(row) for row in rows], indent=1)
    (BUILD / "bench.json").write_text(text, encoding="utf8")
    (BUILD / "bench.md").write_text("\n".join(lines(rows)) + "\n", encoding="utf8")
    draw(rows)
    print("\n".join(lines(rows)))
