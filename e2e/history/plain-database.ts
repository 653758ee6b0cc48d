// The history's database by plain IndexedDB: counted without the code under test, and as earlier versions of this package wrote it.
import { openHistory } from '../../src/history/open-history.ts';
import { sampleEntry } from '../../src/testing/history-contract.ts';

/** Counts records by plain IndexedDB, so that a test never asks the code under test what it did. */
export async function countRecords(name: string): Promise<Record<string, number>> {
  const database = await request(indexedDB.open(name));
  const counts: Record<string, number> = {};
  const stores = [...database.objectStoreNames];
  const transaction = stores.length > 0 ? database.transaction(stores) : null;
  for (const store of stores) {
    counts[store] = transaction === null ? 0 : await request(transaction.objectStore(store).count());
  }
  counts['version'] = database.version;
  database.close();
  return counts;
}

export function request<T>(pending: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    pending.addEventListener('success', () => resolve(pending.result));
    pending.addEventListener('error', () => reject(pending.error ?? new Error('IndexedDB failed')));
  });
}

/** Writes a database as version 1 of this package did, by plain IndexedDB. */
export async function writeVersion1(name: string): Promise<void> {
  const opening = indexedDB.open(name, 1);
  opening.addEventListener('upgradeneeded', () => {
    for (const store of ['items', 'vectors']) {
      const created = opening.result.createObjectStore(store, { keyPath: 'id' });
      created.createIndex('order', ['task', 'date', 'id'], { unique: true });
    }
  });
  const database = await request(opening);
  const transaction = database.transaction(['items', 'vectors'], 'readwrite');
  for (const id of ['a', 'b', 'c']) {
    const { item, vectors } = sampleEntry(id, { date: id === 'a' ? null : '2024-01-01' });
    const date = item.date ?? '';
    transaction.objectStore('items').put({ ...item, date });
    transaction.objectStore('vectors').put({ id, task: item.task, date, vectors });
  }
  await new Promise((resolve) => transaction.addEventListener('complete', resolve));
  database.close();
}

/** Writes adapters as version 3 of the database had them: ready, under way, and broken. */
export async function writeVersion3(name: string): Promise<void> {
  const older = await openHistory({ name, version: 3 });
  await older[Symbol.asyncDispose]();
  const database = await request(indexedDB.open(name));
  const transaction = database.transaction('tunings', 'readwrite');
  const made = { version: 1, base: 'persona', plug: 'p', languageModel: 'l' };
  const record = { task: 'notes', kind: 'lora', run: 'one', items: ['a'], tensors: Uint8Array.of(1, 2, 3) };
  for (const [fields, description] of [
    [{ state: 'done' }, { ...made, loss: 1, finishedAt: 5 }],
    [{ state: 'running' }, { ...made, options: { kind: 'lora', seed: 7 }, numbers: { step: 1 } }],
    [{ state: 'done', kind: 'prompt' }, 'broken'],
  ] as const) {
    transaction.objectStore('tunings').put({ ...record, ...fields, description: JSON.stringify(description) });
  }
  await new Promise((resolve) => transaction.addEventListener('complete', resolve));
  database.close();
}
