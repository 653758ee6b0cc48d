import { expect, test } from 'vitest';
import { goldenModels } from '../testing/golden/golden-models.ts';
import { readLlamaWeights } from './llama-weights.ts';

const { source, missing } = goldenModels('nano-llm');

test.skipIf(missing !== null)(
  'quantised weights, and models that are no Llama, are refused with the reason',
  async () => {
    const modelPackage = await source.open('nano-llm', 'language-model');
    const cache = JSON.stringify(await modelPackage.json('tensor-cache.json'));
    const quantised = JSON.parse(cache.replaceAll('f32-to-bf16', 'q4f32_1'));
    const json = async (path: string): Promise<unknown> =>
      path === 'tensor-cache.json' ? quantised : await modelPackage.json(path);
    await expect(readLlamaWeights({ ...modelPackage, json })).rejects.toMatchObject({
      code: 'model-mismatch',
      message: expect.stringContaining('q4f32_1'),
    });
    const other = async (path: string): Promise<unknown> =>
      path === 'config.json' ? { model_type: 'qwen2' } : await modelPackage.json(path);
    await expect(readLlamaWeights({ ...modelPackage, json: other })).rejects.toMatchObject({ code: 'model-mismatch' });
  },
);

test.skipIf(missing !== null)('every bfloat16 is the upper half of its float32', async () => {
  const { tensors, shape } = await readLlamaWeights(await source.open('nano-llm', 'language-model'));
  const bits = new Uint32Array(tensors.get('model.embed_tokens.weight')?.data.buffer ?? new ArrayBuffer(0));
  expect(bits).toHaveLength(shape.vocabularySize * shape.hiddenSize);
  expect(bits.every((value) => (value & 0xffff) === 0)).toBe(true);
});
