// A decoder whose weights are quantized, on ORT wasm in Node: a tiny random model, held to torch's golden values. The same test runs on a
// real package that PERSONA_PLUG_DECODER names, say models/smollm2-135m-instruct, with <that>-golden beside it.
import { basename, dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createFolderModelSource } from '../../model-package/folder-model-source.ts';
import type { ModelPackage } from '../../model-package/model-source.ts';
import type { LanguageModelManifest } from '../../model-package/manifest.ts';
import type { Progress } from '../../lib/progress.ts';
import { openGoldenFiles } from '../../testing/golden/golden-files.ts';
import { goldenModels } from '../../testing/golden/golden-models.ts';
import { compareWithGolden } from '../../testing/golden/golden-parity.ts';
import { largestDifference } from '../../testing/golden/largest-difference.ts';
import type { LanguageModel } from '../language-model.ts';
import { onnxLanguageModel } from './onnx-language-model.ts';

const { source: models } = goldenModels('tiny-decoder', 'tiny-decoder-golden');
const open = () => models.open('tiny-decoder', 'language-model');
const load = (modelPackage: ModelPackage<LanguageModelManifest>) => onnxLanguageModel(modelPackage, { device: 'wasm' });

const real = process.env['PERSONA_PLUG_DECODER'];

test.each([
  { name: 'tiny-decoder', source: models },
  ...(real === undefined ? [] : [{ name: basename(real), source: createFolderModelSource(dirname(real)) }]),
])('$name computes what torch does, with and without rows and adapter', { timeout: 600_000 }, async (place) => {
  await using model = await load(await place.source.open(place.name, 'language-model'));
  const cases = await (await openGoldenFiles(place.source, `${place.name}-golden`)).languageModelCases();
  expect(cases.length).toBeGreaterThanOrEqual(5);
  for (const golden of cases) {
    const result = await compareWithGolden(model, golden);
    if (place.name !== 'tiny-decoder') console.info(result);
    expect(result.largestErrorInTolerances, golden.name).toBeLessThanOrEqual(1);
    expect(result.tokens, golden.name).toEqual(result.expectedTokens);
  }
});

describe('a loaded decoder', () => {
  let model: LanguageModel;
  beforeAll(async () => {
    model = await load(await open());
  });
  afterAll(() => model[Symbol.asyncDispose]());

  test('continues on its cache as on the longer prompt, also across the chunk of 256', async () => {
    const ids = Array.from({ length: 300 }, (_, index) => (index * 37) % 256);
    for (const cut of [298, 255, 4]) {
      const [last] = (await model.logits([{ kind: 'ids', ids: ids.slice(0, cut) }], ids.slice(cut))).slice(-1);
      const [whole] = await model.logits([{ kind: 'ids', ids }], []);
      expect(largestDifference(last, whole)).toBeLessThanOrEqual(1e-4);
    }
  });

  test('takes LoRA and no other adapter, and is itself again without', async () => {
    const prompt = [{ kind: 'ids', ids: [256, 5, 9] }] as const;
    const before = await model.logits(prompt, []);
    const golden = await (await openGoldenFiles(models, 'tiny-decoder-golden')).languageModelCases();
    const adapter = golden.find((one) => one.adapter !== null)?.adapter ?? null;
    expect(model.adapterKinds).toEqual(['lora']);
    await model.useAdapter?.(adapter);
    expect(largestDifference((await model.logits(prompt, []))[0], before[0])).toBeGreaterThan(0.01);
    await expect(model.useAdapter?.({ kind: 'ia3', id: 'other', vectors: new Map() })).rejects.toMatchObject({
      code: 'model-mismatch',
    });
    await model.useAdapter?.(null);
    expect(await model.logits(prompt, [])).toEqual(before);
  });

  test('two answers at once do not mix', async () => {
    const prompts = [
      [1, 2, 3],
      [256, 40],
    ].map((ids) => [{ kind: 'ids', ids }] as const);
    const alone: Float32Array[][] = [];
    for (const prompt of prompts) alone.push(await model.logits(prompt, [7, 8]));
    expect(await Promise.all(prompts.map((prompt) => model.logits(prompt, [7, 8])))).toEqual(alone);
  });
});

describe('loading', () => {
  test('reports each tensor', async () => {
    const reports: Progress[] = [];
    const modelPackage = await open();
    await using model = await onnxLanguageModel(modelPackage, {
      device: 'wasm',
      onProgress: (progress) => reports.push(progress),
    });
    const loads = reports.filter(({ stage }) => stage === 'load');
    expect(model.runtime).toBe('onnx');
    expect(loads[0]).toMatchObject({ label: 'tiny-decoder', done: 0, unit: 'items' });
    expect(loads.at(-1)?.done).toBe(loads[0]?.total);
  });

  test('stops between two tensors with the reason of the abort', async () => {
    const controller = new AbortController();
    const reason = new Error('changed my mind');
    const loading = onnxLanguageModel(await open(), {
      device: 'wasm',
      signal: controller.signal,
      onProgress: ({ stage }) => {
        if (stage === 'load') controller.abort(reason);
      },
    });
    await expect(loading).rejects.toBe(reason);
  });

  test('is refused before the shards are read where memory is short', async () => {
    const modelPackage = await open();
    const read: string[] = [];
    const watched = {
      ...modelPackage,
      bytes: (path: string) => {
        read.push(path);
        return modelPackage.bytes(path);
      },
    };
    // A machine of a mebibyte.
    const loading = onnxLanguageModel(watched, { device: 'wasm', deviceMemory: 2 ** -10 });
    await expect(loading).rejects.toMatchObject({ code: 'memory-insufficient', details: { available: 2 ** 17 } });
    expect(read).not.toContain('params_shard_0.bin');
  });

  test('a graph of another form is refused by its inputs', async () => {
    const modelPackage = await open();
    const { manifest } = modelPackage;
    const deeper = { ...manifest, languageModel: { ...manifest.languageModel, layers: 3 } };
    await expect(load({ ...modelPackage, manifest: deeper })).rejects.toThrow(/no input past_key_values\.2\.key/);
  });
});
