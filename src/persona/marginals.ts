// The words of the user: tokens that she writes more often than others do are made likelier. Rows of input embeddings carry what a
// history is about and hardly its vocabulary. Unigram marginal adaptation (Kneser, Peters, Klakow 1997): P'(w|c) is
// proportional to P(w|c) · (P_user(w) / P_task(w))^β, and P_user is smoothed with μ tokens of the task's own distribution. Each is raised until
// the answer has it (src/language-model/logit-bias.ts): without that a rare word of hers can fill the answer.

/** What a plug knows of a task with free text. */
export interface Marginals {
  /** p: how often each token occurs in the outputs of the training users, `[vocabulary]`; all above 0, their sum is 1. */
  readonly background: Float32Array;
  /** β ≥ 0; 0 changes nothing. */
  readonly strength: number;
  /** μ > 0, in tokens. */
  readonly mass: number;
}

/** An item's share of the persona, and the tokens of what she wrote, the end token included. */
export interface WeighedOutput {
  readonly weight: number;
  readonly tokens: readonly number[];
}

/**
 * What is added to the logits: β · ln(1 + c / (μ · p)) for each token that occurs, where c counts it in every output, times the
 * item's weight and the number of items. A token that she has never written keeps its logit.
 *
 * @param outputs - In the persona's order, their weights summing to 1: equal histories give equal bits.
 * @returns Nats by token, all above 0; empty for an empty history.
 */
export function marginalBias(
  { background, strength, mass }: Marginals,
  outputs: readonly WeighedOutput[],
): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { weight, tokens } of outputs) {
    for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + weight * outputs.length);
  }
  const bias = new Map<number, number>();
  for (const [token, count] of counts) {
    const raised = strength * Math.log1p(count / (mass * (background[token] ?? Infinity)));
    if (raised > 0) bias.set(token, raised);
  }
  return bias;
}
