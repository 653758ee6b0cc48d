import { expect, test } from 'vitest';
import { widenBfloat16 } from './widen-bfloat16.ts';

test('widenBfloat16 is exact, also for special values', () => {
  const halves = Uint16Array.of(0x3f80, 0xc000, 0x0000, 0x8000, 0x7f80, 0x0001, 0x3eaa);
  const wide = new Float32Array(widenBfloat16(new Uint8Array(halves.buffer)).buffer);
  expect([...wide]).toEqual([1, -2, 0, -0, Infinity, 2 ** -133, 0.33203125]);
});
