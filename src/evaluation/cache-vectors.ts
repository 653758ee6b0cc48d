// Vectors in memory: every method embeds the same histories.
import type { Embedder } from '../embedder/embedder.ts';

/** The same embedder, which embeds every text once. It owns the embedder as before. */
export function cacheVectors(embedder: Embedder): Embedder {
  const vectors = new Map<string, Float32Array<ArrayBuffer>>();
  return {
    ...embedder,
    async embed(text, options) {
      options?.signal?.throwIfAborted();
      const known = vectors.get(text);
      if (known !== undefined) return known.slice();
      const vector = await embedder.embed(text, options);
      vectors.set(text, vector.slice());
      return vector;
    },
  };
}
