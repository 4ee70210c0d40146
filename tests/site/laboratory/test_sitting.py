"""What a reader's hand changes, without the hand: parameters, points, pasted tables, moments."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

BEGIN = """const begin = (scene) =>
  lab.mountLaboratory(document.createElement("div"), { scene, compact: true });
"""


def test_a_number_in_the_table_changes_what_it_says_and_nothing_else(evaluate):
    tied, full, round_, weights = evaluate(
        BEGIN
        + """const set = (form, ...fields) => {
          const sitting = begin("outlier");
          sitting.setForm(form);
          for (const field of fields) sitting.setField(...field);
          return sitting.state.parameters;
        };
        const three = begin("one-too-many");
        three.setField(0, "weight", 0.5);
        three.setField(2, "weight", 5e-4);
        const sds = [[0, "sd x", 3], [0, "sd y", 2], [0, "correlation", 0.5], [0, "sd x", 6]];
        return [set("tied", ...sds).covariances, set("full", ...sds, [1, "mean y", 7]),
          set("spherical", [1, "sd y", 4]).covariances, three.state.parameters.weights];"""
    )
    changed = [[36, 6], [6, 4]]
    assert_allclose(tied, [changed, changed])
    assert_allclose(full["covariances"][0], changed)
    assert not np.allclose(full["covariances"][1], changed)
    assert full["means"][1][1] == 7
    assert_allclose(round_[1], [[16, 0], [0, 16]])
    assert not np.allclose(round_[0], round_[1])
    # What is left is shared as before, and nobody is left with nothing.
    assert_allclose(weights, [0.999 * 2 / 3, 0.999 / 3, 0.001], rtol=1e-3)


def test_another_form_keeps_what_it_can_of_the_covariances(evaluate):
    found = evaluate(
        BEGIN
        + """const parameters = { weights: [0.5, 0.5], means: [[0, 0], [1, 1]],
          covariances: [[[4, 1], [1, 2]], [[3, 0], [0, 3]]] };
        const problem = { model: "plane", form: "full", data: [[0, 1], [1, 0], [2, 5]] };
        return ["full", "tied", "diag", "spherical"].map((form) => {
          const sitting = begin("outlier");
          sitting.restart(problem, parameters, "");
          sitting.setForm(form);
          return sitting.state.parameters.covariances;
        });"""
    )
    first, second = [[4, 1], [1, 2]], [[3, 0], [0, 3]]
    wanted = [[first, second], [first, first], [[[4, 0], [0, 2]], second], [second, second]]
    assert_allclose(found, wanted)


TABLES = [
    ("coins", "5 10\n9, 10;\n\n3\t7", [[5, 10], [9, 10], [3, 7]]),
    ("coins", "0 1\r\n1 1", [[0, 1], [1, 1]]),
    ("coins", "5 10\n0 0", "Line 2: 0 0 are not counts"),
    ("coins", "5 10\n-1 3", "Line 2: -1 3 are not counts"),
    ("coins", "11 10\n1 2", "Line 1: 11 10 are not counts"),
    ("coins", "1.5 2\n1 2", "Line 1: 1.5 2 are not counts"),
    ("twenty-forty", "1\n\n2 3\n4", "Line 3 has 2 numbers, not 1"),
    ("twenty-forty", "1\n2,5\nx", "Line 2 has 2 numbers, not 1"),
    ("twenty-forty", "7", "at least two lines"),
    ("twenty-forty", "1\n" * 2001, "There are 2001 points; 2000 are the most"),
    ("twenty-forty", "1\nInfinity", "“Infinity” is not a number"),
    ("faithful", "0 0\n1 0\n0 1\n9 9\n8 9\n9 8", [[0, 0], [1, 0], [0, 1], [9, 9], [8, 9], [9, 8]]),
    ("faithful", "1 2\n3", "Line 2 has 1 numbers, not 2"),
]


def test_a_pasted_table_becomes_points_or_its_wrong_line_is_named(evaluate):
    asked = [[scene, text] for scene, text, _ in TABLES]
    found = evaluate(
        f"""{BEGIN} return {asked}.map(([scene, text]) => {{
          const sitting = begin(scene);
          try {{ sitting.paste(text); }} catch (error) {{ return error.message; }}
          return sitting.state.problem.data.map((x) => (x.tosses ? [x.heads, x.tosses] : x));
        }});"""
    )
    for (_, text, wanted), data in zip(TABLES, found, strict=True):
        assert wanted in data if isinstance(wanted, str) else wanted == data, text


def test_points_come_and_go_with_their_responsibilities(evaluate):
    found = evaluate(
        BEGIN
        + """const sitting = begin("coins"), seen = [];
        const note = () => {
          const { responsibilities, problem } = sitting.state;
          seen.push([problem.data.map((x) => x.heads), responsibilities, sitting.said,
            sitting.moments.length, sitting.selected]);
        };
        sitting.step("E");
        note();
        sitting.deletePoint(1);
        note();
        sitting.addPoint({ heads: 2, tosses: 8 });
        note();
        sitting.setPoint(0, { heads: 6, tosses: 10 });
        sitting.setPoint(0, { heads: 7, tosses: 10 });
        note();
        for (let i = 0; i < 3; i++) sitting.deletePoint(3 - i);
        sitting.deletePoint(0);
        note();
        return seen;"""
    )
    start, deleted, added, moved, left = found
    assert deleted[0] == [5, 8, 4, 7]
    assert deleted[1] == [start[1][i] for i in (0, 2, 3, 4)]
    assert deleted[2].startswith("Set 2 at 9 heads in 10 deleted")
    assert added[0] == [5, 8, 4, 7, 2]
    assert added[1] == [*deleted[1], [0.5, 0.5]]
    assert added[2].startswith("Set 5 placed at 2 heads in 8")
    assert added[4] == 4
    assert moved[0] == [7, 8, 4, 7, 2]
    assert moved[3] == added[3] + 1  # a key that is held down is one change
    assert left[0] == [7, 2]
    assert left[2] == "At least two points are needed."


def test_what_happened_is_said_with_its_numbers(evaluate):
    said = evaluate(
        BEGIN
        + """const sitting = begin("coins"), said = [];
        for (const name of ["E", "E", "M", "hard", "M"]) {
          sitting.step(name);
          said.push(sitting.said);
        }
        sitting.setField(1, "heads", 0.25);
        return [...said, sitting.said, sitting.moments.map(({ state }) =>
          [state.logLikelihood, state.bound])];"""
    )
    *said, heights = said
    lifts = np.diff(heights, axis=0)
    e_step, again, m_step, hard, fall, moved = said
    # The coins have 0.6 and 0.5: the first claims 9, 8 and 7 of 10, as it did, being the first.
    assert e_step.startswith(f"E-step 1: the bound rises by {lifts[0][1]:.4f} and touches")
    assert e_step.endswith(" 2 of 5 sets change hands.")
    assert again.startswith("E-step 1: the bound stays and touches")
    assert "gap 0. No set changes hands." in again
    assert m_step.startswith(f"M-step 1: the bound rises by {lifts[2][1]:.4f}, and the log-like")
    assert f"the log-likelihood rises by {lifts[2][0]:.4f}. Log-likelihood −" in m_step
    assert hard.startswith(
        "Hard step 2: every set belongs wholly to one coin. This is not an E-step"
    )
    assert "The step before it was a hard step, not an E-step." in fall
    assert moved.startswith("Coin B: heads 0.25. The log-likelihood falls by ")
    assert f"falls by {-lifts[5][0]:.4f}." in moved


def test_ends_are_those_of_these_data_each_once_the_highest_first(evaluate):
    ends, other = evaluate(
        BEGIN
        + """const run = async (sitting) => {
          sitting.run({ isInstant: true });
          while (sitting.isRunning) await new Promise((resolve) => setTimeout(resolve, 20));
        };
        const sitting = begin("saddle");
        await run(sitting);
        sitting.nudge();
        await run(sitting);
        sitting.load(lab.sceneOf("coins"));
        await run(sitting);
        const ends = sitting.ends.map(({ logLikelihood, kind }) => [logLikelihood, kind]);
        sitting.load(lab.sceneOf("twenty-forty")); // with as many components
        return [ends, sitting.ends];"""
    )
    assert [kind for _, kind in ends] == ["maximum", "saddle"]
    assert [height for height, _ in ends] == pytest.approx([-31.570, -32.052], abs=1e-3)
    assert other == []
