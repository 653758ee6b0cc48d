// A Llama decoder over one sequence, in jax-js. Arrays are moved: an array is consumed by the operation that takes it, and
// `.ref` keeps it for another one. T: positions, D: hidden size.
import type { LlamaShape } from '../llama-weights.ts';
import { attentionWidths, type LlamaArrays } from './llama-arrays.ts';
import type { Jax, JaxArray } from './load-jax.ts';

/** What depends on the length alone. */
export interface PositionTables {
  readonly [name: string]: JaxArray;
  /** `[T, 1, headDim / 2]` */
  readonly cosines: JaxArray;
  readonly sines: JaxArray;
  /** `[T, T]`: 0 where a position may look, else so low that softmax gives 0. */
  readonly mask: JaxArray;
}

/**
 * LoRA matrices by `layers.<n>.<q|v>.<A|B>`: A `[rank, in]`, B `[out, rank]`, as peft stores them; (IA)³ vectors by
 * `layers.<n>.<k|v|down>`: l − 1, `[width]`.
 */
export interface TrainableArrays {
  readonly [name: string]: JaxArray;
}

export interface ForwardOptions {
  /** α / r of LoRA. */
  readonly loraScale: number;
}

/** Lower than any score by far, and finite: the softmax of a row of −∞ would be NaN. */
const masked = -1e9;

export function positionTables(jax: Jax, { headDim, ropeTheta }: LlamaShape, length: number): PositionTables {
  const half = headDim / 2;
  const cosines = new Float32Array(length * half);
  const sines = new Float32Array(length * half);
  const mask = new Float32Array(length * length);
  for (let position = 0; position < length; position++) {
    for (let pair = 0; pair < half; pair++) {
      const angle = position * ropeTheta ** (-pair / half);
      cosines[position * half + pair] = Math.cos(angle);
      sines[position * half + pair] = Math.sin(angle);
    }
    mask.fill(masked, position * length + position + 1, (position + 1) * length);
  }
  const { numpy } = jax;
  return {
    cosines: numpy.array(cosines).reshape([length, 1, half]),
    sines: numpy.array(sines).reshape([length, 1, half]),
    mask: numpy.array(mask).reshape([length, length]),
  };
}

/**
 * The final hidden states, normed: `[T, D]` of input embeddings `[T, D]`. Consumes everything but the weights' `head`.
 */
export function llamaForward(
  jax: Jax,
  shape: LlamaShape,
  weights: LlamaArrays,
  tables: PositionTables,
  embeddings: JaxArray,
  trained: TrainableArrays,
  { loraScale }: ForwardOptions,
): JaxArray {
  const { numpy: np, nn } = jax;
  const { heads, kvHeads, headDim, normEpsilon } = shape;
  const { queryWidth } = attentionWidths(shape);
  const [length = 0] = embeddings.shape;
  const groups = heads / kvHeads;

  /** RMSNorm. */
  const norm = (x: JaxArray, gain: JaxArray): JaxArray => {
    const meanSquare = np.mean(np.square(x.ref), -1, { keepdims: true });
    return x.mul(np.reciprocal(np.sqrt(meanSquare.add(normEpsilon)))).mul(gain);
  };
  /** Rotary positions of `[T, n, headDim]`, half against half. */
  const rotate = (x: JaxArray): JaxArray => {
    const half = headDim / 2;
    const low = x.ref.slice([], [], [0, half]);
    const high = x.slice([], [], [half, headDim]);
    return np.concatenate(
      [
        low.ref.mul(tables.cosines.ref).sub(high.ref.mul(tables.sines.ref)),
        low.mul(tables.sines.ref).add(high.mul(tables.cosines.ref)),
      ],
      -1,
    );
  };
  const low = (x: JaxArray, layer: number, projection: 'q' | 'v'): JaxArray | null => {
    const a = trained[`layers.${layer}.${projection}.A`];
    const b = trained[`layers.${layer}.${projection}.B`];
    if (a === undefined || b === undefined) return null;
    return product(jax, product(jax, x.ref, a.transpose()), b.transpose()).mul(loraScale);
  };
  const rescaled = (x: JaxArray, layer: number, place: 'k' | 'v' | 'down'): JaxArray => {
    const change = trained[`layers.${layer}.${place}`];
    return change === undefined ? x : x.mul(change.add(1));
  };

  let x = embeddings;
  for (const [index, layer] of weights.layers.entries()) {
    const h = written(jax, norm(x.ref, layer.attentionNorm));
    let query = product(jax, h.ref, layer.query);
    const key = rescaled(product(jax, h.ref, layer.key), index, 'k');
    let value = product(jax, h.ref, layer.value);
    const queryChange = low(h, index, 'q');
    const valueChange = low(h, index, 'v');
    if (queryChange !== null) query = query.add(queryChange);
    if (valueChange !== null) value = value.add(valueChange);
    value = rescaled(value, index, 'v');
    h.dispose();
    // Query heads that share a key head become rows of one product: [kvHeads, groups · T, headDim].
    const queries = rotate(query.reshape([length, heads, headDim]))
      .reshape([length, kvHeads, groups, headDim])
      .transpose([1, 2, 0, 3])
      .reshape([kvHeads, groups * length, headDim]);
    const keys = rotate(key.reshape([length, kvHeads, headDim])).transpose([1, 2, 0]);
    const values = value.reshape([length, kvHeads, headDim]).transpose([1, 0, 2]);
    const scores = product(jax, queries, keys)
      .mul(headDim ** -0.5)
      .reshape([kvHeads, groups, length, length])
      .add(tables.mask.ref);
    const attention = nn.softmax(scores, -1).reshape([kvHeads, groups * length, length]);
    const mixed = product(jax, attention, values)
      .reshape([kvHeads, groups, length, headDim])
      .transpose([2, 0, 1, 3])
      .reshape([length, queryWidth]);
    x = x.add(product(jax, written(jax, mixed), layer.output));
    const z = written(jax, norm(x.ref, layer.feedForwardNorm));
    const activated = nn.silu(product(jax, z.ref, layer.gate)).mul(product(jax, z, layer.up));
    x = x.add(product(jax, written(jax, rescaled(activated, index, 'down')), layer.down));
  }
  jax.tree.dispose(tables);
  return norm(x, weights.norm);
}

/** A matrix product whose result is written out, see `written`. */
export function product(jax: Jax, left: JaxArray, right: JaxArray): JaxArray {
  return written(jax, jax.numpy.matmul(left, right));
}

/**
 * The same numbers, written out before they are used: elementwise work and transpositions that are fused into a matrix product,
 * forth or back, throw it off its fast path. Padding by a row that is cut off again is the barrier.
 */
function written(jax: Jax, x: JaxArray): JaxArray {
  const [rows = 0, ...rest] = x.shape;
  return jax.numpy.pad(x, [[0, 1], ...rest.map((): [number, number] => [0, 0])]).slice([0, rows]);
}
