/**
 * What can be dragged in a figure. A handle is
 *   {id, kind: 'mean' | 'spread', k, mark, x, y, label, now, said, to: (x, y) => parameters}
 * at x and y in pixels, with a `mark` on it if it has one; `now` is its value as a number, `said`
 * the same in words.
 */

import { drag } from 'd3-drag';
import { color } from './colors.js';

const STEP = 6; // pixels for an arrow key; one with Shift
export const ARROWS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Draw the handles into a layer, bound to the sitting that their dragging changes. */
export function drawHandles(layer, handles, sitting) {
  const groups = layer
    .selectAll('g.em-handle')
    .data(handles, ({ id }) => id)
    .join((enter) => {
      const group = enter
        .append('g')
        .attr('class', ({ kind }) => `em-handle em-handle-${kind}`)
        .attr('role', 'slider')
        .attr('tabindex', 0)
        .call(dragging(layer.node(), sitting))
        .on('keydown', (event, handle) => onKey(event, handle, sitting));
      group
        .append('circle')
        .attr('class', 'em-reach')
        .attr('r', ({ kind }) => (kind === 'mean' ? 20 : 14));
      group
        .append('circle')
        .attr('class', 'em-knob')
        .attr('r', ({ kind }) => (kind === 'mean' ? 10.5 : 5.5));
      group.append('text').attr('dy', '0.35em');
      return group;
    });
  groups
    .attr('transform', ({ x, y }) => `translate(${x},${y})`)
    .attr('aria-label', ({ label }) => label)
    .attr('aria-valuenow', ({ now }) => now)
    .attr('aria-valuetext', ({ said }) => said);
  groups.select('.em-knob').attr('stroke', ({ k }) => color(k));
  groups.select('text').text(({ mark }) => mark ?? '');
}

const dragging = (container, sitting) =>
  drag()
    .container(container)
    .subject((event, { x, y }) => ({ x, y }))
    .on('start', (event) =>
      event.sourceEvent.target.closest('.em-handle').classList.add('em-dragged'),
    )
    .on('drag', function (event) {
      sitting.drag(this.__data__.to(event.x, event.y));
    })
    .on('end', function () {
      this.classList.remove('em-dragged');
      sitting.keep(moved(this.__data__));
    });

const moved = ({ label, said }) => `${label}: ${said}.`;

function onKey(event, handle, sitting) {
  const arrow = ARROWS[event.key];
  if (!arrow || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  const pixels = event.shiftKey ? 1 : STEP;
  const [dx, dy] = arrow.map((direction) => direction * pixels);
  sitting.drag(handle.to(handle.x + dx, handle.y + dy));
  const after = event.currentTarget.__data__; // drawn anew while it was dragged
  sitting.keep(moved(after), handle.id);
}
