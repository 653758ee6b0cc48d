// The personal soft prompt: k rows Δ that a user's own items have trained, added to the rows in the persona's place. As a prompt
// it is only rows, so every runtime that takes a persona takes it too (prompt tuning, arXiv 2104.08691; OPPU, arXiv 2402.04401).
import { PersonaPlugError } from '../lib/errors.ts';
import { instructionRows } from '../persona/instruction.ts';
import type { Plug } from '../persona/plug.ts';
import type { PersonaRows, SoftRows } from '../prompts/layout-prompt.ts';
import type { Parameters } from '../tuning/gradient-model.ts';
import type { Tensor } from '../tuning/llama-weights.ts';
import type { AdapterBase } from '../tuning/personal-items.ts';

/** Rows of a trained prompt, and of what they are the change. */
export interface PersonalPrompt {
  readonly task: string;
  readonly base: Exclude<AdapterBase, 'none'>;
  /** Δ, `[k, hiddenSize]`. */
  readonly rows: Tensor;
}

/** The trainable rows before training: zeros, so that the first prompt is the plug's own. */
export function startPrompt(plug: Plug, base: AdapterBase): Parameters {
  const count = base === 'persona' ? plug.personaRows : plug.instructionRows;
  return new Map([['prompt', { shape: [count, plug.hiddenSize], data: new Float32Array(count * plug.hiddenSize) }]]);
}

/** The prompt of a stored tuning. @throws PersonaPlugError `model-mismatch` when it holds none. */
export function readPersonalPrompt(
  task: string,
  base: PersonalPrompt['base'],
  tensors: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>,
): PersonalPrompt {
  const rows = tensors.get('prompt');
  if (rows === undefined) {
    throw new PersonaPlugError('model-mismatch', `The tuning of "${task}" holds no rows. Train it again.`);
  }
  return { task, base, rows: { shape: rows.shape, data: rows.data.slice() } };
}

/** A persona's rows with Δ added to P. */
export function withPersonalPrompt({ instruction, persona }: PersonaRows, prompt: PersonalPrompt): PersonaRows {
  return { instruction, persona: addRows(persona, prompt) };
}

/** The rows I(x) of a query `[d]` with Δ added: what stands in the prompt where there is no persona. */
export function instructionWithPersonalPrompt(plug: Plug, prompt: PersonalPrompt, query: Float32Array): PersonaRows {
  const instruction = { rows: instructionRows(plug, prompt.task, query), count: plug.instructionRows };
  return { instruction: addRows(instruction, prompt), persona: { rows: new Float32Array(0), count: 0 } };
}

function addRows({ rows, count }: SoftRows, { rows: change, task }: PersonalPrompt): SoftRows {
  if (change.data.length !== rows.length) {
    throw new PersonaPlugError(
      'model-mismatch',
      `The personal prompt of "${task}" has ${change.shape.join(' × ')} numbers, the rows it is added to ${count} × ${rows.length / count}. Train it again with this plug.`,
    );
  }
  return { rows: rows.map((value, index) => value + (change.data[index] ?? 0)), count };
}
