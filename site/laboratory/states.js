/**
 * Where EM is on its path: a state is never changed, a step returns the next one. Undo is keeping
 * the states before.
 *
 * A state has the problem, parameters and responsibilities; `phase`, the step that comes next;
 * logLikelihood = bound + gap; `iteration`, the M-steps since the start; `history`, an entry for
 * every half-step; `stop`, what the stopping rule says; `start`, the parameters and responsibilities
 * with which the steps began; `origin`, the parameters from which exact steps alone have led here,
 * and how many iterations ago that was.
 */

import { eStep, hard, heights, mStep } from './em.js';
import { DegenerateError } from './errors.js';
import { above } from './families.js';
import { nudged } from './starts.js';
import { stopping } from './stopping.js';

/** The state at given parameters. Before the first E-step every component claims the same share. */
export function startState(problem, parameters, responsibilities = null) {
  const k = parameters.weights.length;
  const first = responsibilities ?? problem.data.map(() => Array(k).fill(1 / k));
  return at({
    problem,
    parameters,
    responsibilities: first,
    start: { parameters, responsibilities: first },
    phase: 'E',
    step: 'start',
    iteration: 0,
    history: [],
    visits: [],
    origin: { parameters, iterations: 0 },
  });
}

/** A start from where a state is, in another problem: with another floor, tolerance or rule. */
export function startIn(problem, { parameters, responsibilities }) {
  return startState(problem, above(problem, parameters), responsibilities);
}

/** After the E-step: the responsibilities are the posterior, and the bound touches. */
export function stepE(state) {
  const { responsibilities } = eStep(state.problem, state.parameters);
  return at({ ...state, responsibilities, phase: 'M', step: 'E' });
}

/** After a hard assignment, which is not an E-step: the bound need not touch. */
export function stepHard(state) {
  const responsibilities = hard(eStep(state.problem, state.parameters).responsibilities);
  return at({ ...state, responsibilities, phase: 'M', step: 'hard' });
}

/** After the M-step; where it has no result, the parameters are kept, and `stop` says why. */
export function stepM(state) {
  const { problem, responsibilities, origin } = state;
  try {
    const parameters = mStep(problem, responsibilities, state.parameters);
    const next = { ...state, parameters, phase: 'E', step: 'M' };
    // Without an E-step between, a second M-step finds what the first one did.
    if (state.phase === 'E') return at(next);
    const iterations = origin.iterations + 1;
    next.origin = state.step === 'hard' ? { parameters, iterations: 0 } : { ...origin, iterations };
    return at({ ...next, iteration: state.iteration + 1, isVisit: true });
  } catch (error) {
    if (!(error instanceof DegenerateError)) throw error;
    return { ...state, stop: { ...state.stop, reason: 'degenerate', message: error.message } };
  }
}

/** After a small random move of the parameters, as emlib makes it to leave a saddle. */
export function nudge(state, { size = 0.3, seed = 1 } = {}) {
  return movedTo(state, nudged(state.problem, state.parameters, size, seed), 'nudge');
}

/** After a change of the parameters by hand; the responsibilities stay, so that a gap opens. */
export function movedTo(state, parameters, step = 'moved') {
  const origin = { parameters, iterations: 0 };
  return at({ ...state, parameters, phase: 'E', step, visits: [], origin });
}

/** E and M again and again, until the rule says stop. */
export function run(state, step = stepE) {
  let now = state;
  do now = stepM(step(now));
  while (!now.stop.reason);
  return now;
}

/** The state with all that follows from its parameters and responsibilities. */
function at({ isVisit = false, ...state }) {
  const { problem, parameters, responsibilities, step, iteration } = state;
  const values = heights(problem, parameters, responsibilities);
  const isFirst = !state.visits.length;
  const visits = isVisit || isFirst ? [...state.visits, values.logLikelihood] : state.visits;
  const history = [...state.history, { step, iteration, parameters, ...values }];
  return { ...state, ...values, visits, history, stop: stopping(problem, parameters, visits) };
}
