/** The log-likelihood over two means, or two coins, as a map with EM's path on it. */

import { axisBottom, axisLeft } from 'd3-axis';
import { contours } from 'd3-contour';
import { scaleLinear } from 'd3-scale';
import { select } from 'd3-selection';
import { logLikelihoodSurface } from '../explain.js';
import { drawHandles } from './handles.js';
import { extentOf, polyline, ticks } from './scales.js';
import { short } from './words.js';

const CELLS = 40;
const BELOW = [2400, 1200, 600, 300, 150, 75, 40, 20, 10, 5, 2.5, 1.2, 0.6, 0.3, 0.1]; // nats below the highest place
const SIZE = 320;
const MARGIN = { top: 10, right: 14, bottom: 40, left: 46 };
const NAMES = { line: ['mean 1', 'mean 2'], coins: ['heads, coin A', 'heads, coin B'] };

/** {element, draw()}: hidden where there are not just two numbers to go over. */
export function createSurface(sitting) {
  const element = document.createElement('section');
  element.className = 'em-surface';
  element.innerHTML = '<h2 class="em-heading">The log-likelihood as a landscape</h2>';
  const svg = select(element)
    .append('svg')
    .attr('viewBox', `0 0 ${SIZE} ${SIZE}`)
    .attr('role', 'group');
  svg.attr('aria-label', 'Lines of equal log-likelihood over the two places, and the path of EM');
  const [hills, axes, path, handles] = ['hills', 'axes', 'path', 'handles'].map((name) =>
    svg.append('g').attr('class', `em-${name}`),
  );
  const [axisX, axisY] = ['x', 'y'].map((side) =>
    axes.append('g').attr('class', `em-axis em-axis-${side}`).attr('aria-hidden', true),
  );
  const titles = ['x', 'y'].map((side) =>
    axes.append('text').attr('class', `em-title em-title-${side}`),
  );
  const note = select(element).append('p').attr('class', 'em-quiet');
  const x = scaleLinear().range([MARGIN.left, SIZE - MARGIN.right]);
  const y = scaleLinear().range([SIZE - MARGIN.bottom, MARGIN.top]);
  let drawn = ''; // what the hills were drawn for

  function draw() {
    const { problem, parameters, history } = sitting.state;
    const isShown = problem.model !== 'plane' && parameters.weights.length === 2;
    element.hidden = !isShown;
    if (!isShown || (sitting.isRunning && !isStill(problem))) return;
    const name = problem.model === 'coins' ? 'heads' : 'means';
    if (!sitting.preview) {
      const domain =
        name === 'heads' ? [0, 1] : extentOf([...problem.data, ...parameters.means], 0.02);
      [x, y].forEach((scale) => scale.domain(domain));
    }
    const rest = JSON.stringify([
      problem.data,
      problem.model,
      parameters.weights,
      parameters.variances,
      x.domain(),
    ]);
    if (rest !== drawn && !sitting.preview) {
      drawn = rest;
      drawHills(hills, problem, parameters, x, y);
      axisX
        .attr('transform', `translate(0,${y.range()[0]})`)
        .call(axisBottom(x).ticks(ticks(SIZE)));
      axisY.attr('transform', `translate(${x.range()[0]},0)`).call(axisLeft(y).ticks(ticks(SIZE)));
      titles[0]
        .attr('x', SIZE - 14)
        .attr('y', SIZE - 6)
        .attr('text-anchor', 'end')
        .text(NAMES[problem.model][0]);
      titles[1]
        .attr('transform', 'rotate(-90)')
        .attr('x', -12)
        .attr('y', 12)
        .attr('text-anchor', 'end')
        .text(NAMES[problem.model][1]);
    }
    const places = history
      .filter(({ step }) => step !== 'E' && step !== 'hard')
      .map((entry) => entry.parameters[name]);
    path
      .selectAll('path')
      .data([places])
      .join('path')
      .attr('d', (all) => polyline(all.map(([first, second]) => [x(first), y(second)])));
    path
      .selectAll('circle')
      .data(places)
      .join('circle')
      .attr('r', 2.5)
      .attr('cx', ([first]) => x(first))
      .attr('cy', ([, second]) => y(second));
    drawHandles(handles, [handle(name, parameters)], sitting);
    note.text(
      isStill(problem)
        ? 'The stronger the colour, the higher. Only these two numbers are free, so EM walks on this map; drag its place to start elsewhere.'
        : 'The stronger the colour, the higher. The map is drawn for the weights and spreads as they are now; hold them fixed, below, and EM walks on one map.',
    );
  }

  const handle = (name, parameters) => {
    const [first, second] = parameters[name];
    const inside = (value) => (name === 'heads' ? Math.min(Math.max(value, 0.001), 0.999) : value);
    return {
      id: 'place',
      kind: 'place',
      k: 0,
      x: x(first),
      y: y(second),
      label: 'Both places at once',
      now: Number(first.toPrecision(4)),
      said: `${short(first)} and ${short(second)}`,
      to: (px, py) => ({ ...parameters, [name]: [inside(x.invert(px)), inside(y.invert(py))] }),
    };
  };

  return { element, draw };
}

/** Whether the map stays the same along EM's path. */
export const isStill = ({ model, fixed = [] }) =>
  fixed.includes('weights') && (model === 'coins' || fixed.includes('variances'));

function drawHills(layer, problem, parameters, x, y) {
  const cellsOf = (scale) => {
    const [low, high] = scale.domain();
    return Array.from({ length: CELLS }, (_, i) => low + ((high - low) * (i + 0.5)) / CELLS);
  };
  const rows = logLikelihoodSurface(problem, parameters, cellsOf(x), cellsOf(y));
  const values = rows.flat();
  const highest = Math.max(...values);
  const finite = values.map((value) => (Number.isFinite(value) ? value : highest - 1e6));
  const levels = BELOW.map((below) => highest - below);
  const areas = contours().size([CELLS, CELLS]).thresholds(levels)(finite);
  const [fromX, fromY] = [x, y].map((scale) => scaleLinear([0, CELLS], scale.range()));
  const ring = (points) => `${polyline(points.map(([i, j]) => [fromX(i), fromY(j)]))}Z`;
  layer
    .selectAll('path')
    .data(areas)
    .join('path')
    .attr('d', ({ coordinates }) => coordinates.flat().map(ring).join(''));
}
