// Whether to use the persona at all. It drops, it does not scale: the language model's first RMSNorm cancels a row's
// length, and even zero rows take attention.
import { applyLinear } from './linear-algebra.ts';
import type { Plug } from './plug.ts';

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
