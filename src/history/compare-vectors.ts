// Compares the vectors of an item bit for bit.
import type { ItemVectors } from './history-item.ts';

/** True when embedder and every bit are equal. */
export function areSameVectors(a: ItemVectors, b: ItemVectors): boolean {
  return a.embedder === b.embedder && areSameBits(a.input, b.input) && areSameBits(a.output, b.output);
}

function areSameBits(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((value, index) => Object.is(value, b[index]));
}
