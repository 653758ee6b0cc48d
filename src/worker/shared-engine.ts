// One engine for several clients: the first loads it, the others join, the last one to leave disposes of it.
import type { EngineOptions, Personalizer } from '../engine/personalizer.ts';
import { PersonaPlugError } from '../lib/errors.ts';
import { orAborted } from '../lib/or-aborted.ts';
import type { OnProgress } from '../lib/progress.ts';

/** Builds the engine that a worker serves. */
export type LoadEngine = (
  options: EngineOptions,
  context: { readonly signal: AbortSignal; readonly onProgress: OnProgress },
) => Promise<Personalizer>;

interface Loaded {
  /** The options, as canonical text. */
  readonly key: string;
  readonly promise: Promise<Personalizer>;
  readonly controller: AbortController;
  readonly listeners: Set<OnProgress>;
  engine: Personalizer | null;
}

export class SharedEngine {
  readonly #load: LoadEngine;
  readonly #members = new Set<string>();
  #loaded: Loaded | null = null;
  /** The end of the last disposal: a new engine must not open the store before the old one has closed it. */
  #disposed: Promise<void> = Promise.resolve();

  constructor(load: LoadEngine) {
    this.#load = load;
  }

  /** @throws PersonaPlugError `invalid-argument` when other clients hold an engine with other options. */
  async join(
    client: string,
    options: EngineOptions,
    context: { readonly signal: AbortSignal; readonly onProgress: OnProgress },
  ): Promise<void> {
    const key = JSON.stringify(Object.entries(options).toSorted(([a], [b]) => (a < b ? -1 : 1)));
    const isAlone = [...this.#members].every((member) => member === client);
    if (this.#loaded !== null && this.#loaded.key !== key) {
      if (!isAlone) {
        throw new PersonaPlugError(
          'invalid-argument',
          `This worker already runs with other options (${this.#loaded.key}, asked for: ${key}). ` +
            'Close the other clients first, or give each set of options a worker of its own.',
        );
      }
      await this.leave(client);
    }
    this.#members.add(client);
    const loaded = (this.#loaded ??= this.#start(key, options));
    loaded.listeners.add(context.onProgress);
    try {
      await orAborted(loaded.promise, context.signal);
    } catch (error) {
      await this.leave(client);
      throw error;
    } finally {
      loaded.listeners.delete(context.onProgress);
    }
  }

  /** @throws PersonaPlugError `closed` when this client has not opened the engine. */
  of(client: string): Personalizer {
    const engine = this.#members.has(client) ? this.#loaded?.engine : null;
    if (engine === null || engine === undefined) {
      throw new PersonaPlugError('closed', 'The engine is not open for this client. Call createPersonalizer again.');
    }
    return engine;
  }

  async leave(client: string): Promise<void> {
    if (!this.#members.delete(client) || this.#members.size > 0 || this.#loaded === null) return;
    const { promise, controller } = this.#loaded;
    this.#loaded = null;
    controller.abort(new DOMException('The last client has left.', 'AbortError'));
    this.#disposed = dispose(this.#disposed, promise);
    await this.#disposed;
  }

  #start(key: string, options: EngineOptions): Loaded {
    const controller = new AbortController();
    const listeners = new Set<OnProgress>();
    const promise = this.#disposed
      .catch(() => undefined)
      .then(() =>
        this.#load(options, {
          signal: controller.signal,
          onProgress: (progress) => {
            for (const listener of listeners) listener(progress);
          },
        }),
      );
    const loaded: Loaded = { key, promise, controller, listeners, engine: null };
    promise.then(
      (engine) => (loaded.engine = engine),
      () => {
        // A failed load leaves nothing behind, so that the next `open` tries again.
        if (this.#loaded === loaded) this.#loaded = null;
      },
    );
    return loaded;
  }
}

async function dispose(earlier: Promise<void>, loading: Promise<Personalizer>): Promise<void> {
  await earlier.catch(() => undefined);
  const engine = await loading.catch(() => null);
  await engine?.[Symbol.asyncDispose]();
}
