// A new user: the metrics of the persona of the newest n items, by n.
import type { BootstrapOptions, Interval } from '../metrics/bootstrap.ts';
import type { MetricName } from '../../tasks/task-metrics.ts';
import type { Statistic } from '../metrics/statistic.ts';
import { metricsOf, type ScoredByQuery } from './scored.ts';

export interface NewUserPoint {
  /** Items at most; a query with a shorter history has fewer. */
  readonly items: number;
  readonly metrics: Readonly<Partial<Record<MetricName, Interval>>>;
}

/** Reads the methods `persona@n`; empty where none was measured. */
export function newUserStudy(
  scored: ReadonlyMap<string, ScoredByQuery>,
  statistics: ReadonlyMap<MetricName, Statistic>,
  bootstrap: BootstrapOptions,
): NewUserPoint[] {
  return [...scored]
    .flatMap(([method, queries]) => {
      const items = /^persona@(?<items>\d+)$/u.exec(method)?.groups?.['items'];
      return items === undefined ? [] : [{ items: Number(items), metrics: metricsOf(queries, statistics, bootstrap) }];
    })
    .sort((a, b) => a.items - b.items);
}
