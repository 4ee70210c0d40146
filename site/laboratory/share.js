/** A problem and its parameters as the part of an address behind '#', and back. */

/** Such as 'model=line&data=galaxies&weights=0.5,0.5&means=10,20&variances=1,1'. */
export function toHash(state) {
  return `todo=${state.problem.model}`;
}

/** {problem, parameters}, or {scene}; an Error says what is wrong with a damaged address. */
export function fromHash(hash) {
  throw new Error(`The address is damaged: ${hash}`);
}
