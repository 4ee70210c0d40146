/** Thrown where a step has no result: the words say what has happened, and what to do. */
export class DegenerateError extends Error {}
