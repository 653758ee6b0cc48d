import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../lib/seeded-random.ts';
import { clusteredInterval, type ClusteredSums, quantile } from './bootstrap.ts';

const mean = (sums: Float64Array): number => (sums[0] ?? 0) / (sums[1] ?? 0);

const difference = (sums: Float64Array): number => mean(sums) - mean(sums.subarray(2));

function width({ low, high }: { low: number | null; high: number | null }): number {
  if (low === null || high === null) throw new Error('no interval');
  return high - low;
}

/** About normal: mean 0, variance 1. */
function normalNumbers(count: number): number[] {
  const random = seededRandom(5);
  return Array.from({ length: count }, () => Array.from({ length: 12 }, random).reduce((a, b) => a + b, -6));
}

const single = (values: readonly number[]): ClusteredSums[] =>
  values.map((value, index) => ({ user: `u${index}`, sums: [value, 1] }));

describe('an interval over users', () => {
  test('has no width where all users agree, and is exact for two', () => {
    expect(clusteredInterval(single([2, 2, 2]), mean)).toMatchObject({ value: 2, low: 2, high: 2, users: 3 });
    // Both twice the first, both twice the second, or one each: 0, 1/2, 1, with chances 1/4, 1/2, 1/4.
    expect(clusteredInterval(single([0, 1]), mean)).toMatchObject({ value: 0.5, low: 0, high: 1 });
  });

  test('of independent numbers is that of the normal distribution', () => {
    const values = normalNumbers(400);
    const average = values.reduce((a, b) => a + b, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - average) ** 2, 0) / values.length);
    // 2 · 2.576 standard errors; 10,000 draws know a 0.5 % quantile to about 3 %.
    const expected = (2 * 2.5758 * deviation) / Math.sqrt(values.length);
    expect(width(clusteredInterval(single(values), mean)) / expected).toBeGreaterThan(0.93);
    expect(width(clusteredInterval(single(values), mean)) / expected).toBeLessThan(1.07);
  });

  test('does not get narrower when queries are repeated', () => {
    const values = normalNumbers(50);
    const repeated = single(values).flatMap((entry) => [entry, entry, entry, entry]);
    const [once, often] = [clusteredInterval(single(values), mean), clusteredInterval(repeated, mean)];
    expect(often.low).toBeCloseTo(once.low ?? Number.NaN, 10);
    expect(often.queries).toBe(200);
    expect(often.users).toBe(50);
  });

  test('depends on the seed and not on the order of the queries', () => {
    const entries = single(normalNumbers(30));
    const first = clusteredInterval(entries, mean, { seed: 1 });
    expect(clusteredInterval(entries.toReversed(), mean, { seed: 1 }).low).toBeCloseTo(first.low ?? Number.NaN, 12);
    expect(clusteredInterval(entries, mean, { seed: 2 }).low).not.toBe(first.low);
  });

  test('needs two users', () => {
    expect(clusteredInterval(single([3]), mean)).toEqual({ value: 3, low: null, high: null, queries: 1, users: 1 });
  });

  test('of a paired difference draws both methods together', () => {
    const values = normalNumbers(60);
    const entries = values.map((value, index) => ({ user: `u${index}`, sums: [value - 1, 1, value, 1] }));
    const { low, high } = clusteredInterval(entries, difference);
    expect(low).toBeCloseTo(-1, 10);
    expect(high).toBeCloseTo(-1, 10);
  });
});

test('quantiles lie between the two nearest values', () => {
  const sorted = Float64Array.of(0, 10, 20);
  expect([0, 0.25, 0.5, 0.99, 1].map((share) => quantile(sorted, share))).toEqual([0, 5, 10, 19.8, 20]);
});
