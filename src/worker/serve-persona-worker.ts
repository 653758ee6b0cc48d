// What an application's two-line worker file calls.
import type { Task } from '../tasks/task.ts';
import type { Port } from './protocol.ts';
import { type EngineServer, serveEngine } from './serve-engine.ts';
import type { LoadEngine } from './shared-engine.ts';

export interface ServePersonaWorkerOptions {
  /** Tasks of the application, beside those that ship. */
  readonly tasks?: readonly Task[];
  /** How the engine is built. @defaultValue the shipped one, over the model packages */
  readonly load?: LoadEngine;
}

/**
 * Serves the engine from a dedicated or a shared worker. Call it at the top of the worker's file, before any `await`.
 *
 * @example
 * ```ts
 * // persona.worker.ts
 * import { servePersonaWorker } from 'persona-plug/worker';
 * servePersonaWorker();
 * ```
 */
export function servePersonaWorker(options: ServePersonaWorkerOptions = {}): EngineServer {
  const load: LoadEngine =
    options.load ??
    (async (engineOptions, context) => {
      // Loaded when first needed: a page that imports only the client must not pull in the runtimes.
      const { loadEngine } = await import('../engine/load-engine.ts');
      return await loadEngine(engineOptions, { ...context, tasks: options.tasks ?? [] });
    });
  const server = serveEngine({ load });
  const scope: EventTarget = globalThis;
  if ('SharedWorkerGlobalScope' in globalThis) {
    scope.addEventListener('connect', (event) => {
      if (event instanceof MessageEvent) for (const port of event.ports) server.addPort(port);
    });
  } else {
    server.addPort(dedicatedScope());
  }
  return server;
}

/** The border: in a dedicated worker the global scope itself is the port to the page. */
function dedicatedScope(): Port {
  const scope: unknown = globalThis;
  return scope as Port;
}
