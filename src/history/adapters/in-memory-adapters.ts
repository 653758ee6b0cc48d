// The adapters of a history in memory.
import { newestAdapter, staleAdapter } from './stale-adapter.ts';
import type { AdapterState, StaleMark } from '../../adapter/adapter.ts';
import type { AdapterRecord } from '../../adapter/adapter-record.ts';
import type { AdapterStore } from './adapter-store.ts';
import { createAdapterWatch } from './adapter-watch.ts';

export interface InMemoryAdapters extends AdapterStore {
  /** Erases what was learned of an item, and keeps what was asked for. */
  markStale(id: string, mark: StaleMark): void;
  /** Those of an import. */
  add(records: readonly AdapterRecord[]): void;
  clear(): void;
}

const allStates: readonly AdapterState[] = ['running', 'ready', 'stale'];

/** `hasItem` tells whether the history holds an item. */
export function inMemoryAdapters(hasItem: (id: string) => boolean): InMemoryAdapters {
  const stored = new Map<string, AdapterRecord>();
  const watch = createAdapterWatch();
  return {
    async startAdapter(record) {
      if (!record.items.every(hasItem)) return false;
      const running: AdapterRecord = { ...structuredClone(record), state: 'running' };
      stored.set(keyOf(running), running);
      watch.changed();
      return true;
    },
    async keepAdapter(record) {
      const runningKey = keyOf({ ...record, state: 'running' });
      if (stored.get(runningKey)?.run !== record.run) return false;
      if (record.state === 'ready') {
        stored.delete(runningKey);
        stored.delete(keyOf({ ...record, state: 'stale' }));
      }
      stored.set(keyOf(record), structuredClone(record));
      if (record.state === 'ready') watch.changed();
      return true;
    },
    async adapter(task, kind) {
      return structuredClone(stored.get(keyOf({ task, kind, state: 'ready' })) ?? null);
    },
    async adapterNames() {
      const records = [...stored].sort(([a], [b]) => (a < b ? -1 : 1));
      return records.map(([, { task, kind, state }]) => ({ task, kind, state }));
    },
    async adapters(task) {
      const found = [...stored].filter(([, record]) => task === undefined || record.task === task);
      return found.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, record]) => structuredClone(record));
    },
    async dropAdapters(task, kind, ...states) {
      const wanted = states.length === 0 ? allStates : states;
      const { length } = wanted.filter((state) => stored.delete(keyOf({ task, kind, state })));
      if (length > 0) watch.changed();
      return length;
    },
    watchAdapters: (listener) => watch.watch(listener),
    markStale(id, mark) {
      const affected = [...stored.values()].filter(({ items }) => items.includes(id));
      for (const record of affected) stored.delete(keyOf(record));
      for (const { task, kind } of affected) {
        const left = stored.get(keyOf({ task, kind, state: 'stale' }));
        const ofName = affected.filter((record) => record.task === task && record.kind === kind);
        const newest = newestAdapter(left === undefined ? ofName : [...ofName, left]);
        if (newest !== undefined) stored.set(keyOf({ task, kind, state: 'stale' }), staleAdapter(newest, id, mark));
      }
      if (affected.length > 0) watch.changed();
    },
    add(records) {
      for (const record of records) {
        const { task, kind } = record;
        const isKnown = allStates.some((state) => stored.has(keyOf({ task, kind, state })));
        if (!isKnown && record.items.every(hasItem)) stored.set(keyOf(record), structuredClone(record));
      }
    },
    clear() {
      stored.clear();
      watch.changed();
    },
  };
}

function keyOf({ task, kind, state }: Pick<AdapterRecord, 'task' | 'kind' | 'state'>): string {
  return JSON.stringify([task, kind, state]);
}
