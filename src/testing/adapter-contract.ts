// The contract of a history's adapters: their parameters are erased with any of their items, and a dropped run stores none.
import type { HistoryItem } from '../history/history-item.ts';
import type { EmbeddedItem, HistoryStore } from '../history/history-store.ts';
import type { StaleMark } from '../adapter/adapter.ts';
import type { AdapterRecord } from '../adapter/adapter-record.ts';
import { equal } from './contract-equal.ts';

type Fields = Omit<AdapterRecord, 'stale'>;

const adapterRecord = (fields: Partial<Fields> = {}): AdapterRecord => ({
  task: 'notes',
  kind: 'prompt',
  state: 'running',
  run: 'first',
  items: ['a', 'b'],
  settings: '{"seed":1}',
  description: '{"step":0}',
  tensors: Uint8Array.of(1, 2, 3),
  ...fields,
});

type Entry = (id: string, fields?: Partial<HistoryItem>) => EmbeddedItem;

/** The cases, over a maker of sample entries of the task `notes`. */
export const adapterContract = (entry: Entry): { name: string; run: (store: HistoryStore) => Promise<void> }[] => [
  {
    name: 'keeps a running adapter beside the last finished one, and replaces that one when it is finished',
    async run(store) {
      await store.put([entry('a'), entry('b')]);
      equal(await store.startAdapter(adapterRecord()), true);
      equal(await store.keepAdapter(adapterRecord({ description: '{"step":5}' })), true);
      equal(await store.adapters('notes'), [adapterRecord({ description: '{"step":5}' })]);
      equal(await store.adapter('notes', 'prompt'), null);
      equal(await store.keepAdapter(adapterRecord({ state: 'ready' })), true);
      equal(await store.adapters('notes'), [adapterRecord({ state: 'ready' })]);
      equal(await store.adapter('notes', 'prompt'), adapterRecord({ state: 'ready' }));
      equal(await store.adapter('notes', 'lora'), null);
      equal(await store.startAdapter(adapterRecord({ run: 'second' })), true);
      equal(await store.adapters('notes'), [adapterRecord({ state: 'ready' }), adapterRecord({ run: 'second' })]);
      equal(await store.adapterNames(), [
        { task: 'notes', kind: 'prompt', state: 'ready' },
        { task: 'notes', kind: 'prompt', state: 'running' },
      ]);
      equal(await store.adapters('letters'), []);
      equal(await store.keepAdapter(adapterRecord({ run: 'second', state: 'ready' })), true);
      equal(await store.adapters('notes'), [adapterRecord({ run: 'second', state: 'ready' })]);
    },
  },
  {
    name: 'stores no adapter of missing items, and no checkpoint of a dropped run',
    async run(store) {
      await store.put([entry('a')]);
      equal(await store.startAdapter(adapterRecord()), false);
      equal(await store.keepAdapter(adapterRecord()), false);
      await store.put([entry('b')]);
      await store.startAdapter(adapterRecord());
      equal(await store.dropAdapters('notes', 'lora'), 0);
      equal(await store.dropAdapters('notes', 'prompt', 'running'), 1);
      equal(await store.keepAdapter(adapterRecord({ state: 'ready' })), false);
      await store.startAdapter(adapterRecord({ run: 'second' }));
      equal(await store.keepAdapter(adapterRecord()), false);
      equal(await store.adapters('notes'), [adapterRecord({ run: 'second' })]);
    },
  },
  {
    name: 'erases an adapter when an item of it is deleted or changed, and keeps its settings',
    async run(store) {
      await store.put([entry('a'), entry('b'), entry('c')]);
      const others = adapterRecord({ kind: 'lora', items: ['c'] });
      await keepReady(store, adapterRecord());
      await store.startAdapter(others);
      await store.put([entry('a')]);
      equal(await store.adapters('notes'), [others, adapterRecord({ state: 'ready' })]);
      const before = Date.now();
      await store.put([entry('a', { output: 'another' })]);
      equal(await store.adapter('notes', 'prompt'), null);
      equal(await staleOf(store, before), stale({ items: ['b'], reason: 'changed' }));
      equal(await store.keepAdapter(adapterRecord()), false);
      // The id of another forgotten item is removed too; why and when it became stale is kept.
      await store.delete('b');
      equal(await staleOf(store, before), stale({ items: [], reason: 'changed' }));
      equal((await store.adapters('notes'))[0], others);
      await store.clear();
      equal(await store.adapters(), []);
    },
  },
  {
    name: 'keeps the newest settings of an erased adapter until it is trained again or deleted',
    async run(store) {
      await store.put([entry('a'), entry('b'), entry('c')]);
      const before = Date.now();
      await keepReady(store, adapterRecord({ items: ['a', 'b', 'c'] }));
      await store.startAdapter(adapterRecord({ run: 'second', items: ['a', 'b', 'c'], settings: '{"seed":2}' }));
      await store.delete('c');
      const second = stale({ run: 'second', settings: '{"seed":2}', items: ['a', 'b'], reason: 'forgotten' });
      equal(await store.adapters('notes'), [
        { ...second, stale: { reason: 'forgotten', at: (await markOf(store))?.at } },
      ]);
      equal(await staleOf(store, before), second);
      // A new run that is dropped leaves the stale record; a finished one replaces it.
      await store.startAdapter(adapterRecord({ run: 'third' }));
      await store.dropAdapters('notes', 'prompt', 'running');
      equal(await staleOf(store, before), second);
      await keepReady(store, adapterRecord({ run: 'third' }));
      equal(await store.adapters('notes'), [adapterRecord({ run: 'third', state: 'ready' })]);
      await store.delete('b');
      equal(await store.dropAdapters('notes', 'prompt'), 1);
      equal(await store.adapters('notes'), []);
    },
  },
  {
    name: 'removes both changed items of one write from an adapter',
    async run(store) {
      const entries = [entry('a'), entry('b'), entry('c')];
      await store.put(entries);
      await keepReady(store, adapterRecord({ items: ['a', 'b', 'c'] }));
      await store.put([entry('a', { output: 'new' }), entry('b', { output: 'new' })]);
      equal((await store.adapters('notes'))[0]?.items, ['c']);
    },
  },
  {
    name: 'stores adapters of an import with its items, where there is none yet',
    async run(store) {
      const imported = adapterRecord({ state: 'ready', run: 'imported' });
      await store.put([entry('a')], { adapters: [imported] });
      equal(await store.adapters(), []);
      await store.put([entry('b')], { adapters: [imported] });
      equal(await store.adapters(), [imported]);
      await store.put([entry('c')], { adapters: [adapterRecord({ state: 'ready', run: 'another' })] });
      equal(await store.adapters(), [imported]);
    },
  },
  {
    name: 'reports changes once they are committed',
    async run(store) {
      const seen: Promise<string[]>[] = [];
      const look = async (): Promise<string[]> => (await store.adapters()).map(({ state }) => state);
      const end = store.watchAdapters(() => seen.push(look()));
      await store.put([entry('a'), entry('b'), entry('c')]);
      await keepReady(store, adapterRecord());
      await store.delete('c');
      await store.delete('a');
      equal((await Promise.all(seen)).at(-1), ['stale']);
      const { length } = seen;
      await store.delete('b');
      equal(seen.length, length + 1);
      end();
      await store.clear();
      equal(seen.length, length + 1);
    },
  },
];

async function keepReady(store: HistoryStore, record: AdapterRecord): Promise<void> {
  await store.startAdapter(record);
  equal(await store.keepAdapter({ ...record, state: 'ready' }), true);
}

function stale({ reason, ...fields }: Partial<Fields> & Pick<StaleMark, 'reason'>): AdapterRecord {
  const erased = { state: 'stale', description: '', tensors: new Uint8Array(0) } as const;
  return { ...adapterRecord(fields), ...erased, stale: { reason, at: 0 } };
}

async function markOf(store: HistoryStore): Promise<StaleMark | undefined> {
  return (await store.adapters('notes')).find(({ state }) => state === 'stale')?.stale;
}

/** The stale adapter, its time checked and set to 0. */
async function staleOf(store: HistoryStore, before: number): Promise<AdapterRecord | undefined> {
  const record = (await store.adapters('notes')).find(({ state }) => state === 'stale');
  if (record?.stale === undefined) return undefined;
  const { reason, at } = record.stale;
  equal(before <= at && at <= Date.now(), true);
  return { ...record, stale: { reason, at: 0 } };
}
