"""What HMMs say of data, settings and models by hand that they cannot take."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from emlib import CategoricalHMM, DegenerateError, GaussianHMM, GaussianMixture, PoissonHMM, Prior
from tests.hmm.helpers import made


@pytest.mark.parametrize(
    ("model", "parts", "message"),
    [
        (PoissonHMM(2), {"lambdas_": []}, "lambdas_ must be finite and of shape"),
        (PoissonHMM(2), {"lambdas_": np.ones((3, 1))}, r"startprob must .* of shape \(3,\)"),
        (GaussianHMM(2, covariance_type="round"), {"means_": [[0.0], [1.0]]}, "got 'round'"),
        (GaussianMixture(2, covariance_type="round"), {"means_": [[0.0], [1.0]]}, "got 'round'"),
        (GaussianMixture(2), {"means_": [0.0, 1.0]}, "means_ must be finite and of shape"),
    ],
)
def test_what_is_wrong_with_a_model_made_by_hand_is_said(model, parts, message):
    made_by_hand = {"startprob_": [0.5, 0.5], "transmat_": np.full((2, 2), 0.5)}
    made_by_hand |= {"weights_": [0.5, 0.5], "covars_": np.ones(2), "covariances_": np.ones(2)}
    for name, value in (made_by_hand | parts).items():
        setattr(model, name, value)
    with pytest.raises(ValueError, match=message):
        model.sample(3)


def test_a_symbol_without_probability_is_named():
    table = [[0.5, 0.5, 0.0], [0.2, 0.8, 0.0]]
    model = CategoricalHMM(2, emissionprob_init=table)
    with pytest.raises(
        DegenerateError, match=r"point 2 \(2\) has density zero.*without probability"
    ):
        model.fit(np.array([0, 1, 2, 0])[:, None])
    fitted = CategoricalHMM(1, n_features=4).fit(np.array([0, 1, 1, 0])[:, None])
    with pytest.raises(
        DegenerateError, match=r"observation 1 \(3\) has density zero.*without probability"
    ):
        fitted.predict([[0], [3]])
    assert fitted.score([[0], [3]]) == -np.inf  # so that the highest score can win
    with pytest.raises(ValueError, match="below 4, got 4"):
        fitted.predict([[4]])


@pytest.mark.parametrize(
    ("model", "x", "lengths", "message"),
    [
        (GaussianHMM(2), [1.0, 2.0], None, r"np\.reshape\(x, \(-1, 1\)\)"),
        (GaussianHMM(2), [[np.nan], [np.nan]], None, "every row of data is NaN"),
        (GaussianHMM(2), [[[1.0], [2.0]], [[3.0]]], None, "give their lengths="),
        (GaussianHMM(2), [[[1.0], [2.0]], [[3.0], [5.0]]], None, "give their lengths="),
        (GaussianHMM(2), [[1.0], [1.0]], None, "constant"),
        (GaussianHMM(9), [[1.0], [2.0]], None, "n_components=9 is more than the 2 observations"),
        (GaussianHMM(1), [[1.0], [2.0]], [1, 2], "lengths sum to 3, but there are 2 rows"),
        (GaussianHMM(1), [[1.0], [2.0]], [2, 0], "whole numbers above zero"),
        (GaussianHMM(0), [[1.0], [2.0]], None, "n_components must be"),
        (GaussianHMM(1, "round"), [[1.0], [2.0]], None, "covariance_type must be one of"),
        (GaussianHMM(1, tol=-1), [[1.0], [2.0]], None, "tol must be"),
        (GaussianHMM(1, covars_init=[[[-1.0]]]), [[1.0], [2.0]], None, "positive definite"),
        (GaussianHMM(2, transmat_init=np.ones((2, 2))), [[1.0], [2.0]], None, "sum to 1"),
        (GaussianHMM(2, startprob_init=[1.0]), [[1.0], [2.0]], None, r"shape \(2,\)"),
        (
            GaussianHMM(1, stationary=True, startprob_init=[1.0]),
            [[1.0], [2.0]],
            None,
            "leave startprob_init out",
        ),
        (PoissonHMM(1), [[1.5], [2.0]], None, "counts must be whole numbers"),
        (CategoricalHMM(1), [[0.5], [1.0]], None, "symbols must be whole numbers"),
        (CategoricalHMM(1, n_features=2), [[0], [2]], None, "below 2, got 2"),
    ],
)
def test_data_and_settings_that_make_no_sense_are_refused_in_words(model, x, lengths, message):
    with pytest.raises(ValueError, match=message):
        model.fit(x, lengths)


def test_other_features_than_fitted_are_an_error():
    model = GaussianHMM(1).fit([[1.0], [2.0], [4.0]])
    with pytest.raises(ValueError, match="X has 2 features, but GaussianHMM is expecting 1"):
        model.score([[1.0, 2.0]])


@pytest.mark.parametrize(
    ("symbols", "message"),
    [
        (np.zeros((3, 4), dtype=int), "give their lengths="),  # a panel, one sequence a row
        (np.array([[0, 1, 0, 1]]), "must be one column"),
        (np.eye(3, dtype=int), "take argmax"),
        (np.zeros((2, 2, 1)), "must be one column"),
        ([[0], [1, 0]], "Stack sequences"),
        ([["a"], ["b"]], "OrdinalEncoder does, and leaves NaN"),
        ([[None], [np.nan]], "every row of data is NaN"),
        ([[0], [np.inf]], "whole numbers from 0 up"),
        ([[0], [-1]], "whole numbers from 0 up.*got -1 .row 1..*NaN where none was seen"),
        ([[0.5], [1]], "whole numbers from 0 up"),
        ([], "empty"),
        (np.ma.masked_array([[0], [1]], mask=[[True], [False]]), "masked"),
    ],
)
def test_what_is_not_one_column_of_symbols_is_refused(symbols, message):
    with pytest.raises(ValueError, match=message):
        CategoricalHMM(1).fit(symbols)
    fitted = CategoricalHMM(1).fit([[0], [1], [1]])
    if "every row" in message:  # of which a fit can make nothing, but a fitted model something
        assert fitted.predict(symbols).tolist() == [0, 0]
        return
    with pytest.raises(ValueError, match=message):
        fitted.predict(symbols)


@pytest.mark.parametrize("n_features", [0, -2, 2.5, "two", True])
def test_a_number_of_symbols_that_is_none_is_refused(n_features):
    with pytest.raises(ValueError, match="n_features"):
        CategoricalHMM(1, n_features=n_features).fit([[0], [1]])


def test_many_symbols_need_no_table_of_them_all():
    symbols = np.random.default_rng(0).integers(0, 50_000, size=2000)[:, None]
    tracemalloc.start()
    model = CategoricalHMM(2, n_features=50_000, max_iter=2, random_state=0)
    with pytest.warns(ConvergenceWarning):
        model.fit(symbols)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6  # one-hot rows would be 20 GB
    assert model.sample(1000, random_state=0)[0].max() < 50_000


def test_columns_of_a_data_frame_keep_their_names():
    x, _ = made(5)
    frame = pd.DataFrame(x, columns=["first", "second"])
    model = GaussianHMM(2, random_state=0).fit(frame)
    assert list(model.feature_names_in_) == ["first", "second"]
    assert model.n_features_in_ == 2
    with pytest.raises(ValueError, match="feature names"):
        model.score(frame[["second", "first"]])


def test_a_fit_that_fails_leaves_the_last_one_as_it_was():
    x, _ = made(6)
    model = GaussianHMM(2, random_state=0).fit(x)
    before = model.score(x)
    with pytest.raises(ValueError, match="n_components=500"):
        model.set_params(covariance_type="diag", n_components=500).fit(x)
    assert model.score(x) == before


@pytest.mark.parametrize("value", [1.0, 0.5])
def test_a_constant_feature_is_named_whether_or_not_it_is_a_whole_number(value):
    with pytest.raises(ValueError, match="feature 0 is constant"):
        GaussianHMM(1).fit(np.full((100, 1), value))


def test_what_was_never_observed_says_nothing_and_is_no_error():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 2)) + np.repeat([0, 4], 25)[:, None]
    model = GaussianHMM(2, random_state=0).fit(x)
    new = np.array([[np.nan, 0.1], [np.nan, 3.9]])
    joint = model.startprob_[:, None] * model.transmat_
    for t, seen in enumerate(new[:, 1]):
        density = norm.pdf(seen, model.means_[:, 1], np.sqrt(model.covars_[:, 1, 1]))
        joint = joint * (density[:, None] if t == 0 else density)
    assert model.score(new) == pytest.approx(np.log(joint.sum()))
    np.testing.assert_allclose(model.predict_proba(new)[1], joint.sum(axis=0) / joint.sum())
    nothing = np.full((3, 2), np.nan)
    assert model.score(nothing) == pytest.approx(0, abs=1e-12)
    expected = model.startprob_ @ np.linalg.matrix_power(model.transmat_, 3)
    np.testing.assert_allclose(model.forecast_proba(nothing), [expected])
    with pytest.raises(ValueError, match="every row of data is NaN"):
        GaussianHMM(2).fit(nothing)
    with pytest.raises(ValueError, match="feature 0 was never observed"):
        GaussianHMM(2).fit(new)


def test_settings_and_models_by_hand_that_are_incomplete_are_named():
    x = np.random.default_rng(0).normal(size=(30, 1))
    with pytest.raises(ValueError, match=r"hold must be some of \['transmat', 'means', 'covars'\]"):
        GaussianHMM(2, stationary=True, hold="startprob").fit(x)
    with pytest.raises(ValueError, match="states have no weights: give startprob_prior"):
        GaussianHMM(2, prior=Prior(weight_concentration=5)).fit(x)
    model = GaussianHMM(1)
    model.startprob_, model.transmat_, model.means_ = np.ones(1), np.ones((1, 1)), np.zeros((1, 1))
    with pytest.raises(NotFittedError, match="lacks covars_: set all of"):
        model.score(x)


def test_pandas_own_missing_values_are_what_was_not_observed():
    x = np.random.default_rng(0).normal(size=(60, 2))
    x[5], x[9, 1] = np.nan, np.nan
    frame = pd.DataFrame(x, columns=["a", "b"]).astype("Float64")
    assert frame.isna().sum().sum() == 3
    expected = GaussianHMM(2, random_state=0).fit(x)
    model = GaussianHMM(2, random_state=0).fit(frame)
    np.testing.assert_array_equal(model.means_, expected.means_)
    with pytest.raises(TypeError, match=r"pd\.NA in a column of objects: make it numbers first"):
        model.fit(frame.astype(object))
