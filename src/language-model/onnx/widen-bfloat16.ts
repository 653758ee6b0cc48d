// bfloat16 weights to float32, once at load: runtimes take seconds for it, or have no kernel for it (the WebGPU build).

/** The bytes of each bfloat16 value's float32 form: itself as the upper half, zeros below. Little-endian, exact. */
export function widenBfloat16(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
  const wide = new Uint16Array(halves.length * 2);
  for (let index = 0; index < halves.length; index++) wide[2 * index + 1] = halves[index] ?? 0;
  return new Uint8Array(wide.buffer);
}
