"""Bad input to the functions of hidden Markov models is named, and never a NaN."""

from functools import partial

import numpy as np
import pytest

from emlib import hmm
from emlib.covariances import Full
from emlib.hmm import HMMParams, HMMStatistics, Sequences, forward_backward
from emlib.hmm.steps import filtered
from tests.bad_input import (
    CHAIN,
    COUNT_SUMS,
    DATA,
    FAMILY,
    HALVES,
    MEANS,
    PARTS,
    RNG,
    ROWS,
    SHARED,
    SPREADS,
    Calls,
    assert_same_in_whatever_form,
    not_clear,
    not_none,
    other,
    positive,
    shares,
    size,
    spoilt,
    table,
    whole,
)

UNFAIR = np.log(np.array([[0.9, 0.2], [0.9, 0.2], [0.1, 0.8]]))
call = Calls()


def of_hmm(function, family):
    def called(x, startprob, transmat, **parts):
        return function(HMMParams(startprob, transmat, tuple(parts.values())), x, family=family)

    return called


for kind, (family, bad_x, good, bad) in PARTS.items():
    chain = {"x": good["x"], "startprob": HALVES, "transmat": CHAIN}
    parts = {name: part for name, part in good.items() if name not in ("x", "weights")}
    bad_chain = {"startprob": shares(HALVES), "transmat": shares(CHAIN)} | bad
    for function in (hmm.e_step, hmm.smoothed, filtered, hmm.decoded, hmm.log_emission):
        # NaN stands for what was not observed, of Gaussians also in part of a row.
        may_lack = family.whitens or kind == "symbols"
        bad_x = {w: v for w, v in bad_x.items() if not (may_lack and w == "a NaN")}
        call(
            f"hmm.{function.__name__} ({kind})",
            of_hmm(function, family),
            chain | parts,
            {"x": bad_x} | bad | bad_chain,
            {"x": DATA + "|lacks some"} | SHARED,
        )
    call(
        f"hmm.sample ({kind})",
        partial(
            lambda startprob, transmat, n, rng, family, **parts: hmm.sample(
                HMMParams(startprob, transmat, tuple(parts.values())), n, rng, family
            ),
            family=family,
        ),
        {"startprob": HALVES, "transmat": CHAIN, "n": 4, "rng": np.random.default_rng(0)} | parts,
        bad_chain | {"n": whole(0), "rng": RNG},
        SHARED,
    )

MODEL = HMMParams(HALVES, CHAIN, (MEANS, SPREADS))
STEPS = hmm.e_step(MODEL, ROWS)[0]
for function in (hmm.m_step, partial(hmm.nudge, rng=np.random.default_rng(0), size=0.1)):
    name = getattr(function, "__name__", "nudge")
    call(
        f"hmm.{name}",
        lambda starts, transitions, emissions, params, function=function: function(
            HMMStatistics(starts, transitions, emissions, params)
        ),
        {
            "starts": STEPS.starts,
            "transitions": STEPS.transitions,
            "emissions": STEPS.emissions,
            "params": MODEL,
        },
        {
            "starts": positive(STEPS.starts) | {"zeros": np.zeros(2), "one too many": np.ones(3)},
            "transitions": positive(STEPS.transitions),
            "emissions": other(COUNT_SUMS, STEPS.emissions[[0]]),
            "params": other((), HALVES),
        },
        {"emissions": "emissions|statistics", "params": "params|parameters"},
    )
    call(
        f"hmm.{name} of",
        function,
        {"statistics": STEPS, "family": Full()},
        {"statistics": other(COUNT_SUMS, ROWS), "family": FAMILY},
    )
call(
    "hmm.nudge with",
    hmm.nudge,
    {"statistics": STEPS, "rng": np.random.default_rng(0), "size": 0.1},
    {"rng": RNG, "size": size("a bool")},
)
for function in (hmm.e_step, hmm.smoothed, filtered, hmm.decoded, hmm.log_emission):
    call(
        f"hmm.{function.__name__} of",
        function,
        {"params": MODEL, "x": ROWS, "family": Full()},
        {"params": other((), HALVES, (HALVES, CHAIN)), "family": not_none(FAMILY)},
    )
call("hmm.stationary", hmm.stationary, {"transmat": CHAIN}, {"transmat": shares(CHAIN)})
call(
    "Sequences.of",
    Sequences.of,
    {"x": ROWS, "lengths": [2, 4], "family": Full()},
    {
        "x": table(ROWS, "a NaN"),
        "lengths": not_none(spoilt([2, 4], "a number")) | {"short": [2, 3], "zero": [0, 6]},
        "family": not_none(FAMILY),
    },
    {"x": DATA + "|lacks some"},
)
for function in (
    forward_backward.forward,
    forward_backward.plain,
    forward_backward.in_logs,
    forward_backward.viterbi,
):
    call(
        f"hmm.forward_backward.{function.__name__}",
        function,
        {"startprob": HALVES, "transmat": CHAIN, "log_b": UNFAIR},
        {"startprob": shares(HALVES), "transmat": shares(CHAIN), "log_b": spoilt(UNFAIR)},
    )


@pytest.mark.parametrize(("function", "arguments", "odd"), call.good)
def test_good_input_gives_the_same_in_whatever_form(function, arguments, odd):
    assert_same_in_whatever_form(function, arguments, odd)


@pytest.mark.parametrize(("calls", "says"), call.bad)
def test_bad_input_is_named(calls, says):
    assert not_clear(calls, says) == {}
