"""The laboratory's numbers are emlib's, after every step and wherever it stops."""

import gzip
import json
import re
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import xlogy
from scipy.stats import norm

from emlib import em, mixture
from emlib.book.laboratory import DATA, SCENES
from emlib.covariances import FORMS
from emlib.datasets import load_faithful, load_galaxies
from emlib.families import Categorical
from tests.site.laboratory.helpers import assert_python_says, in_laboratory
from tools.laboratory import SOURCE
from tools.references import targets

HALF_STEPS = (1, 2, 10, 100)


def test_the_script_is_small_and_fetches_nothing(script):
    built = script.read_bytes()
    assert len(gzip.compress(built)) <= 60_000
    for word in (b"fetch(", b"XMLHttpRequest", b"WebSocket", b"import("):
        assert word not in built


def test_equations_that_its_code_names_are_in_the_book():
    code = "\n".join(path.read_text(encoding="utf8") for path in SOURCE.glob("*.js"))
    named = re.findall(r"Equations? (.+)", code)
    labels = {word for line in named for word in re.findall(r"[a-z]+(?:-[a-z]+)+", line)}
    assert len(labels) > 8
    assert labels <= targets().keys()


# What emlib calls a start, and the laboratory's problem: every model and form, some with weights
# or variances that stay, one with a floor, one with sets of unequal numbers of tosses.
def in_plane(form, **more):
    covariances = np.array(
        [[[1.0, 0.5], [0.5, 60]], [[0.5, -1.0], [-1.0, 40]], [[0.3, 0], [0, 90]]]
    )
    shapes = {
        "full": covariances,
        "tied": covariances[0],
        "diag": np.diagonal(covariances, axis1=1, axis2=2),
        "spherical": np.array([9.0, 16.0, 25.0]),
    }
    means = np.array([[2.0, 80.0], [4.0, 55.0], [3.5, 65.0]])
    params = mixture.MixtureParams(np.array([0.2, 0.3, 0.5]), means, shapes[form])
    family = FORMS[form](floor=more.get("floor", 0.0))
    return {"model": "plane", "form": form, **more}, load_faithful().values, params, family


def on_line(**more):
    means, variances = np.array([[12.0], [19], [25]]), np.array([9.0, 4, 16])[:, None, None]
    params = mixture.MixtureParams(np.array([0.2, 0.5, 0.3]), means, variances)
    family = FORMS["full"](floor=more.get("floor", 0.0))
    return {"model": "line", **more}, load_galaxies().values / 1000, params, family


def tosses(*pairs, **more):
    counts = np.array([(heads, n - heads) for heads, n in pairs], dtype=float)
    params = np.array([0.5, 0.5]), np.array([[0.6, 0.4], [0.5, 0.5]])
    return {"model": "coins", **more}, counts, params, Categorical((2,))


CASES = {
    "coins": tosses((5, 10), (9, 10), (8, 10), (4, 10), (7, 10), fixed=["weights"]),
    "coins with weights": tosses((5, 10), (9, 12), (8, 9), (4, 10), (7, 8), (0, 3)),
    "line": on_line(),
    "line, only means": on_line(fixed=["weights", "variances"]),
    "line with a floor": on_line(floor=1.5),
    **{form: in_plane(form) for form in FORMS},
    "full with a floor": in_plane("full", floor=0.08),
    "tied with a floor": in_plane("tied", floor=0.4),
    "spherical, only means": in_plane("spherical", fixed=["weights", "covariances"]),
}


def points(problem, x):
    """Data of emlib's as the laboratory has them."""
    if problem["model"] == "coins":
        return [{"heads": heads, "tosses": heads + tails} for heads, tails in x.tolist()]
    return x[:, 0].tolist() if problem["model"] == "line" else x.tolist()


def emlib_path(problem, x, params, family):
    """Parameters, responsibilities, log-likelihood and bound after every half-step of emlib's."""
    kept = [{"variances": "covariances"}.get(name, name) for name in problem.get("fixed", [])]
    names = ("weights", *family.parameters)
    # The laboratory has the probability of the tosses in their order, as the book.
    log_base = family.log_base(x.T).sum() if problem["model"] == "coins" else 0.0
    while True:
        r = mixture.responsibilities(params, x, family)
        for is_m_step in (False, True):
            if is_m_step:
                found = mixture.m_step(mixture.statistics(r, x, family), family)
                choice = zip(names, params, found, strict=True)
                params = tuple(old if name in kept else new for name, old, new in choice)
            joint = mixture.log_joint(params, x, family)
            log_likelihood = np.logaddexp.reduce(joint, axis=1).sum()
            bound = (r * joint).sum() - xlogy(r, r).sum()
            yield in_laboratory(problem, params), r, log_likelihood - log_base, bound - log_base


@pytest.fixture(scope="module")
def paths(evaluate):
    """The laboratory's states after some half-steps of every case."""
    starts = {
        name: {
            "problem": {**problem, "data": points(problem, x)},
            "parameters": {k: v.tolist() for k, v in in_laboratory(problem, params).items()},
        }
        for name, (problem, x, params, _) in CASES.items()
    }
    return evaluate(
        f"const starts = {json.dumps(starts)}, wanted = {list(HALF_STEPS)}, found = {{}};"
        """
        for (const [name, { problem, parameters }] of Object.entries(starts)) {
          let state = lab.startState(problem, parameters);
          found[name] = {};
          for (let i = 1; i <= Math.max(...wanted); i++) {
            state = i % 2 ? lab.stepE(state) : lab.stepM(state);
            const { parameters, responsibilities, logLikelihood, bound, gap } = state;
            if (wanted.includes(i))
              found[name][i] = { parameters, responsibilities, logLikelihood, bound, gap };
            if (i === 10) found[name].python = lab.python(state);
          }
        }
        return found;"""
    )


@pytest.mark.parametrize("name", CASES)
def test_numbers_are_those_of_emlib_after_every_half_step(paths, name):
    same = {"rtol": 1e-9, "atol": 1e-9}
    for i, (parameters, r, log_likelihood, bound) in enumerate(emlib_path(*CASES[name]), start=1):
        if i in HALF_STEPS:
            found = paths[name][str(i)]
            assert found["parameters"].keys() == parameters.keys()
            for part, values in parameters.items():
                assert_allclose(found["parameters"][part], values, **same)
            assert_allclose(found["responsibilities"], r, **same)
            assert_allclose(found["logLikelihood"], log_likelihood, **same)
            assert_allclose(found["bound"], bound, **same)
            assert_allclose(found["bound"] + found["gap"], log_likelihood, **same)
            assert found["gap"] > 0 if i == 2 else found["gap"] >= -1e-12
            assert i % 2 == 0 or found["gap"] < 1e-9  # after an E-step the bound touches
        if i == max(HALF_STEPS):
            break


@pytest.mark.parametrize("name", CASES)
def test_its_python_says_the_same_of_a_readers_own_data_in_every_form(paths, name):
    code = paths[name]["python"]
    assert max(map(len, code.splitlines()[:-12])) < 90  # but for parameters, on a line each
    assert_python_says(code, CASES[name][0], paths[name]["10"])


def test_a_step_without_result_says_what_is_wrong_and_what_to_do(evaluate):
    said = evaluate(
        """const sets = [{ heads: 3, tosses: 3 }, { heads: 1, tosses: 2 }], even = [0.5, 0.5];
        const coins = { model: "coins", data: sets }, sure = { weights: even, heads: [0, 1] };
        const line = { model: "line", data: [0, 1e5, 1e5, 1e5 + 1] };
        const flat = [[1, 1], [1, 1 + 4 * Number.EPSILON]];
        const ellipse = { weights: [1], means: [[0, 0]], covariances: [flat] };
        const plane = { model: "plane", form: "diag", data: [[1, 5], [2, 5], [3, 5]] };
        const first = [[1, 0], [0, 1], [0, 1], [0, 1]], all = first.map(() => [1]);
        const never = [
          () => lab.eStep(coins, sure),
          () => lab.heights(coins, sure, [even, even]),
          () => lab.mStep(coins, [[1, 0], [1, 0]]),
          () => lab.eStep(line, { weights: [1], means: [0], variances: [0] }),
          () => lab.mStep(line, first),
          () => lab.eStep(plane, ellipse),
          () => lab.mStep(plane, all.slice(1)),
          () => lab.mStep({ ...plane, data: [[5, 1], [5, 2], [5, 3]] }, all.slice(1)),
        ];
        const said = never.map((step) => {
          try { step(); } catch (error) { return error.message; }
        });
        const half = lab.eStep(coins, { weights: even, heads: [1, 0.5] }).responsibilities;
        return [half, ...said];"""
    )
    half, *said = said
    # Of three heads in a row, the coin that always falls so has 1 / (1 + 1/8).
    assert_allclose(half, [[8 / 9, 1 / 9], [0, 1]])
    words = [
        "no component gives point 2 any probability",
        "no component gives point 2 any probability",
        "component 2 has lost all its points",
        "component 1 has collapsed onto too few points",
        "component 2 has collapsed: its variance of x is zero",
        "component 1 has collapsed onto too few points",
        "component 1 has collapsed: its variance of y is zero",
        "component 1 has collapsed: its variance of x is zero",
    ]
    for part, sentence in zip(words, said, strict=True):
        assert sentence is not None, part
        assert sentence.startswith(part)


@pytest.mark.parametrize("name", ["faithful", "galaxies", "outlier", "slow", "bad-maximum"])
def test_a_run_stops_where_the_loop_of_emlib_does(scenes, name):
    scene, (*_, end) = SCENES[name], scenes[name]["states"]
    e_step = partial(mixture.e_step, family=scene.family)
    m_step = partial(mixture.m_step, family=scene.family)
    result = em(e_step, m_step, scene.params, scene.x, confirm=False)
    assert end["stop"]["reason"] == result.stop.value == "converged"
    assert end["iteration"] == result.n_iter
    assert end["stop"]["remaining"] == pytest.approx(result.remaining_gain, rel=1e-3)


def test_bayes_rule_is_written_with_its_numbers(evaluate):
    found = evaluate(
        """const { problem, parameters } = lab.sceneOf('twenty-forty');
        return lab.explain(problem, parameters, 7);"""
    )
    x = DATA["twenty-forty"].x[7, 0]
    densities = norm.pdf(x, [10, 50], 5)
    for k, part in enumerate(found["components"]):
        assert part["weight"] == 0.5
        assert part["density"] == pytest.approx(densities[k], rel=1e-12)
        assert part["joint"] == pytest.approx(0.5 * densities[k], rel=1e-12)
        share = densities[k] / densities.sum()
        assert part["responsibility"] == pytest.approx(share, rel=1e-12)
    assert found["density"] == pytest.approx(0.5 * densities.sum(), rel=1e-12)


def test_the_unit_of_a_variance_is_that_of_the_data(evaluate):
    units = evaluate(
        """return Object.fromEntries(Object.entries(lab.DATA).map(([name, { values: data }]) =>
          [name, lab.unitOfVariance({ data })]));"""
    )
    assert {name: unit for name, unit in units.items() if unit} == {
        "faithful": "min²",
        "galaxies": "(1000 km/s)²",
    }


def test_a_floor_set_on_the_way_lifts_what_is_below_it_and_nothing_falls(evaluate):
    visits, least = evaluate(
        """let state = lab.begin(lab.sceneOf('collapse'));
        while (!state.stop.reason) state = lab.stepM(lab.stepE(state));
        state = lab.startIn({ ...state.problem, floor: 0.1 }, state);
        const { covariances } = state.parameters;
        while (!state.stop.reason) state = lab.stepM(lab.stepE(state));
        return [state.visits, covariances];"""
    )
    assert np.linalg.eigvalsh(least).min() == pytest.approx(0.1)
    assert len(visits) > 2
    assert np.diff(visits).min() > -1e-9


def test_an_m_step_twice_is_one_iteration_and_what_is_fixed_has_no_floor(evaluate):
    once, twice, held = evaluate(
        """const { problem, parameters } = lab.sceneOf('galaxies');
        const once = lab.stepM(lab.stepE(lab.startState(problem, parameters)));
        const fixed = lab.startIn({ ...problem, floor: 1e3, fixed: ["variances"] }, once);
        const seen = ({ iteration, visits, parameters }) => [iteration, visits, parameters];
        return [...[once, lab.stepM(once)].map(seen), fixed.parameters];"""
    )
    assert once == twice
    assert held == once[2]
