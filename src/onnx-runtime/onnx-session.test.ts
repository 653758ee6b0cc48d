import { describe, expect, test } from 'vitest';
import { negationGraph } from './negation-graph.ts';
import { createOnnxSession, takeFloat32 } from './onnx-session.ts';

const name = 'negation';

describe('createOnnxSession', () => {
  test('runs a graph, and gives each of many calls at once its own result', async () => {
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

  test('names the model that could not be loaded', async () => {
    const loading = createOnnxSession({ device: 'wasm', name: 'scrap', graph: Uint8Array.of(1, 2, 3) });
    await expect(loading).rejects.toMatchObject({
      code: 'runtime-failed',
      message: expect.stringMatching(/scrap .*wasm/u),
    });
  });

  test('is closed after its disposal, and may be disposed of twice', async () => {
    const session = await createOnnxSession({ device: 'wasm', name, graph: negationGraph() });
    await session[Symbol.asyncDispose]();
    await session[Symbol.asyncDispose]();
    await expect(session.run({})).rejects.toMatchObject({ code: 'closed' });
  });

  test('an output that is not there, or not float32, is an error', async () => {
    await using session = await createOnnxSession({ device: 'wasm', name, graph: negationGraph() });
    await expect(takeFloat32(undefined, 'z')).rejects.toMatchObject({
      code: 'runtime-failed',
      message: expect.stringContaining('output z'),
    });
    await expect(takeFloat32(session.int64([1], [1]), 'z')).rejects.toMatchObject({
      code: 'runtime-failed',
      message: expect.stringMatching(/z .*int64/u),
    });
  });
});
