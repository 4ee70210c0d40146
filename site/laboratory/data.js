/** The book's own data, as emlib/book/laboratory.py has them. */

import written from './data.json';

/**
 * By name: {title, model, axes, values, python, source}; `python` is the line that makes the same
 * values with emlib.
 */
export const DATA = written;

/** The entry of the data that are these very values; undefined if the reader has changed them. */
export const nameOf = (values) => Object.keys(DATA).find((name) => DATA[name].values === values);
