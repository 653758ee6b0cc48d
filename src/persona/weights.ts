// Which items count, and how much: PPlug's input-aware attention, with the temperature it lacks and a decay.

/**
 * softmax(τ·similarity − λ·age) over the items `[n]`. PPlug has τ = 1, which over unit vectors is nearly uniform.
 */
export function softmaxWeights(
  similarities: readonly number[],
  ages: readonly number[],
  { temperature, decay }: { readonly temperature: number; readonly decay: number },
): number[] {
  const scores = similarities.map((similarity, index) => temperature * similarity - decay * (ages[index] ?? 0));
  // Without the largest score taken off, exp overflows for large temperatures.
  const largest = scores.reduce((a, b) => Math.max(a, b), -Infinity);
  const exponentials = scores.map((score) => Math.exp(score - largest));
  const sum = exponentials.reduce((a, b) => a + b, 0);
  return exponentials.map((value) => value / sum);
}
