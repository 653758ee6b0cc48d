// Properties that must hold for every plug, every query and every history.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../lib/seeded-random.ts';
import { randomPlug, randomPlugFiles, type RandomPlugOptions } from '../testing/random-plug.ts';
import { ageOf } from './age.ts';
import { gateCosines, gateFeatures } from './gate.ts';
import { dotProduct } from '../lib/dot-product.ts';
import { attend, type Persona, type PersonaItem, personaOf } from './persona.ts';
import { assertPlugMatches, type Plug, readPlug } from './plug.ts';
import { projectItem } from './projector.ts';
import { softmaxWeights } from './weights.ts';

const dim = 16;
const models = { embedder: 'e', languageModel: 'l' };
const at = Date.UTC(2026, 0, 1);

/** Reads a plug with unigram adaptation of which something was changed. */
const readAdaptation = (change: (tensors: ReturnType<typeof randomPlugFiles>['tensors']) => void): (() => Plug) => {
  const { manifest, tensors } = randomPlugFiles({ ...models, dim, vocabularySize: 20 });
  change(tensors);
  return () => readPlug(manifest, tensors);
};

describe('a plug with unigram adaptation', () => {
  test('has it for its tasks alone', () => {
    const plug = readAdaptation(() => undefined)();
    expect(plug.parametersOf('news_headline').unigramAdaptation).toMatchObject({ strength: 0.5, mass: 1000 });
    expect(plug.parametersOf('news_category').unigramAdaptation).toBeNull();
    expect(plug.parametersOf('a task of its own').unigramAdaptation).toBeNull();
  });

  test.each([
    ['marginals.paper_title', new Float32Array(20), { value: 0 }],
    ['marginals.paper_title', new Float32Array(19).fill(1), { expected: '[20]', found: '[19]' }],
    ['marginal_strength.paper_title', Float32Array.of(-1), { value: -1 }],
    ['marginal_mass.paper_title', Float32Array.of(0), { value: 0 }],
  ])('is refused with a wrong %s', (name, data, details) => {
    expect(readAdaptation((tensors) => tensors.set(name, { shape: [data.length], data }))).toThrow(
      refused(name, details),
    );
  });
});

interface TestItem extends PersonaItem {
  readonly output: Float32Array;
}

function unitVector(seed: number): Float32Array {
  const random = seededRandom(seed);
  const raw = Array.from({ length: dim }, () => random() - 0.5);
  const norm = Math.hypot(...raw);
  return Float32Array.from(raw, (value) => value / norm);
}

const histories = fc
  .uniqueArray(
    fc.record({
      id: fc.string({ minLength: 1, maxLength: 6 }),
      day: fc.option(fc.integer({ min: 0, max: 20_000 })),
      seed: fc.integer({ min: 0, max: 1_000_000 }),
    }),
    { minLength: 1, maxLength: 12, selector: ({ id }) => id },
  )
  .map((items) =>
    items.map(({ id, day, seed }): TestItem => ({
      id,
      date: day === null ? null : new Date(day * 86_400_000).toISOString().slice(0, 10),
      input: unitVector(seed),
      output: unitVector(seed + 1),
    })),
  );

const date = (days: number): string => new Date(days * 86_400_000).toISOString();

/** Reads a plug of which something was changed. */
const read = (change: (tensors: ReturnType<typeof randomPlugFiles>['tensors']) => void): (() => void) => {
  const { manifest, tensors } = randomPlugFiles({ ...models, dim });
  change(tensors);
  return () => readPlug(manifest, tensors);
};

function compute(
  items: readonly TestItem[],
  options: Partial<RandomPlugOptions> = {},
): Persona & { weights: number[] } {
  const plug = randomPlug({ ...models, dim, ...options });
  const attention = attend(plug, { task: 'news_headline', at, query: unitVector(99), items });
  const persona = personaOf(plug, 'news_headline', attention, (item) => projectItem(plug, 'news_headline', item));
  return { ...persona, weights: attention.items.map(({ weight }) => weight) };
}

describe('a persona', () => {
  test('has weights that are not negative and sum to 1', () => {
    fc.assert(
      fc.property(histories, (items) => {
        const { weights } = compute(items);
        expect(weights.every((weight) => weight >= 0)).toBe(true);
        expect(weights.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
      }),
    );
  });

  test('is bit-equal whatever the order its items come in', () => {
    fc.assert(
      fc.property(
        histories.chain((items) =>
          fc.tuple(
            fc.constant(items),
            fc.shuffledSubarray(items, { minLength: items.length, maxLength: items.length }),
          ),
        ),
        ([items, shuffled]) => {
          expect(compute(shuffled)).toEqual(compute(items));
        },
      ),
    );
  });

  test('without an item is that of a history that never held the item', () => {
    fc.assert(
      fc.property(histories, fc.nat(), (items, pick) => {
        fc.pre(items.length > 1);
        const forgotten = items[pick % items.length];
        const never = items.filter((item) => item !== forgotten);
        const left = new Map(items.map((item) => [item.id, item]));
        if (forgotten !== undefined) left.delete(forgotten.id);
        expect(compute([...left.values()])).toEqual(compute(never));
      }),
    );
  });

  test('is the plain mean when the temperature goes to 0 and nothing decays', () => {
    fc.assert(
      fc.property(histories, (items) => {
        const { weights } = compute(items, { temperature: 1e-9, decay: 0 });
        for (const weight of weights) expect(weight).toBeCloseTo(1 / items.length, 6);
      }),
    );
  });

  test('gives the only item of a history all of the weight', () => {
    fc.assert(
      fc.property(histories, ([item]) => {
        if (item === undefined) return;
        expect(compute([item]).weights).toEqual([1]);
      }),
    );
  });

  test('has no items and a closed gate for an empty history', () => {
    const plug = randomPlug({ ...models, dim });
    const query = unitVector(1);
    expect(attend(plug, { task: 'x', at, query, items: [] })).toEqual({
      query,
      items: [],
      gate: 0,
      gateFeatures: [],
    });
  });
});

function instructionOf(instructionRank: number, query: Float32Array, items: readonly PersonaItem[]): Float32Array {
  const plug = randomPlug({ ...models, dim, instructionRank });
  return personaOf(
    plug,
    'paper_title',
    attend(plug, { task: 'paper_title', at, query, items }),
    () => new Float32Array(plug.projectorWidth),
  ).instruction;
}

describe('instruction rows', () => {
  test('are constant without a rank, and otherwise follow the query but not the history', () => {
    const items = [{ id: 'a', date: null, input: unitVector(3) }];
    expect(instructionOf(0, unitVector(1), items)).toEqual(instructionOf(0, unitVector(2), items));
    expect(instructionOf(3, unitVector(1), items)).not.toEqual(instructionOf(3, unitVector(2), items));
    expect(instructionOf(3, unitVector(1), items)).toEqual(
      instructionOf(3, unitVector(1), [{ id: 'b', date: '2020-01-01', input: unitVector(4) }]),
    );
  });
});

describe('ages', () => {
  test('grow with the distance, and are 0 for undated and future items', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 20_000 }), fc.integer({ min: 1, max: 5_000 }), (day, more) => {
        const now = 30_000 * 86_400_000;
        expect(ageOf(date(day), now)).toBeGreaterThan(ageOf(date(day + more), now));
      }),
    );
    expect(ageOf(null, at)).toBe(0);
    expect(ageOf('2030-01-01', at)).toBe(0);
    expect(ageOf('2025-12-31', at)).toBeCloseTo(Math.log(2), 15);
    expect(ageOf('2025-12-31T12:00:00Z', at)).toBeCloseTo(Math.log(1.5), 15);
  });

  test('make older items of equal similarity lighter', () => {
    const weights = softmaxWeights([0.5, 0.5, 0.5], [0, 1, 2], { temperature: 10, decay: 0.5 });
    expect(weights[0]).toBeGreaterThan(weights[1] ?? 1);
    expect(weights[1]).toBeGreaterThan(weights[2] ?? 1);
  });

  test('refuse a text that is not a date', () => {
    expect(() => ageOf('yesterday', at)).toThrow(
      expect.objectContaining({ code: 'invalid-argument', message: expect.stringContaining('"yesterday"') }),
    );
  });
});

test('weights are right for scores whose exponential overflows', () => {
  expect(softmaxWeights([1, -1], [0, 0], { temperature: 1e6, decay: 0 })).toEqual([1, 0]);
});

describe("the gate's cosines", () => {
  test('are those of the vectors as they are, where a plug has no center', () => {
    const [x, ...items] = [1, 2, 3].map((seed) => unitVector(seed));
    if (x === undefined) throw new Error('no query');
    expect(gateCosines(x, items, null)).toEqual(items.map((item) => dotProduct(x, item)));
    const cosines = gateCosines(x, items, new Float32Array(dim));
    for (const [index, item] of items.entries()) expect(cosines[index]).toBeCloseTo(dotProduct(x, item), 6);
  });

  test('leave out what all texts of a task have in common', () => {
    const center = Float32Array.of(0.75, 0);
    const items = [Float32Array.of(0.75, 1.5), Float32Array.of(0.75, -2), Float32Array.of(1.5, 0), center];
    expect(gateCosines(Float32Array.of(0.75, 0.5), items, center)).toEqual([1, -1, 0, 0]);
  });

  test('use the center of the requested task', () => {
    const items = [{ id: 'a', date: null, input: unitVector(3) }];
    const featuresOf = (hasCenter: boolean, task: string) =>
      attend(randomPlug({ ...models, dim, hasCenter }), { task, at, query: unitVector(1), items }).gateFeatures;
    expect(featuresOf(false, 'paper_title')).toEqual(featuresOf(false, 'news_headline'));
    expect(featuresOf(true, 'paper_title')).not.toEqual(featuresOf(true, 'news_headline'));
    expect(featuresOf(true, 'of no training')).not.toEqual(featuresOf(false, 'of no training'));
  });
});

test('gate features of an even history of two', () => {
  const [size, largest, weighted, entropy, top, mean] = gateFeatures([0.5, 0.5], [0.2, 0.4]);
  expect(size).toBeCloseTo(Math.log(3) / 5, 12);
  expect(largest).toBe(0.4);
  expect(weighted).toBeCloseTo(0.3, 12);
  expect(entropy).toBeCloseTo(Math.log(2) / Math.log(3), 12);
  expect(top).toBe(0.5);
  expect(mean).toBeCloseTo(0.3, 12);
});

const refused = (tensor: string, details: Record<string, unknown> = {}) =>
  expect.objectContaining({
    code: 'model-mismatch',
    details: { tensor, ...details },
    message: expect.stringContaining(tensor),
  });

describe('a plug', () => {
  test('is refused with the name of a tensor that is missing, misshapen or not finite', () => {
    expect(read((tensors) => tensors.delete('gate.0.bias'))).toThrow(
      refused('gate.0.bias', { expected: '[16]', found: 'nothing' }),
    );
    expect(read((tensors) => tensors.set('query.weight', { shape: [16, 15], data: new Float32Array(240) }))).toThrow(
      refused('query.weight', { expected: '[16, 16]', found: '[16, 15]' }),
    );
    expect(
      read((tensors) => tensors.set('projector.1.bias', { shape: [32], data: new Float32Array(32).fill(Number.NaN) })),
    ).toThrow(refused('projector.1.bias'));
    expect(read((tensors) => tensors.set('center.paper_title', { shape: [16], data: new Float32Array(16) }))).toThrow(
      refused('center.news_category', { expected: '[16]', found: 'nothing' }),
    );
    expect(read((tensors) => tensors.set('decay.default', { shape: [1], data: Float32Array.of(-1) }))).toThrow(
      refused('decay.default', { value: -1 }),
    );
  });

  test('is refused for other models, naming both fingerprints', () => {
    const plug = randomPlug({ ...models, dim });
    const embedder = { name: 'minilm', fingerprint: 'e', width: dim };
    const languageModel = { name: 'nano', fingerprint: 'l', width: 8 };
    expect(() => assertPlugMatches(plug, { embedder, languageModel })).not.toThrow();
    expect(() => assertPlugMatches(plug, { embedder: { ...embedder, fingerprint: 'other' }, languageModel })).toThrow(
      expect.objectContaining({
        code: 'model-mismatch',
        message: expect.stringMatching(/embedder e .*"minilm".*other/u),
      }),
    );
    expect(() => assertPlugMatches(plug, { embedder, languageModel: { ...languageModel, width: 9 } })).toThrow(
      expect.objectContaining({
        code: 'model-mismatch',
        details: expect.objectContaining({ kind: 'language model', expectedWidth: 8, foundWidth: 9 }),
      }),
    );
  });

  test('takes the parameters of `default` for a task it does not know', () => {
    const plug = randomPlug({ ...models, dim });
    expect(plug.parametersOf('own_task').instruction).not.toEqual(plug.parametersOf('news_headline').instruction);
    expect(plug.parametersOf('own_task')).toBe(plug.parametersOf('another'));
  });

  test('refuses vectors of another width', () => {
    const plug = randomPlug({ ...models, dim });
    const narrow = { input: new Float32Array(3), output: new Float32Array(3) };
    expect(() => projectItem(plug, 'x', narrow)).toThrow(
      expect.objectContaining({ code: 'model-mismatch', details: { expected: 16, input: 3, output: 3 } }),
    );
  });

  test('leaves the outputs of a task out where the manifest says so', () => {
    const { manifest, tensors } = randomPlugFiles({ ...models, dim });
    const plug = readPlug({ ...manifest, plug: { ...manifest.plug, withoutOutputs: ['news_category'] } }, tensors);
    const project = (task: string, seed: number): Float32Array =>
      projectItem(plug, task, { input: unitVector(1), output: unitVector(seed) });
    expect(project('news_category', 2)).toEqual(project('news_category', 3));
    expect(project('news_headline', 2)).not.toEqual(project('news_headline', 3));
  });
});
