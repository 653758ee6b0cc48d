// Builds the engine of a browser from model packages: history in IndexedDB, embedder, language model, plug. The runtimes
// are imported when they are needed, so that a page on wasm never loads WebLLM.
import type { Embedder } from '../embedder/embedder.ts';
import type { HistoryStore } from '../history/history-store.ts';
import type { LanguageModel } from '../language-model/language-model.ts';
import { chooseDevice } from '../lib/choose-device.ts';
import { PersonaPlugError } from '../lib/errors.ts';
import type { OnProgress } from '../lib/progress.ts';
import type { LanguageModelManifest } from '../model-package/manifest.ts';
import type { ModelPackage, ModelSource } from '../model-package/model-source.ts';
import { readSafetensors } from '../model-package/safetensors.ts';
import { type Plug, readPlug } from '../persona/plug.ts';
import { createTaskRegistry } from '../tasks/task-registry.ts';
import type { Task } from '../tasks/task.ts';
import { createEngine } from './create-engine.ts';
import { packageNamesOf, storageNameOf } from './engine-defaults.ts';
import type { EngineOptions, Personalizer } from './personalizer.ts';

export interface LoadContext {
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
  /** Tasks of the application, beside those that ship. */
  readonly tasks?: readonly Task[];
}

/** What can be replaced, e.g. in Node: where packages come from, and where the history lies. */
export interface EngineSources {
  /** @defaultValue packages below `options.models`, by URL */
  readonly models?: ModelSource;
  /** @defaultValue IndexedDB under `options.storageName` */
  readonly store?: HistoryStore;
}

/**
 * Loads all parts and makes the engine. What was loaded before a failure is disposed of.
 *
 * @throws PersonaPlugError `webgpu-unavailable`, `model-missing`, `model-integrity`, `model-mismatch`, `network-failed`,
 * `storage-blocked`, `storage-failed`, `runtime-failed`; or `signal.reason`.
 */
export async function loadEngine(
  options: EngineOptions,
  context: LoadContext,
  sources: EngineSources = {},
): Promise<Personalizer> {
  const opened: AsyncDisposable[] = [];
  const own = <T extends AsyncDisposable>(part: T): T => {
    opened.push(part);
    return part;
  };
  try {
    // The history first: it is quick, and a blocked database need not wait for megabytes of models.
    const store = own(sources.store ?? (await openStore(options, context)));
    const models = sources.models ?? (await openModels(options));
    const { embedder: embedderName, languageModel: modelName, plug: plugName } = packageNamesOf(options);
    const [embedderPackage, modelPackage, plugPackage] = await Promise.all([
      models.open(embedderName, 'embedder', context),
      models.open(modelName, 'language-model', context),
      models.open(plugName, 'plug', context),
    ]);
    const { manifest } = plugPackage;
    const plug: Plug = readPlug(manifest, readSafetensors(await plugPackage.bytes(manifest.plug.weights, context)));
    const { onnxEmbedder } = await import('../embedder/onnx-embedder.ts');
    const embedder: Embedder = own(
      await onnxEmbedder(embedderPackage, {
        ...runtimeOptions(options, context),
        device: options.embedderDevice ?? 'auto',
      }),
    );
    const languageModel = own(await openLanguageModel(modelPackage, options, context));
    return createEngine({
      store,
      embedder,
      languageModel,
      plug,
      promptTemplate: modelPackage.manifest.languageModel.promptTemplate,
      tasks: createTaskRegistry(context.tasks ?? []),
    });
  } catch (error) {
    for (const part of opened.toReversed()) await part[Symbol.asyncDispose]();
    throw error;
  }
}

async function openStore(options: EngineOptions, { signal }: LoadContext): Promise<HistoryStore> {
  const { openHistory } = await import('../history/open-history.ts');
  return await openHistory({ name: storageNameOf(options), signal });
}

async function openModels(options: EngineOptions): Promise<ModelSource> {
  const { createUrlModelSource } = await import('../model-package/url-model-source.ts');
  return createUrlModelSource(options.models);
}

function runtimeOptions(
  { onnxRuntimeFiles }: EngineOptions,
  { signal, onProgress }: LoadContext,
): { signal: AbortSignal; onProgress: OnProgress; runtimeFiles?: { wasm?: string; webgpu?: string } } {
  return { signal, onProgress, ...(onnxRuntimeFiles === undefined ? {} : { runtimeFiles: onnxRuntimeFiles }) };
}

async function openLanguageModel(
  modelPackage: ModelPackage<LanguageModelManifest>,
  options: EngineOptions,
  context: LoadContext,
): Promise<LanguageModel> {
  const { languageModelDevice: preference = 'auto', languageModelRuntime: runtime = 'webllm' } = options;
  const device = await chooseDevice(preference);
  const hasWebllm = modelPackage.manifest.languageModel.webllm !== undefined;
  let givenUp = '';
  if (device.kind === 'webgpu' && runtime === 'webllm' && hasWebllm) {
    try {
      const { webllmLanguageModel } = await import('../language-model/webllm/webllm-language-model.ts');
      // WebLLM runs on WebGPU alone and says that it was asked for; why it was chosen is known here.
      return { ...(await webllmLanguageModel(modelPackage, context)), device };
    } catch (error) {
      // Only `auto` may take another runtime; whoever asked for WebGPU is told that it failed.
      if (preference !== 'auto' || !mayFallBack(error)) throw error;
      givenUp = `; WebLLM was given up: ${error.message}`;
    }
  }
  const { onnxLanguageModel } = await import('../language-model/onnx/onnx-language-model.ts');
  const model = await onnxLanguageModel(modelPackage, { ...runtimeOptions(options, context), device: preference });
  return { ...model, device: { ...model.device, reason: model.device.reason + givenUp } };
}

function mayFallBack(error: unknown): error is PersonaPlugError {
  return PersonaPlugError.isInstance(error) && (error.code === 'runtime-failed' || error.code === 'device-lost');
}
