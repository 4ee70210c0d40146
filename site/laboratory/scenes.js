/**
 * Scenes: each is a start, and a sentence that says what to look for.
 *
 * A scene has `id`, `title` and `sentence`; `problem`, and `parameters` or `responsibilities`;
 * `steps`, what to press to see it ('E', 'M', 'hard', 'run', 'nudge'); and `group`, 'data' if it
 * shows a data set and 'lesson' if it shows how EM behaves.
 */

import { DATA } from './data.js';
import { mStep } from './em.js';
import { randomResponsibilities } from './starts.js';
import { startFrom, startState } from './states.js';

const halves = [0.5, 0.5];
const thirds = [1 / 3, 1 / 3, 1 / 3];
const diagonal = (a, c) => [
  [a, 0],
  [0, c],
];
const coins = { model: 'coins', data: DATA.coins.values, fixed: ['weights'] };
const line = (name, rest) => ({ model: 'line', data: DATA[name].values, floor: 0, ...rest });
const plane = (name, form, rest) => ({ ...line(name, rest), model: 'plane', form });

const twentyForty = line('twenty-forty');
const faithful = plane('faithful', 'full');
// A third component, small, among eruptions with a wait of about 83 minutes.
const small = {
  weights: [0.35, 0.63, 0.02],
  means: [
    [2.04, 54.5],
    [4.29, 80],
    [4.03, 82],
  ],
  covariances: [
    [
      [0.07, 0.43],
      [0.43, 34],
    ],
    [
      [0.17, 0.94],
      [0.94, 36],
    ],
    diagonal(0.01, 1),
  ],
};
const nine = [131, 140, 159, 176, 195, 197, 206, 253, 271];
const shortLongOrNine = faithful.data.map(([minutes], n) => {
  const component = nine.includes(n) ? 2 : Number(minutes >= 3.1);
  return [0, 1, 2].map((k) => Number(k === component));
});

export const SCENES = [
  {
    id: 'coins',
    group: 'data',
    title: 'Two coins',
    sentence:
      'Five sets of ten tosses, and nobody wrote down which coin was tossed. E shares every set out between the two coins, M gives each coin its share of the heads: they end at 0.80 and 0.52.',
    problem: coins,
    parameters: { weights: halves, heads: [0.6, 0.5] },
    steps: ['E', 'M', 'run'],
  },
  {
    id: 'faithful',
    group: 'data',
    title: 'Old Faithful',
    sentence:
      'From a bad guess, two ellipses find the short eruptions and the long ones. E recolours the points, M fits each ellipse to what it claims.',
    problem: faithful,
    parameters: {
      weights: halves,
      means: [
        [2, 90],
        [5, 50],
      ],
      covariances: [diagonal(1, 100), diagonal(1, 100)],
    },
    steps: ['E', 'M', 'run'],
  },
  {
    id: 'twenty-forty',
    group: 'data',
    title: 'Two humps',
    sentence:
      'Two bells that start far out, at 10 and 50, come in to the two humps, at 20 and at 40.',
    problem: twentyForty,
    parameters: { weights: halves, means: [10, 50], variances: [25, 25] },
    steps: ['E', 'M', 'run'],
  },
  {
    id: 'galaxies',
    group: 'data',
    title: 'Galaxies',
    sentence:
      'Three bells for the speeds of 82 galaxies: the two outer ones keep seven and three galaxies, and the middle one takes all the rest.',
    problem: line('galaxies'),
    parameters: { weights: thirds, means: [10, 20, 33], variances: [4, 4, 4] },
    steps: ['run'],
  },
  {
    id: 'outlier',
    group: 'data',
    title: 'An outlier',
    sentence:
      'One point lies far from the others. The second component, which started beside it, becomes wide and faint: it holds about three of the 41 points.',
    problem: plane('outlier', 'spherical'),
    parameters: {
      weights: halves,
      means: [
        [0, 0],
        [1.5, 1.5],
      ],
      covariances: [diagonal(1, 1), diagonal(2, 2)],
    },
    steps: ['run'],
  },
  {
    id: 'saddle',
    group: 'lesson',
    title: 'Equal starts',
    sentence:
      'Two equal coins stay equal. EM converges with both at 0.66, which is a saddle: nudge it, and the coins come apart while the log-likelihood rises.',
    problem: coins,
    parameters: { weights: halves, heads: [0.5, 0.5] },
    steps: ['run', 'nudge', 'run'],
  },
  {
    id: 'labels',
    group: 'lesson',
    title: 'Label switching',
    sentence:
      'The coins of “Two coins” with their starts exchanged: EM ends at the same log-likelihood, with the names of the coins exchanged. Both ends are right.',
    problem: coins,
    parameters: { weights: halves, heads: [0.5, 0.6] },
    steps: ['run'],
  },
  {
    id: 'hard',
    group: 'lesson',
    title: 'A hard step is no E-step',
    sentence:
      'The coins start at the maximum. A hard step, which gives each set wholly to one coin, opens a gap between the bound and the log-likelihood; the M-step after it moves the coins to 0.80 and 0.45, and the log-likelihood falls.',
    problem: coins,
    parameters: { weights: halves, heads: [0.7967890650045024, 0.5195831291198074] },
    steps: ['hard', 'M'],
  },
  {
    id: 'tolerance',
    group: 'lesson',
    title: 'A tolerance too loose',
    sentence:
      'From random responsibilities the first steps gain next to nothing, so a rule that looks only at the last step stops at once, with both means near 34. Let the rule look at the gain that remains, and EM goes on to 20 and 40.',
    problem: { ...twentyForty, rule: 'last step', tolerance: 0.5 },
    responsibilities: randomResponsibilities(twentyForty, 2, 1),
    steps: ['run'],
  },
  {
    id: 'slow',
    group: 'lesson',
    title: 'Slow convergence',
    sentence:
      'The two humps overlap, and each step gains about nine tenths of the one before it. When a step gains less than 0.01, ten times as much is still to come.',
    problem: line('two-nine'),
    parameters: { weights: halves, means: [-2, 3], variances: [9, 9] },
    steps: ['run'],
  },
  {
    id: 'surface',
    group: 'lesson',
    title: 'Two free means',
    sentence:
      'Only the two means may move, and the map shows the log-likelihood of every pair. It has two peaks of unequal height; a start on the wrong side of the diagonal climbs the lower one.',
    problem: { ...twentyForty, fixed: ['weights', 'variances'] },
    parameters: { weights: [0.3, 0.7], means: [50, 45], variances: [25, 25] },
    steps: ['run'],
  },
  {
    id: 'bad-maximum',
    group: 'lesson',
    title: 'A bad maximum',
    sentence:
      'Two components share the upper cloud, and the third has to span both lower ones. EM converges there, 37 nats below the best. Drag one of the two to a lower cloud and run again.',
    problem: plane('clouds', 'full'),
    parameters: {
      weights: thirds,
      means: [
        [2, 5],
        [4, 5],
        [3, 0],
      ],
      covariances: [diagonal(1, 1), diagonal(1, 1), diagonal(1, 1)],
    },
    steps: ['run'],
  },
  {
    id: 'collapse',
    group: 'lesson',
    title: 'Collapse, with the floor off',
    sentence:
      'The third ellipse flattens onto eruptions that were followed by a wait of exactly 83 minutes. The flatter it is, the higher the log-likelihood, until EM has to stop: degenerate.',
    problem: faithful,
    parameters: small,
    steps: ['run'],
  },
  {
    id: 'floor',
    group: 'lesson',
    title: 'Collapse, with the floor on',
    sentence:
      'The same start, but no ellipse may be narrower than a floor. The third one comes to rest on it, the log-likelihood stays finite, and the result is still called degenerate.',
    problem: { ...faithful, floor: 0.01 },
    parameters: small,
    steps: ['run'],
  },
  {
    id: 'spurious',
    group: 'lesson',
    title: 'A spurious maximum',
    sentence:
      'Nine eruptions happen to lie almost on a line. A thin ellipse around them is a maximum, 11 nats above the one that the usual starts find, and it describes nothing.',
    problem: faithful,
    parameters: mStep(faithful, shortLongOrNine),
    steps: ['run'],
  },
  {
    id: 'k-means',
    group: 'lesson',
    title: 'k-means is the limit',
    sentence:
      'The weights are equal and the circles stay narrow, so that E gives each point almost wholly to the nearest mean. Then a hard step changes nothing: this is k-means.',
    problem: plane('clouds', 'spherical', { fixed: ['weights', 'covariances'] }),
    parameters: {
      weights: thirds,
      means: [
        [2, 2],
        [3, 2],
        [2, 3],
      ],
      covariances: [diagonal(0.02, 0.02), diagonal(0.02, 0.02), diagonal(0.02, 0.02)],
    },
    steps: ['run', 'hard', 'M'],
  },
  {
    id: 'one-too-many',
    group: 'lesson',
    title: 'One component too many',
    sentence:
      'Two bells share the left hump. After a thousand iterations the third has gained 0.8 nats over two bells; BIC would ask for 9.3 for its three parameters.',
    problem: { ...twentyForty, maxIterations: 5000 },
    parameters: { weights: thirds, means: [18, 22, 40], variances: [25, 25, 25] },
    steps: ['run'],
  },
];

export const sceneOf = (id) => SCENES.find((scene) => scene.id === id);

/** The state in which a scene begins. */
export function begin({ problem, parameters, responsibilities }) {
  return parameters ? startState(problem, parameters) : startFrom(problem, responsibilities);
}
