import { describe, expect, test } from 'vitest';
import { parseTensorCache } from '../../model-package/tensor-cache.ts';
import { openWeightTable, parseWeightTable, type WeightTable } from './weight-table.ts';

const record = (name: string, nbytes: number, byteOffset: number) => ({
  name,
  nbytes,
  byteOffset,
  shape: [],
  format: 'raw',
});
const cache = {
  records: [
    { dataPath: 'one.bin', records: [record('w.q_weight', 64, 0), record('w.scales', 16, 64)] },
    { dataPath: 'two.bin', records: [record('norm.weight', 128, 0)] },
  ],
};
const shards = new Map([
  ['one.bin', new Uint8Array(80)],
  ['two.bin', new Uint8Array(128)],
]);
const matrix = { form: 'q4_1', values: 'w.q_weight', scales: 'w.scales', columns: 32, firstRow: 0, lastRow: 4 };
const vector = { form: 'float32', values: 'norm.weight', columns: 32, firstRow: 0, lastRow: 1 };
const table = {
  schemaVersion: 1,
  file: 'weights.bin',
  bytes: 640,
  embedding: matrix,
  tensors: [
    { ...matrix, offset: 0, length: 512, isTransposed: true },
    { ...vector, offset: 512, length: 128, isTransposed: false },
  ],
};

function open(json: unknown): WeightTable {
  return openWeightTable(parseWeightTable(json, 'model'), parseTensorCache(cache, 'model'), shards, 'model');
}

test('joins ranges of the file with the bytes of records', () => {
  const opened = open(table);
  expect(opened.tensors.map(({ name, offset, isTransposed }) => [name, offset, isTransposed])).toEqual([
    ['w.q_weight', 0, true],
    ['norm.weight', 512, false],
  ]);
  expect(opened.tensors[0]?.stored.values).toHaveLength(64);
  expect(opened.tensors[0]?.stored.scales).toHaveLength(16);
  expect(opened.tensors[1]?.stored.scales).toHaveLength(0);
});

describe('refuses', () => {
  const withFirst = (change: object) => ({ ...table, tensors: [{ ...table.tensors[0], ...change }, table.tensors[1]] });
  test.each([
    ['another version', { ...table, schemaVersion: 2 }, /schemaVersion/],
    ['an unknown form', withFirst({ form: 'q5_1' }), /tensors\.0\.form/],
    ['a record that is not there', withFirst({ values: 'x.q_weight' }), /no record x\.q_weight/],
    [
      'more rows than the record has',
      withFirst({ lastRow: 5, length: 640 }),
      /w\.q_weight has 64 bytes.*80 are needed/,
    ],
    ['a length that is not the size', withFirst({ length: 508 }), /508 bytes/],
    ['a range beyond the file', { ...table, bytes: 600 }, /norm\.weight at 512/],
    ['columns that the form cannot have', withFirst({ columns: 16, length: 256 }), /not of form q4_1/],
    ['a quantized form without scales', { ...table, embedding: { ...vector, form: 'q8_0', columns: 64 } }, /scales/],
  ])('%s, and says where', (_, json, reason) => {
    expect(() => open(json)).toThrow(reason);
    expect(() => open(json)).toThrow(expect.objectContaining({ code: 'model-mismatch' }));
  });

  test('a tensor cache that is none', () => {
    expect(() => parseTensorCache({ records: [{ dataPath: 3 }] }, 'model')).toThrow(/records\.0\.dataPath/);
  });
});
