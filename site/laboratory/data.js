/** The book's own data, as emlib/book/laboratory.py has them. */

import written from './data.json';

/**
 * By name: {title, model, axes, values, python, source}; `python` is the line that makes the same
 * values with emlib.
 */
export const DATA = written;

/**
 * What the features of a problem's data are called, with their units: `axes`, if points of the book's
 * data were changed; a reader's own are x and y.
 */
export const featuresOf = ({ data, axes }) => axes ?? DATA[nameOf(data)]?.axes ?? ['x', 'y'];

/** The unit of a variance, such as 'min²'; empty where the features have none, or several. */
export function unitOfVariance(problem) {
  const units = featuresOf(problem).map((name) => /\((.*)\)$/.exec(name)?.[1]);
  if (!units[0] || units.some((unit) => unit !== units[0])) return '';
  return /\W/.test(units[0]) ? `(${units[0]})²` : `${units[0]}²`;
}

/** The entry of the data that are these very values; undefined if the reader has changed them. */
export const nameOf = (values) => Object.keys(DATA).find((name) => DATA[name].values === values);
