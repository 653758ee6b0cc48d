import { expect, test } from 'vitest';
import type { WeightAdapter } from '../language-model.ts';
import { mergedWeights } from './merged-weights.ts';
import type { WeightAccess } from './weight-access.ts';

const name = 'model.layers.0.self_attn.qkv_proj.weight';
const secondName = 'model.layers.1.self_attn.qkv_proj.weight';

/** Two layers: two query rows, one key row, one value row, hidden 2. */
function store(): { access: WeightAccess; weights: Map<string, Float32Array<ArrayBuffer>> } {
  const weights = new Map([
    [name, Float32Array.of(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)],
    [secondName, Float32Array.of(0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)],
  ]);
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

/** The adapter, and the same matrices for a second layer too. */
function deep(id: string): WeightAdapter {
  const { matrices, ...rest } = adapter(id);
  const second = [...matrices].map(([key, matrix]) => [key.replace('layers.0', 'layers.1'), matrix] as const);
  return { ...rest, matrices: new Map([...matrices, ...second]) };
}

test('an adapter that does not fit changes nothing, whichever layer it is that does not', async () => {
  const { access, weights } = store();
  const before = new Map(weights);
  const { matrices, ...rest } = deep('one');
  const wrong = {
    ...rest,
    matrices: new Map(matrices).set('layers.1.q.A', { shape: [1, 3], data: new Float32Array(3) }),
  };
  await expect(mergedWeights(access).use(wrong)).rejects.toMatchObject({ code: 'model-mismatch' });
  expect(weights).toEqual(before);
});

test('an adapter of fewer layers leaves nothing of the one before', async () => {
  const { access, weights } = store();
  const before = weights.get(secondName);
  const merged = mergedWeights(access);
  await merged.use(deep('one'));
  expect(weights.get(secondName)).not.toEqual(before);
  await merged.use(adapter('two'));
  expect(weights.get(secondName)).toEqual(before);
});
