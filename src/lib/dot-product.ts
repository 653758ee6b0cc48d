// The dot product that personas and retrieval are computed with.

/** Σ aᵢ·bᵢ over `[d]`, summed in float64 and always in the same order, so that equal inputs give equal bits. */
export function dotProduct(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += (a[index] ?? 0) * (b[index] ?? 0);
  return sum;
}
