// The log probabilities that a model gives the tokens of an answer.
import type { LanguageModel, PromptSegment } from '../language-model.ts';
import { answerBias, type LogitBias } from './logit-bias.ts';

/**
 * Natural log probabilities of `ids` after the prompt, one a token; log-sum-exp in float64. Their mean, negated, is the negative
 * log-likelihood that training reports.
 *
 * @throws PersonaPlugError as `LanguageModel.logits`.
 */
export async function sequenceLogProbabilities(
  model: Pick<LanguageModel, 'logits'>,
  prompt: readonly PromptSegment[],
  ids: readonly number[],
  { logitBias, ...options }: { signal?: AbortSignal; logitBias?: LogitBias } = {},
): Promise<number[]> {
  if (ids.length === 0) return [];
  const rows = await model.logits(prompt, ids.slice(0, -1), options);
  const bias = answerBias(logitBias);
  return ids.map((id, index) => {
    const logits = bias.add(rows[index] ?? new Float32Array(0));
    bias.take(id);
    return logProbability(logits, id);
  });
}

function logProbability(logits: Float32Array, id: number): number {
  const highest = logits.reduce((maximum, logit) => Math.max(maximum, logit), -Infinity);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - highest), 0);
  return (logits[id] ?? Number.NaN) - highest - Math.log(sum);
}
