// The user's own words in an answer: what her outputs add to the logits, and how that is told.
import type { LanguageModel, TextTokenizer } from '../language-model/language-model.ts';
import type { LogitBias } from '../language-model/decoding/logit-bias.ts';
import { unigramBias } from '../persona/unigram-adaptation.ts';
import type { Plug } from '../persona/plug.ts';
import type { Explanation, AdaptedWord } from './personalizer.ts';

export interface UnigramBiasParts {
  readonly plug: Plug;
  readonly languageModel: Pick<LanguageModel, 'tokenizer' | 'endTokens'>;
}

const maximumReportedWords = 12;
/** So many items, the heaviest ones, are searched for words to tell of: a long history has thousands. */
const maximumSearchedItems = 50;

/** What the outputs of weighed items, heaviest first, add to the logits of a task; empty where the plug has no marginals for it. */
export function unigramBiasOf(
  { plug, languageModel }: UnigramBiasParts,
  task: string,
  items: Explanation['items'],
): LogitBias {
  const { unigramAdaptation } = plug.parametersOf(task);
  if (unigramAdaptation === null) return new Map();
  const end = languageModel.endTokens.slice(0, 1);
  return unigramBias(unigramAdaptation, items, ({ item }) => [...languageModel.tokenizer.encode(item.output), ...end]);
}

/** The most raised of the words that she wrote: letters and digits between spaces, three at least, by the mean of their tokens. `outputs`: the heaviest first. */
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
