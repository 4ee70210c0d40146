/** Numbers and sentences: what the laboratory shows and says, for eyes and for screen readers. */

import { FIELDS } from './edits.js';

/** A number for reading: a true minus, no digit that says nothing. */
export function number(value, decimals = 3) {
  if (value === Infinity) return 'not known yet';
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size < 1e-12) return '0';
  const text = size < 0.5 * 10 ** -decimals ? value.toExponential(1) : value.toFixed(decimals);
  return text.replace('-', '−').replace('e−', 'e-');
}

/** A probability: three decimals, and never 0 or 1 for what is only near them. */
export function share(value) {
  if (value > 0 && value < 0.0005) return 'below 0.001';
  if (value < 1 && value > 0.9995) return 'above 0.999';
  return value.toFixed(3);
}

/** A number in the digits that four figures need. */
export function short(value) {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  return String(Number(value.toPrecision(4)))
    .replace('-', '−')
    .replace('e−', 'e-');
}

/** A change with its sign; nothing but rounding is no change. */
export function change(value, size = 1) {
  if (Math.abs(value) <= 1e-11 * Math.max(1, Math.abs(size))) return '0';
  return (value > 0 ? '+' : '') + number(value, 4);
}

export const COMPONENT = { coins: 'coin', line: 'component', plane: 'component' };

/** Such as 'Coin 1: weight 0.5, heads 0.6.' for every component. */
export function components({ problem, parameters }) {
  const name = COMPONENT[problem.model];
  return parameters.weights
    .map((_, k) => {
      const values = FIELDS[problem.model].map(
        ({ title, get }) => `${title} ${short(get(parameters, k))}`,
      );
      return `${capital(name)} ${k + 1}: ${values.join(', ')}.`;
    })
    .join(' ');
}

export const capital = (text) => text[0].toUpperCase() + text.slice(1);

/** What happened between two states, with its numbers. */
export function stepInWords(before, after) {
  const { step, iteration, problem } = after;
  if (after.stop.reason === 'degenerate' && step === before.step && after.phase === before.phase) {
    return `The M-step has no result: ${after.stop.message}`;
  }
  const size = after.logLikelihood;
  const gap = zeroed(after.gap, size);
  const rise = change(after.logLikelihood - before.logLikelihood, size);
  const lift = change(after.bound - before.bound, size);
  const now = `log-likelihood ${number(after.logLikelihood)}, bound ${number(after.bound)}, gap ${number(gap)}`;
  if (step === 'E') {
    return `E-step ${iteration + 1}: the bound rises by ${lift} and touches the log-likelihood; the curves stay. ${capital(now)}. ${changedHands(before, after)}`;
  }
  if (step === 'hard') {
    return `Hard step ${iteration + 1}: every ${POINT[problem.model]} belongs wholly to one ${COMPONENT[problem.model]}. This is no E-step: the bound stays ${number(gap)} below the log-likelihood. ${capital(now)}.`;
  }
  if (step === 'M') {
    return `M-step ${iteration}: it lifts the bound by ${lift} and the log-likelihood by ${rise}. ${capital(now)}.${stopped(after)}`;
  }
  return `Log-likelihood changes by ${rise}. ${capital(now)}.`;
}

/** What is zero but for rounding, as zero. */
export const zeroed = (value, size) =>
  Math.abs(value) <= 1e-11 * Math.max(1, Math.abs(size)) ? 0 : value;

export const POINT = { coins: 'set', line: 'point', plane: 'point' };

function changedHands(before, after) {
  const most = (r) => r.indexOf(Math.max(...r));
  const moved = after.responsibilities.filter(
    (r, n) => most(r) !== most(before.responsibilities[n]),
  );
  const count = after.responsibilities.length;
  return `${moved.length} of ${count} ${POINT[after.problem.model]}s are now claimed most by another ${COMPONENT[after.problem.model]}.`;
}

/** What a run has done, from its first state to its last. */
export function runInWords(first, last) {
  const count = last.iteration - first.iteration;
  const rise = change(last.logLikelihood - first.logLikelihood, last.logLikelihood);
  return `Run of ${times(count)}: the log-likelihood changes by ${rise}, to ${number(last.logLikelihood)}.${stopped(last)}`;
}

const times = (count) => (count === 1 ? '1 iteration' : `${count} iterations`);

/** Why EM may stop here, or nothing. */
export function stopped({ stop, iteration }) {
  if (!stop.reason) return '';
  const tail = stop.message ? `: ${stop.message}` : '';
  return ` EM stops after ${times(iteration)}, ${stop.reason}${tail}.`.replace(/\.\.$/, '.');
}

/** A point with its responsibilities, such as a screen reader says of it. */
export function pointInWords({ problem, responsibilities }, n) {
  const shares = responsibilities[n].map(
    (r, k) => `${COMPONENT[problem.model]} ${k + 1} ${share(r)}`,
  );
  return `${capital(POINT[problem.model])} ${n + 1} of ${problem.data.length}, ${placeInWords(problem, n)}: ${shares.join(', ')}`;
}

/** Where a point is. */
export function placeInWords({ model, data }, n) {
  if (model === 'coins') return `${data[n].heads} heads of ${data[n].tosses}`;
  return model === 'line' ? short(data[n]) : data[n].map(short).join(', ');
}
