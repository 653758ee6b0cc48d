// Decodes token ids to text deltas. A token may end inside a UTF-8 character; its text then waits for the next token.

/** Turns a stream of ids into text. The deltas and the rest together are the text of all ids. */
export interface IncrementalDecoder {
  /** The text that this token completes; empty while a character is incomplete. */
  push(token: number): string;
  /** The text that was held back, with replacement characters. Afterwards the decoder can be used for another text. */
  end(): string;
}

const replacementCharacter = '\u{FFFD}';

/**
 * Makes a decoder over a tokenizer's `decode`.
 *
 * The tokens of the previous delta are decoded together with the new ones, since tokenizers such as SentencePiece give a token at the
 * start of a text another text (no leading space) than after another token.
 *
 * @example
 * ```ts
 * const decoder = createIncrementalDecoder((ids) => tokenizer.decode(ids));
 * for (const token of tokens) write(decoder.push(token));
 * write(decoder.end());
 * ```
 */
export function createIncrementalDecoder(decode: (ids: readonly number[]) => string): IncrementalDecoder {
  // The text of `context` was emitted already; these tokens are decoded again only as context of `pending`, whose text was not.
  let context: number[] = [];
  let pending: number[] = [];

  function pendingText(): string {
    const emitted = context.length === 0 ? '' : decode(context);
    const all = decode([...context, ...pending]);
    return all.slice(emitted.length);
  }

  return {
    push(token) {
      pending.push(token);
      const text = pendingText();
      if (text === '' || text.endsWith(replacementCharacter)) return '';
      context = pending;
      pending = [];
      return text;
    },
    end() {
      const text = pending.length === 0 ? '' : pendingText();
      context = [];
      pending = [];
      return text;
    },
  };
}
