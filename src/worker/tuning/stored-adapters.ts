// What is trained and what is under way, as an application shows it; and the ways to take it out or away.
import type { HistoryStore } from '../../history/history-store.ts';
import type { StaleMark, AdapterKind } from '../../adapter/adapter-record.ts';
import { openHistory } from '../../history/open-history.ts';
import { PersonaPlugError } from '../../lib/errors.ts';
import { parseAdapterResult, type AdapterResult } from '../../adapter/adapter-result.ts';
import { parseAdapterSettings, type AdapterSettings } from '../../adapter/adapter-settings.ts';
import { peftFiles, type PeftFiles } from '../../adapter/peft-files.ts';
import { type AdapterState, adapterStates } from '../../adapter/adapter-state.ts';
import { readWeightAdapter } from '../../adapter/weight-adapter.ts';

export interface StoredAdapter {
  readonly kind: AdapterKind;
  /** A stale one waits for `startTraining` with `retrain`, or for `dropAdapter`. */
  readonly state: AdapterState;
  /** Why and when it became stale; null where it is not. */
  readonly stale: StaleMark | null;
  /** How it was asked for: options, seed, models, when. */
  readonly settings: AdapterSettings;
  /** What came out; null where it is not ready. */
  readonly description: AdapterResult | null;
  /** How many items it was made of, and which; of a stale one those that are left. */
  readonly items: number;
  readonly itemIds: readonly string[];
  /** Of its parameters: 0 where it is stale. */
  readonly bytes: number;
}

/** The tunings of a task. `storageName` is the name of the history's database. */
export async function storedAdapters(storageName: string, task: string): Promise<StoredAdapter[]> {
  return await withHistory(storageName, async (store) =>
    (await store.adapters(task)).map(({ kind, state, stale = null, settings, description, items, tensors }) => ({
      kind,
      state: adapterStates[state],
      stale,
      settings: parseAdapterSettings(settings),
      description: state === 'done' ? parseAdapterResult(description) : null,
      items: items.length,
      itemIds: items,
      bytes: tensors.byteLength,
    })),
  );
}

/**
 * Deletes a tuning with its checkpoint and its stale mark, or only what is in one state of it; false when there was none. A
 * training that runs meanwhile ends with `closed`.
 */
export async function dropAdapter(
  storageName: string,
  task: string,
  kind: AdapterKind,
  state?: AdapterState,
): Promise<boolean> {
  const states = state === undefined ? [] : [state === 'ready' ? ('done' as const) : state];
  return await withHistory(storageName, async (store) => (await store.dropAdapters(task, kind, ...states)) > 0);
}

/**
 * Tells of every change of the tunings, by any tab: a training that is done, an item that was forgotten. Ends with `signal`.
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
