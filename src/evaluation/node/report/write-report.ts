// Writes report.json, report.html and report.md of a run.
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { usersOfSplit } from '../../data/build-task.ts';
import type { EvaluationTask } from '../../data/evaluation-task.ts';
import type { Method } from '../../method.ts';
import type { Prediction } from '../../prediction.ts';
import { summarize, type TaskSummary } from '../../summary/summarize.ts';
import { summarizeTraining, type TrainingSummary } from '../../summary/training-costs.ts';
import type { TrainingCost } from '../../training/training-cost.ts';
import type { CommandArguments } from '../arguments.ts';
import type { Report } from './report.ts';

export interface ReportInput extends Pick<Report, 'settings' | 'skipped' | 'cost'> {
  readonly options: CommandArguments;
  readonly tasks: readonly EvaluationTask[];
  readonly predictions: readonly Prediction[];
  readonly costs: readonly TrainingCost[];
  readonly methods: readonly Method[];
}

const [confidence, draws] = [0.99, 10_000];

/** Writes the files. `lines` are a short form of the report, for a terminal. */
export async function writeReport(input: ReportInput): Promise<{ html: string; lines: string[] }> {
  const { options, settings, skipped, cost, methods } = input;
  const tasks: TaskSummary[] = [];
  const training: TrainingSummary[] = [];
  for (const task of input.tasks) {
    const users = (await usersOfSplit(task.users, options.split)).slice(0, options.users ?? undefined);
    const bootstrap = { confidence, draws, seed: options.seed };
    const summary = summarize({ ...task, users }, input.predictions, methods, bootstrap);
    tasks.push(summary);
    const measured = new Set(users.map(({ user }) => user));
    const costs = input.costs.filter(({ user }) => measured.has(user));
    training.push(...summarizeTraining(summary, costs));
  }
  const report: Report = { settings, confidence, draws, skipped, cost, tasks, training };
  await writeFile(path.join(options.out, 'report.json'), `${JSON.stringify(report, null, 1)}\n`);
  const html = path.join(options.out, 'report.html');
  const { renderReport } = await import('./render-report.ts');
  await writeFile(html, renderReport(report));
  const { renderMarkdown } = await import('./render-markdown.ts');
  const { markdown, plots } = renderMarkdown(report);
  await writeFile(path.join(options.out, 'report.md'), markdown);
  await mkdir(path.join(options.out, 'plots'), { recursive: true });
  for (const { name, svg } of plots) await writeFile(path.join(options.out, 'plots', name), svg);
  return { html, lines: tasks.flatMap(linesOf) };
}

function linesOf({ task, queries, users, methods }: TaskSummary): string[] {
  const rows = methods.map(({ method, metrics }) => {
    const cells = Object.entries(metrics).map(([name, interval]) => {
      const { value, low, high } = interval;
      const range = low === null || high === null ? '' : ` [${low.toFixed(3)}, ${high.toFixed(3)}]`;
      const count = interval.queries === queries ? '' : ` (n = ${interval.queries})`;
      return `${name} ${value.toFixed(3)}${range}${count}`;
    });
    return `  ${method.padEnd(18)} ${cells.join('  ')}`;
  });
  return [`${task}: ${queries} queries of ${users} users`, ...rows];
}
