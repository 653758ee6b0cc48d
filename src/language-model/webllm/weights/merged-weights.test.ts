import { expect, test } from 'vitest';
import { PersonaPlugError } from '../../../lib/errors.ts';
import type { LowRankAdapter, RescalingAdapter } from '../../../adapter/weight-adapter.ts';
import { mergedWeights } from './merged-weights.ts';
import type { WeightAccess } from './weight-access.ts';

const name = 'model.layers.0.self_attn.qkv_proj.weight';
const secondName = 'model.layers.1.self_attn.qkv_proj.weight';

const downName = 'model.layers.0.mlp.down_proj.weight';

/** Two query rows, one key row, one value row, hidden 2, feed-forward 3. */
function shapeOf(weight: string): readonly number[] {
  if (weight.includes('down_proj')) return [2, 3];
  return weight.includes('o_proj') ? [2, 2] : [4, 2];
}

/** Two layers; the second has no feed-forward part that could be read. */
function store(): { access: WeightAccess; weights: Map<string, Float32Array<ArrayBuffer>> } {
  const weights = new Map([
    [name, Float32Array.of(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)],
    [secondName, Float32Array.of(0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)],
    [downName, Float32Array.of(1, 2, 3, 4, 5, 6)],
  ]);
  return {
    weights,
    access: {
      shape: shapeOf,
      async read(wanted) {
        const values = weights.get(wanted);
        if (values === undefined) throw new PersonaPlugError('model-mismatch', `no ${wanted}`);
        return { shape: shapeOf(wanted), values: values.slice() };
      },
      write(wanted, values) {
        weights.set(wanted, values.slice());
      },
    },
  };
}

const adapter = (id: string, size = 1): LowRankAdapter => ({
  kind: 'lora',
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

test('adds scale · B A to the rows of q and v, leaves those of k, and can be taken out exactly', async () => {
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
function deep(id: string): LowRankAdapter {
  const { matrices, ...rest } = adapter(id);
  const second = [...matrices].map(([key, matrix]) => [key.replace('layers.0', 'layers.1'), matrix] as const);
  return { ...rest, matrices: new Map([...matrices, ...second]) };
}

test('an adapter that does not fit changes nothing, whichever layer does not fit', async () => {
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

test('an adapter of fewer layers leaves nothing of the previous one', async () => {
  const { access, weights } = store();
  const before = weights.get(secondName);
  const merged = mergedWeights(access);
  await merged.use(deep('one'));
  expect(weights.get(secondName)).not.toEqual(before);
  await merged.use(adapter('two'));
  expect(weights.get(secondName)).toEqual(before);
});

const rescaling = (id: string, sizes = { k: 1, v: 1, down: 3 }): RescalingAdapter => ({
  kind: 'ia3',
  id,
  vectors: new Map([
    ['layers.0.k', { shape: [sizes.k], data: new Float32Array(sizes.k).fill(0.5) }],
    ['layers.0.v', { shape: [sizes.v], data: new Float32Array(sizes.v).fill(-1) }],
    ['layers.0.down', { shape: [sizes.down], data: Float32Array.from({ length: sizes.down }, (_, at) => at) }],
  ]),
});

test('(IA)³ scales the rows of k and v and the columns of the down projection, and can be taken out exactly', async () => {
  const { access, weights } = store();
  const before = new Map(weights);
  const merged = mergedWeights(access);
  await merged.use(rescaling('one'));
  const expected = [0.1, 0.2, 0.3, 0.4, 0.75, 0.9, 0, 0];
  for (const [index, value] of expected.entries()) expect(weights.get(name)?.[index]).toBeCloseTo(value, 6);
  expect(weights.get(downName)).toEqual(Float32Array.of(1, 4, 9, 4, 10, 18));
  expect(weights.get(secondName)).toEqual(before.get(secondName));
  await merged.use(null);
  expect(weights).toEqual(before);
});

test('a LoRA in place of an (IA)³ leaves nothing of it, and the other way round', async () => {
  const { access, weights } = store();
  const { access: other, weights: loraAlone } = store();
  await mergedWeights(other).use(adapter('lora'));
  const merged = mergedWeights(access);
  await merged.use(rescaling('ia3'));
  const rescaledAlone = new Map(weights);
  await merged.use(adapter('lora'));
  expect(weights).toEqual(loraAlone);
  await merged.use(rescaling('ia3'));
  expect(weights).toEqual(rescaledAlone);
});

test('(IA)³ vectors that do not fit change nothing', async () => {
  const { access, weights } = store();
  const before = new Map(weights);
  const short = { ...rescaling('short'), vectors: new Map(rescaling('one').vectors) };
  short.vectors.delete('layers.0.down');
  const wrong = [
    rescaling('keys', { k: 2, v: 1, down: 3 }),
    rescaling('values', { k: 1, v: 2, down: 3 }),
    rescaling('down', { k: 1, v: 1, down: 2 }),
    short,
    { ...short, vectors: new Map() },
  ];
  for (const misfit of wrong) {
    await expect(mergedWeights(access).use(misfit)).rejects.toMatchObject({ code: 'model-mismatch' });
    expect(weights).toEqual(before);
  }
});

test('weights that cannot all be read are all left as they are, whatever was merged before', async () => {
  const { access, weights } = store();
  const before = new Map(weights);
  const merged = mergedWeights(access);
  await merged.use(adapter('lora'));
  const withLora = new Map(weights);
  weights.delete(downName);
  withLora.delete(downName);
  await expect(merged.use(rescaling('ia3'))).rejects.toMatchObject({ code: 'model-mismatch' });
  expect(weights).toEqual(withLora);
  await merged.use(null);
  before.delete(downName);
  expect(weights).toEqual(before);
});

test.each([1, 2])('after a merge that failed at write %i, the next one corrects all weights', async (failing) => {
  const { access, weights } = store();
  const before = new Map(weights);
  let writes = 0;
  const lost = new Error('the device is lost');
  const merged = mergedWeights({
    ...access,
    write(wanted, values) {
      if (++writes === failing) throw lost;
      access.write(wanted, values);
    },
  });
  await expect(merged.use(rescaling('one'))).rejects.toBe(lost);
  await merged.use(null);
  expect(weights).toEqual(before);
  writes = 0;
  await expect(merged.use(rescaling('one'))).rejects.toBe(lost);
  await merged.use(rescaling('one'));
  const { access: other, weights: expected } = store();
  await mergedWeights(other).use(rescaling('one'));
  expect(weights).toEqual(expected);
});
