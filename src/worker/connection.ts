// One client of a worker: pending calls, streams, cancels, and what happens to them when the worker ends.
import type { CallOptions, LongCallOptions } from '../lib/call-options.ts';
import { PersonaPlugError } from '../lib/errors.ts';
import type { OnProgress } from '../lib/progress.ts';
import { EventQueue } from '../lib/event-queue.ts';
import {
  type Call,
  type CallEvents,
  type CallOf,
  type CallResults,
  clientMessage,
  type Method,
  type Port,
  protocolVersion,
  readWorkerMessage,
  type WorkerMessage,
} from './protocol.ts';
import { fromRemoteError } from './remote-error.ts';

export interface ConnectionOptions {
  /** Milliseconds until the worker must have answered the first message. @defaultValue 60000 */
  readonly helloTimeout?: number;
  /** @defaultValue `navigator.locks` where there is one; null: do without */
  readonly locks?: LockManager | null;
  /** @defaultValue `crypto.randomUUID()` */
  readonly clientId?: string;
}

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: OnProgress | undefined;
  readonly onEvent: OnEvent | undefined;
}

type OnEvent = (event: CallEvents[keyof CallEvents]) => void;

export class Connection {
  readonly #port: Port;
  readonly #client: string;
  readonly #locks: LockManager | null;
  readonly #helloTimeout: number;
  readonly #pending = new Map<number, Pending>();
  readonly #life = new AbortController();
  #nextRequest = 1;
  #closed: PersonaPlugError | null = null;

  /** `owner`: the SharedWorker of the port, whose `error` events tell of a script that cannot load. */
  constructor(port: Port, owner: EventTarget | null, options: ConnectionOptions = {}) {
    this.#port = port;
    this.#client = options.clientId ?? crypto.randomUUID();
    this.#locks = options.locks === undefined ? (globalThis.navigator?.locks ?? null) : options.locks;
    this.#helloTimeout = options.helloTimeout ?? 60_000;
    port.addEventListener('message', this.#onMessage);
    for (const target of new Set([port, owner])) {
      if (!(target instanceof EventTarget)) continue;
      target.addEventListener('error', this.#onError);
      target.addEventListener('messageerror', this.#onError);
    }
    this.#detach = () => {
      port.removeEventListener('message', this.#onMessage);
      for (const target of new Set([port, owner])) {
        if (!(target instanceof EventTarget)) continue;
        target.removeEventListener('error', this.#onError);
        target.removeEventListener('messageerror', this.#onError);
      }
    };
    port.start?.();
  }

  readonly #detach: () => void;

  /** The first exchange: finds out whether there is a worker of this protocol, and which lock tells of its end. */
  async greet(options: CallOptions): Promise<void> {
    const timeout = AbortSignal.timeout(this.#helloTimeout);
    const signals = options.signal === undefined ? [timeout] : [timeout, options.signal];
    await this.#holdClientLock();
    const answer = this.call({ method: 'hello' }, {});
    const silence = new Promise<never>((_resolve, reject) => {
      const onAbort = (): void =>
        reject(options.signal?.aborted === true ? options.signal.reason : this.#silenceError());
      AbortSignal.any(signals).addEventListener('abort', onAbort, { once: true, signal: this.#life.signal });
      if (options.signal?.aborted === true) onAbort();
    });
    const { lock } = await Promise.race([answer, silence]);
    if (lock !== null) this.#watchWorker(lock);
  }

  async call<M extends Method>(call: CallOf<M>, options: LongCallOptions = {}): Promise<CallResults[M]> {
    const result = await this.#send(call, options, undefined);
    // The border: a worker of the same build and version answers a call with the result of its method.
    return result as CallResults[M];
  }

  /** Runs a call that answers with events. Leaving the loop early cancels it. */
  async *stream<M extends keyof CallEvents>(
    call: CallOf<M>,
    options: CallOptions = {},
  ): AsyncGenerator<CallEvents[M], void, void> {
    const { signal } = options;
    signal?.throwIfAborted();
    const queue = new EventQueue<CallEvents[M]>();
    const consumer = new AbortController();
    // No side effects hang on a stream: an abort ends it at once, and the worker is told.
    const onAbort = (): void => {
      consumer.abort();
      queue.fail(signal?.reason);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    // The border: the events are those of the call's method.
    this.#send(call, { signal: consumer.signal }, (event) => queue.push(event as CallEvents[M])).then(
      () => queue.end(),
      (error: unknown) => queue.fail(error),
    );
    try {
      yield* queue;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      consumer.abort();
    }
  }

  /** Tells the worker, and rejects what is still pending. */
  async close(): Promise<void> {
    if (this.#closed !== null) return;
    const closed = this.call({ method: 'close' }).catch(() => undefined);
    // A worker that never answered will not answer now; a second is enough for one that does.
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 1_000))]);
    this.#end(new PersonaPlugError('closed', 'The personalizer was closed. Create a new one to go on.'));
  }

  async #send(call: Call, { signal, onProgress }: LongCallOptions, onEvent: OnEvent | undefined): Promise<unknown> {
    if (this.#closed !== null) throw this.#closed;
    signal?.throwIfAborted();
    const request = this.#nextRequest++;
    const post = (type: 'call' | 'cancel'): void =>
      this.#port.postMessage(clientMessage(this.#client, request, type === 'call' ? { type, call } : { type }), []);
    // The call itself settles when the worker says so: only the worker knows whether a write was committed before the abort.
    const onAbort = (): void => post('cancel');
    try {
      return await new Promise((resolve, reject) => {
        this.#pending.set(request, { resolve, reject, signal, onProgress, onEvent });
        signal?.addEventListener('abort', onAbort, { once: true });
        post('call');
      });
    } finally {
      this.#pending.delete(request);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  readonly #onMessage = (event: MessageEvent): void => {
    const message = readWorkerMessage(event.data);
    if (message === null || message.client !== this.#client) return;
    const pending = this.#pending.get(message.request);
    if (pending !== undefined) deliver(message, pending);
  };

  readonly #onError = (event: Event): void => {
    const text = 'message' in event && typeof event.message === 'string' ? event.message : event.type;
    const where = 'filename' in event && typeof event.filename === 'string' ? ` (${event.filename})` : '';
    const error = new PersonaPlugError(
      'closed',
      `The worker threw an error that nothing caught: ${text}${where}. ` +
        'Look at the worker in the browser console; create the worker anew if it does not answer.',
    );
    for (const pending of this.#pending.values()) pending.reject(error);
  };

  /** Held as long as this client lives, and had before the worker can ask for it: so the worker learns of its end. */
  async #holdClientLock(): Promise<void> {
    const locks = this.#locks;
    if (locks === null) return;
    await new Promise<void>((granted, reject) => {
      locks
        .request(`persona-plug/client/${this.#client}`, async () => {
          granted();
          await new Promise((resolve) => this.#life.signal.addEventListener('abort', resolve, { once: true }));
        })
        .catch(reject);
    });
  }

  #watchWorker(lock: string): void {
    this.#locks
      ?.request(lock, { signal: this.#life.signal }, () => {
        this.#end(
          new PersonaPlugError(
            'closed',
            'The worker has ended: it was terminated, or the browser stopped it, perhaps for lack of memory. ' +
              'The history is kept; create the worker and the personalizer anew.',
          ),
        );
      })
      .catch(() => undefined);
  }

  #silenceError(): PersonaPlugError {
    return new PersonaPlugError(
      'closed',
      `The worker did not answer within ${this.#helloTimeout} ms. Does its file call servePersonaWorker()?`,
      { details: { milliseconds: this.#helloTimeout, protocolVersion } },
    );
  }

  #end(error: PersonaPlugError): void {
    if (this.#closed !== null) return;
    this.#closed = error;
    this.#detach();
    this.#life.abort(error);
    for (const pending of this.#pending.values()) pending.reject(error);
  }
}

function deliver(message: WorkerMessage, pending: Pending): void {
  switch (message.type) {
    case 'progress':
      pending.onProgress?.(message.progress);
      break;
    case 'event':
      pending.onEvent?.(message.event);
      break;
    case 'result':
      pending.resolve(message.result);
      break;
    case 'error':
      pending.reject(fromRemoteError(message.error, pending.signal));
      break;
    default:
      message satisfies never;
  }
}
