// The shipped embedder on onnxruntime-web's wasm in Node, compared with the golden vectors of the float32 model.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GpuAccess } from '../lib/choose-device.ts';
import type { DeviceChoice } from '../lib/device.ts';
import type { Progress } from '../lib/progress.ts';
import { openGoldenFiles, type GoldenEmbedderCase } from '../testing/golden/golden-files.ts';
import { goldenModels } from '../testing/golden/golden-models.ts';
import { createEmbedderTokenizer } from '../tokenizer/embedder-tokenizer.ts';
import type { Embedder } from './embedder.ts';
import { onnxEmbedder } from './onnx-embedder.ts';
import { cosineSimilarity } from './pooling.ts';
import { runSelfTest } from './self-test.ts';

const { source: models } = goldenModels('golden');
const open = () => models.open('all-minilm-l6-v2', 'embedder');

let embedder: Embedder;
let golden: readonly GoldenEmbedderCase[];
const progress: Progress[] = [];

beforeAll(async () => {
  embedder = await onnxEmbedder(await open(), { device: 'wasm', onProgress: (report) => progress.push(report) });
  golden = await (await openGoldenFiles(models)).embedderCases();
});

afterAll(() => embedder[Symbol.asyncDispose]());

describe('parity with training', () => {
  test('token ids are those of the Rust tokenizers', async () => {
    const opened = await open();
    const { manifest } = opened;
    const tokenize = createEmbedderTokenizer(
      await opened.json(manifest.embedder.tokenizer),
      manifest.embedder.maximumTokens,
    );
    expect(golden.length).toBeGreaterThanOrEqual(12);
    for (const { text, ids } of golden) expect(tokenize(text), text).toEqual(ids);
    expect(golden.some(({ ids }) => ids.length === manifest.embedder.maximumTokens)).toBe(true);
  });

  test('vectors are those of the float32 model', async () => {
    for (const { text, vector } of golden) {
      const found = await embedder.embed(text);
      expect(Math.hypot(...found)).toBeCloseTo(1, 6);
      // 8-bit weights against float32: measured ≥ .995.
      expect(cosineSimilarity(found, vector), text).toBeGreaterThanOrEqual(0.99);
    }
  });

  test('a text always gets the same vector, bit for bit, whatever was embedded in between', async () => {
    const first = await embedder.embed('A headline about rain');
    await embedder.embed('Something else entirely, and much longer than the first text was');
    expect(await embedder.embed('A headline about rain')).toEqual(first);
  });
});

describe('onnxEmbedder', () => {
  test('reports its identity, its self-test and the progress of loading', async () => {
    const { manifest } = await open();
    expect(embedder.identity).toEqual({
      name: 'all-minilm-l6-v2',
      fingerprint: manifest.fingerprint,
      dim: 384,
      backend: 'wasm',
    });
    expect(embedder.selfTest.passed).toBe(true);
    expect(embedder.selfTest.smallestCosine).toBeGreaterThan(0.99);
    expect(progress.at(-1)).toMatchObject({ stage: 'self-test', done: 3, total: 3 });
  });

  test('runs many calls at once, one after the other', async () => {
    const texts = ['one', 'two', 'three', 'four'];
    const together = await Promise.all(texts.map((text) => embedder.embed(text)));
    for (const [index, text] of texts.entries()) expect(together[index]).toEqual(await embedder.embed(text));
  });

  test('refuses an empty text, and stops at an abort with its reason', async () => {
    await expect(embedder.embed(' \n')).rejects.toMatchObject({ code: 'invalid-argument' });
    const reason = new Error('not any more');
    await expect(embedder.embed('text', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  test('auto takes wasm where WebGPU does not start, and reports it; webgpu throws', async () => {
    // Node has no WebGPU: this adapter claims to be hardware, and the runtime then finds none.
    const info = { vendor: 'no', architecture: 'one', description: '', isFallbackAdapter: false };
    const gpu: GpuAccess = { requestAdapter: () => Promise.resolve({ info } as unknown as GPUAdapter) };
    const fallbacks: DeviceChoice[] = [];
    await using fallen = await onnxEmbedder(await open(), { gpu, onFallback: (device) => fallbacks.push(device) });
    expect(fallen.identity.backend).toBe('wasm');
    expect(fallen.device.reason).toContain('WebGPU');
    expect(fallbacks).toEqual([fallen.device]);
    await expect(onnxEmbedder(await open(), { gpu, device: 'webgpu' })).rejects.toMatchObject({
      code: 'runtime-failed',
    });
    await expect(onnxEmbedder(await open(), { gpu: null, device: 'webgpu' })).rejects.toMatchObject({
      code: 'webgpu-unavailable',
    });
  });

  test('is closed after its disposal', async () => {
    const other = await onnxEmbedder(await open(), { device: 'wasm' });
    await other[Symbol.asyncDispose]();
    await expect(other.embed('text')).rejects.toMatchObject({ code: 'closed' });
  });
});

describe('runSelfTest', () => {
  const sentences = {
    texts: ['a', 'b'],
    vectors: [
      [1, 0],
      [0, 1],
    ],
  };
  const label = 'x';

  test('fails a backend that computes something else', async () => {
    const wrong = await runSelfTest(sentences, () => Promise.resolve(Float32Array.of(0.8, 0.6)), { label });
    expect(wrong).toEqual({ passed: false, smallestCosine: expect.closeTo(0.6) });
    const right = await runSelfTest(
      sentences,
      (text) => Promise.resolve(text === 'a' ? Float32Array.of(1, 0) : Float32Array.of(0, 1)),
      { label },
    );
    expect(right).toEqual({ passed: true, smallestCosine: 1 });
  });

  test('refuses a file without sentences', async () => {
    const testing = runSelfTest({ texts: [], vectors: [] }, () => Promise.reject(new Error('was called')), { label });
    await expect(testing).rejects.toMatchObject({ code: 'model-mismatch' });
  });
});
