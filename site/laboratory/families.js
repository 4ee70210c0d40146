/**
 * What components are: coins, Gaussians on a line, Gaussians in the plane.
 *
 * Each family has `logDensities(problem, parameters)`, a function x -> log p(x | theta_k) for every
 * component, and `estimates(problem, responsibilities, sizes)`, weighted maximum likelihood.
 */

import { featuresOf } from './data.js';
import { DegenerateError } from './errors.js';

const LOG_2PI = Math.log(2 * Math.PI);
// As in emlib: a variance that is so small beside the mean square is lost in rounding.
const ROUNDING_OF_VARIANCE = 8 * Number.EPSILON;
const LARGEST_SHARE_LOST = 1e-6;
const SMALLEST_SHARE_LEFT = 64 * Number.EPSILON;

/** The sum over the data of r_nk f(x_n). */
const weightedSum = (data, responsibilities, k, f) =>
  data.reduce((sum, x, n) => sum + responsibilities[n][k] * f(x), 0);

/** a log b, which is zero where nothing has happened. */
const timesLog = (a, b) => (a === 0 ? 0 : a * Math.log(b));

export const coins = {
  names: ['heads'],

  logDensities: (problem, { heads }) =>
    heads.map((p) => (x) => timesLog(x.heads, p) + timesLog(x.tosses - x.heads, 1 - p)),

  estimates({ data }, r, sizes) {
    // Equations hand-expected and hand-mstep
    const heads = sizes.map((_, k) => weightedSum(data, r, k, (x) => x.heads));
    const tosses = sizes.map((_, k) => weightedSum(data, r, k, (x) => x.tosses));
    return { heads: heads.map((count, k) => count / tosses[k]) };
  },
};

export const line = {
  names: ['means', 'variances'],

  logDensities: (problem, { means, variances }) =>
    means.map((mean, k) => {
      checkPositive(variances[k] > 0, k);
      const constant = -0.5 * (LOG_2PI + Math.log(variances[k]));
      return (x) => constant - (0.5 * (x - mean) ** 2) / variances[k];
    }),

  estimates(problem, r, sizes) {
    const { data } = problem;
    // Equations mix-means and mix-variances
    const means = sizes.map((size, k) => weightedSum(data, r, k, (x) => x) / size);
    const variances = sizes.map(
      (size, k) => weightedSum(data, r, k, (x) => (x - means[k]) ** 2) / size,
    );
    variances.forEach((variance, k) => checkSpread(problem, k, 0, means[k], variance));
    return above(problem, { means, variances });
  },
};

export const plane = {
  names: ['means', 'covariances'],

  logDensities: (problem, { means, covariances }) =>
    means.map(([mx, my], k) => {
      const [[a, b], [, c]] = covariances[k];
      const left = c - (b * b) / a; // of the second variance, once the first coordinate is known
      checkPositive(a > 0 && left > SMALLEST_SHARE_LEFT * c, k);
      const constant = -LOG_2PI - 0.5 * (Math.log(a) + Math.log(left));
      return ([x, y]) => {
        const [u, v] = [x - mx, y - my];
        return constant - 0.5 * ((u * u) / a + (v - (b / a) * u) ** 2 / left);
      };
    }),

  estimates(problem, r, sizes) {
    const { data, form } = problem;
    const moment = (k, f) => weightedSum(data, r, k, f) / sizes[k];
    // Equation gmm-means
    const means = sizes.map((_, k) => [moment(k, ([x]) => x), moment(k, ([, y]) => y)]);
    // Equation gmm-covariances
    const scatter = means.map(([mx, my], k) => {
      const b = moment(k, ([x, y]) => (x - mx) * (y - my));
      return [
        [moment(k, ([x]) => (x - mx) ** 2), b],
        [b, moment(k, ([, y]) => (y - my) ** 2)],
      ];
    });
    const covariances = FORMS[form](scatter, sizes);
    covariances.forEach(([[a], [, c]], k) => {
      checkSpread(problem, k, 0, means[k][0], a);
      checkSpread(problem, k, 1, means[k][1], c);
    });
    return above(problem, { means, covariances });
  },
};

export const FAMILIES = { coins, line, plane };

/** From every component's own covariance to those of a form; Equation gmm-forms. */
export const FORMS = {
  full: (scatter) => scatter,
  tied(scatter, sizes) {
    const n = sizes.reduce((sum, size) => sum + size, 0);
    const pooled = (i, j) => scatter.reduce((sum, s, k) => sum + (sizes[k] / n) * s[i][j], 0);
    const shared = [
      [pooled(0, 0), pooled(0, 1)],
      [pooled(0, 1), pooled(1, 1)],
    ];
    return scatter.map(() => shared);
  },
  diag: (scatter) =>
    scatter.map(([[a], [, c]]) => [
      [a, 0],
      [0, c],
    ]),
  spherical: (scatter) =>
    scatter.map(([[a], [, c]]) => [
      [(a + c) / 2, 0],
      [0, (a + c) / 2],
    ]),
};

/** Eigenvalues of a covariance, the smaller first, and the angle of the larger one's axis. */
export function axes([[a, b], [, c]]) {
  const middle = (a + c) / 2;
  const half = Math.hypot((a - c) / 2, b);
  return { values: [middle - half, middle + half], angle: Math.atan2(2 * b, a - c) / 2 };
}

/** The covariance with every eigenvalue raised to at least the floor. */
export function clipped(covariance, floor) {
  const { values, angle } = axes(covariance);
  if (values[0] >= floor) return covariance;
  const [small, large] = values.map((value) => Math.max(value, floor));
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const b = (large - small) * sin * cos;
  return [
    [large * cos * cos + small * sin * sin, b],
    [b, large * sin * sin + small * cos * cos],
  ];
}

/** The parameters with no variance below the problem's floor, as every M-step leaves them. */
export function above({ model, floor = 0, fixed = [] }, parameters) {
  if (fixed.includes('variances') || fixed.includes('covariances')) return parameters;
  if (model === 'line') {
    return { ...parameters, variances: parameters.variances.map((v) => Math.max(v, floor)) };
  }
  if (model === 'plane') {
    return { ...parameters, covariances: parameters.covariances.map((c) => clipped(c, floor)) };
  }
  return parameters;
}

function checkPositive(isPositive, k) {
  if (isPositive) return;
  throw new DegenerateError(
    `component ${k + 1} has collapsed onto too few points: its covariance is not positive ` +
      'definite. Use fewer components, another start, or a floor that keeps variances from zero.',
  );
}

/** An error if a component's variance of a feature is zero, or lost in rounding beside its mean. */
function checkSpread(problem, k, feature, mean, variance) {
  const error = ROUNDING_OF_VARIANCE * (mean ** 2 + variance);
  if (error > LARGEST_SHARE_LOST * variance && error > (problem.floor ?? 0)) {
    throw new DegenerateError(
      `component ${k + 1} has collapsed: its variance of ${featuresOf(problem)[feature]} is zero, ` +
        'or so small that it is lost in rounding. Use fewer components, another start, or a floor ' +
        'that keeps variances from zero.',
    );
  }
}
