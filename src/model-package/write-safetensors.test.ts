import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { readSafetensors } from './safetensors.ts';
import { writeSafetensors } from './write-safetensors.ts';

test('what is written is read back, bit for bit', () => {
  const values = fc.float32Array({ minLength: 0, maxLength: 20 });
  fc.assert(
    fc.property(fc.array(values, { maxLength: 5 }), (arrays) => {
      const tensors = new Map(
        arrays.map((data, index) => [`tensor ${index}`, { shape: [data.length], data: data.slice() }]),
      );
      expect(readSafetensors(writeSafetensors(tensors, { about: 'näive' }))).toEqual(tensors);
    }),
  );
});
