// LoRA (arXiv 2106.09685) on the query and value projections: W x + (α / r) B A x, A `[r, in]`, B `[out, r]`.
import { seededRandom } from '../lib/seeded-random.ts';
import type { Tensor } from '../model-package/tensor.ts';
import type { Parameters } from './parameters.ts';

/** What of a language model the matrices' sizes follow from. */
export interface LoraSizes {
  readonly layers: number;
  readonly hiddenSize: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/** The projections that are trained. */
export const loraProjections = ['q', 'v'] as const;
export type LoraProjection = (typeof loraProjections)[number];

/** The name of a matrix among the parameters. */
export function loraName(layer: number, projection: LoraProjection, matrix: 'A' | 'B'): string {
  return `layers.${layer}.${projection}.${matrix}`;
}

/** Columns of a projection. */
export function projectionWidth(
  { heads, kvHeads, headDim }: Pick<LoraSizes, 'heads' | 'kvHeads' | 'headDim'>,
  projection: LoraProjection,
): number {
  return (projection === 'q' ? heads : kvHeads) * headDim;
}

/** The matrices before training: A uniform in ±1/√in as peft draws it, B zeros, so that nothing is changed yet. */
export function startLora(sizes: LoraSizes, rank: number, seed: number): Parameters {
  const random = seededRandom(seed);
  const bound = 1 / Math.sqrt(sizes.hiddenSize);
  const parameters = new Map<string, Tensor>();
  for (let layer = 0; layer < sizes.layers; layer++) {
    for (const projection of loraProjections) {
      const a = Float32Array.from({ length: rank * sizes.hiddenSize }, () => (2 * random() - 1) * bound);
      const width = projectionWidth(sizes, projection);
      parameters.set(loraName(layer, projection, 'A'), { shape: [rank, sizes.hiddenSize], data: a });
      parameters.set(loraName(layer, projection, 'B'), { shape: [width, rank], data: new Float32Array(width * rank) });
    }
  }
  return parameters;
}
