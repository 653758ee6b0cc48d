// Holds a language model to golden logits and tokens: one comparison for every runtime.
import type { LanguageModel } from '../language-model/language-model.ts';
import type { GoldenLanguageModelCase } from './golden-files.ts';

/**
 * How far a logit may be from torch's: sums of some hundred float32 products in another order, six layers deep, and exp and
 * rsqrt that WGSL grants some units in the last place.
 */
export function logitTolerance(logit: number): number {
  return 1e-3 + 1e-4 * Math.abs(logit);
}

/** Below ten times the tolerance the second best token could win by rounding alone. */
const decisiveMargin = 10;

export interface ParityResult {
  readonly name: string;
  /** Largest distance of a logit, and the same in units of its tolerance: at most 1 is parity. */
  readonly largestError: number;
  readonly largestErrorInTolerances: number;
  /** Golden tokens up to the first margin that does not decide, and what the model gave there. */
  readonly expectedTokens: readonly number[];
  readonly tokens: readonly number[];
}

/** Runs one golden case. `maximumTokens` cuts the greedy continuation short on slow devices. */
export async function compareWithGolden(
  model: LanguageModel,
  { name, prompt, tokens, margins, logits }: GoldenLanguageModelCase,
  { maximumTokens = 16, endTokens = [0] }: { maximumTokens?: number; endTokens?: readonly number[] } = {},
): Promise<ParityResult> {
  const found = await model.logits(prompt, tokens.slice(0, logits.length - 1));
  let largestError = 0;
  let largestErrorInTolerances = found.length === logits.length ? 0 : Infinity;
  let largestLogit = 0;
  for (const [step, expected] of logits.entries()) {
    for (const [token, logit] of expected.entries()) {
      const error = Math.abs((found[step]?.[token] ?? Infinity) - logit);
      largestError = Math.max(largestError, error);
      largestErrorInTolerances = Math.max(largestErrorInTolerances, error / logitTolerance(logit));
      largestLogit = Math.max(largestLogit, Math.abs(logit));
    }
  }
  const expectedTokens: number[] = [];
  for (const [step, token] of tokens.slice(0, maximumTokens).entries()) {
    // The end token ends an answer and is not part of it.
    if (endTokens.includes(token) || (margins[step] ?? 0) < decisiveMargin * logitTolerance(largestLogit)) break;
    expectedTokens.push(token);
  }
  const given: number[] = [];
  if (expectedTokens.length > 0) {
    const answer = model.generate(prompt, { maximumNewTokens: expectedTokens.length });
    for await (const { token } of answer) given.push(token);
  }
  return { name, largestError, largestErrorInTolerances, expectedTokens, tokens: given };
}
