// What the runtime does with external data, done by hand: in the right way, and in others.
import { expect, test } from 'vitest';
import { lazyExternalData } from './lazy-external-data.ts';
import type { WeightRange } from './weight-table.ts';

const range = (offset: number, length: number): WeightRange => ({
  name: `at ${offset}`,
  offset,
  length,
  isTransposed: false,
  stored: {
    form: 'float32',
    columns: length / 4,
    firstRow: 0,
    lastRow: 1,
    values: new Uint8Array(length),
    scales: new Uint8Array(0),
  },
});

function open(onRange: (done: number) => void = () => undefined): ReturnType<typeof lazyExternalData> {
  return lazyExternalData({
    bytes: 24,
    ranges: [range(0, 16), range(16, 8)],
    widen: ({ offset }, target) => target.fill(offset + 1),
    onRange,
  });
}

test('computes each tensor when it is asked for', () => {
  const counts: number[] = [];
  const { data, checkComplete } = open((done) => counts.push(done));
  expect(data.byteLength).toBe(24);
  const heap = new Uint8Array(24);
  for (const [start, end] of [
    [16, 24],
    [0, 16],
  ] as const) {
    heap.set(data.subarray(start, end), start);
  }
  expect([...new Float32Array(heap.buffer)]).toEqual([1, 1, 1, 1, 17, 17]);
  expect(counts).toEqual([1, 2]);
  expect(() => checkComplete()).not.toThrow();
});

test.each([
  ['a part of a tensor', 0, 8],
  ['two tensors at once', 0, 24],
  ['bytes between tensors', 4, 16],
])('refuses %s, and remembers why', (_, start, end) => {
  const { data, failure } = open();
  expect(failure()).toBeUndefined();
  expect(() => data.subarray(start, end)).toThrow(new RegExp(`bytes ${start} to ${end}`));
  expect(failure()).toMatchObject({ code: 'runtime-failed' });
});

test('finds a runtime that read otherwise, by what it never asked for', () => {
  const { data, checkComplete } = open();
  expect(data.slice(0, 16)).toHaveLength(0);
  data.subarray(0, 16);
  expect(() => checkComplete()).toThrow(/never asked for at 16/);
  expect(() => checkComplete()).toThrow(expect.objectContaining({ code: 'runtime-failed' }));
});

test('what a progress report throws ends the load', () => {
  const reason = new Error('enough');
  const { data, failure } = open(() => {
    throw reason;
  });
  expect(() => data.subarray(0, 16)).toThrow(reason);
  expect(failure()).toBe(reason);
});
