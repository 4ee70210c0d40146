/** The same in Python: a few lines with emlib that give a state's numbers, to copy. */

import { DATA, nameOf, unitOfVariance } from './data.js';

const CLASSES = { full: 'Full', tied: 'Tied', diag: 'Diagonal', spherical: 'Spherical' };

/**
 * The lines as text. They begin where the reader's hand was last, at `state.origin`, and end with
 * `params` and `log_likelihood`.
 */
export function python(state) {
  return state.problem.model === 'coins' ? coins(state) : gaussians(state);
}

function gaussians({ problem, origin }) {
  const unit = unitOfVariance(problem);
  const { model, form, floor = 0, fixed = [] } = problem;
  const { weights, means, variances, covariances } = origin.parameters;
  const family = CLASSES[model === 'line' ? 'full' : form];
  const data = dataLines(problem);
  const spreads = model === 'line' ? variances.map((v) => [[v]]) : inShape(form, covariances);
  return lines([
    'import numpy as np',
    '',
    'from emlib import mixture',
    `from emlib.covariances import ${family}`,
    ...data.imports,
    '',
    ...data.lines,
    `family = ${family}(floor=${floor})${floor && unit ? `  # of variances, in ${unit}` : ''}`,
    'params = mixture.MixtureParams(',
    `    weights=${array(weights)},`,
    `    means=${array(model === 'line' ? means.map((mean) => [mean]) : means)},`,
    `    covariances=${array(spreads)},`,
    ')',
    `for _ in range(${origin.iterations}):`,
    '    statistics, log_likelihood = mixture.e_step(params, x, family)',
    `    params = mixture.m_step(statistics, family)${keeping(fixed)}`,
    'log_likelihood = mixture.e_step(params, x, family)[1]',
    'print(params, log_likelihood)',
  ]);
}

/** What gives the fixed parameters back their values after an M-step. */
function keeping(fixed) {
  const names = fixed.map((name) => (name === 'variances' ? 'covariances' : name));
  const kept = names.map((name) => `${name}=params.${name}`).join(', ');
  return kept && `._replace(${kept})`;
}

function coins({ problem, origin }) {
  const { weights, heads } = origin.parameters;
  const areFixed = (problem.fixed ?? []).includes('weights');
  return lines([
    'import numpy as np',
    '',
    'from emlib import em',
    '',
    ...dataLines(problem).lines,
    'tails = tosses - heads',
    `start = ${array(weights)}, ${array(heads)}`,
    '',
    '',
    'def e_step(params, heads):',
    '    weights, p = params',
    '    joint = weights * p ** heads[:, None] * (1 - p) ** tails[:, None]',
    '    r = joint / joint.sum(axis=1, keepdims=True)',
    '    statistics = r.sum(axis=0), r.T @ heads, r.T @ tails',
    '    return statistics, np.log(joint.sum(axis=1)).sum()',
    '',
    '',
    'def m_step(statistics):',
    '    n, heads, tails = statistics',
    `    return ${areFixed ? 'start[0]' : 'n / n.sum()'}, heads / (heads + tails)`,
    '',
    '',
    `fit = em(e_step, m_step, start, heads, tol=0, max_iter=${origin.iterations}, confirm=False)`,
    'params, log_likelihood = fit.params, fit.objective',
    'print(params, log_likelihood)',
  ]);
}

/** The lines that make the data, and what they import. */
function dataLines({ model, data }) {
  const name = nameOf(data);
  if (name) {
    const loader = DATA[name].python.match(/(?:load|make)_\w+/);
    return {
      imports: loader ? [`from emlib.datasets import ${loader[0]}`] : [],
      lines: [DATA[name].python],
    };
  }
  if (model === 'coins') {
    const column = (key) => `np.array(${wrapped(data.map((x) => x[key]))})`;
    return { imports: [], lines: [`heads = ${column('heads')}`, `tosses = ${column('tosses')}`] };
  }
  const column = model === 'line' ? '[:, None]' : '';
  return { imports: [], lines: [`x = np.array(${wrapped(data)})${column}`] };
}

/** Covariances in the shape that emlib has for their form. */
function inShape(form, covariances) {
  if (form === 'tied') return covariances[0];
  if (form === 'diag') return covariances.map(([[a], [, c]]) => [a, c]);
  return form === 'spherical' ? covariances.map(([[a]]) => a) : covariances;
}

const lines = (texts) => `${texts.join('\n')}\n`;
const text = (values) =>
  Array.isArray(values) ? `[${values.map(text).join(', ')}]` : String(values);
const array = (values) => `np.array(${text(values)})`;

/** A list on as many lines as it needs. */
function wrapped(values) {
  const rows = [''];
  for (const value of values) {
    const entry = `${text(value)}, `;
    if (rows.at(-1).length + entry.length > 84) rows.push('');
    rows[rows.length - 1] += entry;
  }
  if (rows.length === 1) return `[${rows[0].slice(0, -2)}]`;
  return `[\n${rows.map((row) => `    ${row.trimEnd()}\n`).join('')}]`;
}
