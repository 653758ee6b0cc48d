// The content of report.json.
import type { TaskSummary } from '../../summary/summarize.ts';
import type { TrainingSummary } from '../../summary/training-costs.ts';
import type { RunSettings } from '../predictions-file.ts';

export interface Report {
  readonly settings: RunSettings;
  readonly confidence: number;
  readonly draws: number;
  readonly skipped: readonly { readonly task: string; readonly method: string; readonly reason: string }[];
  /** The cost of this run alone. */
  readonly cost: { readonly predictions: number; readonly cpuSeconds: number };
  readonly tasks: readonly TaskSummary[];
  /** What training cost for a user, over the users of costs.jsonl who were measured. */
  readonly training: readonly TrainingSummary[];
}
