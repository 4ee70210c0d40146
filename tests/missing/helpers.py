"""Tables with holes, and the E-step of the textbooks, which takes one row after the other."""

import numpy as np
from hypothesis import strategies as st

from emlib import missing
from emlib.gaussian import Gaussian
from emlib.missing import Patterns

seeds = st.integers(0, 2**32 - 1)
NAN = np.nan


def problem(seed, n=60, d=3, share=0.25):
    """A table with holes at random, and parameters that are not its fit."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(d, d)) + 2 * np.eye(d)
    x = rng.normal(size=(n, d)) @ root.T + 3 * rng.normal(size=d)
    x[rng.random(x.shape) < share] = NAN
    x[:2] = rng.normal(size=(2, d))  # no feature without two values
    other = rng.normal(size=(d, d)) + 2 * np.eye(d)
    return x, Gaussian(rng.normal(size=d), other @ other.T)


def e_step_by_rows(params, x):
    """The E-step of the textbooks: one row after the other."""
    mean, covariance = params.mean, params.covariance
    d = len(mean)
    total_x, total_xx, log_likelihood = np.zeros(d), np.zeros((d, d)), 0.0
    for row in x:
        o, m = np.flatnonzero(~np.isnan(row)), np.flatnonzero(np.isnan(row))
        filled, left = row.copy(), np.zeros((d, d))
        b = np.linalg.solve(covariance[np.ix_(o, o)], covariance[np.ix_(o, m)]).T
        filled[m] = mean[m] + b @ (row[o] - mean[o])
        left[np.ix_(m, m)] = covariance[np.ix_(m, m)] - b @ covariance[np.ix_(o, m)]
        total_x += filled
        total_xx += np.outer(filled, filled) + left
        block, r = covariance[np.ix_(o, o)], row[o] - mean[o]
        squares = r @ np.linalg.solve(block, r)
        log_likelihood -= 0.5 * (np.linalg.slogdet(2 * np.pi * block)[1] + squares)
    return total_x, total_xx, log_likelihood


def log_likelihood_by_rows(params, x):
    return e_step_by_rows(params, x)[2]


def steps(params, x, n):
    patterns = Patterns.of(x)
    for _ in range(n):
        params = missing.m_step(missing.e_step(params, patterns)[0])
    return params


def to_vector(params):
    """(mu, s11, s12, s22, ...) of a Gaussian."""
    return np.concatenate([params.mean, params.covariance[np.triu_indices(len(params.mean))]])


def from_vector(vector, d):
    upper = np.zeros((d, d))
    upper[np.triu_indices(d)] = vector[d:]
    return Gaussian(vector[:d], upper + np.triu(upper, 1).T)
