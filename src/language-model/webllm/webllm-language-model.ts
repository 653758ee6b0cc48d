// A language model on WebLLM (WebGPU). Prompts are exact token ids and rows. Tokens are sampled here from a copy of the logits on the
// CPU, so that seeds, choices and stop strings work as on every other runtime.
import { chooseDevice, type GpuAccess } from '../../lib/choose-device.ts';
import { PersonaPlugError } from '../../lib/errors.ts';
import { createProgressMeter } from '../../lib/progress-meter.ts';
import type { OnProgress } from '../../lib/progress.ts';
import type { LanguageModelManifest } from '../../model-package/manifest.ts';
import type { ModelPackage } from '../../model-package/model-source.ts';
import { decodeChoice, decodeFreely, type DecodeContext } from '../decoding/decode.ts';
import { checkedId, flattenPrompt } from '../flatten-prompt.ts';
import type {
  GenerateTokensOptions,
  GenerationUsage,
  LanguageModel,
  PromptSegment,
  TokenDelta,
} from '../language-model.ts';
import type { WeightAdapter } from '../../adapter/weight-adapter.ts';
import type { EngineSession } from './loading/engine-session.ts';
import { packageSource, recordSource, type WebllmRecord } from './loading/engine-source.ts';
import { loadWebllm } from './loading/load-webllm.ts';
import { createMutex } from '../../lib/mutex.ts';
import { orAborted } from '../../lib/or-aborted.ts';
import { checkWebllmVersion } from './hook/version-guard.ts';

export type { WebllmRecord };

export interface WebllmLanguageModelOptions {
  /** @defaultValue `navigator.gpu` */
  readonly gpu?: GpuAccess | null;
  /** Stops the load. */
  readonly signal?: AbortSignal;
  readonly onProgress?: OnProgress;
  /** @defaultValue false */
  readonly allowUntestedVersion?: boolean;
}

/**
 * Loads a language model on WebLLM, after every file of a package was checked by SHA-256. Works in pages and workers.
 *
 * The engine has one KV cache and so gives one answer at a time: a second `generate` starts when the first has ended or was dropped.
 * Read two streams one after the other or in two loops; reading them alternately waits forever.
 *
 * @throws PersonaPlugError `webgpu-unavailable`, `model-integrity`, `model-mismatch`, `runtime-failed`; `signal.reason`.
 *
 * @example
 * ```ts
 * await using model = await webllmLanguageModel(await models.open('nano-llm', 'language-model'));
 * const prompt = [{ kind: 'ids', ids: [1, 2, ...model.tokenizer.encode('Hello'), 3] }] as const;
 * for await (const { text } of model.generate(prompt, { maximumNewTokens: 32 })) write(text);
 * ```
 */
export async function webllmLanguageModel(
  model: ModelPackage<LanguageModelManifest> | WebllmRecord,
  { gpu, signal, onProgress, allowUntestedVersion = false }: WebllmLanguageModelOptions = {},
): Promise<LanguageModel> {
  signal?.throwIfAborted();
  const device = await chooseDevice('webgpu', gpu === undefined ? {} : { gpu });
  const { modelVersion } = await loadWebllm();
  checkWebllmVersion(modelVersion, allowUntestedVersion);
  const source =
    'manifest' in model
      ? await packageSource(model, allowUntestedVersion, { signal, onProgress })
      : recordSource(model);
  const first = await orAborted(source.open({ signal, onProgress }), signal);
  const { hiddenSize, contextWindow, vocabularySize } = first.facts;
  if (source.hiddenSize !== null && source.hiddenSize !== hiddenSize) {
    await first.dispose();
    throw new PersonaPlugError(
      'model-mismatch',
      `The library of ${source.name} has hidden size ${hiddenSize}, its manifest says ${source.hiddenSize}. Export the package again.`,
    );
  }

  const limits = { hiddenSize, contextWindow, vocabularySize };
  const turn = createMutex();
  const closing = new AbortController();
  let session: EngineSession = first;
  let adapter: WeightAdapter | null = null;

  /** Runs `use` alone with an engine whose KV cache is empty. The engine is loaded again where the last one failed. */
  async function* alone<Y, R>(
    signal: AbortSignal | undefined,
    use: (session: EngineSession, signal: AbortSignal) => AsyncGenerator<Y, R, void>,
  ): AsyncGenerator<Y, R, void> {
    const either = signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal]);
    const leave = await turn.acquire(either);
    try {
      if (!session.isUsable) {
        await session.dispose();
        session = await orAborted(source.open({ signal: either, onProgress }), either);
      }
      await session.useAdapter(adapter);
      await session.reset();
      return yield* use(session, either);
    } finally {
      leave();
    }
  }

  async function* generate(
    prompt: readonly PromptSegment[],
    options: GenerateTokensOptions,
  ): AsyncGenerator<TokenDelta, GenerationUsage, void> {
    options.signal?.throwIfAborted();
    if (!Number.isInteger(options.maximumNewTokens) || options.maximumNewTokens < 1) {
      throw new PersonaPlugError(
        'invalid-argument',
        `maximumNewTokens is ${options.maximumNewTokens}. Give a whole number of at least 1.`,
      );
    }
    const { length: promptTokens } = flattenPrompt(prompt, limits);
    return yield* alone(options.signal, async function* (engine, signal) {
      const soft = engine.hook.registerPrompt(prompt);
      try {
        const meter = createProgressMeter({
          stage: 'prefill',
          label: source.name,
          total: promptTokens,
          unit: 'steps',
          onProgress,
        });
        const firstLogits = await engine.append(soft.tokenIds, { signal, onChunk: (done) => meter.update(done) });
        const context: DecodeContext = {
          append: async (tokens, stop) => await engine.append(tokens, stop),
          tokenizer: source.tokenizer,
          endTokens: source.endTokens,
          firstLogits,
        };
        // The last token of an answer is never run, so an answer may be one token longer than the rest of the window.
        const maximumNewTokens = Math.min(options.maximumNewTokens, contextWindow - promptTokens);
        const result = yield* options.choices === undefined
          ? decodeFreely(context, { ...options, signal, maximumNewTokens })
          : decodeChoice(context, options.choices, { ...options, signal });
        return { promptTokens, ...result };
      } finally {
        soft[Symbol.dispose]();
      }
    });
  }

  async function logits(
    prompt: readonly PromptSegment[],
    continuation: readonly number[],
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<Float32Array[]> {
    signal?.throwIfAborted();
    const { length } = flattenPrompt(prompt, limits);
    if (length + continuation.length > contextWindow) {
      throw new PersonaPlugError(
        'invalid-prompt',
        `The prompt and its continuation have ${length + continuation.length} positions, the model's context window ${contextWindow}. Shorten the input.`,
      );
    }
    const tokens = continuation.map((id) => checkedId(id, vocabularySize));
    const rows: Float32Array[] = [];
    const steps = alone(signal, async function* (engine, either): AsyncGenerator<Float32Array, void, void> {
      const soft = engine.hook.registerPrompt(prompt);
      try {
        yield await engine.append(soft.tokenIds, { signal: either });
        for (const token of tokens) yield await engine.append([token], { signal: either });
      } finally {
        soft[Symbol.dispose]();
      }
    });
    for await (const row of steps) rows.push(row);
    return rows;
  }

  return {
    name: source.name,
    fingerprint: source.fingerprint,
    runtime: 'webllm',
    device,
    hiddenSize,
    contextWindow,
    endTokens: source.endTokens,
    tokenizer: source.tokenizer,
    generate,
    logits,
    async useAdapter(wanted) {
      const leave = await turn.acquire(closing.signal);
      try {
        // An engine that failed gets the adapter when it is loaded again.
        if (session.isUsable) await session.useAdapter(wanted);
        adapter = wanted;
      } finally {
        leave();
      }
    },
    async [Symbol.asyncDispose]() {
      closing.abort(new PersonaPlugError('closed', `The language model ${source.name} was closed. Load it again.`));
      const leave = await turn.acquire();
      try {
        await session.dispose();
      } finally {
        leave();
      }
    },
  };
}
