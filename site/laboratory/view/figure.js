/** The figure in which EM is seen: axes, curves, points and handles, drawn for any width. */

import { select } from 'd3-selection';
import { createCoins } from './figure_coins.js';
import { createLine } from './figure_line.js';
import { createPlane } from './figure_plane.js';

const CREATE = { coins: createCoins, line: createLine, plane: createPlane };
const NARROW = 520;
const HIGHEST = 0.46; // of the window, so that the buttons below are seen at the same time

/**
 * The figure of a sitting, for whatever model it has: {element, draw(parameters), resize(),
 * place(x, y)}, the last of which says what point a place in the figure is.
 */
export function createFigure(sitting, { compact }) {
  const element = document.createElement('div');
  element.className = 'em-figure';
  const svg = select(element).append('svg').attr('role', 'group');
  let width = 0; // asked for only when it changes: asking makes a browser lay out the page
  let model = null;
  let inside = null;
  let shown = null;

  function draw(parameters) {
    shown = parameters;
    width ||= Math.max(element.clientWidth, 260);
    const high = Math.min(compact ? 380 : 480, HIGHEST * innerHeight);
    const height = Math.round(Math.max(280, Math.min(width * (width < NARROW ? 0.84 : 0.64), high)));
    svg.attr('width', width).attr('height', height).attr('viewBox', `0 0 ${width} ${height}`);
    const { problem } = sitting.state;
    if (problem.model !== model) {
      model = problem.model;
      svg.selectAll('*').remove();
      inside = CREATE[model](svg, sitting);
      svg.on('click dblclick', (event) => {
        const wanted = event.type === 'dblclick' || sitting.isPlacing;
        const isOnNothing = !event.target.closest('.em-handle, .em-point');
        if (!wanted || !isOnNothing || (event.type === 'dblclick' && sitting.isPlacing)) return;
        const box = svg.node().getBoundingClientRect();
        sitting.addPoint(inside.place(event.clientX - box.left, event.clientY - box.top));
      });
    }
    svg.attr('aria-label', inside.label);
    inside.draw({ ...sitting.state, parameters }, { width, height });
  }

  function resize() {
    width = 0;
    draw(shown);
  }

  return { element, draw, resize, place: (x, y) => inside.place(x, y) };
}
