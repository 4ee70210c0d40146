/** A Gaussian mixture in the plane: points, and an ellipse two standard deviations wide. */

import { axisBottom, axisLeft } from 'd3-axis';
import { scaleLinear } from 'd3-scale';
import { axes } from '../families.js';
import { color } from './colors.js';
import { stretched, toScreen, withCovariance, withLocation } from './edits.js';
import { drawHandles } from './handles.js';
import { drawPoints, markPoint } from './points.js';
import { axisTitles, clip, extentOf, layers, meansOf, onlyIfNew, radius, ticks } from './scales.js';
import { componentName, markOf, short } from './words.js';

const DISTANCE = 2;
let clips = 0; // so that several short on a page have clips of their own
const MARGIN = { top: 24, right: 14, bottom: 40, left: 46 };

/** {draw(state, size), place(x, y), label} in an svg. */
export function createPlane(svg, sitting) {
  const layer = layers(svg, ['axes', 'ellipses', 'threads', 'points', 'handles']);
  layer.points.attr('role', 'listbox').attr('aria-label', 'Points');
  const [x, y] = [scaleLinear(), scaleLinear()];
  const clipId = `em-clip-${(clips += 1)}`;
  const [pointsIfNew, markIfNew, axesIfNew] = [onlyIfNew(), onlyIfNew(), onlyIfNew()];
  const place = (px, py) => [x.invert(px), y.invert(py)];

  function draw(state, { width, height }) {
    const { data } = state.problem;
    if (!sitting.preview) {
      [x, y].forEach((scale, j) =>
        scale.domain(extentOf([...data, ...meansOf(sitting.state)].map((p) => p[j]))),
      );
    }
    x.range([MARGIN.left, width - MARGIN.right]);
    y.range([height - MARGIN.bottom, MARGIN.top]);
    const scales = [width, height, ...x.domain(), ...y.domain()];
    axesIfNew([data, ...scales], () => drawAxes({ width, height }));
    drawEllipses(layer.ellipses, state, x, y);
    pointsIfNew([data, state.responsibilities, ...scales], () => {
      const r = radius(data.length);
      const points = data.map((datum, n) => ({ n, x: x(datum[0]), y: y(datum[1]), r }));
      drawPoints(layer.points, points, place, sitting);
    });
    markIfNew([sitting.selected, data.length], () => markPoint(layer.points, sitting.selected));
    drawThreads(layer.threads, state, sitting.selected, x, y);
    drawHandles(
      layer.handles,
      state.parameters.means.flatMap((_, k) => handlesOf(state, k, x, y)),
      sitting,
    );
  }

  function drawAxes({ width, height }) {
    layer.axes
      .select('.em-axis-x')
      .attr('transform', `translate(0,${height - MARGIN.bottom})`)
      .call(axisBottom(x).ticks(ticks(width)));
    layer.axes
      .select('.em-axis-y')
      .attr('transform', `translate(${MARGIN.left},0)`)
      .call(axisLeft(y).ticks(ticks(height)));
    axisTitles(layer.axes, sitting, { width, height });
    const frame = {
      left: MARGIN.left,
      top: MARGIN.top,
      right: width - MARGIN.right,
      bottom: height - MARGIN.bottom,
    };
    clip(layer.ellipses, clipId, frame);
  }

  return { draw, place, label: 'Points in the plane, and an ellipse for each component' };
}

/** Pixels to a unit, along x and along y; y grows downwards. */
const perUnit = (x, y) => [x(1) - x(0), y(1) - y(0)];

function drawEllipses(layer, { parameters: { means, covariances, weights } }, x, y) {
  layer
    .selectAll('ellipse')
    .data(means)
    .join('ellipse')
    .each(function ([mx, my], k) {
      const { values, angle } = axes(toScreen(covariances[k], perUnit(x, y)));
      const [short, long] = values.map((value) => DISTANCE * Math.sqrt(Math.max(value, 0)));
      const turn = (angle * 180) / Math.PI;
      this.setAttribute('transform', `translate(${x(mx)},${y(my)}) rotate(${turn})`);
      this.setAttribute('rx', long);
      this.setAttribute('ry', short);
      this.setAttribute('stroke', color(k));
      this.setAttribute('fill', color(k));
      this.setAttribute('fill-opacity', 0.04 + 0.16 * weights[k]);
    });
}

/** From the selected point to each mean, as wide as the responsibility. */
function drawThreads(layer, { problem, parameters, responsibilities }, n, x, y) {
  const shown = n === null ? [] : parameters.means;
  layer
    .selectAll('line')
    .data(shown)
    .join('line')
    .attr('x1', () => x(problem.data[n][0]))
    .attr('y1', () => y(problem.data[n][1]))
    .attr('x2', (mean) => x(mean[0]))
    .attr('y2', (mean) => y(mean[1]))
    .attr('stroke', (mean, k) => color(k))
    .attr('stroke-width', (mean, k) => 7 * responsibilities[n][k]);
}

function handlesOf({ problem, parameters }, k, x, y) {
  const mean = parameters.means[k];
  const covariance = parameters.covariances[k];
  const per = perUnit(x, y);
  const center = [x(mean[0]), y(mean[1])];
  const handle = {
    id: `mean ${k}`,
    kind: 'mean',
    k,
    x: center[0],
    y: center[1],
    mark: markOf('plane', k),
    label: `Mean of ${componentName('plane', k)}`,
    now: Number(mean[0].toPrecision(4)),
    said: mean.map(short).join(', '),
    to: (px, py) => withLocation(problem, parameters, k, [x.invert(px), y.invert(py)]),
  };
  if (problem.fixed?.includes('covariances')) return [handle];
  const { values, angle } = axes(toScreen(covariance, per));
  const isAligned = problem.form === 'diag' || problem.form === 'spherical';
  const [xx, , , yy] = toScreen(covariance, per).flat();
  const ends = isAligned
    ? [
        [0, DISTANCE * Math.sqrt(yy)],
        [DISTANCE * Math.sqrt(xx), 0],
      ]
    : [angle + Math.PI / 2, angle].map((turn, i) =>
        [Math.cos(turn), Math.sin(turn)].map(
          (part) => DISTANCE * Math.sqrt(Math.max(values[i], 0)) * part,
        ),
      );
  const [farX, farY] = [x.range(), y.range()];
  const isSeen = ([u, v]) =>
    center[0] + u > farX[0] &&
    center[0] + u < farX[1] &&
    center[1] + v < farY[0] &&
    center[1] + v > farY[1];
  const seen = ends.map((end) => (isSeen(end) ? end : end.map((part) => -part)));
  const spreads = seen.map(([u, v], which) => ({
    id: `spread ${which} ${k}`,
    kind: 'spread',
    k,
    x: center[0] + u,
    y: center[1] + v,
    label: `${which ? 'Longer' : 'Shorter'} axis of ${componentName('plane', k)}`,
    now: Number(Math.sqrt(which ? covariance[0][0] : covariance[1][1]).toPrecision(4)),
    said: `sd ${short(Math.sqrt(covariance[0][0]))} along x, ${short(Math.sqrt(covariance[1][1]))} along y`,
    to: (px, py) => {
      const changed = stretched(
        covariance,
        problem.form,
        which,
        [px - center[0], py - center[1]],
        per,
        DISTANCE,
      );
      return withCovariance(problem, parameters, k, changed);
    },
  }));
  return [...spreads, handle];
}
