/** What is around the figure, as functions from a sitting to HTML. */

import { html, nothing } from 'lit-html';
import { live } from 'lit-html/directives/live.js';
import { DATA, unitOfVariance } from '../data.js';
import { explain } from '../explain.js';
import { placeOf } from '../growth.js';
import { python } from '../python.js';
import { SCENES } from '../scenes.js';
import { TOLERANCE } from '../stopping.js';
import { bars, trace } from './charts.js';
import { color } from './colors.js';
import { asTable, fieldsOf } from './edits.js';
import { MOST_COMPONENTS, START_NAMES } from './sitting.js';
import {
  COMPONENT,
  POINT,
  WHEN,
  capital,
  change,
  kindInWords,
  markOf,
  short,
  number,
  placeInWords,
  precise,
  share,
  zeroed,
} from './words.js';

const swatch = (k) =>
  html`<span class="em-swatch" style="background:${color(k)}" aria-hidden="true"></span>`;

/** The scenes, one click each, and the sentence of the one that is shown. */
export function scenes(sitting) {
  const chip = (scene) =>
    html`<button
      type="button"
      class="em-chip"
      aria-pressed=${scene === sitting.scene}
      @click=${() => sitting.load(scene)}
    >
      ${scene.title}
    </button>`;
  const row = ([group, title]) =>
    html`<div class="em-scenes" role="group" aria-label=${title}>
      <span class="em-quiet" aria-hidden="true">${title}</span>
      ${ofGroup(group).map(chip)}
    </div>`;
  return html`${GROUPS.map(row)} ${sceneMenu(sitting)}`;
}

const GROUPS = [
  ['data', 'See the data'],
  ['lesson', 'See how EM behaves'],
];

const ofGroup = (group) => SCENES.filter((scene) => scene.group === group);

/** The scenes as a menu, which takes the place of the buttons where they would fill the screen. */
function sceneMenu(sitting) {
  const shown = sitting.scene?.id ?? '';
  const option = ({ id, title }) =>
    html`<option value=${id} .selected=${id === shown}>${title}</option>`;
  return html`<label class="em-scene-menu"
    >Scene
    <select .value=${live(shown)} @change=${({ target }) => sitting.loadNamed(target.value)}>
      <option value="" disabled hidden .selected=${!shown}>Your own experiment</option>
      ${GROUPS.map(([group, title]) => html`<optgroup label=${title}>${ofGroup(group).map(option)}</optgroup>`)}
    </select></label
  >`;
}

export const sentence = ({ scene }) =>
  html`<p class="em-sentence">
    ${
      scene?.sentence ??
      'Your own experiment: place points, drag what you like, and take E and M one at a time.'
    }
  </p>`;

/** The buttons of the steps. */
export function controls(sitting, { hasHardStep }) {
  const { state, index, moments, isRunning } = sitting;
  const [first, last] = sitting.span;
  const place = `${index - first + 1} of ${last - first + 1}`;
  const isNext = (phase) => !isRunning && state.phase === phase;
  const button = (label, action, { title, isPrimary = false, disabled = false, key }) =>
    html`<button
      type="button"
      class=${isPrimary ? 'em-primary' : ''}
      title=${title}
      ?disabled=${disabled}
      aria-keyshortcuts=${key}
      @click=${action}
    >
      ${label}
    </button>`;
  return html`<div class="em-buttons" role="group" aria-label="Steps">
      ${button('E-step', () => sitting.step('E'), { title: 'E-step: recolour the points (key E)', isPrimary: isNext('E'), key: 'e' })}
      ${button('M-step', () => sitting.step('M'), { title: 'M-step: move the curves to the colours (key M)', isPrimary: isNext('M'), key: 'm' })}
      ${button(isRunning ? 'Stop' : 'Run', () => (isRunning ? sitting.stop() : sitting.run({ isInstant: isCalm() })), { title: 'E and M in turn, until the stopping rule says stop (key R)', key: 'r' })}
      ${button('Nudge', () => sitting.nudge(), { title: 'Move every component a little, at random, as emlib does to leave a saddle (key N)', key: 'n' })}
      ${hasHardStep ? button('Hard step', () => sitting.step('hard'), { title: 'Give every point wholly to one component, as k-means does: not an E-step (key H)', key: 'h' }) : nothing}
      ${button('Start again', () => sitting.startAgain(), { title: 'As the scene, or your experiment, began (key S)', key: 's' })}
    </div>
    <div class="em-moments" role="group" aria-label="Backwards and forwards">
      ${button('‹ Back', () => sitting.back(), { title: 'Back: undo the last step or change (key B)', disabled: !index, key: 'b' })}
      <input
        type="range"
        min=${first}
        max=${last}
        .value=${live(String(index))}
        ?disabled=${first === last}
        aria-label="Moment"
        aria-valuetext="moment ${place}, ${WHEN[state.step]}"
        @input=${({ target }) => sitting.goTo(Number(target.value))}
      />
      <span>${place}</span>
      ${button('Forward ›', () => sitting.forward(), { title: 'Forward: do again what was undone (key F)', disabled: index === moments.length - 1, key: 'f' })}
    </div>`;
}

export const isCalm = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

/** Log-likelihood, bound and gap, now and by how much the last half-step changed them. */
export function ledger({ state }) {
  const { history, logLikelihood } = state;
  const [before, now] = [history.at(-2), history.at(-1)];
  const row = (name, key, sign) =>
    html`<tr class="em-row-${key}">
      <th scope="row">${sign} ${name}</th>
      <td>${number(zeroed(now[key], logLikelihood), 4)}</td>
      <td>${before ? change(now[key] - before[key], logLikelihood) : '–'}</td>
    </tr>`;
  return html`<table class="em-ledger">
    <caption class="em-heading">
      Log-likelihood = bound + gap
    </caption>
    <thead>
      <tr>
        <th scope="col"><span class="em-unseen">What</span></th>
        <th scope="col">now</th>
        <th scope="col">${before ? CHANGED[now.step] : 'change'}</th>
      </tr>
    </thead>
    <tbody>
      ${row('log-likelihood', 'logLikelihood', '')} ${row('bound', 'bound', '=')}
      ${row('gap', 'gap', '+')}
    </tbody>
  </table>`;
}

const CHANGED = {
  start: 'change',
  E: 'by this E-step',
  M: 'by this M-step',
  hard: 'by this hard step',
  nudge: 'by this nudge',
  moved: 'by your change',
};

/** The bars and the trace. */
export const charts = ({ state }) =>
  html`<div class="em-charts">
    <figure>
      ${bars(state)}
      <figcaption>
        The last half-steps: <span class="em-key em-key-bound"></span>bound,
        <span class="em-key em-key-gap"></span>gap. Bars are broken below the scale.
      </figcaption>
    </figure>
    <figure>
      ${trace(state)}
      <figcaption>
        All of them: <span class="em-key em-key-loglik"></span>log-likelihood,
        <span class="em-key em-key-line"></span>bound,
        <span class="em-key em-key-gap"></span>gap.
      </figcaption>
    </figure>
  </div>`;

/** The stopping rule's two numbers, and why EM stops. */
export function stopping(sitting) {
  const { stop, problem } = sitting.state;
  const tolerance = problem.tolerance ?? TOLERANCE;
  return html`<section class="em-stopping">
    <h2 class="em-heading">May EM stop?</h2>
    <dl>
      <dt>last step gained</dt>
      <dd>${precise(stop.lastStep)}</dd>
      <dt>estimated remaining gain</dt>
      <dd>${precise(stop.remaining)}</dd>
      <dt>tolerance</dt>
      <dd>${precise(tolerance)}</dd>
    </dl>
    <p class=${stop.reason ? 'em-reason' : ''}>
      ${
        stop.reason
          ? html`<strong>${capital(stop.reason)}</strong>${stop.message ? `: ${stop.message.replace(/\.$/, '')}` : ''}. ${kindInWords(placeOf(sitting.state))}`
          : `Not yet: ${problem.rule === 'last step' ? 'the last step must be' : 'both must be'} at most the tolerance.`
      }
    </p>
    ${ends(sitting)}
  </section>`;
}

/** Where EM has stopped on these data so far, to compare and to go back to. */
function ends(sitting) {
  const found = sitting.ends.slice(0, 5);
  if (!found.length) return nothing;
  return html`<p class="em-ends">
    <span>Stopped so far on these data:</span>
    ${found.map(
      ({ index, logLikelihood, kind }) =>
        html`<button type="button" @click=${() => sitting.goTo(index, 'Back')}>
          ${number(logLikelihood)}, ${kind}
        </button>`,
    )}
  </p>`;
}

/** Every component's numbers, to read and to change. */
export function components(sitting) {
  const { state } = sitting;
  const { problem, parameters } = state;
  const fields = fieldsOf(problem);
  const cell = (k, { title, get, holds, isValid, needs }) => {
    const value = get(parameters, k);
    const isFixed = problem.fixed?.includes(holds);
    const change = ({ target }) => {
      const given = Number(target.value.replace('−', '-'));
      const isRight = target.value.trim() !== '' && isValid(given);
      if (isRight) sitting.setField(k, title, given);
      else {
        sitting.say(`${capital(title)} must be ${needs}; “${target.value}” is not.`);
        target.value = plain(value);
      }
    };
    return html`<td>
      <input
        type="text"
        inputmode="decimal"
        size="7"
        .value=${plain(value)}
        ?disabled=${isFixed}
        aria-label="${capital(sitting.nameOfComponent(k))}, ${title}${isFixed ? ', held fixed' : ''}"
        @change=${change}
      />
    </td>`;
  };
  return html`<section class="em-components">
    <h2 class="em-heading">Components</h2>
    <div class="em-wide" tabindex="0" role="group" aria-label="Numbers of the components">
      <table style="min-width:${3 + 4.3 * fields.length}rem">
        <thead>
          <tr>
            <th scope="col"><span class="em-unseen">${COMPONENT[problem.model]}</span></th>
            ${fields.map(({ title }) => html`<th scope="col">${title}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${parameters.weights.map(
            (_, k) =>
              html`<tr>
                <th scope="row">${swatch(k)}${markOf(problem.model, k)}</th>
                ${fields.map((field) => cell(k, field))}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}

const plain = (value) => String(Number(value.toPrecision(4)));

/** One point: where it is, and Bayes' rule with its numbers. */
export function reading(sitting) {
  const { state, selected } = sitting;
  const { problem, parameters, responsibilities } = state;
  const name = POINT[problem.model];
  if (selected === null || selected >= problem.data.length) {
    return html`<section class="em-reading">
      <h2 class="em-heading">One ${name}, by Bayes’ rule</h2>
      <p class="em-quiet">
        Point at a ${name}, tap it, or tab to it, and its responsibilities appear here.
      </p>
    </section>`;
  }
  const rule = explain(problem, parameters, selected);
  const rows = rule.components.map(
    ({ weight, density, joint, responsibility }, k) =>
      html`<tr>
        <th scope="row">${swatch(k)}${markOf(problem.model, k)}</th>
        <td>${short(weight)} × ${short(density)} = ${short(joint)}</td>
        <td>
          ${short(joint)} ∕ ${short(rule.density)} = <strong>${share(responsibility)}</strong>
        </td>
        <td>${share(responsibilities[selected][k])}</td>
      </tr>`,
  );
  return html`<section class="em-reading">
    <h2 class="em-heading">${capital(name)} ${selected + 1}: ${placeInWords(problem, selected)}</h2>
    <div class="em-wide" tabindex="0" role="group" aria-label="Bayes’ rule for this ${name}">
      <table>
        <thead>
          <tr>
            <th scope="col"><span class="em-unseen">${COMPONENT[problem.model]}</span></th>
            <th scope="col">weight × density</th>
            <th scope="col">share of the sum</th>
            <th scope="col">its colour</th>
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>
    <p class="em-quiet">
      The sum is ${short(rule.density)}.
      ${
        responsibilities[selected].some(
          (r, k) => Math.abs(r - rule.components[k].responsibility) > 0.0005,
        )
          ? 'The colour is older than the curves: an E-step brings it into line with the shares.'
          : 'The colour shows just these shares.'
      }
    </p>
    ${place(sitting)}
  </section>`;
}

/** A point's own numbers, to change, and a button that deletes it. */
function place(sitting) {
  const n = sitting.selected;
  const { model, data } = sitting.state.problem;
  const x = data[n];
  const parts = { coins: ['heads', 'tosses'], line: ['value'], plane: ['x', 'y'] }[model];
  const values = { coins: () => [x.heads, x.tosses], line: () => [x], plane: () => x }[model]();
  const set = (i, target) => {
    const changed = values.map((old, j) =>
      i === j ? Number(target.value.replace('−', '-')) : old,
    );
    const isRight =
      changed.every(Number.isFinite) &&
      (model !== 'coins' ||
        (changed.every(Number.isInteger) &&
          changed[0] >= 0 &&
          changed[1] >= Math.max(1, changed[0])));
    if (!isRight) {
      sitting.say(
        model === 'coins'
          ? 'Heads and tosses are whole numbers, and there are no more heads than tosses.'
          : `“${target.value}” is not a number.`,
      );
      target.value = String(values[i]);
      return;
    }
    sitting.setPoint(
      n,
      {
        coins: () => ({ heads: changed[0], tosses: changed[1] }),
        line: () => changed[0],
        plane: () => changed,
      }[model](),
      null,
    );
  };
  return html`<p class="em-place">
    ${parts.map(
      (part, i) =>
        html`<label
          >${part}
          <input
            type="text"
            inputmode="decimal"
            size="6"
            .value=${String(Number(values[i].toPrecision(6)))}
            @change=${({ target }) => set(i, target)}
        /></label>`,
    )}
    <button type="button" @click=${() => sitting.deletePoint(n)}>
      Delete this ${POINT[model]}
    </button>
  </p>`;
}

/** Model, data, components and start. */
export function choices(sitting, { figure }) {
  const { state } = sitting;
  const { problem, parameters } = state;
  const k = parameters.weights.length;
  const own = Object.entries(DATA).filter(([, { model }]) => model === problem.model);
  const option = (value, title, chosen) =>
    html`<option value=${value} ?selected=${value === chosen} .selected=${value === chosen}>
      ${title}
    </option>`;
  const picker = (label, options, chosen, action) =>
    html`<label
      >${label}
      <select .value=${live(chosen)} @change=${({ target }) => action(target.value)}>
        ${options.map(([value, title]) => option(value, title, chosen))}
      </select></label
    >`;
  const models = [
    ['coins', 'Coins'],
    ['line', 'On a line'],
    ['plane', 'In the plane'],
  ];
  const forms = [
    ['full', 'full'],
    ['tied', 'tied'],
    ['diag', 'diagonal'],
    ['spherical', 'spherical'],
  ];
  const most = Math.min(MOST_COMPONENTS, problem.data.length);
  return html`<section class="em-choices">
    <h2 class="em-heading">Model, data and start</h2>
    <div class="em-fields">
      ${picker('Model', models, problem.model, (model) => sitting.setModel(model))}
      ${picker('Data', [...own.map(([name, { title }]) => [name, title]), ['few', 'A few points of your own'], ...(sitting.dataName ? [] : [['own', 'Changed by you']])], sitting.dataName ?? 'own', (name) => name !== 'own' && sitting.setData(name))}
      ${problem.model === 'plane' ? picker('Covariances', forms, problem.form, (form) => sitting.setForm(form)) : nothing}
      ${picker(
        `Number of ${COMPONENT[problem.model]}s`,
        Array.from({ length: most }, (_, i) => [String(i + 1), String(i + 1)]),
        String(k),
        (count) => sitting.draw(sitting.start, Number(count)),
      )}
    </div>
    <p class="em-line">
      <span>Draw a start:</span>
      ${START_NAMES.map((name) => html`<button type="button" @click=${() => sitting.draw(name, k)}>${name}</button>`)}
    </p>
    <p class="em-line">
      <button type="button" @click=${() => sitting.addPoint(middleOf(figure))}>
        Add a ${POINT[problem.model]}
      </button>
      <label class="em-check"
        ><input
          type="checkbox"
          .checked=${live(sitting.isPlacing)}
          @change=${({ target }) => sitting.setPlacing(target.checked)}
        />
        A click in the figure places a ${POINT[problem.model]}</label
      >
    </p>
    ${rules(sitting)} ${paste(sitting)}
  </section>`;
}

function middleOf({ element, place }) {
  const { width, height } = element.getBoundingClientRect();
  return place(width / 2, height / 2);
}

function rules(sitting) {
  const { problem } = sitting.state;
  const numeric = (label, value, name) =>
    html`<label
      >${label}
      <input
        type="text"
        inputmode="decimal"
        size="6"
        .value=${String(value)}
        @change=${({ target }) => {
          const given = Number(target.value);
          if (target.value.trim() !== '' && given >= 0 && Number.isFinite(given))
            sitting.setRule({ [name]: given }, `${capital(label)} ${short(given)}.`);
          else {
            sitting.say(
              `The ${label} must be a number that is not negative; “${target.value}” is not.`,
            );
            target.value = String(value);
          }
        }}
    /></label>`;
  const spread = problem.model === 'line' ? 'variances' : 'covariances';
  const unit = unitOfVariance(problem);
  const held = (name, label) =>
    html`<label class="em-check"
      ><input
        type="checkbox"
        .checked=${live(problem.fixed?.includes(name) ?? false)}
        @change=${({ target }) => {
          const others = (problem.fixed ?? []).filter((one) => one !== name);
          sitting.setRule(
            { fixed: target.checked ? [...others, name] : others },
            `${capital(label)} ${target.checked ? 'on' : 'off'}.`,
          );
        }}
      />
      ${label}</label
    >`;
  return html`<div class="em-fields">
      ${problem.model === 'coins' ? nothing : numeric(`floor of variances${unit && `, ${unit}`}`, problem.floor ?? 0, 'floor')}
      ${numeric('tolerance', problem.tolerance ?? TOLERANCE, 'tolerance')}
      <label
        >stopping rule
        <select
          @change=${({ target }) => sitting.setRule({ rule: target.value }, `The stopping rule looks at the ${target.value}.`)}
        >
          ${['remaining gain', 'last step'].map((rule) => html`<option .selected=${rule === (problem.rule ?? 'remaining gain')}>${rule}</option>`)}
        </select></label
      >
    </div>
    <p class="em-line">
      ${held('weights', 'hold the weights fixed')}
      ${problem.model === 'coins' ? nothing : held(spread, `hold the ${spread} fixed`)}
    </p>`;
}

function paste(sitting) {
  const { problem } = sitting.state;
  const columns = { coins: 'heads and tosses', line: 'one number', plane: 'two numbers' }[
    problem.model
  ];
  const use = ({ currentTarget }) => {
    const box = currentTarget.closest('details');
    try {
      sitting.pasteError = '';
      sitting.paste(box.querySelector('textarea').value);
    } catch (error) {
      sitting.pasteError = error.message;
      sitting.onChange();
    }
  };
  return html`<details class="em-paste">
    <summary>Paste numbers</summary>
    <label
      >A line for every ${POINT[problem.model]}, with ${columns}; commas, tabs or spaces between
      them. <textarea rows="6" spellcheck="false" .value=${asTable(problem)}></textarea>
    </label>
    <p class="em-line"><button type="button" @click=${use}>Use these numbers</button></p>
    <p class="em-error" role="alert">${sitting.pasteError ?? ''}</p>
  </details>`;
}

/** The same in Python, and the address of this state. */
export function takeAway(sitting, { address }) {
  const code = python(sitting.state);
  const copied = (text) => {
    sitting.copied = text;
    sitting.say('Copied.');
  };
  const copy = (text) =>
    html`<button
      type="button"
      @click=${({ currentTarget }) => {
        navigator.clipboard?.writeText(text).then(
          () => copied(text),
          () => sitting.say('The browser would not copy; select the text instead.'),
        );
        currentTarget.focus();
      }}
    >
      ${sitting.copied === text ? 'Copied' : 'Copy'}
    </button>`;
  return html`<section class="em-away">
    <h2 class="em-heading">Take it with you</h2>
    <details>
      <summary>The same in Python</summary>
      <div class="em-code">
        <pre tabindex="0">${code}</pre>
        ${copy(code)}
      </div>
    </details>
    <p class="em-line">
      <label class="em-address"
        >Address of this state
        <input
          type="text"
          readonly
          .value=${address}
          @focus=${({ target }) => target.select()} /></label
      >${copy(address)}
    </p>
  </section>`;
}
