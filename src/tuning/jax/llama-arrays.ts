// The language model's weights on jax-js's device, in the layout that its fast matrix product wants: `[in, out]`.
import { type LlamaShape, type LlamaWeights, weightOf } from '../llama-weights.ts';
import type { Jax, JaxArray } from './load-jax.ts';

export interface LayerArrays {
  readonly [name: string]: JaxArray;
  /** `[hidden]` */
  readonly attentionNorm: JaxArray;
  readonly feedForwardNorm: JaxArray;
  /** `[hidden, heads · headDim]` */
  readonly query: JaxArray;
  /** `[hidden, kvHeads · headDim]` */
  readonly key: JaxArray;
  readonly value: JaxArray;
  /** `[heads · headDim, hidden]` */
  readonly output: JaxArray;
  /** `[hidden, feedForward]` */
  readonly gate: JaxArray;
  readonly up: JaxArray;
  /** `[feedForward, hidden]` */
  readonly down: JaxArray;
}

/** A tree of arrays, as jax-js's transformations take it. */
export interface LlamaArrays {
  readonly [name: string]: JaxArray | LayerArrays[];
  /** The embedding table, transposed: `[hidden, vocabulary]`. */
  readonly head: JaxArray;
  readonly norm: JaxArray;
  readonly layers: LayerArrays[];
}

/** Uploads the weights; the fused matrices of the stored form are taken apart. */
export function uploadWeights(jax: Jax, weights: LlamaWeights): LlamaArrays {
  const { shape } = weights;
  const { hiddenSize: hidden, vocabularySize } = shape;
  const table = weightOf(weights, 'model.embed_tokens.weight', [vocabularySize, hidden]).data;
  return {
    head: transposed(jax, table, hidden),
    norm: jax.numpy.array(weightOf(weights, 'model.norm.weight', [hidden]).data),
    layers: Array.from({ length: shape.layers }, (_, layer) => uploadLayer(jax, weights, layer)),
  };
}

function uploadLayer(jax: Jax, weights: LlamaWeights, layer: number): LayerArrays {
  const { hiddenSize: hidden, feedForwardSize: wide } = weights.shape;
  const { queryWidth, keyWidth } = attentionWidths(weights.shape);
  const read = (name: string, shape: number[]) => weightOf(weights, `model.layers.${layer}.${name}.weight`, shape).data;
  const vector = (name: string) => jax.numpy.array(read(name, [hidden]));
  const qkv = read('self_attn.qkv_proj', [queryWidth + 2 * keyWidth, hidden]);
  const rows = (from: number, to: number) => transposed(jax, qkv.subarray(from * hidden, to * hidden), hidden);
  const gateUp = read('mlp.gate_up_proj', [2 * wide, hidden]);
  return {
    attentionNorm: vector('input_layernorm'),
    feedForwardNorm: vector('post_attention_layernorm'),
    query: rows(0, queryWidth),
    key: rows(queryWidth, queryWidth + keyWidth),
    value: rows(queryWidth + keyWidth, queryWidth + 2 * keyWidth),
    output: transposed(jax, read('self_attn.o_proj', [hidden, queryWidth]), queryWidth),
    gate: transposed(jax, gateUp.subarray(0, wide * hidden), hidden),
    up: transposed(jax, gateUp.subarray(wide * hidden), hidden),
    down: transposed(jax, read('mlp.down_proj', [hidden, wide]), wide),
  };
}

/** Columns of the query projection, and of the key and value projections each. */
export function attentionWidths({ heads, kvHeads, headDim }: LlamaShape): { queryWidth: number; keyWidth: number } {
  return { queryWidth: heads * headDim, keyWidth: kvHeads * headDim };
}

/** `[rows, columns]` to `[columns, rows]`. */
function transposed(jax: Jax, data: Float32Array, columns: number): JaxArray {
  const rows = data.length / columns;
  const turned = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) turned[column * rows + row] = data[row * columns + column] ?? 0;
  }
  return jax.numpy.array(turned).reshape([columns, rows]);
}
