/**
 * The data as points of a figure: one stop of the tab key, arrows from point to point. A point is
 * {n, x, y, r} in pixels, and `place(x, y)` says what datum a place in the figure is.
 */

import { drag } from 'd3-drag';
import { blend } from './colors.js';
import { ARROWS } from './handles.js';
import { pointInWords } from './words.js';

const STEP = 6;

/** Draw the points, in the colours of their responsibilities. */
export function drawPoints(layer, points, place, sitting) {
  const { state } = sitting;
  layer
    .selectAll('circle')
    .data(points)
    .join((enter) =>
      enter
        .append('circle')
        .attr('class', 'em-point')
        .attr('role', 'option')
        .call(dragging(layer.node(), sitting))
        .on('click', (event, { n }) => sitting.select(n))
        .on('focus', (event, { n }) => sitting.select(n))
        .on('mouseenter', (event, { n }) => !event.buttons && sitting.select(n))
        .on('keydown', (event, point) => onKey(event, point, layer.node(), sitting)),
    )
    .property('place', () => place)
    .attr('cx', ({ x }) => x)
    .attr('cy', ({ y }) => y)
    .attr('r', ({ r }) => r)
    .attr('fill', ({ n }) => blend(state.responsibilities[n]))
    .attr('aria-label', ({ n }) => pointInWords(state, n));
}

/** Mark the point that is selected; without one, the tab key leads to the first. */
export function markPoint(layer, selected) {
  layer
    .selectAll('circle')
    .attr('tabindex', (point, n) => (n === (selected ?? 0) ? 0 : -1))
    .attr('aria-selected', (point, n) => n === selected);
}

const dragging = (container, sitting) =>
  drag()
    .container(container)
    .filter(
      (event) => !event.button && (!event.touches || sitting.selected === event.target.__data__.n),
    )
    .subject((event, { x, y }) => ({ x, y }))
    .on('drag', function (event, { n }) {
      sitting.dragPoint(n, this.place(event.x, event.y, n));
    })
    .on('end', (event, { n }) => sitting.keepPoint(n));

function onKey(event, { n, x, y }, layer, sitting) {
  const { length } = sitting.state.problem.data;
  const focus = (index) => layer.children[(index + length) % length]?.focus();
  const arrow = ARROWS[event.key];
  if (event.ctrlKey || event.metaKey) return;
  if (arrow && event.shiftKey) {
    sitting.setPoint(n, event.currentTarget.place(x + STEP * arrow[0], y + STEP * arrow[1], n));
  } else if (arrow) focus(n + (event.key === 'ArrowLeft' || event.key === 'ArrowUp' ? -1 : 1));
  else if (event.key === 'Home') focus(0);
  else if (event.key === 'End') focus(length - 1);
  else if (event.key === 'Delete' || event.key === 'Backspace') {
    sitting.deletePoint(n);
    focus(Math.min(n, sitting.state.problem.data.length - 1));
  } else return;
  event.preventDefault();
}
