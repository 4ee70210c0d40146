/** Log-likelihood = bound + gap: as bars at the last half-steps, and as a trace of all of them. */

import { scaleLinear } from 'd3-scale';
import { svg } from 'lit-html';
import { extentOf, polyline } from './scales.js';
import { change, number, zeroed } from './words.js';

const BARS = 7;
const NAMES = { start: 'start', E: 'E', M: 'M', hard: 'hard', nudge: 'nudge', moved: 'moved' };

/** A bar for each of the last half-steps: the bound, and on it the gap up to the log-likelihood. */
export function bars({ history }, { width = 320, height = 190 } = {}) {
  const shown = history.slice(-BARS);
  // The scale is that of the last iteration, beside which the first ones may be out of sight.
  const values = shown.slice(-3).flatMap(({ logLikelihood, bound }) => [logLikelihood, bound]);
  const [low, high] = extentOf(values, 0.2);
  const span = Math.max(high - low, 1e-9 * Math.max(1, Math.abs(high)));
  const y = scaleLinear()
    .domain([high - span, high])
    .range([height - 22, 16])
    .clamp(true);
  const slot = width / BARS;
  return svg`<svg class="em-bars" viewBox="0 0 ${width} ${height}" role="img" aria-label=${inWords(shown)}>
    ${shown.map(({ step, logLikelihood, bound, gap }, i) => {
      const x = slot * i + slot * 0.12;
      const [top, middle, base] = [logLikelihood, bound, y.domain()[0]].map(y);
      const isLast = i === shown.length - 1;
      return svg`<g class=${isLast ? 'em-now' : ''}>
        <rect class="em-bound" x=${x} width=${slot * 0.76} y=${middle} height=${Math.max(0, base - middle)}></rect>
        <rect class="em-gap" x=${x} width=${slot * 0.76} y=${top} height=${Math.max(0, middle - top)}></rect>
        <line class="em-loglik" x1=${x - slot * 0.08} x2=${x + slot * 0.84} y1=${top} y2=${top}></line>
        <text x=${x + slot * 0.38} y=${height - 7} text-anchor="middle">${NAMES[step]}</text>
        ${isLast && zeroed(gap, logLikelihood) ? svg`<text class="em-value" x=${x + slot * 0.8} y=${top - 5} text-anchor=${i > 2 ? 'end' : 'middle'}>gap ${number(gap, 2)}</text>` : ''}
      </g>`;
    })}
  </svg>`;
}

const inWords = (shown) =>
  `The last half-steps: ${shown.map(({ step, logLikelihood, bound, gap }) => `${NAMES[step]}, log-likelihood ${number(logLikelihood)}, bound ${number(bound)}, gap ${number(zeroed(gap, logLikelihood))}`).join('; ')}.`;

const count = (halfSteps) => `${halfSteps} half-step${halfSteps === 1 ? '' : 's'}`;

/** Both as lines over all half-steps. */
export function trace({ history }, { width = 320, height = 120 } = {}) {
  const margin = { top: 8, right: 8, bottom: 18, left: 8 };
  const lows = history.map(({ bound }) => bound);
  const highs = history.map(({ logLikelihood }) => logLikelihood);
  // A start far below would leave no room to see the rest.
  const skipped = history.length > 4 ? 2 + Math.floor(history.length / 12) : 0;
  const from = Math.min(...highs.slice(skipped), ...lows.slice(skipped));
  const x = scaleLinear()
    .domain([0, Math.max(1, history.length - 1)])
    .range([margin.left, width - margin.right]);
  const y = scaleLinear()
    .domain(extentOf([from, ...highs.slice(skipped)], 0.06))
    .range([height - margin.bottom, margin.top])
    .clamp(true);
  const path = (values) => polyline(values.map((value, i) => [x(i), y(value)]));
  const first = number(highs[0], 2);
  const last = number(highs.at(-1), 2);
  return svg`<svg class="em-trace" viewBox="0 0 ${width} ${height}" role="img"
      aria-label=${`Trace of ${count(history.length - 1)}: the log-likelihood goes from ${first} to ${last}, ${change(highs.at(-1) - highs[0])}.`}>
    <path class="em-trace-bound" d=${path(lows)}></path>
    <path class="em-trace-loglik" d=${path(highs)}></path>
    <circle cx=${x(history.length - 1)} cy=${y(highs.at(-1))} r="4"></circle>
    <text x=${margin.left} y=${height - 4}>start</text>
    <text x=${width - margin.right} y=${height - 4} text-anchor="end">${count(history.length - 1)}</text>
  </svg>`;
}
