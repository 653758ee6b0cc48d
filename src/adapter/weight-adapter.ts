// A stored LoRA or (IA)³ as what a language model takes.
import type { AdapterRecord } from './adapter-record.ts';
import type { WeightAdapter } from '../language-model/language-model.ts';
import { PersonaPlugError } from '../lib/errors.ts';
import { readSafetensors } from '../model-package/safetensors.ts';
import { ia3Name } from './ia3.ts';
import { loraName } from './lora.ts';
import { parseAdapterResult } from './adapter-result.ts';

/** The adapter of a stored tuning. @throws PersonaPlugError `model-mismatch`, `storage-failed` when it cannot be read. */
export function readWeightAdapter({
  kind,
  run,
  description,
  tensors,
}: Pick<AdapterRecord, 'kind' | 'run' | 'description' | 'tensors'>): WeightAdapter {
  const { loraScale: scale } = parseAdapterResult(description);
  const numbers = readSafetensors(tensors);
  const rank = numbers.get(loraName(0, 'q', 'A'))?.shape[0];
  if (kind === 'lora' && rank !== undefined) return { kind, id: run, rank, scale, matrices: numbers };
  if (kind === 'ia3' && numbers.has(ia3Name(0, 'k'))) return { kind, id: run, vectors: numbers };
  throw new PersonaPlugError(
    'model-mismatch',
    `The stored tuning holds no adapter of the kind "${kind}". Train it again.`,
  );
}
