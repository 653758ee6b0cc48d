import { expect, test } from 'vitest';
import { adamWStep, addGradients, clipGradients, gradientNorm, rateFactor, startOptimizer } from './adamw.ts';
import type { Parameters } from '../adapter/parameters.ts';

const vector = (...values: number[]): Parameters =>
  new Map([['p', { shape: [values.length], data: Float32Array.from(values) }]]);
const numbers = (parameters: Parameters): number[] => [...(parameters.get('p')?.data ?? [])];

test('the first step by hand: the mean over the root of the square is the sign, and the decay stands apart', () => {
  const state = adamWStep(startOptimizer(vector(1, -2)), vector(0.5, -3), { rate: 0.1, weightDecay: 0.01, epsilon: 0 });
  // 1 · (1 − 0.1 · 0.01) − 0.1 · 1, and −2 · 0.999 + 0.1
  expect(numbers(state.parameters)[0]).toBeCloseTo(0.899, 6);
  expect(numbers(state.parameters)[1]).toBeCloseTo(-1.898, 6);
  expect(numbers(state.firstMoments)[0]).toBeCloseTo(0.05, 7);
  expect(numbers(state.secondMoments)[1]).toBeCloseTo(0.009, 7);
  expect(state.step).toBe(1);
});

test('six clipped steps give what torch.optim.AdamW and clip_grad_norm_ give', () => {
  let state = startOptimizer(vector(0.5, -1, 0, 2));
  const seen: number[][] = [];
  for (let step = 0; step < 6; step++) {
    const gradients = vector(0.3 * (step + 1), -0.02, 1e-6 * (step - 2), (-1) ** step);
    state = adamWStep(state, clipGradients(gradients, 0.3), { rate: 0.01, weightDecay: 0.1 });
    seen.push(numbers(state.parameters));
  }
  // Torch 2.13, float32. Its clipping adds 1e-6 to the norm, and moments are rounded at other places: 1e-6 is some roundings.
  const first = [0.4895000159740448, -0.9890000224113464, 0.00982893817126751, 1.9880000352859497];
  const last = [0.43774640560150146, -0.9357481002807617, 0.027439478784799576, 1.9727494716644287];
  for (const [index, expected] of first.entries()) expect(seen[0]?.[index]).toBeCloseTo(expected, 6);
  for (const [index, expected] of last.entries()) expect(seen[5]?.[index]).toBeCloseTo(expected, 6);
});

test('a state that was kept is not changed by later steps', () => {
  const start = startOptimizer(vector(1, 2));
  const kept = adamWStep(start, vector(1, 1), { rate: 0.1, weightDecay: 0 });
  const before = JSON.stringify([numbers(kept.parameters), numbers(kept.firstMoments), numbers(kept.secondMoments)]);
  adamWStep(kept, vector(5, 5), { rate: 0.1, weightDecay: 0 });
  expect(JSON.stringify([numbers(kept.parameters), numbers(kept.firstMoments), numbers(kept.secondMoments)])).toBe(
    before,
  );
  expect(numbers(start.parameters)).toEqual([1, 2]);
});

test('gradients are clipped by their common length, and only when they are longer', () => {
  expect(gradientNorm(clipGradients(vector(3, 4), 0.5))).toBeCloseTo(0.5, 6);
  expect(numbers(clipGradients(vector(0.3, 0.4), 0.5))).toEqual(numbers(vector(0.3, 0.4)));
  expect(numbers(addGradients(vector(1, 2), vector(3, 4)))).toEqual([4, 6]);
});

test('the rate rises, then falls to nothing after the last step', () => {
  const factors = Array.from({ length: 10 }, (_, step) => rateFactor(step, 10, 0.2));
  expect(factors).toEqual([0.5, 1, 1, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125]);
  expect(rateFactor(0, 5, 0)).toBe(1);
});
