/** Numbers and sentences: what the laboratory shows and says, for eyes and for screen readers. */

import { placeOf } from '../growth.js';
import { FIELDS } from './edits.js';

const LARGE = 1e6; // from here on four digits are enough, and more would leave a table's column

/** A number for reading: a true minus, no digit that says nothing. */
export function number(value, decimals = 3) {
  if (value === Infinity) return 'not known yet';
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size < 1e-12) return '0';
  const isSmall = size < 0.5 * 10 ** -decimals;
  const text = isSmall
    ? value.toExponential(1)
    : size < LARGE
      ? value.toFixed(decimals)
      : value.toExponential(3).replace('+', '');
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

/** A small number in three digits, as the stopping rule needs it. */
export function precise(value) {
  if (value === Infinity) return 'not known yet';
  const size = Math.abs(value);
  const isBeyond = (value !== 0 && size < 1e-4) || size >= LARGE;
  return isBeyond ? number(value, 0) : String(Number(value.toPrecision(3))).replace('-', '−');
}

/** A change with its sign; nothing but rounding is no change. */
export function change(value, size = 1) {
  if (Math.abs(value) <= 1e-11 * Math.max(1, Math.abs(size))) return '0';
  return (value > 0 ? '+' : '') + number(value, 4);
}

export const COMPONENT = { coins: 'coin', line: 'component', plane: 'component' };

/** How component k is marked: coins have letters, as in the chapters. */
export const markOf = (model, k) => (model === 'coins' ? 'ABCDEFGH'[k] : String(k + 1));

/** Such as 'coin A' or 'component 1'. */
export const componentName = (model, k) => `${COMPONENT[model]} ${markOf(model, k)}`;

/** Such as 'Coin A: weight 0.5, heads 0.6.' for every component. */
export function components({ problem, parameters }) {
  return parameters.weights
    .map((_, k) => {
      const values = FIELDS[problem.model].map(
        ({ title, get }) => `${title} ${short(get(parameters, k))}`,
      );
      return `${capital(componentName(problem.model, k))}: ${values.join(', ')}.`;
    })
    .join(' ');
}

export const capital = (text) => text[0].toUpperCase() + text.slice(1);

/** What happened between two states, with its numbers. */
export function stepInWords(before, after) {
  const { step, iteration, problem } = after;
  if (after.stop.reason === 'degenerate' && after.history === before.history) {
    return `The M-step has no result: ${after.stop.message}`;
  }
  const size = after.logLikelihood;
  const gap = number(zeroed(after.gap, size));
  const now = `Log-likelihood ${number(size)}, bound ${number(after.bound)}, gap ${gap}.`;
  const lift = rises('the bound', after.bound - before.bound, size);
  const rise = rises('the log-likelihood', after.logLikelihood - before.logLikelihood, size);
  if (step === 'E') {
    const hands = changedHands(before, after);
    return `E-step ${iteration + 1}: ${lift} and touches the log-likelihood; the parameters stay. ${now} ${hands}`;
  }
  if (step === 'hard') {
    const whole = `every ${POINT[problem.model]} belongs wholly to one ${COMPONENT[problem.model]}`;
    return `Hard step ${iteration + 1}: ${whole}. This is not an E-step: the bound stays ${gap} below the log-likelihood. ${now}`;
  }
  if (step === 'M') {
    const why = before.step === 'hard' ? ' The step before it was a hard step, not an E-step.' : '';
    return `M-step ${iteration}: ${lift}, and ${rise}. ${now}${why}${stopped(after)}`;
  }
  const next = step === 'nudge' && after.logLikelihood < before.logLikelihood ? ' The next steps raise it again.' : '';
  return `${capital(rise)}. ${now}${next}`;
}

/** Such as 'the bound rises by 0.452'. */
function rises(what, by, size) {
  const amount = zeroed(by, size);
  if (!amount) return `${what} stays`;
  return `${what} ${amount > 0 ? 'rises' : 'falls'} by ${number(Math.abs(amount), 4)}`;
}

/** What is zero but for rounding, as zero. */
export const zeroed = (value, size) =>
  Math.abs(value) <= 1e-11 * Math.max(1, Math.abs(size)) ? 0 : value;

/** Where a half-step leaves a reader. */
export const WHEN = {
  start: 'a start',
  E: 'after an E-step',
  M: 'after an M-step',
  hard: 'after a hard step',
  nudge: 'after a nudge',
  moved: 'after a change by hand',
};

export const POINT = { coins: 'set', line: 'point', plane: 'point' };

function changedHands(before, after) {
  const most = (r) => r.indexOf(Math.max(...r));
  const count = after.responsibilities.filter(
    (r, n) => most(r) !== most(before.responsibilities[n]),
  ).length;
  const name = POINT[after.problem.model];
  if (!count) return `No ${name} changes hands.`;
  return `${count} of ${after.responsibilities.length} ${name}s ${count === 1 ? 'changes' : 'change'} hands.`;
}

/** What a run has done, from its first state to its last. */
export function runInWords(first, last) {
  const count = last.iteration - first.iteration;
  const rise = rises(
    'the log-likelihood',
    last.logLikelihood - first.logLikelihood,
    last.logLikelihood,
  );
  return `Run of ${times(count)}: ${rise} and is now ${number(last.logLikelihood)}.${stopped(last)}`;
}

const times = (count) => (count === 1 ? '1 iteration' : `${count} iterations`);

/** Why EM may stop here, and where that is; or nothing. */
export function stopped(state) {
  const { stop, iteration } = state;
  if (!stop.reason) return '';
  const tail = stop.message ? `: ${stop.message}` : '';
  const why = ` EM stops after ${times(iteration)}, ${stop.reason}${tail}.`.replace(/\.\.$/, '.');
  return `${why} ${kindInWords(placeOf(state))}`.trimEnd();
}

/** What a place is where EM has converged, and how that was found; nothing if it is not known. */
export function kindInWords(place) {
  if (!place) return '';
  const { factor, kind } = place;
  if (kind === 'maximum') {
    const rest = factor < 0.01 ? 'less than 0.01' : short(Number(factor.toPrecision(2)));
    return `This is a local maximum: a tiny nudge shrinks to ${rest} of itself in each iteration.`;
  }
  if (kind === 'saddle') {
    const times = factor.toPrecision(3);
    return `This is a saddle, or near one, and not a maximum: a tiny nudge grows to ${times} times itself in each iteration.`;
  }
  return 'This is a ridge: a tiny nudge neither grows nor shrinks, so that neighbouring parameters are just as good.';
}

/** A point with its responsibilities, such as a screen reader says of it. */
export function pointInWords({ problem, responsibilities }, n) {
  const shares = responsibilities[n].map(
    (r, k) => `${componentName(problem.model, k)} ${share(r)}`,
  );
  return `${capital(POINT[problem.model])} ${n + 1} of ${problem.data.length}, ${placeInWords(problem, n)}: ${shares.join(', ')}`;
}

/** Where a point is. */
export function placeInWords({ model, data }, n) {
  if (model === 'coins') return `${data[n].heads} heads in ${data[n].tosses}`;
  return model === 'line' ? short(data[n]) : data[n].map(short).join(', ');
}
