import { expect, test } from 'vitest';
import { writeSafetensors } from '../model-package/write-safetensors.ts';
import { addPrompt, readPrompt, startPrompt } from './soft-prompt.ts';

const rows = { rows: Float32Array.of(0.25, -0.5, 3, 1e-8, -0, 7), count: 2 };

test('a prompt that was not trained changes nothing, bit for bit', () => {
  const change = startPrompt(2, 3).get('prompt');
  if (change === undefined) throw new Error('no rows');
  expect(change.shape).toEqual([2, 3]);
  expect(addPrompt(rows, change).rows.map((value) => value + 0)).toEqual(rows.rows.map((value) => value + 0));
});

test('the rows of a stored one are added to those in its place', () => {
  const tensors = writeSafetensors(new Map([['prompt', { shape: [2, 3], data: new Float32Array(6).fill(0.5) }]]));
  const added = addPrompt(rows, readPrompt({ task: 'notes', tensors }));
  expect(added).toEqual({ rows: rows.rows.map((value) => value + 0.5), count: 2 });
});

test('rows of another plug are refused with both shapes, and what holds none by its task', () => {
  expect(() => addPrompt(rows, { shape: [1, 3], data: new Float32Array(3) })).toThrow(
    expect.objectContaining({ code: 'model-mismatch', message: expect.stringMatching(/1 × 3.*2 × 3/u) }),
  );
  expect(() => readPrompt({ task: 'notes', tensors: writeSafetensors(new Map()) })).toThrow(
    expect.objectContaining({ code: 'model-mismatch', details: { task: 'notes' } }),
  );
});
