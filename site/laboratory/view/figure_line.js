/** A Gaussian mixture on a line: curves above the axis, points below it, a whisker per component. */

import { axisBottom } from 'd3-axis';
import { scaleLinear } from 'd3-scale';
import { FAMILIES } from '../families.js';
import { color } from './colors.js';
import { withLocation, withSd } from './edits.js';
import { drawHandles } from './handles.js';
import { drawPoints, markPoint } from './points.js';
import {
  axisTitles,
  extentOf,
  layers,
  meansOf,
  onlyIfNew,
  polyline,
  radius,
  ticks,
} from './scales.js';
import { componentName, markOf, short } from './words.js';

const MARGIN = { top: 10, right: 14, bottom: 40, left: 14 };
const ROW = 26;
const SAMPLES = 240;
const DEPTH = 0.26; // of the height, for the points
const MANY = 150; // points, beyond which each stands within its bin

/** {draw(state, size), place(x, y), label} in an svg. */
export function createLine(svg, sitting) {
  const layer = layers(svg, ['axes', 'curves', 'whiskers', 'threads', 'points', 'handles']);
  layer.points.attr('role', 'listbox').attr('aria-label', 'Points');
  const [x, y] = [scaleLinear(), scaleLinear()];
  const [pointsIfNew, markIfNew, axesIfNew] = [onlyIfNew(), onlyIfNew(), onlyIfNew()];
  const place = (px) => x.invert(px);

  function draw(state, { width, height }) {
    const { problem, parameters } = state;
    if (!sitting.preview) x.domain(extentOf([...problem.data, ...meansOf(sitting.state)]));
    x.range([MARGIN.left, width - MARGIN.right]);
    const rows = MARGIN.top + ROW * parameters.means.length;
    const base = Math.round(height - MARGIN.bottom - DEPTH * height);
    if (!sitting.preview) y.domain([0, highest(problem.data)]);
    y.range([base, rows + 6]);
    const scales = [width, height, base, ...x.domain()];
    axesIfNew([problem.data, ...scales], () => {
      layer.axes
        .select('.em-axis-x')
        .attr('transform', `translate(0,${height - MARGIN.bottom})`)
        .call(axisBottom(x).ticks(ticks(width)));
      axisTitles(layer.axes, sitting, { width, height });
    });
    drawCurves(layer.curves, state, x, y);
    drawWhiskers(layer.whiskers, state, x, base);
    pointsIfNew([problem.data, state.responsibilities, ...scales], () => {
      const points = stacked(problem.data, x, base, height - MARGIN.bottom);
      drawPoints(layer.points, points, place, sitting);
    });
    markIfNew([sitting.selected, problem.data.length], () =>
      markPoint(layer.points, sitting.selected),
    );
    drawReading(layer.threads, state, sitting.selected, x, y, height - MARGIN.bottom);
    drawHandles(
      layer.handles,
      parameters.means.flatMap((_, k) => handlesOf(state, k, x)),
      sitting,
    );
  }

  return { draw, place, label: 'Points on a line, and a curve for each component' };
}

const rowOf = (k) => MARGIN.top + ROW * (k + 0.5);

/** A height of the density axis that suits the data, and stays when curves move. */
function highest(data) {
  const bins = 24;
  const [low, high] = extentOf(data, 0);
  const counts = Array(bins).fill(0);
  for (const value of data)
    counts[Math.min(bins - 1, Math.floor(((value - low) / (high - low || 1)) * bins))] += 1;
  const densest = Math.max(...counts) / data.length / ((high - low || 1) / bins);
  return Math.min(1.15, 0.5 + data.length / 40) * densest;
}

/**
 * Points that would cover each other, one below the other: few where they are, many in bins of three
 * columns, whose lengths are those of a histogram rather than of chance.
 */
function stacked(data, x, top, bottom) {
  const r = radius(data.length);
  const columns = data.length > MANY ? 3 : 1;
  const bins = new Map();
  data.forEach((value, n) => {
    const bin = Math.round(x(value) / (2 * r * columns));
    bins.set(bin, [...(bins.get(bin) ?? []), n]);
  });
  const points = [...bins].flatMap(([bin, members]) => {
    if (columns === 1) return members.map((n, row) => ({ n, x: x(data[n]), row, r }));
    const length = Math.ceil(members.length / columns);
    const middle = bin * columns;
    return members
      .sort((a, b) => data[a] - data[b])
      .map((n, i) => ({ n, x: 2 * r * (middle - 1 + Math.floor(i / length)), row: i % length, r }));
  });
  const longest = Math.max(1, ...points.map(({ row }) => row));
  const gap = Math.min(2 * r + 1, (bottom - top - 2 * r - 4) / longest);
  for (const point of points) point.y = top + r + 4 + gap * point.row;
  return points.sort((a, b) => a.n - b.n);
}

function drawCurves(layer, { problem, parameters }, x, y) {
  const [low, high] = x.domain();
  const narrowest = Math.min(...parameters.variances.map(Math.sqrt));
  const grid = Array.from({ length: SAMPLES + 1 }, (_, i) => low + ((high - low) * i) / SAMPLES);
  // A spike between two places of the grid would not be seen.
  const peaks = parameters.means.flatMap((mean) =>
    [-3, -1, -0.5, 0, 0.5, 1, 3].map((z) => mean + z * narrowest),
  );
  const places = [...grid, ...peaks]
    .filter((value) => value >= low && value <= high)
    .sort((a, b) => a - b);
  const densities = FAMILIES.line.logDensities(problem, parameters);
  const top = y.invert(-20);
  const height = (k, value) => parameters.weights[k] * Math.exp(densities[k](value));
  const clipped = (value) => y(Math.min(value, top));
  const parts = parameters.means.map((_, k) => places.map((value) => [value, height(k, value)]));
  const outline = (part) => polyline(part.map(([value, density]) => [x(value), clipped(density)]));
  const shape = (part) => `${outline(part)}V${y(0)}H${x(low)}Z`;
  const sum = places.map((value, i) => [
    value,
    parts.reduce((total, part) => total + part[i][1], 0),
  ]);
  const paths = (name, curves, d) =>
    layer
      .selectAll(`path.${name}`)
      .data(curves)
      .join('path')
      .attr('class', name)
      .attr('d', d);
  paths('em-area', parts, shape).attr('fill', (part, k) => color(k));
  paths('em-part', parts, outline).attr('stroke', (part, k) => color(k));
  paths('em-sum', [sum], outline).raise();
}

/** From one standard deviation below a mean to one above, and down to the axis. */
function drawWhiskers(layer, { parameters: { means, variances } }, x, base) {
  layer
    .selectAll('path')
    .data(means)
    .join('path')
    .attr('stroke', (mean, k) => color(k))
    .attr('d', (mean, k) => {
      const sd = Math.sqrt(variances[k]);
      return `M${x(mean - sd)},${rowOf(k)}H${x(mean + sd)}M${x(mean)},${rowOf(k)}V${base}`;
    });
}

/** At the selected point: the height of every curve, of which Bayes' rule takes the shares. */
function drawReading(layer, { problem, parameters }, n, x, y, bottom) {
  const at = n === null ? null : problem.data[n];
  const densities = FAMILIES.line.logDensities(problem, parameters);
  const heights =
    n === null ? [] : densities.map((density, k) => parameters.weights[k] * Math.exp(density(at)));
  layer
    .selectAll('line')
    .data(n === null ? [] : [at])
    .join('line')
    .attr('x1', x)
    .attr('x2', x)
    .attr('y1', y.range()[1])
    .attr('y2', bottom);
  layer
    .selectAll('circle')
    .data(heights)
    .join('circle')
    .attr('r', 4)
    .attr('cx', () => x(at))
    .attr('cy', (height) => y(Math.min(height, y.domain()[1])))
    .attr('fill', (height, k) => color(k));
}

function handlesOf({ problem, parameters }, k, x) {
  const mean = parameters.means[k];
  const sd = Math.sqrt(parameters.variances[k]);
  const handle = {
    id: `mean ${k}`,
    kind: 'mean',
    k,
    x: x(mean),
    y: rowOf(k),
    mark: markOf('line', k),
    label: `Mean of ${componentName('line', k)}`,
    now: Number(mean.toPrecision(4)),
    said: short(mean),
    to: (px) => withLocation(problem, parameters, k, x.invert(px)),
  };
  if (problem.fixed?.includes('variances')) return [handle];
  const spread = {
    ...handle,
    id: `spread ${k}`,
    kind: 'spread',
    mark: '',
    x: x(mean + sd),
    label: `Standard deviation of ${componentName('line', k)}`,
    now: Number(sd.toPrecision(4)),
    said: short(sd),
    to: (px) => withSd(parameters, k, Math.max(x.invert(px) - mean, x.invert(1) - x.invert(0))),
  };
  return [handle, spread];
}
