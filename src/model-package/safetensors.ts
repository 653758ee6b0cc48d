// Reads safetensors: eight bytes of header length, a JSON header, then the tensors' bytes. Everything comes out as float32.
import * as v from 'valibot';
import { PersonaPlugError } from '../lib/errors.ts';
import { float16ToNumber } from '../lib/float16.ts';
import type { Tensor } from './tensor.ts';

const bytesPerValue = { F32: 4, F16: 2, BF16: 2 } as const;
const size = v.pipe(v.number(), v.integer(), v.minValue(0));
const headerSchema = v.record(
  v.string(),
  v.object({ dtype: v.string(), shape: v.array(size), data_offsets: v.tuple([size, size]) }),
);

/**
 * Reads all tensors of a file, which may be F32, F16 or BF16.
 *
 * @throws PersonaPlugError `model-mismatch` for a broken header, a tensor outside of the file, or another dtype.
 */
export function readSafetensors(bytes: Uint8Array): Map<string, Tensor> {
  const { header, body } = splitFile(bytes);
  const tensors = new Map<string, Tensor>();
  for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(header)) {
    if (!isKnownDtype(dtype)) throw broken(`tensor ${name} has dtype ${dtype}; F32, F16 and BF16 are read`);
    const [begin, end] = offsets;
    const count = shape.reduce((product, length) => product * length, 1);
    if (end - begin !== count * bytesPerValue[dtype]) {
      throw broken(
        `tensor ${name} of shape [${shape.join(', ')}] has ${end - begin} bytes, expected ${count * bytesPerValue[dtype]}`,
      );
    }
    if (end > body.byteLength) throw broken(`tensor ${name} ends at byte ${end} of ${body.byteLength}`);
    tensors.set(name, { shape, data: toFloat32(new Uint8Array(body.subarray(begin, end)), dtype) });
  }
  return tensors;
}

function splitFile(bytes: Uint8Array): { header: v.InferOutput<typeof headerSchema>; body: Uint8Array } {
  if (bytes.byteLength < 8) throw broken(`it has ${bytes.byteLength} bytes, fewer than a header`);
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(bytes.byteLength - 8)) throw broken(`its header of ${length} bytes is longer than the file`);
  const start = 8 + Number(length);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, start)));
  } catch (cause) {
    throw broken('its header is not JSON', cause);
  }
  const entries = v.safeParse(v.looseObject({}), json);
  if (!entries.success || Array.isArray(json)) throw broken('its header is not an object');
  const { __metadata__: _, ...named } = entries.output;
  const header = v.safeParse(headerSchema, named);
  if (!header.success)
    throw broken(`its header is wrong at ${v.getDotPath(header.issues[0]) ?? 'the top'}: ${header.issues[0].message}`);
  return { header: header.output, body: bytes.subarray(start) };
}

function isKnownDtype(dtype: string): dtype is keyof typeof bytesPerValue {
  return Object.hasOwn(bytesPerValue, dtype);
}

/** `bytes` must start at offset 0 of its own buffer, since typed arrays need alignment. */
function toFloat32(bytes: Uint8Array<ArrayBuffer>, dtype: keyof typeof bytesPerValue): Float32Array<ArrayBuffer> {
  if (dtype === 'F32') return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
  if (dtype === 'F16') return Float32Array.from(halves, float16ToNumber);
  // bfloat16 is the upper half of a float32.
  return new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer);
}

function broken(reason: string, cause?: unknown): PersonaPlugError {
  return new PersonaPlugError('model-mismatch', `The safetensors file cannot be read: ${reason}. Export it again.`, {
    cause,
  });
}
