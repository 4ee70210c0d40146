/** The book's palette: a colour per component, and a point's colour from its responsibilities. */

export const PALETTE = [
  '#0173b2',
  '#d55e00',
  '#029e73',
  '#cc78bc',
  '#ca9161',
  '#56b4e9',
  '#de8f05',
];

const parts = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
const RGB = PALETTE.map(parts);
const NOBODYS = '#7f7f7f';

export const color = (k) => PALETTE[k % PALETTE.length];

/**
 * The components' colours, mixed as the responsibilities of a point say. A point that all claim
 * alike, as before the first E-step, is grey: three colours would mix to what looks like the third.
 */
export function blend(responsibilities) {
  const [first, ...others] = responsibilities;
  if (others.length && others.every((r) => Math.abs(r - first) < 1e-9)) return NOBODYS;
  const mixed = [0, 1, 2].map((channel) =>
    responsibilities.reduce((sum, share, k) => sum + share * RGB[k % RGB.length][channel], 0),
  );
  return `rgb(${mixed.map(Math.round).join(' ')})`;
}
