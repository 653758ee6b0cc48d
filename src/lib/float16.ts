// IEEE 754 binary16 as numbers: 1 sign, 5 exponent, 10 fraction bits.

/** The number that 16 bits mean. */
export function float16ToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** All 65,536 numbers by their bits, for loops over millions of them; a quarter of a mebibyte. */
export function float16Table(): Float32Array {
  return Float32Array.from({ length: 0x10000 }, (_, bits) => float16ToNumber(bits));
}
