// Pools token states, and the vectors of a text's chunks, into one unit vector. Sums are in float64, so that the order of the tokens makes no difference in float32.
import { PersonaPlugError } from '../lib/errors.ts';

/** How the states of a text's tokens become one vector. */
export type Pooling = 'mean' | 'cls';

/**
 * Pools token states `[tokens, dim]` and scales the result to length 1.
 *
 * @throws PersonaPlugError `runtime-failed` when the states are not finite, all zero, or too few.
 */
export function poolToUnitVector(
  states: Float32Array,
  tokens: number,
  dim: number,
  pooling: Pooling,
): Float32Array<ArrayBuffer> {
  if (states.length !== tokens * dim || tokens === 0) {
    throw new PersonaPlugError(
      'runtime-failed',
      `The embedder returned ${states.length} numbers for ${tokens} tokens of width ${dim}. Export the embedder again with a matching manifest.`,
    );
  }
  const sums = new Float64Array(dim);
  const pooled = pooling === 'cls' ? 1 : tokens;
  for (let token = 0; token < pooled; token++) {
    for (let index = 0; index < dim; index++) sums[index] = (sums[index] ?? 0) + (states[token * dim + index] ?? 0);
  }
  // The mean need not be divided by the number of tokens, since the vector is scaled to length 1.
  return scaleToUnit(sums);
}

/**
 * The vector of a text from the unit vectors `[dim]` of its chunks: their mean weighted by tokens, scaled to length 1. That of a single
 * chunk is returned as it is, bit for bit. Sums go from the first chunk to the last.
 *
 * @throws PersonaPlugError `runtime-failed` when the chunks are not finite or cancel each other out.
 */
export function poolChunks(
  chunks: readonly { readonly vector: Float32Array<ArrayBuffer>; readonly tokens: number }[],
): Float32Array<ArrayBuffer> {
  const [first, ...others] = chunks;
  if (first !== undefined && others.length === 0) return first.vector;
  const sums = new Float64Array(first?.vector.length ?? 0);
  for (const { vector, tokens } of chunks) {
    for (let index = 0; index < sums.length; index++) sums[index] = (sums[index] ?? 0) + tokens * (vector[index] ?? 0);
  }
  return scaleToUnit(sums);
}

function scaleToUnit(sums: Float64Array): Float32Array<ArrayBuffer> {
  const norm = Math.sqrt(sums.reduce((sum, value) => sum + value * value, 0));
  if (!Number.isFinite(norm) || norm === 0) {
    throw new PersonaPlugError(
      'runtime-failed',
      `The embedder returned a vector of length ${norm}. Take another device, e.g. 'wasm'.`,
    );
  }
  return Float32Array.from(sums, (value) => value / norm);
}

/** The cosine of two vectors of equal length, in float64. */
export function cosineSimilarity(left: ArrayLike<number>, right: ArrayLike<number>): number {
  let dot = 0;
  let leftSquares = 0;
  let rightSquares = 0;
  for (let index = 0; index < left.length; index++) {
    const a = left[index] ?? 0;
    const b = right[index] ?? 0;
    dot += a * b;
    leftSquares += a * a;
    rightSquares += b * b;
  }
  return dot / Math.sqrt(leftSquares * rightSquares);
}
