// Selects the items for the prompt, and their order.

/**
 * The indices of the `count` highest scores, best first; all of them when there are fewer. Of equal scores the later index comes first,
 * which in the history's order is the newer item.
 */
export function selectTop(scores: ArrayLike<number>, count: number): number[] {
  return Array.from({ length: scores.length }, (_, index) => index)
    .sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || b - a)
    .slice(0, count);
}
