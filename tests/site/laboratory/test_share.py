"""Addresses bring back a state of the laboratory, or say what is wrong with them."""

import json

from emlib.book.laboratory import SCENES


def test_an_address_brings_back_the_problem_and_the_parameters(evaluate):
    """To the last digit, with the book's data by name and with a reader's own."""
    states = evaluate(
        """const own = { coins: [{ heads: 1, tosses: 3 }, { heads: 2, tosses: 2 }],
                      line: [1e-9, 0.1 + 0.2, -1e22], plane: [[1, 2], [0.1 + 0.2, -3]] };
        const starts = lab.SCENES.flatMap((scene) => {
          const { problem, parameters } = lab.begin(scene);
          return [problem, { ...problem, data: own[problem.model] }].map((p) => [p, parameters]);
        });
        return starts.map(([problem, parameters]) => {
          const hash = lab.toHash({ problem, parameters });
          return { hash, before: { problem, parameters }, after: lab.fromHash("#" + hash) };
        });"""
    )
    assert len(states) == 2 * len(SCENES)
    for state in states:
        before, after = state["before"], state["after"]
        assert after["parameters"] == before["parameters"]
        # What is usual is left out.
        usual = {"floor": 0, "fixed": []}
        before["problem"] = {k: v for k, v in before["problem"].items() if usual.get(k) != v}
        assert after["problem"] == before["problem"]
        assert len(state["hash"]) < 600
        assert " " not in state["hash"]


def test_an_address_names_the_scene_alone_or_before_a_state(evaluate):
    alone, before_a_state, without = evaluate(
        """const scene = lab.sceneOf("saddle");
        const state = lab.stepE(lab.begin(scene));
        return [lab.fromHash("#scene=saddle"), lab.fromHash("#" + lab.toHash(state, scene)),
                lab.fromHash("#" + lab.toHash(state))];"""
    )
    assert list(alone) == ["scene"]
    assert alone["scene"] == before_a_state["scene"]
    assert alone["scene"]["id"] == "saddle"
    assert "scene" not in without
    assert {**without, "scene": alone["scene"]} == before_a_state


COINS = "model=coins&data=5,10;9,10&weights=0.5,0.5&heads=0.6,0.5"
LINE = "model=line&data=1;2;4&weights=0.5,0.5&means=1,3&variances=1,1"
PLANE = "model=plane&data=1,2;2,3;4,1&weights=1&means=0,1&covariances=1,0,1"
PAIR = PLANE.replace("weights=1&means=0,1", "weights=0.5,0.5&means=0,1;1,1")
DAMAGED = {
    "": "model must be",
    "scene=nope": 'no scene "nope"',
    f"scene=nope&{COINS}": 'no scene "nope"',
    "scene=saddle&model=none": "model must be",
    "model=__proto__": "model must be",
    COINS.replace("9,10", "11,10"): "up to the tosses",
    COINS.replace("9,10", "-1,10"): "up to the tosses",
    COINS.replace("9,10", "2.5,10"): "up to the tosses",
    COINS.replace("9,10", "0,0"): "up to the tosses",
    COINS.replace("0.6", "1.6"): "from 0 to 1",
    COINS.replace("0.6", "-0.6"): "from 0 to 1",
    LINE.replace("line", "coins"): '"means" means nothing here',
    LINE.replace("0.5,0.5", "0.5,0.6"): "sum to one",
    LINE.replace("0.5,0.5", "0.5,0.501"): "sum to one",
    LINE.replace("0.5,0.5", "1.5,-0.5"): "sum to one",
    LINE.replace("0.5,0.5", ",".join(["0.125"] * 9)): "9 components, and at most 8",
    LINE.replace("1,3", "1,3,5"): "2 weights and 3 means",
    LINE.replace("1,3", "1,x"): 'means must be numbers, and one is "1,x"',
    LINE.replace("1,1", "1,0"): "above zero",
    LINE.replace("1;2;4", "1;;4"): "data must be numbers",
    LINE.replace("1;2;4", "1,2;4"): "must have 1 numbers",
    LINE.replace("1;2;4", "4"): "2 to 2000 points",
    LINE.replace("1;2;4", "toString"): "data must be numbers",
    LINE.replace("1;2;4", "faithful"): "do not suit the model line",
    LINE.replace("1;2;4", ";".join(["1"] * 2001)): "2 to 2000 points",
    LINE + "&floor=-1": "not below zero",
    LINE + "&floor=1,2": "floor must be a number",
    LINE + "&rule=never": "rule must be one of",
    LINE + "&fixed=means": "means cannot be fixed",
    LINE + "&then=what": '"then" means nothing here',
    PLANE + "&form=oval": "form must be one of",
    PLANE + "&form=toString": "form must be one of",
    PLANE.replace("1,0,1", "1,2,1"): "positive definite",
    PLANE.replace("1,0,1", "1,0.5,1") + "&form=diag": "not of the form diag",
    PLANE.replace("1,0,1", "-1,0,-1"): "positive definite",
    PLANE.replace("1,0,1", "1,0,2") + "&form=spherical": "not of the form spherical",
    PLANE.replace("1,0,1", "1,1"): "three numbers",
    PLANE.replace("means=0,1", "means=0"): "a mean must have two numbers",
    PAIR + ";2,0,1&form=tied": "tied covariances must be equal",
}


def test_a_damaged_address_says_what_is_wrong(evaluate):
    said = evaluate(
        f"""return {json.dumps(list(DAMAGED))}.map((hash) => {{
          try {{ lab.fromHash("#" + hash); }} catch (error) {{ return error.message; }}
        }});"""
    )
    assert all(evaluate(f"return {json.dumps([COINS, LINE, PLANE])}.map((h) => lab.fromHash(h));"))
    for words, sentence in zip(DAMAGED.values(), said, strict=True):
        assert words in sentence
        assert sentence.startswith("This address is damaged")
