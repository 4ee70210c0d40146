/**
 * Whether EM has converged to a maximum: what EM itself does with a tiny nudge.
 *
 * Near a place where EM stands still, one iteration multiplies a small change of the
 * responsibilities by a matrix, whose eigenvalues are EM's rates (Dempster, Laird and Rubin 1977,
 * section 4). The log-likelihood curves upwards in some direction exactly if the largest is above one;
 * see the corollary cor-conv-saddle in the book.
 */

import { eStep, mStep } from './em.js';
import { DegenerateError } from './errors.js';
import { randomResponsibilities } from './starts.js';

const SIZE = 1e-4; // of the nudge, as the length of a vector of all responsibilities
const ITERATIONS = 100;
const COUNTED = 40; // of the last iterations, when the fastest direction has taken over
const FLAT = 1e-3;

/** The factor by which EM multiplies a tiny nudge in each iteration, after many. */
export function growth(problem, parameters) {
  const iterate = (r) => eStep(problem, mStep(problem, r, parameters)).responsibilities;
  const { responsibilities } = eStep(problem, parameters);
  const still = iterate(responsibilities);
  const k = parameters.weights.length;
  const random = randomResponsibilities(problem, k, 1);
  let direction = toLengthOne(random.map((row) => row.map((value) => value - 1 / k)));
  let logGrowth = 0;
  for (let i = 0; i < ITERATIONS && direction; i++) {
    const change = plus(iterate(plus(responsibilities, SIZE, direction)), -1, still);
    if (ITERATIONS - i <= COUNTED) logGrowth += Math.log(lengthOf(change) / SIZE);
    direction = toLengthOne(change);
  }
  return direction ? Math.exp(logGrowth / COUNTED) : 0;
}

const found = new WeakMap(); // what has been asked of a state once

/**
 * Where EM has converged: {factor, kind}, the growth of a nudge and 'maximum', 'saddle' or 'ridge';
 * null where it has not converged, or where a nudge has no result.
 */
export function placeOf(state) {
  if (state.stop.reason !== 'converged') return null;
  if (!found.has(state)) found.set(state, measured(state));
  return found.get(state);
}

function measured({ problem, parameters }) {
  try {
    const factor = growth(problem, parameters);
    if (factor > 1 + FLAT) return { factor, kind: 'saddle' };
    return { factor, kind: factor < 1 - FLAT ? 'maximum' : 'ridge' };
  } catch (error) {
    if (!(error instanceof DegenerateError)) throw error;
    return null;
  }
}

const plus = (a, size, b) => a.map((row, n) => row.map((value, k) => value + size * b[n][k]));
const lengthOf = (rows) => Math.hypot(...rows.map((row) => Math.hypot(...row)));

/** The same direction with length one; null if there is none. */
function toLengthOne(rows) {
  const length = lengthOf(rows);
  return length > 0 ? rows.map((row) => row.map((value) => value / length)) : null;
}
