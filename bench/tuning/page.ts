// The page of bench/tuning.mjs: asks the worker, and measures how long the page itself is held up meanwhile.
import { vectorVersion } from '../../src/embedder/text-chunks.ts';
import { createPersonalizer } from '../../src/index.ts';
import { openHistory } from '../../src/history/open-history.ts';
import { createUrlModelSource } from '../../src/model-package/url-model-source.ts';
import { seededRandom } from '../../src/lib/seeded-random.ts';
import type { MeasuredTuning, TuningMeasurement } from './figures.ts';

async function measureTuning(measurement: TuningMeasurement): Promise<MeasuredTuning & { longestGap: number }> {
  const worker = new Worker(new URL('./tuning.worker.ts', import.meta.url), { type: 'module' });
  let longestGap = 0;
  let beat = performance.now();
  const pulse = setInterval(() => {
    longestGap = Math.max(longestGap, performance.now() - beat);
    beat = performance.now();
  }, 5);
  const found = await new Promise<MeasuredTuning>((resolve, reject) => {
    worker.addEventListener('message', ({ data }: MessageEvent<MeasuredTuning>) => resolve(data));
    worker.addEventListener('error', (event) => reject(new Error(event.message)));
    worker.postMessage(measurement, []);
  });
  clearInterval(pulse);
  worker.terminate();
  return { ...found, longestGap };
}

/** A history of items whose inputs have that many words. */
async function fillHistory(name: string, items: number, words: number): Promise<void> {
  await using store = await openHistory({ name });
  const { manifest } = await createUrlModelSource('/models/').open('plug', 'plug');
  const { dim, embedder } = manifest.plug;
  const vocabulary = ['models', 'read', 'long', 'texts', 'about', 'small', 'boats', 'and', 'slow', 'rivers'];
  await store.put(
    Array.from({ length: items }, (_, index) => {
      const random = seededRandom(index);
      const text = Array.from({ length: words }, () => vocabulary[Math.floor(random() * vocabulary.length)]).join(' ');
      const vector = (): Float32Array<ArrayBuffer> =>
        new Float32Array(dim).map(() => (random() - 0.5) / Math.sqrt(dim));
      return {
        item: { id: `${index}`, date: null, task: 'paper_title', input: text, output: `Reading ${text.slice(0, 40)}` },
        vectors: { embedder, version: vectorVersion, backend: 'wasm' as const, dim, input: vector(), output: vector() },
      };
    }),
  );
}

/** A whole training as an application starts it. Resolves with its steps, and keeps the workers until the page goes. */
async function trainOnce(kind: 'prompt' | 'lora', items: number, words: number): Promise<number> {
  const name = `bench-${kind}-${words}`;
  await fillHistory(name, items, words);
  // An engine with fakes for models: the memory is that of the training alone.
  const me = await createPersonalizer({
    worker: new Worker(new URL('../../e2e/history/persona.worker.ts', import.meta.url), { type: 'module' }),
    trainingWorker: () => new Worker(new URL('./job.worker.ts', import.meta.url), { type: 'module' }),
    models: '/models/',
    storageName: name,
  });
  let steps = 0;
  for await (const event of me.adapters.train({ task: 'paper_title', options: { kind, passes: 1 } })) {
    if (event.type === 'step') steps = event.step;
  }
  return steps;
}

const tuningBench = { measure: measureTuning, train: trainOnce };

declare global {
  var tuningBench: TuningBench;
}

export type TuningBench = typeof tuningBench;

globalThis.tuningBench = tuningBench;
