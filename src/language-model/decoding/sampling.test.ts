import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { argmax, createSampler } from './sampling.ts';

const logitsArbitrary = fc
  .array(fc.float({ min: -50, max: 50, noNaN: true }), { minLength: 1, maxLength: 40 })
  .map((values) => Float32Array.from(values));

describe('greedy', () => {
  test('takes the largest logit, the lowest id at a tie', () => {
    expect(createSampler()(Float32Array.of(1, 3, 3, 2))).toBe(1);
    expect(argmax(Float32Array.of(9, 3, 3, 2), [2, 1])).toBe(1);
  });

  test('is the argmax whatever the seed', () => {
    fc.assert(
      fc.property(logitsArbitrary, fc.integer(), (logits, seed) => {
        expect(createSampler({ seed })(logits)).toBe(logits.indexOf(Math.max(...logits)));
      }),
    );
  });

  test('refuses NaN instead of answering with any token', () => {
    expect(() => argmax(Float32Array.of(1, Number.NaN))).toThrow(expect.objectContaining({ code: 'runtime-failed' }));
    expect(() => argmax(Float32Array.of(1), [4])).toThrow(
      expect.objectContaining({ code: 'runtime-failed', message: expect.stringMatching(/token 4/u) }),
    );
  });
});

describe('sampling', () => {
  test('gives equal tokens for equal seeds and others for other seeds', () => {
    const logits = Float32Array.from({ length: 50 }, (_, index) => Math.sin(index));
    const draw = (seed: number): number[] => {
      const sample = createSampler({ temperature: 1, seed });
      return Array.from({ length: 30 }, () => sample(logits));
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
  });

  test('never leaves the nucleus', () => {
    fc.assert(
      fc.property(
        logitsArbitrary,
        fc.double({ min: 0.05, max: 1, noNaN: true }),
        fc.double({ min: 0.1, max: 3, noNaN: true }),
        fc.integer(),
        (logits, topP, temperature, seed) => {
          const token = createSampler({ temperature, topP, seed })(logits);
          const highest = Math.max(...logits);
          const weights = Array.from(logits, (logit) => Math.exp((logit - highest) / temperature));
          const total = weights.reduce((sum, weight) => sum + weight, 0);
          // A token is in the nucleus when all that are likelier together have less than topP.
          const likelier = weights.filter((weight) => weight > (weights[token] ?? 0)).reduce((sum, w) => sum + w, 0);
          expect(likelier).toBeLessThan(topP * total + 1e-9);
        },
      ),
    );
  });

  test('follows the probabilities', () => {
    const sample = createSampler({ temperature: 1, seed: 3 });
    const logits = Float32Array.of(Math.log(0.7), Math.log(0.3));
    const draws = 4000;
    const zeros = Array.from({ length: draws }, () => sample(logits)).filter((token) => token === 0).length;
    // Standard deviation of the share: sqrt(.21 / 4000) = .0072; four of them.
    expect(Math.abs(zeros / draws - 0.7)).toBeLessThan(0.03);
  });

  test.each([
    [{ temperature: -1 }, '-1'],
    [{ temperature: Number.NaN }, 'NaN'],
    [{ temperature: 1, topP: 0 }, 'topP is 0'],
    [{ temperature: 1, topP: 1.1 }, 'topP is 1.1'],
  ])('refuses %o and names the value', (options, named) => {
    expect(() => createSampler(options)).toThrow(
      expect.objectContaining({ code: 'invalid-argument', message: expect.stringContaining(named) }),
    );
  });
});
