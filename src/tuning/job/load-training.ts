// Loads what a training is made of, in a browser: the history, the plug, the language model's weights. No embedder: the
// vectors of the items are stored with them.
import type { HistoryStore } from '../../history/history-store.ts';
import { createTextTokenizer } from '../../language-model/text-tokenizer.ts';
import { PersonaPlugError } from '../../lib/errors.ts';
import type { ModelSource } from '../../model-package/model-source.ts';
import { readSafetensors } from '../../model-package/safetensors.ts';
import { readPlug } from '../../persona/plug.ts';
import { createTaskRegistry } from '../../tasks/task-registry.ts';
import type { Task } from '../../tasks/task.ts';
import { readLlamaShape, readLlamaWeights } from '../llama-weights.ts';
import { assertMemory, availableMemory, reportedDeviceMemory, trainingMemory } from '../training-memory.ts';
import type { TrainingParts } from './open-training.ts';

export interface LoadTrainingOptions {
  /** Names of the model packages. */
  readonly packages: { readonly languageModel: string; readonly plug: string };
  /** `webgpu` is worth it on a real GPU only. @defaultValue 'wasm' */
  readonly device?: 'wasm' | 'webgpu';
  /** Tasks of the application, beside those that ship. */
  readonly tasks?: readonly Task[];
  /** Bytes that a training may take at most; one that needs more is refused. @defaultValue what the device is known to have */
  readonly memoryLimit?: number;
  readonly signal?: AbortSignal;
}

/**
 * Opens packages and reads the weights; jax-js itself is loaded when the training starts.
 *
 * @throws PersonaPlugError `model-missing`, `model-integrity`, `network-failed`, `memory-insufficient`, and `model-mismatch` when the plug belongs to another
 * language model, or its weights are quantised.
 */
export async function loadTraining(
  models: ModelSource,
  store: HistoryStore,
  options: LoadTrainingOptions,
): Promise<TrainingParts> {
  const { packages, device = 'wasm', tasks = [], signal } = options;
  const read = signal === undefined ? {} : { signal };
  const [modelPackage, plugPackage] = await Promise.all([
    models.open(packages.languageModel, 'language-model', read),
    models.open(packages.plug, 'plug', read),
  ]);
  const { manifest } = modelPackage;
  const plugManifest = plugPackage.manifest;
  if (plugManifest.plug.languageModel !== manifest.fingerprint) {
    throw new PersonaPlugError(
      'model-mismatch',
      `The plug "${plugManifest.name}" was trained for the language model ${plugManifest.plug.languageModel}, but "${manifest.name}" is ${manifest.fingerprint}. Use the plug that was trained for it.`,
      { details: { expected: plugManifest.plug.languageModel, found: manifest.fingerprint } },
    );
  }
  const weightBytes = manifest.files
    .filter(({ role }) => role === 'weights')
    .reduce((sum, { bytes }) => sum + bytes, 0);
  // Two bytes a weight: other formats are refused when they are read.
  const needed = trainingMemory(await readLlamaShape(modelPackage, read), weightBytes / 2);
  const { memoryLimit: limit } = options;
  assertMemory(manifest.name, needed, availableMemory({ device, limit, deviceMemory: reportedDeviceMemory() }));
  const weights = await readLlamaWeights(modelPackage, read);
  const { tokenizer, promptTemplate, endTokens } = manifest.languageModel;
  const [endToken] = endTokens;
  if (endToken === undefined) {
    throw new PersonaPlugError('model-mismatch', `The language model "${manifest.name}" names no end token.`);
  }
  return {
    store,
    weights,
    languageModel: manifest.fingerprint,
    plug: readPlug(plugManifest, readSafetensors(await plugPackage.bytes(plugManifest.plug.weights, read))),
    tasks: createTaskRegistry(tasks),
    tokenizer: createTextTokenizer(await modelPackage.json(tokenizer, read)),
    promptTemplate,
    endToken,
    async createModel(loraScale) {
      const { loadJax } = await import('../jax/load-jax.ts');
      const { jaxGradientModel } = await import('../jax/jax-gradient-model.ts');
      return jaxGradientModel(await loadJax(device), weights, { loraScale });
    },
  };
}
