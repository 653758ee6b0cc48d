// The embedder on onnxruntime-web: tokenize, cut, run, pool, one chunk at a time, with a self-test at start.
import { chooseDevice, type GpuAccess } from '../lib/choose-device.ts';
import type { DeviceChoice, DevicePreference } from '../lib/device.ts';
import { PersonaPlugError } from '../lib/errors.ts';
import type { OnProgress } from '../lib/progress.ts';
import type { EmbedderManifest } from '../model-package/manifest.ts';
import type { ModelPackage } from '../model-package/model-source.ts';
import type { OnnxRuntimeFiles } from '../onnx-runtime/load-runtime.ts';
import { createOnnxSession, takeFloat32, type OnnxSession } from '../onnx-runtime/onnx-session.ts';
import { startWithFallback } from '../onnx-runtime/start-with-fallback.ts';
import { createEmbedderTokenizer, type EmbedderTokenizer, frameTokens } from '../tokenizer/embedder-tokenizer.ts';
import type { Embedder } from './embedder.ts';
import { poolToUnitVector } from './pooling.ts';
import { runSelfTest, smallestAcceptableCosine, type SelfTestResult } from './self-test.ts';
import { coverageOf, embedInChunks } from './text-chunks.ts';

export interface OnnxEmbedderOptions {
  /** @defaultValue 'auto' */
  readonly device?: DevicePreference;
  /** @defaultValue `navigator.gpu` */
  readonly gpu?: GpuAccess | null;
  readonly runtimeFiles?: OnnxRuntimeFiles;
  readonly signal?: AbortSignal;
  readonly onProgress?: OnProgress;
  /** Called when WebGPU was chosen by `auto`, failed its self-test or could not start, and wasm took its place. */
  readonly onFallback?: (device: DeviceChoice) => void;
}

/**
 * Loads an embedder.
 *
 * `auto` falls back to wasm when WebGPU does not start or fails the self-test; `webgpu` throws then.
 *
 * @throws PersonaPlugError `webgpu-unavailable`, `runtime-failed` (also a failed self-test), `model-integrity`, `model-mismatch`.
 *
 * @example
 * ```ts
 * await using embedder = await onnxEmbedder(await models.open('all-minilm-l6-v2', 'embedder'));
 * const vector = await embedder.embed('A headline'); // [384], length 1
 * ```
 */
export async function onnxEmbedder(
  modelPackage: ModelPackage<EmbedderManifest>,
  options: OnnxEmbedderOptions = {},
): Promise<Embedder> {
  const { device: preference = 'auto', signal, onProgress, onFallback } = options;
  const device = await chooseDevice(preference, options.gpu === undefined ? {} : { gpu: options.gpu });
  const { embedder: settings } = modelPackage.manifest;
  const read = { ...(signal ? { signal } : {}), ...(onProgress ? { onProgress } : {}) };
  const tokenizer = createEmbedderTokenizer(await modelPackage.json(settings.tokenizer, read));
  const golden = await modelPackage.json(settings.selfTest, read);
  const graph = await modelPackage.bytes(settings.graph, read);

  return startWithFallback({
    preference,
    device,
    onFallback,
    start: (chosen) => startOn(chosen, { manifest: modelPackage.manifest, tokenizer, golden, graph, options }),
  });
}

interface Parts {
  readonly manifest: EmbedderManifest;
  readonly tokenizer: EmbedderTokenizer;
  readonly golden: unknown;
  readonly graph: Uint8Array<ArrayBuffer>;
  readonly options: OnnxEmbedderOptions;
}

async function startOn(
  device: DeviceChoice,
  { manifest, tokenizer, golden, graph, options }: Parts,
): Promise<Embedder> {
  const { signal, onProgress, runtimeFiles } = options;
  const label = manifest.name;
  signal?.throwIfAborted();
  onProgress?.({ stage: 'load', label, done: 0, total: 1, unit: 'steps', millisecondsLeft: null });
  const session = await createOnnxSession({
    device: device.kind,
    name: label,
    graph,
    ...(runtimeFiles ? { files: runtimeFiles } : {}),
  });
  try {
    onProgress?.({ stage: 'load', label, done: 1, total: 1, unit: 'steps', millisecondsLeft: 0 });
    const embed = createEmbed(session, manifest, tokenizer);
    const selfTest = await runSelfTest(golden, embed, { label, signal, onProgress });
    if (!selfTest.passed) throw selfTestFailed(label, device, selfTest);
    return {
      identity: { name: label, fingerprint: manifest.fingerprint, dim: manifest.embedder.dim, backend: device.kind },
      device,
      selfTest,
      embed,
      coverage: (text) => coverageOf(tokenizer.encode(text).length, longestChunk(manifest)),
      [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
    };
  } catch (error) {
    await session[Symbol.asyncDispose]();
    throw error;
  }
}

/** Tokens of a text that the model takes at once. */
function longestChunk({ embedder }: EmbedderManifest): number {
  return embedder.maximumTokens - frameTokens;
}

function createEmbed(
  session: OnnxSession,
  manifest: EmbedderManifest,
  tokenizer: EmbedderTokenizer,
): Embedder['embed'] {
  const { dim, pooling } = manifest.embedder;

  async function embedChunk(chunk: readonly number[]): Promise<Float32Array<ArrayBuffer>> {
    const ids = tokenizer.frame(chunk);
    const dims = [1, ids.length];
    const inputs = {
      input_ids: session.int64(ids, dims),
      attention_mask: session.int64(
        ids.map(() => 1),
        dims,
      ),
      token_type_ids: session.int64(
        ids.map(() => 0),
        dims,
      ),
    };
    const { last_hidden_state: output } = await session.run(inputs);
    const states = await takeFloat32(output, 'last_hidden_state');
    for (const input of Object.values(inputs)) input.dispose();
    return poolToUnitVector(states, ids.length, dim, pooling);
  }

  return async (text, options = {}) => {
    options.signal?.throwIfAborted();
    if (text.trim() === '') {
      throw new PersonaPlugError(
        'invalid-argument',
        'The text to embed is empty. Give at least one visible character.',
      );
    }
    return await embedInChunks(tokenizer.encode(text), longestChunk(manifest), embedChunk, options);
  };
}

function selfTestFailed(label: string, device: DeviceChoice, { smallestCosine }: SelfTestResult): PersonaPlugError {
  return new PersonaPlugError(
    'runtime-failed',
    `${label} failed its self-test on ${device.kind} (${device.adapter ?? 'no adapter'}): smallest cosine ${smallestCosine.toFixed(4)}, needed ${smallestAcceptableCosine}. Use device 'wasm'.`,
    { details: { smallestCosine, device: device.kind } },
  );
}
