// An adapter as the files that Python's peft reads.
import { PersonaPlugError } from '../lib/errors.ts';
import type { Tensor } from '../model-package/tensor.ts';
import { writeSafetensors } from '../model-package/write-safetensors.ts';
import { ia3Places, type Ia3Place } from './ia3.ts';
import { loraProjections } from './lora.ts';
import type { LowRankAdapter, RescalingAdapter, WeightAdapter } from './weight-adapter.ts';

/** Files of an adapter as peft writes them: `PeftModel.from_pretrained(model, folder)` reads a folder of them. */
export interface PeftFiles {
  /** `adapter_config.json` */
  readonly config: string;
  /** `adapter_model.safetensors` */
  readonly tensors: Uint8Array<ArrayBuffer>;
}

/**
 * `baseModel` is the name that the config says it belongs to; peft does not check it.
 *
 * @throws PersonaPlugError `model-mismatch` for numbers that peft has no name for.
 */
export function peftFiles(adapter: WeightAdapter, baseModel: string): PeftFiles {
  const { config, tensors } = adapter.kind === 'lora' ? loraFiles(adapter) : ia3Files(adapter);
  const whole = { task_type: 'CAUSAL_LM', base_model_name_or_path: baseModel, inference_mode: true, ...config };
  return { config: `${JSON.stringify(whole, null, 2)}\n`, tensors: writeSafetensors(tensors, { format: 'pt' }) };
}

interface NamedFiles {
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/** peft's `LoraConfig`. */
function loraFiles({ rank, scale, matrices }: LowRankAdapter): NamedFiles {
  const tensors = new Map<string, Tensor>();
  for (const [name, tensor] of matrices) {
    const [, layer, projection, matrix] = /^layers\.(\d+)\.([qv])\.([AB])$/u.exec(name) ?? [];
    if (layer === undefined) throw nameless(name);
    tensors.set(`${layers}.${layer}.self_attn.${projection}_proj.lora_${matrix}.weight`, tensor);
  }
  const config = {
    peft_type: 'LORA',
    r: rank,
    lora_alpha: scale * rank,
    lora_dropout: 0,
    bias: 'none',
    fan_in_fan_out: false,
    target_modules: loraProjections.map((projection) => `${projection}_proj`),
  };
  return { config, tensors };
}

/** peft's `IA3Config`: l itself and not l − 1; a column where it scales what a module gives, a row where it scales what it takes. */
function ia3Files({ vectors }: RescalingAdapter): NamedFiles {
  const tensors = new Map<string, Tensor>();
  for (const [name, { data }] of vectors) {
    const [, layer, found] = /^layers\.(\d+)\.(k|v|down)$/u.exec(name) ?? [];
    const place = ia3Places.find((known) => known === found);
    if (place === undefined) throw nameless(name);
    const shape = place === 'down' ? [1, data.length] : [data.length, 1];
    tensors.set(`${layers}.${layer}.${ia3Modules[place]}.ia3_l`, { shape, data: data.map((change) => 1 + change) });
  }
  const config = {
    peft_type: 'IA3',
    target_modules: ['k_proj', 'v_proj', 'down_proj'],
    feedforward_modules: ['down_proj'],
    fan_in_fan_out: false,
    init_ia3_weights: true,
  };
  return { config, tensors };
}

const layers = 'base_model.model.model.layers';
const ia3Modules = {
  k: 'self_attn.k_proj',
  v: 'self_attn.v_proj',
  down: 'mlp.down_proj',
} as const satisfies Record<Ia3Place, string>;

function nameless(name: string): PersonaPlugError {
  return new PersonaPlugError(
    'model-mismatch',
    `The adapter holds ${name}, which peft has no name for. Train it again.`,
  );
}
