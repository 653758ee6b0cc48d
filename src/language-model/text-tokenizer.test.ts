import * as fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { openGoldenFiles } from '../testing/golden/golden-files.ts';
import { goldenModels } from '../testing/golden/golden-models.ts';
import type { TextTokenizer } from './language-model.ts';
import { createTextTokenizer } from './text-tokenizer.ts';

const { source: models } = goldenModels('golden');
const controls = ['<|end|>', '<|bos|>', '<|user|>', '<|assistant|>'];

let tokenizer: TextTokenizer;

beforeAll(async () => {
  tokenizer = createTextTokenizer(await (await models.open('nano-llm', 'language-model')).json('tokenizer.json'));
});

/** A byte-level tokenizer of single bytes, one merge (a space and the first byte of U+FEFF), and two added tokens. */
function smallTokenizer(): TextTokenizer {
  const printable = [
    ...Array.from({ length: 94 }, (_, index) => index + 33),
    ...Array.from({ length: 12 }, (_, index) => index + 161),
    ...Array.from({ length: 82 }, (_, index) => index + 174),
  ];
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  const others = bytes.filter((byte) => !printable.includes(byte));
  const symbol = (byte: number): string =>
    String.fromCharCode(printable.includes(byte) ? byte : 256 + others.indexOf(byte));
  const vocab = Object.fromEntries([...bytes.map((byte) => [symbol(byte), byte]), [symbol(0x20) + symbol(0xef), 256]]);
  return createTextTokenizer({
    version: '1.0',
    added_tokens: [
      { id: 257, content: '<|stop|>', special: true, normalized: false },
      { id: 258, content: '<think>', special: false, normalized: false },
    ],
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, use_regex: true },
    post_processor: null,
    decoder: { type: 'ByteLevel' },
    model: { type: 'BPE', vocab, merges: [[symbol(0x20), symbol(0xef)]] },
  });
}

describe('the shipped tokenizer', () => {
  test('encodes golden answers as training did', async () => {
    const { cases } = (await (await openGoldenFiles(models)).json('prompts.json')) as {
      cases: { answer: string; answerIds: number[] }[];
    };
    expect(cases.length).toBeGreaterThanOrEqual(12);
    for (const { answer, answerIds } of cases) expect([...tokenizer.encode(answer), 0], answer).toEqual(answerIds);
  });

  test('finds control tokens by name, and says which is missing', () => {
    expect(controls.map((name) => tokenizer.controlToken(name))).toEqual([0, 1, 2, 3]);
    expect(() => tokenizer.controlToken('<|system|>')).toThrow(
      expect.objectContaining({ code: 'invalid-argument', message: expect.stringContaining('"<|system|>"') }),
    );
  });

  test('never encodes text as a control token, and decodes every text to itself', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 8 }),
      fc.constantFrom(...controls, ' ', '\n', '\u{FEFF}'),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('');
        const ids = tokenizer.encode(text);
        for (const id of ids) expect(id).toBeGreaterThan(3);
        expect(tokenizer.decode(ids)).toBe(text);
        expect(tokenizer.decode([1, ...ids, 0])).toBe(text);
      }),
    );
  });
});

describe('createTextTokenizer', () => {
  test("splits at Rust's whitespace, which U+FEFF is not", () => {
    expect(smallTokenizer().encode(' \u{FEFF}b')).toEqual([256, 0xbb, 0xbf, 0x62]);
  });

  test('shows added tokens that are not special, and leaves special ones and unknown ids out', () => {
    expect(smallTokenizer().decode([97, 257, 258, 98, 4000])).toBe('a<think>b');
    expect(smallTokenizer().decode([])).toBe('');
  });

  test.each([[null], [{}], [{ model: { type: 'BPE' } }]])('refuses %o', (json) => {
    expect(() => createTextTokenizer(json)).toThrow(expect.objectContaining({ code: 'model-mismatch' }));
  });
});
