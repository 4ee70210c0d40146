/**
 * Scenes: each is a start, and a sentence that says what to look for. They are written in
 * emlib/book/laboratory.py, which draws them for print and notebooks.
 *
 * A scene has `id`, `title` and `sentence`; `problem` and `parameters`; `steps`, what to press to
 * see it ('E', 'M', 'hard', 'run', 'nudge'); and `group`, 'data' if it shows a data set and
 * 'lesson' if it shows how EM behaves.
 */

import { DATA } from './data.js';
import written from './scenes.json';
import { startState } from './states.js';

export const SCENES = Object.entries(written).map(([id, scene]) => {
  const { values } = DATA[scene.problem.data];
  return { id, ...scene, problem: { ...scene.problem, data: values } };
});

export const sceneOf = (id) => SCENES.find((scene) => scene.id === id);

/** The state in which a scene begins. */
export const begin = ({ problem, parameters }) => startState(problem, parameters);
