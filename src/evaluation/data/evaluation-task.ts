// What is measured: a task's users, their queries, and for every query the history before it.
import type { HistoryItem } from '../../history/history-item.ts';
import type { TaskKind } from '../../tasks/task-metrics.ts';

/** One question with its gold answer. */
export interface EvaluationQuery {
  /** Unique among the user's queries. */
  readonly id: string;
  /** `YYYY-MM-DD` or ISO 8601: the moment to which the ages of items are counted. Null where the data has no dates. */
  readonly date: string | null;
  readonly input: string;
  readonly output: string;
  /** The items before the query, oldest first, by date and then by position in the file; the ids sort in that order too. */
  readonly history: readonly HistoryItem[];
}

export interface EvaluationUser {
  readonly user: string;
  /** At least one, oldest first. */
  readonly queries: readonly EvaluationQuery[];
}

export interface EvaluationTask {
  /** The engine's name of the task, e.g. `news_category`. */
  readonly task: string;
  /** A file name, for messages and reports. */
  readonly source: string;
  /** `rebuilt`: LaMP-shaped, from public sources; `lamp`: the benchmark's own files. */
  readonly origin: 'rebuilt' | 'lamp';
  readonly kind: TaskKind;
  /** The only answers there are; null for text. */
  readonly choices: readonly string[] | null;
  readonly users: readonly EvaluationUser[];
}
