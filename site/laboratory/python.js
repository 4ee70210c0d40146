/** The same in Python: a few lines with emlib that give a state's numbers. */

export function python(state) {
  return `# ${state.problem.model}`;
}
