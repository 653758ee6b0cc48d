// Adds to some logits, whatever gave them: every runtime decodes from logits that lie in memory.

/** Nats that are added to the logit of a token until the answer has it, by token. */
export type LogitBias = ReadonlyMap<number, number>;

/** A bias along one answer. */
export interface AnswerBias {
  /** The next logits with what is left of the bias, as a copy; the same array where nothing is. */
  add(logits: Float32Array): Float32Array;
  /** Tells the token that comes next: raised again and again, one word would fill the answer. */
  take(token: number): void;
}

/** Starts an answer. */
export function answerBias(bias: LogitBias | undefined): AnswerBias {
  const left = new Map(bias);
  return {
    add(logits) {
      if (left.size === 0) return logits;
      const sum = logits.slice();
      for (const [token, value] of left) {
        const logit = sum[token];
        if (logit !== undefined) sum[token] = logit + value;
      }
      return sum;
    },
    take(token) {
      left.delete(token);
    },
  };
}
