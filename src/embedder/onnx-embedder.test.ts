// The shipped embedder on onnxruntime-web's wasm in Node, compared with the golden vectors of the float32 model.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GpuAccess } from '../lib/choose-device.ts';
import type { DeviceChoice } from '../lib/device.ts';
import type { Progress } from '../lib/progress.ts';
import { openGoldenFiles, type GoldenEmbedderCase, type GoldenLongTextCase } from '../testing/golden/golden-files.ts';
import { goldenModels } from '../testing/golden/golden-models.ts';
import { createOnnxSession, takeFloat32 } from '../onnx-runtime/onnx-session.ts';
import { createEmbedderTokenizer } from '../tokenizer/embedder-tokenizer.ts';
import type { Embedder } from './embedder.ts';
import { onnxEmbedder } from './onnx-embedder.ts';
import { cosineSimilarity, poolToUnitVector } from './pooling.ts';
import { runSelfTest } from './self-test.ts';
import { chunkBounds } from './text-chunks.ts';

const { source: models } = goldenModels('golden');
const open = () => models.open('all-minilm-l6-v2', 'embedder');

let embedder: Embedder;
let golden: readonly GoldenEmbedderCase[];
let longTexts: readonly GoldenLongTextCase[];
const progress: Progress[] = [];

beforeAll(async () => {
  embedder = await onnxEmbedder(await open(), { device: 'wasm', onProgress: (report) => progress.push(report) });
  const files = await openGoldenFiles(models);
  golden = await files.embedderCases();
  longTexts = await files.longTextCases();
});

afterAll(() => embedder[Symbol.asyncDispose]());

describe('parity with training', () => {
  test('token ids are those of the Rust tokenizers', async () => {
    const opened = await open();
    const { manifest } = opened;
    const tokenizer = createEmbedderTokenizer(await opened.json(manifest.embedder.tokenizer));
    expect(golden.length).toBeGreaterThanOrEqual(12);
    for (const { text, ids } of golden) expect(tokenizer.frame(tokenizer.encode(text)), text).toEqual(ids);
    for (const { name, text, tokens, chunks } of longTexts) {
      const ids = tokenizer.encode(text);
      expect(ids.length, name).toBe(tokens);
      const bounds = chunkBounds(tokens, manifest.embedder.maximumTokens - 2);
      expect(
        bounds.map(([start, end]) => tokenizer.frame(ids.slice(start, end))),
        name,
      ).toEqual(chunks);
    }
    expect(longTexts.map(({ tokens, chunks }) => [tokens, chunks.length])).toEqual([
      [254, 1],
      [255, 2],
      [expect.any(Number), 3],
      [expect.any(Number), 8],
    ]);
  });

  test('vectors are those of the float32 model', async () => {
    for (const { text, vector } of golden) {
      const found = await embedder.embed(text);
      expect(Math.hypot(...found)).toBeCloseTo(1, 6);
      // 8-bit weights against float32: measured ≥ .995.
      expect(cosineSimilarity(found, vector), text).toBeGreaterThanOrEqual(0.99);
    }
  });

  test('vectors of long texts are those of the float32 model, and what is left out is told', async () => {
    for (const { name, text, tokens, chunks, vector } of longTexts) {
      const found = await embedder.embed(text);
      expect(Math.hypot(...found)).toBeCloseTo(1, 6);
      // 8-bit weights against float32; the mean of chunks is no further off than one text.
      expect(cosineSimilarity(found, vector), name).toBeGreaterThanOrEqual(0.995);
      const embeddedTokens = chunks.reduce((sum, ids) => sum + ids.length - 2, 0);
      expect(embedder.coverage(text)).toEqual({ tokens, embeddedTokens, chunks: chunks.length });
    }
    expect(longTexts.at(-1)?.tokens).toBeGreaterThan(8 * 254);
  });

  test('texts that differ only after 256 tokens have different vectors', async () => {
    const notes = 'The meeting notes of the committee were read aloud and nobody objected to them. '.repeat(26);
    const boat = await embedder.embed(`${notes}In the end we decided to sell the boat.`);
    const house = await embedder.embed(`${notes}The house by the lake is for rent.`);
    expect(cosineSimilarity(boat, house)).toBeLessThan(0.999);
  });

  test('a text that fits has the vector that the model gives for it as a whole', async () => {
    const { text = '', chunks = [] } = longTexts[0] ?? {};
    expect(chunks).toHaveLength(1);
    const [ids = []] = chunks;
    const opened = await open();
    await using session = await createOnnxSession({
      device: 'wasm',
      name: 'bare',
      graph: await opened.bytes(opened.manifest.embedder.graph),
    });
    const tensor = (values: readonly number[]) => session.int64(values, [1, ids.length]);
    const ones = ids.map(() => 1);
    const zeros = ids.map(() => 0);
    const { last_hidden_state: output } = await session.run({
      input_ids: tensor(ids),
      attention_mask: tensor(ones),
      token_type_ids: tensor(zeros),
    });
    const pooled = poolToUnitVector(await takeFloat32(output, 'last_hidden_state'), ids.length, 384, 'mean');
    expect(await embedder.embed(text)).toEqual(pooled);
  });

  test('an abort during a long text is heeded between its chunks', async () => {
    const { text = '' } = longTexts.at(-1) ?? {};
    const controller = new AbortController();
    const reason = new Error('enough');
    let chunks = 0;
    const turn = async <T>(work: () => Promise<T>): Promise<T> => {
      chunks += 1;
      if (chunks === 2) setTimeout(() => controller.abort(reason));
      return await work();
    };
    await expect(embedder.embed(text, { signal: controller.signal, turn })).rejects.toBe(reason);
    expect(chunks).toBeLessThan(5);
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
