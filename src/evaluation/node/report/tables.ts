// The tables of a task.
import type { Interval } from '../../metrics/bootstrap.ts';
import { type MetricName, metricNames } from '../../../tasks/task-metrics.ts';
import type { TaskSummary } from '../../summary/summarize.ts';
import type { TrainingSummary } from '../../summary/training-costs.ts';
import { escapeHtml } from './escape-html.ts';

const titles: Readonly<Record<MetricName, string>> = {
  nll: 'NLL, nats an answer',
  nllPerToken: 'NLL, nats a token',
  accuracy: 'Accuracy',
  macroF1: 'Macro-F1',
  mae: 'MAE',
  rmse: 'RMSE',
  rouge1: 'ROUGE-1',
  rougeL: 'ROUGE-L',
};

/** Every method with its metrics. */
export function methodTable({ methods, queries }: TaskSummary): string {
  const metrics = metricsOf(methods.map((method) => method.metrics));
  const rows = methods.map(({ method, description, metrics: own, personaShare }) => [
    `<th scope="row" title="${escapeHtml(description)}">${escapeHtml(method)}</th>`,
    ...metrics.map((name) => cell(own[name], queries)),
    `<td>${personaShare === null ? '–' : `${(personaShare * 100).toFixed(0)} %`}</td>`,
  ]);
  return table(['Method', ...metrics.map((name) => titles[name]), 'Persona used'], rows);
}

/** Paired differences to one baseline. A value whose interval does not contain 0 is bold. */
export function differenceTable({ differences, methods, queries }: TaskSummary, baseline: string): string | null {
  const own = differences.filter((difference) => difference.baseline === baseline);
  if (own.length === 0) return null;
  const metrics = metricNames.filter((name) => own.some(({ metric }) => metric === name));
  const rows = methods
    .filter(({ method }) => own.some((difference) => difference.method === method))
    .map(({ method }) => [
      `<th scope="row">${escapeHtml(method)}</th>`,
      ...metrics.map((name) => {
        const found = own.find((difference) => difference.method === method && difference.metric === name);
        return found === undefined
          ? '<td>–</td>'
          : cell(found.interval, queries, verdict(found.interval, found.better));
      }),
    ]);
  return table([`Method − ${baseline}`, ...metrics.map((name) => titles[name])], rows);
}

/** What training for a user costs and gains; null where nothing was trained. */
export function trainingTable({ task, queries }: TaskSummary, training: readonly TrainingSummary[]): string | null {
  const own = training.filter((summary) => summary.task === task);
  if (own.length === 0) return null;
  const rows = own.map(({ method, users, kept, items, steps, seconds, bytes, difference }) => [
    `<th scope="row">${escapeHtml(method)}</th>`,
    `<td>${kept} of ${users}</td>`,
    `<td>${items.toFixed(1)}</td>`,
    `<td>${steps.toFixed(1)}</td>`,
    `<td>${seconds.toFixed(1)}</td>`,
    `<td>${bytes === null ? '–' : (bytes / 1024).toFixed(1)}</td>`,
    cell(difference ?? undefined, queries, difference === null ? 'even' : verdict(difference, 'lower')),
  ]);
  return table(['Method', 'Kept', 'Items', 'Steps', 'Seconds', 'KiB', 'NLL − none, nats an answer'], rows);
}

function verdict({ low, high }: Interval, better: 'lower' | 'higher'): 'better' | 'worse' | 'even' {
  if (low === null || high === null || (low <= 0 && high >= 0)) return 'even';
  return high < 0 === (better === 'lower') ? 'better' : 'worse';
}

function metricsOf(of: readonly Readonly<Partial<Record<MetricName, Interval>>>[]): MetricName[] {
  return metricNames.filter((name) => of.some((metrics) => metrics[name] !== undefined));
}

/** `all`: the queries of the task; a cell over fewer of them says so. */
function cell(interval: Interval | undefined, all: number, mark: 'better' | 'worse' | 'even' = 'even'): string {
  if (interval === undefined) return '<td>–</td>';
  const { value, low, high, queries, users } = interval;
  const range = low === null || high === null ? '' : ` <small>[${decimal(low)}, ${decimal(high)}]</small>`;
  const count = queries === all ? '' : ` <small>n = ${queries}</small>`;
  return `<td class="${mark}" title="${queries} queries of ${users} users">${decimal(value)}${range}${count}</td>`;
}

/** Three places, with a true minus sign and no minus before a zero. */
function decimal(value: number): string {
  return value
    .toFixed(3)
    .replace(/^-(?=0\.0+$)/u, '')
    .replace('-', '\u2212');
}

/** `rows` hold markup, `heads` text. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = heads.map((text) => `<th scope="col">${escapeHtml(text)}</th>`).join('');
  const body = rows.map((cells) => `<tr>${cells.join('')}</tr>`).join('\n');
  return `<div class="table"><table><thead><tr>${head}</tr></thead><tbody>\n${body}\n</tbody></table></div>`;
}
