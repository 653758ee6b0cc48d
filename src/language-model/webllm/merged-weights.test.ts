import { expect, test } from 'vitest';
import type { WeightAdapter } from '../language-model.ts';
import { mergedWeights } from './merged-weights.ts';
import type { WeightAccess } from './weight-access.ts';

const name = 'model.layers.0.self_attn.qkv_proj.weight';

/** Two query rows, one key row, one value row, hidden 2. */
function store(): { access: WeightAccess; weights: Map<string, Float32Array<ArrayBuffer>> } {
  const weights = new Map([[name, Float32Array.of(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)]]);
  return {
    weights,
    access: {
      async read(wanted) {
        return { shape: [4, 2], values: weights.get(wanted)?.slice() ?? new Float32Array(0) };
      },
      write(wanted, values) {
        weights.set(wanted, values.slice());
      },
    },
  };
}

const adapter = (id: string, size = 1): WeightAdapter => ({
  id,
  rank: 1,
  scale: 2,
  matrices: new Map([
    ['layers.0.q.A', { shape: [1, 2], data: Float32Array.of(1, 2) }],
    ['layers.0.q.B', { shape: [2, 1], data: Float32Array.of(size, -size) }],
    ['layers.0.v.A', { shape: [1, 2], data: Float32Array.of(3, 4) }],
    ['layers.0.v.B', { shape: [1, 1], data: Float32Array.of(size) }],
  ]),
});

test('adds scale · B A to the rows of q and v, leaves those of k, and comes off without a trace', async () => {
  const { access, weights } = store();
  const before = weights.get(name);
  const merged = mergedWeights(access);
  await merged.use(adapter('one'));
  const expected = [0.1 + 2, 0.2 + 4, 0.3 - 2, 0.4 - 4, 0.5, 0.6, 0.7 + 6, 0.8 + 8];
  for (const [index, value] of expected.entries()) expect(weights.get(name)?.[index]).toBeCloseTo(value, 5);
  await merged.use(adapter('two', 10));
  expect(weights.get(name)?.[0]).toBeCloseTo(20.1, 5);
  await merged.use(null);
  expect(weights.get(name)).toEqual(before);
});

test('an adapter that does not fit changes nothing', async () => {
  const { access, weights } = store();
  const before = weights.get(name);
  const wrong = { ...adapter('one'), rank: 2 };
  await expect(mergedWeights(access).use(wrong)).rejects.toMatchObject({ code: 'model-mismatch' });
  expect(weights.get(name)).toEqual(before);
});
