/**
 * One reader's sitting at the laboratory: the moments so far, of which one is shown.
 *
 * A moment is {state, scene, merge, part}: a state of states.js; the scene to which it belongs; what
 * a later moment must have to take its place; and the number of its part of the sitting, which a
 * scene or a drawn start begins. No state is ever changed, so going back is showing an earlier
 * moment. Of a long run most moments have no state until they are shown: see `stateAt`.
 */

import { DATA, nameOf } from '../data.js';
import { mStep } from '../em.js';
import { DegenerateError } from '../errors.js';
import { placeOf } from '../growth.js';
import { begin, sceneOf } from '../scenes.js';
import { kMeansPlusPlus, randomResponsibilities } from '../starts.js';
import { movedTo, nudge, startIn, startState, stepE, stepHard, stepM } from '../states.js';
import * as edits from './edits.js';
import { FIELDS } from './edits.js';
import {
  POINT,
  WHEN,
  capital,
  componentName,
  short,
  number,
  placeInWords,
  runInWords,
  stepInWords,
} from './words.js';

const STARTS = {
  'k-means++': kMeansPlusPlus,
  'random responsibilities': randomResponsibilities,
};
export const START_NAMES = Object.keys(STARTS);
export const MOST_COMPONENTS = 7;

/** What the first points of a model are, where a reader begins without data. */
const FEW = {
  coins: [
    { heads: 5, tosses: 10 },
    { heads: 9, tosses: 10 },
  ],
  line: [1, 2, 3, 7, 8, 9],
  plane: [
    [1, 1],
    [2, 1],
    [1, 2],
    [8, 8],
    [9, 8],
    [8, 9],
  ],
};

const SAME = 1e-3; // nats between two ends that count as one
const KEPT_WHOLE = 200; // half-steps of a run, after which only every twentieth keeps its state
const EVERY = 20;
const WATCHED = 80; // half-steps, each shown by itself
const BUSY = 25; // milliseconds before the page is shown again

const half = (state) => (state.phase === 'E' ? stepE : stepM)(state);

/** Whether a run ends with a half-step: an M-step after which EM stops, or one without result. */
const isLast = (before, { stop, phase, history }) =>
  stop.reason !== null && (phase === 'E' || history === before.history);

export class Sitting {
  constructor(onChange) {
    this.onChange = onChange;
    this.moments = [];
    this.index = -1;
    this.preview = null; // the state while something is being dragged
    this.selected = null; // the point whose numbers are shown
    this.start = START_NAMES[0]; // how a start was drawn last
    this.isPlacing = false; // whether a click in the figure places a point
    this.seed = 0;
    this.said = '';
    this.copied = null; // the text that was copied last
    this.scene = null;
    this.timer = null;
  }

  get moment() {
    return this.moments[this.index];
  }

  get state() {
    return this.preview ?? this.moment.state;
  }

  get isRunning() {
    return this.timer !== null;
  }

  /** The first and the last moment of the part of the sitting that is shown. */
  get span() {
    const { part } = this.moment;
    const isOfIt = (moment) => moment.part === part;
    return [this.moments.findIndex(isOfIt), this.moments.findLastIndex(isOfIt)];
  }

  /** Add a moment; one with the same `merge` as the last takes its place, as of a key held down. */
  add(state, said, { merge = null, scene = this.scene, isNewPart = false } = {}) {
    const replaces =
      merge && this.moment?.merge === merge && this.index === this.moments.length - 1;
    const part = (this.moment?.part ?? 0) + (isNewPart ? 1 : 0);
    this.push({ state, scene, merge, part }, this.index + (replaces ? 0 : 1));
    this.said = said;
    this.show(this.index);
  }

  /** Put a moment at an index, after which there is none then. */
  push(moment, index = this.index + 1) {
    this.moments = [...this.moments.slice(0, index), moment];
    this.index = index;
  }

  /** Show the moment at an index. */
  show(index) {
    this.index = Math.min(Math.max(index, 0), this.moments.length - 1);
    this.moments[this.index] = { ...this.moment, state: this.stateAt(this.index) };
    this.preview = null;
    this.scene = this.moment.scene;
    if (this.selected >= this.state.problem.data.length) this.selected = null;
    this.onChange();
  }

  /** The state of a moment; one that was not kept comes of the same half-steps as before. */
  stateAt(index) {
    const kept = this.moments.findLastIndex(({ state }, i) => state && i <= index);
    let { state } = this.moments[kept];
    for (let i = kept; i < index; i++) state = half(state);
    return state;
  }

  /** Say what is no moment of its own, such as why something cannot be done. */
  say(said) {
    this.said = said;
    this.onChange();
  }

  /** Do what may have no result; then say why, and change nothing. */
  attempt(action) {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof DegenerateError)) throw error;
      this.preview = null;
      this.timer = null;
      this.say(`This cannot be done: ${error.message}`);
      return null;
    }
  }

  /* The steps. */

  step(name) {
    const before = this.moment.state;
    this.attempt(() => {
      const after = { E: stepE, M: stepM, hard: stepHard }[name](before);
      this.add(after, stepInWords(before, after));
    });
  }

  nudge() {
    const before = this.moment.state;
    this.seed += 1;
    this.attempt(() => {
      const after = nudge(before, { seed: this.seed });
      this.add(
        after,
        `Nudge: every component moves a little, at random. ${stepInWords(before, after)}`,
      );
    });
  }

  back() {
    if (this.index) this.goTo(this.index - 1, 'Back');
  }

  forward() {
    if (this.index < this.moments.length - 1) this.goTo(this.index + 1, 'Forward');
  }

  goTo(index, direction = 'Moved') {
    this.stop();
    this.show(index);
    const { logLikelihood, bound } = this.state;
    const [first, last] = this.span;
    this.say(
      `${direction} to moment ${index - first + 1} of ${last - first + 1}, ${WHEN[this.state.step]}: log-likelihood ${number(logLikelihood)}, bound ${number(bound)}.`,
    );
  }

  /** E and M in turn until the rule says stop or the reader does: slowly at first, or at once. */
  run({ isInstant = false } = {}) {
    this.stop();
    const first = this.moment.state;
    let count = 0;
    const tick = () => {
      const began = performance.now();
      let before, state;
      do {
        before = this.moment.state;
        state = half(before);
        count += 1;
        const { scene, part } = this.moment;
        if (count > KEPT_WHOLE && count % EVERY) this.moments[this.index] = { scene, part };
        this.push({ state, scene, merge: null, part });
      } while (
        (isInstant || count > WATCHED) &&
        !isLast(before, state) &&
        performance.now() - began < BUSY
      );
      this.timer = isLast(before, state)
        ? null
        : setTimeout(() => this.attempt(tick), Math.max(16, 450 * 0.9 ** count));
      this.said = this.isRunning ? stepInWords(before, state) : runInWords(first, state);
      this.show(this.index);
    };
    this.timer = setTimeout(() => this.attempt(tick), 0);
    this.onChange();
  }

  stop() {
    if (!this.isRunning) return;
    clearTimeout(this.timer);
    this.timer = null;
    this.onChange();
  }

  /* Changes of the parameters by hand. */

  /** Show the parameters while they are being dragged; `keep` makes a moment of what is shown. */
  drag(parameters) {
    this.stop();
    this.attempt(() => {
      this.preview = movedTo(this.moment.state, parameters);
      this.onChange();
    });
  }

  keep(what, merge = null) {
    if (!this.preview) return;
    const [before, after] = [this.moment.state, this.preview];
    this.add(after, `${what} ${stepInWords(before, after)}`, { merge });
  }

  /** Change the parameters at once. */
  set(parameters, what, merge = null) {
    this.drag(parameters);
    this.keep(what, merge);
  }

  /* The problem. */

  load(scene) {
    this.stop();
    this.selected = null;
    const state = begin(scene);
    this.add(state, `${scene.title}. At the start: log-likelihood ${number(state.logLikelihood)}.`, {
      scene,
      isNewPart: true,
    });
  }

  /** Where the steps on these data began; from there, the last scene as it began. */
  startAgain() {
    const { scene, state } = this.moment;
    const last = this.moments.findLast((moment, i) => moment.scene && i <= this.index)?.scene;
    if (last && (scene || state.step === 'start')) {
      this.load(last);
      return;
    }
    const { parameters, responsibilities } = state.start;
    const said = 'Where the steps on these data began.';
    this.restart(state.problem, parameters, said, { responsibilities });
  }

  loadNamed(id) {
    this.load(sceneOf(id));
  }

  /** Another problem with the parameters there are. */
  restart(problem, parameters, said, options = {}) {
    this.stop();
    this.attempt(() =>
      this.add(startState(problem, parameters, options.responsibilities), said, {
        scene: null,
        ...options,
      }),
    );
  }

  /** Draw a start: parameters from an M-step at random responsibilities. */
  draw(start, k, problem = this.moment.state.problem) {
    this.stop();
    this.start = start;
    this.seed += 1;
    this.attempt(() => {
      const responsibilities = STARTS[start](problem, k, this.seed);
      const parameters = mStep({ ...problem, fixed: [] }, responsibilities);
      if (problem.fixed?.includes('weights')) parameters.weights = Array(k).fill(1 / k);
      const state = startState(problem, parameters, responsibilities);
      this.add(
        state,
        `A start from ${start}, draw ${this.seed}. Log-likelihood ${number(state.logLikelihood)}.`,
        { scene: null, isNewPart: true },
      );
    });
  }

  setModel(model) {
    const name = Object.keys(DATA).find((key) => DATA[key].model === model);
    this.setData(name, model);
  }

  /** The book's data of a name, or a few points to begin with. */
  setData(name, model = this.state.problem.model) {
    this.selected = null;
    const data = DATA[name]?.values ?? FEW[model];
    const problem = { model, data, floor: 0 };
    if (model === 'plane') problem.form = this.state.problem.form ?? 'full';
    if (model === 'coins') problem.fixed = ['weights'];
    this.draw('k-means++', Math.min(this.state.parameters.weights.length, data.length, 2), problem);
  }

  setForm(form) {
    const { problem, parameters } = this.state;
    const shared = parameters.covariances[0];
    const covariances = parameters.covariances.map((own) =>
      edits.inForm(form === 'tied' ? shared : own, form),
    );
    this.restart(
      { ...problem, form },
      { ...parameters, covariances },
      `Covariances are now ${form}.`,
    );
  }

  /** Another floor, tolerance or rule, or other parameters held fixed: the problem is another. */
  setRule(change, said) {
    this.stop();
    const problem = { ...this.state.problem, ...change };
    this.attempt(() => this.add(startIn(problem, this.state), said, { scene: this.scene }));
  }

  /** New points; text that cannot be read is an Error. */
  paste(text) {
    const { problem, parameters } = this.state;
    const data = edits.parseTable(text, problem.model);
    this.selected = null;
    const k = Math.min(parameters.weights.length, data.length);
    this.draw('k-means++', k, { ...problem, data, axes: undefined });
  }

  /* Points. */

  dragPoint(n, x) {
    this.stop();
    const { problem, parameters, responsibilities } = this.moment.state;
    this.attempt(() => {
      this.preview = startState(edits.withPoint(problem, n, x), parameters, responsibilities);
      this.onChange();
    });
  }

  keepPoint(n, merge = null) {
    if (!this.preview) return;
    const { problem, logLikelihood } = this.preview;
    const name = capital(POINT[problem.model]);
    this.add(
      this.preview,
      `${name} ${n + 1} is now at ${placeInWords(problem, n)}. Log-likelihood ${number(logLikelihood)}.`,
      { merge, scene: null },
    );
  }

  setPoint(n, x, merge = `point ${n}`) {
    this.dragPoint(n, x);
    this.keepPoint(n, merge);
  }

  addPoint(x) {
    const { problem, parameters, responsibilities } = this.moment.state;
    const k = parameters.weights.length;
    const more = edits.withNewPoint(problem, x);
    const n = problem.data.length;
    this.selected = n;
    this.restart(
      more,
      parameters,
      `${capital(POINT[problem.model])} ${n + 1} placed at ${placeInWords(more, n)}.`,
      {
        responsibilities: [...responsibilities, Array(k).fill(1 / k)],
      },
    );
  }

  setPlacing(isPlacing) {
    this.isPlacing = isPlacing;
    this.onChange();
  }

  deletePoint(n) {
    const { problem, parameters, responsibilities } = this.moment.state;
    if (problem.data.length <= 2) {
      this.say('At least two points are needed.');
      return;
    }
    const place = placeInWords(problem, n);
    this.selected = Math.min(n, problem.data.length - 2);
    this.restart(
      edits.withoutPoint(problem, n),
      parameters,
      `${capital(POINT[problem.model])} ${n + 1} at ${place} deleted.`,
      {
        responsibilities: responsibilities.filter((_, i) => i !== n),
      },
    );
  }

  select(n) {
    if (this.selected === n) return;
    this.selected = n;
    this.onChange();
  }

  /**
   * The moments at which EM stopped on these data with as many components, the highest first, and
   * what each place is: a maximum, a saddle, a ridge, or the reason to stop elsewhere.
   */
  get ends() {
    const { problem, parameters } = this.state;
    const isAlike = ({ state }) =>
      state?.stop.reason != null &&
      state.step === 'M' &&
      state.problem.data === problem.data &&
      state.problem.form === problem.form &&
      state.parameters.weights.length === parameters.weights.length;
    const found = this.moments.map((moment, index) => ({ ...moment, index })).filter(isAlike);
    const heights = found.map(({ index, state }) => {
      const { logLikelihood, stop } = state;
      return { index, logLikelihood, kind: placeOf(state)?.kind ?? stop.reason };
    });
    const sorted = heights.sort((a, b) => b.logLikelihood - a.logLikelihood);
    return sorted.filter((end, i) => !i || sorted[i - 1].logLikelihood - end.logLikelihood > SAME);
  }

  /** What the data are called; the reader's own have no name. */
  get dataName() {
    return nameOf(this.state.problem.data);
  }

  /** What to call component k, such as 'coin A'. */
  nameOfComponent(k) {
    return componentName(this.state.problem.model, k);
  }

  /** One number of a component, set from a table. */
  setField(k, title, value) {
    const { problem, parameters } = this.state;
    const field = FIELDS[problem.model].find((one) => one.title === title);
    const what = `${capital(this.nameOfComponent(k))}: ${title} ${short(value)}.`;
    this.set(field.set(problem, parameters, k, value), what, `${title} ${k}`);
  }
}
