import { expect, test } from 'vitest';
import { inMemoryHistory } from '../history/in-memory-history.ts';
import { goldenModels } from '../testing/golden/golden-models.ts';
import { loadTraining } from './job/load-training.ts';
import type { LlamaShape } from './llama-weights.ts';
import { assertMemory, availableMemory, trainingMemory } from './training-memory.ts';

const nano: LlamaShape = {
  hiddenSize: 256,
  vocabularySize: 8192,
  layers: 6,
  heads: 4,
  kvHeads: 2,
  headDim: 64,
  feedForwardSize: 768,
  ropeTheta: 10_000,
  normEpsilon: 1e-6,
};
const { source, missing } = goldenModels('nano-llm', 'plug');

test('the nano model takes what was measured: 361 MiB of wasm, 39 MiB of weights beside it', () => {
  expect(trainingMemory(nano, 6_819_072) / 2 ** 20).toBeGreaterThan(361 + 39 - 20);
  expect(trainingMemory(nano, 6_819_072) / 2 ** 20).toBeLessThan(361 + 39 + 20);
});

test('the least bound counts, and what a browser hides is no bound', () => {
  expect(availableMemory({ device: 'webgpu' }).bytes).toBe(Infinity);
  expect(availableMemory({ device: 'wasm' }).bytes).toBe(4 * 2 ** 30);
  expect(availableMemory({ device: 'wasm', deviceMemory: 8 }).bytes).toBe(4 * 2 ** 30);
  expect(availableMemory({ device: 'wasm', deviceMemory: 0.5 }).bytes).toBe(2 ** 28);
  expect(availableMemory({ device: 'wasm', deviceMemory: 4, limit: 100 }).bytes).toBe(100);
});

test('too little is refused with what is needed, what there is, and a remedy', () => {
  const there = availableMemory({ device: 'wasm', deviceMemory: 0.5 });
  expect(() => assertMemory('nano-llm', 300 * 2 ** 20, there)).toThrow(
    expect.objectContaining({
      code: 'memory-insufficient',
      details: { needed: 300 * 2 ** 20, available: 256 * 2 ** 20 },
      message: expect.stringMatching(/nano-llm.*300 MiB.*256 MiB.*0\.5 GiB/u),
    }),
  );
  expect(() => assertMemory('nano-llm', 256 * 2 ** 20, there)).not.toThrow();
});

test.skipIf(missing !== null)('it is refused before the weights are read', async () => {
  const read: string[] = [];
  const watched: typeof source = {
    async open(name, kind, options) {
      const opened = await source.open(name, kind, options);
      return {
        ...opened,
        bytes: async (path, readOptions) => {
          read.push(path);
          return await opened.bytes(path, readOptions);
        },
      };
    },
  };
  const loading = loadTraining(watched, inMemoryHistory(), {
    packages: { languageModel: 'nano-llm', plug: 'plug' },
    memoryLimit: 64 * 2 ** 20,
  });
  await expect(loading).rejects.toMatchObject({
    code: 'memory-insufficient',
    details: { needed: expect.any(Number), available: 64 * 2 ** 20 },
  });
  expect(read.filter((path) => path.includes('params'))).toEqual([]);
});
