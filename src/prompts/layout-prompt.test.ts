import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { byteTokenizer, scriptedPromptTemplate } from '../testing/scripted-language-model.ts';
import { layoutPrompt, type PersonaRows, type PromptLayout } from './layout-prompt.ts';

const persona: PersonaRows = {
  instruction: { rows: new Float32Array(16), count: 2 },
  persona: { rows: new Float32Array(24).fill(1), count: 3 },
};

const layout = (fields: Partial<PromptLayout> = {}): PromptLayout => ({
  template: scriptedPromptTemplate,
  tokenizer: byteTokenizer,
  contextWindow: 64,
  text: 'Hi',
  persona: null,
  maximumNewTokens: 8,
  ...fields,
});

const hi = byteTokenizer.encode('Hi');

test('without a persona the prompt is one run of ids', () => {
  expect(layoutPrompt(layout())).toEqual([{ kind: 'ids', ids: [1, 2, ...hi, 3] }]);
});

test('with a persona, instruction and rows are where the template has them', () => {
  expect(layoutPrompt(layout({ persona }))).toEqual([
    { kind: 'ids', ids: [1] },
    { kind: 'rows', ...persona.instruction },
    { kind: 'rows', ...persona.persona },
    { kind: 'ids', ids: [2, ...hi, 3] },
  ]);
});

test('a control token inside the text is encoded as text', () => {
  const [segment] = layoutPrompt(layout({ text: '<|end|>' }));
  expect(segment).toEqual({ kind: 'ids', ids: [1, 2, ...byteTokenizer.encode('<|end|>'), 3] });
});

test('a long text is cut at its end so that the answer has room, with and without persona', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 200 }),
      fc.boolean(),
      fc.integer({ min: 1, max: 40 }),
      (length, has, room) => {
        const prompt = layoutPrompt(
          layout({ text: 'x'.repeat(length), persona: has ? persona : null, maximumNewTokens: room }),
        );
        const tokens = prompt.reduce((sum, part) => sum + (part.kind === 'ids' ? part.ids.length : part.count), 0);
        expect(tokens).toBe(Math.min(3 + (has ? 5 : 0) + length, 64 - room));
        expect(prompt.at(-1)).toMatchObject({ kind: 'ids' });
      },
    ),
  );
});

test('a prompt without any room for text is refused with the numbers', () => {
  expect(() => layoutPrompt(layout({ persona, maximumNewTokens: 56 }))).toThrow(
    expect.objectContaining({
      code: 'invalid-prompt',
      details: { contextWindow: 64, rows: 5, controls: 3, maximumNewTokens: 56 },
      message: expect.stringMatching(/\b64\b.*\b5\b.*\b3\b.*\b56\b.*maximumNewTokens/u),
    }),
  );
});

test('a template without a place for the prompt is refused', () => {
  expect(() => layoutPrompt(layout({ template: [{ control: '<|bos|>' }] }))).toThrow(
    expect.objectContaining({ code: 'invalid-argument', message: expect.stringMatching(/\b0\b/u) }),
  );
});
