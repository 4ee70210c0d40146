"""What the two steps may be given, return and do, also with their data in chunks."""

import re
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from emlib import ObjectiveFellWarning, em
from emlib.families import Sums
from emlib.trees import add
from tests.published import HEADS, LINKAGE, coins_e_step, coins_m_step, linkage_e_step

START, BUFFER = np.array([0.6, 0.5]), np.empty(2)


@pytest.mark.parametrize("workers", [None, 2])
def test_chunks_give_the_same_fit_as_all_data_at_once(workers):
    chunks = np.split(HEADS, [2, 3])
    whole = em(coins_e_step, coins_m_step, np.array([0.6, 0.5]), HEADS)
    if workers is None:
        parts = em(coins_e_step, coins_m_step, np.array([0.6, 0.5]), chunks, map=map)
    else:
        with ThreadPoolExecutor(workers) as pool:
            parts = em(coins_e_step, coins_m_step, np.array([0.6, 0.5]), chunks, map=pool.map)
    assert parts.n_iter == whole.n_iter
    np.testing.assert_allclose(parts.params, whole.params, rtol=1e-12)


def test_futures_are_waited_for():
    with ThreadPoolExecutor(2) as pool:

        def submit_all(function, chunks):
            return [pool.submit(function, chunk) for chunk in chunks]

        parts = em(
            coins_e_step, coins_m_step, np.array([0.6, 0.5]), np.split(HEADS, 5), map=submit_all
        )
    np.testing.assert_allclose(parts.params, [0.79678907, 0.51958312], atol=1e-3)


@dataclass(frozen=True)
class Counts:
    heads: np.ndarray
    tails: np.ndarray


@pytest.mark.parametrize("form", [tuple, list, lambda pair: Counts(*pair), lambda p: np.array(p)])
def test_statistics_may_have_any_form(form):
    def e_step(theta, heads):
        pair, log_likelihood = coins_e_step(theta, heads)
        return form(pair), log_likelihood

    def m_step(s):
        heads, tails = (s.heads, s.tails) if isinstance(s, Counts) else s
        return heads / (heads + tails)

    result = em(e_step, m_step, np.array([0.6, 0.5]), np.split(HEADS, 5), map=map)
    np.testing.assert_allclose(result.params, [0.79678907, 0.51958312], atol=1e-3)


@pytest.mark.parametrize("chunks", [[], (HEADS for _ in range(2))])
def test_chunks_must_be_there_at_every_iteration(chunks):
    with pytest.raises(ValueError, match="list of chunks"):
        em(coins_e_step, coins_m_step, np.array([0.6, 0.5]), chunks, map=map)


@pytest.mark.parametrize("returned", [3.0, (1.0, np.ones(2)), (-5.0, None)])
def test_an_e_step_that_returns_something_else_is_told_so(returned):
    with pytest.raises(TypeError, match="e_step must return"):
        em(lambda p, d: returned, lambda s: s, 0.0, None)


@pytest.mark.parametrize(
    "other", [(1.0,), (1.0, 2.0, 3.0), {"n": 1.0, "m": 2.0}, Counts(1.0, 2.0), 3.0]
)
@pytest.mark.parametrize(
    "tree", [(1.0, 2.0), [1.0, 2.0], {"n": 1.0, "sum": 2.0}, Sums(*np.ones((3, 1, 1)))]
)
def test_statistics_of_different_shapes_do_not_add(tree, other):
    with pytest.raises(ValueError, match="must have the same parts, got"):
        add(tree, other)
    chunks = [tree, other]
    with pytest.raises(ValueError, match="same parts"):
        em(lambda _, chunk: (chunk, -1.0), lambda s: 0.5, 0.5, chunks, map=map)


@pytest.mark.parametrize(
    ("tree", "twice"),
    [([1.0, [2.0]], [2.0, [4.0]]), ((1.0, [2.0]), (2.0, [4.0])), ({"n": [1.0]}, {"n": [2.0]})],
)
def test_a_sum_has_the_form_of_what_is_added(tree, twice):
    assert add(tree, tree) == twice


@pytest.mark.parametrize(
    "grown",
    [
        {"theta": np.array([0.6, 0.5]), "more": 1.0},
        {"other": np.array([0.6, 0.5])},
        {"theta": np.array([0.6, 0.5, 0.4])},
        [np.array([0.6, 0.5])],
    ],
)
def test_leaps_name_parameters_that_are_not_those_of_the_start(grown):
    visits = count(1)

    def e_step(_, heads):
        return coins_e_step(START, heads)[0], -1 / next(visits)

    with pytest.raises(ValueError, match=r"same parts, got|must have the 2 numbers of the start"):
        em(e_step, lambda _: grown, {"theta": START}, HEADS, accelerate=True)


@pytest.mark.parametrize("accelerate", [False, True])
def test_whole_numbers_among_parameters_and_statistics_stay_whole(accelerate):
    # Only what `range` and `np.zeros` take as sizes; the estimates are those of the plain coins.
    def e_step(params, heads):
        found, log_likelihood = coins_e_step(params["theta"], heads)
        return {"k": len(range(params["k"])), "found": found}, log_likelihood

    def m_step(statistics):
        heads, tails = statistics["found"]
        empty = np.zeros(statistics["k"])
        return {"k": statistics["k"], "theta": empty + heads / (heads + tails)}

    start = {"k": 2, "theta": np.array([0.6, 0.5])}
    result = em(e_step, m_step, start, HEADS, tol=1e-10, accelerate=accelerate)
    assert result.confirmed
    assert all(type(params["k"]) is int for params in result.trace.params)
    assert bool(result.trace.leapt_at) is accelerate
    np.testing.assert_allclose(result.params["theta"], [0.7968, 0.5196], atol=1e-4)


@dataclass(frozen=True)
class Probabilities:
    theta: np.ndarray

    def __post_init__(self):
        if not ((self.theta > 0) & (self.theta < 1)).all():
            raise ValueError("theta must be between 0 and 1")


@dataclass
class Tosses:
    heads: np.ndarray
    tails: np.ndarray
    total: np.ndarray = field(init=False)

    def __post_init__(self):
        self.total = self.heads + self.tails


@pytest.mark.parametrize("accelerate", [False, True])
def test_dataclasses_may_check_their_fields_and_make_some_themselves(accelerate):
    def e_step(params, heads):
        pair, log_likelihood = coins_e_step(params.theta, heads)
        return Tosses(*pair), log_likelihood

    def m_step(tosses):
        return Probabilities(tosses.heads / tosses.total)

    chunks, start = np.split(HEADS, 5), Probabilities(np.array([0.6, 0.5]))
    result = em(e_step, m_step, start, chunks, map=map, accelerate=accelerate)
    assert result.confirmed
    np.testing.assert_allclose(result.params.theta, [0.7968, 0.5196], atol=1e-4)


@pytest.mark.parametrize("make", [Counter, lambda found: defaultdict(float, found)])
@pytest.mark.parametrize("data", [{"data": HEADS}, {"data": np.split(HEADS, 5), "map": map}])
def test_a_dictionary_that_has_defaults_keeps_them_and_reading_one_is_no_change(make, data):
    def e_step(theta, heads):
        ((a, b), tails), log_likelihood = coins_e_step(theta["theta"], heads)
        counts = {("heads", "a"): a, ("heads", "b"): b, "tails": tails}
        return make(counts), log_likelihood + theta["of no word"]

    def m_step(counts):
        heads = np.array([counts["heads", coin] for coin in "ab"]) + counts["of no word"]
        return defaultdict(float, {"theta": heads / (heads + counts["tails"])})

    start = defaultdict(float, {"theta": np.array([0.6, 0.5])})
    result = em(e_step, m_step, start, **data)
    assert result.confirmed
    np.testing.assert_allclose(result.params["theta"], [0.7968, 0.5196], atol=1e-4)


def test_a_table_with_names_in_it_is_named_where_it_was_changed_and_only_there():
    def named(theta):
        return pd.DataFrame({"coin": ["a", "b"], "theta": theta})

    def e_step(table, heads):
        return coins_e_step(table["theta"].to_numpy(), heads)

    def m_step(counts):
        return named(coins_m_step(counts))

    def e_step_into_its_argument(table, heads):
        found = e_step(table, heads)
        table["theta"] = coins_m_step(found[0])
        return found

    result = em(e_step, m_step, named([0.6, 0.5]), HEADS)
    np.testing.assert_allclose(result.params["theta"], [0.7968, 0.5196], atol=1e-4)
    with pytest.raises(ValueError, match="e_step writes"):
        em(e_step_into_its_argument, m_step, named([0.6, 0.5]), HEADS)


def test_a_whole_number_that_is_only_a_start_may_become_any():
    # The linkage example (Dempster, Laird and Rubin 1977), in the logit of p.
    def e_step(logit, y):
        return linkage_e_step(expit(logit), y)

    result = em(e_step, lambda c: np.log(c[0] / c[1]), 0, LINKAGE, tol=1e-12, accelerate=True)
    assert expit(result.params) == pytest.approx(0.6268214980, abs=1e-6)


def into_its_argument(counts):
    counts[0][:] = coins_m_step(counts)
    return counts[0]


def into_the_start(counts):
    START[:] = coins_m_step(counts)
    return START


def into_one_buffer(counts):
    BUFFER[:] = coins_m_step(counts)
    return BUFFER


def e_step_into_its_argument(theta, heads):
    found = coins_e_step(theta, heads)
    theta[:] = coins_m_step(found[0])
    return found


def e_step_into_its_data(theta, heads):
    heads *= 0.9
    return coins_e_step(theta, heads)


def test_a_list_of_parameters_that_grows_is_named():
    start = [0.6, 0.5]

    def m_step(counts):
        start.append(coins_m_step(counts)[0])
        return start

    def e_step(theta, heads):
        return coins_e_step(np.array(theta[:2]), heads)

    with pytest.raises(ValueError, match="m_step writes"):
        em(e_step, m_step, start, HEADS)


@pytest.mark.parametrize(
    ("e_step", "m_step", "name"),
    [
        (coins_e_step, into_its_argument, "m_step writes"),
        (coins_e_step, into_the_start, "m_step writes"),
        (coins_e_step, into_one_buffer, "m_step writes"),
        (e_step_into_its_argument, coins_m_step, "e_step writes"),
        (e_step_into_its_data, coins_m_step, "e_step writes"),
    ],
)
@pytest.mark.parametrize("accelerate", [False, True])
def test_steps_that_write_into_what_they_were_given_are_named(e_step, m_step, name, accelerate):
    START[:] = 0.6, 0.5
    with pytest.raises(ValueError, match=name):
        em(e_step, m_step, START, HEADS.copy(), accelerate=accelerate)


def test_parameters_may_be_parts_of_the_statistics():
    def e_step(theta, heads):
        counts, log_likelihood = coins_e_step(theta, heads)
        return coins_m_step(counts), log_likelihood

    result = em(e_step, lambda statistics: statistics, np.array([0.6, 0.5]), HEADS)
    np.testing.assert_allclose(result.params, [0.7968, 0.5196], atol=1e-4)  # Do and Batzoglou


def test_a_map_that_loses_chunks_or_takes_rows_for_them_is_refused():
    chunks = [HEADS[:2], HEADS[2:]]
    with pytest.raises(ValueError, match="map returned 1 results for 2 chunks"):
        em(coins_e_step, coins_m_step, START, chunks, map=lambda f, c: [f(c[0])])
    with pytest.raises(ValueError, match="array_split"):
        em(coins_e_step, coins_m_step, START, HEADS, map=map)
    with pytest.raises(TypeError) as caught:
        em(coins_e_step, coins_m_step, START, [HEADS, "none"], map=map)
    assert caught.value.__notes__ == ["This happened in the E-step of chunk 1 of 2."]


def test_with_map_an_e_step_that_writes_into_parameters_is_named():
    def e_step(theta, heads):
        found = coins_e_step(theta, heads)
        theta *= 0.9
        return found

    with pytest.raises(ValueError, match=r"e_step.* writes into an array"):
        em(e_step, coins_m_step, np.array([0.6, 0.5]), np.split(HEADS, 5), map=map)


@pytest.mark.parametrize(
    ("objective", "says"),
    [
        (lambda exact: 5.0, "exactly 5"),
        (lambda exact: 0, "exactly 0"),
        (lambda exact: int(exact), "a whole number"),
        (lambda exact: float(round(exact)), "a whole number"),
    ],
)
@pytest.mark.parametrize("confirm", [True, False])
def test_an_objective_that_cannot_be_a_log_likelihood_is_named(objective, says, confirm):
    def e_step(theta, heads):
        sums, exact = coins_e_step(theta, heads)
        return sums, objective(exact)

    result = em(e_step, coins_m_step, np.array([0.6, 0.5]), HEADS, confirm=confirm)
    assert re.search(f"the objective was {says} at all .* visits", result.message)
    assert result.confirmed is None
    assert "visits" not in em(coins_e_step, coins_m_step, np.array([0.6, 0.5]), HEADS).message


@pytest.mark.parametrize("n_more", [0.0, 30.0])
def test_a_prior_of_which_only_one_side_knows_is_named_as_what_may_be_wrong(n_more):
    # Beta(31, 31), 30 heads and 30 tails more, in only one of the two.
    def log_prior(theta):
        return float(30 * np.log(theta * (1 - theta)).sum())

    def m_step(sums):
        return coins_m_step((sums[0] + n_more, sums[1] + n_more))

    given = None if n_more else log_prior
    with pytest.warns(ObjectiveFellWarning, match="one of m_step and log_prior has a prior"):
        em(coins_e_step, m_step, np.array([0.6, 0.5]), HEADS, log_prior=given)


def test_q_in_place_of_the_log_likelihood_is_named_as_what_may_be_wrong():
    # Q(theta | theta) is not the log-likelihood: it lacks the entropy of z, which falls.
    def e_step(theta, heads):
        sums, _ = coins_e_step(theta, heads)
        joint = np.log(0.5) + np.log(theta) * sums[0] + np.log(1 - theta) * sums[1]
        return sums, -float(joint.sum())

    with pytest.warns(
        ObjectiveFellWarning, match="or e_step returns something other than .*, such as Q"
    ):
        em(e_step, coins_m_step, np.array([0.6, 0.5]), HEADS)
