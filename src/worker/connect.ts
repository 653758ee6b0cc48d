// The page's side of the protocol: a Personalizer whose calls run in a worker.
import type { EngineOptions, Personalizer } from '../engine/personalizer.ts';
import type { LongCallOptions } from '../lib/call-options.ts';
import type { Adapters } from '../adapter/adapters.ts';
import { Connection, type ConnectionOptions } from './connection.ts';
import { packageNamesOf, storageNameOf } from '../engine/engine-defaults.ts';
import type { Port } from './protocol.ts';
import { type PageTrainings, pageTrainings } from './tuning/page-trainings.ts';
import type { TrainingPlace, TrainingSettings } from './tuning/training-protocol.ts';

/** A dedicated worker, a shared worker, or a port to one. */
export type PersonaWorker = Worker | SharedWorker | MessagePort | Port;

export interface ConnectOptions extends LongCallOptions, ConnectionOptions {
  /**
   * Starts a worker whose file calls `serveTrainingWorker()`, in which `adapters.train` trains: called with the first training, kept for
   * later ones, terminated when the personalizer is closed. @defaultValue none: nothing can be trained
   */
  readonly trainingWorker?: () => Worker;
  /** How trainings run. */
  readonly training?: TrainingSettings;
}

/**
 * Opens the engine in a worker that runs `servePersonaWorker()` and returns it as a Personalizer. Disposing of it closes
 * this client; the worker stays the application's.
 *
 * @throws PersonaPlugError `closed` when the worker does not answer or dies, and all that loading an engine throws.
 */
export async function connect(
  worker: PersonaWorker,
  engineOptions: EngineOptions,
  options: ConnectOptions = {},
): Promise<Personalizer> {
  const isShared = 'port' in worker;
  const connection = new Connection(isShared ? worker.port : worker, isShared ? worker : null, options);
  const absolute = withAbsoluteModels(engineOptions);
  try {
    await connection.greet(options);
    await connection.call({ method: 'open', options: absolute }, options);
  } catch (error) {
    await connection.close();
    throw error;
  }
  return personalizerOver(connection, pageTrainings(options.trainingWorker, placeOf(absolute, options.training)));
}

function personalizerOver(connection: Connection, trainings: PageTrainings): Personalizer {
  return {
    adapters: adaptersOver(connection, trainings),
    status: async (options) => await connection.call({ method: 'status' }, options),
    remember: async (item, options) => await connection.call({ method: 'remember', item: { ...item } }, options),
    forget: async (id, options) => await connection.call({ method: 'forget', id }, options),
    async forgetEverything(options) {
      await connection.call({ method: 'forgetEverything' }, options);
    },
    items: async (task, options) => await connection.call({ method: 'items', task: task ?? null }, options),
    importHistory: async (jsonl, options) => await connection.call({ method: 'importHistory', jsonl }, options),
    exportHistory: async (options) =>
      await connection.call({ method: 'exportHistory', includeVectors: options?.includeVectors ?? false }, options),
    generate: (request, options) => connection.stream({ method: 'generate', request: { ...request } }, options),
    explain: async (request, options) => await connection.call({ method: 'explain', request: { ...request } }, options),
    async [Symbol.asyncDispose]() {
      trainings[Symbol.dispose]();
      await connection.close();
    },
  };
}

function adaptersOver(connection: Connection, trainings: PageTrainings): Adapters {
  return {
    list: async (task, options) => await connection.call({ method: 'listAdapters', task: task ?? null }, options),
    train: (request, options) => trainings.start(request, options),
    resume: ({ task, kind }, options) => trainings.start({ task, resume: kind }, options),
    pause: () => trainings.pause(),
    drop: async (request, options) =>
      await connection.call({ method: 'dropAdapter', request: { ...request } }, options),
    async *watch(options) {
      for await (const _change of connection.stream({ method: 'watchAdapters' }, options)) yield;
    },
    exportPeft: async (request, options) =>
      await connection.call({ method: 'exportPeft', request: { ...request } }, options),
  };
}

/** Where the training worker finds what the engine uses. */
function placeOf(options: EngineOptions, settings: TrainingSettings = {}): TrainingPlace {
  const { languageModel, plug } = packageNamesOf(options);
  return {
    ...settings,
    models: options.models,
    packages: { languageModel, plug },
    storageName: storageNameOf(options),
  };
}

/** A path means the page's address, not the worker's, whose script may lie in another folder. */
function withAbsoluteModels(options: EngineOptions): EngineOptions {
  const base = globalThis.document?.baseURI ?? globalThis.location?.href;
  const models = options.models.endsWith('/') ? options.models : `${options.models}/`;
  return { ...options, models: base === undefined ? models : new URL(models, base).href };
}
