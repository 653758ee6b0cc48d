// Dense scores, recency, and the selection of the best items.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { denseScores } from './dense.ts';
import { recencyScores } from './recency.ts';
import { selectTop } from './select-top.ts';
import { whitespaceTokens } from './whitespace-tokens.ts';

const vector = fc
  .array(fc.float({ min: -2, max: 2, noNaN: true }), { minLength: 4, maxLength: 4 })
  .map((values) => Float32Array.from(values));

describe('dense scores', () => {
  test('are cosines', () => {
    const scores = denseScores(Float32Array.of(3, 4), [
      Float32Array.of(3, 4),
      Float32Array.of(-6, -8),
      Float32Array.of(4, -3),
      Float32Array.of(1, 0),
      Float32Array.of(0, 0),
    ]);
    expect([...scores]).toEqual([1, -1, 0, 0.6, 0]);
  });

  test('stay within a rounding of [−1, 1], and each depends on its own vector alone', () => {
    fc.assert(
      fc.property(vector, fc.array(vector, { maxLength: 8 }), (query, inputs) => {
        const scores = denseScores(query, inputs);
        for (const score of scores) expect(Math.abs(score)).toBeLessThanOrEqual(1 + 1e-12);
        expect([...denseScores(query, inputs.toReversed())]).toEqual([...scores].toReversed());
      }),
    );
  });

  test('of vectors of two embedders are refused', () => {
    expect(() => denseScores(new Float32Array(3), [new Float32Array(4)])).toThrow(
      expect.objectContaining({ code: 'invalid-argument', details: { query: 3, item: 4 } }),
    );
  });
});

test('recency falls from 1 for the newest', () => {
  expect([...recencyScores(4)]).toEqual([0.25, 0.5, 0.75, 1]);
  expect([...recencyScores(0)]).toEqual([]);
});

describe('the best items', () => {
  test('come first, and of equal ones the later', () => {
    expect(selectTop([1, 3, 2, 3, 0], 4)).toEqual([3, 1, 2, 0]);
    expect(selectTop([0, 0, 0], 2)).toEqual([2, 1]);
    expect(selectTop([1], 5)).toEqual([0]);
    expect(selectTop([], 5)).toEqual([]);
  });

  test('are a prefix of the whole order, whatever the count', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -3, max: 3 })), fc.nat(20), (scores, count) => {
        const all = selectTop(scores, scores.length);
        expect([...all].sort((a, b) => a - b)).toEqual(scores.map((_, index) => index));
        expect(selectTop(scores, count)).toEqual(all.slice(0, count));
      }),
    );
  });
});

test("tokens are split at Python's white space and nowhere else", () => {
  expect(whitespaceTokens(' a\u{1c}b\u{85}c\u{a0}d\u{3000}e\n')).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(whitespaceTokens('a\u{feff}b, c')).toEqual(['a\u{feff}b,', 'c']);
  expect(whitespaceTokens(' \n')).toEqual([]);
});
