// One (IA)³, three ways: unmerged in jax-js, where it is trained, as inputs of the ONNX graph, and in the files for peft.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LanguageModel, PromptSegment } from '../language-model/language-model.ts';
import type { RescalingAdapter } from '../adapter/weight-adapter.ts';
import { onnxLanguageModel } from '../language-model/onnx/onnx-language-model.ts';
import { readSafetensors } from '../model-package/safetensors.ts';
import { goldenIa3 } from '../testing/golden/golden-ia3.ts';
import { goldenLoraAdapter } from '../testing/golden/golden-lora.ts';
import { goldenModels } from '../testing/golden/golden-models.ts';
import { logitDistance } from '../testing/golden/logit-distance.ts';
import { createExample } from './example.ts';
import { jaxGradientModel } from './jax/jax-gradient-model.ts';
import { loadJax } from './jax/load-jax.ts';
import { type LlamaShape, readLlamaWeights } from './llama-weights.ts';
import { peftFiles } from '../adapter/peft-files.ts';

const { source, missing } = goldenModels('nano-llm');

const prompt: PromptSegment[] = [
  { kind: 'ids', ids: Array.from({ length: 30 }, (_, index) => 4 + ((index * 97) % 8000)) },
];
const continuation = [500, 600, 0];

describe.skipIf(missing !== null)('an (IA)³', () => {
  let onnx: LanguageModel;
  let trained: Float32Array[];
  let adapter: RescalingAdapter;
  let shape: LlamaShape;

  beforeAll(async () => {
    const modelPackage = await source.open('nano-llm', 'language-model');
    expect(modelPackage.manifest.languageModel.onnx?.adapters).toContain('ia3');
    const weights = await readLlamaWeights(modelPackage);
    ({ shape } = weights);
    // First, and done with: onnxruntime-web gives Node a global Worker, and jax-js changes its memory where there is one.
    using jax = jaxGradientModel(await loadJax('wasm'), weights);
    const vectors = goldenIa3(shape);
    const example = createExample(weights, { prompt, answer: continuation, trainableSegment: null });
    trained = (await jax.logits(example, vectors)).slice(0, 3);
    onnx = await onnxLanguageModel(modelPackage, { device: 'wasm' });
    adapter = { kind: 'ia3', id: 'golden', vectors };
  });

  afterAll(() => onnx[Symbol.asyncDispose]());

  const logits = async (): Promise<Float32Array[]> => await onnx.logits(prompt, continuation.slice(0, 2));

  test('gives the same logits in the ONNX graph as where it was trained', async () => {
    await onnx.useAdapter?.(adapter);
    expect(logitDistance(trained, await logits())).toBeLessThanOrEqual(1);
    await onnx.useAdapter?.(null);
    expect(logitDistance(trained, await logits())).toBeGreaterThan(10);
  });

  test('taken away again, or in the place of a LoRA, every logit is bit for bit what it was', async () => {
    const lora = { ...goldenLoraAdapter(shape), id: 'golden-lora' };
    const plain = await logits();
    await onnx.useAdapter?.(adapter);
    const rescaled = await logits();
    await onnx.useAdapter?.(lora);
    const lowRank = await logits();
    await onnx.useAdapter?.(adapter);
    expect(await logits()).toEqual(rescaled);
    await onnx.useAdapter?.(null);
    expect(await logits()).toEqual(plain);
    await onnx.useAdapter?.(lora);
    expect(await logits()).toEqual(lowRank);
    await onnx.useAdapter?.(null);
  });

  test('that does not fit is refused, and what was used before goes on', async () => {
    await onnx.useAdapter?.(adapter);
    const before = await logits();
    const [name, vector] = [...adapter.vectors].at(-1) ?? [];
    if (name === undefined || vector === undefined) throw new Error('no vectors');
    const half = { shape: [vector.data.length / 2], data: vector.data.slice(0, vector.data.length / 2) };
    for (const vectors of [new Map(adapter.vectors).set(name, half), new Map()]) {
      const wrong = { kind: 'ia3', id: 'wrong', vectors } as const;
      await expect(onnx.useAdapter?.(wrong)).rejects.toMatchObject({ code: 'model-mismatch' });
      expect(await logits()).toEqual(before);
    }
    await onnx.useAdapter?.(null);
  });

  test('is written as peft names it, l and not l − 1, within 64 KiB', () => {
    const { config, tensors } = peftFiles(adapter, 'nano-llm');
    expect(tensors.byteLength).toBeLessThanOrEqual(65_536);
    expect(JSON.parse(config)).toMatchObject({
      peft_type: 'IA3',
      target_modules: ['k_proj', 'v_proj', 'down_proj'],
      feedforward_modules: ['down_proj'],
    });
    const read = readSafetensors(tensors);
    expect(read.size).toBe(3 * shape.layers);
    const layer = 'base_model.model.model.layers.5';
    const keys = read.get(`${layer}.self_attn.k_proj.ia3_l`);
    expect(keys?.shape).toEqual([shape.kvHeads * shape.headDim, 1]);
    expect(keys?.data).toEqual(adapter.vectors.get('layers.5.k')?.data.map((change) => 1 + change));
    expect(read.get(`${layer}.mlp.down_proj.ia3_l`)?.shape).toEqual([1, shape.feedForwardSize]);
    // For training/golden/peft_reference.py, which loads it with peft and compares the logits.
    const folder = process.env['PERSONA_PLUG_PEFT_FOLDER'];
    if (folder === undefined) return;
    mkdirSync(join(folder, 'ia3'), { recursive: true });
    writeFileSync(join(folder, 'ia3', 'adapter_config.json'), config);
    writeFileSync(join(folder, 'ia3', 'adapter_model.safetensors'), tensors);
  });
});
