// Embeds a text once, since every method embeds the same histories.
import type { Embedder } from '../embedder/embedder.ts';

/** Where vectors are kept, by text. A `Map` is one. */
export interface VectorCache {
  get(text: string): Float32Array<ArrayBuffer> | undefined;
  set(text: string, vector: Float32Array<ArrayBuffer>): void;
}

/** The same embedder, which asks the cache first. It owns the embedder as before. */
export function cacheVectors(embedder: Embedder, vectors: VectorCache = new Map()): Embedder {
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
