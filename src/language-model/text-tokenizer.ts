// The tokenizer of a language model. User text is always encoded as text; control tokens have to be requested by name.
import { PersonaPlugError } from '../lib/errors.ts';
import { loadPlainTokenizer } from '../tokenizer/hugging-face-tokenizer.ts';
import type { TextTokenizer } from './language-model.ts';

/**
 * Makes a tokenizer from the content of tokenizer.json.
 *
 * @throws PersonaPlugError `model-mismatch` when it is unreadable.
 *
 * @example
 * ```ts
 * const tokenizer = createTextTokenizer(await modelPackage.json('tokenizer.json'));
 * tokenizer.encode('<|end|> is text here'); // no control token among these ids
 * tokenizer.controlToken('<|end|>'); // 0
 * ```
 */
export function createTextTokenizer(tokenizerJson: unknown): TextTokenizer {
  const tokenizer = loadPlainTokenizer(tokenizerJson);
  const control = new Set(tokenizer.addedTokens.filter((token) => token.special).map((token) => token.id));
  const added = new Map(tokenizer.addedTokens.map((token) => [token.id, token.content]));
  return {
    encode: (text) => tokenizer.encode(text),
    decode(ids) {
      const shown = ids.filter((id) => !control.has(id));
      if (!shown.some((id) => added.has(id))) return tokenizer.decode(shown);
      return runsOf(shown, (id) => added.has(id))
        .map((run) => run.map((id) => added.get(id) ?? '').join('') || tokenizer.decode(run))
        .join('');
    },
    controlToken(name) {
      const id = tokenizer.find(name);
      if (id === undefined) {
        throw new PersonaPlugError(
          'invalid-argument',
          `The tokenizer has no token named ${JSON.stringify(name)}. Check promptTemplate in the model's manifest.`,
        );
      }
      return id;
    },
  };
}

/** Splits ids into runs of equal `kind`. */
function runsOf(ids: readonly number[], kind: (id: number) => boolean): number[][] {
  const runs: number[][] = [];
  let previous: boolean | null = null;
  for (const id of ids) {
    const current = kind(id);
    if (current === previous) runs.at(-1)?.push(id);
    else runs.push([id]);
    previous = current;
  }
  return runs;
}
