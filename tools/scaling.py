"""How time and memory of one step of EM grow with the size of the problem."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from emlib import hmm, missing, mixture
from emlib.families import Symbols
from emlib.gaussian import Gaussian
from emlib.hmm import HMMParams, Sequences
from emlib.mixture.blocks import Blocks
from tools.timing import seconds

# What is called once, and what is timed: a step of EM on data that are ready.
Step = Callable[[], Any]


def gaussians(k: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """K components that are well apart, in D dimensions."""
    means = np.random.default_rng(0).normal(size=(k, d)) * 3
    return means, np.broadcast_to(np.eye(d), (k, d, d)).copy()


def of_mixture(n: int = 20_000, d: int = 4, k: int = 4) -> Step:
    """A step of a Gaussian mixture."""
    data = Blocks.of(np.random.default_rng(1).normal(size=(n, d)))
    params = mixture.MixtureParams(np.full(k, 1 / k), *gaussians(k, d))
    return lambda: mixture.m_step(mixture.e_step(params, data)[0])


def of_chain(t: int = 20_000, k: int = 4, sequences: int = 1) -> Step:
    """A step of a Gaussian HMM."""
    x = np.random.default_rng(1).normal(size=(t, 2))
    data = Sequences.of(x, np.full(sequences, t // sequences))
    params = HMMParams(np.full(k, 1 / k), np.full((k, k), 1 / k), gaussians(k, 2))
    return lambda: hmm.m_step(hmm.e_step(params, data)[0])


def of_symbols(symbols: int, t: int = 20_000, k: int = 4) -> Step:
    """A step of a categorical HMM."""
    rng, family = np.random.default_rng(1), Symbols(symbols)
    data = Sequences.of(rng.integers(0, symbols, size=(t, 1)), family=family)
    table = rng.dirichlet(np.ones(symbols), size=k)
    params = HMMParams(np.full(k, 1 / k), np.full((k, k), 1 / k), (table,))
    return lambda: hmm.m_step(hmm.e_step(params, data, family)[0], family)


def of_holes(patterns: int, rows: int = 4000, d: int = 20) -> Step:
    """A step of a Gaussian with holes, of which there are so many patterns."""
    rng = np.random.default_rng(1)
    x, seen = rng.normal(size=(rows, d)), rng.uniform(size=(patterns, d)) < 0.9
    x[~seen[np.arange(rows) % patterns]] = np.nan
    data = missing.Patterns.of(x)
    params = Gaussian(np.zeros(d), np.eye(d))
    return lambda: missing.m_step(missing.e_step(params, data)[0])


# What grows: the step of a size, the sizes, and the exponent of the mathematics.
GROWTH: dict[str, tuple[Callable[[int], Step], tuple[int, ...], float]] = {
    "mixture, points": (lambda n: of_mixture(n=n), (20_000, 80_000, 320_000), 1),
    "mixture, features": (lambda d: of_mixture(d=d), (8, 16, 32), 2),
    "mixture, components": (lambda k: of_mixture(k=k), (8, 32, 128), 1),
    "chain, observations": (lambda t: of_chain(t=t), (20_000, 80_000, 320_000), 1),
    "chain, sequences": (lambda n: of_chain(t=20 * n, sequences=n), (1000, 4000, 16_000), 1),
    "chain, states": (lambda k: of_chain(k=k), (8, 16, 32), 2),
    "chain, symbols": (lambda n: of_symbols(n), (5_000, 20_000, 80_000), 1),
    "holes, patterns": (lambda n: of_holes(n), (250, 1000, 4000), 1),
}


def peak(step: Step) -> int:
    """The most bytes that a step needs beside its data."""
    tracemalloc.start()
    step()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


def print_scaling() -> None:
    """Print how time and memory of a step of EM grow, as exponents of the size."""
    print(f"{'':22}{'sizes':>24}{'milliseconds':>24}{'MiB':>22}  exponents: time memory (theory)")
    for name, (make, sizes, theory) in GROWTH.items():
        times, bytes_needed = [], []
        for size in sizes:
            step = make(size)
            bytes_needed.append(peak(step))
            with threadpool_limits(1):
                times.append(min(seconds(step) for _ in range(5)))
        rows = (sizes, [1e3 * t for t in times], [b / 2**20 for b in bytes_needed])
        cells = ("".join(f"{value:8.4g}" for value in row) for row in rows)
        slopes = [np.polyfit(np.log(sizes), np.log(of), 1)[0] for of in (times, bytes_needed)]
        print(f"{name:22}" + "".join(cells) + "".join(f"{s:8.2f}" for s in slopes) + f" ({theory})")
