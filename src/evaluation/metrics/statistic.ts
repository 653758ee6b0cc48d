// Each metric as sums over queries and a function of these sums. The bootstrap adds up the sums of the resampled users, which is
// cheap for every metric.
import { type MetricName, metricsOfKind, type TaskKind } from '../../tasks/task-metrics.ts';
import { ratingOf } from './rating.ts';

/** The part of a query that metrics use. */
export interface Scored {
  readonly gold: string;
  readonly nll: number | null;
  readonly tokens: number | null;
  /** Null: the model gave none of the task's answers; absent: none was generated. */
  readonly answer?: string | null | undefined;
  readonly rouge?: { readonly rouge1: number; readonly rougeL: number } | undefined;
}

export interface Statistic {
  readonly width: number;
  /** The query's part of the sums, `[width]`; null where the metric does not apply to it. */
  readonly sumsOf: (scored: Scored) => readonly number[] | null;
  readonly value: (sums: Float64Array) => number;
  /** Which direction is better. */
  readonly better: 'lower' | 'higher';
}

const ratio = (sums: Float64Array): number => (sums[0] ?? 0) / (sums[1] ?? 0);

function mean(better: Statistic['better'], valueOf: (scored: Scored) => number | null): Statistic {
  return {
    width: 2,
    sumsOf(scored) {
      const value = valueOf(scored);
      return value === null ? null : [value, 1];
    },
    value: ratio,
    better,
  };
}

const ratingError = ({ answer, gold }: Scored): number | null =>
  answer === undefined ? null : ratingOf(answer, Number(gold)) - Number(gold);

/** Mean F1 over all of the task's answers. As in LaMP's evaluation, an answer that never occurs counts 0. */
function macroF1(choices: readonly string[]): Statistic {
  const indexOf = new Map(choices.map((choice, index) => [choice, index]));
  return {
    // Per answer: true positives, times predicted, times gold.
    width: choices.length * 3,
    sumsOf({ answer, gold }) {
      if (answer === undefined) return null;
      const sums = Array.from({ length: choices.length * 3 }, () => 0);
      const [predicted, expected] = [answer === null ? undefined : indexOf.get(answer), indexOf.get(gold)];
      if (predicted !== undefined) sums[predicted * 3 + 1] = 1;
      if (expected !== undefined) sums[expected * 3 + 2] = 1;
      if (predicted !== undefined && predicted === expected) sums[predicted * 3] = 1;
      return sums;
    },
    value(sums) {
      let total = 0;
      for (let choice = 0; choice < choices.length; choice++) {
        const [hits, predicted, expected] = [
          sums[choice * 3] ?? 0,
          sums[choice * 3 + 1] ?? 0,
          sums[choice * 3 + 2] ?? 0,
        ];
        if (predicted + expected > 0) total += (2 * hits) / (predicted + expected);
      }
      return total / choices.length;
    },
    better: 'higher',
  };
}

const statistics: Readonly<Record<MetricName, (choices: readonly string[]) => Statistic>> = {
  nll: () => mean('lower', ({ nll }) => nll),
  nllPerToken: () => ({
    ...mean('lower', ({ nll }) => nll),
    sumsOf: ({ nll, tokens }) => (nll === null || tokens === null ? null : [nll, tokens]),
  }),
  accuracy: () => mean('higher', ({ answer, gold }) => (answer === undefined ? null : Number(answer === gold))),
  macroF1,
  mae: () =>
    mean('lower', (scored) => {
      const error = ratingError(scored);
      return error === null ? null : Math.abs(error);
    }),
  rmse: () => ({
    ...mean('lower', (scored) => {
      const error = ratingError(scored);
      return error === null ? null : error * error;
    }),
    value: (sums) => Math.sqrt(ratio(sums)),
  }),
  rouge1: () => mean('higher', ({ rouge }) => rouge?.rouge1 ?? null),
  rougeL: () => mean('higher', ({ rouge }) => rouge?.rougeL ?? null),
};

/** The metrics of a kind of task, the primary one first. */
export function statisticsOf(kind: TaskKind, choices: readonly string[] | null): ReadonlyMap<MetricName, Statistic> {
  return new Map(metricsOfKind[kind].map((name) => [name, statistics[name](choices ?? [])]));
}
