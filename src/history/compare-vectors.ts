// Compares the vectors of an item: bit for bit, and by the way they were made.
import type { ItemVectors } from './history-item.ts';

/** True when both were made by the same embedder in the same way. */
export function areMadeAlike(a: ItemVectors, b: ItemVectors): boolean {
  return a.embedder === b.embedder && (a.version ?? 1) === (b.version ?? 1);
}

/** True when embedder and every bit are equal. */
export function areSameVectors(a: ItemVectors, b: ItemVectors): boolean {
  return a.embedder === b.embedder && areSameBits(a.input, b.input) && areSameBits(a.output, b.output);
}

function areSameBits(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((value, index) => Object.is(value, b[index]));
}
