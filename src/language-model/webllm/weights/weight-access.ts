// Reads and writes the weights of a loaded pipeline on the GPU.
import type { MLCEngine } from '@mlc-ai/web-llm';
import { PersonaPlugError } from '../../../lib/errors.ts';
import { asChatPipeline, pipelinesOf, type Tensor } from '../hook/pipeline-access.ts';

interface WeightTensor extends Tensor {
  copyFrom(tensor: Tensor): Tensor;
  toRawBytes(): Uint8Array<ArrayBuffer>;
}

/** The part of TVM's runtime instance that reads and writes weights. Tensors belong to the scope in which they were made. */
interface WeightRuntime {
  beginScope(): void;
  endScope(): void;
  cpu(): unknown;
  empty(shape: readonly number[], dtype: string, device: unknown): WeightTensor;
  detachFromCurrentScope(tensor: WeightTensor): WeightTensor;
  tensorCacheGet(name: string): WeightTensor;
}

/** A weight on the GPU. */
export interface StoredWeight {
  readonly shape: readonly number[];
  readonly values: Float32Array<ArrayBuffer>;
}

/** Reads and writes whole weights by name. */
export interface WeightAccess {
  /** @throws PersonaPlugError `model-mismatch` when there is no such weight. */
  shape(name: string): readonly number[];
  /** @throws PersonaPlugError `model-mismatch` when there is no such weight in float32. */
  read(name: string): Promise<StoredWeight>;
  write(name: string, values: Float32Array<ArrayBuffer>): void;
}

/** @throws PersonaPlugError `model-mismatch` when WebLLM is not the tested release. */
export function weightAccess(engine: MLCEngine, modelId: string): WeightAccess {
  const pipeline = asChatPipeline(pipelinesOf(engine).get(modelId));
  const { runtime, sync } = runtimeOf(pipeline);
  function weight(name: string): WeightTensor {
    try {
      return runtime.tensorCacheGet(name);
    } catch (cause) {
      throw unfit(name, 'there is no such weight: the library is quantised, or of another architecture', cause);
    }
  }
  return {
    shape(name) {
      runtime.beginScope();
      try {
        return [...weight(name).shape];
      } finally {
        runtime.endScope();
      }
    },
    async read(name) {
      runtime.beginScope();
      let copy: WeightTensor;
      try {
        const tensor = weight(name);
        if (tensor.dtype !== 'float32') throw unfit(name, `its weights are ${tensor.dtype}`);
        copy = runtime.detachFromCurrentScope(runtime.empty(tensor.shape, tensor.dtype, runtime.cpu()));
        copy.copyFrom(tensor);
      } finally {
        runtime.endScope();
      }
      try {
        await sync();
        const bytes = copy.toRawBytes().slice();
        return { shape: [...copy.shape], values: new Float32Array(bytes.buffer) };
      } finally {
        disposeOf(copy);
      }
    },
    write(name, values) {
      runtime.beginScope();
      try {
        weight(name).copyFromRawBytes(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
      } finally {
        runtime.endScope();
      }
    },
  };
}

const methods = ['beginScope', 'endScope', 'cpu', 'empty', 'detachFromCurrentScope', 'tensorCacheGet'] as const;

function runtimeOf(pipeline: { readonly tvm: unknown; readonly device: unknown }): {
  runtime: WeightRuntime;
  sync: () => Promise<void>;
} {
  const { tvm, device } = pipeline;
  const hasAll =
    typeof tvm === 'object' && tvm !== null && methods.every((name) => typeof Reflect.get(tvm, name) === 'function');
  const sync: unknown = typeof device === 'object' && device !== null ? Reflect.get(device, 'sync') : undefined;
  if (hasAll && typeof sync === 'function') {
    return { runtime: tvm as WeightRuntime, sync: async () => void (await Reflect.apply(sync, device, [])) };
  }
  throw new PersonaPlugError(
    'model-mismatch',
    `Adapters need ${methods.join(', ')} of WebLLM's runtime and did not find them. Install @mlc-ai/web-llm 0.2.86 exactly.`,
  );
}

function disposeOf(tensor: object): void {
  const dispose: unknown = Reflect.get(tensor, 'dispose');
  if (typeof dispose === 'function') Reflect.apply(dispose, tensor, []);
}

function unfit(name: string, reason: string, cause?: unknown): PersonaPlugError {
  return new PersonaPlugError(
    'model-mismatch',
    `An adapter cannot be merged into ${name}: ${reason}. Only float32 weights can; answer with ONNX, or without the adapter.`,
    { cause, details: { weight: name } },
  );
}
