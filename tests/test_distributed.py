"""The same `em` call over other processes: with a Dask client's map, also when a worker dies."""

import itertools
import logging
import os

import dask
import numpy as np
import psutil
import pytest
from distributed import Client, LocalCluster
from distributed.client import FutureCancelledError

from emlib import em, mixture
from emlib.mixture import MixtureParams
from emlib.mixture.blocks import Blocks

START = MixtureParams(
    np.array([0.5, 0.5]), np.array([[-1.0, 0.5], [1.0, 0.0]]), np.array([np.eye(2)] * 2)
)
TRUTH = MixtureParams(
    np.array([0.4, 0.6]), np.array([[-2.0, 1.0], [2.0, -1.0]]), np.array([np.eye(2)] * 2)
)
X, _ = mixture.sample(TRUTH, 3000, np.random.default_rng(0))
CHUNKS = np.split(X, [100, 1000, 2500])


def fit(chunks, **options):
    return em(mixture.e_step, mixture.m_step, START, chunks, confirm=False, **options)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with (
        dask.config.set({"temporary-directory": str(tmp_path_factory.mktemp("dask"))}),
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            memory_limit=None,
            silence_logs=logging.ERROR,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def read(client):
    """Futures of the chunks, with a recipe: what is lost can be made again."""
    return client.map(np.copy, CHUNKS, pure=False)


def assert_same(result, expected):
    assert result.stop is expected.stop
    np.testing.assert_allclose(result.trace.objective, expected.trace.objective, rtol=1e-10)
    for a, b in zip(result.params, expected.params, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)


def test_dask_takes_the_same_steps_as_one_process(client):
    expected = fit(X)
    assert_same(fit(CHUNKS, map=map), expected)
    assert_same(fit(read(client), map=client.map), expected)


def test_chunks_may_be_blocks_that_are_checked_once(client):
    blocks = client.map(Blocks.of, CHUNKS)
    assert_same(fit(blocks, map=client.map), fit(X))


def test_a_killed_worker_changes_nothing(client):
    victim = min(client.run(os.getpid).values())
    calls = itertools.count(1)

    def map_and_kill(function, chunks):
        futures = client.map(function, chunks)
        if next(calls) == 3:
            psutil.Process(victim).kill()
        return futures

    result = fit(read(client), map=map_and_kill)
    assert victim not in client.run(os.getpid).values()
    assert_same(result, fit(X))


def test_data_that_cannot_be_made_again_are_missed_and_not_left_out(client):
    client.wait_for_workers(2)
    scattered = client.scatter(CHUNKS)
    assert_same(fit(scattered, map=client.map), fit(X))
    holders = {address for holders in client.who_has(scattered).values() for address in holders}
    pids = client.run(os.getpid)
    for holder in holders:  # a chunk may have been copied to where it was used
        psutil.Process(pids[holder]).kill()
    with pytest.raises(FutureCancelledError):
        fit(scattered, map=client.map)
