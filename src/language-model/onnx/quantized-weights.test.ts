// Numbers by hand for each form, and what holds for all of them.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { float16Table } from '../../lib/float16.ts';
import { createEmbeddingTable } from './embedding-table.ts';
import { bytesPerRow, columnStep, type StoredRows, type WeightForm, widenRows } from './quantized-weights.ts';

const float16 = float16Table();
const bytesOf = (array: Uint32Array | Uint16Array | Int8Array | Float32Array): Uint8Array<ArrayBuffer> =>
  new Uint8Array(array.slice().buffer);

/** float16 bits of some numbers. */
const half = { one: 0x3c00, two: 0x4000, quarter: 0x3400, minusHalf: 0xb800, smallest: 0x0001 };

/** A block of 2^-24 · q + 1, q the nibbles of each word. */
function nearOne(word: number): StoredRows {
  return {
    form: 'q4_1',
    columns: 32,
    firstRow: 0,
    lastRow: 1,
    values: bytesOf(new Uint32Array(4).fill(word)),
    scales: bytesOf(Uint32Array.of((half.one << 16) | half.smallest)),
  };
}

function widened(stored: StoredRows, isTransposed = false): number[] {
  const target = new Float32Array((stored.lastRow - stored.firstRow) * stored.columns);
  widenRows(stored, float16, target, { isTransposed });
  return [...target];
}

describe('by hand', () => {
  test('q4_1: scale times four bits, the first in the lowest, and a minimum', () => {
    // One block of 32: the words hold 0 to 7, 8 to 15, and both once more.
    const words = Uint32Array.of(0x76543210, 0xfedcba98, 0x76543210, 0xfedcba98);
    const stored: StoredRows = {
      form: 'q4_1',
      columns: 32,
      firstRow: 0,
      lastRow: 1,
      values: bytesOf(words),
      scales: bytesOf(Uint32Array.of((half.minusHalf << 16) | half.quarter)),
    };
    const expected = Array.from({ length: 32 }, (_, column) => 0.25 * (column % 16) - 0.5);
    expect(widened(stored)).toEqual(expected);
  });

  test('q8_0: two scales a word, signed bytes', () => {
    const values = Int8Array.from({ length: 64 }, (_, column) => (column === 0 ? -128 : column === 63 ? 127 : column));
    const stored: StoredRows = {
      form: 'q8_0',
      columns: 64,
      firstRow: 0,
      lastRow: 1,
      values: bytesOf(values),
      scales: bytesOf(Uint32Array.of((half.quarter << 16) | half.two)),
    };
    expect(widened(stored)).toEqual([...values].map((value, column) => value * (column < 32 ? 2 : 0.25)));
  });

  test('a scale below the normal numbers of float16', () => {
    const stored: StoredRows = {
      form: 'q8_0',
      columns: 64,
      firstRow: 0,
      lastRow: 1,
      values: bytesOf(new Int8Array(64).fill(3)),
      scales: bytesOf(Uint32Array.of((half.smallest << 16) | half.smallest)),
    };
    expect(widened(stored)).toEqual(Array.from({ length: 64 }, () => 3 * 2 ** -24));
  });

  test('the sum is rounded to float32 once', () => {
    // 2^-24 · 1 + 1 is 1 in float32: half of the last place rounds to even. 2^-24 · 3 + 1 is 1 + 2^-22.
    expect(widened(nearOne(0x11111111))[0]).toBe(1);
    expect(widened(nearOne(0x33333333))[0]).toBe(1 + 2 ** -22);
  });

  test('bfloat16 is the upper half, float32 itself', () => {
    const floats = Float32Array.of(1, -2, 0.33203125, -0);
    const halves = Uint16Array.of(0x3f80, 0xc000, 0x3eaa, 0x8000);
    const range = { columns: 4, firstRow: 0, lastRow: 1, scales: new Uint8Array(0) };
    expect(widened({ form: 'bfloat16', values: bytesOf(halves), ...range })).toEqual([...floats]);
    expect(widened({ form: 'float32', values: bytesOf(floats), ...range })).toEqual([...floats]);
  });
});

/** A stored matrix of random bytes, with scales that are finite numbers. */
const storedMatrix = fc
  .record({
    form: fc.constantFrom<WeightForm>('q4_1', 'q8_0', 'bfloat16', 'float32'),
    steps: fc.integer({ min: 1, max: 3 }),
    // Beyond one tile of 64 rows.
    rows: fc.integer({ min: 1, max: 150 }),
    seed: fc.integer({ min: 1, max: 0x7fffffff }),
  })
  .map(({ form, steps, rows, seed }): StoredRows => {
    const columns = steps * columnStep(form);
    const row = bytesPerRow(form, columns);
    let state = seed;
    const random = (): number => (state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff) >> 8;
    // Exponents below the highest one: no infinity and no NaN, in scales and in bfloat16 and float32 values.
    const finite = (length: number): Uint16Array => Uint16Array.from({ length }, () => random() & 0xbbff);
    const isFloat = form === 'bfloat16' || form === 'float32';
    const values = isFloat
      ? bytesOf(finite((rows * row.values) / 2))
      : Uint8Array.from({ length: rows * row.values }, random);
    return { form, columns, firstRow: 0, lastRow: rows, values, scales: bytesOf(finite((rows * row.scales) / 2)) };
  });

describe('for all matrices', () => {
  test('transposed is the transpose', () => {
    fc.assert(
      fc.property(storedMatrix, (stored) => {
        const plain = widened(stored);
        const rows = stored.lastRow;
        const turned = Array.from(
          { length: plain.length },
          (_, at) => plain[(at % rows) * stored.columns + Math.floor(at / rows)],
        );
        expect(widened(stored, true)).toEqual(turned);
      }),
      { numRuns: 40 },
    );
  });

  test('a range of rows is the part of the whole, and so is the row of a token', () => {
    fc.assert(
      fc.property(storedMatrix, fc.nat(), fc.nat(), (stored, one, other) => {
        const [first = 0, last = 0] = [one % stored.lastRow, other % stored.lastRow].sort((a, b) => a - b);
        const part = widened(stored).slice(first * stored.columns, (last + 1) * stored.columns);
        expect(widened({ ...stored, firstRow: first, lastRow: last + 1 })).toEqual(part);
        const row = new Float32Array(stored.columns);
        createEmbeddingTable(stored, float16).lookUp(first, row);
        expect([...row]).toEqual(part.slice(0, stored.columns));
      }),
      { numRuns: 40 },
    );
  });
});
