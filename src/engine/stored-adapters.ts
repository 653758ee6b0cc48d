// The adapters of a history as an engine offers them. An engine does not train: that takes a worker of its own.
import { readAdapter } from '../adapter/adapter-record.ts';
import type { Adapters } from '../adapter/adapters.ts';
import { peftFiles } from '../adapter/peft-files.ts';
import { runWithoutWorker } from '../adapter/training-run.ts';
import { readWeightAdapter } from '../adapter/weight-adapter.ts';
import type { HistoryStore } from '../history/history-store.ts';
import type { CallOptions } from '../lib/call-options.ts';
import { PersonaPlugError } from '../lib/errors.ts';
import { EventQueue } from '../lib/event-queue.ts';
import type { AdapterInUse } from './adapter-in-use.ts';

export interface StoredAdaptersContext {
  readonly store: HistoryStore;
  readonly adapterInUse: AdapterInUse;
  /** The caller's signal, and the engine's own end. @throws the reason of either. */
  readonly during: (options: CallOptions | undefined) => AbortSignal;
}

export function storedAdapters({ store, adapterInUse, during }: StoredAdaptersContext): Adapters {
  return {
    async list(task, options) {
      during(options);
      return (await store.adapters(task)).map(readAdapter);
    },
    train: runWithoutWorker,
    resume: runWithoutWorker,
    pause: () => undefined,
    async drop({ task, kind, state }, options) {
      during(options);
      const dropped = await store.dropAdapters(task, kind, ...(state === undefined ? [] : [state]));
      await adapterInUse.removeForgotten();
      return dropped > 0;
    },
    async *watch(options) {
      const signal = during(options);
      const changes = new EventQueue<'changed'>();
      const unwatch = store.watchAdapters(() => changes.push('changed'));
      const onAbort = (): void => changes.fail(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        yield;
        for await (const _change of changes) yield;
      } finally {
        unwatch();
        signal.removeEventListener('abort', onAbort);
      }
    },
    async exportPeft({ task, kind, baseModel }, options) {
      during(options);
      const record = await store.adapter(task, kind);
      if (record === null) {
        throw new PersonaPlugError(
          'not-found',
          `No ${kind} was trained for "${task}". Train one with adapters.train.`,
          {
            details: { task, kind },
          },
        );
      }
      return peftFiles(readWeightAdapter(record), baseModel);
    },
  };
}
