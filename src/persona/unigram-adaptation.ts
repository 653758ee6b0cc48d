// The words of the user: tokens that she writes more often than others do are made likelier. Rows of input embeddings carry what a
// history is about and hardly its vocabulary. Unigram marginal adaptation (Kneser, Peters, Klakow 1997): P'(w|c) is
// proportional to P(w|c) · (P_user(w) / P_task(w))^β, and P_user is smoothed with μ tokens of the task's own distribution. Each is raised until
// the answer has it (src/language-model/logit-bias.ts): without that a rare word of hers can fill the answer.

/** What a plug knows of a task's words: of free text, or of choices that users differ in. */
export interface UnigramAdaptation {
  /** p: how often each token occurs in the outputs of the training users, `[vocabulary]`; all above 0, their sum is 1. */
  readonly background: Float32Array;
  /** β ≥ 0; 0 changes nothing. */
  readonly strength: number;
  /** μ > 0, in tokens. */
  readonly mass: number;
}

/** An item's share of the persona. */
export interface Weighed {
  readonly weight: number;
}

/** So many items count at most: reading ten thousand outputs as tokens would cost each answer half a second. */
export const maximumCountedItems = 1000;

/**
 * What is added to the logits: β · ln(1 + c / (μ · p)) for each token that occurs, where c counts it in every output, times the
 * item's weight and the number of items. A token that she has never written keeps its logit. Of a longer history the outputs of the
 * 1,000 heaviest items count, as often as they would with all others.
 *
 * @param items - Heaviest first, their weights summing to 1: equal histories give equal bits.
 * @param tokensOf - What she wrote, the end token included.
 * @returns Nats by token, all above 0; empty for an empty history.
 */
export function unigramBias<Item extends Weighed>(
  { background, strength, mass }: UnigramAdaptation,
  items: readonly Item[],
  tokensOf: (item: Item) => readonly number[],
): Map<number, number> {
  const counts = new Map<number, number>();
  for (const item of items.slice(0, maximumCountedItems)) {
    for (const token of tokensOf(item)) counts.set(token, (counts.get(token) ?? 0) + item.weight * items.length);
  }
  const bias = new Map<number, number>();
  for (const [token, count] of counts) {
    const raised = strength * Math.log1p(count / (mass * (background[token] ?? Infinity)));
    if (raised > 0) bias.set(token, raised);
  }
  return bias;
}
