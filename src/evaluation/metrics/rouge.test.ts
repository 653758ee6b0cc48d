// Parity with Google's rouge-score 0.1.2 (training/golden/rouge.py), and properties of every pair of texts.
import * as fc from 'fast-check';
import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { rouge, rougeTokens } from './rouge.ts';

const schema = v.array(
  v.object({ reference: v.string(), prediction: v.string(), rouge1: v.number(), rougeL: v.number() }),
);
const cases = v.parse(schema, JSON.parse(readFileSync(new URL('rouge.fixture.json', import.meta.url), 'utf8')));

test('gives the numbers of rouge-score for 200 pairs', () => {
  expect(cases).toHaveLength(200);
  for (const { reference, prediction, rouge1, rougeL } of cases) {
    const scores = rouge(prediction, reference);
    // Both compute in float64, with the same few operations.
    expect(scores.rouge1, prediction).toBeCloseTo(rouge1, 12);
    expect(scores.rougeL, prediction).toBeCloseTo(rougeL, 12);
  }
});

const words = fc
  .array(fc.constantFrom('a', 'b', 'c', 'dé', '7', 'X-y'), { maxLength: 12 })
  .map((list) => list.join(' '));

test('is symmetric, in [0, 1], and ROUGE-L is never above ROUGE-1', () => {
  fc.assert(
    fc.property(words, words, (a, b) => {
      const [forth, back] = [rouge(a, b), rouge(b, a)];
      expect(forth.rouge1).toBeCloseTo(back.rouge1, 12);
      expect(forth.rougeL).toBeCloseTo(back.rougeL, 12);
      expect(forth.rougeL).toBeLessThanOrEqual(forth.rouge1 + 1e-12);
      expect(forth.rouge1).toBeGreaterThanOrEqual(0);
      expect(forth.rouge1).toBeLessThanOrEqual(1);
      expect(rouge(a, a).rougeL).toBe(rougeTokens(a).length === 0 ? 0 : 1);
    }),
  );
});
