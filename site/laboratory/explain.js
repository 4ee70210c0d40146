/** What a reader asks of a state: one point's responsibilities as Bayes' rule, and the surface. */

import { eStep, logJoint, logSumExp } from './em.js';

/**
 * Bayes' rule for point n, with its numbers: {components: [{weight, density, joint,
 * responsibility}], density}, where joint = weight * density and the density is their sum.
 */
export function explain(problem, parameters, n) {
  const one = { ...problem, data: [problem.data[n]] };
  const joint = logJoint(one, parameters)[0];
  const density = logSumExp(joint);
  const components = joint.map((value, k) => ({
    weight: parameters.weights[k],
    density: Math.exp(value) / parameters.weights[k],
    joint: Math.exp(value),
    responsibility: Math.exp(value - density),
  }));
  return { components, density: Math.exp(density) };
}

/**
 * The log-likelihood over two free locations: a row for every y, a column for every x. They are
 * the means of the first two components on the line, or the shares of heads of two coins.
 */
export function logLikelihoodSurface(problem, parameters, xs, ys) {
  const name = problem.model === 'coins' ? 'heads' : 'means';
  const rest = parameters[name].slice(2);
  return ys.map((y) =>
    xs.map((x) => {
      try {
        return eStep(problem, { ...parameters, [name]: [x, y, ...rest] }).logLikelihood;
      } catch {
        return -Infinity;
      }
    }),
  );
}
