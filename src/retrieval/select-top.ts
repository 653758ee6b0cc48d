// Which items go into the prompt, and in which order.

/**
 * The places of the `count` highest scores, best first. Of equal scores the later place wins: in the history's order, that is the
 * newer item. All places when there are fewer.
 */
export function selectTop(scores: ArrayLike<number>, count: number): number[] {
  return Array.from({ length: scores.length }, (_, index) => index)
    .sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || b - a)
    .slice(0, count);
}
