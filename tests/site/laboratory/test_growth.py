"""The growth of a nudge is the largest rate of EM, and tells saddles from maxima."""

import numpy as np
import pytest

from emlib import mixture
from emlib.book.laboratory import DATA, SCENES


def responsibilities_after(scene, r, params):
    """Those of the E-step that follows an M-step at r, of shape (N, K)."""
    statistics = mixture.statistics(r, scene.x, scene.family)
    return mixture.responsibilities(scene.m_step(statistics, params), scene.x, scene.family)


@pytest.mark.parametrize("name", ["coins", "faithful", "surface", "outlier", "bad-maximum"])
def test_the_growth_of_a_nudge_is_the_largest_rate_of_em(name, evaluate):
    scene, size = SCENES[name], 1e-5
    (_, params) = scene.stages()[-1]
    r = mixture.responsibilities(params, scene.x, scene.family)
    columns, still = [], responsibilities_after(scene, r, params)
    for i in range(r.size):
        moved = r + size * np.eye(1, r.size, i).reshape(r.shape)
        columns.append((responsibilities_after(scene, moved, params) - still).ravel() / size)
    largest = np.abs(np.linalg.eigvals(np.array(columns))).max()
    found = evaluate(
        f"""const {{ problem, parameters }} = lab.run(lab.begin(lab.sceneOf('{name}')));
        return lab.growth(problem, parameters);"""
    )
    assert found == pytest.approx(largest, rel=2e-3)
    assert found < 1


def test_a_saddle_and_a_maximum_are_told_apart(evaluate):
    places = evaluate(
        """const saddle = lab.run(lab.begin(lab.sceneOf('saddle'))), even = [0.5, 0.5];
        const freed = lab.run(lab.nudge(saddle)), { data } = lab.sceneOf('twenty-forty').problem;
        const twice = { weights: even, means: [20, 20], variances: [30, 30] };
        const fixed = ['weights', 'variances'];
        const line = lab.run(lab.startState({ model: 'line', data, fixed }, twice));
        const one = lab.run(lab.startState({ model: 'line', data },
          { weights: [1], means: [20], variances: [30] }));
        const single = lab.run(lab.startState({ model: 'coins', data: [{ heads: 1, tosses: 1 },
          { heads: 0, tosses: 1 }], fixed: ['weights'] }, { weights: even, heads: [0.3, 0.7] }));
        const slow = lab.run(lab.begin(lab.sceneOf('slow')));
        const stopped = lab.run(lab.startState({ ...freed.problem, maxIterations: 1 },
          freed.start.parameters));
        return [saddle, freed, line, one, single, slow, stopped,
          lab.startState(line.problem, twice)].map(lab.placeOf);"""
    )
    saddle, freed, line, one, single, slow, stopped, unfinished = places
    # If both coins give heads with probability p, EM multiplies a small difference between them
    # by the variance of the heads over p (1 - p), in units of the number of tosses.
    heads, p = np.array([5, 9, 8, 4, 7]), 0.66
    ratio = ((heads - 10 * p) ** 2).sum() / (p * (1 - p) * 10 * 5)
    assert saddle == {"kind": "saddle", "factor": pytest.approx(ratio, rel=1e-4)}
    assert freed["kind"] == "maximum"
    # Two equal bells of variance v part just if the data are wider.
    ratio = DATA["twenty-forty"].x.var() / 30
    assert ratio > 1
    assert line == {"kind": "saddle", "factor": pytest.approx(ratio, rel=1e-4)}
    assert one["kind"] == "maximum"
    # Of one toss a set, only the share of heads can be told, and many pairs of coins have it.
    assert single["kind"] == "ridge"
    assert slow["kind"] == "maximum"
    assert 0.9 < slow["factor"] < 1
    assert stopped is unfinished is None
