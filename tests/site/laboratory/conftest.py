"""The laboratory's script in a real browser, and what its scenes do there."""

import pytest

from tools import look
from tools.laboratory import bundle


@pytest.fixture(scope="session")
def script(tmp_path_factory):
    path = tmp_path_factory.mktemp("laboratory") / "laboratory.js"
    bundle(path)
    return path


@pytest.fixture(scope="session")
def evaluate(script):
    """A function that runs JavaScript beside the built script, in a browser without network."""
    page = script.with_name("page.html")
    text = '<!DOCTYPE html><meta charset="utf-8"><script src="laboratory.js"></script>'
    page.write_text(text, encoding="utf8")
    return lambda code: look.evaluate(page, f"const lab = emLaboratory; {code}")


# Does what a scene says, and notes what is to be seen after each of its steps.
PLAY = """
const press = { E: lab.stepE, M: lab.stepM, hard: lab.stepHard, run: lab.run, nudge: lab.nudge };
const play = (scene) => {
  const states = [lab.begin(scene)];
  for (const step of scene.steps) states.push(press[step](states.at(-1)));
  return states;
};
const seen = ({ parameters, logLikelihood, gap, iteration, stop, visits }) =>
  ({ parameters, logLikelihood, gap, iteration, stop, visits });
"""


@pytest.fixture(scope="session")
def scenes(evaluate):
    """Every scene: what it says, its states, and the same in Python at its start and end."""
    found = evaluate(
        PLAY
        + """return lab.SCENES.map((scene) => {
          const states = play(scene), { id, title, sentence, problem } = scene;
          const python = [states[0], states.at(-1)].map(lab.python);
          const { model, form } = problem, said = { id, title, sentence };
          return { ...said, problem: { model, form }, states: states.map(seen), python };
        });"""
    )
    return {scene["id"]: scene for scene in found}


@pytest.fixture
def ends(scenes):
    """A function that gives a scene's states after each of its steps."""
    return lambda name: scenes[name]["states"][1:]
