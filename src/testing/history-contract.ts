// The contract of HistoryStore as cases for any runner: vitest with the in-memory history, a page in a real browser with IndexedDB, or
// the tests of an application's own store.
import type { HistoryItem, ItemVectors } from '../history/history-item.ts';
import type { EmbeddedItem, HistoryStore, PutResult } from '../history/history-store.ts';
import { adapterContract } from './adapter-contract.ts';
import { equal } from './contract-equal.ts';
import { seededRandom } from '../lib/seeded-random.ts';

export interface ContractCase {
  readonly name: string;
  /** `store` is empty and belongs to this case. Throws when the contract is broken. */
  readonly run: (store: HistoryStore) => Promise<void>;
}

const embedder = 'aa11';

/** A sample entry with seeded vectors `[4]`. */
export function sampleEntry(
  id: string,
  fields: Partial<HistoryItem> = {},
  made: Partial<ItemVectors> = {},
): EmbeddedItem {
  const random = seededRandom(Array.from(id).reduce((sum, character) => sum * 31 + character.charCodeAt(0), 7));
  const vector = (): Float32Array<ArrayBuffer> => Float32Array.from({ length: 4 }, () => random() - 0.5);
  return {
    item: { id, date: '2024-01-01', task: 'notes', input: `input of ${id}`, output: `output of ${id}`, ...fields },
    vectors: { embedder, backend: 'wasm', dim: 4, input: vector(), output: vector(), ...made },
  };
}

export const historyContract: readonly ContractCase[] = [
  {
    name: 'returns items as they were stored, bit for bit',
    async run(store) {
      const entry = sampleEntry('a');
      equal(await store.put([entry]), { added: 1, replaced: 0, unchanged: 0 });
      equal(await store.get('a'), entry);
      equal(await store.get('b'), undefined);
    },
  },
  {
    name: 'returns an undated item without a date',
    async run(store) {
      await store.put([sampleEntry('a', { date: null })]);
      equal((await store.get('a'))?.item.date, null);
    },
  },
  {
    name: 'leaves equal items unchanged and replaces changed ones',
    async run(store) {
      const entry = sampleEntry('a');
      await store.put([entry]);
      const other = sampleEntry('x').vectors;
      equal(await store.put([{ ...entry, vectors: other }]), { added: 0, replaced: 0, unchanged: 1 });
      equal(await store.get('a'), entry);
      const changed = sampleEntry('a', { output: 'another' });
      equal(await store.put([changed]), { added: 0, replaced: 1, unchanged: 0 });
      equal(await store.get('a'), changed);
      const reembedded = sampleEntry('a', { output: 'another' }, { embedder: 'bb22' });
      equal(await store.put([reembedded]), { added: 0, replaced: 1, unchanged: 0 });
      equal((await store.get('a'))?.vectors?.embedder, 'bb22');
    },
  },
  {
    name: 'lists a task by date, undated first, then by id in code units',
    async run(store) {
      await store.put([
        sampleEntry('b', { date: '2024-05-01' }),
        sampleEntry('a', { date: '2024-05-01' }),
        sampleEntry('ä', { date: '2024-05-01' }),
        sampleEntry('B', { date: '2024-05-01' }),
        sampleEntry('later', { date: '2024-05-02' }),
        sampleEntry('earlier', { date: '2023-12-31T10:00:00Z' }),
        sampleEntry('undated', { date: null }),
        sampleEntry('other', { task: 'letters' }),
        sampleEntry('prefix', { task: 'notes2' }),
      ]);
      const inTask = await store.list('notes');
      equal(
        inTask.map(({ item }) => item.id),
        ['undated', 'earlier', 'B', 'a', 'b', 'ä', 'later'],
      );
      equal(inTask[0], sampleEntry('undated', { date: null }));
      equal(
        (await store.list()).map(({ item }) => item.task),
        ['letters', ...inTask.map(() => 'notes'), 'notes2'],
      );
      equal(await store.list('nothing'), []);
      for (const task of ['notes', undefined, 'nothing']) {
        const listed = await store.list(task);
        equal(
          await store.items(task),
          listed.map(({ item }) => item),
        );
      }
    },
  },
  {
    name: 'counts per task',
    async run(store) {
      equal(await store.count(), {});
      await store.put([sampleEntry('a'), sampleEntry('b'), sampleEntry('c', { task: 'letters' })]);
      equal(await store.count(), { letters: 1, notes: 2 });
    },
  },
  {
    name: 'knows which items are stored unchanged with vectors that are current',
    async run(store) {
      const entries = [sampleEntry('a'), sampleEntry('b'), sampleEntry('c', {}, { embedder: 'bb22' })];
      await store.put(entries);
      const asked = [
        ...entries.map(({ item }) => item),
        sampleEntry('d').item,
        { ...sampleEntry('b').item, input: '?' },
      ];
      const seen: string[] = [];
      const isCurrent = (item: HistoryItem, vectors: ItemVectors): boolean => {
        seen.push(item.id);
        return vectors.embedder === embedder;
      };
      equal([...(await store.has(asked.slice(0, 4), isCurrent))].sort(), ['a', 'b']);
      equal([...(await store.has(asked.slice(4), isCurrent))], []);
      equal(seen.sort(), ['a', 'b', 'c']);
    },
  },
  {
    name: 'deletes an item with vectors and projections, and only that',
    async run(store) {
      const [a, b] = [sampleEntry('a'), sampleEntry('b')];
      await store.put([a, b]);
      await store.putProjections('plug', [project(a), project(b)]);
      equal(await store.delete('a'), true);
      equal(await store.delete('a'), false);
      equal(await store.get('a'), undefined);
      equal((await store.recall('notes', 'plug')).map(recallOf), [['b', [1, 2, 3]]]);
      await store.put([a]);
      equal((await store.recall('notes', 'plug')).map(recallOf), [
        ['a', null],
        ['b', [1, 2, 3]],
      ]);
    },
  },
  {
    name: 'clears everything, the projections too',
    async run(store) {
      const a = sampleEntry('a');
      await store.put([a]);
      await store.putProjections('plug', [project(a)]);
      await store.clear();
      equal(await store.list(), []);
      await store.put([a]);
      equal((await store.recall('notes', 'plug')).map(recallOf), [['a', null]]);
    },
  },
  {
    name: 'caches projections per plug and drops them with the vectors they were computed from',
    async run(store) {
      const [a, b] = [sampleEntry('a'), sampleEntry('b')];
      await store.put([a, b]);
      equal(await store.putProjections('plug', [project(a), project(b), project(sampleEntry('never'))]), 2);
      equal((await store.recall('notes', 'other')).map(recallOf), [
        ['a', null],
        ['b', null],
      ]);
      const changed = sampleEntry('a', { output: 'another' }, { input: sampleEntry('x').vectors.input });
      await store.put([changed]);
      equal((await store.recall('notes', 'plug')).map(recallOf), [
        ['a', null],
        ['b', [1, 2, 3]],
      ]);
      // Computed from vectors that are no longer stored.
      equal(await store.putProjections('plug', [project(a)]), 0);
    },
  },
  {
    name: 'replaces vectors of items that are still the same',
    async run(store) {
      const [a, b] = [sampleEntry('a'), sampleEntry('b')];
      await store.put([a, b]);
      await store.putProjections('plug', [project(a)]);
      await store.delete('b');
      const fresh = { ...sampleEntry('y').vectors, embedder: 'bb22' };
      const outdated = { ...sampleEntry('a').item, input: 'as it was before' };
      equal(await store.replaceVectors([{ item: outdated, vectors: fresh }]), 0);
      equal(
        await store.replaceVectors([
          { item: a.item, vectors: fresh },
          { item: b.item, vectors: fresh },
        ]),
        1,
      );
      equal(await store.get('a'), { item: a.item, vectors: fresh });
      equal(await store.get('b'), undefined);
      equal((await store.recall('notes', 'plug')).map(recallOf), [['a', null]]);
    },
  },
  {
    name: 'keeps the version of vectors, and replaces those of another version',
    async run(store) {
      const old = sampleEntry('a');
      const renewed = sampleEntry('a', {}, { ...sampleEntry('x').vectors, version: 2 });
      await store.put([old]);
      await store.putProjections('plug', [project(old)]);
      equal(await store.get('a'), old);
      equal(await store.put([{ ...old, vectors: { ...old.vectors, version: 1 } }]), putResult({ unchanged: 1 }));
      equal(await store.put([renewed]), putResult({ replaced: 1 }));
      equal(await store.get('a'), renewed);
      equal((await store.recall('notes', 'plug')).map(recallOf), [['a', null]]);
      equal(await store.put([renewed]), putResult({ unchanged: 1 }));
    },
  },
  {
    name: 'keeps the projections of vectors that only get another version',
    async run(store) {
      const a = sampleEntry('a');
      await store.put([a]);
      await store.putProjections('plug', [project(a)]);
      const relabelled = { ...a, vectors: { ...a.vectors, version: 2 } };
      equal(await store.replaceVectors([relabelled]), 1);
      equal(await store.get('a'), relabelled);
      equal((await store.recall('notes', 'plug')).map(recallOf), [['a', [1, 2, 3]]]);
    },
  },
  {
    name: 'writes nothing when it is aborted before',
    async run(store) {
      const reason = new Error('enough');
      const thrown = await caught(store.put([sampleEntry('a')], { signal: AbortSignal.abort(reason) }));
      equal(thrown === reason, true);
      equal(await store.list(), []);
    },
  },
  {
    name: 'returns copies, which can be changed without an effect',
    async run(store) {
      const entry = sampleEntry('a');
      const kept = structuredClone(entry);
      await store.put([entry]);
      entry.vectors.input.fill(0);
      (await store.get('a'))?.vectors?.output.fill(0);
      equal(await store.get('a'), kept);
    },
  },
  ...adapterContract(sampleEntry),
  {
    name: 'throws `closed` after its disposal',
    async run(store) {
      await store[Symbol.asyncDispose]();
      const thrown = await caught(store.list());
      equal(thrown instanceof Error && 'code' in thrown ? thrown.code : thrown, 'closed');
    },
  },
];

function putResult(counts: Partial<PutResult>): PutResult {
  return { added: 0, replaced: 0, unchanged: 0, ...counts };
}

function project({ item, vectors }: EmbeddedItem): Parameters<HistoryStore['putProjections']>[1][number] {
  return { id: item.id, vectors, projection: Float32Array.of(1, 2, 3) };
}

function recallOf(entry: Awaited<ReturnType<HistoryStore['recall']>>[number]): unknown {
  return [entry.item.id, entry.projection === null ? null : Array.from(entry.projection)];
}

async function caught(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return undefined;
}
