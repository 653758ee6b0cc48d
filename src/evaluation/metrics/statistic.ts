// A metric as sums over queries and a function of the sums. Sums of a resampled set of users are sums of the users' sums, which
// makes a bootstrap of any of these metrics cheap.
import { ratingOf } from './rating.ts';

/** What of a query a metric looks at. */
export interface Scored {
  readonly gold: string;
  readonly nll: number | null;
  readonly tokens: number | null;
  /** Null: the model gave no answer; absent: none was asked for. */
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

/** In the order of a report. */
export const metricNames = ['nll', 'nllPerToken', 'accuracy', 'macroF1', 'mae', 'rmse', 'rouge1', 'rougeL'] as const;

export type MetricName = (typeof metricNames)[number];

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

const error = ({ answer, gold }: Scored): number | null =>
  answer === undefined ? null : ratingOf(answer, Number(gold)) - Number(gold);

/** Mean F1 over all of the task's answers, one that never occurs counting 0, as LaMP's evaluation has it. */
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

/** The metrics of a kind of task, the first of them the primary one. */
export function statisticsOf(
  kind: 'category' | 'rating' | 'text',
  choices: readonly string[] | null,
): ReadonlyMap<MetricName, Statistic> {
  const nll = mean('lower', (scored) => scored.nll);
  if (kind === 'text') {
    const perToken: Statistic = {
      ...nll,
      sumsOf: ({ nll, tokens }) => (nll === null || tokens === null ? null : [nll, tokens]),
    };
    return new Map<MetricName, Statistic>([
      ['nll', nll],
      ['nllPerToken', perToken],
      ['rouge1', mean('higher', ({ rouge }) => rouge?.rouge1 ?? null)],
      ['rougeL', mean('higher', ({ rouge }) => rouge?.rougeL ?? null)],
    ]);
  }
  const accuracy = mean('higher', ({ answer, gold }) => (answer === undefined ? null : Number(answer === gold)));
  const shared: [MetricName, Statistic][] = [
    ['nll', nll],
    ['accuracy', accuracy],
  ];
  if (kind === 'category') return new Map([...shared, ['macroF1', macroF1(choices ?? [])]]);
  const rmse: Statistic = {
    ...mean('lower', (scored) => {
      const difference = error(scored);
      return difference === null ? null : difference * difference;
    }),
    value: (sums) => Math.sqrt(ratio(sums)),
  };
  const mae = mean('lower', (scored) => {
    const difference = error(scored);
    return difference === null ? null : Math.abs(difference);
  });
  return new Map([...shared, ['mae', mae], ['rmse', rmse]]);
}
