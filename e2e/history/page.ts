// What the browser tests of the history run inside the page: the real store, the real worker, fakes only for models.
import { createEngine } from '../../src/engine/create-engine.ts';
import type { GenerateEvent, Personalizer } from '../../src/engine/personalizer.ts';
import { openHistory, type OpenHistoryOptions } from '../../src/history/open-history.ts';
import type { HistoryStore } from '../../src/history/history-store.ts';
import { createPersonalizer } from '../../src/index.ts';
import { fakeEngineParts } from '../../src/testing/fake-personalizer.ts';
import { historyContract, sampleEntry } from '../../src/testing/history-contract.ts';
import { countRecords, request, writeVersion1, writeVersion3 } from './plain-database.ts';

/** Opens a history whose items get vectors of 384 numbers, as real ones do. */
async function openEngine(name: string): Promise<{ engine: Personalizer; store: HistoryStore }> {
  const store = await openHistory({ name });
  return { engine: createEngine(fakeEngineParts({ store })), store };
}

function linesOf(count: number, prefix = 'item'): string {
  return Array.from({ length: count }, (_, index) =>
    JSON.stringify({
      id: `${prefix}-${String(index).padStart(5, '0')}`,
      date: `2024-01-${String((index % 28) + 1).padStart(2, '0')}`,
      task: 'news_headline',
      input: `draft ${index} of ${prefix}`,
      output: `headline ${index}`,
    }),
  ).join('\n');
}

/** How a promise ended, as plain values. */
async function outcome(
  promise: Promise<unknown>,
): Promise<{ ok: boolean; code?: unknown; name?: unknown; message?: string }> {
  try {
    await promise;
    return { ok: true };
  } catch (error) {
    if (!(error instanceof Error)) return { ok: false, message: String(error) };
    const code = 'code' in error ? error.code : undefined;
    return { ok: false, code, name: error.name, message: error.message };
  }
}

async function openShared(): Promise<Personalizer> {
  const worker = new SharedWorker(new URL('./persona.worker.ts', import.meta.url), {
    type: 'module',
    name: 'shared',
  });
  return await createPersonalizer({ worker, models: '/models/', storageName: 'shared' });
}

const historyTestPage = {
  /** Runs the contract on IndexedDB; returns what was broken. */
  async runContract(): Promise<{ passed: string[]; broken: string[] }> {
    const result: { passed: string[]; broken: string[] } = { passed: [], broken: [] };
    for (const { name, run } of historyContract) {
      const store = await openHistory({ name: `contract: ${name}` });
      try {
        await run(store);
        result.passed.push(name);
      } catch (error) {
        result.broken.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      } finally {
        await store[Symbol.asyncDispose]();
      }
    }
    return result;
  },

  async importItems(name: string, count: number, prefix?: string): Promise<unknown> {
    const { engine } = await openEngine(name);
    await using _ = engine;
    return await engine.importHistory(linesOf(count, prefix));
  },

  /** Aborts an import in the middle of its transaction: after the writes were issued, before they are committed. */
  async abortWhileWriting(name: string, count: number): Promise<unknown> {
    const { engine } = await openEngine(name);
    await using _ = engine;
    const controller = new AbortController();
    let stages = '';
    const result = await outcome(
      engine.importHistory(linesOf(count), {
        signal: controller.signal,
        onProgress({ stage, done }) {
          stages = `${stage} ${done}`;
          if (stage === 'store' && done === 0) setTimeout(() => controller.abort(new Error('enough')), 5);
        },
      }),
    );
    return { ...result, stages };
  },

  async abortWhileEmbedding(name: string, count: number): Promise<unknown> {
    const { engine } = await openEngine(name);
    await using _ = engine;
    const controller = new AbortController();
    return await outcome(
      engine.importHistory(linesOf(count), {
        signal: controller.signal,
        onProgress({ stage, done }) {
          if (stage === 'embed' && done === Math.floor(count / 2)) controller.abort(new Error('enough'));
        },
      }),
    );
  },

  async exportAll(name: string): Promise<string> {
    const { engine } = await openEngine(name);
    await using _ = engine;
    return await engine.exportHistory({ includeVectors: true });
  },

  /** Fills the cache of projections, forgets one item, counts the records of each store before and after. */
  async forgetOne(name: string, id: string): Promise<unknown> {
    const { engine } = await openEngine(name);
    await using _ = engine;
    for await (const event of engine.generate({ task: 'news_headline', input: 'a draft' }))
      if (event.type === 'end') break;
    const before = await countRecords(name);
    const isForgotten = await engine.forget(id);
    return { before, isForgotten, after: await countRecords(name) };
  },

  /** What explains a request with a fixed time, and the rows of its prompt, as text that only equal bits share. */
  async personaText(name: string): Promise<string> {
    const store = await openHistory({ name });
    const seen: string[] = [];
    const parts = fakeEngineParts({ store });
    const languageModel = {
      ...parts.languageModel,
      async *generate(...[prompt, options]: Parameters<typeof parts.languageModel.generate>) {
        seen.push(JSON.stringify(prompt.map((one) => (one.kind === 'ids' ? one.ids : Array.from(one.rows)))));
        return yield* parts.languageModel.generate(prompt, options);
      },
    };
    await using engine = createEngine({ ...parts, languageModel });
    const events: GenerateEvent[] = [];
    const asked = { task: 'news_headline', input: 'a new draft', at: '2024-06-01' };
    for await (const event of engine.generate(asked)) events.push(event);
    return JSON.stringify([events[0], seen]);
  },

  countRecords,

  writeVersion1,
  writeVersion3,

  async adapters(name: string): Promise<unknown> {
    const store = await openHistory({ name });
    await using _ = store;
    return (await store.adapters()).map(({ kind, state, settings, tensors }) => ({
      kind,
      state,
      bytes: tensors.byteLength,
      settings: JSON.parse(settings),
    }));
  },

  /** Opens it with today's code; true when every item came through bit for bit, and the new store works. */
  async migrate(name: string): Promise<unknown> {
    const store = await openHistory({ name });
    await using _ = store;
    const expected = ['a', 'b', 'c'].map((id) => sampleEntry(id, { date: id === 'a' ? null : '2024-01-01' }));
    const isEqual = JSON.stringify(plain(await store.list())) === JSON.stringify(plain(expected));
    const [first] = expected;
    if (first === undefined) return null;
    const projection = { id: 'a', vectors: first.vectors, projection: Float32Array.of(1) };
    return { isEqual, kept: await store.putProjections('plug', [projection]) };
  },

  /** An older tab that holds on, and one that makes way. */
  async blocked(name: string, doesMakeWay: boolean): Promise<unknown> {
    const older = await request(indexedDB.open(name, 1));
    if (doesMakeWay) older.addEventListener('versionchange', () => older.close());
    const events: string[] = [];
    const options: OpenHistoryOptions = { name, blockedTimeout: 300, onEvent: ({ type }) => events.push(type) };
    const result = await outcome(openHistory(options).then((store) => store[Symbol.asyncDispose]()));
    older.close();
    return { ...result, events };
  },

  /** A newer tab comes while a history is open. */
  async newerTab(name: string): Promise<unknown> {
    const events: string[] = [];
    const store = await openHistory({ name, onEvent: ({ type }) => events.push(type) });
    const newer = await openHistory({ name, version: 99 });
    const result = await outcome(store.list());
    await newer[Symbol.asyncDispose]();
    return { ...result, events, reopened: await outcome(openHistory({ name })) };
  },

  async importUntilFull(name: string): Promise<unknown> {
    const { engine } = await openEngine(name);
    await using _ = engine;
    const text = 'x'.repeat(50_000);
    const lines = Array.from({ length: 200 }, (_unused, index) =>
      JSON.stringify({ id: `big-${index}`, task: 'news_headline', input: `${index} ${text}`, output: 'y' }),
    );
    return await outcome(engine.importHistory(lines.join('\n')));
  },

  /** A worker of its own behind the protocol; `mode` says how it ends. */
  async worker(mode: 'works' | 'terminated' | 'absent'): Promise<unknown> {
    const worker =
      mode === 'absent'
        ? new Worker(new URL('./absent.worker.js', location.href), { type: 'module' })
        : new Worker(new URL('./persona.worker.ts', import.meta.url), { type: 'module' });
    const opening = createPersonalizer({ worker, models: '/models/', storageName: `worker ${mode}` });
    if (mode === 'absent') return await outcome(opening);
    const me = await opening;
    await me.remember({ task: 'news_headline', input: 'a draft', output: 'a headline' });
    const events: string[] = [];
    if (mode === 'works') {
      for await (const event of me.generate({ task: 'news_headline', input: 'a draft' })) events.push(event.type);
      const items = await me.items();
      await me[Symbol.asyncDispose]();
      worker.terminate();
      return { items: items.length, events: [...new Set(events)] };
    }
    const importing = outcome(me.importHistory(linesOf(5_000)));
    setTimeout(() => worker.terminate(), 50);
    return { pending: await importing, later: await outcome(me.items()) };
  },

  /** Starts an answer of the shared worker that would take most of a minute; resolves at its first word. */
  async startSlowAnswer(): Promise<void> {
    const me = await openShared();
    await new Promise<void>((resolve) => {
      void (async () => {
        const request = { task: 'own', input: 'write this very slowly, as slowly as you possibly can' };
        for await (const event of me.generate(request)) if (event.type === 'delta') resolve();
      })();
    });
  },

  async sharedAnswer(): Promise<{ milliseconds: number }> {
    await using me = await openShared();
    const start = performance.now();
    for await (const event of me.generate({ task: 'own', input: 'at once' })) if (event.type === 'end') break;
    return { milliseconds: performance.now() - start };
  },

  /** Two clients of one shared worker. */
  async sharedWorker(): Promise<unknown> {
    const [a, b] = await Promise.all([openShared(), openShared()]);
    await a.remember({ task: 'news_headline', input: 'a draft', output: 'a headline' });
    const seen = (await b.items()).length;
    await a[Symbol.asyncDispose]();
    const still = (await b.items()).length;
    await b[Symbol.asyncDispose]();
    return { seen, still };
  },
};

const asList = (_key: string, value: unknown): unknown => (value instanceof Float32Array ? Array.from(value) : value);

function plain(entries: readonly unknown[]): unknown {
  return entries.map((entry) => JSON.parse(JSON.stringify(sorted(entry), asList)));
}

/** Keys in one order, two levels deep: enough for an item and its vectors. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Float32Array) return value;
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(fields.map(([key, field]) => [key, sorted(field)]));
}

export type HistoryTestPage = typeof historyTestPage;

declare global {
  var historyTestPage: HistoryTestPage;
}

globalThis.historyTestPage = historyTestPage;
