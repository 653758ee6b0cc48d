// The bias that a history adds to the logits, for given items and as properties.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { unigramBias, type UnigramAdaptation, maximumCountedItems } from './unigram-adaptation.ts';

const adaptation: UnigramAdaptation = { background: Float32Array.of(0.5, 0.25, 0.125, 0.125), strength: 0.5, mass: 16 };
const tokensOf = ({ tokens }: { tokens: readonly number[] }) => tokens;

test('is the strength times the logarithm of how much more often the user writes a token', () => {
  const items = [
    { weight: 0.75, tokens: [1, 2, 2] },
    { weight: 0.25, tokens: [1] },
  ];
  const bias = unigramBias(adaptation, items, tokensOf);
  // Counts: token 1: 2 · (0.75 + 0.25) = 2 of 16 · 0.25; token 2: 2 · 0.75 · 2 = 3 of 16 · 0.125.
  expect([...bias]).toEqual([
    [1, 0.5 * Math.log1p(2 / 4)],
    [2, 0.5 * Math.log1p(3 / 2)],
  ]);
});

test('is empty for an empty history, without strength, or for tokens that the plug does not know', () => {
  expect(unigramBias(adaptation, [], tokensOf).size).toBe(0);
  expect(unigramBias({ ...adaptation, strength: 0 }, [{ weight: 1, tokens: [0, 1] }], tokensOf).size).toBe(0);
  expect(unigramBias(adaptation, [{ weight: 1, tokens: [9] }], tokensOf).size).toBe(0);
});

test('makes adapted probabilities proportional to the ratio of the two unigram distributions', () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(3), { maxLength: 6 }), { minLength: 1, maxLength: 5 }), (outputs) => {
      const { background, strength, mass } = adaptation;
      const weight = 1 / outputs.length;
      const bias = unigramBias(
        adaptation,
        outputs.map((tokens) => ({ weight, tokens })),
        tokensOf,
      );
      const total = outputs.flat().length;
      const ratio = (token: number): number => {
        const count = outputs.flat().filter((other) => other === token).length;
        const share = background[token] ?? Number.NaN;
        return ((count + mass * share) / (total + mass) / share) ** strength;
      };
      for (const token of [1, 2, 3]) {
        const found = Math.exp((bias.get(token) ?? 0) - (bias.get(0) ?? 0));
        expect(found).toBeCloseTo(ratio(token) / ratio(0), 9);
      }
    }),
  );
});

test('counts the heaviest items of a long history, each as often as among all', () => {
  const items = Array.from({ length: 2 * maximumCountedItems }, (_, index) => ({
    weight: 0.5 / maximumCountedItems,
    tokens: [index < maximumCountedItems ? 1 : 2],
  }));
  expect([...unigramBias(adaptation, items, tokensOf).keys()]).toEqual([1]);
  const alone = items.slice(0, maximumCountedItems).map((item) => ({ ...item, weight: 1 / maximumCountedItems }));
  expect(unigramBias(adaptation, items, tokensOf).get(1)).toBeCloseTo(
    unigramBias(adaptation, alone, tokensOf).get(1) ?? Number.NaN,
    12,
  );
});
