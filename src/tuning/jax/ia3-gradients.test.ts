// (IA)³ on jax-js, held to the same model without it: scaling activations is scaling rows and columns of weights.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PromptSegment } from '../../language-model/language-model.ts';
import { goldenIa3 } from '../../testing/golden/golden-ia3.ts';
import { goldenModels } from '../../testing/golden/golden-models.ts';
import { logitDistance } from '../../testing/golden/logit-distance.ts';
import { createExample, type Example } from '../example.ts';
import type { Parameters } from '../../adapter/parameters.ts';
import { ia3Name, ia3Places, startIa3 } from '../../adapter/ia3.ts';
import { type LlamaShape, type LlamaWeights, readLlamaWeights } from '../llama-weights.ts';
import type { Tensor } from '../../model-package/tensor.ts';
import { type JaxGradientModel, jaxGradientModel } from './jax-gradient-model.ts';
import { attentionWidths } from './llama-arrays.ts';
import { type Jax, loadJax } from './load-jax.ts';

const { source, missing } = goldenModels('nano-llm');

const prompt: PromptSegment[] = [
  { kind: 'ids', ids: Array.from({ length: 24 }, (_, index) => 4 + ((index * 97) % 8000)) },
];
const answer = [500, 600, 0];

describe.skipIf(missing !== null)('(IA)³', () => {
  let jax: Jax;
  let weights: LlamaWeights;
  let model: JaxGradientModel;
  let example: Example;
  let vectors: Parameters;

  beforeAll(async () => {
    jax = await loadJax('wasm');
    weights = await readLlamaWeights(await source.open('nano-llm', 'language-model'));
    model = jaxGradientModel(jax, weights);
    example = createExample(weights, { prompt, answer, trainableSegment: null });
    vectors = goldenIa3(weights.shape);
  });

  afterAll(() => model[Symbol.dispose]());

  test('changes no bit before it is trained', async () => {
    expect(await model.logits(example, startIa3(weights.shape))).toEqual(await model.logits(example, new Map()));
  });

  test('is the model whose rows of k and v and columns of the down projection are scaled', async () => {
    using scaled = jaxGradientModel(jax, scaledWeights(weights, vectors));
    const [found, expected, plain] = [
      await model.logits(example, vectors),
      await scaled.logits(example, new Map()),
      await model.logits(example, new Map()),
    ];
    expect(logitDistance(found, expected)).toBeLessThanOrEqual(1);
    expect(logitDistance(found, plain)).toBeGreaterThan(10);
  });

  test('each of the three vectors of each layer has a part in it', async () => {
    const loss = await model.loss(example, vectors);
    for (let layer = 0; layer < weights.shape.layers; layer++) {
      for (const place of ia3Places) {
        const name = ia3Name(layer, place);
        const without = new Map(vectors).set(name, zerosLike(vectors.get(name)));
        expect(await model.loss(example, without), name).not.toBe(loss);
      }
    }
  });

  test("the gradient of the values' scales is what LoRA's gives by the chain rule", async () => {
    // With A = the value projection itself, W_v h is A h: at B = 0 the gradient of B[i, i] is that of l_v[i].
    const { layers, hiddenSize } = weights.shape;
    const { queryWidth, keyWidth } = attentionWidths(weights.shape);
    const lora = new Map<string, Tensor>();
    for (let layer = 0; layer < layers; layer++) {
      const { data } = tensorOf(weights, qkvName(layer));
      const values = data.slice((queryWidth + keyWidth) * hiddenSize);
      lora.set(`layers.${layer}.v.A`, { shape: [keyWidth, hiddenSize], data: values });
      lora.set(`layers.${layer}.v.B`, { shape: [keyWidth, keyWidth], data: new Float32Array(keyWidth ** 2) });
    }
    const { gradients: byChainRule } = await model.lossAndGradients(example, lora);
    const { gradients } = await model.lossAndGradients(example, startIa3(weights.shape));
    for (let layer = 0; layer < layers; layer++) {
      const square = byChainRule.get(`layers.${layer}.v.B`)?.data ?? new Float32Array(0);
      const diagonal = Float32Array.from({ length: keyWidth }, (_, index) => square[index * (keyWidth + 1)] ?? 0);
      const found = gradients.get(ia3Name(layer, 'v'))?.data ?? new Float32Array(0);
      const largest = Math.max(...diagonal.map(Math.abs));
      expect(largest).toBeGreaterThan(0);
      // Sums of the same float32 numbers in another order; a wrong formula is off by per cents.
      for (const [index, expected] of diagonal.entries())
        expect(Math.abs((found[index] ?? Infinity) - expected)).toBeLessThan(1e-3 * largest);
    }
  });

  test('gradients are the slopes of the loss', async () => {
    const { gradients } = await model.lossAndGradients(example, vectors);
    for (const layer of [0, weights.shape.layers - 1]) {
      for (const place of ia3Places) {
        const name = ia3Name(layer, place);
        const [center, gradient] = [vectors.get(name), gradients.get(name)];
        if (center === undefined || gradient === undefined) throw new Error(`no ${name}`);
        const norm = Math.hypot(...gradient.data);
        // Along the gradient itself the slope is its norm. The step is so long that float32 rounds the loss far below it.
        const step = 0.03;
        const loss = async (sign: number): Promise<number> =>
          await model.loss(example, new Map(vectors).set(name, moved(center, gradient, (sign * step) / norm)));
        const slope = ((await loss(1)) - (await loss(-1))) / (2 * step);
        expect(Math.abs(slope - norm), `${name}: slope ${slope}, norm ${norm}`).toBeLessThan(0.02 * norm + 1e-4);
      }
    }
  });
});

const qkvName = (layer: number): string => `model.layers.${layer}.self_attn.qkv_proj.weight`;

/** The weights with the vectors merged, by hand. */
function scaledWeights(weights: LlamaWeights, vectors: Parameters): LlamaWeights {
  const { hiddenSize, layers, feedForwardSize }: LlamaShape = weights.shape;
  const { queryWidth, keyWidth } = attentionWidths(weights.shape);
  const tensors = new Map(weights.tensors);
  const change = (layer: number, place: (typeof ia3Places)[number], index: number): number =>
    1 + (vectors.get(ia3Name(layer, place))?.data[index] ?? 0);
  const scale = (name: string, factor: (at: number) => number): void => {
    const { shape, data } = tensorOf(weights, name);
    tensors.set(name, { shape, data: data.map((value, at) => value * factor(at)) });
  };
  for (let layer = 0; layer < layers; layer++) {
    scale(qkvName(layer), (at) => {
      const row = Math.floor(at / hiddenSize) - queryWidth;
      if (row < 0) return 1;
      return row < keyWidth ? change(layer, 'k', row) : change(layer, 'v', row - keyWidth);
    });
    scale(`model.layers.${layer}.mlp.down_proj.weight`, (at) => change(layer, 'down', at % feedForwardSize));
  }
  return { shape: weights.shape, tensors };
}

function tensorOf({ tensors }: LlamaWeights, name: string): Tensor {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new Error(`no ${name}`);
  return tensor;
}

function zerosLike(tensor: Tensor | undefined): Tensor {
  return { shape: tensor?.shape ?? [], data: new Float32Array(tensor?.data.length ?? 0) };
}

function moved({ shape, data }: Tensor, direction: Tensor, by: number): Tensor {
  return { shape, data: data.map((value, index) => value + by * (direction.data[index] ?? 0)) };
}
