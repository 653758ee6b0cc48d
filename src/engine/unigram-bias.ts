// Unigram adaptation of an answer: what the user's outputs add to the logits, and which words that makes likelier.
import type { TextTokenizer } from '../language-model/language-model.ts';
import type { LogitBias } from '../language-model/decoding/logit-bias.ts';
import { unigramBias } from '../persona/unigram-adaptation.ts';
import type { EngineContext } from './engine-context.ts';
import type { Explanation, AdaptedWord } from './personalizer.ts';

const maximumReportedWords = 12;
/** Only the heaviest items are searched for words to report: a long history has thousands. */
const maximumSearchedItems = 50;

/** Nats by token that the outputs of weighed items, heaviest first, add to the logits; empty where the plug does not adapt the task. */
export function unigramBiasOf(
  { plug, languageModel }: EngineContext,
  task: string,
  items: Explanation['items'],
): LogitBias {
  const { unigramAdaptation } = plug.parametersOf(task);
  if (unigramAdaptation === null) return new Map();
  const end = languageModel.endTokens.slice(0, 1);
  return unigramBias(unigramAdaptation, items, ({ item }) => [...languageModel.tokenizer.encode(item.output), ...end]);
}

/**
 * The words of the outputs that became likelier, most first: three letters or digits at least, by the mean of their tokens.
 * `outputs`: the heaviest first.
 */
export function adaptedWords(
  bias: LogitBias,
  outputs: readonly string[],
  tokenizer: Pick<TextTokenizer, 'encode'>,
): AdaptedWord[] {
  if (bias.size === 0) return [];
  const words = new Set(
    outputs.slice(0, maximumSearchedItems).flatMap((output) => output.match(/[\p{L}\p{N}]{3,}/gu) ?? []),
  );
  return [...words]
    .map((text) => {
      // Within a text most words stand behind a space, which is part of their first token.
      const tokens = tokenizer.encode(` ${text}`);
      const raised = tokens.reduce((sum, token) => sum + (bias.get(token) ?? 0), 0) / tokens.length;
      return { text, factor: Math.exp(raised) };
    })
    .filter(({ factor }) => factor > 1)
    .toSorted((a, b) => b.factor - a.factor || (a.text < b.text ? -1 : 1))
    .slice(0, maximumReportedWords);
}
