// The tokenizer of a BERT-like embedder, with the ids of the Rust tokenizers.
import { PersonaPlugError } from '../lib/errors.ts';
import { loadPlainTokenizer } from './hugging-face-tokenizer.ts';

export interface EmbedderTokenizer {
  /** Ids of a text, however many, without `[CLS]` and `[SEP]`. */
  encode(text: string): number[];
  /** `[CLS]` … `[SEP]`, as the model takes them. */
  frame(ids: readonly number[]): number[];
}

/** How many tokens `frame` adds. */
export const frameTokens = 2;

/**
 * Makes the tokenizer of an embedder.
 *
 * @throws PersonaPlugError `model-mismatch` when tokenizer.json is unreadable or has no `[CLS]` and `[SEP]`.
 */
export function createEmbedderTokenizer(tokenizerJson: unknown): EmbedderTokenizer {
  const tokenizer = loadPlainTokenizer(tokenizerJson);
  const start = tokenizer.find('[CLS]');
  const end = tokenizer.find('[SEP]');
  if (start === undefined || end === undefined) {
    throw new PersonaPlugError(
      'model-mismatch',
      'tokenizer.json has no [CLS] or no [SEP] token. Only BERT-like embedders are supported; choose one of those.',
    );
  }
  const isBert = tokenizer.normalizer?.['type'] === 'BertNormalizer';
  const isLowercase = tokenizer.normalizer?.['lowercase'] === true;
  return {
    encode: (text) => tokenizer.encode(isBert ? likeRustBertNormalizer(text, isLowercase) : text),
    frame: (ids) => [start, ...ids, end],
  };
}

/**
 * What Rust's BertNormalizer does and the JavaScript one does not: it lowercases character by character (a final sigma stays σ), and it
 * puts spaces around ideographs beyond U+FFFF too.
 */
function likeRustBertNormalizer(text: string, isLowercase: boolean): string {
  const apart = text.replace(
    /[\u{20000}-\u{2A6DF}\u{2A700}-\u{2B81F}\u{2B920}-\u{2CEAF}\u{2F800}-\u{2FA1F}]/gu,
    ' $& ',
  );
  return isLowercase ? Array.from(apart, (character) => character.toLowerCase()).join('') : apart;
}
