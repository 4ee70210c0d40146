/**
 * Scenes: each is a start, and a sentence that says what to look for.
 *
 * A scene has `id`, `title`, `sentence`, `problem`, and `parameters` or `responsibilities`; and
 * `steps`, what to do to see it, as functions' names of states.js: 'E', 'M', 'hard', 'run',
 * 'nudge'. `group` is 'data' for those that only show a data set, 'lesson' for the others.
 */

import { DATA } from './data.js';
import { randomResponsibilities } from './starts.js';
import { startFrom, startState } from './states.js';

const coins = { model: 'coins', data: DATA.coins.values, fixed: ['weights'] };
const halves = [0.5, 0.5];
const line = (name, rest) => ({ model: 'line', data: DATA[name].values, floor: 0, ...rest });
const plane = (name, form, rest) => ({
  model: 'plane',
  form,
  data: DATA[name].values,
  floor: 0,
  ...rest,
});
const twenty40 = line('twenty_forty');
const tenTimes = [
  [1, 0],
  [0, 100],
];

export const SCENES = [
  {
    id: 'coins',
    group: 'data',
    title: 'Two coins',
    sentence: 'Five sets of ten tosses; which of two coins was tossed is hidden.',
    problem: coins,
    parameters: { weights: halves, heads: [0.6, 0.5] },
    steps: ['E', 'M', 'run'],
  },
  {
    id: 'saddle',
    group: 'lesson',
    title: 'Equal starts',
    sentence:
      'Two equal coins stay equal: EM stops at 0.66 and calls it converged. It is a saddle: a nudge lets the coins come apart, and the log-likelihood rises.',
    problem: coins,
    parameters: { weights: halves, heads: [0.5, 0.5] },
    steps: ['run', 'nudge', 'run'],
  },
  {
    id: 'faithful',
    group: 'data',
    title: 'Old Faithful',
    sentence: 'From a bad guess, two ellipses find the two kinds of eruptions.',
    problem: plane('faithful', 'full'),
    parameters: {
      weights: halves,
      means: [
        [2, 90],
        [5, 50],
      ],
      covariances: [tenTimes, tenTimes],
    },
    steps: ['run'],
  },
  {
    id: 'twenty-forty',
    group: 'data',
    title: '20/40',
    sentence: 'Two humps, at 20 and at 40.',
    problem: twenty40,
    parameters: { weights: halves, means: [10, 50], variances: [25, 25] },
    steps: ['run'],
  },
  {
    id: 'tolerance',
    group: 'lesson',
    title: 'A tolerance too loose',
    sentence:
      'From random responsibilities the first steps gain next to nothing, so a rule that looks at the last step alone stops at once. Ask for the remaining gain instead, and EM goes on to 20 and 40.',
    problem: { ...twenty40, rule: 'last step', tolerance: 0.5 },
    responsibilities: randomResponsibilities(twenty40, 2, 1),
    steps: ['run'],
  },
];

export const sceneOf = (id) => SCENES.find((scene) => scene.id === id);

/** The state in which a scene begins. */
export function begin({ problem, parameters, responsibilities }) {
  return parameters ? startState(problem, parameters) : startFrom(problem, responsibilities);
}
