/**
 * A problem and its parameters as the part of an address behind '#', and back:
 *
 *   #scene=saddle
 *   #model=line&data=galaxies&weights=0.5,0.5&means=10,20&variances=4,4
 *   #scene=galaxies&model=line&data=galaxies&weights=0.5,0.5&means=10,20&variances=4,4
 *
 * A scene alone is its start; before a state, it is the scene to which the state belongs.
 *
 * Commas stand within a point, a mean or a covariance (a,b,c for [[a, b], [b, c]]), semicolons
 * between them. What is usual is left out. Nothing in an address is trusted.
 */

import { DATA, nameOf } from './data.js';
import { FAMILIES, FORMS } from './families.js';
import { sceneOf } from './scenes.js';
import { RULES } from './stopping.js';

const MOST_POINTS = 2000;
const MOST_COMPONENTS = 8;
const FIXABLE = ['weights', 'variances', 'covariances'];
const SIZES = ['floor', 'tolerance', 'maxIterations'];
const KEYS = ['model', 'form', 'data', ...SIZES, 'rule', 'fixed', 'weights'];

/** The address's part for a state and its scene, if any; parameters are given to the last digit. */
export function toHash({ problem, parameters }, scene = null) {
  const { model, form, data, rule, fixed } = problem;
  const parts = { scene: scene?.id, model, form: model === 'plane' ? form : null };
  parts.data = nameOf(data) ?? data.map(AS_NUMBERS[model]).map(joined).join(';');
  for (const name of SIZES) parts[name] = problem[name] || null;
  Object.assign(parts, { rule, fixed: fixed?.join(',') || null });
  parts.weights = joined(parameters.weights);
  for (const name of FAMILIES[model].names) parts[name] = written(name, parameters[name]);
  const given = Object.entries(parts).filter(([, value]) => value !== null && value !== undefined);
  return given.map(([key, value]) => `${key}=${encodeURI(value)}`).join('&');
}

/** {scene, problem, parameters}, or a part of it; an Error says why an address is damaged. */
export function fromHash(hash) {
  const { scene: id, ...parts } = Object.fromEntries(new URLSearchParams(hash.replace(/^#/, '')));
  const scene = id === undefined ? {} : { scene: sceneOf(id) };
  demand(id === undefined || scene.scene, `there is no scene "${id}"`);
  if (scene.scene && !Object.keys(parts).length) return scene;
  demand(Object.hasOwn(FAMILIES, parts.model), 'its model must be coins, line or plane');
  const { names } = FAMILIES[parts.model];
  for (const key of Object.keys(parts)) {
    demand([...KEYS, ...names].includes(key), `"${key}" means nothing here`);
  }
  const problem = problemOf(parts);
  const parameters = { weights: numbers('weights', parts.weights) };
  for (const name of names) parameters[name] = read(parts.model, name, parts[name]);
  check(problem, parameters);
  return { ...scene, problem, parameters };
}

function problemOf({ model, form, data = '', rule, fixed, ...sizes }) {
  const problem = { model, data: dataOf(model, data) };
  for (const name of SIZES) if (name in sizes) problem[name] = size(name, sizes[name]);
  if (model === 'plane') {
    const isForm = Object.hasOwn(FORMS, form ?? 'full');
    demand(isForm, `its form must be one of ${Object.keys(FORMS).join(', ')}`);
    problem.form = form ?? 'full';
  }
  if (rule !== undefined) {
    demand(RULES.includes(rule), `its rule must be one of ${RULES.join(', ')}`);
    problem.rule = rule;
  }
  if (fixed !== undefined) {
    problem.fixed = fixed.split(',');
    const areFixable = problem.fixed.every((name) => FIXABLE.includes(name));
    demand(areFixable, `${fixed} cannot be fixed`);
  }
  return problem;
}

/** The book's data of that name, or the points that are in the address. */
function dataOf(model, text) {
  if (Object.hasOwn(DATA, text)) {
    demand(DATA[text].model === model, `the data ${text} do not suit the model ${model}`);
    return DATA[text].values;
  }
  const rows = text.split(';').map((row) => numbers('data', row));
  const width = model === 'line' ? 1 : 2;
  demand(rows.every((row) => row.length === width), `a point must have ${width} numbers`);
  const isMany = rows.length >= 2 && rows.length <= MOST_POINTS;
  demand(isMany, `2 to ${MOST_POINTS} points are needed`);
  const points = rows.map(FROM_NUMBERS[model]);
  const areTosses = ({ heads, tosses }) =>
    [heads, tosses].every(Number.isInteger) && heads >= 0 && heads <= tosses && tosses > 0;
  const isSense = model !== 'coins' || points.every(areTosses);
  demand(isSense, 'heads must be whole numbers up to the tosses');
  return points;
}

const AS_NUMBERS = { coins: (x) => [x.heads, x.tosses], line: (x) => [x], plane: (x) => x };
const FROM_NUMBERS = {
  coins: ([heads, tosses]) => ({ heads, tosses }),
  line: ([x]) => x,
  plane: (x) => x,
};

/** An Error unless the parameters make sense and fit each other. */
function check({ model, form }, parameters) {
  const { weights, heads, means, variances, covariances } = parameters;
  const k = weights.length;
  demand(k <= MOST_COMPONENTS, `it has ${k} components, and at most ${MOST_COMPONENTS} are shown`);
  for (const [name, values] of Object.entries(parameters)) {
    demand(values.length === k, `it has ${k} weights and ${values.length} ${name}`);
  }
  const sum = weights.reduce((total, weight) => total + weight, 0);
  demand(weights.every((w) => w >= 0) && Math.abs(sum - 1) < 1e-6, 'weights must sum to one');
  demand(!heads || heads.every((p) => p >= 0 && p <= 1), 'shares of heads must be from 0 to 1');
  demand(!variances || variances.every((v) => v > 0), 'variances must be above zero');
  if (model === 'plane') {
    demand(means.every((mean) => mean.length === 2), 'a mean must have two numbers');
    const isPositive = ([[a, b], [, c]]) => a > 0 && a * c - b * b > 0;
    demand(covariances.every(isPositive), 'covariances must be positive definite');
    const even = Array(k).fill(1 / k);
    const inForm = JSON.stringify(FORMS[form](covariances, even)) === JSON.stringify(covariances);
    demand(inForm || form === 'tied', `covariances are not of the form ${form}`);
    const isShared = (covariance) => JSON.stringify(covariance) === JSON.stringify(covariances[0]);
    demand(form !== 'tied' || covariances.every(isShared), 'tied covariances must be equal');
  }
}

const joined = (values) => values.map((value) => String(value).replace('e+', 'e')).join(',');

function written(name, values) {
  if (name === 'covariances') return values.map(([[a, b], [, c]]) => joined([a, b, c])).join(';');
  return Array.isArray(values[0]) ? values.map(joined).join(';') : joined(values);
}

function read(model, name, text = '') {
  if (model !== 'plane') return numbers(name, text);
  const rows = text.split(';').map((row) => numbers(name, row));
  if (name === 'means') return rows;
  demand(rows.every((row) => row.length === 3), 'a covariance must have three numbers');
  return rows.map(([a, b, c]) => [
    [a, b],
    [b, c],
  ]);
}

function numbers(name, text = '') {
  const values = text.split(',').map((part) => (part.trim() === '' ? NaN : Number(part)));
  demand(values.every(Number.isFinite), `${name} must be numbers, and one is "${text}"`);
  return values;
}

function size(name, text) {
  const [value, ...rest] = numbers(name, text);
  demand(!rest.length && value >= 0, `${name} must be a number not below zero`);
  return value;
}

function demand(isTrue, wrong) {
  if (!isTrue) throw new Error(`This address is damaged: ${wrong}. Choose a scene instead.`);
}
