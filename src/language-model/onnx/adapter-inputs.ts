// One user's adapter as inputs of the graph: what the fused projection of q, k and v is changed by, b·a of each layer.
import { PersonaPlugError } from '../../lib/errors.ts';
import type { LanguageModelManifest } from '../../model-package/manifest.ts';
import type { OnnxSession, OnnxTensor } from '../../onnx-runtime/onnx-session.ts';
import { adapterMatrix } from '../adapter-matrix.ts';
import type { WeightAdapter } from '../language-model.ts';

export const adapterInputNames = ['adapter_a', 'adapter_b'] as const;

/** True for graphs that an adapter can be given to. */
export function takesAdapter({ inputNames }: Pick<OnnxSession, 'inputNames'>): boolean {
  return adapterInputNames.every((name) => inputNames.includes(name));
}

/**
 * The inputs of an adapter: rows of `adapter_a` `[layers, 2r, hidden]` are those of q's A, then v's; `adapter_b`
 * `[layers, qkv, 2r]` holds their B beside zeros. Null gives one row of zeros, which changes no number.
 *
 * @throws PersonaPlugError `model-mismatch` when a matrix is missing or of another shape.
 */
export function adapterInputs(
  session: OnnxSession,
  model: LanguageModelManifest['languageModel'],
  adapter: WeightAdapter | null,
): Record<string, OnnxTensor> {
  const { layers, hiddenSize, heads, kvHeads, headDim } = model;
  const width = (heads + 2 * kvHeads) * headDim;
  const rank = adapter === null ? 1 : 2 * adapter.rank;
  const a = new Float32Array(layers * rank * hiddenSize);
  const b = new Float32Array(layers * width * rank);
  if (adapter !== null) fill(a, b, model, adapter);
  return {
    adapter_a: session.float32(a, [layers, rank, hiddenSize]),
    adapter_b: session.float32(b, [layers, width, rank]),
  };
}

function fill(
  a: Float32Array,
  b: Float32Array,
  { layers, hiddenSize, heads, kvHeads, headDim }: LanguageModelManifest['languageModel'],
  adapter: WeightAdapter,
): void {
  const [queryWidth, keyWidth] = [heads * headDim, kvHeads * headDim];
  const width = queryWidth + 2 * keyWidth;
  const rank = 2 * adapter.rank;
  for (let layer = 0; layer < layers; layer++) {
    const places = [
      { projection: 'q', firstRow: 0, outputs: queryWidth, firstOutput: 0 },
      { projection: 'v', firstRow: adapter.rank, outputs: keyWidth, firstOutput: queryWidth + keyWidth },
    ] as const;
    for (const { projection, firstRow, outputs, firstOutput } of places) {
      const down = adapterMatrix(adapter, layer, projection, 'A', [adapter.rank, hiddenSize]);
      a.set(down, (layer * rank + firstRow) * hiddenSize);
      const up = adapterMatrix(adapter, layer, projection, 'B', [outputs, adapter.rank]);
      for (let output = 0; output < outputs; output++) {
        const target = (layer * width + firstOutput + output) * rank + firstRow;
        for (let column = 0; column < adapter.rank; column++) {
          b[target + column] = adapter.scale * (up[output * adapter.rank + column] ?? 0);
        }
      }
    }
  }
}

/** @throws PersonaPlugError `model-mismatch`. */
export function refuseAdapter(name: string): never {
  throw new PersonaPlugError(
    'model-mismatch',
    `The graph of ${name} has no inputs for an adapter. Export it again with training/, or answer without the adapter.`,
  );
}
