"""The laboratory's rule to stop is emlib's, gain by gain, and what it says is true."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from emlib.em import gains_to_come

PATHS = {
    "one step": [-3.0, -2.0],
    "shrinking steps": [-3.0, -2.0, -1.5],
    "steps of one size": [-3.0, -2.0, -1.0],
    "growing steps": [-3.0, -2.5, -1.0],
    "a rise after a fall": [-2.0, -2.5, -2.4],
    "a rise after nothing": [-2.0, -2.0, -1.9],
    "no step": [-3.0, -2.0, -2.0],
    "rounding upwards": [-2001.0, -2000.0, -2000.0 + 4e-13],
    "rounding downwards": [-2001.0, -2000.0, -2000.0 - 1e-9],
    "a small fall": [-3.0, -2.0, -2.0 - 1e-10],
    "a step near rounding": [-1000 - 3e-12, -1000 - 1e-12, -1000 + 6e-13],
    "slow": [-1000.0, -1000 + 1e-6, -1000 + 1.99e-6],
}


def test_what_is_still_to_gain_is_what_emlib_says(evaluate):
    found = evaluate(f"return {json.dumps(list(PATHS.values()))}.map(lab.remainingGain);")
    for (name, visits), said in zip(PATHS.items(), found, strict=True):
        path = SimpleNamespace(objective=visits, leapt_at=(), remaining_gain=np.inf)
        wanted = gains_to_come(path, exact=True)
        given = [np.inf if said[key] is None else said[key] for key in ("remaining", "largest")]
        assert given == pytest.approx(wanted, rel=1e-9, abs=0), name


LONG = [-1000 + i for i in range(1001)]  # the start, and a thousand iterations
PAIR = {"weights": [0.5, 0.5], "means": [0, 1], "variances": [1, 1]}
LINE = {"model": "line", "data": [1, 2, 4]}
LAST = {**LINE, "rule": "last step", "tolerance": 1e-3}
STOPS = [
    (LINE, PAIR, [-3.0, -2.0], None, ""),
    (LINE, PAIR, [-2.0, -2.0 - 1e-6], "objective fell", "fell by 0.00000100"),
    (LINE, PAIR, [-2.0, -2.0 - 1e-9], None, ""),
    (LINE, PAIR, LONG[:-1], None, ""),
    (LINE, PAIR, LONG, "iteration limit", "before convergence"),
    ({**LINE, "maxIterations": 2}, PAIR, [-4.0, -3.0], None, ""),
    ({**LINE, "maxIterations": 2}, PAIR, [-4.0, -3.0, -2.0], "iteration limit", ""),
    (LAST, PAIR, [-3.0, -2.99905, -2.9982], "converged", "gain 7.2e-3 nats"),
    ({**LINE, "tolerance": 1e-3}, PAIR, [-3.0, -2.99905, -2.9982], None, ""),
    ({**LAST, "tolerance": 1e-12}, PAIR, [-2.0, -2.0 - 1e-9], None, ""),
    (LAST, PAIR, [-3.0, -2.9985], None, ""),
    (LAST, PAIR, [-3.0, -2.9995], "converged", "is not known"),
    ({**LINE, "tolerance": 1e-3}, PAIR, [-3.0, -2.0, -1.9995], "converged", "gain 2.5e-7 nats"),
    (LINE, PAIR, [-3.0, -2.0, -2.0], "converged", "estimated remaining gain zero"),
    (LINE, PAIR, [-2.0, -2.0 + 1e-5, -2.0 + 1.00001e-5], "converged", "below 1e-10 nats"),
    (LINE, {**PAIR, "weights": [1 - 1e-4, 1e-4]}, [-3.0, -2.0, -2.0], "degenerate", "component 2"),
    (LINE, {**PAIR, "weights": [0.99, 0.01]}, [-3.0, -2.0, -2.0], "converged", ""),
    ({**LINE, "floor": 1}, PAIR, [-3.0, -2.0, -2.0], "degenerate", "rests on the floor of 1 and"),
    ({**LINE, "floor": 1, "fixed": ["variances"]}, PAIR, [-3.0, -2.0, -2.0], "converged", "zero"),
]


def test_it_stops_where_the_rule_says_and_says_why(evaluate):
    asked = [[problem, parameters, visits] for problem, parameters, visits, _, _ in STOPS]
    found = evaluate(f"return {json.dumps(asked)}.map((given) => lab.stopping(...given));")
    for (*given, reason, words), stop in zip(STOPS, found, strict=True):
        assert stop["reason"] == reason, given
        assert words in stop["message"], given
