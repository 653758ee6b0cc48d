// The user's own words in an answer: what her outputs add to the logits, and how that is told.
import type { LanguageModel, TextTokenizer } from '../language-model/language-model.ts';
import type { LogitBias } from '../language-model/logit-bias.ts';
import { marginalBias } from '../persona/marginals.ts';
import type { Plug } from '../persona/plug.ts';
import type { Explanation, RaisedWord } from './personalizer.ts';

export interface OwnWordsParts {
  readonly plug: Plug;
  readonly languageModel: Pick<LanguageModel, 'tokenizer' | 'endTokens'>;
}

const mostTold = 12;

/** What the outputs of weighed items add to the logits of a task; empty where the plug has no marginals for it. */
export function ownWords({ plug, languageModel }: OwnWordsParts, task: string, items: Explanation['items']): LogitBias {
  const { marginals } = plug.parametersOf(task);
  if (marginals === null) return new Map();
  const end = languageModel.endTokens.slice(0, 1);
  return marginalBias(
    marginals,
    items.map(({ item, weight }) => ({ weight, tokens: [...languageModel.tokenizer.encode(item.output), ...end] })),
  );
}

/** The most raised pieces that say anything: two letters or digits at least. */
export function raisedWords(bias: LogitBias, tokenizer: Pick<TextTokenizer, 'decode'>): RaisedWord[] {
  const words: RaisedWord[] = [];
  for (const [token, value] of [...bias].toSorted(([a, x], [b, y]) => y - x || a - b)) {
    if (words.length === mostTold) break;
    const text = tokenizer.decode([token]).trim();
    if (/[\p{L}\p{N}]{2}/u.test(text)) words.push({ text, factor: Math.exp(value) });
  }
  return words;
}
