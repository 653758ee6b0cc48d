// Bootstrap intervals that resample users and not queries, since queries of one user are not independent.
import { drawBelow, seededRandom } from '../../lib/seeded-random.ts';

export interface Interval {
  readonly value: number;
  /** Null where fewer than two users give no interval. */
  readonly low: number | null;
  readonly high: number | null;
  readonly queries: number;
  readonly users: number;
}

export interface BootstrapOptions {
  /** @defaultValue 10000 */
  readonly draws?: number;
  /** @defaultValue 0.99 */
  readonly confidence?: number;
  /** @defaultValue 0 */
  readonly seed?: number;
}

/** The sums of one query, and its user. */
export interface ClusteredSums {
  readonly user: string;
  readonly sums: readonly number[];
}

/**
 * The value of all queries, with the percentile interval of `value` over users drawn with replacement. For a paired difference give
 * both methods' sums of a query side by side, and a `value` that subtracts: both are then drawn together.
 *
 * @example
 * ```ts
 * const entries = [{ user: 'a', sums: [1, 1] }, { user: 'b', sums: [3, 1] }];
 * const { value } = clusteredInterval(entries, (sums) => (sums[0] ?? 0) / (sums[1] ?? 0)); // 2
 * ```
 */
export function clusteredInterval(
  entries: readonly ClusteredSums[],
  value: (sums: Float64Array) => number,
  { draws = 10_000, confidence = 0.99, seed = 0 }: BootstrapOptions = {},
): Interval {
  const width = entries[0]?.sums.length ?? 0;
  const byUser = new Map<string, Float64Array>();
  const total = new Float64Array(width);
  for (const { user, sums } of entries) {
    const own = byUser.get(user) ?? new Float64Array(width);
    byUser.set(user, own);
    addTo(own, sums);
    addTo(total, sums);
  }
  // Sorted, so that the interval does not depend on the order of the queries.
  const users = [...byUser].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, sums]) => sums);
  const result = { value: value(total), queries: entries.length, users: users.length };
  if (users.length < 2) return { ...result, low: null, high: null };
  const random = seededRandom(seed);
  const values = new Float64Array(draws);
  const drawn = new Float64Array(width);
  for (let draw = 0; draw < draws; draw++) {
    drawn.fill(0);
    for (let count = 0; count < users.length; count++) {
      const sums = users[drawBelow(users.length, random)];
      if (sums !== undefined) addTo(drawn, sums);
    }
    values[draw] = value(drawn);
  }
  values.sort();
  const tail = (1 - confidence) / 2;
  return { ...result, low: quantile(values, tail), high: quantile(values, 1 - tail) };
}

function addTo(target: Float64Array, sums: ArrayLike<number>): void {
  for (let index = 0; index < target.length; index++) target[index] = (target[index] ?? 0) + (sums[index] ?? 0);
}

/** The quantile of sorted values, interpolated linearly between the two nearest. */
export function quantile(sorted: Float64Array, share: number): number {
  const position = share * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(position)] ?? Number.NaN, sorted[Math.ceil(position)] ?? Number.NaN];
  return below + (above - below) * (position - Math.floor(position));
}
