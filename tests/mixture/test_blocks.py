"""Data in blocks: what is remembered of them, and the memory that they need."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from emlib import mixture
from emlib.families import Poisson
from emlib.mixture import MixtureParams, blocks
from emlib.mixture.blocks import Blocks


def test_what_is_remembered_of_blocks_is_not_passed_on():
    x, family = np.arange(6.0)[:, None], Poisson()
    params = (np.ones(1), np.full((1, 1), 2.0))
    data = Blocks(x, family)
    for _ in range(3):
        once = mixture.e_step(params, data, Poisson())[1]
    twice = mixture.e_step(params, replace(data, weights=np.full(6, 2.0)), family)[1]
    assert twice == pytest.approx(2 * once)


def test_many_components_need_no_more_memory_than_a_block():
    data = Blocks(np.random.default_rng(0).normal(size=(20_000, 1)))
    k = 500
    params = MixtureParams(np.full(k, 1 / k), np.linspace(-2, 2, k)[:, None], np.ones((k, 1, 1)))
    tracemalloc.start()
    mixture.e_step(params, data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 2**20


def test_memory_is_that_of_a_block_and_of_a_copy_if_the_data_are_small(monkeypatch):
    x = np.random.default_rng(0).normal(size=(300_000, 4))
    params = MixtureParams(np.full(3, 1 / 3), np.eye(3, 4), np.stack([np.eye(4)] * 3))
    sums, peaks = [], []
    for kept in (x.size - 1, x.size):
        monkeypatch.setattr(blocks, "LARGEST_COPY", kept)
        tracemalloc.start()
        sums.append(mixture.e_step(params, Blocks.standard(x))[1])
        peaks.append(tracemalloc.get_traced_memory()[1] / 2**20)
        tracemalloc.stop()
    assert sums[0] == sums[1]
    assert peaks[0] < 3  # the data have nine
    assert 9 < peaks[1] < 12


def test_standard_units_are_mean_zero_and_variance_one_far_from_the_origin():
    rng = np.random.default_rng(0)
    x = 1e8 + rng.normal(size=(1000, 2)) * [1.0, 1e-3]
    z = Blocks.standard(x).units.standardise(x)
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(z.var(axis=0), 1, rtol=1e-4)
