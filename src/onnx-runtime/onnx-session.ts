// A session of onnxruntime-web behind a few plain types. Runs come one at a time, errors have codes, and tensors are released.
import type { InferenceSession, Tensor } from 'onnxruntime-web';
import type { DeviceChoice } from '../lib/device.ts';
import { PersonaPlugError } from '../lib/errors.ts';
import { loadOnnxRuntime, type OnnxRuntime, type OnnxRuntimeFiles } from './load-runtime.ts';

/** A tensor in main memory or on the GPU. Its receiver disposes of it. */
export type OnnxTensor = Tensor;

export interface OnnxSessionOptions {
  readonly device: DeviceChoice['kind'];
  /** For messages, e.g. `nano-llm`. */
  readonly name: string;
  readonly graph: Uint8Array<ArrayBuffer>;
  /** Weights outside of the graph, under the names that the graph uses. */
  readonly externalData?: readonly { readonly path: string; readonly data: Uint8Array<ArrayBuffer> }[];
  /** Outputs that stay on the GPU; ignored on wasm. */
  readonly gpuOutputs?: readonly string[];
  readonly files?: OnnxRuntimeFiles;
}

export interface OnnxSession extends AsyncDisposable {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** The shape that the graph declares for an input, symbolic sizes by their names; null where there is no such input. */
  inputShape(name: string): readonly (number | string)[] | null;
  int64(values: readonly number[], dims: readonly number[]): OnnxTensor;
  float32(values: Float32Array, dims: readonly number[]): OnnxTensor;
  bool(values: readonly boolean[], dims: readonly number[]): OnnxTensor;
  /**
   * Runs the graph. The caller disposes of inputs and outputs.
   *
   * @throws PersonaPlugError `runtime-failed`, `device-lost`, `closed`.
   */
  run(inputs: Readonly<Record<string, OnnxTensor>>): Promise<Readonly<Record<string, OnnxTensor>>>;
}

/**
 * One queue for all sessions of a device: the runtime's WebGPU build suspends inside wasm (asyncify) while it waits for the GPU, and no
 * session may call it meanwhile.
 */
const queues = new Map<DeviceChoice['kind'], Promise<unknown>>();

function enqueue<T>(device: DeviceChoice['kind'], job: () => Promise<T>): Promise<T> {
  const result = (queues.get(device) ?? Promise.resolve()).then(job);
  queues.set(
    device,
    result.catch(() => undefined),
  );
  return result;
}

/**
 * Creates a session.
 *
 * @throws PersonaPlugError `runtime-failed` when the runtime or the graph cannot be loaded.
 */
export async function createOnnxSession(options: OnnxSessionOptions): Promise<OnnxSession> {
  const { device, name } = options;
  return openedSession(await enqueue(device, () => start(options)), device, name);
}

interface StartedSession {
  readonly runtime: OnnxRuntime;
  readonly session: InferenceSession;
}

async function start({
  device,
  name,
  graph,
  externalData = [],
  gpuOutputs = [],
  files = {},
}: OnnxSessionOptions): Promise<StartedSession> {
  try {
    const runtime = await loadOnnxRuntime(device, files);
    const session = await runtime.InferenceSession.create(graph, {
      executionProviders: [device],
      externalData: [...externalData],
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
      // Threads that spin while they wait would slow the page down where cores are few or busy.
      extra: { session: { intra_op: { allow_spinning: '0' } } },
      ...(device === 'webgpu' && gpuOutputs.length > 0
        ? { preferredOutputLocation: Object.fromEntries(gpuOutputs.map((output) => [output, 'gpu-buffer'] as const)) }
        : {}),
    });
    return { runtime, session };
  } catch (cause) {
    if (PersonaPlugError.isInstance(cause)) throw cause;
    throw failed(`${name} could not be loaded on ${device}`, cause);
  }
}

/** Is a function of its own because closures of one function share its variables, and these must not keep the bytes of the weights alive. */
function openedSession({ runtime, session }: StartedSession, device: DeviceChoice['kind'], name: string): OnnxSession {
  let isClosed = false;

  async function run(inputs: Readonly<Record<string, OnnxTensor>>): Promise<InferenceSession.OnnxValueMapType> {
    return enqueue(device, async () => {
      if (isClosed) throw new PersonaPlugError('closed', `${name} was closed. Create it again.`);
      try {
        return await session.run(inputs);
      } catch (cause) {
        throw failed(`${name} failed on ${device}`, cause);
      }
    });
  }

  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    inputShape(name) {
      const input = session.inputMetadata.find((value) => value.name === name);
      return input?.isTensor === true ? input.shape : null;
    },
    int64: (values, dims) => new runtime.Tensor('int64', BigInt64Array.from(values, BigInt), dims),
    float32: (values, dims) => new runtime.Tensor('float32', values, dims),
    bool: (values, dims) => new runtime.Tensor('bool', Uint8Array.from(values, Number), dims),
    run,
    async [Symbol.asyncDispose]() {
      if (isClosed) return;
      isClosed = true;
      await enqueue(device, () => session.release());
    },
  };
}

/** The float32 values of an output, downloaded from the GPU where need be; the tensor is released. */
export async function takeFloat32(tensor: OnnxTensor | undefined, name: string): Promise<Float32Array> {
  if (tensor === undefined) throw failed('The graph cannot be used', new Error(`it has no output ${name}`));
  try {
    const data = await tensor.getData(true);
    if (!(data instanceof Float32Array))
      throw failed('The graph cannot be used', new Error(`output ${name} is ${tensor.type} and not float32`));
    return data;
  } finally {
    tensor.dispose();
  }
}

function failed(fact: string, cause: unknown): PersonaPlugError {
  // Emscripten can throw bare numbers.
  const reason = cause instanceof Error ? cause.message : `error ${JSON.stringify(cause)}`;
  const isLost = /device[^.]{0,20}lost|lost[^.]{0,20}device/i.test(reason);
  return new PersonaPlugError(
    isLost ? 'device-lost' : 'runtime-failed',
    `${fact}: ${reason}. ${isLost ? 'Create the model again.' : "Reload it, or take device 'wasm'."}`,
    { cause },
  );
}
