// The tunings of a history in IndexedDB, each call a transaction, and each change told once it is committed.
import type { IDBPTransaction, StoreNames } from 'idb';
import { type HistoryDatabase, type HistorySchema, taskRange } from '../history-schema.ts';
import type { TuningRecords } from '../../adapter/adapter-record.ts';
import { dropTunings, keepTuning, startTuning } from './adapter-transactions.ts';
import type { TuningWatch } from './adapter-watch.ts';

type WriteTransaction = IDBPTransaction<HistorySchema, StoreNames<HistorySchema>[], 'readwrite'>;

export interface TuningAccess {
  readonly write: <T>(work: (transaction: WriteTransaction) => Promise<T>) => Promise<T>;
  readonly read: <T>(work: (database: HistoryDatabase) => Promise<T>) => Promise<T>;
  readonly watch: TuningWatch;
}

export function indexedDbTunings({ write, read, watch }: TuningAccess): TuningRecords {
  return {
    async startTuning(record) {
      const isStarted = await write(async (transaction) => await startTuning(transaction, record));
      if (isStarted) watch.changed();
      return isStarted;
    },
    async keepTuning(record) {
      const isKept = await write(async (transaction) => await keepTuning(transaction, record));
      // A checkpoint is no news to anybody.
      if (isKept && record.state === 'done') watch.changed();
      return isKept;
    },
    async tuning(task, kind) {
      return await read(async (database) => (await database.get('tunings', [task, kind, 'done'])) ?? null);
    },
    async tunings(task) {
      return await read(
        async (database) => await database.getAll('tunings', task === undefined ? null : taskRange(task)),
      );
    },
    async dropTunings(task, kind, ...states) {
      const dropped = await write(async (transaction) => await dropTunings(transaction, task, kind, states));
      if (dropped > 0) watch.changed();
      return dropped;
    },
    watchTunings: (listener) => watch.watch(listener),
  };
}
