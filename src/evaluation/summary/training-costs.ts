// What training an adapter costs for a user, and what it gains.
import type { Interval } from '../metrics/bootstrap.ts';
import type { TrainingCost } from '../training/training-cost.ts';
import type { TaskSummary } from './summarize.ts';

/** Of one task and method. Numbers are means over users. */
export interface TrainingSummary {
  readonly task: string;
  readonly method: string;
  readonly users: number;
  /** Users whose held-out items got better; only their adapters are kept. */
  readonly kept: number;
  readonly items: number;
  readonly steps: number;
  readonly seconds: number;
  /** Of the kept ones; null where there are none. */
  readonly bytes: number | null;
  /** NLL less that of `none`, nats an answer, over all users; null where `none` was not measured. */
  readonly difference: Interval | null;
}

/** Summarizes the costs of a task; those of other tasks and of users who were not measured are left out by `costs`. */
export function summarizeTraining(
  { task, methods, differences }: TaskSummary,
  costs: readonly TrainingCost[],
): TrainingSummary[] {
  return methods.flatMap(({ method }) => {
    const own = costs.filter((cost) => cost.task === task && cost.method === method);
    if (own.length === 0) return [];
    const kept = own.filter(({ result }) => result === 'kept');
    const difference = differences.find(
      (candidate) => candidate.method === method && candidate.baseline === 'none' && candidate.metric === 'nll',
    );
    return [
      {
        task,
        method,
        users: own.length,
        kept: kept.length,
        items: mean(own.map(({ items }) => items)),
        steps: mean(own.map(({ steps }) => steps)),
        seconds: mean(own.map(({ seconds }) => seconds)),
        bytes: kept.length === 0 ? null : mean(kept.map(({ bytes }) => bytes)),
        difference: difference?.interval ?? null,
      },
    ];
  });
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
