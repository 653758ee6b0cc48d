// A stored LoRA as what a language model takes, and as the files that Python's peft reads.
import { readSafetensors } from '../model-package/safetensors.ts';
import { writeSafetensors, type WritableTensor } from '../model-package/write-safetensors.ts';
import type { WeightAdapter } from '../language-model/language-model.ts';
import { PersonaPlugError } from '../lib/errors.ts';
import type { TuningRecord } from '../history/tuning-record.ts';
import { loraName, loraProjections } from './lora.ts';
import { parseTuningDescription } from './tuning-description.ts';

/** The adapter of a stored tuning. @throws PersonaPlugError `model-mismatch`, `storage-failed` when it cannot be read. */
export function readWeightAdapter(record: Pick<TuningRecord, 'run' | 'description' | 'tensors'>): WeightAdapter {
  const { loraScale: scale } = parseTuningDescription(record.description);
  const matrices = readSafetensors(record.tensors);
  const rank = matrices.get(loraName(0, 'q', 'A'))?.shape[0];
  if (rank === undefined) {
    throw new PersonaPlugError('model-mismatch', 'The stored tuning holds no LoRA matrices. Train it again.');
  }
  return { id: record.run, rank, scale, matrices };
}

/** Files of an adapter as peft writes them: `PeftModel.from_pretrained(model, folder)` reads a folder of them. */
export interface PeftFiles {
  /** `adapter_config.json` */
  readonly config: string;
  /** `adapter_model.safetensors` */
  readonly tensors: Uint8Array<ArrayBuffer>;
}

/** `baseModel` is the name that the config says it belongs to; peft does not check it. */
export function peftFiles({ rank, scale, matrices }: WeightAdapter, baseModel: string): PeftFiles {
  const named = new Map<string, WritableTensor>();
  for (const [name, tensor] of matrices) {
    const [, layer, projection, matrix] = /^layers\.(\d+)\.([qv])\.([AB])$/u.exec(name) ?? [];
    if (layer === undefined)
      throw new PersonaPlugError('model-mismatch', `The adapter holds ${name}, which peft has no name for.`);
    named.set(`base_model.model.model.layers.${layer}.self_attn.${projection}_proj.lora_${matrix}.weight`, tensor);
  }
  const config = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: baseModel,
    r: rank,
    lora_alpha: scale * rank,
    lora_dropout: 0,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    target_modules: loraProjections.map((projection) => `${projection}_proj`),
  };
  return { config: `${JSON.stringify(config, null, 2)}\n`, tensors: writeSafetensors(named, { format: 'pt' }) };
}
