// Finds the tokens that would repeat an n-gram of the answer. Without this rule, small models that are decoded greedily repeat
// themselves.

/**
 * Tokens that would end an n-gram of the answer a second time (Hugging Face's `no_repeat_ngram_size`).
 *
 * @param size - Tokens of an n-gram; 0 forbids nothing.
 */
export function repeatingTokens(answer: readonly number[], size: number): Set<number> {
  const banned = new Set<number>();
  if (size < 1) return banned;
  const start = answer.length - size + 1;
  const last = answer.slice(Math.max(0, start));
  for (let index = 0; index < start; index++) {
    const isRepeated = last.every((token, offset) => token === answer[index + offset]);
    const next = answer[index + size - 1];
    if (isRepeated && next !== undefined) banned.add(next);
  }
  return banned;
}

/** A copy of the logits in which these tokens cannot be taken; the same array where there are none. */
export function without(logits: Float32Array, tokens: ReadonlySet<number>): Float32Array {
  if (tokens.size === 0) return logits;
  const left = logits.slice();
  for (const token of tokens) left[token] = -Infinity;
  return left;
}
