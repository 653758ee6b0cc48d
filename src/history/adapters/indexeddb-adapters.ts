// The adapters of a history in IndexedDB, each call a transaction, and each change told once it is committed.
import type { IDBPTransaction, StoreNames } from 'idb';
import { type HistoryDatabase, type HistorySchema, taskRange } from '../history-schema.ts';
import type { AdapterStore } from './adapter-store.ts';
import { dropAdapters, keepAdapter, startAdapter } from './adapter-transactions.ts';
import type { AdapterWatch } from './adapter-watch.ts';
import { fromStoredRecord, fromStoredState, storedStates } from './stored-record.ts';

type WriteTransaction = IDBPTransaction<HistorySchema, StoreNames<HistorySchema>[], 'readwrite'>;

export interface AdapterAccess {
  readonly write: <T>(work: (transaction: WriteTransaction) => Promise<T>) => Promise<T>;
  readonly read: <T>(work: (database: HistoryDatabase) => Promise<T>) => Promise<T>;
  readonly watch: AdapterWatch;
}

export function indexedDbAdapters({ write, read, watch }: AdapterAccess): AdapterStore {
  return {
    async startAdapter(record) {
      const isStarted = await write(async (transaction) => await startAdapter(transaction, record));
      if (isStarted) watch.changed();
      return isStarted;
    },
    async keepAdapter(record) {
      const isKept = await write(async (transaction) => await keepAdapter(transaction, record));
      // A checkpoint changes nothing that others see.
      if (isKept && record.state === 'ready') watch.changed();
      return isKept;
    },
    async adapter(task, kind) {
      return await read(async (database) => {
        const record = await database.get('tunings', [task, kind, storedStates.ready]);
        return record === undefined ? null : fromStoredRecord(record);
      });
    },
    async adapterNames() {
      const keys = await read(async (database) => await database.getAllKeys('tunings'));
      return keys.map(([task, kind, state]) => ({ task, kind, state: fromStoredState(state) }));
    },
    async adapters(task) {
      return await read(async (database) =>
        (await database.getAll('tunings', task === undefined ? null : taskRange(task))).map(fromStoredRecord),
      );
    },
    async dropAdapters(task, kind, ...states) {
      const dropped = await write(async (transaction) => await dropAdapters(transaction, task, kind, states));
      if (dropped > 0) watch.changed();
      return dropped;
    },
    watchAdapters: (listener) => watch.watch(listener),
  };
}
