// A logit bias in free decoding and among choices.
import { expect, test } from 'vitest';
import { byteTokenizer } from '../../testing/scripted-language-model.ts';
import { decodeChoice, decodeFreely } from './decode.ts';
import type { TokenDelta } from '../language-model.ts';
import { answerBias, type LogitBias } from './logit-bias.ts';

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

test('is added to a copy until its token is taken, and ignores tokens beyond the vocabulary', () => {
  const logits = Float32Array.of(1, 2);
  const bias = answerBias(
    new Map([
      [1, 0.5],
      [7, 9],
    ]),
  );
  expect(bias.add(logits)).toEqual(Float32Array.of(1, 2.5));
  expect(logits).toEqual(Float32Array.of(1, 2));
  bias.take(1);
  expect(bias.add(logits)).toEqual(logits);
  expect(answerBias(undefined).add(logits)).toBe(logits);
});

test('changes a free answer', async () => {
  expect(await free()).toBe('aa');
  expect(await free(new Map([[end, 2.5]]))).toBe('');
});

test('is removed once the answer has the token', async () => {
  expect(await free(new Map([[b, 1.5]]))).toBe('ba');
});

test('changes the answer among choices', async () => {
  expect(await textOf(decodeChoice(context(), ['a', 'b'], {}))).toBe('a');
  expect(await textOf(decodeChoice(context(), ['a', 'b'], { logitBias: new Map([[b, 1.5]]) }))).toBe('b');
});
