"""What an editor and a type checker know of emlib: mypy reads this file, and pytest runs it."""

from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

from emlib import (
    HMM,
    BernoulliMixture,
    CategoricalHMM,
    CategoricalMixture,
    EMResult,
    GaussianHMM,
    GaussianImputer,
    GaussianMixture,
    Mixture,
    PoissonHMM,
    PoissonMixture,
    Prior,
    em,
)

Table = NDArray[np.float64]
COUNTS = np.array([[0.0], [1], [0], [1], [1], [6], [8], [7], [9], [7]])


def test_estimators_and_what_their_fits_set_have_types() -> None:
    gaussian = assert_type(GaussianMixture(2, random_state=0), GaussianMixture).fit(COUNTS)
    assert_type(gaussian.weights_, Table)
    assert_type(gaussian.means_, Table)
    assert_type(gaussian.covariances_, Table)
    assert_type(gaussian.result_, EMResult[Any])
    assert_type(gaussian.predict(COUNTS), NDArray[np.int_])
    assert_type(Mixture(2).fit(COUNTS).weights_, Table)
    assert_type(PoissonMixture(2).fit(COUNTS).rates_, Table)
    assert_type(BernoulliMixture(2).fit(COUNTS > 1).probabilities_, Table)
    assert_type(CategoricalMixture(2, n_categories=10).fit(COUNTS).probabilities_, Table)
    chain = assert_type(GaussianHMM(2).fit(COUNTS), GaussianHMM)
    assert_type(chain.startprob_, Table)
    assert_type(chain.transmat_, Table)
    assert_type(chain.means_, Table)
    assert_type(chain.covars_, Table)
    assert_type(HMM(2).fit(COUNTS).transmat_, Table)
    assert_type(Prior().mean_precision, float)
    assert_type(PoissonHMM(2).fit(COUNTS).lambdas_, Table)
    assert_type(CategoricalHMM(2).fit(COUNTS.astype(int)).emissionprob_, Table)
    assert_type(GaussianImputer().fit(np.c_[COUNTS, COUNTS[::-1] ** 2]).mean_, Table)


def test_a_result_of_em_has_the_parameters_of_the_steps() -> None:
    def e_step(theta: Table, heads: Table) -> tuple[tuple[Table, Table], float]:
        joint = theta**heads * (1 - theta) ** (10 - heads) / 2
        r = joint / joint.sum(axis=1, keepdims=True)
        return ((r * heads).sum(axis=0), r.sum(axis=0)), float(np.log(joint.sum(axis=1)).sum())

    def m_step(statistics: tuple[Table, Table]) -> Table:
        heads, sets = statistics
        return heads / (10 * sets)

    start: Table = np.array([0.6, 0.5])
    result = em(e_step, m_step, start, np.array([[5.0], [9], [8], [4], [7]]))
    theta = assert_type(result.params, Table)
    assert_type(result, EMResult[Table])
    np.testing.assert_allclose(theta, [0.80, 0.52], atol=0.005)  # Do and Batzoglou 2008
