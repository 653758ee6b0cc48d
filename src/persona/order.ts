// The order in which a persona sums up its items. It must not depend on the order in which they were stored.
import { compareDated, type Dated } from '../lib/compare-dated.ts';

/** A sorted copy: date ascending, undated first, then id. */
export function inOrder<T extends Dated>(items: readonly T[]): T[] {
  return items.toSorted(compareDated);
}
