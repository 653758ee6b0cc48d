// A history over an open database. Every write is one transaction with strict durability: when it resolves, the data is on disk, even
// if the browser is killed right after.
import type { IDBPTransaction, StoreNames } from 'idb';
import { PersonaPlugError } from '../lib/errors.ts';
import { isSameItem } from './check-item.ts';
import { areMadeAlike, areSameVectors } from './compare-vectors.ts';
import type { ItemVectors, StoredItem } from './history-item.ts';
import {
  fromItemRecord,
  type HistoryDatabase,
  type HistorySchema,
  taskRange,
  toItemRecord,
  type VectorsRecord,
} from './history-schema.ts';
import type { EmbeddedItem, HistoryStore, PutResult } from './history-store.ts';
import { toStorageError } from './storage-error.ts';
import { indexedDbAdapters } from './adapters/indexeddb-adapters.ts';
import type { AdapterRecord } from '../adapter/adapter-record.ts';
import { addAdapters, markStale } from './adapters/adapter-transactions.ts';
import type { AdapterWatch } from './adapters/adapter-watch.ts';

type StoreName = StoreNames<HistorySchema>;
type ReadTransaction = IDBPTransaction<HistorySchema, StoreName[]>;
type WriteTransaction = IDBPTransaction<HistorySchema, StoreName[], 'readwrite'>;

const allStores: StoreName[] = ['items', 'vectors', 'projections', 'tunings'];

export interface HistoryConnection {
  readonly name: string;
  /** The database. @throws PersonaPlugError with the reason once it is closed. */
  readonly openDatabase: () => HistoryDatabase;
  /** Closes the connection; `openDatabase` throws from then on. */
  readonly close: () => void;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly watch: AdapterWatch;
}

export function indexedDbHistory({ name, openDatabase, close, clock, watch }: HistoryConnection): HistoryStore {
  /** Runs `work` in one transaction: committed as a whole, or rolled back as a whole. */
  async function write<T>(
    work: (transaction: WriteTransaction) => Promise<T>,
    options: { durability?: 'strict' | 'relaxed'; signal?: AbortSignal | undefined } = {},
  ): Promise<T> {
    const { durability = 'strict', signal } = options;
    signal?.throwIfAborted();
    const transaction = begin(() => openDatabase().transaction(allStores, 'readwrite', { durability }));
    const rollBack = (): void => {
      try {
        transaction.abort();
      } catch {
        // Already committed or rolled back: there is nothing to undo.
      }
    };
    signal?.addEventListener('abort', rollBack, { once: true });
    try {
      // Both are awaited at once: a transaction can fail while `work` still waits, and neither rejection may stay unhandled.
      const [result] = await Promise.all([work(transaction), transaction.done]);
      return result;
    } catch (error) {
      rollBack();
      await transaction.done.catch(() => undefined);
      if (signal?.aborted === true) throw signal.reason;
      // A request that fails with its transaction gives AbortError; the transaction has the cause, e.g. the quota.
      throw toStorageError(transaction.error ?? error, name);
    } finally {
      signal?.removeEventListener('abort', rollBack);
    }
  }

  async function read<T>(work: (database: HistoryDatabase) => Promise<T>): Promise<T> {
    try {
      return await work(openDatabase());
    } catch (error) {
      throw toStorageError(error, name);
    }
  }

  function begin<T>(open: () => T): T {
    try {
      return open();
    } catch (error) {
      throw toStorageError(error, name);
    }
  }

  return {
    async put(entries, options) {
      const { signal, adapters = [] } = options ?? {};
      const { result, adaptersChanged } = await write(
        async (transaction) => await putAll(transaction, entries, adapters, clock()),
        { signal },
      );
      if (adaptersChanged > 0) watch.changed();
      return result;
    },
    async get(id) {
      return await read(async (database) => {
        const transaction = database.transaction(['items', 'vectors']);
        const [record, vectors] = await Promise.all([
          transaction.objectStore('items').get(id),
          transaction.objectStore('vectors').get(id),
        ]);
        return record === undefined ? undefined : { item: fromItemRecord(record), vectors: vectors?.vectors ?? null };
      });
    },
    async has(items, isCurrent) {
      return await read(async (database) => {
        const transaction = database.transaction(['items', 'vectors']);
        const isThere = await Promise.all(
          items.map(async (item) => {
            const record = await transaction.objectStore('items').get(item.id);
            if (record === undefined || !isSameItem(fromItemRecord(record), item)) return false;
            const stored = await transaction.objectStore('vectors').get(item.id);
            return stored !== undefined && isCurrent(item, stored.vectors);
          }),
        );
        return new Set(items.filter((_, index) => isThere[index] === true).map((item) => item.id));
      });
    },
    async list(task) {
      return await read(
        async (database) =>
          await listItems(database.transaction(allStores), task === undefined ? null : taskRange(task)),
      );
    },
    async items(task) {
      return await read(async (database) => {
        const index = database.transaction('items').store.index('order');
        return (await index.getAll(task === undefined ? null : taskRange(task))).map(fromItemRecord);
      });
    },
    async count() {
      return await read(countTasks);
    },
    async delete(id) {
      const { isThere, adaptersChanged } = await write(async (transaction) => {
        const isThere = (await transaction.objectStore('items').getKey(id)) !== undefined;
        const [adaptersChanged] = await Promise.all([
          markStale(transaction, [id], { reason: 'forgotten', at: clock() }),
          transaction.objectStore('items').delete(id),
          transaction.objectStore('vectors').delete(id),
          dropProjections(transaction, id),
        ]);
        return { isThere, adaptersChanged };
      });
      if (adaptersChanged > 0) watch.changed();
      return isThere;
    },
    async clear() {
      await write(async (transaction) => {
        await Promise.all(allStores.map(async (store) => await transaction.objectStore(store).clear()));
      });
      watch.changed();
    },
    async replaceVectors(entries) {
      return await write(async (transaction) => {
        const written = await Promise.all(
          entries.map(async (entry) => {
            const record = await transaction.objectStore('items').get(entry.item.id);
            if (record === undefined || !isSameItem(fromItemRecord(record), entry.item)) return 0;
            const old = await transaction.objectStore('vectors').get(entry.item.id);
            const isEqual = old !== undefined && areSameVectors(old.vectors, entry.vectors);
            await Promise.all([
              transaction.objectStore('vectors').put(toVectorsRecord(entry)),
              isEqual ? undefined : dropProjections(transaction, entry.item.id),
            ]);
            return 1;
          }),
        );
        return written.reduce<number>((sum, one) => sum + one, 0);
      });
    },
    async recall(task, plug) {
      return await read(async (database) => {
        const transaction = database.transaction(allStores);
        const [stored, records] = await Promise.all([
          listItems(transaction, taskRange(task)),
          transaction.objectStore('projections').index('task').getAll([plug, task]),
        ]);
        const byId = new Map(records.map((record) => [record.id, record.projection]));
        return stored.map((entry) => ({ ...entry, projection: byId.get(entry.item.id) ?? null }));
      });
    },
    async putProjections(plug, projections) {
      return await write(
        async (transaction) => {
          const kept = await Promise.all(
            projections.map(async ({ id, vectors, projection }) => {
              const now = await transaction.objectStore('vectors').get(id);
              if (now === undefined || !areSameVectors(now.vectors, vectors)) return 0;
              await transaction
                .objectStore('projections')
                .put({ plug, id, task: now.task, projection: ownBuffer(projection) });
              return 1;
            }),
          );
          return kept.reduce<number>((sum, one) => sum + one, 0);
        },
        // Projections are a cache: lost ones are computed again.
        { durability: 'relaxed' },
      );
    },
    ...indexedDbAdapters({ write, read, watch }),
    async [Symbol.asyncDispose]() {
      watch[Symbol.dispose]();
      close();
    },
  };
}

/** Items and vectors have the same order of keys in their two stores, so that two requests read all. */
async function listItems(transaction: ReadTransaction, range: IDBKeyRange | null): Promise<StoredItem[]> {
  const [records, vectors] = await Promise.all([
    transaction.objectStore('items').index('order').getAll(range),
    transaction.objectStore('vectors').index('order').getAll(range),
  ]);
  const byId = new Map(vectors.map((record) => [record.id, record.vectors]));
  return records.map((record) => ({ item: fromItemRecord(record), vectors: byId.get(record.id) ?? null }));
}

async function putAll(
  transaction: WriteTransaction,
  entries: readonly EmbeddedItem[],
  adapters: readonly AdapterRecord[],
  now: number,
): Promise<{ result: PutResult; adaptersChanged: number }> {
  const [items, vectors] = [transaction.objectStore('items'), transaction.objectStore('vectors')];
  const result = { added: 0, replaced: 0, unchanged: 0 };
  const changed: string[] = [];
  await Promise.all(
    entries.map(async (entry) => {
      const { item } = entry;
      const old = await items.get(item.id);
      const isSame = old !== undefined && isSameItem(fromItemRecord(old), item);
      if (isSame) {
        const oldVectors = await vectors.get(item.id);
        if (oldVectors !== undefined && areMadeAlike(oldVectors.vectors, entry.vectors)) {
          result.unchanged += 1;
          return;
        }
      }
      result[old === undefined ? 'added' : 'replaced'] += 1;
      if (old !== undefined && !isSame) changed.push(item.id);
      await Promise.all([
        items.put(toItemRecord(item)),
        vectors.put(toVectorsRecord(entry)),
        old === undefined ? undefined : dropProjections(transaction, item.id),
      ]);
    }),
  );
  const marked = await markStale(transaction, changed, { reason: 'changed', at: now });
  return { result, adaptersChanged: marked + (await addAdapters(transaction, adapters)) };
}

async function dropProjections(transaction: WriteTransaction, id: string): Promise<void> {
  const store = transaction.objectStore('projections');
  const keys = await store.index('item').getAllKeys(id);
  await Promise.all(keys.map(async (key) => await store.delete(key)));
}

async function countTasks(database: HistoryDatabase): Promise<Record<string, number>> {
  const index = database.transaction('items').store.index('order');
  const counts: [string, number][] = [];
  // Jumps from task to task by one key and one count each, without reading a record.
  for (let range: IDBKeyRange | null = null; ;) {
    const cursor = await index.openKeyCursor(range);
    if (cursor === null) return Object.fromEntries(counts);
    const [task] = cursor.key;
    counts.push([task, await index.count(taskRange(task))]);
    range = IDBKeyRange.lowerBound([task, []], true);
  }
}

function toVectorsRecord({ item, vectors }: EmbeddedItem): VectorsRecord {
  const { embedder, version, backend, dim } = vectors;
  if (vectors.input.length !== dim || vectors.output.length !== dim) {
    throw new PersonaPlugError(
      'invalid-argument',
      `The vectors of item ${item.id} have ${vectors.input.length} and ${vectors.output.length} numbers, not ${dim}. ` +
        'Embed the item again.',
    );
  }
  const own: ItemVectors = {
    embedder,
    ...(version === undefined ? {} : { version }),
    backend,
    dim,
    input: ownBuffer(vectors.input),
    output: ownBuffer(vectors.output),
  };
  return { id: item.id, task: item.task, date: item.date ?? '', vectors: own };
}

/** Structured cloning stores the whole buffer behind a view, so a view on a larger one is copied first. */
function ownBuffer(vector: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  return vector.byteLength === vector.buffer.byteLength ? vector : vector.slice();
}
