// The stores of the database.
import type { DBSchema, IDBPDatabase, IDBPTransaction, StoreNames } from 'idb';
import type { HistoryItem, ItemVectors } from './history-item.ts';
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
