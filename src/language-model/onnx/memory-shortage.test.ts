import { describe, expect, test } from 'vitest';
import { asMemoryShortage, checkDeviceMemory } from './memory-shortage.ts';

const gibibyte = 2 ** 30;
const need = { name: 'a-model', needed: 0.55 * gibibyte };

describe('what the browser says', () => {
  test.each([0.5, 1, 2, 4])('%d GiB are too few for half a gibibyte of weights', (memory) => {
    expect(() => checkDeviceMemory(need, memory)).toThrow(
      expect.objectContaining({
        code: 'memory-insufficient',
        details: { needed: need.needed, available: (memory / 8) * gibibyte },
      }),
    );
    expect(() => checkDeviceMemory(need, memory)).toThrow(/a-model needs 564 MiB.*nano-llm/);
  });

  test.each([8, 32, null])('%s is no reason', (memory) => {
    expect(() => checkDeviceMemory(need, memory)).not.toThrow();
  });

  test('a small model runs on a small machine', () => {
    expect(() => checkDeviceMemory({ ...need, needed: 30e6 }, 1)).not.toThrow();
  });
});

describe('what fails', () => {
  test.each([
    new RangeError('Array buffer allocation failed'),
    new RangeError('Invalid typed array length: 1e15'),
    new RangeError('WebAssembly.Memory(): could not allocate memory'),
    new Error("Can't create a session. ERROR_CODE: 6, ERROR_MESSAGE: std::bad_alloc"),
    new Error('Failed to allocate memory for requested buffer of size 113246208'),
    new Error("Can't create a session. failed to allocate a buffer of size 660000."),
    new Error('Aborted(OOM). Build with -sASSERTIONS for more info.'),
    new Error('the model could not be loaded on wasm', { cause: new RangeError('Out of memory') }),
  ])('$message', (error) => {
    expect(asMemoryShortage(error, need)).toMatchObject({
      code: 'memory-insufficient',
      details: { needed: need.needed, available: null },
      cause: error,
    });
  });

  test.each([new Error('device lost'), new RangeError('precision is out of range'), 'a string', undefined])(
    'anything else stays what it is: %s',
    (error) => {
      expect(asMemoryShortage(error, need)).toBe(error);
    },
  );
});
