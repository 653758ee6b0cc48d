// Loads the models of an evaluation from folders, on wasm: the same engine parts as in a page without WebGPU.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { onnxEmbedder } from '../../embedder/onnx-embedder.ts';
import { onnxLanguageModel } from '../../language-model/onnx/onnx-language-model.ts';
import { PersonaPlugError } from '../../lib/errors.ts';
import { createFolderModelSource } from '../../model-package/folder-model-source.ts';
import { readSafetensors } from '../../model-package/safetensors.ts';
import { type Plug, readPlug } from '../../persona/plug.ts';
import {
  createLaboratory,
  type Laboratory,
  mainLanguageModel,
  mainPlug,
  type MeasuredLanguageModel,
} from '../laboratory.ts';
import { cachedEmbedder } from './embedding-cache.ts';

export interface LoadLaboratoryOptions {
  /** The folder of the model packages. */
  readonly models: string;
  /** Where vectors are kept. */
  readonly cache: string;
  /** Other plug packages by the name of their method: folders. */
  readonly plugs?: ReadonlyMap<string, string>;
  /** Other language model packages by name: folders. */
  readonly languageModels?: ReadonlyMap<string, string>;
  readonly signal?: AbortSignal;
}

export interface LoadedLaboratory extends AsyncDisposable {
  readonly laboratory: Laboratory;
  /** SHA-256 fingerprints of what was loaded, by kind and name. */
  readonly fingerprints: Readonly<Record<string, string>>;
}

/** Plugs that methods of the registry ask for, where the models folder has them. */
const optionalPlugs = ['plug-instruction', 'plug-pplug'];

/** The language model of `none-all`, where the models folder has it. */
const languageModelOfAll = 'nano-llm-all';

/** @throws PersonaPlugError `model-missing`, `model-integrity`, `model-mismatch`, `runtime-failed`. */
export async function loadLaboratory(options: LoadLaboratoryOptions): Promise<LoadedLaboratory> {
  const { models, cache, signal } = options;
  const read = signal === undefined ? {} : { signal };
  const opened: AsyncDisposable[] = [];
  const end = async (): Promise<void> => {
    for (const part of opened.toReversed()) await part[Symbol.asyncDispose]();
  };
  try {
    const missing = new Map<string, string>();
    const fingerprints: Record<string, string> = {};
    const embedderPackage = await createFolderModelSource(models).open('all-minilm-l6-v2', 'embedder', read);
    const embedder = await onnxEmbedder(embedderPackage, { device: 'wasm', ...read });
    opened.push(embedder);
    fingerprints['embedder'] = embedder.identity.fingerprint;

    const languageModels = new Map<string, MeasuredLanguageModel>();
    const modelFolders = folders(models, [mainLanguageModel], options.languageModels);
    if (!modelFolders.has('all')) modelFolders.set('all', path.join(models, languageModelOfAll));
    for (const [name, folder] of modelFolders) {
      if (noteMissing(name, folder, missing)) continue;
      const modelPackage = await sourceOf(folder).open(path.basename(folder), 'language-model', read);
      const model = await onnxLanguageModel(modelPackage, { device: 'wasm', ...read });
      opened.push(model);
      languageModels.set(name, { model, promptTemplate: modelPackage.manifest.languageModel.promptTemplate });
      fingerprints[`languageModel.${name}`] = model.fingerprint;
    }

    const plugs = new Map<string, Plug>();
    for (const [name, folder] of folders(models, [mainPlug, ...optionalPlugs], options.plugs)) {
      if (noteMissing(name, folder, missing)) continue;
      const plugPackage = await sourceOf(folder).open(path.basename(folder), 'plug', read);
      const { manifest } = plugPackage;
      plugs.set(name, readPlug(manifest, readSafetensors(await plugPackage.bytes(manifest.plug.weights, read))));
      fingerprints[`plug.${name}`] = manifest.fingerprint;
    }
    const laboratory = createLaboratory({
      embedder: cachedEmbedder(embedder, cache),
      languageModels,
      plugs,
      missing,
    });
    return { laboratory, fingerprints, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

function folders(
  models: string,
  names: readonly string[],
  own: ReadonlyMap<string, string> = new Map(),
): Map<string, string> {
  for (const [name, folder] of own) {
    if (existsSync(path.join(folder, 'manifest.json'))) continue;
    throw new PersonaPlugError(
      'model-missing',
      `The package ${name} is not in ${folder}: there is no manifest.json. Give NAME=DIR with the folder of a model package.`,
      { details: { package: name, folder } },
    );
  }
  return new Map([...names.map((name) => [name, path.join(models, name)] as const), ...own]);
}

function noteMissing(name: string, folder: string, missing: Map<string, string>): boolean {
  if (existsSync(path.join(folder, 'manifest.json'))) return false;
  missing.set(name, `the package ${path.basename(folder)} is not in ${path.dirname(folder)}`);
  return true;
}

function sourceOf(folder: string): ReturnType<typeof createFolderModelSource> {
  return createFolderModelSource(path.dirname(path.resolve(folder)));
}
