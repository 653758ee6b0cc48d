// An adapter as inputs of the graph. A graph without the inputs of a kind of adapter answers without one, and refuses that kind.
import { PersonaPlugError } from '../../lib/errors.ts';
import type { LanguageModelManifest } from '../../model-package/manifest.ts';
import type { OnnxSession, OnnxTensor } from '../../onnx-runtime/onnx-session.ts';
import { adapterMatrix, adapterVector } from '../../adapter/adapter-numbers.ts';
import type { LowRankAdapter, RescalingAdapter, WeightAdapter } from '../../adapter/weight-adapter.ts';

type Model = LanguageModelManifest['languageModel'];
type Graph = Pick<OnnxSession, 'inputNames'>;

const namesByKind = {
  /** The change b·a of the fused projection of q, k and v in each layer. */
  lora: ['adapter_a', 'adapter_b'],
  /** l − 1 for the outputs of that projection and for the inputs of the down projection. */
  ia3: ['rescale_qkv', 'rescale_down'],
} as const satisfies Record<WeightAdapter['kind'], readonly string[]>;

const kinds = ['lora', 'ia3'] as const satisfies readonly WeightAdapter['kind'][];

/** The kinds of adapter that a graph has inputs for. */
export function adapterKinds({ inputNames }: Graph): readonly WeightAdapter['kind'][] {
  return kinds.filter((kind) => namesByKind[kind].every((name) => inputNames.includes(name)));
}

/**
 * The inputs of an adapter, and zeros for those of the other kinds: they change no number. Null gives zeros alone.
 *
 * @throws PersonaPlugError `model-mismatch` when the graph has no inputs for it, or its numbers have other shapes.
 */
export function adapterInputs(
  session: OnnxSession,
  { name, languageModel: model }: Pick<LanguageModelManifest, 'name' | 'languageModel'>,
  adapter: WeightAdapter | null,
): Record<string, OnnxTensor> {
  const taken = adapterKinds(session);
  if (adapter !== null && !taken.includes(adapter.kind)) {
    throw new PersonaPlugError(
      'model-mismatch',
      `The graph of ${name} has no inputs ${namesByKind[adapter.kind].join(', ')} for an adapter of the kind "${adapter.kind}"${taken.length === 0 ? '' : `, only for ${taken.join(', ')}`}. Export it again with training/, or answer without the adapter.`,
      { details: { kind: adapter.kind } },
    );
  }
  return {
    ...(taken.includes('lora') ? lowRankInputs(session, model, adapter?.kind === 'lora' ? adapter : null) : {}),
    ...(taken.includes('ia3') ? rescalingInputs(session, model, adapter?.kind === 'ia3' ? adapter : null) : {}),
  };
}

/**
 * Rows of `adapter_a` `[layers, 2r, hidden]` are those of q's A, then v's; `adapter_b` `[layers, qkv, 2r]` holds their B beside
 * zeros. Null gives one row of zeros.
 */
function lowRankInputs(session: OnnxSession, model: Model, adapter: LowRankAdapter | null): Record<string, OnnxTensor> {
  const { layers, hiddenSize } = model;
  const { width } = projectionWidths(model);
  const rank = adapter === null ? 1 : 2 * adapter.rank;
  const a = new Float32Array(layers * rank * hiddenSize);
  const b = new Float32Array(layers * width * rank);
  if (adapter !== null) fillMatrices(a, b, model, adapter);
  return {
    adapter_a: session.float32(a, [layers, rank, hiddenSize]),
    adapter_b: session.float32(b, [layers, width, rank]),
  };
}

function fillMatrices(a: Float32Array, b: Float32Array, model: Model, adapter: LowRankAdapter): void {
  const { layers, hiddenSize } = model;
  const { queryWidth, keyWidth, width } = projectionWidths(model);
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

/** `rescale_qkv` `[layers, qkv]`, zeros for q; `rescale_down` `[layers, feedForward]`. */
function rescalingInputs(
  session: OnnxSession,
  model: Model,
  adapter: RescalingAdapter | null,
): Record<string, OnnxTensor> {
  const { layers } = model;
  const { queryWidth, keyWidth, width } = projectionWidths(model);
  // The manifest does not have this size, but the graph does.
  const feedForward = Number(session.inputShape('rescale_down')?.[1] ?? 0);
  const qkv = new Float32Array(layers * width);
  const down = new Float32Array(layers * feedForward);
  for (let layer = 0; layer < layers; layer++) {
    if (adapter === null) break;
    const keys = layer * width + queryWidth;
    qkv.set(adapterVector(adapter, layer, 'k', keyWidth), keys);
    qkv.set(adapterVector(adapter, layer, 'v', keyWidth), keys + keyWidth);
    down.set(adapterVector(adapter, layer, 'down', feedForward), layer * feedForward);
  }
  return {
    rescale_qkv: session.float32(qkv, [layers, width]),
    rescale_down: session.float32(down, [layers, feedForward]),
  };
}

function projectionWidths({ heads, kvHeads, headDim }: Model): { queryWidth: number; keyWidth: number; width: number } {
  const [queryWidth, keyWidth] = [heads * headDim, kvHeads * headDim];
  return { queryWidth, keyWidth, width: queryWidth + 2 * keyWidth };
}
