// Predictions together with their gold answers, and the metrics of one method.
import type { EvaluationTask } from '../data/evaluation-task.ts';
import { type BootstrapOptions, clusteredInterval, type Interval } from '../metrics/bootstrap.ts';
import { rouge } from '../metrics/rouge.ts';
import type { MetricName } from '../../tasks/task-metrics.ts';
import type { Scored, Statistic } from '../metrics/statistic.ts';
import type { Prediction } from '../prediction.ts';

/** A prediction with the gold answer it is measured against. */
export interface ScoredPrediction extends Scored {
  readonly user: string;
  readonly query: string;
  readonly prediction: Prediction;
}

/** One method's predictions by query (user and id as JSON). */
export type ScoredByQuery = ReadonlyMap<string, ScoredPrediction>;

/** By method, then by query; predictions of other tasks, and of queries that the task does not hold, are left out. */
export function scoredByMethod(
  task: EvaluationTask,
  predictions: readonly Prediction[],
): ReadonlyMap<string, ScoredByQuery> {
  const golds = new Map(
    task.users.flatMap(({ user, queries }) =>
      queries.map(({ id, output }) => [queryKey({ user, query: id }), output] as const),
    ),
  );
  const byMethod = new Map<string, Map<string, ScoredPrediction>>();
  for (const prediction of predictions) {
    const { user, query, nll, tokens, answer, method } = prediction;
    const gold = golds.get(queryKey(prediction));
    if (prediction.task !== task.task || gold === undefined) continue;
    const queries = byMethod.get(method) ?? new Map<string, ScoredPrediction>();
    byMethod.set(method, queries);
    const isWritten = task.kind === 'text' && answer !== undefined;
    const words = isWritten ? { rouge: rouge(answer ?? '', gold) } : {};
    queries.set(queryKey(prediction), { user, query, gold, nll, tokens, answer, prediction, ...words });
  }
  return byMethod;
}

export function queryKey({ user, query }: { readonly user: string; readonly query: string }): string {
  return JSON.stringify([user, query]);
}

export function metricsOf(
  queries: ScoredByQuery,
  statistics: ReadonlyMap<MetricName, Statistic>,
  bootstrap: BootstrapOptions,
): Partial<Record<MetricName, Interval>> {
  const metrics: Partial<Record<MetricName, Interval>> = {};
  for (const [name, statistic] of statistics) {
    const entries = [...queries.values()].flatMap((scored) => {
      const sums = statistic.sumsOf(scored);
      return sums === null ? [] : [{ user: scored.user, sums }];
    });
    if (entries.length > 0) metrics[name] = clusteredInterval(entries, statistic.value, bootstrap);
  }
  return metrics;
}
