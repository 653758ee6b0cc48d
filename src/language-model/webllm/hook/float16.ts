// float32 rows as the bytes of float16, for models whose embeddings are float16.

const largestFinite = 65_504;

/**
 * Rounds to the nearest float16, ties to even. Numbers beyond the range become the largest finite one: an infinite row would make
 * every logit NaN.
 */
export function toFloat16Bytes(values: Float32Array): Uint8Array {
  const clamped = values.map((value) => Math.min(largestFinite, Math.max(-largestFinite, value)));
  // Float16Array is in Chromium 135, Firefox 129, Safari 18.2; not in Node 20.
  const Float16 = (globalThis as { Float16Array?: new (values: Float32Array) => ArrayBufferView }).Float16Array;
  const halves = Float16 === undefined ? roundToFloat16(clamped) : new Float16(clamped);
  return new Uint8Array(halves.buffer, halves.byteOffset, halves.byteLength);
}

/** The bit patterns, for finite values up to the largest finite float16. */
export function roundToFloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(bits, roundBits);
}

function roundBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 127;
  if (exponent < -25) return sign;
  const significand = (bits & 0x7fffff) | 0x800000;
  // A subnormal float16 counts in units of 2^-24, a normal one in units of 2^(exponent - 10).
  const isSubnormal = exponent < -14;
  const shift = isSubnormal ? -exponent - 1 : 13;
  const kept = significand >>> shift;
  const rest = significand & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  const rounded = kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0);
  // A carry out of the significand runs into the exponent, which is what it should do.
  return sign | (isSubnormal ? rounded : ((exponent + 14) << 10) + rounded);
}
