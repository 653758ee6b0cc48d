// The page of the tests of an adapter's life: forgotten items, other tabs, full disks, hidden tabs, answers that go first.
import { openHistory } from '../../src/history/open-history.ts';
import { createPersonalizer, type TrainingEvent } from '../../src/index.ts';
import { fillHistory, task } from '../tuning/fill-history.ts';
import { openPersonalizer } from '../tuning/open-personalizer.ts';

const options = { kind: 'prompt', passes: 4, batchSize: 1, rate: 0.05, patience: 4 } as const;
const request = { task, options };
/** One that goes on while a test does other things. */
const longRequest = { task, options: { ...options, passes: 8, patience: 8 } };
const named = { task, kind: 'prompt' } as const;

/** How a promise ended, as plain values. */
async function outcome(
  promise: Promise<unknown>,
): Promise<{ code: unknown; message: string; details: unknown } | null> {
  try {
    await promise;
    return null;
  } catch (error) {
    if (!(error instanceof Error)) return { code: null, message: String(error), details: null };
    return {
      code: 'code' in error ? error.code : null,
      message: error.message,
      details: 'details' in error ? error.details : null,
    };
  }
}

async function read(run: AsyncIterable<TrainingEvent>): Promise<TrainingEvent[]> {
  const events: TrainingEvent[] = [];
  for await (const event of run) events.push(event);
  return events;
}

async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Stores an adapter as if it had been trained on the items. */
async function keepReady(name: string, items: readonly string[]): Promise<void> {
  await using store = await openHistory({ name });
  const settings = JSON.stringify({
    version: 1,
    base: 'none',
    plug: 'p',
    languageModel: 'l',
    options: { kind: 'lora' },
    startedAt: 1,
  });
  const record = { task, kind: 'lora', state: 'running', run: 'one', items, settings, description: '{}' } as const;
  await store.startAdapter({ ...record, tensors: new Uint8Array(200_000).fill(7) });
  await store.keepAdapter({ ...record, state: 'ready', tensors: new Uint8Array(200_000).fill(7) });
}

let watched = 0;
const trainings: { steps: number; checkpoints: number; end: unknown; error: unknown }[] = [];

const tuningLifePage = {
  fill: fillHistory,
  keepReady,
  async stored(name: string) {
    await using me = await openPersonalizer(name);
    return await me.adapters.list(task);
  },
  async drop(name: string): Promise<boolean> {
    await using me = await openPersonalizer(name);
    return await me.adapters.drop(named);
  },

  async forget(name: string, id: string): Promise<boolean> {
    await using store = await openHistory({ name });
    return await store.delete(id);
  },

  async clear(name: string): Promise<void> {
    await using store = await openHistory({ name });
    await store.clear();
  },

  /** What is there of an item and of the adapter that was made of it, by plain records. */
  async rest(name: string, id: string): Promise<unknown> {
    await using store = await openHistory({ name });
    const [record] = await store.adapters(task);
    return {
      isItemThere: (await store.get(id)) !== undefined,
      state: record?.state,
      bytes: record?.tensors.byteLength,
      knowsItem: record?.items.includes(id),
      settings: record?.settings.length !== 0,
    };
  },

  /** Watches the adapters from this tab; resolves when changes are seen. */
  async watch(name: string): Promise<void> {
    const me = await openPersonalizer(name);
    const changes = me.adapters.watch()[Symbol.asyncIterator]();
    await changes.next();
    void (async () => {
      for (let next = await changes.next(); next.done !== true; next = await changes.next()) watched += 1;
    })();
  },
  watched: () => watched,

  async train(name: string, what: 'start' | 'retrain'): Promise<TrainingEvent[]> {
    await using me = await openPersonalizer(name);
    return await read(me.adapters.train(what === 'start' ? request : { task, retrain: 'prompt' }));
  },

  /** Leaves the loop at a step, and goes on in the same worker at once. */
  async leave(name: string, step: number) {
    await using me = await openPersonalizer(name);
    for await (const event of me.adapters.train(request)) {
      if (event.type === 'step' && event.step === step) break;
    }
    const kept = await me.adapters.list(task);
    const rest = await read(me.adapters.resume(named));
    return {
      states: kept.map(({ state }) => state),
      first: rest.find(({ type }) => type === 'step'),
      last: rest.at(-1),
    };
  },

  /** Closes the personalizer at the second step of a training. */
  async close(name: string) {
    const me = await openPersonalizer(name);
    const end = await outcome(
      (async () => {
        for await (const event of me.adapters.train(request)) {
          if (event.type === 'step' && event.step === 2) await me[Symbol.asyncDispose]();
        }
      })(),
    );
    return { end, late: await outcome(read(me.adapters.train(request))) };
  },

  /** Trainings of a worker whose script is not there. */
  async dead(name: string) {
    await using me = await createPersonalizer({
      worker: new Worker(new URL('../history/persona.worker.ts', import.meta.url), { type: 'module' }),
      trainingWorker: () => new Worker('/no-such-worker.js', { type: 'module' }),
      models: '/models/',
      storageName: name,
    });
    return [await outcome(read(me.adapters.train(request))), await outcome(read(me.adapters.train(request)))];
  },

  /** Hides the tab in the middle of a training that pauses then. */
  async hide(name: string, whenHidden: 'continue' | 'pause') {
    await using me = await openPersonalizer(name);
    const events: TrainingEvent[] = [];
    for await (const event of me.adapters.train(request, { whenHidden })) {
      events.push(event);
      if (event.type !== 'step' || event.step !== 2) continue;
      Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    }
    Reflect.deleteProperty(document, 'visibilityState');
    return events.at(-1);
  },

  /** Starts a training that goes on while the test does other things. */
  follow(name: string): number {
    const training = { steps: 0, checkpoints: 0, end: null as unknown, error: null as unknown };
    trainings.push(training);
    void (async () => {
      training.error = await outcome(
        (async () => {
          await using me = await openPersonalizer(name);
          for await (const event of me.adapters.train(longRequest)) {
            if (event.type === 'step') training.steps = event.step;
            if (event.type === 'checkpoint') training.checkpoints += 1;
            if (event.type === 'end') training.end = event.outcome.type;
          }
        })(),
      );
    })();
    return trainings.length - 1;
  },
  followed: (index: number) => trainings[index],

  /** Writes an answer in the engine's worker while a training runs: steps before, at its end, and after it. */
  async answerMeanwhile(index: number) {
    const worker = new Worker(new URL('../history/persona.worker.ts', import.meta.url), { type: 'module' });
    await using me = await createPersonalizer({ worker, models: '/models/', storageName: 'answers' });
    const stepsNow = (): number => trainings[index]?.steps ?? 0;
    const answer = { task: 'own', input: 'write this very slowly, as slowly as you possibly can' };
    const controller = new AbortController();
    let [first, last] = [0, 0];
    try {
      for await (const event of me.generate(answer, { signal: controller.signal })) {
        if (event.type !== 'delta') continue;
        // The step that was under way when the answer began.
        await pause(1_500);
        first = stepsNow();
        await pause(2_500);
        last = stepsNow();
        controller.abort();
      }
    } catch {
      // Aborted by this test.
    }
    await pause(4_000);
    return { first, last, after: stepsNow() };
  },

  async memory(name: string) {
    await using me = await openPersonalizer(name, { memoryLimit: 50_000_000 });
    return await outcome(read(me.adapters.train(request)));
  },

  /** Fills the disk with what has nothing to do with the history. */
  async fillDisk(): Promise<string> {
    const opening = indexedDB.open('junk', 1);
    opening.addEventListener('upgradeneeded', () => opening.result.createObjectStore('junk', { autoIncrement: true }));
    const database = await new Promise<IDBDatabase>((resolve, reject) => {
      opening.addEventListener('success', () => resolve(opening.result));
      opening.addEventListener('error', () => reject(opening.error ?? new Error('no database')));
    });
    let reason = 'there is no end to this disk';
    for (const size of [200_000, 20_000, 2_000]) {
      for (let count = 0; count < 100; count++) {
        const failed = await new Promise<DOMException | null>((resolve) => {
          const transaction = database.transaction('junk', 'readwrite', { durability: 'strict' });
          transaction.objectStore('junk').add(crypto.getRandomValues(new Uint8Array(Math.min(size, 65_536))));
          if (size > 65_536) transaction.objectStore('junk').add(new Uint8Array(size).map(() => Math.random() * 256));
          transaction.addEventListener('complete', () => resolve(null));
          transaction.addEventListener('abort', () => resolve(transaction.error));
        });
        if (failed !== null) {
          reason = failed.name;
          break;
        }
      }
    }
    database.close();
    return reason;
  },

  async emptyDisk(): Promise<void> {
    const deleting = indexedDB.deleteDatabase('junk');
    await new Promise((resolve) => deleting.addEventListener('success', resolve));
  },
};

export type TuningLifePage = typeof tuningLifePage;

declare global {
  var tuningLifePage: TuningLifePage;
}

globalThis.tuningLifePage = tuningLifePage;
