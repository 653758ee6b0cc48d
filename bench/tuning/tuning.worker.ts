// Measures training steps on the shipped language model, as a tuning job makes them.
import { createUrlModelSource } from '../../src/model-package/url-model-source.ts';
import { adamWStep, clipGradients, startOptimizer } from '../../src/tuning/adamw.ts';
import { createExample } from '../../src/tuning/example.ts';
import { jaxGradientModel } from '../../src/tuning/jax/jax-gradient-model.ts';
import { loadJax } from '../../src/tuning/jax/load-jax.ts';
import { readLlamaWeights } from '../../src/tuning/llama-weights.ts';
import { startLora } from '../../src/tuning/lora.ts';
import type { TuningFigures } from './figures.ts';

const lengths = [32, 64, 128, 256];
const answerLength = 12;
const rows = 8;

async function timed<T>(work: () => Promise<T>): Promise<{ result: T; milliseconds: number }> {
  const start = performance.now();
  const result = await work();
  return { result, milliseconds: performance.now() - start };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

async function measure(steps: number): Promise<{ figures: TuningFigures[]; loadMilliseconds: number }> {
  const { result: loaded, milliseconds: loadMilliseconds } = await timed(async () => {
    const source = createUrlModelSource(new URL('/models/', location.origin).href);
    const weights = await readLlamaWeights(await source.open('nano-llm', 'language-model'));
    return { weights, model: jaxGradientModel(await loadJax('wasm'), weights) };
  });
  const { weights, model } = loaded;
  const { hiddenSize, vocabularySize } = weights.shape;
  const prompt = { shape: [rows, hiddenSize], data: new Float32Array(rows * hiddenSize) };
  const figures: TuningFigures[] = [];
  for (const kind of ['prompt', 'lora'] as const) {
    for (const length of lengths) {
      const ids = (count: number): number[] =>
        Array.from({ length: count }, (_, at) => 4 + ((at * 97) % (vocabularySize - 4)));
      const source = [
        { kind: 'rows', rows: new Float32Array(rows * hiddenSize).fill(0.01), count: rows },
        { kind: 'ids', ids: ids(length - rows - answerLength) },
      ] as const;
      const trainableSegment = kind === 'prompt' ? 0 : null;
      const example = createExample(weights, { prompt: source, answer: ids(answerLength), trainableSegment });
      let state = startOptimizer(kind === 'prompt' ? new Map([['prompt', prompt]]) : startLora(weights.shape, 8, 0));
      const step = async (): Promise<void> => {
        const { gradients } = await model.lossAndGradients(example, state.parameters);
        state = adamWStep(state, clipGradients(gradients, 0.3), { rate: 1e-3, weightDecay: 0.01 });
      };
      const first = await timed(step);
      await model.loss(example, state.parameters);
      const times: number[] = [];
      const forward: number[] = [];
      for (let count = 0; count < steps; count++) {
        times.push((await timed(step)).milliseconds);
        forward.push((await timed(async () => await model.loss(example, state.parameters))).milliseconds);
      }
      figures.push({
        kind,
        length,
        firstMilliseconds: first.milliseconds,
        stepMilliseconds: median(times),
        forwardMilliseconds: median(forward),
      });
    }
  }
  return { figures, loadMilliseconds };
}

globalThis.addEventListener('message', ({ data }: MessageEvent<{ steps: number }>) => {
  void measure(data.steps).then((found) => globalThis.postMessage(found, { transfer: [] }));
});
