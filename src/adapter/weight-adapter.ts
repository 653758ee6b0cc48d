// LoRA and (IA)³ as what a language model takes.
import { PersonaPlugError } from '../lib/errors.ts';
import { readSafetensors } from '../model-package/safetensors.ts';
import { type AdapterRecord, readAdapter } from './adapter-record.ts';
import { ia3Name } from './ia3.ts';
import { loraName } from './lora.ts';
import type { Parameters } from './parameters.ts';

/**
 * One user's change of the weights: W + scale · B A for the query and value projections of every layer (LoRA, arXiv 2106.09685).
 * Matrices by `layers.<n>.<q|v>.<A|B>`, A `[r, in]`, B `[out, r]`.
 */
export interface LowRankAdapter {
  readonly kind: 'lora';
  /** Names these numbers: an adapter of the same id is not set again. */
  readonly id: string;
  readonly rank: number;
  readonly scale: number;
  readonly matrices: Parameters;
}

/**
 * One user's rescaling of every layer's keys, values and inner feed-forward activations, each number times its l ((IA)³, arXiv
 * 2205.05638). Vectors l − 1 by `layers.<n>.<k|v|down>`, so zeros change nothing: k (before the rotary positions, as peft has it)
 * and v `[kvHeads · headDim]`, down `[feedForwardSize]`.
 */
export interface RescalingAdapter {
  readonly kind: 'ia3';
  /** Names these numbers, as above. */
  readonly id: string;
  readonly vectors: Parameters;
}

/** One user's change of what the weights compute. */
export type WeightAdapter = LowRankAdapter | RescalingAdapter;

/**
 * The LoRA or (IA)³ of a record that is ready.
 *
 * @throws PersonaPlugError `model-mismatch` when the record holds neither, `storage-failed` when it cannot be read.
 */
export function readWeightAdapter(record: AdapterRecord): WeightAdapter {
  const { task, kind, run } = record;
  const { result } = readAdapter(record);
  const numbers = readSafetensors(record.tensors);
  const rank = numbers.get(loraName(0, 'q', 'A'))?.shape[0];
  if (kind === 'lora' && rank !== undefined && result !== null)
    return { kind, id: run, rank, scale: result.loraScale, matrices: numbers };
  if (kind === 'ia3' && numbers.has(ia3Name(0, 'k'))) return { kind, id: run, vectors: numbers };
  throw new PersonaPlugError(
    'model-mismatch',
    `The stored ${kind} adapter of "${task}" holds no change of weights. Train it again.`,
    { details: { task, kind } },
  );
}
