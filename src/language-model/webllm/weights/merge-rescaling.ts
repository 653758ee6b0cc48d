// Merges (IA)³ into the weights (arXiv 2205.05638, section 3.3): scaling a projection's outputs scales its rows, and scaling its inputs
// scales its columns.
import { PersonaPlugError } from '../../../lib/errors.ts';
import { adapterVector } from '../../../adapter/adapter-numbers.ts';
import type { RescalingAdapter } from '../../../adapter/weight-adapter.ts';
import type { StoredWeight, WeightAccess } from './weight-access.ts';
import type { WeightChange } from './weight-change.ts';

/** The changes of each layer that the adapter holds vectors of: rows of k and v, and columns of the down projection. */
export function* mergeRescaling(
  adapter: RescalingAdapter,
  access: Pick<WeightAccess, 'shape'>,
): Iterable<WeightChange> {
  for (let layer = 0; layer === 0 || adapter.vectors.has(`layers.${layer}.k`); layer++) {
    const names = `model.layers.${layer}`;
    // The fused projection does not show where its keys begin, but the output projection has a column for each query row.
    const [, queryWidth = 0] = access.shape(`${names}.self_attn.o_proj.weight`);
    yield {
      name: `${names}.self_attn.qkv_proj.weight`,
      merge: (original) => rescaleKeysAndValues(adapter, layer, queryWidth, original),
    };
    yield { name: `${names}.mlp.down_proj.weight`, merge: (original) => rescaleColumns(adapter, layer, original) };
  }
}

/** The fused rows of q, k and v, `[q + 2v, hidden]`. */
function rescaleKeysAndValues(
  adapter: RescalingAdapter,
  layer: number,
  queryWidth: number,
  { shape, values }: StoredWeight,
): Float32Array<ArrayBuffer> {
  const [width = 0, hidden = 0] = shape;
  const keyWidth = (width - queryWidth) / 2;
  if (!Number.isInteger(keyWidth) || keyWidth < 1) {
    throw new PersonaPlugError(
      'model-mismatch',
      `Layer ${layer} has ${width} rows of queries, keys and values, of which ${queryWidth} are queries, so that keys and values differ in number. Export the model again.`,
    );
  }
  const result = values.slice();
  for (const [place, firstRow] of [
    ['k', queryWidth],
    ['v', queryWidth + keyWidth],
  ] as const) {
    const vector = adapterVector(adapter, layer, place, keyWidth);
    for (const [row, change] of vector.entries()) {
      const start = (firstRow + row) * hidden;
      for (let at = start; at < start + hidden; at++) result[at] = (values[at] ?? 0) * (1 + change);
    }
  }
  return result;
}

/** `[hidden, feedForward]`. */
function rescaleColumns(
  adapter: RescalingAdapter,
  layer: number,
  { shape, values }: StoredWeight,
): Float32Array<ArrayBuffer> {
  const [, columns = 0] = shape;
  const vector = adapterVector(adapter, layer, 'down', columns);
  return values.map((value, at) => value * (1 + (vector[at % columns] ?? 0)));
}
