// What is measured: a task's users, each with queries, and before every query the history that was there then.
import type { HistoryItem } from '../../history/history-item.ts';
import type { TaskKind } from '../../tasks/task-metrics.ts';

/** One question with its gold answer. */
export interface EvaluationQuery {
  /** Unique among the user's queries. */
  readonly id: string;
  /** `YYYY-MM-DD` or ISO 8601: the moment that ages are counted to. Null where the data has no dates. */
  readonly date: string | null;
  readonly input: string;
  readonly output: string;
  /** What lies before the query, in (date, position in the file) order, oldest first; the ids sort in that order too. */
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
  /** Where it came from, for people: a file name. */
  readonly source: string;
  /** `rebuilt`: LaMP-shaped, from public sources; `lamp`: the benchmark's own files. */
  readonly origin: 'rebuilt' | 'lamp';
  readonly kind: TaskKind;
  /** The only answers there are; null for text. */
  readonly choices: readonly string[] | null;
  readonly users: readonly EvaluationUser[];
}
