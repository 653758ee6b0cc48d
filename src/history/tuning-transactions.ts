// The tunings of a history in IndexedDB: each function is one step inside a transaction.
import type { IDBPTransaction, StoreNames } from 'idb';
import type { HistorySchema } from './history-schema.ts';
import type { TuningKind, TuningRecord } from './tuning-record.ts';

type WriteTransaction = IDBPTransaction<HistorySchema, StoreNames<HistorySchema>[], 'readwrite'>;

export async function startTuning(transaction: WriteTransaction, record: TuningRecord): Promise<boolean> {
  const items = transaction.objectStore('items');
  const keys = await Promise.all(record.items.map(async (id) => await items.getKey(id)));
  if (keys.includes(undefined)) return false;
  await transaction.objectStore('tunings').put({ ...record, state: 'running' });
  return true;
}

export async function keepTuning(transaction: WriteTransaction, record: TuningRecord): Promise<boolean> {
  const store = transaction.objectStore('tunings');
  const { task, kind } = record;
  if ((await store.get([task, kind, 'running']))?.run !== record.run) return false;
  if (record.state === 'done') await store.delete([task, kind, 'running']);
  await store.put(record);
  return true;
}

export async function dropTunings(
  transaction: WriteTransaction,
  task: string,
  kind: TuningKind,
  state?: TuningRecord['state'],
): Promise<number> {
  const store = transaction.objectStore('tunings');
  const states: TuningRecord['state'][] = state === undefined ? ['running', 'done'] : [state];
  const keys = (await Promise.all(states.map(async (one) => await store.getKey([task, kind, one])))).filter(
    (key) => key !== undefined,
  );
  await Promise.all(keys.map(async (key) => await store.delete(key)));
  return keys.length;
}

/** Removes all tunings that were made of an item. */
export async function dropTuningsOfItem(transaction: WriteTransaction, id: string): Promise<void> {
  const store = transaction.objectStore('tunings');
  await Promise.all((await store.index('item').getAllKeys(id)).map(async (key) => await store.delete(key)));
}
