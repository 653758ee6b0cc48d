// Unigram adaptation: tokens that the user writes more often than others do are made likelier, since the rows of a persona carry what a
// history is about but hardly its vocabulary. Unigram marginal adaptation (Kneser, Peters, Klakow 1997): P'(w|c) is proportional to
// P(w|c) · (P_user(w) / P_task(w))^β, where P_user is smoothed with μ tokens of the task's distribution. A token keeps its bias only until
// the answer contains it (src/language-model/decoding/logit-bias.ts); otherwise a rare word of the user could fill the answer.

/** The plug's parameters of unigram adaptation for one task. */
export interface UnigramAdaptation {
  /** p: how often each token occurs in the outputs of the training users, `[vocabulary]`; all above 0, their sum is 1. */
  readonly background: Float32Array;
  /** β ≥ 0; 0 changes nothing. */
  readonly strength: number;
  /** μ > 0, in tokens. */
  readonly mass: number;
}

/** Something with a weight in the persona. */
export interface Weighed {
  readonly weight: number;
}

/** The most items that are counted: tokenizing ten thousand outputs would take half a second for each answer. */
export const maximumCountedItems = 1000;

/**
 * The bias that is added to the logits: β · ln(1 + c / (μ · p)) for each token that occurs. c is the sum over the items of the token's
 * count in the output, times the item's weight, times the number of items. A token that the user has never written keeps its logit. Of a
 * longer history only the 1,000 heaviest items are counted, with the factors that they have among all.
 *
 * @param items - Heaviest first, their weights summing to 1: equal histories give equal bits.
 * @param tokensOf - The tokens of an item's output, with the end token.
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
    const added = strength * Math.log1p(count / (mass * (background[token] ?? Infinity)));
    if (added > 0) bias.set(token, added);
  }
  return bias;
}
