import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readSafetensors } from './safetensors.ts';

/** Writes a file; `tensors` in the order of their bytes. */
function write(header: unknown, body: Uint8Array): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + json.length + body.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  file.set(body, 8 + json.length);
  return file;
}

const bytesOf = (array: Float32Array | Uint16Array): Uint8Array => new Uint8Array(array.buffer);

describe('readSafetensors', () => {
  test('gives float32 tensors back bit for bit, whatever the alignment of the file', () => {
    fc.assert(
      fc.property(fc.float32Array({ maxLength: 40 }), fc.nat({ max: 7 }), (values, shift) => {
        const file = write(
          {
            __metadata__: { format: 'pt' },
            a: { dtype: 'F32', shape: [values.length], data_offsets: [0, values.byteLength] },
          },
          bytesOf(Float32Array.from(values)),
        );
        const shifted = new Uint8Array(file.length + shift);
        shifted.set(file, shift);
        const tensors = readSafetensors(shifted.subarray(shift));
        expect([...tensors.keys()]).toEqual(['a']);
        expect(tensors.get('a')).toEqual({ shape: [values.length], data: Float32Array.from(values) });
      }),
    );
  });

  test('widens BF16 and F16 exactly', () => {
    const bfloat16 = Uint16Array.of(0x3f80, 0xc000, 0x0000, 0x7f80, 0x3eaa);
    const float16 = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7c00, 0x3555);
    const body = new Uint8Array([...bytesOf(bfloat16), ...bytesOf(float16)]);
    const tensors = readSafetensors(
      write(
        {
          b: { dtype: 'BF16', shape: [5], data_offsets: [0, 10] },
          h: { dtype: 'F16', shape: [5, 1], data_offsets: [10, 20] },
        },
        body,
      ),
    );
    expect([...(tensors.get('b')?.data ?? [])]).toEqual([1, -2, 0, Infinity, 0.33203125]);
    expect([...(tensors.get('h')?.data ?? [])]).toEqual([1, -2, 2 ** -24, Infinity, 0.333251953125]);
    expect(tensors.get('h')?.shape).toEqual([5, 1]);
  });

  test('copies the numbers, also when the file is a Node buffer', () => {
    const file = Buffer.from(
      write({ a: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } }, bytesOf(Float32Array.of(7))),
    );
    const tensors = readSafetensors(file);
    file.fill(0);
    expect([...(tensors.get('a')?.data ?? [])]).toEqual([7]);
  });

  test.each([
    ['a short file', new Uint8Array(4), /\b4\b/],
    ['a header beyond the end', Uint8Array.of(255, 0, 0, 0, 0, 0, 0, 0, 1), /\b255\b/],
    ['a header that is not JSON', write('{', new Uint8Array(0)), /JSON/],
    ['a list', write('[]', new Uint8Array(0)), /object/i],
    ['an unknown dtype', write({ a: { dtype: 'I64', shape: [1], data_offsets: [0, 8] } }, new Uint8Array(8)), /I64/],
    [
      'a size that does not fit its shape',
      write({ a: { dtype: 'F32', shape: [3], data_offsets: [0, 8] } }, new Uint8Array(8)),
      /\b12\b/,
    ],
    [
      'bytes beyond the end',
      write({ a: { dtype: 'F32', shape: [2], data_offsets: [4, 12] } }, new Uint8Array(8)),
      /\b12\b.*\b8\b/,
    ],
    [
      'a negative offset',
      write({ a: { dtype: 'F32', shape: [2], data_offsets: [-4, 4] } }, new Uint8Array(8)),
      /data_offsets/,
    ],
  ])('refuses %s and names the value', (_, file, named) => {
    expect(() => readSafetensors(file)).toThrow(
      expect.objectContaining({ code: 'model-mismatch', message: expect.stringMatching(named) }),
    );
  });

  test('reads any bytes or refuses them with its error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          readSafetensors(bytes);
        } catch (error) {
          expect(error).toMatchObject({ code: 'model-mismatch' });
        }
      }),
    );
  });
});
