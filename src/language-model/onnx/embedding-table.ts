// Rows of input embeddings, widened when a token is looked up: the table stays as small as it is stored.
import { type StoredRows, widenRows } from './quantized-weights.ts';

export interface EmbeddingTable {
  /** Writes the row of a token, `[hiddenSize]`. */
  lookUp(id: number, target: Float32Array): void;
}

/** Copies what it needs of the records, so that the shards can go. */
export function createEmbeddingTable(stored: StoredRows, float16: Float32Array): EmbeddingTable {
  const kept = { ...stored, values: stored.values.slice(), scales: stored.scales.slice() };
  return {
    lookUp: (id, target) =>
      widenRows({ ...kept, firstRow: kept.firstRow + id, lastRow: kept.firstRow + id + 1 }, float16, target, {
        isTransposed: false,
      }),
  };
}
