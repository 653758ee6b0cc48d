// One adapter, three ways: unmerged in jax-js, where it is trained, as inputs of the ONNX graph, and in the files for peft.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LanguageModel, PromptSegment } from '../language-model/language-model.ts';
import type { WeightAdapter } from '../adapter/weight-adapter.ts';
import { onnxLanguageModel } from '../language-model/onnx/onnx-language-model.ts';
import { readSafetensors } from '../model-package/safetensors.ts';
import { goldenLora } from '../testing/golden/golden-lora.ts';
import { goldenModels } from '../testing/golden/golden-models.ts';
import { logitDistance } from '../testing/golden/logit-distance.ts';
import { createExample } from './example.ts';
import type { Parameters } from '../adapter/parameters.ts';
import { jaxGradientModel } from './jax/jax-gradient-model.ts';
import { loadJax } from './jax/load-jax.ts';
import { type LlamaWeights, readLlamaWeights } from './llama-weights.ts';
import { peftFiles } from '../adapter/peft-files.ts';

const { source, missing } = goldenModels('nano-llm');

const prompt: PromptSegment[] = [
  { kind: 'ids', ids: Array.from({ length: 30 }, (_, index) => 4 + ((index * 97) % 8000)) },
];
const continuation = [500, 600, 0];

describe.skipIf(missing !== null)('an adapter', () => {
  let weights: LlamaWeights;
  let onnx: LanguageModel;
  let matrices: Parameters;
  let trained: Float32Array[];
  let adapter: WeightAdapter;
  let takesAdapter = true;

  beforeAll(async () => {
    const modelPackage = await source.open('nano-llm', 'language-model');
    weights = await readLlamaWeights(modelPackage);
    // First, and done with: onnxruntime-web gives Node a global Worker, and jax-js changes its memory where there is one.
    using jax = jaxGradientModel(await loadJax('wasm'), weights, { loraScale: 0.5 });
    matrices = goldenLora(weights.shape, 8);
    const example = createExample(weights, { prompt, answer: continuation, trainableSegment: null });
    trained = (await jax.logits(example, matrices)).slice(0, 3);
    onnx = await onnxLanguageModel(modelPackage, { device: 'wasm' });
    adapter = { kind: 'lora', id: 'golden', rank: 8, scale: 0.5, matrices };
    try {
      await onnx.useAdapter?.(adapter);
      await onnx.useAdapter?.(null);
    } catch {
      takesAdapter = false;
      console.warn('SKIPPED, ONNX adapters: the graph of the models folder has no inputs for them. Export it again.');
    }
  });

  afterAll(() => onnx[Symbol.asyncDispose]());

  test('gives the same logits in the ONNX graph as where it was trained', async ({ skip }) => {
    if (!takesAdapter) skip('no adapter inputs');
    await onnx.useAdapter?.(adapter);
    const answered = await onnx.logits(prompt, continuation.slice(0, 2));
    expect(logitDistance(trained, answered)).toBeLessThanOrEqual(1);
    await onnx.useAdapter?.(null);
    expect(logitDistance(trained, await onnx.logits(prompt, continuation.slice(0, 2)))).toBeGreaterThan(10);
  });

  test('taken away again, every logit is bit for bit what it was', async ({ skip }) => {
    if (!takesAdapter) skip('no adapter inputs');
    const before = await onnx.logits(prompt, continuation);
    await onnx.useAdapter?.(adapter);
    await onnx.logits(prompt, continuation);
    await onnx.useAdapter?.(null);
    expect(await onnx.logits(prompt, continuation)).toEqual(before);
  });

  test('that does not fit is refused', async ({ skip }) => {
    if (!takesAdapter) skip('no adapter inputs');
    const wrong = { ...adapter, id: 'wrong', rank: 4 } as const;
    await expect(onnx.useAdapter?.(wrong)).rejects.toMatchObject({ code: 'model-mismatch' });
  });

  test('is written as peft names it, within 400 KiB', () => {
    const { config, tensors } = peftFiles(adapter, 'nano-llm');
    expect(tensors.byteLength).toBeLessThanOrEqual(409_600);
    expect(JSON.parse(config)).toMatchObject({
      peft_type: 'LORA',
      r: 8,
      lora_alpha: 4,
      target_modules: ['q_proj', 'v_proj'],
    });
    const read = readSafetensors(tensors);
    expect(read.size).toBe(4 * weights.shape.layers);
    expect(read.get('base_model.model.model.layers.5.self_attn.v_proj.lora_B.weight')).toEqual(
      matrices.get('layers.5.v.B'),
    );
    // For training/golden/peft_reference.py, which loads it with peft and compares the logits.
    const folder = process.env['PERSONA_PLUG_PEFT_FOLDER'];
    if (folder === undefined) return;
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'adapter_config.json'), config);
    writeFileSync(join(folder, 'adapter_model.safetensors'), tensors);
  });
});
