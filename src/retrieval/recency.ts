// Recency as a retriever, which does not depend on the query.

/**
 * Scores of `count` items in the history's order, oldest first (undated items count as oldest): `[count]`, 1 for the newest, falling
 * linearly.
 */
export function recencyScores(count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, index) => (index + 1) / count);
}
