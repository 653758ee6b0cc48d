// What lies in the database, and how each version came out of the one before.
import type { DBSchema, IDBPDatabase, IDBPTransaction, StoreNames } from 'idb';
import type { HistoryItem, ItemVectors } from './history-item.ts';
import { addSettings } from './adapters/migrate-adapters.ts';
import type { AdapterRecord } from '../adapter/adapter-record.ts';

/** Task, date ('' where undated: IndexedDB has no key null), id. */
type OrderKey = [task: string, date: string, id: string];

export interface ItemRecord {
  readonly id: string;
  readonly task: string;
  readonly date: string;
  readonly input: string;
  readonly output: string;
}

/** Task and date stand here again so that the same range reads items and vectors in the same order. */
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
    key: [task: string, kind: AdapterRecord['kind'], state: AdapterRecord['state']];
    value: AdapterRecord;
    indexes: { item: string };
  };
}

export type HistoryDatabase = IDBPDatabase<HistorySchema>;
export type UpgradeTransaction = IDBPTransaction<HistorySchema, StoreNames<HistorySchema>[], 'versionchange'>;

/** One step of the schema. Steps are only ever added: databases of every earlier version are out there. */
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
    // The projections of a plug, apart from the items: they belong to a plug and can be made again.
    version: 2,
    migrate(database) {
      const store = database.createObjectStore('projections', { keyPath: ['plug', 'id'] });
      store.createIndex('item', 'id');
      store.createIndex('task', ['plug', 'task']);
    },
  },
  {
    // What tuning has learned, found by each of the items that it was made of.
    version: 3,
    migrate(database) {
      const store = database.createObjectStore('tunings', { keyPath: ['task', 'kind', 'state'] });
      store.createIndex('item', 'items', { multiEntry: true });
    },
  },
  {
    // How a tuning was asked for stands apart from what came out, since it outlives a forgotten item.
    version: 4,
    migrate(_database, transaction) {
      addSettings(transaction);
    },
  },
];

export const schemaVersion = Math.max(...migrations.map(({ version }) => version));

/** Brings a database of an old version (0: a new one) to `target`, step by step in the one upgrade transaction. */
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

/** All keys of one task in an index that begins with the task; an empty list sorts behind every text. */
export function taskRange(...prefix: string[]): IDBKeyRange {
  return IDBKeyRange.bound(prefix, [...prefix, []]);
}
