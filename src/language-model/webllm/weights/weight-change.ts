import type { StoredWeight } from './weight-access.ts';

/** A weight that an adapter changes, by its name in `tensor-cache.json`. */
export interface WeightChange {
  readonly name: string;
  /** The changed values; the original is not modified. @throws PersonaPlugError `model-mismatch` when the adapter does not fit. */
  readonly merge: (original: StoredWeight) => Float32Array<ArrayBuffer>;
}
