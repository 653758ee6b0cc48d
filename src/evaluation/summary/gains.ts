// What the persona gains, by size of the history and by user. A gain is the decrease of the gold answer's negative log-likelihood, in
// nats an answer.
import { type BootstrapOptions, clusteredInterval, type Interval } from '../metrics/bootstrap.ts';
import type { ScoredByQuery, ScoredPrediction } from './scored.ts';

export interface GainBin {
  /** Items before the query, both ends included. */
  readonly from: number;
  readonly to: number;
  readonly gain: Interval;
}

export interface UserGain {
  readonly user: string;
  readonly queries: number;
  readonly gain: number;
}

export interface PairedGain {
  readonly own: ScoredPrediction;
  /** nats an answer; above 0 where the method beat the baseline. */
  readonly gain: number;
}

/** Bounds of the bins: sizes double. */
const bounds = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, Infinity];

/** The gain of each query for which both methods have a likelihood. */
export function pairedGains(own: ScoredByQuery, baseline: ScoredByQuery): PairedGain[] {
  return [...own].flatMap(([key, scored]) => {
    const other = baseline.get(key)?.nll;
    return scored.nll === null || other === undefined || other === null
      ? []
      : [{ own: scored, gain: other - scored.nll }];
  });
}

export function meanInterval(
  entries: readonly { readonly user: string; readonly value: number }[],
  bootstrap: BootstrapOptions,
): Interval {
  return clusteredInterval(
    entries.map(({ user, value }) => ({ user, sums: [value, 1] })),
    (sums) => (sums[0] ?? 0) / (sums[1] ?? 0),
    bootstrap,
  );
}

export function gainByHistorySize(own: ScoredByQuery, baseline: ScoredByQuery, bootstrap: BootstrapOptions): GainBin[] {
  const gains = pairedGains(own, baseline);
  return bounds.slice(0, -1).flatMap((from, index) => {
    const end = bounds[index + 1] ?? Infinity;
    const inside = gains.filter(
      ({ own: { prediction } }) => prediction.historySize >= from && prediction.historySize < end,
    );
    if (inside.length === 0) return [];
    const sizes = inside.map(({ own: { prediction } }) => prediction.historySize);
    const entries = inside.map(({ own: { user }, gain }) => ({ user, value: gain }));
    return [{ from: Math.min(...sizes), to: Math.max(...sizes), gain: meanInterval(entries, bootstrap) }];
  });
}

/** Mean gain a user, the largest first. */
export function gainByUser(own: ScoredByQuery, baseline: ScoredByQuery): UserGain[] {
  const byUser = new Map<string, number[]>();
  for (const { own: scored, gain } of pairedGains(own, baseline)) {
    byUser.set(scored.user, [...(byUser.get(scored.user) ?? []), gain]);
  }
  return [...byUser]
    .map(([user, gains]) => ({ user, queries: gains.length, gain: gains.reduce((a, b) => a + b, 0) / gains.length }))
    .sort((a, b) => b.gain - a.gain);
}
