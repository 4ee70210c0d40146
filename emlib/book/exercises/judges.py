"""Answers to the exercises of "Judges without an answer key". Looking here spoils them."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from emlib.book.exercises.checking import Exercise

Array = NDArray[np.float64]

_GRADES = """
1111111 3334334 1122122 2223121 2223222 2223322 1222111 3333433 2222223
2322223 4444444 2223343 1111111 2223212 1211111 1112111 1111111 1111111
2222221 2221322 2222222 2222221 2223222 2212222 1111111 1111111 2322222
1111111 1111111 1121121 1111111 3333233 1111111 2222222 2223232 4334343
2212232 2323233 3333432 1111111 1111111 1212111 2322222 1211111 2222222
"""
_HIGHEST = -191.56886  # of the anaesthetists' tables, after 600 starts
_NO_FIRST = [1880, 789, 43, 75, 23, 63, 8, 22, 188, 191, 17, 67, 15, 85, 8, 56]
_YES_FIRST = [22, 26, 6, 14, 1, 20, 2, 17, 2, 20, 6, 27, 3, 72, 1, 100]
_TEETH = np.array([*_NO_FIRST, *_YES_FIRST], dtype=float)
_ANSWERS = np.array(list(product((0, 1), repeat=5)))


def _skills(n_steps: int = 200) -> float:
    """Highest log-likelihood of the anaesthetists with one number for each."""
    looks = np.array([list(word) for word in _GRADES.split()], dtype=int) - 1
    judge = [0, 0, 0, 1, 2, 3, 4]
    said = looks[:, :, None] == np.arange(4)
    r, height = said.mean(axis=1), 0.0
    for _ in range(n_steps):
        per_look = np.einsum("nk,nik->i", r, said)
        skill = np.array([per_look[np.equal(judge, j)].mean() / 45 for j in range(5)])[judge]
        p = np.where(said, skill[:, None], (1 - skill[:, None]) / 3)
        joint = r.mean(axis=0) * p.prod(axis=1)
        height = float(np.log(joint.sum(axis=1)).sum())
        r = joint / joint.sum(axis=1, keepdims=True)
    return height


def _binary_em(
    x: Array, times: Array, r: Array, held: Array | None = None, n_steps: int = 2000
) -> tuple[float, Array, Array]:
    """Share of yes, p(yes | truth) as (2, judges), and each row's p(true yes), by plain EM."""
    share, p = 0.0, np.zeros((2, x.shape[1]))
    for _ in range(n_steps):
        shares = times * np.array([1 - r, r])
        share = float(shares[1].sum() / times.sum())
        p = shares @ x / shares.sum(axis=1, keepdims=True)
        r = _true_yes(x, share, p)
        if held is not None:
            r[: len(held)] = held
    return share, p, r


def _true_yes(x: Array, share: float, p: Array) -> Array:
    """The posterior probability of a true yes for each row."""
    no, yes = _joint(x, share, p)
    return np.asarray(yes / (yes + no))


def _joint(x: Array, share: float, p: Array) -> Array:
    """The probability of each row together with a true no, and with a true yes: (2, rows)."""
    said = np.where(x == 1, p[:, None], 1 - p[:, None])
    return np.array([[1 - share], [share]]) * said.prod(axis=2)


def _dentists() -> tuple[float, float]:
    """Share of caries and deviance."""
    share, p, _ = _binary_em(_ANSWERS, _TEETH, _ANSWERS.mean(axis=1))
    expected = _TEETH.sum() * _joint(_ANSWERS, share, p).sum(axis=0)
    return share, float(2 * np.sum(_TEETH * np.log(_TEETH / expected)))


def _known(n_known: int = 40) -> tuple[float, float, float]:
    """Right of the others: EM with known labels, tables from these alone, EM without labels."""
    rng = np.random.default_rng(0)
    z = rng.integers(2, size=400)
    own = np.where(rng.random((400, 3)) < 0.8, z[:, None], 1 - z[:, None])
    rumour = np.where(rng.random(400) < 0.65, z, 1 - z)[:, None]
    echo = np.where(rng.random((400, 3)) < 0.9, rumour, 1 - rumour)
    x = np.concatenate([own, echo], axis=1)
    _, _, r = _binary_em(x, np.ones(400), x.mean(axis=1), z[:n_known].astype(float), 500)
    _, _, alone = _binary_em(x, np.ones(400), x.mean(axis=1), None, 500)
    first, truth = x[:n_known], z[:n_known]
    p = np.array([(first[truth == k].sum(axis=0) + 1) / (np.sum(truth == k) + 2) for k in (0, 1)])
    counted = _true_yes(x, float(truth.mean()), p)
    rights = [float(np.mean((q[n_known:] > 0.5) == z[n_known:])) for q in (r, counted)]
    return rights[0], rights[1], float(np.mean((alone > 0.5) == z))


def _triples() -> list[float]:
    """Share of caries by the formula for three judges, from each three of the dentists."""
    weight = _TEETH / _TEETH.sum()
    away = _ANSWERS - weight @ _ANSWERS
    found = []
    for three in combinations(range(5), 3):
        a = away[:, three]
        c = (weight * a.T) @ a
        q = weight @ a.prod(axis=1) / np.sqrt(c[0, 1] * c[0, 2] * c[1, 2])
        found.append(float((1 - q / np.sqrt(4 + q**2)) / 2))
    return found


_SKILLS = _skills()
_CARIES, _DEVIANCE = _dentists()
_WITH, _COUNTED, _WITHOUT = _known()
_SHARES = _triples()
_SAID_NO = 0.3 * 0.9 * 0.6 / (0.3 * 0.9 * 0.6 + 0.7 * 0.2 * 0.05)

EXERCISES = {
    "posterior": Exercise(
        0.018 / 0.046,
        (
            (
                0.1 * 0.6 / (0.1 * 0.6 + 0.8 * 0.05),
                "Only three in ten items are a yes to begin with.",
            ),
            (_SAID_NO, "A said no: take one minus the probability of a yes."),
            (0.018, "That is the joint probability: divide by the sum over both truths."),
        ),
        hint="Multiply, for each truth, its share by the probability of what each judge said.",
    ),
    "mstep": Exercise(
        [0.45, 1 / 1.8, 1 / 2.2],
        (
            ([0.45, 1 / 4, 1 / 4], "Divide by the items expected of that truth, not by all four."),
            ([0.5, 0.5, 0.5], "Count each item with its probability; do not round it to a label."),
            ([0.45, 0.8 / 1.8, 1.2 / 2.2], "These are the probabilities that he says no."),
            ([0.45, 1 / 1.8, 1.2 / 2.2], "The last is that he says no to a true no."),
            (
                [0.45, 1 / 2, 1 / 2],
                "He said yes to 0.9 + 0.1 of the true yeses: out of how many expected?",
            ),
        ),
        hint="Expected counts of what he said to each truth, divided by the expected number of it.",
    ),
    "count": Exercise(
        [63, 31, 20],
        (
            ([84, 31, 20], "Each row sums to one, and so do the shares: one number fewer in each."),
            ([64, 31, 20], "The four shares sum to one."),
            ([60, 31, 20], "The shares are parameters, too: three free numbers."),
            ([63, 32, 21], "The frequencies sum to one."),
            ([63, 31, 21], "The share of yes is a parameter, too."),
        ),
        hint="A row of four probabilities that sum to one has three free numbers.",
    ),
    "worse": Exercise(
        [0.64, 0.576 / 0.58],
        (
            ([0.576 / 0.58, 0.64], "The other way round: his yes is evidence of a no."),
            ([16 / 17, 16 / 17], "The third judge's answer counts, too."),
            ([0.64, 0.36], "If he says no, only his factor changes, and for both truths."),
        ),
        hint="Multiply the three probabilities of what was said, once for each truth.",
    ),
    "one": Exercise(
        [_SKILLS, _HIGHEST - _SKILLS],
        (
            (
                [_SKILLS, _SKILLS - _HIGHEST],
                "The tables can do all that single numbers can: how much higher are they?",
            ),
            (
                [_SKILLS, 2 * (_HIGHEST - _SKILLS)],
                "That is twice the difference: give the difference in nats.",
            ),
        ),
        hint="Expected counts on the diagonal of C, divided by all counts of that judge.",
        rtol=1e-4,
    ),
    "dentists": Exercise(
        [_CARIES, _DEVIANCE],
        (
            ([1 - _CARIES, _DEVIANCE], "That is the share without caries."),
            ([_CARIES, _DEVIANCE / 2], "The deviance is twice the sum."),
        ),
        hint="Expect 3869 times the probabilities of the answers, summed over both truths.",
    ),
    "known": Exercise(
        [_WITH, _COUNTED],
        (
            ([_COUNTED, _WITH], "The other way round: first EM, then the tables of the 40 alone."),
            ([_WITHOUT, _COUNTED], "That is EM without labels, over all items."),
        ),
        hint="Hold the labels fixed in every E-step, and count only the 360 items not known.",
        rtol=1e-3,
    ),
    "moments": Exercise(
        [min(_SHARES), max(_SHARES)],
        (
            (
                [1 - max(_SHARES), 1 - min(_SHARES)],
                "Is the share above or below one half if q > 0?",
            ),
            (
                [_SHARES[0], _SHARES[-1]],
                "These are the first and the last triple: take the extremes of all ten.",
            ),
        ),
        hint="Covariances and the mean product are sums over the answers, as often as each occurs.",
    ),
}
