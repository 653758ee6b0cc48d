// What a history promises about tunings: they never outlive an item that they were made of, nor a run that was dropped.
import type { HistoryItem } from '../history/history-item.ts';
import type { EmbeddedItem, HistoryStore } from '../history/history-store.ts';
import type { TuningRecord } from '../history/tuning-record.ts';
import { equal } from './contract-equal.ts';

const tuning = (fields: Partial<TuningRecord> = {}): TuningRecord => ({
  task: 'notes',
  kind: 'prompt',
  state: 'running',
  run: 'first',
  items: ['a', 'b'],
  description: '{"step":0}',
  tensors: Uint8Array.of(1, 2, 3),
  ...fields,
});

type Entry = (id: string, fields?: Partial<HistoryItem>) => EmbeddedItem;

/** The cases, over a maker of sample entries of the task `notes`. */
export const tuningContract = (entry: Entry): { name: string; run: (store: HistoryStore) => Promise<void> }[] => [
  {
    name: 'keeps a running tuning beside the last one that was done, and puts it in its place',
    async run(store) {
      await store.put([entry('a'), entry('b')]);
      equal(await store.startTuning(tuning()), true);
      equal(await store.keepTuning(tuning({ description: '{"step":5}' })), true);
      equal(await store.tunings('notes'), [tuning({ description: '{"step":5}' })]);
      equal(await store.tuning('notes', 'prompt'), null);
      equal(await store.keepTuning(tuning({ state: 'done' })), true);
      equal(await store.tunings('notes'), [tuning({ state: 'done' })]);
      equal(await store.tuning('notes', 'prompt'), tuning({ state: 'done' }));
      equal(await store.tuning('notes', 'lora'), null);
      equal(await store.startTuning(tuning({ run: 'second' })), true);
      equal(await store.tunings('notes'), [tuning({ state: 'done' }), tuning({ run: 'second' })]);
      equal(await store.tunings('letters'), []);
      equal(await store.keepTuning(tuning({ run: 'second', state: 'done' })), true);
      equal(await store.tunings('notes'), [tuning({ run: 'second', state: 'done' })]);
    },
  },
  {
    name: 'stores no tuning of items that are not there, and no checkpoint of a run that was dropped',
    async run(store) {
      await store.put([entry('a')]);
      equal(await store.startTuning(tuning()), false);
      equal(await store.keepTuning(tuning()), false);
      await store.put([entry('b')]);
      await store.startTuning(tuning());
      equal(await store.dropTunings('notes', 'lora'), 0);
      equal(await store.dropTunings('notes', 'prompt', 'running'), 1);
      equal(await store.keepTuning(tuning({ state: 'done' })), false);
      await store.startTuning(tuning({ run: 'second' }));
      equal(await store.keepTuning(tuning()), false);
      equal(await store.tunings('notes'), [tuning({ run: 'second' })]);
    },
  },
  {
    name: 'drops every tuning that an item was part of, with the item and with its change',
    async run(store) {
      await store.put([entry('a'), entry('b'), entry('c')]);
      const start = async (): Promise<void> => {
        await store.startTuning(tuning());
        await store.keepTuning(tuning({ state: 'done' }));
        await store.startTuning(tuning());
        await store.startTuning(tuning({ kind: 'lora', items: ['c'] }));
      };
      const others = [tuning({ kind: 'lora', items: ['c'] })];
      await start();
      await store.put([entry('a')]);
      equal((await store.tunings('notes')).length, 3);
      await store.put([entry('a', { output: 'another' })]);
      equal(await store.tunings('notes'), others);
      await start();
      await store.delete('b');
      equal(await store.tunings('notes'), others);
      equal(await store.keepTuning(tuning()), false);
      await store.clear();
      equal(await store.tunings('notes'), []);
    },
  },
];
