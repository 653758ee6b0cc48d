// The language model's weights as plain arrays, read from the one weight file that WebLLM and the ONNX graph read too.
import * as v from 'valibot';
import { PersonaPlugError } from '../lib/errors.ts';
import type { LanguageModelManifest } from '../model-package/manifest.ts';
import type { ModelPackage, ReadOptions } from '../model-package/model-source.ts';
import type { Tensor } from '../model-package/tensor.ts';

/** The sizes of a Llama. */
export interface LlamaShape {
  readonly hiddenSize: number;
  readonly vocabularySize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly feedForwardSize: number;
  readonly ropeTheta: number;
  readonly normEpsilon: number;
}

/** Weights by the names of `tensor-cache.json`; matrices are `[out, in]`, as stored. */
export interface LlamaWeights {
  readonly shape: LlamaShape;
  readonly tensors: ReadonlyMap<string, Tensor>;
}

const configSchema = v.object({
  model_type: v.literal('llama'),
  intermediate_size: v.number(),
  rope_theta: v.number(),
  rms_norm_eps: v.number(),
  hidden_act: v.literal('silu'),
  tie_word_embeddings: v.literal(true),
  attention_bias: v.optional(v.literal(false)),
  mlp_bias: v.optional(v.literal(false)),
});

const cacheSchema = v.object({
  records: v.array(
    v.object({
      dataPath: v.string(),
      records: v.array(
        v.object({
          name: v.string(),
          shape: v.array(v.number()),
          format: v.string(),
          nbytes: v.number(),
          byteOffset: v.number(),
        }),
      ),
    }),
  ),
});

/** The only stored format that training reads: the upper half of each float32. */
const readFormat = 'f32-to-bf16';

/**
 * Reads and widens all weights. bfloat16 is the upper half of a float32, so nothing is lost.
 *
 * @throws PersonaPlugError `model-mismatch` when the model is no Llama with tied embeddings, or its weights are quantised: a
 * gradient through rounded integers does not exist, and widening them would train another model than the one that answers.
 */
export async function readLlamaWeights(
  modelPackage: ModelPackage<LanguageModelManifest>,
  options: ReadOptions = {},
): Promise<LlamaWeights> {
  const { name } = modelPackage.manifest;
  const shape = await readLlamaShape(modelPackage, options);
  const cache = parse(cacheSchema, await modelPackage.json('tensor-cache.json', options), name, 'tensor-cache.json');
  const tensors = new Map<string, Tensor>();
  for (const { dataPath, records } of cache.records) {
    const refused = records.find(({ format }) => format !== readFormat);
    if (refused !== undefined) {
      throw new PersonaPlugError(
        'model-mismatch',
        `The weight ${refused.name} of ${name} is stored as ${refused.format}; only ${readFormat} can be trained on, since quantised weights have no gradient. Use a bfloat16 package.`,
        { details: { tensor: refused.name, format: refused.format } },
      );
    }
    const bytes = await modelPackage.bytes(dataPath, options);
    for (const record of records) {
      const halves = new Uint16Array(bytes.buffer, bytes.byteOffset + record.byteOffset, record.nbytes / 2);
      tensors.set(record.name, { shape: record.shape, data: widen(halves) });
    }
  }
  return { shape, tensors };
}

/** The sizes alone. @throws PersonaPlugError `model-mismatch` when the model is no Llama with tied embeddings. */
export async function readLlamaShape(
  modelPackage: ModelPackage<LanguageModelManifest>,
  options: ReadOptions = {},
): Promise<LlamaShape> {
  const { name, languageModel } = modelPackage.manifest;
  const config = parse(configSchema, await modelPackage.json('config.json', options), name, 'config.json');
  const { hiddenSize, vocabularySize, layers, heads, kvHeads, headDim } = languageModel;
  return {
    hiddenSize,
    vocabularySize,
    layers,
    heads,
    kvHeads,
    headDim,
    feedForwardSize: config.intermediate_size,
    ropeTheta: config.rope_theta,
    normEpsilon: config.rms_norm_eps,
  };
}

/** @throws PersonaPlugError `model-mismatch` when there is no such weight, or it has another shape. */
export function weightOf({ tensors }: LlamaWeights, name: string, shape: readonly number[]): Tensor {
  const tensor = tensors.get(name);
  if (tensor !== undefined && tensor.shape.join() === shape.join()) return tensor;
  throw new PersonaPlugError(
    'model-mismatch',
    `The model's weights should hold ${name} [${shape.join(', ')}]; they hold ${tensor === undefined ? 'nothing' : `[${tensor.shape.join(', ')}]`}. Export the model again.`,
    { details: { tensor: name } },
  );
}

function widen(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const wide = new Uint32Array(halves.length);
  for (let index = 0; index < halves.length; index++) wide[index] = (halves[index] ?? 0) << 16;
  return new Float32Array(wide.buffer);
}

function parse<S extends v.GenericSchema>(schema: S, json: unknown, name: string, file: string): v.InferOutput<S> {
  const result = v.safeParse(schema, json);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new PersonaPlugError(
    'model-mismatch',
    `${name} cannot be trained on, because of ${file}: ${v.getDotPath(issue) ?? 'the top'}: ${issue.message}. Only Llamas with tied embeddings and no biases can.`,
    { details: { file } },
  );
}
