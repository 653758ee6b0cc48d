// Merges LoRA into the weights: W + scale · B A for the rows of q and v of each layer's fused projection (arXiv 2106.09685).
import { PersonaPlugError } from '../../../lib/errors.ts';
import { adapterMatrix } from '../../../adapter/adapter-numbers.ts';
import type { LowRankAdapter } from '../../../adapter/weight-adapter.ts';
import type { StoredWeight } from './weight-access.ts';
import type { WeightChange } from './weight-change.ts';

/** The change of each layer that the adapter holds matrices of. */
export function* mergeLora(adapter: LowRankAdapter): Iterable<WeightChange> {
  for (let layer = 0; adapter.matrices.has(`layers.${layer}.q.A`); layer++) {
    yield {
      name: `model.layers.${layer}.self_attn.qkv_proj.weight`,
      merge: (original) => mergeLayer(adapter, layer, original),
    };
  }
}

/** The fused rows of q, k and v, `[q + 2v, hidden]`, with the adapter's products added to those of q and v. */
function mergeLayer(
  adapter: LowRankAdapter,
  layer: number,
  { shape, values }: StoredWeight,
): Float32Array<ArrayBuffer> {
  const { rank, scale } = adapter;
  const [width = 0, hidden = 0] = shape;
  const result = values.slice();
  const queryWidth = adapter.matrices.get(`layers.${layer}.q.B`)?.shape[0] ?? 0;
  const valueWidth = adapter.matrices.get(`layers.${layer}.v.B`)?.shape[0] ?? 0;
  if (queryWidth + 2 * valueWidth !== width) {
    throw new PersonaPlugError(
      'model-mismatch',
      `The adapter changes ${queryWidth} + ${valueWidth} rows of layer ${layer}, whose projection has ${width}. Train it for this model.`,
    );
  }
  for (const [projection, rows, firstRow] of [
    ['q', queryWidth, 0],
    ['v', valueWidth, queryWidth + valueWidth],
  ] as const) {
    const a = adapterMatrix(adapter, layer, projection, 'A', [rank, hidden]);
    const b = adapterMatrix(adapter, layer, projection, 'B', [rows, rank]);
    for (let row = 0; row < rows; row++) {
      const start = (firstRow + row) * hidden;
      for (let column = 0; column < hidden; column++) {
        let sum = 0;
        for (let inner = 0; inner < rank; inner++) {
          sum += (b[row * rank + inner] ?? 0) * (a[inner * hidden + column] ?? 0);
        }
        result[start + column] = (values[start + column] ?? 0) + scale * sum;
      }
    }
  }
  return result;
}
