// Which metrics a task is measured by. What a metric computes is in src/evaluation/metrics.

/** How a task is answered: with one of some categories, with a whole number, or with free text. */
export type TaskKind = 'category' | 'rating' | 'text';

/** All metrics, in the order of a report. */
export const metricNames = ['nll', 'nllPerToken', 'accuracy', 'macroF1', 'mae', 'rmse', 'rouge1', 'rougeL'] as const;

export type MetricName = (typeof metricNames)[number];

/** The metrics of each kind of task; the first one is the primary metric. */
export const metricsOfKind = {
  category: ['nll', 'accuracy', 'macroF1'],
  rating: ['nll', 'accuracy', 'mae', 'rmse'],
  text: ['nll', 'nllPerToken', 'rouge1', 'rougeL'],
} as const satisfies Readonly<Record<TaskKind, readonly MetricName[]>>;

/** The kind of a task with these choices; choices that are all whole numbers are ratings. Null: free text. */
export function kindOf(choices: readonly string[] | null): TaskKind {
  if (choices === null) return 'text';
  return choices.every((choice) => /^\d+$/u.test(choice)) ? 'rating' : 'category';
}
