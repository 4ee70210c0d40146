/** Two coins: each at its probability of heads, and every set of tosses at its share of heads. */

import { axisBottom } from 'd3-axis';
import { scaleLinear } from 'd3-scale';
import { color } from './colors.js';
import { withLocation } from './edits.js';
import { drawHandles } from './handles.js';
import { drawPoints, markPoint } from './points.js';
import { axisTitles, layers, ticks } from './scales.js';
import { componentName, markOf, short } from './words.js';

const MARGIN = { top: 10, right: 64, bottom: 40, left: 20 };
const ROW = 28;

/** {draw(state, size), place(x, y), label} in an svg. */
export function createCoins(svg, sitting) {
  const layer = layers(svg, ['axes', 'whiskers', 'threads', 'points', 'labels', 'handles']);
  layer.points.attr('role', 'listbox').attr('aria-label', 'Sets of tosses');
  const x = scaleLinear().domain([0, 1]);
  const tossesOf = (n) => sitting.state.problem.data[n ?? 0]?.tosses ?? 10;
  const place = (px, py, n = sitting.selected) => {
    const tosses = tossesOf(n);
    return { heads: Math.round(Math.min(Math.max(x.invert(px), 0), 1) * tosses), tosses };
  };

  function draw(state, { width, height }) {
    const { data } = state.problem;
    const { heads } = state.parameters;
    x.range([MARGIN.left, width - MARGIN.right]);
    const top = MARGIN.top + ROW * heads.length;
    const bottom = height - MARGIN.bottom;
    const gap = (bottom - top) / data.length;
    const rows = data.map((set, n) => ({
      n,
      x: x(set.heads / set.tosses),
      y: top + gap * (n + 0.5),
      r: Math.min(9, Math.max(3, gap / 2 - 1)),
    }));
    layer.axes
      .select('.em-axis-x')
      .attr('transform', `translate(0,${bottom})`)
      .call(axisBottom(x).ticks(ticks(width)));
    axisTitles(layer.axes, sitting, { width, height });
    layer.whiskers
      .selectAll('path')
      .data(heads)
      .join('path')
      .attr('stroke', (p, k) => color(k))
      .attr('d', (p, k) => `M${x(p)},${rowOf(k)}V${bottom}`);
    drawThreads(layer.threads, state, rows, x);
    drawPoints(layer.points, rows, place, sitting);
    markPoint(layer.points, sitting.selected);
    layer.labels
      .selectAll('text')
      .data(gap < 11 ? [] : rows)
      .join('text')
      .attr('aria-hidden', true)
      .attr('text-anchor', 'end')
      .attr('x', width - 4)
      .attr('y', (row) => row.y)
      .attr('dy', '0.35em')
      .text(({ n }) => `${data[n].heads} of ${data[n].tosses}`);
    drawHandles(
      layer.handles,
      heads.map((_, k) => handleOf(state, k, x)),
      sitting,
    );
  }

  return {
    draw,
    place,
    label: 'Sets of tosses at their shares of heads, and a line for each coin',
  };
}

const rowOf = (k) => MARGIN.top + ROW * (k + 0.5);

/** From every set to each coin, as wide as the responsibility. */
function drawThreads(layer, { parameters, responsibilities }, rows, x) {
  const threads = rows.flatMap((row) =>
    parameters.heads.map((p, k) => ({ row, p, k, r: responsibilities[row.n][k] })),
  );
  layer
    .selectAll('line')
    .data(threads)
    .join('line')
    .attr('x1', ({ row }) => row.x)
    .attr('x2', ({ p }) => x(p))
    .attr('y1', ({ row, k }) => row.y + 3 * (k - (parameters.heads.length - 1) / 2))
    .attr('y2', ({ row, k }) => row.y + 3 * (k - (parameters.heads.length - 1) / 2))
    .attr('stroke', ({ k }) => color(k))
    .attr('stroke-width', ({ r }) => 6 * r);
}

function handleOf({ problem, parameters }, k, x) {
  const p = parameters.heads[k];
  return {
    id: `coin ${k}`,
    kind: 'mean',
    k,
    x: x(p),
    y: rowOf(k),
    mark: markOf('coins', k),
    label: `Probability of heads of ${componentName('coins', k)}`,
    now: Number(p.toPrecision(4)),
    said: short(p),
    to: (px) => withLocation(problem, parameters, k, x.invert(px)),
  };
}
