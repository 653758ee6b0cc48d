// Makes a tokenizer of plain text from a tokenizer.json, which is checked, with @huggingface/tokenizers.
import { ByteLevelPreTokenizer, Tokenizer } from '@huggingface/tokenizers';
import * as v from 'valibot';
import { PersonaPlugError } from '../lib/errors.ts';

const documentSchema = v.looseObject({
  model: v.looseObject({ type: v.optional(v.string()), vocab: v.unknown() }),
  added_tokens: v.optional(
    v.array(v.looseObject({ id: v.number(), content: v.string(), special: v.optional(v.boolean(), false) })),
    [],
  ),
  normalizer: v.optional(v.nullable(v.looseObject({})), null),
});

/** A tokenizer without added tokens: everything in a text is encoded as text. */
export interface PlainTokenizer {
  /** Ids of a text, nothing added. */
  encode(text: string): number[];
  /** Text of ids of the vocabulary; ids outside of it are left out. */
  decode(ids: readonly number[]): string;
  /** Id of a token by its name, from the vocabulary or the added tokens. */
  find(name: string): number | undefined;
  readonly addedTokens: readonly { readonly id: number; readonly content: string; readonly special: boolean }[];
  readonly normalizer: Readonly<Record<string, unknown>> | null;
}

/**
 * Loads a tokenizer.json with `added_tokens` emptied and without post-processor, truncation and padding.
 *
 * @throws PersonaPlugError `model-mismatch` when the document is not a tokenizer.json that the library reads.
 */
export function loadPlainTokenizer(tokenizerJson: unknown): PlainTokenizer {
  const parsed = v.safeParse(documentSchema, tokenizerJson);
  if (!parsed.success) throw unreadable(v.flatten(parsed.issues), parsed.issues[0].message);
  const document = parsed.output;
  let tokenizer: Tokenizer;
  try {
    tokenizer = new Tokenizer({ ...document, added_tokens: [], post_processor: null }, {});
  } catch (error) {
    throw unreadable(error, error instanceof Error ? error.message : String(error));
  }
  useRustWhitespace(tokenizer);
  const named = new Map(document.added_tokens.map(({ id, content }) => [content, id]));
  return {
    encode: (text) => (text === '' ? [] : tokenizer.encode(text, { add_special_tokens: false }).ids),
    decode(ids) {
      const known = ids.filter((id) => tokenizer.id_to_token(id) !== undefined);
      return known.length === 0 ? '' : tokenizer.decode(known, { clean_up_tokenization_spaces: false });
    },
    find: (name) => named.get(name) ?? tokenizer.token_to_id(name),
    addedTokens: document.added_tokens,
    normalizer: document.normalizer,
  };
}

/**
 * JavaScript's `\s` holds U+FEFF and not U+0085; in the Rust tokenizers, which training used, it is the other way round.
 * Otherwise a byte order mark inside a pasted text would get other ids than in training.
 */
function useRustWhitespace(tokenizer: Tokenizer): void {
  if (!(tokenizer.pre_tokenizer instanceof ByteLevelPreTokenizer)) return;
  tokenizer.pre_tokenizer.pattern =
    /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;
}

function unreadable(cause: unknown, reason: string): PersonaPlugError {
  return new PersonaPlugError(
    'model-mismatch',
    `tokenizer.json cannot be read: ${reason}. Use the tokenizer.json that Hugging Face tokenizers writes.`,
    { cause },
  );
}
