"""What is wrong with data or a model, said in words that lead on."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from emlib import (
    BernoulliMixture,
    CategoricalMixture,
    GaussianHMM,
    GaussianImputer,
    GaussianMixture,
    PoissonMixture,
    Prior,
    gaussian,
    mixture,
)
from emlib.gaussian import GaussianStatistics
from tests.bad_input import NAN, ROWS


@pytest.mark.parametrize("estimator", [GaussianMixture, GaussianHMM])
def test_one_row_is_said_to_be_too_few(estimator):
    with pytest.raises(ValueError, match="n_samples=1"):
        estimator(1).fit([[1.0, 2.0]])


def test_holes_in_data_lead_to_those_who_take_them():
    start = mixture.MixtureParams(np.ones(1), np.zeros((1, 3)), np.eye(3)[None])
    with pytest.raises(ValueError, match=r"GaussianMixture .*GaussianImputer"):
        mixture.e_step(start, np.where(ROWS > 4.1, NAN, ROWS))


def test_data_that_a_family_does_not_take_get_the_advice_of_that_family():
    with pytest.raises(ValueError, match="OrdinalEncoder"):
        CategoricalMixture(2).fit([["yes", "no"], ["no", "no"], ["no", "yes"]])
    with pytest.raises(ValueError, match=r"found 3 \(row 1, feature 0\).*binarize="):
        BernoulliMixture(2).fit([[0, 1], [3, 0], [0, 0]])
    with pytest.raises(ValueError, match=r"found 2.5 \(row 0, feature 1\)"):
        PoissonMixture(2).fit([[0, 2.5], [1, 1], [0, 0]])


# A covariance whose features have units that are far apart, in any order of the features.
CORRELATION = np.array([[1, -0.8, -0.8], [-0.8, 1, 0.9], [-0.8, 0.9, 1]])
far_units = pytest.mark.parametrize("units", list(permutations([1e4, 1.0, 1e8])))


@far_units
@pytest.mark.parametrize("form", ["full", "tied"])
def test_no_units_make_a_covariance_one_that_is_not_positive_definite(units, form):
    # The oracle is the correlation, which has none: what is given comes back, and so its inverse.
    assert np.linalg.eigvalsh(CORRELATION).min() > 0
    pairs, k = np.outer(units, units), 2
    x = np.random.default_rng(0).multivariate_normal(np.zeros(3), CORRELATION, 50) * units
    shape = (3, 3) if form == "tied" else (k, 3, 3)
    given = np.broadcast_to(CORRELATION * pairs, shape)
    inverse = np.broadcast_to(np.linalg.inv(CORRELATION) / pairs, shape)
    settings = {"covariance_type": form, "hold": "covariances", "random_state": 0}
    held = GaussianMixture(k, precisions_init=inverse, **settings).fit(x)
    np.testing.assert_allclose(held.covariances_, given, rtol=1e-9)
    settings["hold"] = "covars"
    chain = GaussianHMM(k, covars_init=given, **settings).fit(x)
    np.testing.assert_allclose(chain.covars_, given, rtol=1e-9)
    GaussianMixture(k, covariance_type=form, prior=Prior(scale=CORRELATION * pairs)).fit(x)
    x[:5, 0] = NAN
    imputer = GaussianImputer(covariance_init=CORRELATION * pairs).fit(x)
    start = imputer.result_.trace.params[0]
    np.testing.assert_allclose(start.covariance, CORRELATION * pairs, rtol=1e-9)
    GaussianImputer(covariance_init=imputer.covariance_).fit(x)


@far_units
def test_no_units_hide_that_a_matrix_is_not_symmetric(units):
    wrong = CORRELATION.copy()
    wrong[1, 2] = 0.1
    wrong *= np.outer(units, units)
    x = np.zeros((2, 3))
    one = mixture.MixtureParams(np.ones(1), x[:1], wrong[None])
    for call in (
        lambda: gaussian.log_density(x, x[0], wrong),
        lambda: mixture.log_density(one, x),
        lambda: gaussian.mle(GaussianStatistics(np.asarray(9.0), x[0], wrong)),
        lambda: GaussianImputer(covariance_init=wrong).fit(np.eye(3)),
    ):
        with pytest.raises(ValueError, match="must be symmetric"):
            call()


FRAME = pd.DataFrame(
    {
        "age": [30.0, 41, 28, 50],
        "visits": pd.array([1, None, 2, 3], dtype="Int64"),
        "sex": ["m", "f", "m", "f"],
        "day": pd.date_range("2021-01-01", periods=4),
        "mixed": pd.Series([1, 2, pd.NA, 3], dtype=object),
        "third": [1, None, "three", 2],
        "times": pd.to_timedelta([1, 2, 3, 4]),
        "words": pd.array(["a", None, "b", "c"], dtype="string"),
        "objects": pd.Series([1, 2.5, 0, 3], dtype=object),
    }
)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("sex", r"must be numbers, not [\w ]+: column 'sex' holds 'm'\. Encode it"),
        ("day", "must be numbers, not a date: column 'day' holds Timestamp"),
        ("third", "column 'third' holds 'three'"),
        ("times", "must be numbers, not a time: column 'times' holds Timedelta"),
        ("words", "must be numbers, not string: column 'words' holds 'a'"),
        ("mixed", r"pd\.NA in a column of objects.*\.astype\('Float64'\).*'mixed'"),
    ],
)
@pytest.mark.parametrize("estimator", [GaussianMixture(1), GaussianHMM(1), GaussianImputer()])
def test_a_column_that_holds_no_numbers_is_named(estimator, wrong, message):
    with pytest.raises((TypeError, ValueError), match=message):
        clone(estimator).fit(FRAME[["age", "visits", "objects", wrong]])
    clone(estimator).set_params(tol=1e-3).fit(FRAME[["age", "objects"]])


def test_a_fraction_is_shown_with_its_digits():
    with pytest.raises(ValueError, match=r"found 1234567\.5 \(row 0"):
        PoissonMixture(1).fit([[1234567.5], [3.0]])


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([[1.0], [-1e200]], r"-1e\+200 \(row 1, feature 0\), whose square is out"),
        ([[1.0, 1e308], [2.0, 1e308]], r"1e\+308 \(row 0, feature 1\), whose square is out"),
        ([[0.0], [np.inf], [-np.inf]], r"infinity \(row 1, feature 0; 2 such values in all\)"),
        ([[0.0, NAN], [1.0, np.inf], [2.0, 1.0]], r"infinity \(row 1, feature 1; 1 such"),
        (np.ones((5, 10)), "features 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 are constant"),
        (np.ones((5, 12)), "features 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more are constant"),
    ],
)
@pytest.mark.parametrize("estimator", [GaussianMixture(1), GaussianHMM(1)])
def test_numbers_that_make_no_sense_are_shown_where_they_stand(estimator, x, message):
    with pytest.raises(ValueError, match=message):
        clone(estimator).fit(x)


def test_a_long_value_is_shown_in_one_short_line():
    with pytest.raises(ValueError, match=r"got \[0, 1, 2, .*, \d+\.\.\.$") as caught:
        GaussianMixture(1, n_init=list(range(100))).fit(ROWS)
    assert len(str(caught.value).partition("got ")[2]) == 80


POINTS = np.random.default_rng(0).normal(size=(60, 2)) + 20 * (np.arange(60) >= 30)[:, None]
HALF = np.where((np.arange(60) >= 30)[:, None] & [False, True], NAN, POINTS)
OTHER_HALF = np.where((np.arange(60) < 30)[:, None] & [True, False], NAN, HALF)
ONE_WAY = {"startprob_init": [1, 0], "transmat_init": [[1, 0], [0.5, 0.5]]}


@pytest.mark.parametrize(
    ("estimator", "x", "message"),
    [
        (GaussianMixture(2, max_iter=0), POINTS, "after 0 iterations"),
        (GaussianHMM(2, max_iter=0), POINTS, "after 0 iterations"),
        (GaussianImputer(max_iter=0), HALF, "after 0 iterations"),
        (GaussianImputer(), np.c_[POINTS, POINTS], "depend linearly"),
        (GaussianMixture(2), HALF, "feature 1 was hardly observed"),
        (GaussianHMM(2), HALF, "feature 1 was hardly observed"),
        (GaussianImputer(), OTHER_HALF, "never seen in the same row"),
        (GaussianHMM(2, **ONE_WAY), POINTS, "never visited"),
    ],
)
def test_a_warning_of_a_fit_is_of_the_line_that_calls_it(estimator, x, message):
    with pytest.warns(match=message) as caught:
        clone(estimator).fit(x)
    assert {warning.filename for warning in caught} == {__file__}
