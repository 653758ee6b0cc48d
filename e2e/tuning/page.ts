// The page of the tuning tests: a real history, the shipped models, jax-js in a worker under the strict policy.
import { openHistory } from '../../src/history/open-history.ts';
import { createUrlModelSource } from '../../src/model-package/url-model-source.ts';
import { seededRandom } from '../../src/lib/seeded-random.ts';
import {
  dropAdapter,
  exportAdapter,
  startTraining,
  storedAdapters,
  type TrainingJobEvent,
  type TrainingRequest,
} from '../../src/worker/tuning/index.ts';

const task = 'news_headline';
const places = ['bridge', 'school', 'market', 'harbour', 'library', 'station', 'garden', 'theatre'];

const request: TrainingRequest = {
  task,
  options: { kind: 'prompt', passes: 4, batchSize: 1, rate: 0.05, patience: 4 },
};

/** So many steps that a test can kill it again and again, and patience to the end. */
const longRequest: TrainingRequest = { task, options: { ...request.options, passes: 10, patience: 10 } };

async function fill(name: string, count = 6): Promise<void> {
  await using store = await openHistory({ name });
  const { manifest } = await createUrlModelSource('/models/').open('plug', 'plug');
  const { dim, embedder } = manifest.plug;
  await store.put(
    places.slice(0, count).map((place, index) => {
      const unit = (seed: number): Float32Array<ArrayBuffer> => {
        const random = seededRandom(seed);
        const values = Float32Array.from({ length: dim }, () => random() - 0.5);
        const norm = Math.hypot(...values);
        return values.map((value) => value / norm);
      };
      return {
        item: {
          id: `i${index}`,
          date: `2024-01-0${index + 1}`,
          task,
          input: `The ${place} opens again.`,
          output: `At last! The ${place}!`,
        },
        vectors: { embedder, backend: 'wasm' as const, dim, input: unit(2 * index), output: unit(2 * index + 1) },
      };
    }),
  );
}

function job(
  name: string,
  what: TrainingRequest | { task: string; resume: 'prompt' },
  signal?: AbortSignal,
  device: 'wasm' | 'webgpu' = 'wasm',
) {
  const worker = new Worker(new URL('./tuning.worker.ts', import.meta.url), { type: 'module' });
  const place = { models: '/models/', storageName: name, checkpointInterval: 0, device };
  return { worker, running: startTraining(worker, place, what, signal === undefined ? {} : { signal }) };
}

/** The numbers of what was trained, exactly, and how many records there are. */
async function state(name: string): Promise<{ done: string | null; records: number }> {
  await using store = await openHistory({ name });
  const done = await store.adapter(task, 'prompt');
  return {
    done: done === null ? null : Array.from(done.tensors).join(),
    records: (await store.adapters(task)).length,
  };
}

/** Reads up to a step and lets the training run on: leaving a `for await` would pause it. */
async function untilStep(
  running: AsyncIterable<TrainingJobEvent>,
  step: number,
): Promise<{ first: number; step: number }> {
  const events = running[Symbol.asyncIterator]();
  let first: number | null = null;
  for (let next = await events.next(); next.done !== true; next = await events.next()) {
    if (next.value.type !== 'step') continue;
    first ??= next.value.step;
    if (next.value.step >= step) return { first, step: next.value.step };
  }
  throw new Error(`The training ended before step ${step}.`);
}

const tuningTestPage = {
  fill,
  state,

  /** Runs to the end, or pauses or gives up at a step. */
  async run(name: string, end: 'done' | 'pause' | 'abort', isResumed = false) {
    const controller = new AbortController();
    const { worker, running } = job(name, isResumed ? { task, resume: 'prompt' } : request, controller.signal);
    const events: TrainingJobEvent[] = [];
    let longestGap = 0;
    let beat = performance.now();
    const pulse = setInterval(() => {
      longestGap = Math.max(longestGap, performance.now() - beat);
      beat = performance.now();
    }, 5);
    let thrown: string | null = null;
    try {
      for await (const event of running) {
        events.push(event);
        if (event.type === 'step' && event.step === 3 && end === 'pause') running.pause();
        if (event.type === 'step' && event.step === 3 && end === 'abort') controller.abort(new Error('enough'));
      }
    } catch (error) {
      thrown = error instanceof Error ? error.message : String(error);
    }
    clearInterval(pulse);
    worker.terminate();
    return { events, thrown, longestGap, state: await state(name) };
  },

  /** The long training without an interruption: how many steps it took, and what came out. */
  async runLong(name: string, isResumed: boolean) {
    const { worker, running } = job(name, isResumed ? { task, resume: 'prompt' } : longRequest);
    const steps: number[] = [];
    for await (const event of running) if (event.type === 'step') steps.push(event.step);
    worker.terminate();
    return { steps, state: await state(name) };
  },

  /** Starts or resumes the long training, and resolves at a step while it goes on: then the test kills the browser. */
  async runLongUntil(name: string, step: number, isResumed: boolean): Promise<{ first: number; step: number }> {
    return await untilStep(job(name, isResumed ? { task, resume: 'prompt' } : longRequest).running, step);
  },

  /** Trains an adapter, shows it, takes it out, deletes it. */
  async adapter(name: string, kind: 'lora' | 'ia3', rate: number): Promise<unknown> {
    const options = { kind, passes: 2, batchSize: 1, rate };
    for await (const _event of job(name, { task, options }).running);
    const stored = await storedAdapters(name, task);
    const { config, tensors } = await exportAdapter(name, task, 'nano-llm', kind);
    const isDropped = await dropAdapter(name, task, kind);
    return {
      stored,
      peftType: JSON.parse(config).peft_type,
      bytes: tensors.byteLength,
      isDropped,
      left: await storedAdapters(name, task),
    };
  },

  /** The held-out losses of one pass on a device. */
  async losses(name: string, device: 'wasm' | 'webgpu'): Promise<number[]> {
    const losses: number[] = [];
    const once: TrainingRequest = { task, options: { kind: 'prompt', passes: 1, batchSize: 1, rate: 0.05 } };
    for await (const event of job(name, once, undefined, device).running) {
      if (event.type === 'evaluation' || event.type === 'step') losses.push(event.loss);
    }
    return losses;
  },

  /** A second training of the same history, while the first one runs. */
  async second(name: string): Promise<unknown> {
    const first = job(name, request);
    await untilStep(first.running, 1);
    try {
      for await (const _event of job(name, request).running) return 'it ran';
    } catch (error) {
      return error instanceof Error && 'code' in error ? error.code : String(error);
    } finally {
      first.worker.terminate();
    }
    return 'it ended';
  },
};

export type TuningTestPage = typeof tuningTestPage;

declare global {
  var tuningTestPage: TuningTestPage;
}

globalThis.tuningTestPage = tuningTestPage;
