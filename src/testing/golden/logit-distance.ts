// The largest difference between the logits of two runtimes.
import { logitTolerance } from './golden-parity.ts';

/** Largest difference of logits, `[steps, vocabulary]` each, in tolerances. */
export function logitDistance(left: readonly Float32Array[], right: readonly Float32Array[]): number {
  return left.reduce(
    (worst, row, step) =>
      row.reduce(
        (most, logit, token) =>
          Math.max(most, Math.abs(logit - (right[step]?.[token] ?? Infinity)) / logitTolerance(logit)),
        worst,
      ),
    0,
  );
}
