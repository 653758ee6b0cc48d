// Graphs that were exported without inputs for adapters: they answer without one, and refuse adapters.
import { expect, test } from 'vitest';
import type { Tensor } from '../../model-package/tensor.ts';
import { createOnnxSession } from '../../onnx-runtime/onnx-session.ts';
import { negationGraph } from '../../onnx-runtime/negation-graph.ts';
import { adapterInputs, adapterKinds } from './adapter-inputs.ts';

const name = 'old-llm';
const languageModel = {
  hiddenSize: 4,
  vocabularySize: 8,
  layers: 1,
  heads: 1,
  kvHeads: 1,
  headDim: 4,
  contextWindow: 16,
  endTokens: [0],
  tokenizer: 'tokenizer.json',
  promptTemplate: [],
};
const vectors = new Map(['k', 'v', 'down'].map((place) => [`layers.0.${place}`, zeros([4])]));

function zeros(shape: readonly number[]): Tensor {
  return { shape, data: new Float32Array(shape.reduce((product, size) => product * size, 1)) };
}

test('a graph without inputs for adapters is given none, and an adapter is refused with the missing names', async () => {
  await using session = await createOnnxSession({ device: 'wasm', name, graph: negationGraph() });
  expect(session.inputShape('x')).toEqual(['n']);
  expect(session.inputShape('rescale_down')).toBeNull();
  const manifest = { name, languageModel };
  expect(adapterInputs(session, manifest, null)).toEqual({});
  expect(() => adapterInputs(session, manifest, { kind: 'ia3', id: 'one', vectors })).toThrow(
    expect.objectContaining({
      code: 'model-mismatch',
      message: expect.stringMatching(/old-llm.*rescale_qkv, rescale_down.*"ia3"/u),
    }),
  );
  expect(() =>
    adapterInputs(session, manifest, { kind: 'lora', id: 'two', rank: 1, scale: 1, matrices: new Map() }),
  ).toThrow(expect.objectContaining({ code: 'model-mismatch' }));
});

test('a graph takes the kinds of adapter for which it has every input', () => {
  expect(adapterKinds({ inputNames: ['input_ids', 'adapter_a', 'adapter_b'] })).toEqual(['lora']);
  expect(adapterKinds({ inputNames: ['adapter_a', 'adapter_b', 'rescale_qkv', 'rescale_down'] })).toEqual([
    'lora',
    'ia3',
  ]);
  expect(adapterKinds({ inputNames: ['adapter_a', 'rescale_down'] })).toEqual([]);
});
