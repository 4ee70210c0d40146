/** What the figures share: layers, scales that leave room, titles of axes, sizes of points. */

import { featuresOf } from '../data.js';

/** Groups of these names in an svg, the later ones on top. */
export function layers(svg, names) {
  const made = names.map((name) => [name, svg.append('g').attr('class', `em-${name}`)]);
  const layer = Object.fromEntries(made);
  for (const side of ['x', 'y']) {
    layer.axes.append('g').attr('class', `em-axis em-axis-${side}`).attr('aria-hidden', true);
    layer.axes.append('text').attr('class', `em-title em-title-${side}`);
  }
  return layer;
}

/** From a little below the least to a little above the largest value. */
export function extentOf(values, room = 0.08) {
  const finite = values.filter(Number.isFinite);
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const margin = (high - low || Math.abs(high) || 1) * room;
  return [low - margin, high + margin];
}

/** Means that a figure should have in view: now, and where its path begins. */
export const meansOf = ({ parameters, history }) => [
  ...parameters.means,
  ...history[0].parameters.means,
];

/** How many ticks a length in pixels can bear. */
export const ticks = (pixels) => Math.max(3, Math.min(8, Math.round(pixels / 80)));

/** How large a point is drawn among so many. */
export const radius = (count) => (count > 400 ? 2.8 : count > 150 ? 3.4 : count > 40 ? 4.2 : 5.5);

/** A line through places in pixels, as an svg path. */
export const polyline = (places) =>
  `M${places.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join('L')}`;

/** What the axes are called, where the data have names for them. */
export function axisTitles(layer, sitting, { width, height }) {
  const { problem } = sitting.state;
  const names = featuresOf(problem);
  const isPlane = problem.model === 'plane';
  const first = problem.model === 'coins' ? 'share of heads' : names[0];
  layer
    .select('.em-title-x')
    .attr('x', width - 14)
    .attr('y', height - 6)
    .attr('text-anchor', 'end')
    .text(first);
  layer
    .select('.em-title-y')
    .attr('x', 2)
    .attr('y', 12)
    .text(isPlane ? names[1] : '');
}

/** A function that does something if any of the values on which it depends is another than before. */
export function onlyIfNew() {
  let before = [];
  return (values, action) => {
    if (values.length === before.length && values.every((value, i) => value === before[i])) return;
    before = values;
    action();
  };
}

/** Keeps what a layer draws inside a frame. */
export function clip(layer, id, { left, top, right, bottom }) {
  const frame = layer.selectAll('clipPath').data([0]).join('clipPath').attr('id', id);
  frame
    .selectAll('rect')
    .data([0])
    .join('rect')
    .attr('x', left)
    .attr('y', top)
    .attr('width', right - left)
    .attr('height', bottom - top);
  layer.attr('clip-path', `url(#${id})`);
}
