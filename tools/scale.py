"""What a cluster's two workers gain over one process, in wall time: the figures of "EM at scale".

Every iteration is a whole one: parameters sent, E-steps run, statistics fetched and added, M-step.
Rounds of all contestants are interleaved, and what counts is the fastest, because neighbours on a
machine can only make a round slower. One thread a process; data stay where they were made.
"""

import datetime
import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial, reduce
from importlib.metadata import version
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from emlib import mixture
from emlib.mixture import MixtureParams
from emlib.mixture.blocks import Blocks
from emlib.trees import add
from tools.paths import ROOT, write_atomically

FILE = ROOT / "emlib" / "data" / "scale.json"
K, D = 8, 10
SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
ROUNDS = 7
LARGE_K, LARGE_D, LARGE_CHUNKS, LARGE_ROWS = 20, 200, 40, 50

Iteration = Callable[[], Any]


def truth(k: int, d: int) -> MixtureParams:
    """Overlapping clusters with unit covariances."""
    means = 2 * np.random.default_rng(0).normal(size=(k, d))
    return MixtureParams(np.full(k, 1 / k), means, np.broadcast_to(np.eye(d), (k, d, d)).copy())


def points(params: MixtureParams, n: int, seed: int) -> Blocks:
    """A chunk of data, drawn where it will be used, and checked once."""
    data = Blocks.of(mixture.sample(params, n, np.random.default_rng(seed))[0])
    _ = data.checked
    return data


def make(params: MixtureParams, sizes: list[int], client: Any = None) -> list[Any]:
    """Chunks of these sizes: here, or as futures of data on the workers."""
    mapped = map if client is None else partial(client.map, pure=False)
    return list(mapped(partial(points, params), sizes, range(len(sizes))))


def iteration(params: MixtureParams, chunks: list[Any], mapped: Callable[..., Any]) -> Iteration:
    """One EM iteration over the chunks, as `emlib.em` does it."""

    def iterate() -> MixtureParams:
        parts = mapped(partial(mixture.e_step, params), chunks)
        done = (part.result() if hasattr(part, "result") else part for part in parts)
        return mixture.m_step(reduce(add, done)[0])

    return iterate


def tree_map(client: Any, function: Callable[..., Any], groups: list[Any]) -> Iterator[Any]:
    """A map over groups of chunks: the parameters travel once, and the workers add in pairs."""
    task = client.scatter(function, broadcast=True, hash=False)
    for chunks in groups:
        parts = client.map(call, chunks, function=task, pure=False)
        while len(parts) > 1:
            pairs = client.map(add, parts[0:-1:2], parts[1::2], pure=False)
            parts = pairs + parts[2 * len(pairs) :]
        yield parts[0]


def call(chunk: Any, function: Callable[..., Any]) -> Any:
    """The function of the chunk, for a function that is itself on the workers."""
    return function(chunk)


def one_pass() -> dict[str, float]:
    """The E-steps of one pass over a hundred thousand points, in one batch and in many."""
    params = truth(2, 2)
    x = points(params, 100_000, 0).x

    def visit(batches: int) -> None:
        for batch in np.split(x, batches):
            mixture.e_step(params, batch)

    counts = {f"{n} batches": partial(visit, n) for n in (1, 500)}
    return fastest(counts, ROUNDS)


@contextmanager
def local_cluster(workers: int) -> Iterator[Any]:
    """A client of so many processes on this machine, of one thread each."""
    from distributed import Client, LocalCluster

    cluster = LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address=None,
        memory_limit=None,
    )
    with cluster, Client(cluster) as client:
        yield client


def fastest(contestants: Mapping[str, Iteration], rounds: int) -> dict[str, float]:
    """The least wall time of each, in seconds, all running in every round."""
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds + 1):  # the first only warms up
        for name, iterate in contestants.items():
            begin = time.perf_counter()
            iterate()
            times[name].append(time.perf_counter() - begin)
    return {name: min(measured[1:]) for name, measured in times.items()}


def by_size(client: Any, pool: ThreadPoolExecutor, n: int) -> dict[str, float]:
    """One process, two threads, two workers with few chunks and with many; n points."""
    params = truth(K, D)
    halves, twenty = [n // 2] * 2, [n // 20] * 20
    local = make(params, halves)
    return fastest(
        {
            "one process": iteration(params, make(params, [n]), map),
            "two threads": iteration(params, local, pool.map),
            "two workers, 2 chunks": iteration(params, make(params, halves, client), client.map),
            "two workers, 20 chunks": iteration(params, make(params, twenty, client), client.map),
        },
        ROUNDS,
    )


def with_large_parameters(client: Any) -> dict[str, float]:
    """What it costs to send parameters to every chunk, and to fetch every chunk's statistics."""
    params, sizes = truth(LARGE_K, LARGE_D), [LARGE_ROWS] * LARGE_CHUNKS
    remote = make(params, sizes, client)
    return fastest(
        {
            "one process": iteration(params, make(params, sizes), map),
            "to every chunk": iteration(params, remote, client.map),
            "tree": iteration(params, [remote], partial(tree_map, client)),
        },
        3,
    )


def processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf8") as file:  # noqa: PTH123
            return next(line.split(":")[1].strip() for line in file if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def measure_scale() -> None:
    """Time an EM iteration on one process and on two workers, for the chapter "EM at scale"."""
    with threadpool_limits(1), local_cluster(2) as client, ThreadPoolExecutor(2) as pool:
        sizes = {str(n): by_size(client, pool, n) for n in SIZES}
        large = with_large_parameters(client)
        passes = one_pass()
    found = {
        "date": datetime.date.today().isoformat(),
        "machine": f"{processor()}, {os.cpu_count()} cores",
        "versions": {name: version(name) for name in ("numpy", "dask")},
        "model": {"K": K, "D": D},
        "rounds": ROUNDS,
        "seconds": sizes,
        "one pass": passes,
        "large": {"K": LARGE_K, "D": LARGE_D, "chunks": LARGE_CHUNKS, "rows": LARGE_ROWS, **large},
    }
    text = json.dumps(found, indent=1) + "\n"
    write_atomically(FILE, text)
    print(text)
