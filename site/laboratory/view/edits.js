/** Changes by hand, as pure functions: of parameters, of points, of a pasted table. */

import { featuresOf } from '../data.js';
import { axes } from '../families.js';

const replaced = (list, k, value) => list.map((old, i) => (i === k ? value : old));
const between = (low, value, high) => Math.min(Math.max(value, low), high);
const SMALLEST_WEIGHT = 0.001;

/** Component k with another weight; the others keep their proportions. */
export function withWeight(parameters, k, value) {
  const { weights } = parameters;
  if (weights.length === 1) return parameters;
  const weight = between(SMALLEST_WEIGHT, value, 1 - SMALLEST_WEIGHT * (weights.length - 1));
  const others = 1 - weights[k];
  return {
    ...parameters,
    weights: weights.map((old, i) =>
      i === k ? weight : (1 - weight) * (others > 0 ? old / others : 1 / (weights.length - 1)),
    ),
  };
}

/** The border between the weights of components k and k + 1 at a share of the whole. */
export function withBorder(parameters, k, place) {
  const { weights } = parameters;
  const before = weights.slice(0, k).reduce((sum, weight) => sum + weight, 0);
  const both = weights[k] + weights[k + 1];
  const first = between(SMALLEST_WEIGHT, place - before, both - SMALLEST_WEIGHT);
  return {
    ...parameters,
    weights: weights.map((weight, i) => (i === k ? first : i === k + 1 ? both - first : weight)),
  };
}

/** Component k with its mean, or its share of heads, elsewhere. */
export function withLocation({ model }, parameters, k, place) {
  if (model === 'coins') {
    return { ...parameters, heads: replaced(parameters.heads, k, between(0.001, place, 0.999)) };
  }
  return { ...parameters, means: replaced(parameters.means, k, place) };
}

/** Component k on the line with another standard deviation. */
export const withSd = (parameters, k, sd) => ({
  ...parameters,
  variances: replaced(parameters.variances, k, sd ** 2),
});

/** Component k in the plane with another covariance; tied ones change together. */
export function withCovariance({ form }, parameters, k, covariance) {
  const { covariances } = parameters;
  return {
    ...parameters,
    covariances:
      form === 'tied' ? covariances.map(() => covariance) : replaced(covariances, k, covariance),
  };
}

/** From standard deviations and correlation to a covariance. */
export function covarianceOf(sdX, sdY, correlation) {
  const b = sdX * sdY * correlation;
  return [
    [sdX ** 2, b],
    [b, sdY ** 2],
  ];
}

const sdX = ([[a]]) => Math.sqrt(a);
const sdY = ([, [, c]]) => Math.sqrt(c);
const correlation = (s) => s[0][1] / (sdX(s) * sdY(s));

const weight = {
  title: 'weight',
  holds: 'weights',
  get: ({ weights }, k) => weights[k],
  set: (problem, parameters, k, value) => withWeight(parameters, k, value),
  isValid: (value) => value > 0 && value < 1,
  needs: 'between 0 and 1',
};
const anything = { isValid: Number.isFinite, needs: 'a number' };
const positive = { isValid: (value) => value > 0, needs: 'above 0' };

/** Column by column, what a component of a model is: how to read a number of it and how to set it. */
export const FIELDS = {
  coins: [
    weight,
    {
      title: 'heads',
      get: ({ heads }, k) => heads[k],
      set: withLocation,
      isValid: (value) => value > 0 && value < 1,
      needs: 'between 0 and 1',
    },
  ],
  line: [
    weight,
    { title: 'mean', get: ({ means }, k) => means[k], set: withLocation, ...anything },
    {
      title: 'sd',
      holds: 'variances',
      get: ({ variances }, k) => Math.sqrt(variances[k]),
      set: (problem, parameters, k, value) => withSd(parameters, k, value),
      ...positive,
    },
  ],
  plane: [
    weight,
    ...[0, 1].map((j) => ({
      title: `mean ${'xy'[j]}`,
      get: ({ means }, k) => means[k][j],
      set: (problem, parameters, k, value) =>
        withLocation(problem, parameters, k, replaced(parameters.means[k], j, value)),
      ...anything,
    })),
    ...[sdX, sdY].map((sd, j) => ({
      title: `sd ${'xy'[j]}`,
      holds: 'covariances',
      get: ({ covariances }, k) => sd(covariances[k]),
      set(problem, parameters, k, value) {
        const old = parameters.covariances[k];
        const sds =
          problem.form === 'spherical' ? [value, value] : replaced([sdX(old), sdY(old)], j, value);
        return withCovariance(problem, parameters, k, covarianceOf(...sds, correlation(old)));
      },
      ...positive,
    })),
    {
      title: 'correlation',
      holds: 'covariances',
      forms: ['full', 'tied'],
      get: ({ covariances }, k) => correlation(covariances[k]),
      set(problem, parameters, k, value) {
        const old = parameters.covariances[k];
        return withCovariance(problem, parameters, k, covarianceOf(sdX(old), sdY(old), value));
      },
      isValid: (value) => value > -1 && value < 1,
      needs: 'between −1 and 1',
    },
  ],
};

/** The fields that a reader may change under a problem's form. */
export const fieldsOf = ({ model, form }) =>
  FIELDS[model].filter(({ forms }) => !forms || forms.includes(form));

/** A covariance changed to what another form allows. */
export function inForm(covariance, form) {
  const [[a], [, c]] = covariance;
  if (form === 'full' || form === 'tied') return covariance;
  return form === 'diag'
    ? covarianceOf(Math.sqrt(a), Math.sqrt(c), 0)
    : covarianceOf(Math.sqrt((a + c) / 2), Math.sqrt((a + c) / 2), 0);
}

/**
 * The covariance whose ellipse, drawn with `perX` and `perY` pixels to a unit, has the end of axis
 * `which` (0 the shorter, 1 the longer) at (u, v) pixels from its mean, at `distance` standard
 * deviations. The other axis keeps its length on the screen.
 */
export function stretched(covariance, form, which, [u, v], [perX, perY], distance) {
  const [a, c] = [u, v].map((length) => Math.max(Math.abs(length), 2) / distance);
  if (form === 'spherical') {
    const sd = which ? a / perX : c / perY;
    return covarianceOf(sd, sd, 0);
  }
  if (form === 'diag') {
    return which
      ? covarianceOf(a / perX, sdY(covariance), 0)
      : covarianceOf(sdX(covariance), c / perY, 0);
  }
  const onScreen = toScreen(covariance, [perX, perY]);
  const other = axes(onScreen).values[1 - which];
  const length = Math.max(Math.hypot(u, v), 2) / distance;
  const [cos, sin] = [u, v].map((part) => part / Math.max(Math.hypot(u, v), 1e-9));
  const own = length ** 2;
  const b = (own - other) * cos * sin;
  return toScreen(
    [
      [own * cos ** 2 + other * sin ** 2, b],
      [b, own * sin ** 2 + other * cos ** 2],
    ],
    [1 / perX, 1 / perY],
  );
}

/** A covariance in other units; on the screen y points downwards, so that its sign is the caller's. */
export const toScreen = ([[a, b], [, c]], [perX, perY]) => [
  [a * perX ** 2, b * perX * perY],
  [b * perX * perY, c * perY ** 2],
];

/** The problem with point n elsewhere. */
export const withPoint = (problem, n, x) => changed(problem, replaced(problem.data, n, x));

/** The problem without point n. */
export const withoutPoint = (problem, n) =>
  changed(
    problem,
    problem.data.filter((_, i) => i !== n),
  );

/** The problem with one point more. */
export const withNewPoint = (problem, x) => changed(problem, [...problem.data, x]);

/** The problem with other points of the same features. */
const changed = (problem, data) => ({ ...problem, data, axes: featuresOf(problem) });

const COLUMNS = {
  coins: { count: 2, example: '5 10', what: 'heads and tosses' },
  line: { count: 1, example: '1.5', what: 'one number' },
  plane: { count: 2, example: '1.5 2.0', what: 'two numbers' },
};
const MOST_POINTS = 2000;

/** Pasted text as data of a model; an Error says which line is wrong, and what to write instead. */
export function parseTable(text, model) {
  const { count, example, what } = COLUMNS[model];
  const rows = [];
  text.split(/\r?\n/).forEach((line, i) => {
    const cells = line.split(/[\s,;]+/).filter(Boolean);
    if (!cells.length) return;
    const values = cells.map(Number);
    const wrong = values.findIndex((value) => !Number.isFinite(value));
    const advice = `Write ${what} per line, such as ${example}.`;
    if (wrong >= 0) throw new Error(`Line ${i + 1}: “${cells[wrong]}” is not a number. ${advice}`);
    if (cells.length !== count) {
      throw new Error(`Line ${i + 1} has ${cells.length} numbers, not ${count}. ${advice}`);
    }
    if (
      model === 'coins' &&
      !(values.every(Number.isInteger) && values[0] >= 0 && values[1] >= values[0] && values[1] > 0)
    ) {
      throw new Error(
        `Line ${i + 1}: ${line.trim()} are not counts of heads among tosses. ${advice}`,
      );
    }
    rows.push(values);
  });
  if (rows.length < 2)
    throw new Error(`There must be at least two lines. Write ${what} per line, such as ${example}.`);
  if (rows.length > MOST_POINTS)
    throw new Error(
      `There are ${rows.length} points; ${MOST_POINTS} are the most that the laboratory takes.`,
    );
  if (model === 'coins') return rows.map(([heads, tosses]) => ({ heads, tosses }));
  return model === 'line' ? rows.map(([x]) => x) : rows;
}

/** Data as text, a line a point, as `parseTable` reads it. */
export function asTable({ model, data }) {
  const asLine = {
    coins: ({ heads, tosses }) => `${heads} ${tosses}`,
    line: String,
    plane: (x) => x.join(' '),
  };
  return data.map(asLine[model]).join('\n');
}
