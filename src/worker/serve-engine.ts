// The worker's side of the protocol: one engine, any number of ports. Requests run concurrently; what may not run at
// once (the language model) is serialised by the engine, not here.
import type { Personalizer } from '../engine/personalizer.ts';
import { PersonaPlugError } from '../lib/errors.ts';
import type { OnProgress } from '../lib/progress.ts';
import { whileAnswering } from './answer-lock.ts';
import {
  type Call,
  type CallResults,
  type ClientMessage,
  type Method,
  type Port,
  protocolVersion,
  readClientMessage,
  type WorkerMessageBody,
  workerMessage,
} from './protocol.ts';
import { toRemoteError } from './remote-error.ts';
import { type LoadEngine, SharedEngine } from './shared-engine.ts';

export interface ServeOptions {
  readonly load: LoadEngine;
  /** Web Locks tell each side of the other's death. `null`: do without. @defaultValue `navigator.locks` where there is one */
  readonly locks?: LockManager | null;
}

export interface EngineServer extends AsyncDisposable {
  /** Listens on a port: a worker's scope, or a MessagePort. */
  addPort(port: Port): void;
}

interface Client {
  readonly id: string;
  readonly port: Port;
  readonly running: Map<number, AbortController>;
  /** Releases the lock by which the client knows that this worker is alive. */
  releaseLock: (() => void) | null;
}

interface CallContext {
  readonly client: Client;
  readonly signal: AbortSignal;
  readonly post: (body: WorkerMessageBody) => void;
}

/** Serves an engine on ports. It is loaded by the first `open` and disposed of after the last `close`. */
export function serveEngine(options: ServeOptions): EngineServer {
  const locks = options.locks === undefined ? (globalThis.navigator?.locks ?? null) : options.locks;
  const engine = new SharedEngine(options.load);
  const clients = new Map<string, Client>();
  const listeners: { port: Port; listener: (event: MessageEvent) => void }[] = [];

  async function forgetClient(client: Client): Promise<void> {
    clients.delete(client.id);
    for (const controller of client.running.values()) {
      controller.abort(new DOMException('The client has closed its connection.', 'AbortError'));
    }
    await engine.leave(client.id);
    client.releaseLock?.();
  }

  async function hello(client: Client): Promise<CallResults['hello']> {
    if (locks === null) return { lock: null };
    const lock = `persona-plug/worker/${client.id}`;
    await new Promise<void>((resolve, reject) => {
      locks
        .request(lock, async () => {
          resolve();
          await new Promise<void>((release) => {
            client.releaseLock = release;
          });
        })
        .catch(reject);
    });
    // Granted when the client's page is gone, whether it closed the connection or not.
    locks.request(`persona-plug/client/${client.id}`, async () => await forgetClient(client)).catch(() => undefined);
    return { lock };
  }

  async function run(call: Call, context: CallContext): Promise<CallResults[Method]> {
    const { client, signal, post } = context;
    const onProgress: OnProgress = (progress) => post({ type: 'progress', progress });
    switch (call.method) {
      case 'hello':
        return await hello(client);
      case 'open':
        await engine.join(client.id, call.options, { signal, onProgress });
        return null;
      case 'close':
        await forgetClient(client);
        return null;
      default:
        return await runOnEngine(engine.of(client.id), call, { ...context, onProgress, locks });
    }
  }

  async function answer(client: Client, message: ClientMessage, call: Call): Promise<void> {
    const controller = new AbortController();
    client.running.set(message.request, controller);
    const { signal } = controller;
    const post = (body: WorkerMessageBody) =>
      client.port.postMessage(workerMessage(message.client, message.request, body), []);
    try {
      if (message.version !== protocolVersion) throw versionError(message.version);
      const result = await run(call, { client, signal, post });
      post({ type: 'result', result });
    } catch (error) {
      post({ type: 'error', error: toRemoteError(error, signal.aborted && isAbort(error, signal)) });
    } finally {
      client.running.delete(message.request);
    }
  }

  return {
    addPort(port) {
      const listener = (event: MessageEvent): void => {
        const message = readClientMessage(event.data);
        if (message === null) return;
        let client = clients.get(message.client);
        if (message.type === 'cancel') {
          client?.running.get(message.request)?.abort(new DOMException('Aborted by the client.', 'AbortError'));
          return;
        }
        if (client === undefined) {
          client = { id: message.client, port, running: new Map(), releaseLock: null };
          clients.set(message.client, client);
        }
        void answer(client, message, message.call);
      };
      listeners.push({ port, listener });
      port.addEventListener('message', listener);
      port.start?.();
    },
    async [Symbol.asyncDispose]() {
      for (const { port, listener } of listeners) port.removeEventListener('message', listener);
      await Promise.all([...clients.values()].map(forgetClient));
    },
  };
}

async function runOnEngine(
  engine: Personalizer,
  call: Exclude<Call, { method: 'hello' | 'open' | 'close' }>,
  {
    signal,
    post,
    onProgress,
    locks,
  }: CallContext & { readonly onProgress: OnProgress; readonly locks: LockManager | null },
): Promise<CallResults[Method]> {
  switch (call.method) {
    case 'status':
      return await engine.status({ signal });
    case 'remember':
      return await engine.remember(call.item, { signal });
    case 'forget':
      return await engine.forget(call.id, { signal });
    case 'forgetEverything':
      await engine.forgetEverything({ signal });
      return null;
    case 'items':
      return await engine.items(call.task ?? undefined, { signal });
    case 'importHistory':
      return await engine.importHistory(call.jsonl, { signal, onProgress });
    case 'exportHistory':
      return await engine.exportHistory({ signal, includeVectors: call.includeVectors });
    case 'explain':
      return await engine.explain(call.request, { signal, onProgress });
    case 'generate':
      return await whileAnswering(locks, async () => {
        for await (const event of engine.generate(call.request, { signal })) post({ type: 'event', event });
        return null;
      });
    case 'listAdapters':
      return await engine.adapters.list(call.task ?? undefined, { signal });
    case 'dropAdapter':
      return await engine.adapters.drop(call.request, { signal });
    case 'watchAdapters':
      for await (const _change of engine.adapters.watch({ signal })) post({ type: 'event', event: null });
      return null;
    case 'exportPeft':
      return await engine.adapters.exportPeft(call.request, { signal });
    default:
      return refuse(call satisfies never);
  }
}

function isAbort(error: unknown, signal: AbortSignal): boolean {
  return error === signal.reason || (error instanceof DOMException && error.name === 'AbortError');
}

function refuse(call: unknown): never {
  throw new PersonaPlugError('invalid-argument', `The worker does not know this call: ${JSON.stringify(call)}.`);
}

function versionError(version: number): PersonaPlugError {
  return new PersonaPlugError(
    'internal',
    `Page and worker speak different versions of the protocol: the page ${version}, the worker ${protocolVersion}. ` +
      'They come from different builds; reload the page.',
    { details: { client: version, worker: protocolVersion } },
  );
}
