// The golden cases on this runtime: how far its logits are from torch's, and which tokens it takes.
import { argmax } from '../../src/language-model/decoding/sampling.ts';
import type { GenerateTokensOptions, LanguageModel, PromptSegment } from '../../src/language-model/language-model.ts';
import { logitTolerance } from '../../src/testing/golden/golden-parity.ts';
import { readGoldenCases } from './golden-cases.ts';

type Answer = (
  prompt: readonly PromptSegment[],
  options: GenerateTokensOptions,
) => Promise<{ readonly tokens: readonly number[] }>;

/** For each golden case: the largest difference of a logit, how far one is beyond its tolerance, and the tokens. */
export async function goldenScenario(
  model: LanguageModel,
  golden: Parameters<typeof readGoldenCases>[0],
  answer: Answer,
) {
  const cases = await readGoldenCases(golden);
  const results = [];
  for (const { name, segments, tokens, margins, logits } of cases) {
    const found = await model.logits(segments, tokens);
    let largest = 0;
    let beyond = -Infinity;
    for (const [step, expected] of logits.entries()) {
      for (const [token, logit] of expected.entries()) {
        const difference = Math.abs((found[step]?.[token] ?? Number.NaN) - logit);
        largest = Math.max(largest, difference);
        beyond = Math.max(beyond, difference - logitTolerance(logit));
      }
    }
    // Along the golden tokens, the greedy token of each step is what greedy decoding would give there.
    results.push({ name, largest, beyond, tokens, margins, found: found.slice(0, -1).map((row) => argmax(row)) });
  }
  const [shortest] = cases.toSorted((a, b) => a.segments.length - b.segments.length);
  const decoded = shortest === undefined ? null : await answer(shortest.segments, { maximumNewTokens: 8 });
  return { results, decoded: decoded?.tokens.slice(0, 1), expected: shortest?.tokens.slice(0, 1) };
}
