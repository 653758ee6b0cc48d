// The nano LLM on jax-js's wasm backend in Node, held to torch: logits, losses, gradients.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PromptSegment } from '../../language-model/language-model.ts';
import { goldenIa3 } from '../../testing/golden/golden-ia3.ts';
import { goldenLora } from '../../testing/golden/golden-lora.ts';
import { openGoldenFiles } from '../../testing/golden/golden-files.ts';
import { goldenModels } from '../../testing/golden/golden-models.ts';
import { logitTolerance } from '../../testing/golden/golden-parity.ts';
import { type GoldenTuningCase, openGoldenTuning } from '../../testing/golden/golden-tuning.ts';
import { waves } from '../../testing/golden/waves.ts';
import { createExample, type Example } from '../example.ts';
import type { Parameters } from '../../adapter/parameters.ts';
import { type LlamaWeights, readLlamaWeights } from '../llama-weights.ts';
import type { Tensor } from '../../model-package/tensor.ts';
import { type JaxGradientModel, jaxGradientModel } from './jax-gradient-model.ts';
import { loadJax } from './load-jax.ts';

/**
 * Gradients pass the sums of the logits forth and back in float32: measured 6e-6 of the largest, and 1.2e-4 where the loss is so
 * small that p − 1 cancels. A wrong formula is off by per cents.
 */
const gradientTolerance = 1e-3;

const { source, missing } = goldenModels('nano-llm', 'golden');
const golden = openGoldenTuning();

describe.skipIf(missing !== null)('the shipped language model on jax-js', () => {
  let weights: LlamaWeights;
  let model: JaxGradientModel;
  let fingerprint: string;

  beforeAll(async () => {
    const modelPackage = await source.open('nano-llm', 'language-model');
    fingerprint = modelPackage.manifest.fingerprint;
    weights = await readLlamaWeights(modelPackage);
    model = jaxGradientModel(await loadJax('wasm'), weights);
  });

  afterAll(() => model[Symbol.dispose]());

  test('logits are those of torch, with and without rows, at every padded length', async () => {
    for (const { name, prompt, tokens, logits } of await (await openGoldenFiles(source)).languageModelCases()) {
      const answer = [...tokens.slice(0, logits.length - 1), 0];
      const example = createExample(weights, { prompt, answer, trainableSegment: null });
      const found = await model.logits(example, new Map());
      for (const [step, expected] of logits.entries()) {
        const largest = expected.reduce(
          (worst, logit, token) =>
            Math.max(worst, Math.abs((found[step]?.[token] ?? Infinity) - logit) / logitTolerance(logit)),
          0,
        );
        expect(largest, `${name}, step ${step}, in tolerances`).toBeLessThanOrEqual(1);
      }
    }
  });

  test('losses and gradients are those of torch in float64', async () => {
    if (golden === null) throw new Error('research-models/golden holds no gradients: export it again');
    expect(golden.languageModel, 'the golden gradients are of another model: write them anew').toBe(fingerprint);
    for (const goldenCase of golden.cases) {
      const { example, parameters } = inputsOf(goldenCase);
      const { loss, gradients } = await model.lossAndGradients(example, parameters);
      expect(Math.abs(loss - goldenCase.loss), goldenCase.name).toBeLessThan(1e-4);
      expect(Math.abs((await model.loss(example, parameters)) - loss), goldenCase.name).toBeLessThan(1e-4);
      for (const [name, reference] of Object.entries(goldenCase.gradients)) {
        const error = relativeError(gradients.get(name), golden.tensor(reference));
        expect(error, `${goldenCase.name}: ${name}`).toBeLessThan(gradientTolerance);
      }
    }
  });

  test('what stands behind the answer in the padding does not count', async () => {
    const ids = Array.from({ length: 20 }, (_, index) => 100 + index);
    const short = createExample(weights, { prompt: [{ kind: 'ids', ids }], answer: [7, 0], trainableSegment: null });
    const { length, embeddings } = short;
    const dirty = { ...short, embeddings: embeddings.slice().fill(0.3, 22 * weights.shape.hiddenSize) };
    expect(length).toBe(32);
    expect(await model.loss(dirty, new Map())).toBe(await model.loss(short, new Map()));
  });

  function inputsOf({ kind, segments, answer }: GoldenTuningCase): { example: Example; parameters: Parameters } {
    const { hiddenSize } = weights.shape;
    const prompt = segments.map((segment): PromptSegment =>
      'ids' in segment
        ? { kind: 'ids', ids: segment.ids }
        : { kind: 'rows', rows: waves([segment.rows, hiddenSize], 0.05, 0.37, 1.1).data, count: segment.rows },
    );
    const example = createExample(weights, { prompt, answer, trainableSegment: kind === 'prompt' ? 0 : null });
    if (kind === 'prompt') {
      return { example, parameters: new Map([['prompt', waves([example.trainableRows, hiddenSize], 0.02, 0.7, 0.3)]]) };
    }
    if (kind === 'ia3') return { example, parameters: goldenIa3(weights.shape) };
    return { example, parameters: goldenLora(weights.shape, golden?.rank ?? 0) };
  }
});

/** Largest error, in units of the largest expected number. */
function relativeError(found: Tensor | undefined, expected: Float32Array): number {
  if (found === undefined || found.data.length !== expected.length) return Infinity;
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const error = expected.reduce(
    (most, value, index) => Math.max(most, Math.abs(value - (found.data[index] ?? Infinity))),
    0,
  );
  return error / largest;
}
