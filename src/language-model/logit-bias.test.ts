// A bias where tokens are taken: freely, and among choices.
import { expect, test } from 'vitest';
import { byteTokenizer } from '../testing/scripted-language-model.ts';
import { decodeChoice, decodeFreely } from './decode.ts';
import type { TokenDelta } from './language-model.ts';
import { biased, type LogitBias } from './logit-bias.ts';

const [a = -1, b = -1] = byteTokenizer.encode('ab');
const end = byteTokenizer.controlToken('<|end|>');

/** The same logits at every step: "a" before "b" before the end. */
function context() {
  const logits = new Float32Array(300);
  logits[a] = 3;
  logits[b] = 2;
  logits[end] = 1;
  return { append: async () => logits, tokenizer: byteTokenizer, endTokens: [end], firstLogits: logits };
}

async function textOf(stream: AsyncGenerator<TokenDelta, unknown, void>): Promise<string> {
  let text = '';
  for await (const delta of stream) text += delta.text;
  return text;
}

const free = async (logitBias?: LogitBias): Promise<string> =>
  await textOf(decodeFreely(context(), { maximumNewTokens: 2, ...(logitBias === undefined ? {} : { logitBias }) }));

test('is added in a copy, and tokens beyond the vocabulary are passed over', () => {
  const logits = Float32Array.of(1, 2);
  expect(
    biased(
      logits,
      new Map([
        [1, 0.5],
        [7, 9],
      ]),
    ),
  ).toEqual(Float32Array.of(1, 2.5));
  expect(logits).toEqual(Float32Array.of(1, 2));
  expect(biased(logits, new Map())).toBe(logits);
});

test('decides free text', async () => {
  expect(await free()).toBe('aa');
  expect(await free(new Map([[b, 1.5]]))).toBe('bb');
  expect(await free(new Map([[end, 2.5]]))).toBe('');
});

test('decides among choices', async () => {
  expect(await textOf(decodeChoice(context(), ['a', 'b'], {}))).toBe('a');
  expect(await textOf(decodeChoice(context(), ['a', 'b'], { logitBias: new Map([[b, 1.5]]) }))).toBe('b');
});
