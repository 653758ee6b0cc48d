// An adapter merged into the query and value projections on the GPU, W + scale · B A, and taken out again by writing back the very
// bytes that were there. WebLLM's kernels know nothing of it, so answers cost what they cost without.
import { PersonaPlugError } from '../../lib/errors.ts';
import { adapterMatrix } from '../adapter-matrix.ts';
import type { WeightAdapter } from '../language-model.ts';
import type { StoredWeight, WeightAccess } from './weight-access.ts';

/** The merge of one loaded engine. */
export interface MergedWeights {
  /**
   * Merges an adapter in the place of the one before; null restores the weights, bit for bit.
   *
   * @throws PersonaPlugError `model-mismatch` when it does not fit or the weights are no float32; the weights are then as before.
   */
  use(adapter: WeightAdapter | null): Promise<void>;
}

export function mergedWeights(access: WeightAccess): MergedWeights {
  const originals = new Map<string, StoredWeight>();
  let usedId: string | null = null;

  function restore(): void {
    for (const [name, { values }] of originals) access.write(name, values);
    usedId = null;
  }

  return {
    async use(adapter) {
      if ((adapter?.id ?? null) === usedId) return;
      if (adapter === null) {
        restore();
        return;
      }
      const merged = new Map<string, Float32Array<ArrayBuffer>>();
      // All are read and computed before the first is written: a refusal changes nothing.
      for (let layer = 0; layer < layersOf(adapter); layer++) {
        const name = weightName(layer);
        const original = originals.get(name) ?? (await access.read(name));
        originals.set(name, original);
        merged.set(name, mergeLayer(adapter, layer, original));
      }
      for (const [name, values] of merged) access.write(name, values);
      // Layers that only the adapter before had changed.
      for (const [name, { values }] of originals) if (!merged.has(name)) access.write(name, values);
      usedId = adapter.id;
    },
  };
}

function weightName(layer: number): string {
  return `model.layers.${layer}.self_attn.qkv_proj.weight`;
}

function layersOf({ matrices }: WeightAdapter): number {
  let layers = 0;
  while (matrices.has(`layers.${layers}.q.A`)) layers++;
  return layers;
}

/** The fused rows of q, k and v, `[q + 2v, hidden]`, with the adapter's products added to those of q and v. */
function mergeLayer(adapter: WeightAdapter, layer: number, { shape, values }: StoredWeight): Float32Array<ArrayBuffer> {
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
