// A history in memory, for Node and for tests, with the contract of the one in IndexedDB. It is lost when the process ends.
import { compareDated } from '../lib/compare-dated.ts';
import { PersonaPlugError } from '../lib/errors.ts';
import { isSameItem } from './check-item.ts';
import { areMadeAlike, areSameVectors } from './compare-vectors.ts';
import type { ItemVectors, StoredItem } from './history-item.ts';
import type { HistoryStore } from './history-store.ts';
import { inMemoryAdapters } from './adapters/in-memory-adapters.ts';

/** Opens an empty history in memory. `clock`: milliseconds since 1970. */
export function inMemoryHistory({ clock = Date.now }: { readonly clock?: () => number } = {}): HistoryStore {
  const stored = new Map<string, StoredItem>();
  /** By plug, then by item id. */
  const cache = new Map<string, Map<string, Float32Array<ArrayBuffer>>>();
  const adapters = inMemoryAdapters((id) => stored.has(id));
  let isClosed = false;

  function assertOpen(): void {
    if (isClosed) throw new PersonaPlugError('closed', 'The history is closed. Open it again.');
  }

  function dropProjections(id: string): void {
    for (const projections of cache.values()) projections.delete(id);
  }

  return {
    async put(entries, options) {
      assertOpen();
      options?.signal?.throwIfAborted();
      const result = { added: 0, replaced: 0, unchanged: 0 };
      for (const { item, vectors } of entries) {
        const old = stored.get(item.id);
        if (old !== undefined && isSameItem(old.item, item) && isAlike(old.vectors, vectors)) {
          result.unchanged += 1;
          continue;
        }
        result[old === undefined ? 'added' : 'replaced'] += 1;
        dropProjections(item.id);
        if (old !== undefined && !isSameItem(old.item, item)) {
          adapters.markStale(item.id, { reason: 'changed', at: clock() });
        }
        stored.set(item.id, structuredClone({ item, vectors }));
      }
      adapters.add(options?.adapters ?? []);
      return result;
    },
    async get(id) {
      assertOpen();
      return structuredClone(stored.get(id));
    },
    async has(items, isCurrent) {
      assertOpen();
      const isThere = items.filter((item) => {
        const old = stored.get(item.id);
        if (old === undefined || old.vectors === null || !isSameItem(old.item, item)) return false;
        return isCurrent(item, old.vectors);
      });
      return new Set(isThere.map((item) => item.id));
    },
    async list(task) {
      assertOpen();
      return [...stored.values()]
        .filter(({ item }) => task === undefined || item.task === task)
        .sort((a, b) => compareTasks(a.item.task, b.item.task) || compareDated(a.item, b.item))
        .map((entry) => structuredClone(entry));
    },
    async items(task) {
      return (await this.list(task)).map(({ item }) => item);
    },
    async count() {
      assertOpen();
      const counts = new Map<string, number>();
      for (const { item } of stored.values()) counts.set(item.task, (counts.get(item.task) ?? 0) + 1);
      return Object.fromEntries([...counts].sort(([a], [b]) => compareTasks(a, b)));
    },
    async delete(id) {
      assertOpen();
      dropProjections(id);
      adapters.markStale(id, { reason: 'forgotten', at: clock() });
      return stored.delete(id);
    },
    async clear() {
      assertOpen();
      stored.clear();
      cache.clear();
      adapters.clear();
    },
    async replaceVectors(entries) {
      assertOpen();
      let written = 0;
      for (const { item, vectors } of entries) {
        const old = stored.get(item.id);
        if (old === undefined || !isSameItem(old.item, item)) continue;
        if (old.vectors === null || !areSameVectors(old.vectors, vectors)) dropProjections(item.id);
        stored.set(item.id, structuredClone({ item, vectors }));
        written += 1;
      }
      return written;
    },
    async recall(task, plug) {
      const kept = cache.get(plug);
      return (await this.list(task)).map((entry) => ({
        ...entry,
        projection: kept?.get(entry.item.id)?.slice() ?? null,
      }));
    },
    async putProjections(plug, projections) {
      assertOpen();
      const ofPlug = cache.get(plug) ?? new Map<string, Float32Array<ArrayBuffer>>();
      cache.set(plug, ofPlug);
      let kept = 0;
      for (const { id, vectors, projection } of projections) {
        const now = stored.get(id)?.vectors ?? null;
        if (now === null || !areSameVectors(now, vectors)) continue;
        ofPlug.set(id, projection.slice());
        kept += 1;
      }
      return kept;
    },
    async startAdapter(record) {
      assertOpen();
      return await adapters.startAdapter(record);
    },
    async keepAdapter(record) {
      assertOpen();
      return await adapters.keepAdapter(record);
    },
    async adapter(task, kind) {
      assertOpen();
      return await adapters.adapter(task, kind);
    },
    async adapterNames() {
      assertOpen();
      return await adapters.adapterNames();
    },
    async adapters(task) {
      assertOpen();
      return await adapters.adapters(task);
    },
    async dropAdapters(task, kind, ...states) {
      assertOpen();
      return await adapters.dropAdapters(task, kind, ...states);
    },
    watchAdapters: (listener) => adapters.watchAdapters(listener),
    async [Symbol.asyncDispose]() {
      isClosed = true;
    },
  };
}

function isAlike(old: ItemVectors | null, vectors: ItemVectors): boolean {
  return old !== null && areMadeAlike(old, vectors);
}

function compareTasks(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
