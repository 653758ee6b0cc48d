// A loaded WebLLM engine that runs token ids, one forward pass at a time, and gives logits on the CPU. It is unusable once its GPU
// device is lost.
import type { AppConfig, ChatOptions, MLCEngine, ModelRecord } from '@mlc-ai/web-llm';
import { PersonaPlugError, type PersonaPlugErrorCode } from '../../../lib/errors.ts';
import { createProgressMeter } from '../../../lib/progress-meter.ts';
import type { OnProgress } from '../../../lib/progress.ts';
import { yieldToEventLoop } from '../../../lib/yield-to-event-loop.ts';
import type { WeightAdapter } from '../../../adapter/weight-adapter.ts';
import { watchDeviceLoss } from '../device-loss.ts';
import { LogitTap } from '../logit-tap.ts';
import { type MergedWeights, mergedWeights } from '../weights/merged-weights.ts';
import type { PipelineFacts } from '../hook/pipeline-access.ts';
import { createSoftPromptHook, type SoftPromptHook } from '../hook/soft-prompt-hook.ts';
import { weightAccess } from '../weights/weight-access.ts';
import { loadWebllm } from './load-webllm.ts';

export interface EngineSession {
  readonly hook: SoftPromptHook;
  readonly facts: PipelineFacts;
  /** False once the device was lost or a forward pass failed; then only dispose() may be called. */
  readonly isUsable: boolean;
  /** Uses an adapter from now on, see `MergedWeights`. */
  useAdapter(adapter: WeightAdapter | null): Promise<void>;
  /** Empties the KV cache. */
  reset(): Promise<void>;
  /**
   * Appends ids, virtual ones included, and gives the logits after the last, `[vocabulary]`. The signal is checked between chunks.
   *
   * @throws PersonaPlugError `device-lost`, `runtime-failed`; `signal.reason`.
   */
  append(
    ids: readonly number[],
    options?: { signal?: AbortSignal | undefined; onChunk?: ((done: number) => void) | undefined },
  ): Promise<Float32Array>;
  dispose(): Promise<void>;
}

export interface OpenEngineOptions {
  readonly record: ModelRecord;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** Tokens are sampled by this package. WebLLM's sampler runs nevertheless, with the plainest valid settings. */
const plainSampling: ChatOptions = {
  temperature: 0,
  top_p: 0.95,
  repetition_penalty: 1,
  frequency_penalty: 0,
  presence_penalty: 0,
};

/**
 * Loads a model. WebLLM cannot stop a load, so an abort rejects only when the load has ended; callers that cannot wait use
 * `orAborted`.
 *
 * @throws PersonaPlugError `model-mismatch`, `runtime-failed`; `signal.reason`.
 */
export async function openEngine({ record, signal, onProgress }: OpenEngineOptions): Promise<EngineSession> {
  const { MLCEngine } = await loadWebllm();
  const tap = new LogitTap();
  const modelId = record.model_id;
  const appConfig: AppConfig = { model_list: [record], cacheBackend: 'cache' };
  const engine = new MLCEngine({
    appConfig,
    logLevel: 'SILENT',
    logitProcessorRegistry: new Map([[modelId, tap]]),
    initProgressCallback: reportLoad(modelId, onProgress),
  });
  const hook = createSoftPromptHook(engine);
  await loadModel(engine, modelId);
  if (signal?.aborted) {
    await engine.unload();
    throw signal.reason;
  }
  const facts = hook.factsOf(modelId);
  if (facts === undefined) {
    await engine.unload();
    throw new PersonaPlugError(
      'model-mismatch',
      `${modelId} is not a chat model. Give WebLLM a model that generates text.`,
    );
  }
  return createSession(engine, modelId, hook, facts, tap);
}

/** WebLLM's errors of a load that have a code of their own. */
const loadErrors: Readonly<Record<string, PersonaPlugErrorCode>> = {
  DeviceLostError: 'device-lost',
  WebGPUNotAvailableError: 'webgpu-unavailable',
  WebGPUNotFoundError: 'webgpu-unavailable',
  ShaderF16SupportError: 'webgpu-unavailable',
  FeatureSupportError: 'webgpu-unavailable',
};

async function loadModel(engine: MLCEngine, modelId: string): Promise<void> {
  try {
    await engine.reload(modelId, plainSampling);
  } catch (cause) {
    if (PersonaPlugError.isInstance(cause)) throw cause;
    const code = (cause instanceof Error && loadErrors[cause.name]) || 'runtime-failed';
    throw new PersonaPlugError(
      code,
      `WebLLM could not load ${modelId}: ${messageOf(cause)} Try again, or run the model with ONNX on wasm.`,
      { cause },
    );
  }
}

function createSession(
  engine: MLCEngine,
  modelId: string,
  hook: SoftPromptHook,
  facts: PipelineFacts,
  tap: LogitTap,
): EngineSession {
  let isUsable = true;
  let isDisposed = false;
  /** Made when it is needed, since most engines never get an adapter. */
  let merged: MergedWeights | null = null;
  const loss = watchDeviceLoss(facts.gpuDevice);

  async function forward(ids: number[], isPrefill: boolean): Promise<Float32Array> {
    try {
      // A call may never return after the device is lost.
      await loss.orLost(() => engine.forwardTokensAndSample(ids, isPrefill, modelId));
      return tap.take();
    } catch (cause) {
      isUsable = false;
      // A GPU call may fail before the loss that caused it is reported.
      for (let turn = 0; turn < 3 && loss.reason === null; turn++) await yieldToEventLoop();
      if (PersonaPlugError.isInstance(cause)) throw cause;
      const reason = loss.reason;
      if (reason !== null) throw deviceLost(reason, cause);
      throw new PersonaPlugError(
        'runtime-failed',
        `WebLLM failed while it ran ${modelId}: ${messageOf(cause)}. Try again; the model is then loaded again.`,
        { cause },
      );
    }
  }

  return {
    hook,
    facts,
    get isUsable() {
      return isUsable && !isDisposed && loss.reason === null;
    },
    async useAdapter(adapter) {
      if (merged === null && adapter === null) return;
      const weights = (merged ??= mergedWeights(weightAccess(engine, modelId)));
      try {
        await loss.orLost(async () => await weights.use(adapter));
      } catch (cause) {
        // Errors of this package come before any write. After any other error the state of the weights is not known.
        if (PersonaPlugError.isInstance(cause)) throw cause;
        isUsable = false;
        const { reason } = loss;
        if (reason !== null) throw deviceLost(reason, cause);
        throw new PersonaPlugError(
          'runtime-failed',
          `WebLLM failed while an adapter was merged into ${modelId}: ${messageOf(cause)}. Try again; the model is then loaded again.`,
          { cause },
        );
      }
    },
    async reset() {
      await engine.resetChat(false, modelId);
    },
    async append(ids, { signal, onChunk } = {}) {
      const { prefillChunkLength } = facts;
      let logits: Float32Array | null = null;
      for (let start = 0; start < ids.length; start += prefillChunkLength) {
        signal?.throwIfAborted();
        const chunk = ids.slice(start, start + prefillChunkLength);
        logits = await forward(chunk, chunk.length > 1);
        onChunk?.(start + chunk.length);
      }
      signal?.throwIfAborted();
      if (logits === null)
        throw new PersonaPlugError('invalid-prompt', 'There are no tokens to run. Give at least one.');
      return logits;
    },
    async dispose() {
      if (isDisposed) return;
      isDisposed = true;
      // A lost device makes WebLLM unload by itself.
      if (loss.reason === null) await engine.unload();
    },
  };
}

function deviceLost(reason: string, cause: unknown): PersonaPlugError {
  return new PersonaPlugError(
    'device-lost',
    `The GPU device of the language model was lost: ${reason}. Try again; the model is then loaded again.`,
    { cause, details: { reason } },
  );
}

/** Turns WebLLM's progress, which goes from 0 to 1 twice (for weights and for shaders), into one that only rises. */
function reportLoad(
  label: string,
  onProgress: OnProgress | undefined,
): (report: { progress: number; text: string }) => void {
  const meter = createProgressMeter({ stage: 'load', label, total: 100, unit: 'steps', onProgress });
  let done = 0;
  return ({ progress, text }) => {
    const share = text.startsWith('Finish') ? 100 : text.includes('shader') ? 50 + progress * 49 : progress * 50;
    done = Math.max(done, Math.round(share));
    meter.update(done);
  };
}

/** TVM throws strings and exit codes as well as errors. */
function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
