"""Rows by their patterns: fewer rows, little memory, and the sums of all."""

import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from emlib import missing
from emlib.missing import Patterns
from emlib.missing import patterns as patterns_module
from tests.missing.helpers import NAN, e_step_by_rows, problem


def test_e_step_of_many_patterns_is_that_of_a_loop_over_rows():
    x, params = problem(0, n=1500, d=10, share=0.2)
    patterns = Patterns.of(x)
    assert len(patterns.n) > 300
    statistics, log_likelihood = missing.e_step(params, patterns)
    sum_x, sum_xx, by_rows = e_step_by_rows(params, x)
    there = statistics.about(0.0)
    np.testing.assert_allclose(there.sum_x, sum_x, rtol=1e-10)
    np.testing.assert_allclose(there.sum_xx, sum_xx, rtol=1e-10, atol=1e-10 * sum_xx.max())
    np.testing.assert_allclose(log_likelihood, by_rows, rtol=1e-10)


def test_a_few_rows_stand_for_many_of_one_pattern():
    x, _ = problem(24, n=5000, d=4)
    patterns = Patterns.of(x)
    assert sum((block.weights != 0).sum() for block in patterns.blocks) < 16 * 5
    rows = np.concatenate([block.x.reshape(-1, 4) for block in patterns.blocks])
    weights = np.concatenate([block.weights.ravel() for block in patterns.blocks])
    r = np.where(np.isnan(x), 0.0, x - patterns.origin)
    np.testing.assert_allclose(rows.T @ rows, r.T @ r, rtol=1e-11, atol=1e-9)
    np.testing.assert_allclose(weights @ rows, r.sum(axis=0), atol=1e-9)
    np.testing.assert_allclose(weights @ weights, len(x))


def test_a_pattern_with_fewer_holes_goes_on_with_features_beyond_the_last():
    (block,) = Patterns.of([[1.0, NAN, 3.0], [1.0, 2.0, NAN], [NAN, NAN, 3.0]]).blocks
    found = zip(block.seen.tolist(), block.holes.tolist(), block.sights.tolist(), strict=True)
    assert sorted(found) == [
        ([False, False, True], [0, 1], [2, 3]),
        ([True, False, True], [1, 3], [0, 2]),
        ([True, True, False], [2, 3], [0, 1]),
    ]


def test_memory_is_that_of_the_table_however_many_patterns():
    d = 60
    x, params = problem(25, n=3000, d=d, share=0.2)
    tracemalloc.start()
    patterns = Patterns.of(x)
    missing.e_step(params, patterns)
    missing.log_density(params, x)
    missing.impute(params, x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(patterns.n) > 2900
    assert peak < 10 * x.nbytes  # a matrix for each pattern would be 60 times the table


def test_small_blocks_give_the_same_as_one(monkeypatch):
    x, params = problem(6, d=5)
    whole = missing.e_step(params, x)
    log_densities, filled = missing.log_density(params, x), missing.impute(params, x)
    monkeypatch.setattr(patterns_module, "BLOCK", 60)
    parts = missing.e_step(params, x)
    np.testing.assert_allclose(parts[0].sum_xx, whole[0].sum_xx, rtol=1e-12)
    np.testing.assert_allclose(parts[1], whole[1], rtol=1e-12)
    np.testing.assert_allclose(missing.log_density(params, x), log_densities, rtol=1e-12)
    np.testing.assert_allclose(missing.impute(params, x), filled, rtol=1e-12)


@pytest.mark.parametrize(
    ("x", "said"),
    [
        ([[np.inf, NAN], [1.0, 2.0]], "infinity"),
        ([1.0, NAN], r"shape \(N, D\)"),
        (np.empty((0, 2)), "empty"),
        (sparse.eye(2), "real and dense"),
        (np.ma.masked_array([[1.0], [2.0]], mask=[[True], [False]]), "real and dense"),
        ([["a", "b"]], "data must be real numbers"),
        ([[1.0, 2.0], [1.0]], "all rows equally long"),
        ([[1e200, NAN]], "Rescale"),
        ([[1j, 2.0]], "real and dense"),
        (None, "real numbers"),
    ],
)
def test_data_of_another_kind_are_refused(x, said):
    with pytest.raises(ValueError, match=said):
        Patterns.of(x)
