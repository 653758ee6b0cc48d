import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cosineSimilarity, poolToUnitVector } from './pooling.ts';

const dim = 5;
const statesArbitrary = fc
  .array(fc.array(fc.float({ min: -10, max: 10, noNaN: true }), { minLength: dim, maxLength: dim }), {
    minLength: 1,
    maxLength: 12,
  })
  .filter(
    (rows) =>
      Math.hypot(...Array.from({ length: dim }, (_, index) => rows.reduce((sum, row) => sum + (row[index] ?? 0), 0))) >
      1e-3,
  );

describe('poolToUnitVector', () => {
  test('gives unit vectors, whatever the order of the tokens', () => {
    fc.assert(
      fc.property(statesArbitrary, (rows) => {
        const pooled = poolToUnitVector(Float32Array.from(rows.flat()), rows.length, dim, 'mean');
        const reversed = poolToUnitVector(Float32Array.from(rows.toReversed().flat()), rows.length, dim, 'mean');
        expect(Math.hypot(...pooled)).toBeCloseTo(1, 6);
        expect(cosineSimilarity(pooled, reversed)).toBeCloseTo(1, 6);
      }),
    );
  });

  test('of one token is that token, scaled; cls takes the first', () => {
    expect([...poolToUnitVector(Float32Array.of(3, 4, 9, 9), 2, 2, 'cls')]).toEqual([
      Math.fround(0.6),
      Math.fround(0.8),
    ]);
  });

  test.each([
    ['too few numbers', Float32Array.of(1, 2, 3), /\b3\b.*\b2\b/],
    ['zeros', new Float32Array(4), /\b0\b/],
    ['NaN', Float32Array.of(1, Number.NaN, 1, 1), /NaN/],
  ])('refuses %s and names the value', (_, states, named) => {
    expect(() => poolToUnitVector(states, 2, 2, 'mean')).toThrow(
      expect.objectContaining({ code: 'runtime-failed', message: expect.stringMatching(named) }),
    );
  });
});
