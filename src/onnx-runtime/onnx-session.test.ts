import { describe, expect, test } from 'vitest';
import { createOnnxSession, takeFloat32 } from './onnx-session.ts';

/** Protocol buffer fields, enough to write a model of one node: a tag, then a number or a length and bytes. */
const number = (field: number, value: number): number[] => [field << 3, value];
const bytes = (field: number, content: readonly number[]): number[] => [(field << 3) | 2, content.length, ...content];
const text = (field: number, content: string): number[] => bytes(field, [...new TextEncoder().encode(content)]);

/** ModelProto of `y = Neg(x)` on float32 vectors of any length. */
function negationGraph(): Uint8Array<ArrayBuffer> {
  const value = (name: string): number[] => {
    const shape = bytes(2, bytes(1, text(2, 'n')));
    return [...text(1, name), ...bytes(2, bytes(1, [...number(1, 1), ...shape]))];
  };
  const node = [...text(1, 'x'), ...text(2, 'y'), ...text(4, 'Neg')];
  const graph = [...bytes(1, node), ...text(2, 'negation'), ...bytes(11, value('x')), ...bytes(12, value('y'))];
  return Uint8Array.from([...number(1, 8), ...bytes(7, graph), ...bytes(8, number(2, 17))]);
}

const name = 'negation';

describe('createOnnxSession', () => {
  test('runs a graph, many calls at once, and gives what each asked for', async () => {
    await using session = await createOnnxSession({ device: 'wasm', name, graph: negationGraph() });
    expect(session.inputNames).toEqual(['x']);
    const results = await Promise.all(
      [1, 2, 3].map(async (value) => {
        const { y } = await session.run({ x: session.float32(Float32Array.of(value, -value), [2]) });
        return [...(await takeFloat32(y, 'y'))];
      }),
    );
    expect(results).toEqual([
      [-1, 1],
      [-2, 2],
      [-3, 3],
    ]);
  });

  test('a failed run is an error with a code, and the next run is right', async () => {
    await using session = await createOnnxSession({ device: 'wasm', name, graph: negationGraph() });
    await expect(session.run({ x: session.int64([1], [1]) })).rejects.toMatchObject({ code: 'runtime-failed' });
    const { y } = await session.run({ x: session.float32(Float32Array.of(5), [1]) });
    expect([...(await takeFloat32(y, 'y'))]).toEqual([-5]);
  });

  test('says which model could not be loaded', async () => {
    const loading = createOnnxSession({ device: 'wasm', name: 'scrap', graph: Uint8Array.of(1, 2, 3) });
    await expect(loading).rejects.toMatchObject({
      code: 'runtime-failed',
      message: expect.stringContaining('scrap could not be loaded on wasm'),
    });
  });

  test('is closed after its disposal, twice as well as once', async () => {
    const session = await createOnnxSession({ device: 'wasm', name, graph: negationGraph() });
    await session[Symbol.asyncDispose]();
    await session[Symbol.asyncDispose]();
    await expect(session.run({})).rejects.toMatchObject({ code: 'closed' });
  });

  test('an output that is not there, or not float32, is an error', async () => {
    await using session = await createOnnxSession({ device: 'wasm', name, graph: negationGraph() });
    await expect(takeFloat32(undefined, 'z')).rejects.toThrow(/no output z/);
    await expect(takeFloat32(session.int64([1], [1]), 'z')).rejects.toThrow(/int64/);
  });
});
