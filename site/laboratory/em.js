/**
 * EM itself: the two steps, and the bound that they lift. Pure functions.
 *
 * A problem is {model, form, data, floor, fixed}: the data, and what the components are.
 *   model   'coins' | 'line' | 'plane', the keys of FAMILIES
 *   form    of the covariances in the plane: 'full' | 'tied' | 'diag' | 'spherical'
 *   data    coins: {heads, tosses}[]; line: number[]; plane: [x, y][]
 *   floor   below which no variance, or eigenvalue of a covariance, may fall; 0 for none
 *   fixed   parameters that the M-step leaves alone: some of 'weights', 'variances', 'covariances'
 *
 * Parameters are {weights, heads} of coins, {weights, means, variances} in one dimension and
 * {weights, means, covariances} in the plane, a covariance [[a, b], [b, c]] for every component
 * whatever their form. Responsibilities are an array of N rows, each of K numbers.
 */

import { DegenerateError } from './errors.js';
import { FAMILIES } from './families.js';

/** log p(x_n, z_n = k): a row per point, a column per component. */
export function logJoint(problem, parameters) {
  const logDensities = FAMILIES[problem.model].logDensities(problem, parameters);
  const logWeights = parameters.weights.map(Math.log);
  // Equation mix-joint
  return problem.data.map((x) => logDensities.map((density, k) => logWeights[k] + density(x)));
}

/** The logarithm of a sum of exponentials, none of which may overflow. */
export function logSumExp(values) {
  const largest = Math.max(...values);
  if (largest === -Infinity) return -Infinity;
  return largest + Math.log(values.reduce((sum, value) => sum + Math.exp(value - largest), 0));
}

/** The E-step: {responsibilities, logLikelihood}, both at the parameters. */
export function eStep(problem, parameters) {
  let logLikelihood = 0;
  const responsibilities = logJoint(problem, parameters).map((joint, n) => {
    const logDensity = logSumExp(joint); // Equation mix-density
    if (!Number.isFinite(logDensity)) throw new DegenerateError(impossible(n));
    logLikelihood += logDensity; // Equation mix-loglik
    return joint.map((value) => Math.exp(value - logDensity)); // Equation mix-responsibilities
  });
  return { responsibilities, logLikelihood };
}

const impossible = (n) =>
  `no component gives point ${n + 1} any probability: choose other parameters, or move the point`;

/** The M-step: the parameters that are best if every point counts as its responsibilities say. */
export function mStep(problem, responsibilities, before = {}) {
  const sizes = columnSums(responsibilities);
  const empty = sizes.findIndex((size) => !(size > 0));
  if (empty >= 0) {
    const which = `component ${empty + 1} has lost all its points`;
    throw new DegenerateError(`${which}; use fewer components`);
  }
  const parameters = {
    weights: sizes.map((size) => size / responsibilities.length), // Equation mix-weights
    ...FAMILIES[problem.model].estimates(problem, responsibilities, sizes),
  };
  for (const name of problem.fixed ?? []) parameters[name] = before[name];
  return parameters;
}

/** N_k, the expected number of points of each component. */
export function columnSums(responsibilities) {
  return responsibilities[0].map((_, k) => responsibilities.reduce((sum, r) => sum + r[k], 0));
}

/**
 * {logLikelihood, bound, gap}: the first is the sum of the others. The E-step maximises the bound
 * with the responsibilities, the M-step with the parameters. The gap is the sum over the points of
 * KL(r_n || p(z_n | x_n)); as a difference, it would be lost in rounding.
 */
export function heights(problem, parameters, responsibilities) {
  const sums = { logLikelihood: 0, bound: 0, gap: 0 };
  logJoint(problem, parameters).forEach((joint, n) => {
    const logDensity = logSumExp(joint);
    if (!Number.isFinite(logDensity)) throw new DegenerateError(impossible(n));
    sums.logLikelihood += logDensity; // Equation mix-loglik
    responsibilities[n].forEach((r, k) => {
      if (r === 0) return;
      sums.bound += r * (joint[k] - Math.log(r)); // Equation mix-bound
      sums.gap += r * (Math.log(r) - joint[k] + logDensity); // Equation em-identity
    });
  });
  return sums;
}

/** All of each point for the component that claims most of it. As an E-step it is none. */
export function hard(responsibilities) {
  return responsibilities.map((r) => {
    const most = r.indexOf(Math.max(...r));
    return r.map((_, k) => (k === most ? 1 : 0));
  });
}
