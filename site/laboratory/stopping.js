/**
 * When EM stops, and why: emlib's rule, and its words.
 *
 * A problem may say `tolerance`, in nats for all the data; `rule`, 'remaining gain' or 'last step';
 * and `maxIterations`. By emlib's rule both the last step and Aitken's estimate of what is still to
 * gain are at most the tolerance; by the other, which many libraries have, the last step alone is.
 */

import { unitOfVariance } from './data.js';
import { axes } from './families.js';

export const RULES = ['remaining gain', 'last step'];
export const TOLERANCE = 1e-6;
export const MAX_ITERATIONS = 1000;
const ROUNDING = 2 * Number.EPSILON;
const NOISE = 1e-12;
const FALL = 1e-8;
const LEAST_SAID = 1e-10; // nats; less is not worth its digits
const FEWEST_POINTS = 1e-3;

/**
 * {reason, message, lastStep, remaining} after the log-likelihoods `visits` of all iterations.
 * The reason is null while there is none to stop; what is not known yet is Infinity.
 */
export function stopping(problem, parameters, visits) {
  const { tolerance = TOLERANCE, rule = 'remaining gain', maxIterations } = problem;
  const lastStep = visits.length > 1 ? visits.at(-1) - visits.at(-2) : Infinity;
  const { remaining, largest } = remainingGain(visits);
  const size = Math.max(1, Math.abs(visits.at(-1)));
  const ended = (reason, message) => ({ reason, message, lastStep, remaining });
  if (-lastStep > FALL * size) {
    return ended(
      'objective fell',
      `the log-likelihood fell by ${(-lastStep).toPrecision(3)}; exact E- and M-steps cannot do that`,
    );
  }
  if ((rule === 'last step' ? Math.abs(lastStep) : largest) <= tolerance) {
    const collapse = emptyOrCollapsed(problem, parameters);
    if (collapse) return ended('degenerate', collapse);
    return ended('converged', toCome(remaining));
  }
  if (visits.length > (maxIterations ?? MAX_ITERATIONS)) {
    return ended('iteration limit', 'stopped at the iteration limit, before convergence');
  }
  return ended(null, '');
}

function toCome(remaining) {
  if (remaining === 0) return 'estimated remaining gain zero';
  if (remaining === Infinity) {
    return 'the last step gained no more than the tolerance; what is still to be gained is not known';
  }
  const amount = remaining < LEAST_SAID ? `below ${LEAST_SAID}` : remaining.toExponential(1);
  return `estimated remaining gain ${amount} nats`;
}

/**
 * Aitken's estimate of what the log-likelihood will still gain, and the largest gain that
 * rounding allows; Equation mix-aitken.
 */
export function remainingGain(visits) {
  if (visits.length < 3) return { remaining: Infinity, largest: Infinity };
  const [before, step] = [visits.at(-2) - visits.at(-3), visits.at(-1) - visits.at(-2)];
  const size = Math.max(1, Math.abs(visits.at(-1)));
  if (step < -NOISE * size) return { remaining: Infinity, largest: Infinity };
  if (step <= ROUNDING * size) return { remaining: 0, largest: 0 };
  const remaining = geometricRest(step, before);
  const noisy = geometricRest(step + ROUNDING * size, before - ROUNDING * size);
  return { remaining, largest: Math.max(step, noisy) };
}

/** The sum of all steps to come, if each is to the one before it as `step` is to `before`. */
function geometricRest(step, before) {
  if (before <= 0 || step >= before) return Infinity;
  const rate = step / before;
  return (step * rate) / (1 - rate);
}

/** What to say about a component that is empty, or rests on the floor; null if none is. */
export function emptyOrCollapsed(problem, parameters) {
  const { model, data, floor = 0, fixed = [] } = problem;
  const empty = parameters.weights.findIndex((weight) => weight * data.length < FEWEST_POINTS);
  if (empty >= 0) return `component ${empty + 1} has lost all its points. Use fewer components.`;
  const isFixed = fixed.includes('variances') || fixed.includes('covariances');
  if (model === 'coins' || isFixed) return null;
  const least = model === 'line' ? parameters.variances : parameters.covariances.map(smallest);
  const narrow = least.findIndex((value) => value <= floor * (1 + 1e-6));
  if (narrow < 0) return null;
  return (
    `component ${narrow + 1} has collapsed onto too few or identical points: its least variance ` +
    `rests on the floor of ${[floor, unitOfVariance(problem)].join(' ').trim()} and its likelihood ` +
    'says nothing. Use fewer components, or other starts.'
  );
}

const smallest = (covariance) => axes(covariance).values[0];
