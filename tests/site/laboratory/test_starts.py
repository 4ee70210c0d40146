"""Starts of the laboratory are drawn from a seed."""

import numpy as np
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
