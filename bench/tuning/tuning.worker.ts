// Measures training steps on the shipped language model, as a training job runs them.
import { createUrlModelSource } from '../../src/model-package/url-model-source.ts';
import { adamWStep, addGradients, clipGradients, scaleGradients, startOptimizer } from '../../src/tuning/adamw.ts';
import { createExample } from '../../src/tuning/example.ts';
import type { Parameters } from '../../src/adapter/parameters.ts';
import { type JaxGradientModel, jaxGradientModel } from '../../src/tuning/jax/jax-gradient-model.ts';
import { type Jax, loadJax } from '../../src/tuning/jax/load-jax.ts';
import { type LlamaWeights, readLlamaWeights } from '../../src/tuning/llama-weights.ts';
import { startLora } from '../../src/adapter/lora.ts';
import type { MeasuredTuning, TuningCase, TuningFigures, TuningMeasurement } from './figures.ts';

const rows = 8;

async function timed<T>(work: () => Promise<T>): Promise<{ result: T; milliseconds: number }> {
  const start = performance.now();
  const result = await work();
  return { result, milliseconds: performance.now() - start };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Counted, since a policy that blocks them is reported only in the console. */
let ownWorkers = 0;

/** jax-js unchanged, with workers of its own where the policy allows them. */
async function loadWithThreads(): Promise<Jax> {
  globalThis.Worker = new Proxy(Worker, {
    construct(worker, given) {
      ownWorkers += 1;
      return Reflect.construct(worker, given);
    },
  });
  const jax = await import('@jax-js/jax');
  await jax.init('wasm');
  jax.defaultDevice('wasm');
  return jax;
}

async function measure({ cases, steps, threads }: TuningMeasurement): Promise<MeasuredTuning> {
  const { result: loaded, milliseconds: loadMilliseconds } = await timed(async () => {
    const source = createUrlModelSource(new URL('/models/', location.origin).href);
    const weights = await readLlamaWeights(await source.open('nano-llm', 'language-model'));
    return { weights, model: jaxGradientModel(await (threads ? loadWithThreads() : loadJax('wasm')), weights) };
  });
  const figures: TuningFigures[] = [];
  for (const one of cases) figures.push(await measureCase(loaded.model, loaded.weights, one, steps));
  return { figures, loadMilliseconds, isIsolated: globalThis.crossOriginIsolated, ownWorkers };
}

async function measureCase(
  model: JaxGradientModel,
  weights: LlamaWeights,
  one: TuningCase,
  steps: number,
): Promise<TuningFigures> {
  const { kind, length, answer, batch } = one;
  const { hiddenSize, vocabularySize } = weights.shape;
  const ids = (count: number, from: number): number[] =>
    Array.from({ length: count }, (_, at) => 4 + ((from + at * 97) % (vocabularySize - 4)));
  const examples = Array.from({ length: batch }, (_, item) => {
    const prompt = [
      { kind: 'rows', rows: new Float32Array(rows * hiddenSize).fill(0.01), count: rows },
      // The answer's last token is only a target.
      { kind: 'ids', ids: ids(length - rows - answer + 1, item) },
    ] as const;
    return createExample(weights, {
      prompt,
      answer: ids(answer, item),
      trainableSegment: kind === 'prompt' ? 0 : null,
    });
  });
  const prompt = { shape: [rows, hiddenSize], data: new Float32Array(rows * hiddenSize) };
  let state = startOptimizer(kind === 'prompt' ? new Map([['prompt', prompt]]) : startLora(weights.shape, 8, 0));
  const step = async (): Promise<void> => {
    let sum: Parameters | null = null;
    for (const example of examples)
      sum = addGradients(sum, (await model.lossAndGradients(example, state.parameters)).gradients);
    const gradients = clipGradients(scaleGradients(sum ?? new Map(), 1 / batch), 0.3);
    state = adamWStep(state, gradients, { rate: 1e-3, weightDecay: 0.01 });
  };
  const loss = async (): Promise<void> => {
    for (const example of examples.slice(0, 1)) await model.loss(example, state.parameters);
  };
  const first = await timed(step);
  await loss();
  const times: number[] = [];
  const forward: number[] = [];
  for (let count = 0; count < steps; count++) {
    times.push((await timed(step)).milliseconds);
    forward.push((await timed(loss)).milliseconds);
  }
  return {
    ...one,
    firstMilliseconds: first.milliseconds,
    stepMilliseconds: median(times),
    forwardMilliseconds: median(forward),
  };
}

globalThis.addEventListener('message', ({ data }: MessageEvent<TuningMeasurement>) => {
  void measure(data).then((found) => globalThis.postMessage(found, { transfer: [] }));
});
