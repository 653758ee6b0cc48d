// Recency as a retriever: it asks nothing about the query.

/**
 * Scores of `count` items that stand in the history's order, oldest first (undated ones count as oldest): `[count]`, 1 for the
 * newest, falling evenly with the place.
 */
export function recencyScores(count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, index) => (index + 1) / count);
}
