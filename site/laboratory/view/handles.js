/**
 * What can be dragged in a figure. A handle is
 *   {id, kind: 'mean' | 'spread' | 'place', k, mark, x, y, label, now, said, to: (x, y) => parameters}
 * at x and y in pixels, with a `mark` on it if it has one; `now` is its value as a number, `said`
 * the same in words.
 */

import { drag } from 'd3-drag';
import { color } from './colors.js';

const STEP = 6; // pixels for an arrow key; one with Shift
const RADIUS = { mean: 10.5, spread: 5.5, place: 5.5 };
const TURNS = 12; // in which handles make room for each other
export const ARROWS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/**
 * The handles moved apart where one would hide another: means make room for each other, and spreads
 * for all. Each has `dx` and `dy`, by which it is away from its place, and takes them into account.
 */
function apart(handles) {
  const moved = handles.map((handle) => ({ ...handle, dx: 0, dy: 0 }));
  const pairs = moved.flatMap((a, i) => moved.slice(i + 1).map((b) => [a, b]));
  for (let turn = 0; turn < TURNS; turn++) {
    for (const [a, b] of pairs) {
      const [u, v] = [b.x + b.dx - a.x - a.dx, b.y + b.dy - a.y - a.dy];
      const distance = Math.hypot(u, v);
      const missing = RADIUS[a.kind] + RADIUS[b.kind] + 4 - distance;
      if (missing <= 0) continue;
      const [right, down] = distance > 0.1 ? [u / distance, v / distance] : [1, 0];
      const share = a.kind === b.kind ? 0.5 : Number(b.kind === 'mean');
      a.dx -= share * missing * right;
      a.dy -= share * missing * down;
      b.dx += (1 - share) * missing * right;
      b.dy += (1 - share) * missing * down;
    }
  }
  return moved.map((handle) => {
    const { x, y, dx, dy, to } = handle;
    return { ...handle, x: x + dx, y: y + dy, to: (px, py) => to(px - dx, py - dy) };
  });
}

/** Draw the handles into a layer, bound to the sitting that their dragging changes. */
export function drawHandles(layer, handles, sitting) {
  const groups = layer
    .selectAll('g.em-handle')
    .data(apart(handles), ({ id }) => id)
    .join((enter) => {
      const group = enter
        .append('g')
        .attr('class', ({ kind }) => `em-handle em-handle-${kind}`)
        .attr('role', 'slider')
        .attr('tabindex', 0)
        .call(dragging(layer.node(), sitting))
        .on('keydown', (event, handle) => onKey(event, handle, sitting));
      group.append('line').attr('class', 'em-leader');
      group
        .append('circle')
        .attr('class', 'em-reach')
        .attr('r', ({ kind }) => (kind === 'mean' ? 20 : 14));
      group
        .append('circle')
        .attr('class', 'em-knob')
        .attr('r', ({ kind }) => RADIUS[kind]);
      group.append('text').attr('dy', '0.35em');
      return group;
    });
  groups
    .attr('transform', ({ x, y }) => `translate(${x},${y})`)
    .attr('aria-label', ({ label }) => label)
    .attr('aria-valuenow', ({ now }) => now)
    .attr('aria-valuetext', ({ said }) => said);
  groups
    .select('.em-leader')
    .attr('x2', ({ dx }) => -dx)
    .attr('y2', ({ dy }) => -dy)
    .attr('stroke', ({ k }) => color(k));
  groups.select('.em-knob').attr('stroke', ({ k }) => color(k));
  groups.select('text').text(({ mark }) => mark ?? '');
}

const dragging = (container, sitting) =>
  drag()
    .container(container)
    .subject((event, { x, y }) => ({ x, y }))
    .on('start', function (event, { to }) {
      this.classList.add('em-dragged');
      // As it was grabbed: what makes room for it may change on its way.
      event.on('drag', ({ x, y }) => sitting.drag(to(x, y)));
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
