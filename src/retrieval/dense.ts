// Dense retrieval: ranks items by the similarity of their input's vector to the query's.
import { dotProduct } from '../lib/dot-product.ts';
import { PersonaPlugError } from '../lib/errors.ts';

/**
 * The cosine of the query's vector `[d]` with each item's input vector `[d]`: `[n]`, −1 to 1. Accumulated in float64; 0 where a
 * vector is all zeros.
 *
 * @throws PersonaPlugError `invalid-argument` when the vectors have different lengths.
 */
export function denseScores(query: Float32Array, inputs: readonly Float32Array[]): Float64Array {
  const norm = Math.sqrt(dotProduct(query, query));
  return Float64Array.from(inputs, (input) => {
    if (input.length !== query.length) {
      throw new PersonaPlugError(
        'invalid-argument',
        `The query's vector has ${query.length} numbers, an item's ${input.length}. Embed both with one embedder.`,
        { details: { query: query.length, item: input.length } },
      );
    }
    const product = norm * Math.sqrt(dotProduct(input, input));
    return product === 0 ? 0 : dotProduct(query, input) / product;
  });
}
