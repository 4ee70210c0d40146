/** Log-likelihood = bound + gap: as bars at the last half-steps, and as a trace of all of them. */

import { scaleLinear } from 'd3-scale';
import { svg } from 'lit-html';
import { extentOf, polyline } from './scales.js';
import { change, number, precise, zeroed } from './words.js';

const BARS = 7;
const BREAK = 12; // pixels below the scale's end, in which a bar is broken
const RULER = 22; // pixels at the left for how much the height is
const NAMES = { start: 'start', E: 'E', M: 'M', hard: 'hard', nudge: 'nudge', moved: 'moved' };

/** A bar for each of the last half-steps: the bound, and on it the gap up to the log-likelihood. */
export function bars({ history }, { width = 340, height = 170 } = {}) {
  const shown = history.slice(-BARS);
  // The scale is that of the last iteration, beside which the first ones may be out of sight.
  const values = shown.slice(-3).flatMap(({ logLikelihood, bound }) => [logLikelihood, bound]);
  const [low, high] = extentOf(values, 0.2);
  const span = Math.max(high - low, 1e-9 * Math.max(1, Math.abs(high)));
  const base = height - 22;
  const y = scaleLinear()
    .domain([high - span, high])
    .range([base - BREAK, 16])
    .clamp(true);
  const slot = (width - RULER) / BARS;
  return svg`<svg class="em-bars" viewBox="0 0 ${width} ${height}" role="img" aria-label=${inWords(shown)}>
    ${ruler(y)}
    ${shown.map(({ step, logLikelihood, bound, gap }, i) => {
      const x = RULER + slot * i + slot * 0.12;
      const [top, middle] = [logLikelihood, bound].map(y);
      const isLast = i === shown.length - 1;
      const line = svg`<line class="em-loglik" x1=${x - slot * 0.08} x2=${x + slot * 0.84} y1=${top} y2=${top}></line>`;
      return svg`<g class=${isLast ? 'em-now' : ''}>
        <rect class="em-bound" x=${x} width=${slot * 0.76} y=${middle} height=${base - middle}></rect>
        <rect class="em-gap" x=${x} width=${slot * 0.76} y=${top} height=${Math.max(0, middle - top)}></rect>
        ${logLikelihood < y.domain()[0] ? '' : line}
        <text x=${x + slot * 0.38} y=${height - 7} text-anchor="middle">${NAMES[step]}</text>
        ${isLast && zeroed(gap, logLikelihood) ? svg`<text class="em-value" x=${x + slot * 0.8} y=${top - 5} text-anchor=${i > 2 ? 'end' : 'middle'}>gap ${number(gap, 2)}</text>` : ''}
      </g>`;
    })}
    <path class="em-break" d="M${RULER},${base - BREAK / 2}${'l4,-3l4,3'.repeat(width / 8)}"></path>
  </svg>`;
}

/** At the left, how much the height of a scale is. */
function ruler(y) {
  const [[low, high], [bottom, top]] = [y.domain(), y.range()];
  return svg`<g class="em-ruler">
    <path d="M${RULER - 2},${bottom}h-5V${top}h5"></path>
    <text transform=${`translate(11,${(bottom + top) / 2}) rotate(-90)`} text-anchor="middle">${precise(high - low)} nats</text>
  </g>`;
}

const inWords = (shown) =>
  `The last half-steps: ${shown.map(({ step, logLikelihood, bound, gap }) => `${NAMES[step]}, log-likelihood ${number(logLikelihood)}, bound ${number(bound)}, gap ${number(zeroed(gap, logLikelihood))}`).join('; ')}.`;

const count = (halfSteps) => `${halfSteps} half-step${halfSteps === 1 ? '' : 's'}`;

/** Both as lines over all half-steps, and the gap between them. */
export function trace({ history }, { width = 340, height = 120 } = {}) {
  const lows = history.map(({ bound }) => bound);
  const highs = history.map(({ logLikelihood }) => logLikelihood);
  // A start far below would leave no room to see the rest: its lines come from below the frame.
  const skipped = history.length > 4 ? 2 + Math.floor(history.length / 12) : 0;
  const from = Math.min(...highs.slice(skipped), ...lows.slice(skipped));
  const bottom = height - 18;
  const x = scaleLinear()
    .domain([0, Math.max(1, history.length - 1)])
    .range([RULER + 4, width - 8]);
  const y = scaleLinear()
    .domain(extentOf([from, ...highs.slice(skipped)], 0.06))
    .range([bottom, 8]);
  const places = (values) => values.map((value, i) => [x(i), y(value)]);
  const between = [...places(highs), ...places(lows).reverse()];
  const first = number(highs[0], 2);
  const last = number(highs.at(-1), 2);
  return svg`<svg class="em-trace" viewBox="0 0 ${width} ${height}" role="img"
      aria-label=${`Trace of ${count(history.length - 1)}: the log-likelihood goes from ${first} to ${last}, ${change(highs.at(-1) - highs[0])}.`}>
    ${ruler(y)}
    <svg width=${width} height=${bottom}>
      <path class="em-gap" d="${polyline(between)}Z"></path>
      <path class="em-trace-bound" d=${polyline(places(lows))}></path>
      <path class="em-trace-loglik" d=${polyline(places(highs))}></path>
      <circle cx=${x(history.length - 1)} cy=${y(highs.at(-1))} r="4"></circle>
    </svg>
    <text x=${RULER} y=${height - 4}>start</text>
    <text x=${width - 8} y=${height - 4} text-anchor="end">${count(history.length - 1)}</text>
  </svg>`;
}
