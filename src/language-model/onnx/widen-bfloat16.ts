// Converts bfloat16 weights to float32 at load: the runtime takes seconds for it, and its WebGPU build has no kernel for it.

/** The float32 bytes of bfloat16 values: each value is the upper half, the lower half is zeros. Little-endian, exact. */
export function widenBfloat16(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
  const wide = new Uint16Array(halves.length * 2);
  for (let index = 0; index < halves.length; index++) wide[2 * index + 1] = halves[index] ?? 0;
  return new Uint8Array(wide.buffer);
}
