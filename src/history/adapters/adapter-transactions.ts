// The adapters of a history in IndexedDB: each function is one step inside a transaction.
import type { IDBPTransaction, StoreNames } from 'idb';
import type { AdapterState, StaleMark } from '../../adapter/adapter.ts';
import type { AdapterKind } from '../../adapter/adapter-kind.ts';
import type { AdapterRecord } from '../../adapter/adapter-record.ts';
import type { HistorySchema } from '../history-schema.ts';
import { newestAdapter, staleAdapter } from './stale-adapter.ts';
import { fromStoredRecord, type StoredState, storedStates, toStoredRecord } from './stored-record.ts';

type WriteTransaction = IDBPTransaction<HistorySchema, StoreNames<HistorySchema>[], 'readwrite'>;

const allStates: readonly StoredState[] = Object.values(storedStates);

export async function startAdapter(transaction: WriteTransaction, record: AdapterRecord): Promise<boolean> {
  const items = transaction.objectStore('items');
  const keys = await Promise.all(record.items.map(async (id) => await items.getKey(id)));
  if (keys.includes(undefined)) return false;
  await transaction.objectStore('tunings').put(toStoredRecord({ ...record, state: 'running' }));
  return true;
}

export async function keepAdapter(transaction: WriteTransaction, record: AdapterRecord): Promise<boolean> {
  const store = transaction.objectStore('tunings');
  const { task, kind } = record;
  if ((await store.get([task, kind, storedStates.running]))?.run !== record.run) return false;
  if (record.state === 'ready') {
    await Promise.all([
      store.delete([task, kind, storedStates.running]),
      store.delete([task, kind, storedStates.stale]),
    ]);
  }
  await store.put(toStoredRecord(record));
  return true;
}

export async function dropAdapters(
  transaction: WriteTransaction,
  task: string,
  kind: AdapterKind,
  states: readonly AdapterState[],
): Promise<number> {
  const store = transaction.objectStore('tunings');
  const wanted = states.length === 0 ? allStates : states.map((state) => storedStates[state]);
  const keys = (await Promise.all(wanted.map(async (one) => await store.getKey([task, kind, one])))).filter(
    (key) => key !== undefined,
  );
  await Promise.all(keys.map(async (key) => await store.delete(key)));
  return keys.length;
}

/**
 * Erases what was learned of items, and keeps what was asked for. One item after the other: else two items of one adapter would
 * bring each other's ids back. Returns how many adapters there were.
 */
export async function markStale(
  transaction: WriteTransaction,
  ids: readonly string[],
  mark: StaleMark,
): Promise<number> {
  const store = transaction.objectStore('tunings');
  let count = 0;
  for (const id of ids) {
    const affected = await store.index('item').getAll(id);
    count += affected.length;
    await Promise.all(affected.map(async ({ task, kind, state }) => await store.delete([task, kind, state])));
    const names = new Map(affected.map(({ task, kind }) => [JSON.stringify([task, kind]), { task, kind }]));
    for (const { task, kind } of names.values()) {
      const left = await store.get([task, kind, storedStates.stale]);
      const ofName = affected.filter((record) => record.task === task && record.kind === kind);
      const newest = newestAdapter((left === undefined ? ofName : [...ofName, left]).map(fromStoredRecord));
      if (newest !== undefined) await store.put(toStoredRecord(staleAdapter(newest, id, mark)));
    }
  }
  return count;
}

/** Stores adapters of an import where the history has none of their task and kind, and has their items. Returns how many. */
export async function addAdapters(transaction: WriteTransaction, records: readonly AdapterRecord[]): Promise<number> {
  const [store, items] = [transaction.objectStore('tunings'), transaction.objectStore('items')];
  let added = 0;
  for (const record of records) {
    const { task, kind } = record;
    const known = await Promise.all(allStates.map(async (state) => await store.getKey([task, kind, state])));
    const isThere = await Promise.all(record.items.map(async (id) => (await items.getKey(id)) !== undefined));
    if (known.some((key) => key !== undefined) || isThere.includes(false)) continue;
    await store.put(toStoredRecord(record));
    added += 1;
  }
  return added;
}
