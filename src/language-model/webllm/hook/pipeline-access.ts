// Access to WebLLM's private members. Each member that the hook uses is checked first.
import type { MLCEngine } from '@mlc-ai/web-llm';
import { PersonaPlugError } from '../../../lib/errors.ts';

/** The part of TVM's tensor that the hook needs. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly dtype: string;
  copyFromRawBytes(bytes: Uint8Array): Tensor;
}

/** The part of TVM's runtime instance that the hook needs. Tensors belong to the scope in which they were made. */
export interface TvmInstance {
  beginScope(): void;
  endScope(): void;
  empty(shape: readonly number[], dtype: string, device: unknown): Tensor;
  concatEmbeddings(tensors: readonly Tensor[]): Tensor;
  detachFromCurrentScope(tensor: Tensor): Tensor;
  attachToCurrentScope(tensor: Tensor): Tensor;
}

type EmbedTokens = (ids: number[]) => Tensor;

/** WebLLM's LLMChatPipeline as the hook sees it. */
export interface ChatPipeline {
  readonly tvm: TvmInstance;
  readonly device: unknown;
  readonly tokenizer: { encode(text: string): Int32Array };
  getTokensEmbeddings: EmbedTokens;
  /** Takes the place of getTokensEmbeddings where the model has a manifest (`artifact`). */
  getArtifactTextEmbeddings?: EmbedTokens;
  readonly artifact?: { readonly generation: { readonly inputs: string } };
}

/** Facts about the loaded model. */
export interface PipelineFacts {
  readonly hiddenSize: number;
  readonly dtype: 'float32' | 'float16';
  readonly vocabularySize: number;
  /** Infinity for a sliding window. */
  readonly contextWindow: number;
  readonly prefillChunkLength: number;
  /** The GPU device, whose loss is watched; null where it cannot be reached. */
  readonly gpuDevice: GPUDevice | null;
}

const tvmMethods = [
  'beginScope',
  'endScope',
  'empty',
  'concatEmbeddings',
  'detachFromCurrentScope',
  'attachToCurrentScope',
] as const satisfies readonly (keyof TvmInstance)[];

/** @throws PersonaPlugError `model-mismatch` when the engine is not an MLCEngine of the tested release. */
export function pipelinesOf(engine: MLCEngine): Map<string, unknown> {
  const pipelines = member(engine, 'loadedModelIdToPipeline');
  if (pipelines instanceof Map) return pipelines;
  throw missing(
    'MLCEngine.loadedModelIdToPipeline',
    "It must be an MLCEngine in this thread; WebLLM's own worker client cannot carry the hook",
  );
}

/** True for a pipeline that has token embeddings to replace; embedding models have a pipeline of their own that has none. */
export function hasTokenEmbeddings(pipeline: unknown): boolean {
  return typeof member(pipeline, 'getTokensEmbeddings') === 'function';
}

/** @throws PersonaPlugError `model-mismatch` naming the member that is not as expected, or for a model that also reads token ids. */
export function asChatPipeline(pipeline: unknown): ChatPipeline {
  const tvm = member(pipeline, 'tvm');
  for (const name of tvmMethods) if (typeof member(tvm, name) !== 'function') throw missing(`tvm.${name}`);
  if (typeof member(member(pipeline, 'tokenizer'), 'encode') !== 'function') throw missing('tokenizer.encode');
  if (typeof member(pipeline, 'device') !== 'object') throw missing('device');
  const artifact = member(pipeline, 'artifact');
  if (artifact !== undefined) {
    if (typeof member(pipeline, 'getArtifactTextEmbeddings') !== 'function') throw missing('getArtifactTextEmbeddings');
    const inputs = member(member(artifact, 'generation'), 'inputs');
    if (inputs !== 'embeds') {
      throw new PersonaPlugError(
        'model-mismatch',
        `This model's prefill takes "${String(inputs)}", not embeddings alone, so rows cannot replace its token embeddings. Use another model.`,
      );
    }
  }
  return pipeline as ChatPipeline;
}

/** Embeds one real token to see the shape and type of the model's embeddings. */
export function readFacts(pipeline: ChatPipeline, embed: EmbedTokens): PipelineFacts {
  pipeline.tvm.beginScope();
  try {
    const { shape, dtype } = embed([0]);
    const [count, hiddenSize] = shape;
    if (shape.length !== 2 || count !== 1 || hiddenSize === undefined) {
      throw missing(`embeddings of shape [1, hidden size] (found [${shape.join(', ')}])`);
    }
    if (dtype !== 'float32' && dtype !== 'float16') throw missing(`embeddings in float32 or float16 (found ${dtype})`);
    return {
      hiddenSize,
      dtype,
      vocabularySize: positive(pipeline, 'fullVocabSize'),
      contextWindow: positive(pipeline, 'contextWindowSize'),
      prefillChunkLength: positive(pipeline, 'prefillChunkSize'),
      gpuDevice: gpuDeviceOf(pipeline),
    };
  } finally {
    pipeline.tvm.endScope();
  }
}

/** Frees the GPU memory of a pipeline that the hook refuses: the engine never got the pipeline and so would not free it. */
export function disposeRefused(pipeline: unknown): void {
  const dispose = member(pipeline, 'dispose');
  if (typeof dispose === 'function') Reflect.apply(dispose, pipeline, []);
}

/** WebLLM writes -1 where there is no limit. */
function positive(pipeline: ChatPipeline, name: string): number {
  const value = member(pipeline, name);
  return typeof value === 'number' && value > 0 ? value : Infinity;
}

function gpuDeviceOf(pipeline: ChatPipeline): GPUDevice | null {
  const device = member(member(member(pipeline.tvm, 'lib'), 'webGPUContext'), 'device');
  return typeof GPUDevice === 'function' && device instanceof GPUDevice ? device : null;
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function missing(what: string, remedy = 'Install @mlc-ai/web-llm 0.2.86 exactly'): PersonaPlugError {
  return new PersonaPlugError('model-mismatch', `The soft-prompt hook needs ${what} and did not find it. ${remedy}.`);
}
