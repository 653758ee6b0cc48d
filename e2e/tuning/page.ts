// The page of the training tests: a real history, the shipped models, jax-js in a worker under the strict policy.
import { openHistory } from '../../src/history/open-history.ts';
import type { AdapterKind, Personalizer, TrainingEvent, TrainingRun } from '../../src/index.ts';
import { fillHistory, task } from './fill-history.ts';
import { openPersonalizer } from './open-personalizer.ts';

const options = { kind: 'prompt', passes: 4, batchSize: 1, rate: 0.05, patience: 4 } as const;
const request = { task, options };

/** So many steps that a test can kill it again and again, and patience to the end. */
const longRequest = { task, options: { ...options, passes: 10, patience: 10 } };

function startLong(me: Personalizer, isResumed: boolean): TrainingRun {
  return isResumed ? me.adapters.resume({ task, kind: 'prompt' }) : me.adapters.train(longRequest);
}

/** The numbers of what was trained, exactly, and how many records there are. */
async function state(name: string): Promise<{ trained: string | null; records: number }> {
  await using store = await openHistory({ name });
  const ready = await store.adapter(task, 'prompt');
  return {
    trained: ready === null ? null : Array.from(ready.tensors).join(),
    records: (await store.adapters(task)).length,
  };
}

/** Reads up to a step and lets the training run on: leaving a `for await` would pause it. */
async function untilStep(run: TrainingRun, step: number): Promise<{ first: number; step: number }> {
  const events = run[Symbol.asyncIterator]();
  let first: number | null = null;
  for (let next = await events.next(); next.done !== true; next = await events.next()) {
    if (next.value.type !== 'step') continue;
    first ??= next.value.step;
    if (next.value.step >= step) return { first, step: next.value.step };
  }
  throw new Error(`The training ended before step ${step}.`);
}

async function codeOf(run: TrainingRun): Promise<unknown> {
  try {
    for await (const _event of run) return 'it ran';
    return 'it ended';
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : String(error);
  }
}

const tuningTestPage = {
  fill: fillHistory,
  state,

  /** Runs to the end, or pauses or gives up at a step. */
  async run(name: string, end: 'ready' | 'pause' | 'abort') {
    await using me = await openPersonalizer(name);
    const controller = new AbortController();
    const run = me.adapters.train(request, { signal: controller.signal });
    const events: TrainingEvent[] = [];
    let longestGap = 0;
    let beat = performance.now();
    const pulse = setInterval(() => {
      longestGap = Math.max(longestGap, performance.now() - beat);
      beat = performance.now();
    }, 5);
    let thrown: string | null = null;
    try {
      for await (const event of run) {
        events.push(event);
        if (event.type === 'step' && event.step === 3 && end === 'pause') run.pause();
        if (event.type === 'step' && event.step === 3 && end === 'abort') controller.abort(new Error('enough'));
      }
    } catch (error) {
      thrown = error instanceof Error ? error.message : String(error);
    }
    clearInterval(pulse);
    return { events, thrown, longestGap, state: await state(name) };
  },

  /** The long training without an interruption: how many steps it took, and what came out. */
  async runLong(name: string, isResumed: boolean) {
    await using me = await openPersonalizer(name);
    const steps: number[] = [];
    for await (const event of startLong(me, isResumed)) if (event.type === 'step') steps.push(event.step);
    return { steps, state: await state(name) };
  },

  /** Starts or resumes the long training, and resolves at a step while it goes on: then the test kills the browser. */
  async runLongUntil(name: string, step: number, isResumed: boolean): Promise<{ first: number; step: number }> {
    return await untilStep(startLong(await openPersonalizer(name), isResumed), step);
  },

  /** Trains an adapter, shows it, takes it out, deletes it. */
  async adapter(name: string, kind: Exclude<AdapterKind, 'prompt'>, rate: number): Promise<unknown> {
    await using me = await openPersonalizer(name);
    const { adapters } = me;
    for await (const _event of adapters.train({ task, options: { kind, passes: 2, batchSize: 1, rate } }));
    const stored = await adapters.list(task);
    const { config, tensors } = await adapters.exportPeft({ task, kind, baseModel: 'nano-llm' });
    const isDropped = await adapters.drop({ task, kind });
    return {
      stored,
      peftType: JSON.parse(config).peft_type,
      bytes: tensors.byteLength,
      isDropped,
      left: await adapters.list(task),
    };
  },

  /** The losses of one pass on a device. */
  async losses(name: string, device: 'wasm' | 'webgpu'): Promise<number[]> {
    await using me = await openPersonalizer(name, { device });
    const losses: number[] = [];
    for await (const event of me.adapters.train({ task, options: { ...options, passes: 1 } })) {
      if (event.type === 'evaluation' || event.type === 'step') losses.push(event.loss);
    }
    return losses;
  },

  /** A second training of the same history while the first one runs, by the same personalizer and by another one. */
  async second(name: string) {
    await using first = await openPersonalizer(name);
    await using other = await openPersonalizer(name);
    await untilStep(first.adapters.train(request), 1);
    return { same: await codeOf(first.adapters.train(request)), other: await codeOf(other.adapters.train(request)) };
  },
};

export type TuningTestPage = typeof tuningTestPage;

declare global {
  var tuningTestPage: TuningTestPage;
}

globalThis.tuningTestPage = tuningTestPage;
