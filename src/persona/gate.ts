// The gate, which decides whether the persona is used at all. It does not scale the rows: the language model's first RMSNorm cancels
// their length, and even rows of zeros get attention.
import { dotProduct } from '../lib/dot-product.ts';
import { applyLinear } from './apply-linear.ts';
import type { Plug } from './plug.ts';

/**
 * Cosines of the query to every item, without the part that all texts of the task have in common. Sentence vectors share a large
 * component whatever their meaning (Mu, Viswanath 2018, arXiv 1702.01417), which hides whether they are of one person.
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
 * The gate's inputs, for n ≥ 1 items: the size of the history, the largest, the weighted mean and the mean cosine to the query, and the
 * entropy and the maximum of the weights.
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
