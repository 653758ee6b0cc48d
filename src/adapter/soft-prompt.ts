// The personal soft prompt: k rows Δ that a user's own items have trained, added to the rows in the persona's place. As a prompt
// it is only rows, so every runtime that takes a persona takes it too (prompt tuning, arXiv 2104.08691; OPPU, arXiv 2402.04401).
import { PersonaPlugError } from '../lib/errors.ts';
import { readSafetensors } from '../model-package/safetensors.ts';
import type { Tensor } from '../model-package/tensor.ts';
import type { AdapterBase } from './adapter-kind.ts';
import type { AdapterRecord } from './adapter-record.ts';
import type { Parameters } from './parameters.ts';

/** What was trained, and on top of what. */
export interface SoftPrompt {
  readonly base: Exclude<AdapterBase, 'none'>;
  /** Δ, `[k, hiddenSize]`. */
  readonly change: Tensor;
}

/** Rows in place of token embeddings, `[count, hiddenSize]`. */
export interface Rows {
  readonly rows: Float32Array;
  readonly count: number;
}

const name = 'prompt';

/** Δ before training: zeros, `[count, hiddenSize]`, so that the first prompt is the plug's own. */
export function startPrompt(count: number, hiddenSize: number): Parameters {
  return new Map([[name, { shape: [count, hiddenSize], data: new Float32Array(count * hiddenSize) }]]);
}

/** Δ of a record that is ready. @throws PersonaPlugError `model-mismatch` when it holds none. */
export function readPrompt({ task, tensors }: Pick<AdapterRecord, 'task' | 'tensors'>): Tensor {
  const change = readSafetensors(tensors).get(name);
  if (change !== undefined) return change;
  throw new PersonaPlugError(
    'model-mismatch',
    `The stored prompt adapter of "${task}" holds no rows. Train it again.`,
    { details: { task } },
  );
}

/** The rows with Δ added. @throws PersonaPlugError `model-mismatch` when Δ was trained for others. */
export function addPrompt({ rows, count }: Rows, change: Tensor): Rows {
  if (change.data.length !== rows.length) {
    throw new PersonaPlugError(
      'model-mismatch',
      `The personal prompt has ${change.shape.join(' × ')} numbers, the rows it is added to ${count} × ${rows.length / count}. Train it again with this plug.`,
    );
  }
  return { rows: rows.map((value, index) => value + (change.data[index] ?? 0)), count };
}
