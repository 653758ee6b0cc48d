// The stores of the database, and the migration to each version.
import type { DBSchema, IDBPDatabase, IDBPTransaction, StoreNames } from 'idb';
import type { HistoryItem, ItemVectors } from './history-item.ts';
import { addSettings } from './adapters/migrate-adapters.ts';
import type { StoredRecord } from './adapters/stored-record.ts';

/** Task, date and id. The date is '' where there is none, since null is not a key in IndexedDB. */
type OrderKey = [task: string, date: string, id: string];

export interface ItemRecord {
  readonly id: string;
  readonly task: string;
  readonly date: string;
  readonly input: string;
  readonly output: string;
}

/** Task and date are repeated here so that the same range reads items and vectors in the same order. */
export interface VectorsRecord {
  readonly id: string;
  readonly task: string;
  readonly date: string;
  readonly vectors: ItemVectors;
}

export interface ProjectionRecord {
  readonly plug: string;
  readonly id: string;
  readonly task: string;
  readonly projection: Float32Array<ArrayBuffer>;
}

export interface HistorySchema extends DBSchema {
  items: { key: string; value: ItemRecord; indexes: { order: OrderKey } };
  vectors: { key: string; value: VectorsRecord; indexes: { order: OrderKey } };
  /** Since version 2. */
  projections: {
    key: [plug: string, id: string];
    value: ProjectionRecord;
    indexes: { item: string; task: [plug: string, task: string] };
  };
  /** Since version 3. */
  tunings: {
    key: [task: string, kind: StoredRecord['kind'], state: StoredRecord['state']];
    value: StoredRecord;
    indexes: { item: string };
  };
}

export type HistoryDatabase = IDBPDatabase<HistorySchema>;
export type UpgradeTransaction = IDBPTransaction<HistorySchema, StoreNames<HistorySchema>[], 'versionchange'>;

/** One step of the schema. Steps are only added and never changed, since users have databases of every earlier version. */
export interface Migration {
  readonly version: number;
  readonly migrate: (database: HistoryDatabase, transaction: UpgradeTransaction) => void;
}

const migrations: readonly Migration[] = [
  {
    version: 1,
    migrate(database) {
      for (const name of ['items', 'vectors'] as const) {
        const store = database.createObjectStore(name, { keyPath: 'id' });
        store.createIndex('order', ['task', 'date', 'id'], { unique: true });
      }
    },
  },
  {
    // Projections are stored apart from the items: they belong to a plug and can be computed again.
    version: 2,
    migrate(database) {
      const store = database.createObjectStore('projections', { keyPath: ['plug', 'id'] });
      store.createIndex('item', 'id');
      store.createIndex('task', ['plug', 'task']);
    },
  },
  {
    // Adapters, found by each of the items that they were trained on.
    version: 3,
    migrate(database) {
      const store = database.createObjectStore('tunings', { keyPath: ['task', 'kind', 'state'] });
      store.createIndex('item', 'items', { multiEntry: true });
    },
  },
  {
    // An adapter's settings become a field of their own, since they are kept when an item is forgotten.
    version: 4,
    migrate(_database, transaction) {
      addSettings(transaction);
    },
  },
];

export const schemaVersion = Math.max(...migrations.map(({ version }) => version));

/** Migrates a database from an old version (0: a new database) to `target`, step by step in one upgrade transaction. */
export function migrate(
  database: HistoryDatabase,
  transaction: UpgradeTransaction,
  oldVersion: number,
  target: number,
): void {
  for (const step of migrations) {
    if (step.version > oldVersion && step.version <= target) step.migrate(database, transaction);
  }
}

export function toItemRecord({ id, task, date, input, output }: HistoryItem): ItemRecord {
  return { id, task, date: date ?? '', input, output };
}

export function fromItemRecord({ id, task, date, input, output }: ItemRecord): HistoryItem {
  return { id, date: date === '' ? null : date, task, input, output };
}

/** All keys of one task in an index that begins with the task. An empty list sorts after every text. */
export function taskRange(...prefix: string[]): IDBKeyRange {
  return IDBKeyRange.bound(prefix, [...prefix, []]);
}
