/** Puts the laboratory into an element of a page. */

import { html, nothing, render } from 'lit-html';
import { begin } from '../scenes.js';
import { fromHash, toHash } from '../share.js';
import { createFigure } from './figure.js';
import * as panels from './panels.js';
import { Sitting } from './sitting.js';
import { components } from './words.js';
import { createSurface, isStill } from './surface.js';
import { createWeights } from './weights.js';

const MOVE = 380; // milliseconds for the curves to go from one state to the next

/**
 * The laboratory in `element`, whose content it replaces.
 *
 * `scene` is the id of the scene to begin with; a `compact` laboratory, for a chapter, has the
 * figure, the steps and the ledger, and a link `home` to the whole one.
 */
export function mountLaboratory(element, { scene, compact = false, home = '' } = {}) {
  const sitting = new Sitting(update);
  const figure = createFigure(sitting, { compact });
  const weights = createWeights(sitting);
  const surface = createSurface(sitting);
  let drawn = null; // the parameters that the figure shows
  let spoken = null; // the parameters that were said last
  let settled = null;
  let motion = null;

  element.replaceChildren();
  element.classList.add('em-lab');
  element.classList.toggle('em-compact', compact);
  element.addEventListener('keydown', (event) => onKey(event, sitting));

  function update() {
    const { state, isRunning, said } = sitting;
    if (!compact && !sitting.preview && !isRunning) settled = choicesAndMore(sitting, figure);
    const parts = { sitting, figure, weights, surface, settled, home };
    render((compact ? small : whole)(parts), element);
    // A reader of a screen hears the end of a run, not its every step.
    if (!isRunning) {
      const isNews = spoken !== state.parameters && state.step !== 'moved';
      element.querySelector('.em-said').textContent = isNews
        ? `${said} ${components(state)}`
        : said;
      spoken = state.parameters;
    }
    if (!compact) surface.draw();
    moveTo(state.parameters);
  }

  function moveTo(parameters) {
    cancelAnimationFrame(motion);
    const from = drawn;
    const hasFar = from && from !== parameters && !sitting.preview && sameShape(from, parameters);
    const duration = !hasFar || panels.isCalm() ? 0 : sitting.isRunning ? MOVE / 3 : MOVE;
    const start = performance.now();
    const frame = (now) => {
      const t = duration ? Math.min(1, (now - start) / duration) : 1;
      drawn = t < 1 ? between(from, parameters, t * (2 - t)) : parameters;
      figure.draw(drawn);
      weights.draw(drawn);
      if (t < 1) motion = requestAnimationFrame(frame);
    };
    frame(start);
  }

  sitting.loadNamed(scene);
  if (!compact) {
    openAddress(sitting);
    addEventListener('hashchange', () => openAddress(sitting));
  }
  new ResizeObserver(figure.resize).observe(figure.element);
  return sitting;
}

/** Show what the address of the page asks for; if it is damaged, say so. */
function openAddress(sitting) {
  if (location.hash.length < 2) return;
  try {
    const { scene = null, ...wanted } = fromHash(location.hash);
    const said = 'This is what the address says.';
    sitting.add(begin({ ...scene, ...wanted }), said, { scene, isNewPart: true });
  } catch (error) {
    sitting.say(error.message);
  }
}

function whole({ sitting, figure, weights, surface, settled }) {
  const { problem } = sitting.state;
  const hasMap = problem.model === 'line' && isStill(problem); // beside bells of which only means move
  return html`${panels.scenes(sitting)}
    <div class="em-main">
      ${panels.sentence(sitting)}
      <div class="em-stage">
        ${figure.element}${weights.element}${panels.controls(sitting, { hasHardStep: true })}
        ${status(sitting)}${announcement} ${panels.reading(sitting)}
      </div>
      <div class="em-side">
        ${panels.ledger(sitting)}${status(sitting)}${hasMap ? surface.element : nothing}
        ${panels.charts(sitting)}${panels.stopping(sitting)}
      </div>
    </div>
    <div class="em-more">
      ${panels.components(sitting)}${hasMap ? nothing : surface.element} ${settled}
    </div>`;
}

/** What need not follow every movement of a hand. */
const choicesAndMore = (sitting, figure) =>
  html`${panels.choices(sitting, { figure })}
  ${panels.takeAway(sitting, { address: `${location.href.split(/[?#]/)[0]}#${toHash(sitting.state, sitting.scene)}` })}`;

function small({ sitting, figure, weights, home }) {
  const link = `${home}#${toHash(sitting.state, sitting.scene)}`;
  return html`${panels.sentence(sitting)}
    <div class="em-stage">
      ${figure.element}${weights.element}${panels.controls(sitting, { hasHardStep: sitting.scene?.steps.includes('hard') })}
      ${status(sitting)}${announcement}
    </div>
    ${panels.ledger(sitting)}
    ${home ? html`<p class="em-line"><a href=${link}>Open this in the laboratory</a></p>` : nothing}`;
}

/** What was said last, for the eye: the style shows it once, where there is room for it. */
const status = ({ said }) => html`<p class="em-status" aria-hidden="true">${said}</p>`;

/** The same for readers of a screen; `update` fills it. */
const announcement = html`<p class="em-said em-unseen" role="status"></p>`;

const KEYS = {
  e: (sitting) => sitting.step('E'),
  m: (sitting) => sitting.step('M'),
  h: (sitting) => sitting.step('hard'),
  n: (sitting) => sitting.nudge(),
  r: (sitting) =>
    sitting.isRunning ? sitting.stop() : sitting.run({ isInstant: panels.isCalm() }),
  b: (sitting) => sitting.back(),
  f: (sitting) => sitting.forward(),
  s: (sitting) => sitting.startAgain(),
};

function onKey(event, sitting) {
  if (event.target.closest('input:not([type="range"], [type="checkbox"]), textarea, select, pre'))
    return;
  const isUndo = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'z';
  const hasModifier = event.ctrlKey || event.metaKey || event.altKey;
  const command = isUndo
    ? event.shiftKey
      ? KEYS.f
      : KEYS.b
    : hasModifier
      ? null
      : KEYS[event.key.toLowerCase()];
  if (!command) return;
  event.preventDefault();
  command(sitting);
}

/** Whether one set of parameters can be moved into another. */
const sameShape = (a, b) =>
  a.weights.length === b.weights.length && Object.keys(a).join() === Object.keys(b).join();

/** Numbers, lists and objects of them, a share t of the way from one to the other. */
function between(a, b, t) {
  if (typeof a === 'number') return a + t * (b - a);
  if (Array.isArray(a)) return a.map((value, i) => between(value, b[i], t));
  return Object.fromEntries(Object.keys(a).map((key) => [key, between(a[key], b[key], t)]));
}
