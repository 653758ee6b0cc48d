import { describe, expect, test } from 'vitest';
import { flattenPrompt } from './flatten-prompt.ts';
import type { PromptSegment } from './language-model.ts';

const limits = { hiddenSize: 2, vocabularySize: 10, contextWindow: 6 };
const ids = (...values: number[]): PromptSegment => ({ kind: 'ids', ids: values });
const rows = (count: number, ...values: number[]): PromptSegment => ({
  kind: 'rows',
  rows: Float32Array.from(values),
  count,
});

describe('flattenPrompt', () => {
  test('lays segments out one position after the other', () => {
    expect(flattenPrompt([ids(1), rows(2, 0.1, 0.2, 0.3, 0.4), ids(), ids(9)], limits)).toEqual({
      length: 4,
      ids: [1, 0, 0, 9],
      rows: Float32Array.of(0, 0, 0.1, 0.2, 0.3, 0.4, 0, 0),
      isSoft: [false, true, true, false],
    });
  });

  test.each([
    ['an empty prompt', [ids()], /empty/],
    ['a prompt that fills the window', [ids(1, 1, 1, 1, 1, 1)], /6 positions.*context window 6/],
    ['an id outside of the vocabulary', [ids(10)], /Token id 10.*10 tokens/],
    ['a fractional id', [ids(1.5)], /Token id 1.5/],
    ['rows of the wrong width', [rows(1, 1, 2, 3)], /width of 3.*hidden size is 2/],
    ['NaN in a row', [rows(2, 1, 2, 3, Number.NaN)], /Row 1 .* NaN at 1/],
    ['no rows', [ids(1), rows(0)], /count of 0/],
  ])('refuses %s', (_, prompt, reason) => {
    expect(() => flattenPrompt(prompt, limits)).toThrow(reason);
    expect(() => flattenPrompt(prompt, limits)).toThrow(expect.objectContaining({ code: 'invalid-prompt' }));
  });
});
