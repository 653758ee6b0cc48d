// Adds to some logits, whatever gave them: every runtime decodes from logits that lie in memory.

/** Nats that are added to the logits of tokens, by token. */
export type LogitBias = ReadonlyMap<number, number>;

/** Logits with a bias, as a copy; the same array where there is none. */
export function biased(logits: Float32Array, bias: LogitBias | undefined): Float32Array {
  if (bias === undefined || bias.size === 0) return logits;
  const sum = logits.slice();
  for (const [token, value] of bias) {
    const logit = sum[token];
    if (logit !== undefined) sum[token] = logit + value;
  }
  return sum;
}
