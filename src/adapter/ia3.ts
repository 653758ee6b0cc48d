// (IA)³ (arXiv 2205.05638): keys, values and inner feed-forward activations, each number times its own learned l. What is trained is
// l − 1: weight decay then pulls towards the model as it is, not towards one without keys and values.
import type { Tensor } from '../model-package/tensor.ts';
import type { Parameters } from './parameters.ts';

/** What of a language model the vectors' sizes follow from. */
export interface Ia3Sizes {
  readonly layers: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly feedForwardSize: number;
}

/** What is rescaled: the projections of keys and of values in what they give, the down projection in what it takes. */
export const ia3Places = ['k', 'v', 'down'] as const;
export type Ia3Place = (typeof ia3Places)[number];

/** The name of a vector among the parameters. */
export function ia3Name(layer: number, place: Ia3Place): string {
  return `layers.${layer}.${place}`;
}

/** Numbers of a vector. */
export function ia3Width({ kvHeads, headDim, feedForwardSize }: Omit<Ia3Sizes, 'layers'>, place: Ia3Place): number {
  return place === 'down' ? feedForwardSize : kvHeads * headDim;
}

/** The vectors before training: l − 1 = 0, so that nothing is changed yet. */
export function startIa3(sizes: Ia3Sizes): Parameters {
  const parameters = new Map<string, Tensor>();
  for (let layer = 0; layer < sizes.layers; layer++) {
    for (const place of ia3Places) {
      const width = ia3Width(sizes, place);
      parameters.set(ia3Name(layer, place), { shape: [width], data: new Float32Array(width) });
    }
  }
  return parameters;
}
