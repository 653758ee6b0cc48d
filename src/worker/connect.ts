// The page's end of the protocol: a Personalizer whose calls run in a worker.
import type {
  CallOptions,
  EngineOptions,
  GenerateEvent,
  GenerateRequest,
  LongCallOptions,
  Personalizer,
} from '../engine/personalizer.ts';
import { Connection, type ConnectionOptions } from './connection.ts';
import type { Port } from './protocol.ts';

/** A dedicated worker, a shared worker, or a port to one. */
export type PersonaWorker = Worker | SharedWorker | MessagePort | Port;

export interface ConnectOptions extends LongCallOptions, ConnectionOptions {}

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
  try {
    await connection.greet(options);
    await connection.call({ method: 'open', options: withAbsoluteModels(engineOptions) }, options);
  } catch (error) {
    await connection.close();
    throw error;
  }
  return personalizerOver(connection);
}

function personalizerOver(connection: Connection): Personalizer {
  return {
    status: async (options?: CallOptions) => await connection.call({ method: 'status' }, options),
    remember: async (item, options) => await connection.call({ method: 'remember', item: { ...item } }, options),
    forget: async (id, options) => await connection.call({ method: 'forget', id }, options),
    async forgetEverything(options) {
      await connection.call({ method: 'forgetEverything' }, options);
    },
    items: async (task, options) => await connection.call({ method: 'items', task: task ?? null }, options),
    importHistory: async (jsonl, options) => await connection.call({ method: 'importHistory', jsonl }, options),
    exportHistory: async (options) =>
      await connection.call({ method: 'exportHistory', includeVectors: options?.includeVectors ?? false }, options),
    generate: (request: GenerateRequest, options?: CallOptions): AsyncIterable<GenerateEvent> =>
      connection.stream({ method: 'generate', request: { ...request } }, options),
    explain: async (request, options) => await connection.call({ method: 'explain', request: { ...request } }, options),
    async [Symbol.asyncDispose]() {
      await connection.close();
    },
  };
}

/** A path means the page's address, not the worker's, whose script may lie in another folder. */
function withAbsoluteModels(options: EngineOptions): EngineOptions {
  const base = globalThis.document?.baseURI ?? globalThis.location?.href;
  const models = options.models.endsWith('/') ? options.models : `${options.models}/`;
  return { ...options, models: base === undefined ? models : new URL(models, base).href };
}
