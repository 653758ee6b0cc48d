// The tunings of a history in memory.
import type { TuningRecord, TuningRecords } from './tuning-record.ts';

export interface MemoryTunings extends TuningRecords {
  /** Removes all tunings that were made of an item. */
  dropOfItem(id: string): void;
  clear(): void;
}

/** `hasItem` tells whether the history holds an item. */
export function memoryTunings(hasItem: (id: string) => boolean): MemoryTunings {
  const stored = new Map<string, TuningRecord>();
  return {
    async startTuning(record) {
      if (!record.items.every(hasItem)) return false;
      const running: TuningRecord = { ...structuredClone(record), state: 'running' };
      stored.set(keyOf(running), running);
      return true;
    },
    async keepTuning(record) {
      const runningKey = keyOf({ ...record, state: 'running' });
      if (stored.get(runningKey)?.run !== record.run) return false;
      if (record.state === 'done') stored.delete(runningKey);
      stored.set(keyOf(record), structuredClone(record));
      return true;
    },
    async tuning(task, kind) {
      return structuredClone(stored.get(keyOf({ task, kind, state: 'done' })) ?? null);
    },
    async tunings(task) {
      const found = [...stored].filter(([, record]) => record.task === task);
      return found.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, record]) => structuredClone(record));
    },
    async dropTunings(task, kind, state) {
      const states: TuningRecord['state'][] = state === undefined ? ['running', 'done'] : [state];
      return states.filter((one) => stored.delete(keyOf({ task, kind, state: one }))).length;
    },
    dropOfItem(id) {
      for (const [key, { items }] of stored) if (items.includes(id)) stored.delete(key);
    },
    clear() {
      stored.clear();
    },
  };
}

function keyOf({ task, kind, state }: Pick<TuningRecord, 'task' | 'kind' | 'state'>): string {
  return JSON.stringify([task, kind, state]);
}
