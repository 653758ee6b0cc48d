// Summarizes the predictions of a task for a report: the metrics of every method, their differences, the gains, and the gate.
import type { EvaluationTask } from '../data/evaluation-task.ts';
import { clusteredInterval, type BootstrapOptions, type Interval } from '../metrics/bootstrap.ts';
import type { MetricName } from '../../tasks/task-metrics.ts';
import { type Statistic, statisticsOf } from '../metrics/statistic.ts';
import type { Method } from '../method.ts';
import type { Prediction } from '../prediction.ts';
import { type GainBin, gainByHistorySize, type UserGain, gainByUser } from './gains.ts';
import { type GateSummary, summarizeGate } from './gate.ts';
import { type NewUserPoint, newUserStudy } from './new-user.ts';
import { metricsOf, queryKey, type ScoredByQuery, scoredByMethod } from './scored.ts';

export interface MethodSummary {
  readonly method: string;
  readonly description: string;
  readonly metrics: Readonly<Partial<Record<MetricName, Interval>>>;
  /** Share of queries whose prompt held a persona; null where the method has none. */
  readonly personaShare: number | null;
}

/** A paired difference: the method's value less the baseline's, over the queries that both have. */
export interface Difference {
  readonly method: string;
  readonly baseline: string;
  readonly metric: MetricName;
  readonly better: Statistic['better'];
  readonly interval: Interval;
}

export interface TaskSummary {
  readonly task: string;
  readonly source: string;
  readonly origin: EvaluationTask['origin'];
  readonly kind: EvaluationTask['kind'];
  readonly choices: number | null;
  /** Users and queries that at least one method was measured on. */
  readonly users: number;
  readonly queries: number;
  readonly methods: readonly MethodSummary[];
  readonly differences: readonly Difference[];
  readonly gainByHistorySize: readonly GainBin[];
  readonly gainByUser: readonly UserGain[];
  readonly gate: GateSummary | null;
  readonly newUser: readonly NewUserPoint[];
}

/** The methods that others are compared with, and which others; null: all. */
const baselines: readonly (readonly [string, readonly string[] | null])[] = [
  ['none', null],
  ['persona', null],
  ['shuffled', ['persona', 'persona-open']],
];

/**
 * Summarizes a task's predictions; those of other tasks are left out. Methods come in the order of `methods`.
 *
 * @example
 * ```ts
 * const { methods: rows } = summarize(task, predictions, methods);
 * show(rows.map(({ method, metrics }) => [method, metrics.nll]));
 * ```
 */
export function summarize(
  task: EvaluationTask,
  predictions: readonly Prediction[],
  methods: readonly Pick<Method, 'name' | 'description'>[],
  bootstrap: BootstrapOptions = {},
): TaskSummary {
  const scored = scoredByMethod(task, predictions);
  const statistics = statisticsOf(task.kind, task.choices);
  const present = methods.filter(({ name }) => scored.has(name));
  const of = (name: string): ScoredByQuery => scored.get(name) ?? new Map();
  // Every adapter is compared with the one that was trained on another user's items.
  const controls = present
    .filter(({ name }) => name.endsWith('-shuffled'))
    .map(({ name }) => [name, [name.slice(0, -'-shuffled'.length)]] as const);
  const differences = [...baselines, ...controls].flatMap(([baseline, only]) =>
    present
      .filter(({ name }) => name !== baseline && scored.has(baseline) && (only === null || only.includes(name)))
      .flatMap(({ name }) => differencesOf(name, baseline, of(name), of(baseline), statistics, bootstrap)),
  );
  const all = [...scored.values()].flatMap((queries) => [...queries.values()]);
  return {
    task: task.task,
    source: task.source,
    origin: task.origin,
    kind: task.kind,
    choices: task.choices?.length ?? null,
    users: new Set(all.map(({ user }) => user)).size,
    queries: new Set(all.map(queryKey)).size,
    methods: present.map(({ name, description }) => ({
      method: name,
      description,
      metrics: metricsOf(of(name), statistics, bootstrap),
      personaShare: personaShare(of(name)),
    })),
    differences,
    gainByHistorySize: gainByHistorySize(of('persona'), of('none'), bootstrap),
    gainByUser: gainByUser(of('persona'), of('none')),
    gate: summarizeGate(of, bootstrap),
    newUser: newUserStudy(scored, statistics, bootstrap),
  };
}

function differencesOf(
  method: string,
  baseline: string,
  own: ScoredByQuery,
  other: ScoredByQuery,
  statistics: ReadonlyMap<MetricName, Statistic>,
  bootstrap: BootstrapOptions,
): Difference[] {
  return [...statistics].flatMap(([metric, { sumsOf, value, width, better }]) => {
    const entries = [...own].flatMap(([key, scored]) => {
      const paired = other.get(key);
      const [left, right] = [sumsOf(scored), paired === undefined ? null : sumsOf(paired)];
      return left === null || right === null ? [] : [{ user: scored.user, sums: [...left, ...right] }];
    });
    if (entries.length === 0) return [];
    const difference = (sums: Float64Array): number => value(sums.subarray(0, width)) - value(sums.subarray(width));
    return [{ method, baseline, metric, better, interval: clusteredInterval(entries, difference, bootstrap) }];
  });
}

function personaShare(queries: ScoredByQuery): number | null {
  const used = [...queries.values()].flatMap(({ prediction }) => prediction.isPersonaUsed ?? []);
  return used.length === 0 ? null : used.filter(Boolean).length / used.length;
}
