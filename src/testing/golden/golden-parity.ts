// Compares a language model with golden logits and tokens, in the same way for every runtime.
import type { LanguageModel } from '../../language-model/language-model.ts';
import { argmax } from '../../language-model/decoding/sampling.ts';
import type { GoldenLanguageModelCase } from './golden-files.ts';

/**
 * How far a logit may be from torch's: sums of some hundred float32 products in another order, through six layers, and exp and rsqrt,
 * for which WGSL allows some units in the last place.
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
  /** Golden tokens up to the first margin that is too small to decide, and the model's tokens there. */
  readonly expectedTokens: readonly number[];
  readonly tokens: readonly number[];
}

export interface ParityOptions {
  /** Streams the greedy continuation too; else the tokens are the best ones of the compared logits. @defaultValue true */
  readonly isStreamed?: boolean;
}

/** Runs one golden case, with its adapter if it has one. */
export async function compareWithGolden(
  model: LanguageModel,
  golden: GoldenLanguageModelCase,
  options: ParityOptions = {},
): Promise<ParityResult> {
  if (golden.adapter === null) return compare(model, golden, options);
  await model.useAdapter?.(golden.adapter);
  try {
    return await compare(model, golden, options);
  } finally {
    await model.useAdapter?.(null);
  }
}

async function compare(
  model: LanguageModel,
  { name, prompt, tokens, margins, logits }: GoldenLanguageModelCase,
  { isStreamed = true }: ParityOptions,
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
  const firstUndecided = margins.findIndex((margin) => margin < decisiveMargin * logitTolerance(largestLogit));
  const decided = firstUndecided < 0 ? margins.length : firstUndecided;
  const errors = { name, largestError, largestErrorInTolerances };
  if (!isStreamed) {
    const compared = Math.min(decided, tokens.length, logits.length);
    return {
      ...errors,
      expectedTokens: tokens.slice(0, compared),
      tokens: found.slice(0, compared).map((row) => argmax(row)),
    };
  }
  const given: number[] = [];
  if (decided > 0) {
    // The tokens include the end token where its margin decides, so that an answer that does not end is noticed.
    for await (const { token } of model.generate(prompt, { maximumNewTokens: decided })) given.push(token);
  }
  return { ...errors, expectedTokens: tokens.slice(0, decided), tokens: given };
}
