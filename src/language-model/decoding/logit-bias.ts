// Adds a bias to some logits, before a token is taken. It works on every runtime, since all decode from logits on the CPU.

/** Nats that are added to the logit of a token until the answer has it, by token. */
export type LogitBias = ReadonlyMap<number, number>;

/** What is left of a bias during one answer. */
export interface AnswerBias {
  /** A copy of the logits with the rest of the bias added; the same array where none is left. */
  add(logits: Float32Array): Float32Array;
  /** Removes the bias of a token that was taken. Otherwise one word could be repeated until it fills the answer. */
  take(token: number): void;
}

/** Starts the bias of an answer. */
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
