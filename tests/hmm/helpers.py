"""Chains to fit, and recursions to compare with, that several tests of HMMs use."""

import itertools
import warnings

import numpy as np
from hypothesis import strategies as st

from emlib import GaussianHMM, hmm
from emlib.datasets import load_earthquakes
from emlib.hmm import HMMParams, walks
from emlib.hmm.forward_backward import Posterior, in_logs, scaled
from emlib.hmm.sequences import Pieces

COUNTS = load_earthquakes().values[:, [1]]
STAYS = np.array([[0.9, 0.1], [0.2, 0.8]])
NEVER_MOVES = np.eye(2)
START = {"startprob_init": [0.5, 0.5], "transmat_init": [[0.7, 0.3], [0.3, 0.7]]}


def made(seed=0, t=300, d=2, k=3):
    """A sequence drawn from a chain of well-mixed Gaussians, and a start."""
    rng = np.random.default_rng(seed)
    transmat = 0.7 * np.eye(k) + 0.2 * np.roll(np.eye(k), 1, axis=1) + 0.1 / k
    means = 2.5 * np.roll(np.eye(k), 1, axis=0)[:, :d] + 0.2 * rng.normal(size=(k, d))
    true = HMMParams(np.full(k, 1 / k), transmat, (means, np.tile(np.eye(d), (k, 1, 1))))
    x, _ = hmm.sample(true, t, rng)
    return x, true._replace(components=(means + 0.3, true.components[1] * 1.5))


def climbed(theirs, x, lengths=None):
    """A model of hmmlearn's after its steps, without warnings of their number and of `tol`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return theirs.fit(x, lengths)


def by_recursion(startprob, transmat, log_b):
    """The log-likelihood, by the forward recursion in logarithms."""
    with np.errstate(divide="ignore"):
        log_a, log_p = np.log(transmat), np.log(startprob) + log_b[0]
    for log_density in log_b[1:]:
        log_p = np.logaddexp.reduce(log_p[:, None] + log_a, axis=0) + log_density
    return np.logaddexp.reduce(log_p)


def without(x, missing):
    """The data, of which these were not observed."""
    x = np.array(x, dtype=float)
    x[missing] = np.nan
    return x


def by_hand(transmat, means, startprob=(1.0, 0.0)):
    """A chain of Gaussians of variance one with these parameters."""
    model = GaussianHMM(2)
    model.startprob_, model.transmat_ = np.array(startprob), np.array(transmat)
    model.means_, model.covars_ = np.array(means)[:, None], np.ones((2, 1, 1))
    return model


def enumerated(startprob, transmat, log_b):
    """Responsibilities, transitions, likelihood and the best path's probability, from all paths."""
    t, k = log_b.shape
    b = np.exp(log_b)
    r, transitions, total, best = np.zeros((t, k)), np.zeros((k, k)), 0.0, 0.0
    for z in itertools.product(range(k), repeat=t):
        p = startprob[z[0]] * np.prod(b[np.arange(t), z]) * np.prod(transmat[z[:-1], z[1:]])
        r[np.arange(t), z] += p
        np.add.at(transitions, (z[:-1], z[1:]), p)
        total, best = total + p, max(best, p)
    return r / total, transitions / total, np.log(total), best


def scaled_walks(startprob, transmat, b, pieces):
    """Forward-backward of densities in packed order, (K, T); None if they underflow."""
    space = pieces.workspace(len(startprob))
    space.table[:] = b
    return walks.forward_backward(startprob, transmat, pieces, space)


def blocked(startprob, transmat, log_b):
    """As in fits: on pieces of the sequence side by side, and in logs where scaling is too weak."""
    pieces, (b, shifts) = Pieces.of(np.array([len(log_b)])), scaled(log_b)
    found = scaled_walks(startprob, transmat, b[pieces.rows].T, pieces)
    if found is None:
        return in_logs(startprob, transmat, log_b)
    r = found.responsibilities[:, np.argsort(pieces.rows)].T
    return Posterior(r, found.transitions, found.log_likelihoods[0] + shifts.sum())


@st.composite
def chains(draw, longest=8):
    """Small HMMs, some of whose starts and steps are forbidden."""
    k, t = draw(st.integers(1, 4)), draw(st.integers(1, longest))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    zeros = draw(st.sampled_from([0.0, 0.3, 0.6]))
    rows = rng.dirichlet(np.ones(k), size=k + 1) * (rng.uniform(size=(k + 1, k)) >= zeros)
    rows[np.arange(k + 1), rng.integers(k, size=k + 1)] += 0.1
    rows /= rows.sum(axis=1, keepdims=True)
    return rows[0], rows[1:], draw(st.sampled_from([0.1, 1.0, 10.0])) * rng.normal(size=(t, k))


LONG = 3000
NOISE = np.random.default_rng(0).normal(size=(LONG, 3))
EVEN = np.full(3, 1 / 3)
FIRST = np.array([1.0, 0.0, 0.0])
CHAINS = {
    "usual": (EVEN, np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.3, 0.3, 0.4]]), 3 * NOISE),
    "left to right": (
        FIRST,
        np.array([[0.999, 0.001, 0], [0, 0.999, 0.001], [0, 0, 1]]),
        3 * NOISE,
    ),
    "cyclic": (FIRST, np.roll(np.eye(3), 1, axis=1), 0.1 * NOISE),
    "cyclic, wherever it starts": (EVEN, np.roll(np.eye(3), 1, axis=1), 0.1 * NOISE),
    "never moves": (EVEN, np.eye(3), 0.01 * NOISE),
    "hardly ever moves": (EVEN, np.eye(3) * (1 - 3e-9) + 1e-9, 0.01 * NOISE),
    "next to never moves": (EVEN, np.eye(3) * (1 - 3e-15) + 1e-15, 3 * NOISE),
    "says nothing": (EVEN, np.full((3, 3), 1 / 3), 0 * NOISE),
}
