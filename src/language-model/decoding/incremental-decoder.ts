// Token ids in, text deltas out. A token may end inside a UTF-8 character; such text waits for the next token.

/** Turns a stream of ids into text. The deltas and the rest together are the text of all ids. */
export interface IncrementalDecoder {
  /** The text that this token completes; empty while a character is incomplete. */
  push(token: number): string;
  /** What was held back, replacement characters included. The decoder starts afresh afterwards. */
  end(): string;
}

const replacementCharacter = '\u{FFFD}';

/**
 * Makes a decoder over a tokenizer's `decode`.
 *
 * Decodes from the last place where text was complete but one, not from the last: tokenizers of the SentencePiece kind
 * give a token another text at the start (no leading space) than after another token.
 *
 * @example
 * ```ts
 * const decoder = createIncrementalDecoder((ids) => tokenizer.decode(ids));
 * for (const token of tokens) write(decoder.push(token));
 * write(decoder.end());
 * ```
 */
export function createIncrementalDecoder(decode: (ids: readonly number[]) => string): IncrementalDecoder {
  // `context` tokens were told already and only give the others their surroundings; `pending` ones are not yet told.
  let context: number[] = [];
  let pending: number[] = [];

  function untold(): string {
    const told = context.length === 0 ? '' : decode(context);
    const all = decode([...context, ...pending]);
    return all.slice(told.length);
  }

  return {
    push(token) {
      pending.push(token);
      const text = untold();
      if (text === '' || text.endsWith(replacementCharacter)) return '';
      context = pending;
      pending = [];
      return text;
    },
    end() {
      const text = pending.length === 0 ? '' : untold();
      context = [];
      pending = [];
      return text;
    },
  };
}
