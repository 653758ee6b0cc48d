// No n-gram occurs twice: for given tokens, and as a property of whole answers.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { byteTokenizer } from '../../testing/scripted-language-model.ts';
import { decodeFreely } from './decode.ts';
import { repeatingTokens } from './repeated-ngrams.ts';

test.each([
  [[], 3, []],
  [[1, 2], 3, []],
  [[1, 2, 3, 1, 2], 3, [3]],
  [[1, 2, 3, 1, 2, 4, 1, 2], 3, [3, 4]],
  [[5, 5], 2, [5]],
  [[5, 6], 1, [5, 6]],
  [[5, 5, 5], 0, []],
])('after %j no %i-gram twice: %j are not taken', (answer, size, banned) => {
  expect([...repeatingTokens(answer, size)]).toEqual(banned);
});

test('an answer has each n-gram once, whatever the logits', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(40), { minLength: 6, maxLength: 6 }),
      fc.integer({ min: 1, max: 4 }),
      async (favoured, size) => {
        const logits = new Float32Array(60);
        for (const [rank, token] of favoured.entries()) logits[token + 5] = 10 - rank;
        const context = { append: async () => logits, tokenizer: byteTokenizer, endTokens: [0], firstLogits: logits };
        const tokens: number[] = [];
        for await (const { token } of decodeFreely(context, { maximumNewTokens: 12, noRepeatNgramSize: size }))
          tokens.push(token);
        const ngrams = tokens.slice(size - 1).map((_, index) => tokens.slice(index, index + size).join(' '));
        expect(new Set(ngrams).size).toBe(ngrams.length);
      },
    ),
    { numRuns: 30 },
  );
});
