import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { roundToFloat16, toFloat16Bytes } from './float16.ts';

/** IEEE 754 binary16, exactly. */
function decode(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

const finiteHalves = Array.from({ length: 0x7c00 }, (_, half) => half);

function round(value: number): number {
  return roundToFloat16(new Float32Array([value]))[0] ?? 0;
}

describe('rounding to float16', () => {
  test('keeps every float16, of both signs', () => {
    const values = Float32Array.from([...finiteHalves, ...finiteHalves.map((half) => half | 0x8000)], decode);
    expect([...roundToFloat16(values)]).toEqual([...finiteHalves, ...finiteHalves.map((half) => half | 0x8000)]);
  });

  test('takes the even neighbour half-way between two', () => {
    for (const half of finiteHalves.slice(0, -1)) {
      const middle = (decode(half) + decode(half + 1)) / 2;
      expect(round(middle)).toBe(half % 2 === 0 ? half : half + 1);
    }
  });

  test('takes the nearer neighbour elsewhere', () => {
    const inRange = fc.float({ min: Math.fround(-65_504), max: Math.fround(65_504), noNaN: true });
    fc.assert(
      fc.property(inRange, (value) => {
        const half = round(value);
        const error = Math.abs(decode(half) - value);
        const magnitude = half & 0x7fff;
        for (const neighbour of [magnitude - 1, magnitude + 1]) {
          if (neighbour < 0 || neighbour >= 0x7c00) continue;
          expect(error).toBeLessThanOrEqual(Math.abs(decode(neighbour) - Math.abs(value)));
        }
        expect(Math.sign(decode(half))).toBe(error === Math.abs(value) ? Math.sign(decode(half)) : Math.sign(value));
      }),
      { numRuns: 2_000 },
    );
  });

  test('clamps what is out of range, as bytes of little-endian halves', () => {
    const bytes = toFloat16Bytes(new Float32Array([1e9, -1e9, 1]));
    expect([...new Uint16Array(bytes.buffer, bytes.byteOffset, 3)]).toEqual([0x7bff, 0xfbff, 0x3c00]);
  });
});
