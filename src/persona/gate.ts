// Whether to use the persona at all. It drops, it does not scale: the language model's first RMSNorm cancels a row's
// length, and even zero rows take attention.
import { dotProduct } from '../lib/dot-product.ts';
import { applyLinear } from './apply-linear.ts';
import type { Plug } from './plug.ts';

/**
 * Cosines of the query to every item, without what the texts of the task have in common: all sentence vectors share a
 * large part whatever they say (Mu, Viswanath 2018, arXiv 1702.01417), and it hides whether they are one person's.
 */
export function gateCosines(
  query: Float32Array,
  inputs: readonly Float32Array[],
  center: Float32Array | null,
): number[] {
  if (center === null) return inputs.map((input) => dotProduct(query, input));
  const x = query.map((value, index) => value - (center[index] ?? 0));
  const length = Math.sqrt(dotProduct(x, x));
  return inputs.map((input) => {
    let [product, square] = [0, 0];
    for (let index = 0; index < input.length; index++) {
      const value = (input[index] ?? 0) - (center[index] ?? 0);
      product += (x[index] ?? 0) * value;
      square += value * value;
    }
    return product / Math.max(length * Math.sqrt(square), 1e-12);
  });
}

/**
 * What the gate looks at, for n ≥ 1 items: size of the history, largest, weighted and plain mean cosine to the query,
 * and how evenly (entropy) and how highly the weights are spread.
 */
export function gateFeatures(weights: readonly number[], cosines: readonly number[]): number[] {
  const n = weights.length;
  const logSize = Math.log1p(n);
  let [entropy, weightedCosine, cosineSum] = [0, 0, 0];
  for (const [index, weight] of weights.entries()) {
    const cosine = cosines[index] ?? 0;
    if (weight > 0) entropy -= weight * Math.log(weight);
    weightedCosine += weight * cosine;
    cosineSum += cosine;
  }
  return [
    logSize / 5,
    cosines.reduce((a, b) => Math.max(a, b), -Infinity),
    weightedCosine,
    entropy / logSize,
    weights.reduce((a, b) => Math.max(a, b), 0),
    cosineSum / n,
  ];
}

/** g = sigmoid(v·tanh(V·f + u) + t) in [0, 1]. */
export function gateValue(plug: Plug, features: readonly number[]): number {
  const hidden = applyLinear(plug.gateHidden, features).map((value) => Math.tanh(value));
  const [logit = 0] = applyLinear(plug.gateOutput, hidden);
  return 1 / (1 + Math.exp(-logit));
}
