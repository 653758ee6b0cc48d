import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { poolChunks } from './pooling.ts';
import { chunkBounds, coverageOf, embedInChunks, mostChunks } from './text-chunks.ts';

const longest = 254;

const unit = async (): Promise<Float32Array<ArrayBuffer>> => await Promise.resolve(Float32Array.of(1, 0));

describe('chunkBounds', () => {
  test('up to 8 chunks cover the text, contiguous, in lengths that differ by one token at most', () => {
    fc.assert(
      fc.property(fc.nat(mostChunks * longest), (tokens) => {
        const bounds = chunkBounds(tokens, longest);
        const lengths = bounds.map(([start, end]) => end - start);
        expect(bounds).toHaveLength(Math.max(1, Math.ceil(tokens / longest)));
        expect(bounds.map(([start]) => start)).toEqual([0, ...bounds.slice(0, -1).map(([, end]) => end)]);
        expect(bounds.at(-1)?.[1]).toBe(tokens);
        expect(Math.max(...lengths)).toBeLessThanOrEqual(longest);
        expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(1);
      }),
    );
  });

  test('a longer text has 8 full chunks, from its first token to its last, at even distances', () => {
    fc.assert(
      fc.property(fc.integer({ min: mostChunks * longest + 1, max: 100_000 }), (tokens) => {
        const bounds = chunkBounds(tokens, longest);
        expect(bounds).toHaveLength(mostChunks);
        expect(bounds[0]?.[0]).toBe(0);
        expect(bounds.at(-1)?.[1]).toBe(tokens);
        for (const [start, end] of bounds) expect(end - start).toBe(longest);
        const gaps = bounds.slice(1).map(([start], index) => start - (bounds[index]?.[1] ?? 0));
        expect(Math.min(...gaps)).toBeGreaterThanOrEqual(0);
        expect(Math.max(...gaps) - Math.min(...gaps)).toBeLessThanOrEqual(1);
      }),
    );
  });

  test('coverage counts what is left out', () => {
    expect(coverageOf(0, longest)).toEqual({ tokens: 0, embeddedTokens: 0, chunks: 1 });
    expect(coverageOf(254, longest)).toEqual({ tokens: 254, embeddedTokens: 254, chunks: 1 });
    expect(coverageOf(255, longest)).toEqual({ tokens: 255, embeddedTokens: 255, chunks: 2 });
    expect(coverageOf(2032, longest)).toEqual({ tokens: 2032, embeddedTokens: 2032, chunks: 8 });
    expect(coverageOf(9000, longest)).toEqual({ tokens: 9000, embeddedTokens: 2032, chunks: 8 });
  });
});

describe('poolChunks', () => {
  test('returns the vector of a single chunk as it is', () => {
    const vector = Float32Array.of(0.6, 0.8);
    expect(poolChunks([{ vector, tokens: 3 }])).toBe(vector);
  });

  test('weights by tokens and gives a unit vector', () => {
    const [east, north] = [Float32Array.of(1, 0), Float32Array.of(0, 1)];
    const pooled = poolChunks([
      { vector: east, tokens: 3 },
      { vector: north, tokens: 4 },
    ]);
    expect([...pooled]).toEqual([Math.fround(0.6), Math.fround(0.8)]);
  });

  test('refuses chunks that cancel each other out', () => {
    const chunks = [Float32Array.of(1, 0), Float32Array.of(-1, 0)].map((vector) => ({ vector, tokens: 2 }));
    expect(() => poolChunks(chunks)).toThrow(expect.objectContaining({ code: 'runtime-failed' }));
  });
});

describe('embedInChunks', () => {
  test('an abort ends it between two chunks, with its reason', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    let made = 0;
    const embedding = embedInChunks(
      [1, 2, 3, 4, 5],
      1,
      async () => {
        made += 1;
        // As a message of a page would: it comes in a later task.
        if (made === 1) setTimeout(() => controller.abort(reason));
        if (made > 1) await new Promise((resolve) => setTimeout(resolve, 5));
        return await unit();
      },
      { signal: controller.signal },
    );
    await expect(embedding).rejects.toBe(reason);
    expect(made).toBeLessThan(4);
  });

  test('takes a turn for each chunk', async () => {
    let turns = 0;
    await embedInChunks([1, 2, 3, 4, 5], 2, unit, {
      turn: async (work) => {
        turns += 1;
        return await work();
      },
    });
    expect(turns).toBe(3);
  });
});
