"""Examples of the literature, which several tests run: two coins, linkage, and deaths by day."""

import numpy as np
from scipy.stats import poisson

# Do and Batzoglou (2008), Nature Biotechnology 26, 897-899: heads in five sets of ten tosses.
HEADS = np.array([5.0, 9.0, 8.0, 4.0, 7.0])


def coins_e_step(theta, heads):
    """Coins with these probabilities of heads, each as likely as another to be tossed."""
    joint = theta ** heads[:, None] * (1 - theta) ** (10 - heads[:, None]) / len(theta)
    r = joint / joint.sum(axis=1, keepdims=True)
    return (r.T @ heads, r.T @ (10 - heads)), np.log(joint.sum(axis=1)).sum()


def coins_m_step(counts):
    return counts[0] / (counts[0] + counts[1])


# Dempster, Laird and Rubin (1977), J. R. Statist. Soc. B 39, 1-38: the linkage example.
def linkage_e_step(p, y):
    log_likelihood = y @ np.log([0.5 + p / 4, (1 - p) / 4, (1 - p) / 4, p / 4])
    return (y[0] * p / (2 + p) + y[3], y[1] + y[2]), log_likelihood


linkage_m_step = coins_m_step  # a share of counts, too
LINKAGE = np.array([125.0, 18.0, 20.0, 34.0])
LINKAGE_MAXIMUM = (15 + np.sqrt(53809)) / 394

# Hasselblad (1969), JASA 64, 1459-1471: deaths per day of women over 80, The Times, 1910-12.
# The log-likelihood's maximum is an independent optimiser's.
DEATHS = np.arange(10.0), np.array([162.0, 267, 271, 185, 111, 61, 27, 8, 3, 1])
DEATHS_MAXIMUM = -1989.945859882964


def poisson_e_step(theta, data):
    """A mixture of Poisson variables, of values and how often each occurred."""
    weights, rates = theta
    joint = weights * poisson.pmf(data[0][:, None], rates)
    r = joint / joint.sum(axis=1, keepdims=True) * data[1][:, None]
    return {"n": r.sum(axis=0), "sum": r.T @ data[0]}, data[1] @ np.log(joint.sum(axis=1))


def poisson_m_step(statistics):
    return statistics["n"] / statistics["n"].sum(), statistics["sum"] / statistics["n"]
