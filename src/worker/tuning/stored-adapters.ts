// What is trained and what is under way, as an application shows it; and the ways to take it out or away.
import type { Adapter, AdapterState } from '../../adapter/adapter.ts';
import type { AdapterKind } from '../../adapter/adapter-kind.ts';
import { readAdapter } from '../../adapter/adapter-record.ts';
import { peftFiles, type PeftFiles } from '../../adapter/peft-files.ts';
import { readWeightAdapter } from '../../adapter/weight-adapter.ts';
import type { HistoryStore } from '../../history/history-store.ts';
import { openHistory } from '../../history/open-history.ts';
import { PersonaPlugError } from '../../lib/errors.ts';

/** The adapters of a task. `storageName` is the name of the history's database. */
export async function storedAdapters(storageName: string, task: string): Promise<Adapter[]> {
  return await withHistory(storageName, async (store) => (await store.adapters(task)).map(readAdapter));
}

/**
 * Deletes an adapter with its checkpoint and its stale mark, or only what is in one state of it; false when there was none. A
 * training that runs meanwhile ends with `closed`.
 */
export async function dropAdapter(
  storageName: string,
  task: string,
  kind: AdapterKind,
  state?: AdapterState,
): Promise<boolean> {
  const states = state === undefined ? [] : [state];
  return await withHistory(storageName, async (store) => (await store.dropAdapters(task, kind, ...states)) > 0);
}

/**
 * Tells of every change of the adapters, by any tab: a training that is done, an item that was forgotten. Ends with `signal`.
 */
export async function watchAdapters(
  storageName: string,
  listener: () => void,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  signal.throwIfAborted();
  const store = await openHistory({ name: storageName });
  const end = (): void => void store[Symbol.asyncDispose]();
  if (signal.aborted) return end();
  store.watchAdapters(listener);
  signal.addEventListener('abort', end, { once: true });
}

/**
 * The trained LoRA or (IA)³ of a task as the files that Python's peft reads.
 *
 * @throws PersonaPlugError `not-found` when none was trained.
 */
export async function exportAdapter(
  storageName: string,
  task: string,
  baseModel: string,
  kind: Exclude<AdapterKind, 'prompt'> = 'lora',
): Promise<PeftFiles> {
  return await withHistory(storageName, async (store) => {
    const record = await store.adapter(task, kind);
    if (record === null) {
      throw new PersonaPlugError('not-found', `No "${kind}" was trained for "${task}". Train one with startTraining.`);
    }
    return peftFiles(readWeightAdapter(record), baseModel);
  });
}

async function withHistory<T>(name: string, work: (store: HistoryStore) => Promise<T>): Promise<T> {
  await using store = await openHistory({ name });
  return await work(store);
}
