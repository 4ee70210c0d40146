"""What mixtures say of data and settings that they cannot take."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from emlib import (
    CategoricalMixture,
    GaussianHMM,
    GaussianImputer,
    GaussianMixture,
    PoissonHMM,
    PoissonMixture,
)

GOOD = np.random.default_rng(0).normal(size=(10, 2))


def spoiled(value):
    x = GOOD.copy()
    x[3, 1] = value
    return x


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (spoiled(np.inf), "infinity"),
        (np.empty((0, 2)), "0 sample"),
        (np.empty((5, 0)), "0 feature"),
        (GOOD[:1], "one point has no spread"),
        (np.arange(10.0), "Reshape your data"),
        (GOOD[None], "dim 3"),
        ([["a", "b"], ["c", "d"]], "data must be real numbers"),
        (np.ones((10, 2)), "features 0, 1 are constant"),
        ([[1.0, 2.0], [3.0]], "all rows equally long"),
        (GOOD * 1e-145, "varies by only"),
    ],
)
def test_bad_data_are_refused_with_a_reason(x, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixture(1).fit(x)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_components": 11}, "use fewer"),
        ({"n_components": 0}, "n_components must be a whole number"),
        ({"n_components": 1.5}, "n_components must be a whole number"),
        ({"n_init": 0}, "n_init must be"),
        ({"max_iter": -1}, "max_iter must be"),
        ({"tol": -1.0}, "tol must be"),
        ({"tol": "small"}, "tol must be"),
        ({"covariance_floor": -1.0}, "covariance_floor must be"),
        ({"init_params": "magic"}, "init_params must be one of"),
        ({"n_components": 2, "weights_init": [0.5, 0.6]}, "must sum to 1"),
        ({"n_components": 2, "weights_init": [1.0]}, r"shape \(2,\)"),
        ({"n_components": 2, "means_init": [[0.0], [1.0]]}, r"shape \(2, 2\)"),
        ({"precisions_init": [[[np.nan, 0], [0, 1]]]}, "finite"),
        ({"precisions_init": [[[0.0, 0], [0, 0]]]}, "precisions_init"),
        ({"covariances_init": [[[0.0, 0], [0, 0]]]}, "covariances_init"),
        ({"covariances_init": [np.eye(2)], "precisions_init": [np.eye(2)]}, "not both"),
        ({"precisions_init": [[[-1.0, 0], [0, 1]]]}, "precisions_init"),
    ],
)
def test_bad_settings_are_refused_with_a_reason(settings, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixture(**settings).fit(GOOD)


def test_new_data_are_checked_too(faithful):
    model = GaussianMixture(2, random_state=0)
    with pytest.raises(NotFittedError):
        model.predict(faithful)
    model.fit(faithful)
    with pytest.raises(ValueError, match="2 features"):
        model.predict(faithful[:, :1])
    with pytest.raises(ValueError, match="infinity"):
        model.score_samples(spoiled(np.inf))


def test_masked_entries_are_refused(faithful):
    masked = np.ma.masked_greater(faithful, 90)
    with pytest.raises(ValueError, match="masked"):
        GaussianMixture(2).fit(masked)


def test_a_fit_that_fails_leaves_a_mixture_as_it_was():
    x = np.array([[0, 1], [0, 1], [1, 0], [1, 2], [1, 2]])
    model = CategoricalMixture(2, random_state=0).fit(x)
    before = model.score(x)
    with pytest.raises(ValueError, match="n_components=9"):
        model.set_params(n_components=9).fit(np.hstack([x, x]))
    assert model.score(x) == before
    assert model.n_features_in_ == 2


DAYS = pd.date_range("2020-01-01", periods=6).to_series()


@pytest.mark.parametrize(
    "x",
    [
        pd.DataFrame({"day": DAYS, "other": DAYS.shift(1)}),  # its NaT would be -9.2e18
        pd.DataFrame({"day": DAYS, "value": np.arange(6.0)}),
        DAYS.to_numpy()[:, None],
        np.arange(6)[:, None].astype("timedelta64[s]"),
        [[np.datetime64("2020-01-01")], [np.datetime64("2020-01-05")]],
    ],
    ids=["NaT", "mixed", "dates", "times", "list"],
)
@pytest.mark.parametrize("model", [GaussianMixture(), PoissonMixture(), GaussianImputer()])
def test_dates_are_not_read_as_the_ticks_of_a_clock(model, x):
    with pytest.raises(TypeError, match="must be numbers, not a date"):
        model.fit(x)


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_a_matrix_is_told_to_become_an_array(faithful):
    with pytest.raises(TypeError, match="matrix is not supported"):
        GaussianMixture(2).fit(np.matrix(faithful))


def test_names_of_two_kinds_and_missing_values_of_pandas_are_named(faithful):
    frame = pd.DataFrame(faithful, columns=["eruption", 0])
    with pytest.raises(TypeError, match="string names"):
        GaussianMixture(2).fit(frame)
    table = pd.DataFrame({"a": [1, 2, pd.NA], "b": [3, 4, 7]})
    for model in (GaussianImputer(), GaussianMixture(), GaussianHMM(), PoissonHMM()):
        with pytest.raises(TypeError, match=r"column of objects.*Float64"):
            model.fit(table)
    with pytest.raises(TypeError, match="column of objects"):
        GaussianMixture(2, random_state=0).fit(faithful).conditional(table["a"])


def test_nullable_columns_of_pandas_are_numbers_with_holes(faithful):
    x = faithful[:100].copy()
    x[:30, 1] = np.nan
    frame = pd.DataFrame(x, columns=["a", "b"]).astype({"a": "Float64", "b": "Int64"})
    assert np.asarray(frame).dtype == object
    chain = GaussianHMM(1, covariance_type="diag").fit(frame)
    np.testing.assert_allclose(chain.means_, [np.nanmean(x, axis=0)], rtol=1e-3)
    np.testing.assert_allclose(chain.covars_, [np.nanvar(x, axis=0)], rtol=1e-3)
    imputer = GaussianImputer().fit(frame)
    for fitted in (imputer.transform, chain.predict):
        with pytest.raises(ValueError, match="feature names should match"):
            fitted(frame[["b", "a"]])
    with pytest.raises(ValueError, match="infinity"):
        GaussianImputer().fit(frame.assign(a=frame["a"].mask(frame["a"] > 4, np.inf)))
    model = GaussianMixture(2, random_state=0).fit(frame[30:])
    with pytest.raises(ValueError, match=r"x must be of shape \(2,\), got shape \(1, 2\)"):
        model.conditional(frame.iloc[[0]])
    plain = model.conditional(pd.Series(x[0], ["a", "b"]))
    np.testing.assert_array_equal(model.conditional(frame.iloc[0]).means_, plain.means_)


def test_an_outlier_whose_square_overflows_is_named():
    x = np.random.default_rng(0).normal(size=(20, 2))
    x[7, 1] = 1e160
    with pytest.raises(ValueError, match=r"1e\+160 \(row 7, feature 1\).*Rescale"):
        GaussianMixture(1).fit(x)
