// Long texts in a history: what their vectors tell apart, how vectors of 0.1.0 are renewed, and what is told where a part is left out.
import 'fake-indexeddb/auto';
import { describe, expect, test } from 'vitest';
import type { HistoryItem, ItemVectors } from '../history/history-item.ts';
import type { HistoryStore } from '../history/history-store.ts';
import { inMemoryHistory } from '../history/in-memory-history.ts';
import { openHistory } from '../history/open-history.ts';
import { fakeEngineParts } from '../testing/fake-personalizer.ts';
import { hashEmbedder } from '../testing/hash-embedder.ts';
import { createEngine } from './create-engine.ts';
import type { Personalizer } from './personalizer.ts';

const task = 'news_headline';
const notes = 'The meeting notes were read aloud and nobody objected to them. '.repeat(26);
const boat: HistoryItem = { id: 'boat', date: null, task, input: `${notes}We sell the boat.`, output: 'x' };
const house: HistoryItem = { id: 'house', date: null, task, input: `${notes}We buy a house.`, output: 'x' };
const short: HistoryItem = { id: 'short', date: null, task, input: 'a short draft', output: 'a headline' };
const endless: HistoryItem = { id: 'endless', date: null, task, input: notes.repeat(8), output: 'x' };
const request = { task, input: 'a draft' } as const;

const linesOf = (...items: readonly object[]): string => items.map((item) => JSON.stringify(item)).join('\n');

interface Started {
  readonly engine: Personalizer;
  readonly embedded: string[];
}

function start(store: HistoryStore): Started {
  const embedded: string[] = [];
  const embedder = hashEmbedder({ onEmbed: (text) => embedded.push(text) });
  return { engine: createEngine(fakeEngineParts({ store, embedder })), embedded };
}

/** As 0.1.0 made them: of the first chunk alone, without a version. */
async function oldVectors({ input, output }: HistoryItem): Promise<ItemVectors> {
  const embedder = hashEmbedder();
  const cut = async (text: string): Promise<Float32Array<ArrayBuffer>> =>
    await embedder.embed(text.split(' ').slice(0, 254).join(' '));
  const { fingerprint, dim, backend } = embedder.identity;
  return { embedder: fingerprint, backend, dim, input: await cut(input), output: await cut(output) };
}

async function putOld(store: HistoryStore, ...items: readonly HistoryItem[]): Promise<void> {
  for (const item of items) await store.put([{ item, vectors: await oldVectors(item) }]);
}

const vectorsOf = async (store: HistoryStore, id: string): Promise<ItemVectors | null | undefined> =>
  (await store.get(id))?.vectors;

test('items that differ after their first 256 tokens have different vectors', async () => {
  const store = inMemoryHistory();
  await start(store).engine.importHistory(linesOf(boat, house));
  const [first, second] = [await vectorsOf(store, 'boat'), await vectorsOf(store, 'house')];
  expect(first?.input).not.toEqual(second?.input);
  expect(first?.version).toBe(2);
});

const stores: readonly (readonly [string, () => Promise<HistoryStore>])[] = [
  ['in memory', async () => await Promise.resolve(inMemoryHistory())],
  ['simulated IndexedDB', async () => await openHistory({ name: crypto.randomUUID() })],
];

describe.each(stores)('vectors of 0.1.0, %s', (_, open) => {
  test('of long texts are made anew at the next answer, those of other texts are kept', async () => {
    const store = await open();
    await putOld(store, boat, short);
    const old = await vectorsOf(store, 'short');
    const { engine, embedded } = start(store);
    const explained = await engine.explain(request);
    expect(embedded).toEqual([boat.input, boat.output, request.input]);
    expect(await vectorsOf(store, 'short')).toEqual({ ...old, version: 2 });

    const never = await open();
    const fresh = start(never);
    await fresh.engine.importHistory(linesOf(boat, short));
    expect(explained).toEqual(await fresh.engine.explain(request));
    expect(await vectorsOf(store, 'boat')).toEqual(await vectorsOf(never, 'boat'));
    await engine.explain(request);
    expect(embedded.slice(3)).toEqual([request.input]);
  });

  test('an item that is remembered or imported again is unchanged, unless its text is long', async () => {
    const store = await open();
    await putOld(store, boat, short);
    const { engine, embedded } = start(store);
    await engine.remember({ id: 'short', task, input: short.input, output: short.output });
    expect(embedded).toEqual([]);
    expect(await engine.importHistory(linesOf(boat, short))).toEqual({
      added: 0,
      replaced: 1,
      unchanged: 1,
      partlyEmbedded: 0,
    });
    expect(embedded).toEqual([boat.input, boat.output]);
    expect((await vectorsOf(store, 'boat'))?.version).toBe(2);
  });

  test('come back from an export of 0.1.0 where the text fits, and are made anew where it is long', async () => {
    const source = await open();
    await putOld(source, boat, short);
    const old = start(source);
    const text = await old.engine.exportHistory({ includeVectors: true });
    expect(text).not.toContain('"version"');

    const store = await open();
    const { engine, embedded } = start(store);
    await engine.importHistory(text);
    expect(embedded).toEqual([boat.input, boat.output]);
    expect((await vectorsOf(store, 'short'))?.input).toEqual((await vectorsOf(source, 'short'))?.input);

    const present = await engine.exportHistory({ includeVectors: true });
    const other = await open();
    const again = start(other);
    await again.engine.importHistory(present);
    expect(again.embedded).toEqual([]);
    expect(await again.engine.exportHistory({ includeVectors: true })).toBe(present);
    // An old export does not undo what was made anew.
    await engine.importHistory(text);
    expect(await engine.exportHistory({ includeVectors: true })).toBe(present);
  });
});

test('vectors of a later version are made anew', async () => {
  const store = inMemoryHistory();
  await store.put([{ item: short, vectors: { ...(await oldVectors(short)), version: 3 } }]);
  const { engine, embedded } = start(store);
  await engine.explain(request);
  expect(embedded).toEqual([short.input, short.output, request.input]);
});

test('forgetting a long item leaves the persona of a history that never held it', async () => {
  const [forgot, never] = [start(inMemoryHistory()), start(inMemoryHistory())];
  await forgot.engine.importHistory(linesOf(boat, house, short));
  await forgot.engine.explain(request);
  await forgot.engine.forget('boat');
  await never.engine.importHistory(linesOf(short, house));
  expect(await forgot.engine.explain(request)).toEqual(await never.engine.explain(request));
});

describe('a text of more than 8 chunks', () => {
  test('is told by remember, each time, and counted by an import', async () => {
    const { engine } = start(inMemoryHistory());
    const given = { id: 'endless', task, input: endless.input, output: endless.output };
    expect(await engine.remember(given)).toEqual({ ...endless, partlyEmbedded: true });
    expect(await engine.remember(given)).toMatchObject({ partlyEmbedded: true });
    expect(await engine.remember({ task, input: boat.input, output: 'x' })).toMatchObject({ partlyEmbedded: false });
    expect(await engine.importHistory(linesOf(endless, boat, short))).toMatchObject({ partlyEmbedded: 1 });
    expect(await engine.items()).toContainEqual(endless);
  });

  test('lets a short one in between its chunks', async () => {
    const order: string[] = [];
    const fake = hashEmbedder();
    const embedder = {
      ...fake,
      embed: async (...[text, options]: Parameters<typeof fake.embed>) => {
        const turn = options?.turn;
        const name = text === endless.input ? 'long' : 'short';
        const counted = async <T>(work: () => Promise<T>): Promise<T> => {
          const run = async (): Promise<T> => {
            order.push(name);
            return await work();
          };
          return turn === undefined ? await run() : await turn(run);
        };
        return await fake.embed(text, { ...options, turn: counted });
      },
    };
    const engine = createEngine(fakeEngineParts({ embedder }));
    const { input, output } = endless;
    await Promise.all([engine.remember({ task, input, output }), engine.remember({ task, input: 'a', output: 'b' })]);
    expect(order.indexOf('short')).toBeLessThan(order.lastIndexOf('long'));
    expect(order.filter((name) => name === 'long')).toHaveLength(8);
  });
});
