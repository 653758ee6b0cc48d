// A language model on onnxruntime-web, on wasm or WebGPU, in a browser or in Node. Personas are rows of input embeddings.
import { chooseDevice, type GpuAccess } from '../../lib/choose-device.ts';
import type { DeviceChoice, DevicePreference } from '../../lib/device.ts';
import { PersonaPlugError } from '../../lib/errors.ts';
import { createProgressMeter } from '../../lib/progress-meter.ts';
import type { OnProgress } from '../../lib/progress.ts';
import type { LanguageModelManifest } from '../../model-package/manifest.ts';
import type { ModelPackage } from '../../model-package/model-source.ts';
import type { OnnxRuntimeFiles } from '../../onnx-runtime/load-runtime.ts';
import { startWithFallback } from '../../onnx-runtime/start-with-fallback.ts';
import { checkedId, flattenPrompt, type FlatPrompt, type PromptLimits } from '../flatten-prompt.ts';
import type {
  GenerateTokensOptions,
  GenerationUsage,
  LanguageModel,
  PromptSegment,
  TokenDelta,
} from '../language-model.ts';
import { createTextTokenizer } from '../text-tokenizer.ts';
import { adapterInputs, adapterKinds } from './adapter-inputs.ts';
import { readCausalGraph } from './causal-loader.ts';
import { decodeChoice, type DecodeContext, decodeFreely } from '../decoding/decode.ts';
import { readDecoderGraph } from './decoder-loader.ts';
import type { LoadedGraph } from './graph-loader.ts';
import { startSequence } from './sequence.ts';

export interface OnnxLanguageModelOptions {
  /** @defaultValue 'auto' */
  readonly device?: DevicePreference;
  /** @defaultValue `navigator.gpu` */
  readonly gpu?: GpuAccess | null;
  readonly runtimeFiles?: OnnxRuntimeFiles;
  /** Gibibytes of the machine; null where nobody knows. @defaultValue `navigator.deviceMemory` */
  readonly deviceMemory?: number | null;
  readonly signal?: AbortSignal;
  readonly onProgress?: OnProgress;
  /** Called when WebGPU was chosen by `auto`, could not start, and wasm took its place. */
  readonly onFallback?: (device: DeviceChoice) => void;
}

/**
 * Loads a language model.
 *
 * @throws PersonaPlugError `webgpu-unavailable`, `runtime-failed`, `memory-insufficient`, `model-integrity`, `model-mismatch` (no ONNX
 * form in the package).
 *
 * @example
 * ```ts
 * await using model = await onnxLanguageModel(await models.open('nano-llm', 'language-model'));
 * const prompt = [{ kind: 'ids', ids: [1, 2, ...model.tokenizer.encode('Hello'), 3] }] as const;
 * for await (const { text } of model.generate(prompt, { maximumNewTokens: 32 })) write(text);
 * ```
 */
export async function onnxLanguageModel(
  modelPackage: ModelPackage<LanguageModelManifest>,
  options: OnnxLanguageModelOptions = {},
): Promise<LanguageModel> {
  const { device: preference = 'auto', signal, onProgress, runtimeFiles } = options;
  const { manifest } = modelPackage;
  const { onnx } = manifest.languageModel;
  if (onnx === undefined) {
    throw new PersonaPlugError(
      'model-mismatch',
      `Model package "${manifest.name}" has no ONNX graph. Export it with training/, or run it with WebLLM.`,
    );
  }
  const device = await chooseDevice(preference, options.gpu === undefined ? {} : { gpu: options.gpu });
  const read = { ...(signal ? { signal } : {}), ...(onProgress ? { onProgress } : {}) };
  const tokenizer = createTextTokenizer(await modelPackage.json(manifest.languageModel.tokenizer, read));
  const context = {
    modelPackage,
    read,
    runtimeFiles,
    deviceMemory: options.deviceMemory === undefined ? deviceMemoryHere() : options.deviceMemory,
  };
  const load = onnx.form === 'decoder' ? await readDecoderGraph(onnx, context) : await readCausalGraph(onnx, context);
  return startWithFallback({
    preference,
    device,
    onFallback: options.onFallback,
    async start(chosen) {
      signal?.throwIfAborted();
      return createModel(manifest, chosen, await load(chosen), tokenizer, onProgress);
    },
  });
}

/** Gibibytes, as the browser rounds them; null where it does not say (Firefox, Safari, Node). */
function deviceMemoryHere(): number | null {
  return (globalThis as { navigator?: { deviceMemory?: number } }).navigator?.deviceMemory ?? null;
}

function createModel(
  manifest: LanguageModelManifest,
  device: DeviceChoice,
  { session, withAdapter }: LoadedGraph,
  tokenizer: LanguageModel['tokenizer'],
  onProgress: OnProgress | undefined,
): LanguageModel {
  const { languageModel: settings, name, fingerprint } = manifest;
  const { hiddenSize, contextWindow, endTokens, vocabularySize } = settings;
  let adapter = adapterInputs(session, manifest, null);
  let adapterId: string | null = null;

  async function* generate(
    prompt: readonly PromptSegment[],
    options: GenerateTokensOptions,
  ): AsyncGenerator<TokenDelta, GenerationUsage, void> {
    const { signal, choices } = options;
    signal?.throwIfAborted();
    if (!Number.isInteger(options.maximumNewTokens) || options.maximumNewTokens < 1) {
      throw new PersonaPlugError(
        'invalid-argument',
        `maximumNewTokens is ${options.maximumNewTokens}. Give a whole number of at least 1.`,
      );
    }
    const flat = flattenPrompt(prompt, settings);
    const sequence = startSequence(withAdapter(adapter));
    try {
      const meter = createProgressMeter({
        stage: 'prefill',
        label: name,
        total: flat.length,
        unit: 'steps',
        onProgress,
      });
      const [firstLogits] = await sequence.append(flat, 1, { signal, onChunk: (done) => meter.update(done) });
      const context: DecodeContext = {
        async append(tokens, stop) {
          const [logits] = await sequence.append(tokenPositions(tokens, hiddenSize), 1, stop);
          return logits ?? new Float32Array(0);
        },
        tokenizer,
        endTokens,
        firstLogits: firstLogits ?? new Float32Array(0),
      };
      // The last token of an answer is never run, so an answer may be one token longer than the rest of the window.
      const maximumNewTokens = Math.min(options.maximumNewTokens, contextWindow - flat.length);
      const result = yield* choices === undefined
        ? decodeFreely(context, { ...options, maximumNewTokens })
        : decodeChoice(context, choices, options);
      return { promptTokens: flat.length, ...result };
    } finally {
      sequence[Symbol.dispose]();
    }
  }

  return {
    name,
    fingerprint,
    runtime: 'onnx',
    device,
    hiddenSize,
    contextWindow,
    endTokens,
    tokenizer,
    generate,
    adapterKinds: adapterKinds(session),
    async useAdapter(wanted) {
      if ((wanted?.id ?? null) === adapterId) return;
      const old = adapter;
      adapter = adapterInputs(session, manifest, wanted);
      adapterId = wanted?.id ?? null;
      for (const input of Object.values(old)) input.dispose();
    },
    async logits(prompt, continuation, { signal } = {}) {
      signal?.throwIfAborted();
      const flat = withContinuation(flattenPrompt(prompt, settings), continuation, settings);
      const sequence = startSequence(withAdapter(adapter));
      try {
        return await sequence.append(flat, continuation.length + 1, { signal });
      } finally {
        sequence[Symbol.dispose]();
      }
    },
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  };

  function withContinuation(flat: FlatPrompt, continuation: readonly number[], limits: PromptLimits): FlatPrompt {
    const length = flat.length + continuation.length;
    if (length > limits.contextWindow) {
      throw new PersonaPlugError(
        'invalid-prompt',
        `The prompt and its continuation have ${length} positions, the model's context window ${limits.contextWindow}. Shorten the input.`,
      );
    }
    const rows = new Float32Array(length * hiddenSize);
    rows.set(flat.rows);
    return {
      length,
      ids: [...flat.ids, ...continuation.map((id) => checkedId(id, vocabularySize))],
      rows,
      isSoft: [...flat.isSoft, ...continuation.map(() => false)],
    };
  }
}

/** Token ids as positions without soft rows. */
function tokenPositions(tokens: readonly number[], hiddenSize: number): FlatPrompt {
  return {
    length: tokens.length,
    ids: tokens,
    rows: new Float32Array(tokens.length * hiddenSize),
    isSoft: tokens.map(() => false),
  };
}
