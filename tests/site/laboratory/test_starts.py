"""Starts and nudges of the laboratory are drawn from a seed."""

import numpy as np
import pytest
from numpy.testing import assert_allclose


def test_starts_are_drawn_from_a_seed(evaluate):
    drawn = evaluate(
        """const { problem } = lab.sceneOf('bad-maximum'), found = {};
        for (const name of ['kMeansPlusPlus', 'randomResponsibilities'])
          found[name] = [1, 1, 2, 3, 4].map((seed) => lab[name](problem, 3, seed));
        const five = [1, 1, 1, 1, 1, 2];
        found.two = lab.kMeansPlusPlus({ model: 'line', data: five }, 2, 1);
        try { lab.kMeansPlusPlus({ model: 'line', data: five }, 3, 1); }
        catch (error) { found.error = error.message; }
        return found;"""
    )
    for name in ("kMeansPlusPlus", "randomResponsibilities"):
        first, again, *others = map(np.array, drawn[name])
        assert_allclose(first.sum(axis=1), 1)
        assert (first == again).all()
        assert not any((first == other).all() for other in others)
    # Three clouds that lie far apart: a component for each, from most seeds.
    labels = np.repeat([0, 1, 2], 40)
    r = [np.array(r) for r in drawn["kMeansPlusPlus"]]
    pure = [len({tuple(r_[labels == j].mean(axis=0).round()) for j in range(3)}) == 3 for r_ in r]
    assert sum(pure) >= 3
    assert set(np.unique(r[0])) == {0, 1}
    *ones, last = drawn["two"]
    assert all(one == ones[0] != last for one in ones)
    assert "fewer than 3 different points" in drawn["error"]


def test_neighbouring_seeds_draw_starts_far_from_each_other(evaluate):
    shares, groups = evaluate(
        """const { problem } = lab.sceneOf('bad-maximum');
        const seeds = Array.from({ length: 24 }, (_, i) => i + 1);
        const shares = seeds.map((seed) => lab.randomResponsibilities(problem, 2, seed)[0][0]);
        const wide = { model: "plane", data: [[0, 0], [0, 1], [1e6, 0], [1e6, 1]] };
        return [shares, seeds.map((seed) => lab.kMeansPlusPlus(wide, 2, seed))];"""
    )
    assert np.std(shares) > 0.1
    # Two columns far apart in x: without common units, no start would ever part the rows.
    assert any(r[0] == r[2] != r[1] == r[3] for r in groups)


def test_a_nudge_moves_components_by_a_share_of_their_spread(evaluate):
    weights, size = [0.2, 0.8], 0.1
    spreads = np.array([[[4.0, 3.0], [3.0, 9.0]], [[1.0, -0.5], [-0.5, 0.5]]])
    found = evaluate(
        f"""const weights = {weights}, size = {size}, zero = [0, 0];
        const seeds = Array.from({{ length: 600 }}, (_, i) => i);
        const covariances = {spreads.tolist()};
        const all = (problem, parameters) =>
          seeds.map((seed) => lab.nudged(problem, {{ weights, ...parameters }}, size, seed));
        return {{
          line: all({{ model: "line" }}, {{ means: zero, variances: [4, 0.25] }}),
          plane: all({{ model: "plane" }}, {{ means: [zero, zero], covariances }}),
          coins: all({{ model: "coins", fixed: ["weights"] }}, {{ heads: [0.5, 0.9] }}),
        }};"""
    )
    for model, some in found.items():
        expected = weights if model == "coins" else [0.9 * w + 0.1 / 2 for w in weights]
        assert_allclose([one["weights"] for one in some], [expected] * len(some))
    near = {"rtol": 0.15, "atol": 0.15 * size**2}
    means = np.array([one["means"] for one in found["line"]])
    assert_allclose((means**2).mean(axis=0), size**2 * np.array([4, 0.25]), **near)
    means = np.array([one["means"] for one in found["plane"]])
    scatter = np.einsum("nki,nkj->kij", means, means) / len(means)
    assert_allclose(scatter, size**2 * spreads, **near)
    heads = np.array([one["heads"] for one in found["coins"]])
    moves = np.log(heads / (1 - heads)) - np.log([1, 9])  # of the log-odds
    assert_allclose((moves**2).mean(axis=0), 2 * size**2, **near)
    assert moves.mean() == pytest.approx(0, abs=0.2 * size)
