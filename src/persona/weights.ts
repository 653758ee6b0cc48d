// The weights of the items: PPlug's input-aware attention with a temperature and a decay added.

/**
 * softmax(τ·similarity − λ·age) over the items `[n]`. PPlug has τ = 1, which over unit vectors is nearly uniform.
 */
export function softmaxWeights(
  similarities: readonly number[],
  ages: readonly number[],
  { temperature, decay }: { readonly temperature: number; readonly decay: number },
): number[] {
  const scores = similarities.map((similarity, index) => temperature * similarity - decay * (ages[index] ?? 0));
  // The largest score is subtracted first, since exp would overflow for large temperatures.
  const largest = scores.reduce((a, b) => Math.max(a, b), -Infinity);
  const exponentials = scores.map((score) => Math.exp(score - largest));
  const sum = exponentials.reduce((a, b) => a + b, 0);
  return exponentials.map((value) => value / sum);
}
