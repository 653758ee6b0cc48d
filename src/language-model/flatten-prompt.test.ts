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
    ['a prompt that fills the window', [ids(1, 1, 1, 1, 1, 1)], /\b6\b.*\b6\b/],
    ['an id outside of the vocabulary', [ids(10)], /\b10\b.*\b10\b/],
    ['a fractional id', [ids(1.5)], /\b1\.5\b/],
    ['rows of the wrong width', [rows(1, 1, 2, 3)], /\b3\b.*\b2\b/],
    ['NaN in a row', [rows(2, 1, 2, 3, Number.NaN)], /\b1\b.*NaN/],
    ['no rows', [ids(1), rows(0)], /\b0\b/],
  ])('refuses %s and names the value', (_, prompt, named) => {
    expect(() => flattenPrompt(prompt, limits)).toThrow(
      expect.objectContaining({ code: 'invalid-prompt', message: expect.stringMatching(named) }),
    );
  });
});
