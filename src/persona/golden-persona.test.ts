// Weights, gate and rows against those of the reference implementation in training/ (torch).
import { describe, expect, test } from 'vitest';
import * as v from 'valibot';
import { parseDate } from '../lib/parse-date.ts';
import { readSafetensors } from '../model-package/safetensors.ts';
import { openGoldenFiles, tensorSchema as tensor } from '../testing/golden/golden-files.ts';
import { goldenModels } from '../testing/golden/golden-models.ts';
import { attend, personaOf } from './persona.ts';
import { readPlug } from './plug.ts';
import { projectItem } from './projector.ts';

/** torch sums float32 in another order; over at most 768 terms that moves the sixth digit. */
const tolerance = 1e-5;

const schema = v.object({
  cases: v.pipe(
    v.array(
      v.object({
        name: v.string(),
        task: v.string(),
        at: v.string(),
        x: tensor,
        items: v.array(v.object({ id: v.string(), date: v.nullable(v.string()), h: tensor, o: tensor })),
        weights: tensor,
        gate: v.number(),
        gateFeatures: tensor,
        rows: tensor,
        instruction: tensor,
      }),
    ),
    v.minLength(5),
  ),
});

const { source, missing } = goldenModels('plug', 'golden');

describe.skipIf(missing !== null)('the persona of training', () => {
  test('is that of TypeScript', async () => {
    const plugPackage = await source.open('plug', 'plug');
    const { manifest } = plugPackage;
    const plug = readPlug(manifest, readSafetensors(await plugPackage.bytes(manifest.plug.weights)));
    const golden = await openGoldenFiles(source);
    const { cases } = v.parse(schema, await golden.json('persona.json'));
    for (const { name, task, at, x, items, gate, ...expected } of cases) {
      const history = items.map(({ id, date, h, o }) => ({
        id,
        date,
        input: golden.tensor(h),
        output: golden.tensor(o),
      }));
      const query = golden.tensor(x);
      // Reversed, since the order of the items must not matter.
      const attention = attend(plug, { task, at: parseDate(at) ?? Number.NaN, query, items: history.toReversed() });
      const persona = personaOf(plug, task, attention, (item) => projectItem(plug, task, item));
      expect(
        attention.items.map(({ item }) => item.id),
        name,
      ).toEqual(items.map(({ id }) => id));
      const weights = attention.items.map(({ weight }) => weight);
      expect(largestError(weights, golden.tensor(expected.weights)), `${name}: weights`).toBeLessThanOrEqual(tolerance);
      expect(largestError([attention.gate], [gate]), `${name}: gate`).toBeLessThanOrEqual(tolerance);
      const features = golden.tensor(expected.gateFeatures);
      expect(largestError(attention.gateFeatures, features), `${name}: features`).toBeLessThanOrEqual(tolerance);
      expect(largestError(persona.rows, golden.tensor(expected.rows)), `${name}: rows`).toBeLessThanOrEqual(tolerance);
      const instruction = golden.tensor(expected.instruction);
      expect(largestError(persona.instruction, instruction), `${name}: instruction`).toBeLessThanOrEqual(tolerance);
    }
  });
});

function largestError(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (found.length !== expected.length) return Infinity;
  return Array.from(found).reduce((largest, value, index) => {
    const error = Math.abs(value - (expected[index] ?? Number.NaN));
    return Number.isNaN(error) ? Infinity : Math.max(largest, error);
  }, 0);
}
