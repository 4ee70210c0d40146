/** Where EM starts, and how it is nudged: drawn from a seed, so that the same comes again. */

import { randomLcg, randomNormal } from 'd3-random';
import { DegenerateError } from './errors.js';

/** Random numbers from 0 to 1. Neighbouring seeds begin far from each other. */
const generator = (seed) => randomLcg((seed * 0.6180339887498949) % 1);

/** Uniform random numbers over their row's sum: near the saddle of equal components. */
export function randomResponsibilities(problem, k, seed) {
  const draw = generator(seed);
  return problem.data.map(() => {
    const row = Array.from({ length: k }, draw);
    const sum = row.reduce((total, value) => total + value, 0);
    return row.map((value) => value / sum);
  });
}

/**
 * Responsibilities from k-means++ (Arthur and Vassilvitskii 2007): one data point per component,
 * each drawn with a probability that grows as its squared distance from those before; every point
 * goes to the nearest.
 */
export function kMeansPlusPlus(problem, k, seed) {
  const points = standardised(problem);
  const draw = generator(seed);
  const chosen = [Math.floor(draw() * points.length)];
  while (chosen.length < k) {
    const squares = points.map((x) =>
      Math.min(...chosen.map((c) => squaredDistance(x, points[c]))),
    );
    const total = squares.reduce((sum, square) => sum + square, 0);
    if (!(total > 0)) throw new DegenerateError(`there are fewer than ${k} different points`);
    let left = draw() * total;
    const next = squares.findIndex((square) => (left -= square) < 0);
    chosen.push(next >= 0 ? next : squares.indexOf(Math.max(...squares))); // but for rounding
  }
  return points.map((x) => {
    const distances = chosen.map((c) => squaredDistance(x, points[c]));
    const nearest = distances.indexOf(Math.min(...distances));
    return chosen.map((_, j) => (j === nearest ? 1 : 0));
  });
}

/** The parameters after a random move of `size` of each component's spread, as emlib makes it. */
export function nudged(problem, parameters, size, seed) {
  const normal = randomNormal.source(generator(seed))();
  const k = parameters.weights.length;
  const even = (weight) => (1 - size) * weight + size / k;
  const isFixed = (problem.fixed ?? []).includes('weights');
  const weights = isFixed ? parameters.weights : parameters.weights.map(even);
  return { ...parameters, weights, ...MOVES[problem.model](parameters, size, normal) };
}

const MOVES = {
  coins: ({ heads }, size, normal) => ({
    heads: heads.map((p) => {
      const [up, down] = [p * Math.exp(size * normal()), (1 - p) * Math.exp(size * normal())];
      return up / (up + down);
    }),
  }),
  line: ({ means, variances }, size, normal) => ({
    means: means.map((mean, k) => mean + size * normal() * Math.sqrt(variances[k])),
  }),
  plane: ({ means, covariances }, size, normal) => ({
    means: means.map(([x, y], k) => {
      const [[a, b], [, c]] = covariances[k];
      const [u, v] = [size * normal(), size * normal()];
      return [x + u * Math.sqrt(a), y + (u * b) / Math.sqrt(a) + v * Math.sqrt(c - (b * b) / a)];
    }),
  }),
};

/** The data as points whose features all have variance one. */
function standardised({ model, data }) {
  const asPoint = { coins: (x) => [x.heads / x.tosses], line: (x) => [x], plane: (x) => x };
  const points = data.map(asPoint[model]);
  const scales = points[0].map((_, j) => {
    const values = points.map((x) => x[j]);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    return Math.sqrt(square) || 1;
  });
  return points.map((x) => x.map((value, j) => value / scales[j]));
}

const squaredDistance = (x, y) => x.reduce((sum, value, j) => sum + (value - y[j]) ** 2, 0);
