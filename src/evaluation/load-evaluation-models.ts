// Loads the models of an evaluation from model packages: by URL in a page, from folders in Node. The language model runs on
// onnxruntime-web in both, so that a page and Node measure the same.
import { onnxEmbedder } from '../embedder/onnx-embedder.ts';
import type { EmbedderIdentity } from '../embedder/embedder.ts';
import { onnxLanguageModel } from '../language-model/onnx/onnx-language-model.ts';
import type { DevicePreference } from '../lib/device.ts';
import { PersonaPlugError } from '../lib/errors.ts';
import type { OnProgress } from '../lib/progress.ts';
import type { ModelSource } from '../model-package/model-source.ts';
import { readSafetensors } from '../model-package/safetensors.ts';
import { createUrlModelSource } from '../model-package/url-model-source.ts';
import { type Plug, readPlug } from '../persona/plug.ts';
import {
  createEvaluationModels,
  type EvaluationModels,
  mainLanguageModel,
  mainPlug,
  type MeasuredLanguageModel,
} from './evaluation-models.ts';
import { cacheVectors, type VectorCache } from './cache-vectors.ts';
import { lazyGradients } from './training/lazy-gradients.ts';
import { inMemoryAdapterCache, type AdapterCache } from './training/adapter-cache.ts';

/** Where a package is, and its name there. */
export interface PackagePlace {
  readonly source: ModelSource;
  readonly name: string;
}

export interface LoadEvaluationModelsOptions {
  /** The model packages: a URL ending in `/`, or a source. */
  readonly models: string | ModelSource;
  /** Other plugs, by the name of their method. */
  readonly plugs?: ReadonlyMap<string, PackagePlace>;
  /** Other language models, by name. */
  readonly languageModels?: ReadonlyMap<string, PackagePlace>;
  /** Opens the place where an embedder's vectors are kept, so that a text is embedded once. @defaultValue a `Map` */
  readonly vectorCache?: (embedder: EmbedderIdentity) => VectorCache;
  /** Where the adapters that were trained on users are kept. @defaultValue the newest ones, in this process */
  readonly adapterCache?: AdapterCache;
  /** @defaultValue 'auto' */
  readonly device?: DevicePreference;
  /** Where the .wasm files of onnxruntime-web lie, when a bundler serves them from elsewhere. URLs. */
  readonly onnxRuntimeFiles?: { readonly wasm?: string; readonly webgpu?: string };
  readonly signal?: AbortSignal;
  readonly onProgress?: OnProgress;
}

/** Owns the models: disposing of it disposes of them. */
export interface LoadedEvaluationModels extends AsyncDisposable {
  readonly models: EvaluationModels;
  /** Fingerprints of the loaded packages, by kind and name. */
  readonly fingerprints: Readonly<Record<string, string>>;
}

/** Packages that some methods of the registry need; these methods are skipped where a package is missing. */
const optionalPlugs = ['plug-instruction', 'plug-pplug'];
const optionalLanguageModels = [['all', 'nano-llm-all']] as const;

/**
 * Loads the shipped models and those under comparison.
 *
 * @example
 * ```ts
 * await using loaded = await loadEvaluationModels({ models: '/models/' });
 * show(loaded.fingerprints);
 * ```
 *
 * @throws PersonaPlugError `model-missing`, `model-integrity`, `model-mismatch`, `network-failed`, `runtime-failed`,
 * `webgpu-unavailable`; or `signal.reason`.
 */
export async function loadEvaluationModels(options: LoadEvaluationModelsOptions): Promise<LoadedEvaluationModels> {
  const { vectorCache, device = 'auto', signal, onProgress, onnxRuntimeFiles } = options;
  const source = typeof options.models === 'string' ? createUrlModelSource(options.models) : options.models;
  const read = {
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined ? {} : { onProgress }),
    ...(onnxRuntimeFiles === undefined ? {} : { runtimeFiles: onnxRuntimeFiles }),
  };
  const opened: AsyncDisposable[] = [];
  const end = async (): Promise<void> => {
    for (const part of opened.splice(0).toReversed()) await part[Symbol.asyncDispose]();
  };
  const missing = new Map<string, string>();
  const fingerprints: Record<string, string> = {};
  try {
    const embedder = await onnxEmbedder(await source.open('all-minilm-l6-v2', 'embedder', read), { ...read, device });
    opened.push(embedder);
    fingerprints['embedder'] = embedder.identity.fingerprint;

    const languageModels = new Map<string, MeasuredLanguageModel>();
    const modelPlaces = placesOf([[mainLanguageModel, mainLanguageModel]], options.languageModels, source);
    for (const [name, place] of withOptional(modelPlaces, optionalLanguageModels, source)) {
      const found = await orMissing(name, place, missing, async () => {
        const modelPackage = await place.source.open(place.name, 'language-model', read);
        const model = await onnxLanguageModel(modelPackage, { ...read, device });
        return { model, promptTemplate: modelPackage.manifest.languageModel.promptTemplate };
      });
      if (found === null) continue;
      opened.push(found.model);
      languageModels.set(name, found);
      fingerprints[`languageModel.${name}`] = found.model.fingerprint;
    }

    const main = modelPlaces.get(mainLanguageModel) ?? { source, name: mainLanguageModel };
    const gradients = lazyGradients(await main.source.open(main.name, 'language-model', read));
    opened.push(gradients);

    const plugs = new Map<string, Plug>();
    const plugPlaces = placesOf([[mainPlug, mainPlug]], options.plugs, source);
    const optional = optionalPlugs.map((name) => [name, name] as const);
    for (const [name, place] of withOptional(plugPlaces, optional, source)) {
      const plug = await orMissing(name, place, missing, async () => {
        const plugPackage = await place.source.open(place.name, 'plug', read);
        const { manifest } = plugPackage;
        return readPlug(manifest, readSafetensors(await plugPackage.bytes(manifest.plug.weights, read)));
      });
      if (plug === null) continue;
      plugs.set(name, plug);
      fingerprints[`plug.${name}`] = plug.fingerprint;
    }
    const trainer = { gradients, cache: options.adapterCache ?? inMemoryAdapterCache() };
    const models = createEvaluationModels({
      embedder: cacheVectors(embedder, vectorCache?.(embedder.identity)),
      languageModels,
      plugs,
      missing,
      trainer,
    });
    return { models, fingerprints, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

interface Place extends PackagePlace {
  readonly isOptional: boolean;
}

function placesOf(
  shipped: readonly (readonly [string, string])[],
  own: ReadonlyMap<string, PackagePlace> = new Map(),
  source: ModelSource,
): Map<string, Place> {
  return new Map([
    ...shipped.map(([name, path]) => [name, { source, name: path, isOptional: false }] as const),
    ...[...own].map(([name, place]) => [name, { ...place, isOptional: false }] as const),
  ]);
}

function withOptional(
  places: Map<string, Place>,
  optional: readonly (readonly [string, string])[],
  source: ModelSource,
): Map<string, Place> {
  for (const [name, path] of optional) {
    if (!places.has(name)) places.set(name, { source, name: path, isOptional: true });
  }
  return places;
}

async function orMissing<T>(
  name: string,
  place: Place,
  missing: Map<string, string>,
  load: () => Promise<T>,
): Promise<T | null> {
  try {
    return await load();
  } catch (error) {
    if (!place.isOptional || !PersonaPlugError.isInstance(error) || error.code !== 'model-missing') throw error;
    missing.set(name, `the package ${place.name} is not among the models`);
    return null;
  }
}
