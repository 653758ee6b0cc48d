// The page of the tests of a tuning's life: forgotten items, other tabs, full disks, hidden tabs, answers that go first.
import { createPersonalizer } from '../../src/index.ts';
import { openHistory } from '../../src/history/open-history.ts';
import { createUrlModelSource } from '../../src/model-package/url-model-source.ts';
import { seededRandom } from '../../src/lib/seeded-random.ts';
import {
  dropAdapter,
  startTraining,
  type StartTrainingOptions,
  storedAdapters,
  type TrainingJobEvent,
  type TrainingPlace,
  type TrainingRequest,
  type TrainingResumption,
  type TrainingRetraining,
  watchAdapters,
} from '../../src/worker/tuning/index.ts';

const task = 'news_headline';
const places = ['bridge', 'school', 'market', 'harbour', 'library', 'station'];
const request: TrainingRequest = {
  task,
  options: { kind: 'prompt', passes: 4, batchSize: 1, rate: 0.05, patience: 4 },
};
/** One that goes on while a test does other things. */
const longRequest: TrainingRequest = { task, options: { ...request.options, passes: 8, patience: 8 } };
const resumption: TrainingResumption = { task, resume: 'prompt' };

type What = TrainingRequest | TrainingResumption | TrainingRetraining;

function startWorker(): Worker {
  return new Worker(new URL('../tuning/tuning.worker.ts', import.meta.url), { type: 'module' });
}

function begin(
  worker: Worker,
  name: string,
  what: What,
  options: StartTrainingOptions = {},
  more?: Partial<TrainingPlace>,
) {
  return startTraining(
    worker,
    { models: '/models/', storageName: name, checkpointInterval: 0, ...more },
    what,
    options,
  );
}

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

async function read(job: AsyncIterable<TrainingJobEvent>): Promise<TrainingJobEvent[]> {
  const events: TrainingJobEvent[] = [];
  for await (const event of job) events.push(event);
  return events;
}

async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Stores a tuning as if one had been trained on the items. */
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
  async fill(name: string): Promise<void> {
    await using store = await openHistory({ name });
    const { manifest } = await createUrlModelSource('/models/').open('plug', 'plug');
    const { dim, embedder } = manifest.plug;
    const unit = (seed: number): Float32Array<ArrayBuffer> => {
      const random = seededRandom(seed);
      const values = Float32Array.from({ length: dim }, () => random() - 0.5);
      const norm = Math.hypot(...values);
      return values.map((value) => value / norm);
    };
    await store.put(
      places.map((place, index) => ({
        item: {
          id: `i${index}`,
          date: `2024-01-0${index + 1}`,
          task,
          input: `The ${place} opens again.`,
          output: `At last! The ${place}!`,
        },
        vectors: { embedder, backend: 'wasm' as const, dim, input: unit(2 * index), output: unit(2 * index + 1) },
      })),
    );
  },

  keepReady,
  stored: async (name: string) => await storedAdapters(name, task),
  drop: async (name: string) => await dropAdapter(name, task, 'prompt'),

  async forget(name: string, id: string): Promise<boolean> {
    await using store = await openHistory({ name });
    return await store.delete(id);
  },

  async clear(name: string): Promise<void> {
    await using store = await openHistory({ name });
    await store.clear();
  },

  /** What is there of an item and of the tuning that was made of it, by plain records. */
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

  /** Watches the tunings from this tab. */
  async watch(name: string): Promise<void> {
    await watchAdapters(name, () => (watched += 1), { signal: new AbortController().signal });
  },
  watched: () => watched,

  async train(name: string, what: 'start' | 'resume' | 'retrain'): Promise<TrainingJobEvent[]> {
    const worker = startWorker();
    const asked = { start: request, resume: resumption, retrain: { task, retrain: 'prompt' } } as const;
    const events = await read(begin(worker, name, asked[what]));
    worker.terminate();
    return events;
  },

  /** Leaves the loop at a step, and goes on in the same worker at once. */
  async leave(name: string, step: number) {
    const worker = startWorker();
    for await (const event of begin(worker, name, request)) {
      if (event.type === 'step' && event.step === step) break;
    }
    const kept = await storedAdapters(name, task);
    const rest = await read(begin(worker, name, resumption));
    worker.terminate();
    return {
      states: kept.map(({ state }) => state),
      first: rest.find(({ type }) => type === 'step'),
      last: rest.at(-1),
    };
  },

  /** Hides the tab in the middle of a training that pauses then. */
  async hide(name: string, whenHidden: 'continue' | 'pause') {
    const worker = startWorker();
    const events: TrainingJobEvent[] = [];
    for await (const event of begin(worker, name, request, { whenHidden })) {
      events.push(event);
      if (event.type !== 'step' || event.step !== 2) continue;
      Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    }
    Reflect.deleteProperty(document, 'visibilityState');
    worker.terminate();
    return events.at(-1);
  },

  /** Starts a training that goes on while the test does other things. */
  follow(name: string): number {
    const worker = startWorker();
    const training = { steps: 0, checkpoints: 0, end: null as unknown, error: null as unknown };
    trainings.push(training);
    void (async () => {
      training.error = await outcome(
        (async () => {
          for await (const event of begin(worker, name, longRequest)) {
            if (event.type === 'step') training.steps = event.step;
            if (event.type === 'checkpoint') training.checkpoints += 1;
            if (event.type === 'end') training.end = event.outcome.type;
          }
        })(),
      );
      worker.terminate();
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
    const worker = startWorker();
    const result = await outcome(read(begin(worker, name, request, {}, { memoryLimit: 50_000_000 })));
    worker.terminate();
    return result;
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
