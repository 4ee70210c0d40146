/** The weights as one bar, whose borders can be dragged. */

import { drag } from 'd3-drag';
import { select } from 'd3-selection';
import { color } from './colors.js';
import { withBorder } from './edits.js';
import { COMPONENT, markOf, short } from './words.js';

const STEP = 0.01;

/** {element, draw(parameters)}: a segment per component, a slider between each two. */
export function createWeights(sitting) {
  const element = document.createElement('div');
  element.className = 'em-weights';
  const bar = select(element);

  const mark = (k) => markOf(sitting.state.problem.model, k);
  const bothNames = (k) =>
    `${COMPONENT[sitting.state.problem.model]}s ${mark(k)} and ${mark(k + 1)}`;
  const shift = (k, place) => sitting.drag(withBorder(sitting.state.parameters, k, place));
  const keep = (k, merge) => {
    const { weights } = sitting.state.parameters;
    sitting.keep(
      `Weights of ${bothNames(k)}: ${short(weights[k])} and ${short(weights[k + 1])}.`,
      merge,
    );
  };
  const dragging = drag()
    .container(element)
    .subject((event) => ({ x: event.x, y: 0 }))
    .on('drag', function (event) {
      shift(this.__data__.k, event.x / element.clientWidth);
    })
    .on('end', function () {
      keep(this.__data__.k);
    });

  function onKey(event, { k, place }) {
    const direction = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
    if (!direction) return;
    event.preventDefault();
    shift(k, place + direction * (event.shiftKey ? STEP / 10 : STEP));
    keep(k, `border ${k}`);
  }

  function draw({ weights }) {
    const isFixed = sitting.state.problem.fixed?.includes('weights');
    bar
      .selectAll('.em-weight')
      .data(weights)
      .join('div')
      .attr('class', 'em-weight')
      .style('flex-grow', (weight) => weight)
      .style('--color', (weight, k) => color(k))
      .attr('aria-hidden', true)
      .selectAll('span')
      .data((weight, k) => [`${mark(k)}: ${weight.toFixed(2)}`])
      .join('span')
      .text(String);
    let place = 0;
    const borders = weights
      .slice(0, -1)
      .map((weight, k) => ({ k, place: (place += weight), weight }));
    bar
      .selectAll('.em-border')
      .data(isFixed ? [] : borders)
      .join((enter) =>
        enter
          .append('div')
          .attr('class', 'em-border')
          .attr('role', 'slider')
          .attr('tabindex', 0)
          .attr('aria-valuemin', 0)
          .attr('aria-valuemax', 1)
          .call(dragging)
          .on('keydown', onKey),
      )
      .style('left', (border) => `${100 * border.place}%`)
      .attr(
        'aria-label',
        ({ k }) => `Border between the weights of ${bothNames(k)}`,
      )
      .attr('aria-valuenow', (border) => border.place.toFixed(3))
      .attr('aria-valuetext', ({ k }) => `${short(weights[k])} and ${short(weights[k + 1])}`);
  }

  return { element, draw };
}
