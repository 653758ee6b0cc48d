// What is trained and what is under way, as an application shows it; and the ways to take it out or away.
import type { HistoryStore } from '../../history/history-store.ts';
import type { TuningKind } from '../../history/tuning-record.ts';
import { openHistory } from '../../history/open-history.ts';
import { PersonaPlugError } from '../../lib/errors.ts';
import { parseTuningDescription, type TuningDescription } from '../../tuning/tuning-description.ts';
import { peftFiles, type PeftFiles } from '../../tuning/peft-files.ts';
import { readWeightAdapter } from '../../tuning/weight-adapter.ts';

export interface StoredTuning {
  readonly kind: TuningKind;
  /** `running`: paused or interrupted, to be resumed; null stands for what is not known before the end. */
  readonly state: 'running' | 'done';
  readonly description: TuningDescription | null;
  /** Items that it was made of. */
  readonly items: number;
  readonly bytes: number;
}

/** The tunings of a task. `storageName` is the name of the history's database. */
export async function storedTunings(storageName: string, task: string): Promise<StoredTuning[]> {
  return await withHistory(storageName, async (store) =>
    (await store.tunings(task)).map(({ kind, state, description, items, tensors }) => ({
      kind,
      state,
      description: state === 'done' ? parseTuningDescription(description) : null,
      items: items.length,
      bytes: tensors.byteLength,
    })),
  );
}

/** Deletes a tuning and its checkpoint; false when there was none. A training that runs meanwhile ends with `closed`. */
export async function dropTuning(storageName: string, task: string, kind: TuningKind): Promise<boolean> {
  return await withHistory(storageName, async (store) => (await store.dropTunings(task, kind)) > 0);
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
  kind: Exclude<TuningKind, 'prompt'> = 'lora',
): Promise<PeftFiles> {
  return await withHistory(storageName, async (store) => {
    const record = await store.tuning(task, kind);
    if (record === null) {
      throw new PersonaPlugError('not-found', `No "${kind}" was trained for "${task}". Train one with startTuning.`);
    }
    return peftFiles(readWeightAdapter(record), baseModel);
  });
}

async function withHistory<T>(name: string, work: (store: HistoryStore) => Promise<T>): Promise<T> {
  await using store = await openHistory({ name });
  return await work(store);
}
