// The page of the onnxruntime-web tests: the functions that the specs call, in a browser under the strict policy.
import { cosineSimilarity } from '../../src/embedder/pooling.ts';
import type { Embedder } from '../../src/embedder/embedder.ts';
import { onnxEmbedder } from '../../src/embedder/onnx-embedder.ts';
import type { LanguageModel, PromptSegment } from '../../src/language-model/language-model.ts';
import type { WeightAdapter } from '../../src/adapter/weight-adapter.ts';
import { onnxLanguageModel } from '../../src/language-model/onnx/onnx-language-model.ts';
import { sequenceLogProbabilities } from '../../src/language-model/decoding/sequence-log-probabilities.ts';
import type { DeviceChoice, DevicePreference } from '../../src/lib/device.ts';
import { PersonaPlugError } from '../../src/lib/errors.ts';
import type { Progress } from '../../src/lib/progress.ts';
import { createUrlModelSource } from '../../src/model-package/url-model-source.ts';
import { loadOnnxRuntime } from '../../src/onnx-runtime/load-runtime.ts';
import { goldenIa3 } from '../../src/testing/golden/golden-ia3.ts';
import { goldenLoraAdapter } from '../../src/testing/golden/golden-lora.ts';
import { openGoldenFiles, type GoldenLanguageModelCase } from '../../src/testing/golden/golden-files.ts';
import { compareWithGolden, type ParityResult } from '../../src/testing/golden/golden-parity.ts';

const models = createUrlModelSource('/models/');

/** The result of a job, and its milliseconds. */
async function timed<T>(job: () => Promise<T>): Promise<{ result: T; milliseconds: number }> {
  const start = performance.now();
  const result = await job();
  return { result, milliseconds: performance.now() - start };
}

let embedder: Embedder | undefined;
let model: LanguageModel | undefined;

function loadedModel(): LanguageModel {
  if (model === undefined) throw new Error('Call loadLanguageModel first.');
  return model;
}

/** Any ids, for tests of time or of repeated runs. */
function somePrompt(length: number): PromptSegment[] {
  return [{ kind: 'ids', ids: Array.from({ length }, (_, index) => 4 + ((index * 37) % 4000)) }];
}

const goldenCases = async (): Promise<GoldenLanguageModelCase[]> =>
  (await openGoldenFiles(models)).languageModelCases();

/** A temperature at which all tokens are nearly equally likely, so that an end token comes once in thousands. */
const endless = { temperature: 5, seed: 1 } as const;

const page = {
  async loadEmbedder(device: DevicePreference) {
    await embedder?.[Symbol.asyncDispose]();
    const progress: Progress[] = [];
    const { result, milliseconds } = await timed(async () =>
      onnxEmbedder(await models.open('all-minilm-l6-v2', 'embedder'), { device, onProgress: (p) => progress.push(p) }),
    );
    embedder = result;
    const stages = [...new Set(progress.map(({ stage }) => stage))];
    return { device: result.device, selfTest: result.selfTest, milliseconds, stages };
  },

  async embed(text: string): Promise<{ vector: number[]; milliseconds: number }> {
    const { result, milliseconds } = await timed(async () => embedder?.embed(text));
    return { vector: [...(result ?? [])], milliseconds };
  },

  /** Cosines to the float32 golden vectors of the texts of at most `maximumTokens`. */
  async embedderCosines(maximumTokens: number, maximumCases: number): Promise<number[]> {
    const cases = (await (await openGoldenFiles(models)).embedderCases()).filter(
      ({ ids }) => ids.length <= maximumTokens,
    );
    const cosines: number[] = [];
    for (const { text, vector } of cases.slice(0, maximumCases)) {
      cosines.push(cosineSimilarity((await embedder?.embed(text)) ?? [], vector));
    }
    return cosines;
  },

  /** Reads a file of the embedder's package: gives its size, or the code and details of the error. */
  async readModelFile(path: string): Promise<{ bytes: number } | { code: string; details: Record<string, unknown> }> {
    try {
      const opened = await models.open('all-minilm-l6-v2', 'embedder');
      return { bytes: (await opened.bytes(path)).byteLength };
    } catch (error) {
      if (PersonaPlugError.isInstance(error)) return { code: error.code, details: { ...error.details } };
      throw error;
    }
  },

  /** Changes a byte of the cached copy of a file; gives how many copies there were. */
  async damageKeptFile(path: string): Promise<number> {
    const cache = await caches.open('persona-plug-models');
    const kept = (await cache.keys()).filter(({ url }) => url.endsWith(`/${path}`));
    for (const request of kept) {
      const bytes = new Uint8Array((await (await cache.match(request))?.arrayBuffer()) ?? new ArrayBuffer(1));
      bytes[0] = (bytes[0] ?? 0) ^ 1;
      await cache.put(request, new Response(bytes));
    }
    return kept.length;
  },

  async loadLanguageModel(device: DevicePreference): Promise<{ device: DeviceChoice; milliseconds: number }> {
    await model?.[Symbol.asyncDispose]();
    const { result, milliseconds } = await timed(async () =>
      onnxLanguageModel(await models.open('nano-llm', 'language-model'), { device }),
    );
    model = result;
    return { device: result.device, milliseconds };
  },

  goldenNames: async () => (await goldenCases()).map(({ name }) => name),

  async compareLanguageModel(name: string, isStreamed: boolean): Promise<ParityResult> {
    const golden = (await goldenCases()).find((candidate) => candidate.name === name);
    if (golden === undefined) throw new Error(`There is no golden case ${name}.`);
    return compareWithGolden(loadedModel(), golden, { isStreamed });
  },

  /** Times a stream that no end token cuts short: see `endless`. */
  async timeLanguageModel(promptTokens: number, newTokens: number) {
    const start = performance.now();
    let firstToken = 0;
    const tokens: number[] = [];
    for await (const { token } of loadedModel().generate(somePrompt(promptTokens), {
      ...endless,
      maximumNewTokens: newTokens,
    })) {
      if (tokens.length === 0) firstToken = performance.now() - start;
      tokens.push(token);
    }
    return { tokens, firstToken, perToken: (performance.now() - start - firstToken) / (tokens.length - 1) };
  },

  /** Mean loss of an answer without, with, and again without the golden adapter; null where the graph takes none. */
  async adapterLosses(kind: WeightAdapter['kind'], ids: number[], answer: number[]): Promise<number[] | null> {
    const modelPackage = await models.open('nano-llm', 'language-model');
    const { languageModel } = modelPackage.manifest;
    const config = (await modelPackage.json('config.json')) as { intermediate_size: number };
    const adapter: WeightAdapter =
      kind === 'lora'
        ? goldenLoraAdapter(languageModel)
        : { kind, id: kind, vectors: goldenIa3({ ...languageModel, feedForwardSize: config.intermediate_size }) };
    const loss = async (): Promise<number> => {
      const probabilities = await sequenceLogProbabilities(loadedModel(), [{ kind: 'ids', ids }], answer);
      return -probabilities.reduce((sum, value) => sum + value, 0) / answer.length;
    };
    const losses = [await loss()];
    try {
      await loadedModel().useAdapter?.(adapter);
    } catch {
      return null;
    }
    losses.push(await loss());
    await loadedModel().useAdapter?.(null);
    return [...losses, await loss()];
  },

  /** Destroys the GPU device, as a driver's reset does, and gives how the next answer ends. */
  async loseDevice(): Promise<string> {
    const { device } = (await loadOnnxRuntime('webgpu')).env.webgpu;
    (await device).destroy();
    await (
      await device
    ).lost;
    try {
      await loadedModel().logits(somePrompt(2), []);
      return 'none';
    } catch (error) {
      return PersonaPlugError.isInstance(error) ? error.code : String(error);
    }
  },

  /** Aborts after `tokens` tokens, from a task of its own; gives how many came after that and how it ended. */
  async abortAfter(tokens: number): Promise<{ cameAfter: number; reason: string }> {
    const controller = new AbortController();
    let came = 0;
    let cameBefore = 0;
    try {
      const options = { ...endless, maximumNewTokens: 200, signal: controller.signal };
      for await (const _ of loadedModel().generate(somePrompt(20), options)) {
        came += 1;
        if (came === tokens) {
          setTimeout(() => {
            cameBefore = came;
            controller.abort(new Error('the reader has seen enough'));
          });
        }
      }
      return { cameAfter: came - cameBefore, reason: 'none' };
    } catch (error) {
      return { cameAfter: came - cameBefore, reason: error instanceof Error ? error.message : String(error) };
    }
  },
};

export type OnnxTestPage = typeof page;

declare global {
  var onnxTestPage: OnnxTestPage;
}

globalThis.onnxTestPage = page;
