"""How fast one EM iteration of an HMM is beside hmmlearn's: same data, same start, same result."""

import json
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from hmmlearn import hmm as peer
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from emlib import hmm
from emlib.covariances import Full
from emlib.families import Categorical
from emlib.hmm import HMMParams, Sequences
from emlib.hmm.steps import expectations, maximum
from tools.paths import BUILD
from tools.timing import interleaved

Array = NDArray[np.float64]
ROUNDS, STEPS, SYMBOLS = 7, 3, 6


@dataclass(frozen=True)
class HMMCase:
    """A problem, and the ratios hmmlearn / emlib asked of it, for its two implementations."""

    emission: str
    n: int
    k: int
    scaling_at_least: float
    log_at_least: float = 0.0
    sequences: int = 1

    @property
    def name(self) -> str:
        """As the table shows it."""
        what = f"{self.emission} ({self.n:.0e}, {self.k})".replace("e+0", "e")
        return what if self.sequences == 1 else f"{what}, {self.sequences} sequences"


HMM_CASES = (
    *(HMMCase("Gaussian", n, k, 1.5, 6) for n in (100_000, 1_000_000) for k in (2, 3, 8)),
    *(HMMCase("categorical", 100_000, k, 1, 4) for k in (2, 3, 8)),
    HMMCase("Gaussian", 100_000, 3, 3, 12, sequences=1000),
    HMMCase("Gaussian", 1_000, 3, 0.3),
)


@dataclass(frozen=True)
class HMMRow:
    """What was measured: milliseconds an iteration, ratios, and agreement."""

    case: str
    emlib_ms: float
    scaling_ratio: float
    scaling_at_least: float
    log_ratio: float
    log_at_least: float
    disagreement: float


def problem(case: HMMCase, seed: int = 0) -> tuple[Array, list[int], HMMParams]:
    """Sequences drawn from a model, and a start near it."""
    rng = np.random.default_rng(seed)
    k = case.k
    transmat = 0.1 / (k - 1) + (0.9 - 0.1 / (k - 1)) * np.eye(k)
    if case.emission == "Gaussian":
        means = 2 * rng.normal(size=(k, 2))
        covariances = np.repeat(np.eye(2)[None], k, axis=0)
        true: Any = (means, covariances)
        start: Any = (means + 0.3, 1.5 * covariances)
        family: Any = Full()
    else:
        table = rng.dirichlet(np.ones(SYMBOLS), size=k)
        true, start = (table,), (0.7 * table + 0.3 / SYMBOLS,)
        family = Categorical((SYMBOLS,))
    even = np.full(k, 1 / k)
    x, _ = hmm.sample(HMMParams(even, transmat, true), case.n, rng, family)
    if case.emission == "categorical":
        x = x.argmax(axis=1)[:, None]
    return (
        x,
        [case.n // case.sequences] * case.sequences,
        HMMParams(even, 0.7 * transmat + 0.3 / k, start),
    )


def emlib_iteration(
    case: HMMCase, x: Array, lengths: list[int], start: HMMParams
) -> Callable[[], float]:
    """One EM iteration at a time, as fits run it; returns the log-likelihood before it."""
    if case.emission == "Gaussian":
        family: Any = Full()
        sequences = Sequences.of(x, lengths)
    else:
        family = Categorical((SYMBOLS,))
        sequences = Sequences.of_values(np.eye(SYMBOLS), x[:, 0].astype(np.intp), lengths, family)
    params = start

    def iterate() -> float:
        nonlocal params
        statistics, log_likelihood = expectations(params, sequences)
        params = maximum(statistics, family)
        return log_likelihood

    return iterate


def hmmlearn_iteration(
    case: HMMCase, x: Array, lengths: list[int], start: HMMParams, implementation: str
) -> Callable[[], float]:
    """The same with hmmlearn's own two steps, and without its priors."""
    model: Any
    if case.emission == "Gaussian":
        model = peer.GaussianHMM(
            case.k, "full", covars_prior=0, covars_weight=0, implementation=implementation
        )
        model.n_features = 2
        model.means_, model.covars_ = start.components
    else:
        model = peer.CategoricalHMM(case.k, implementation=implementation)
        model.n_features = SYMBOLS
        (model.emissionprob_,) = start.components
    model.startprob_, model.transmat_ = start.startprob, start.transmat

    def iterate() -> float:
        statistics, log_likelihood = model._do_estep(x, lengths)
        model._do_mstep(statistics)
        return float(log_likelihood)

    return iterate


def disagreement(case: HMMCase, x: Array, lengths: list[int], start: HMMParams) -> float:
    """Relative difference of the log-likelihoods after a few iterations."""
    ours = emlib_iteration(case, x, lengths, start)
    theirs = hmmlearn_iteration(case, x, lengths, start, "scaling")
    for _ in range(STEPS):
        left, right = ours(), theirs()
    return abs(left - right) / abs(right)


def measured(case: HMMCase) -> HMMRow:
    """All there is to say of a case."""
    x, lengths, start = problem(case)
    contestants: dict[str, Callable[[], Any]] = {
        "emlib": emlib_iteration(case, x, lengths, start),
        "scaling": hmmlearn_iteration(case, x, lengths, start, "scaling"),
        "log": hmmlearn_iteration(case, x, lengths, start, "log"),
    }
    times = interleaved(contestants, ROUNDS if case.n < 1_000_000 else 3)
    return HMMRow(
        case.name,
        1e3 * times["emlib"],
        times["scaling"] / times["emlib"],
        case.scaling_at_least,
        times["log"] / times["emlib"],
        case.log_at_least,
        disagreement(case, x, lengths, start),
    )


def line(r: HMMRow) -> str:
    """One row of the table."""
    asked = f"{r.scaling_at_least:g} | {r.log_ratio:.1f} | {r.log_at_least:g}"
    return (
        f"| {r.case} | {r.emlib_ms:.2f} | {r.scaling_ratio:.1f} | {asked} | {r.disagreement:.0e} |"
    )


def bench_hmm() -> None:
    """Time emlib's HMMs beside hmmlearn's two implementations; also left in _build."""
    head = "case (T, K) | emlib ms | hmmlearn scaling | asked | hmmlearn log | asked | agree"
    print(f"| {head} |\n|{7 * '---|'}", flush=True)
    rows = []
    with threadpool_limits(1), warnings.catch_warnings():
        for case in HMM_CASES:
            rows.append(measured(case))
            print(line(rows[-1]), flush=True)
    BUILD.mkdir(exist_ok=True)
    text = json.dumps([asdict(row) for row in rows], indent=1)
    (BUILD / "bench_hmm.json").write_text(text, encoding="utf8")
