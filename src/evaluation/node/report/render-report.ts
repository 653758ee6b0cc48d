// report.html: one self-contained file without scripts and without links to other files.
import type { TaskSummary } from '../../summary/summarize.ts';
import type { Report } from './report.ts';
import { escapeHtml } from './escape-html.ts';
import { type Figure, figuresOf } from './plots.ts';
import { reportStyle } from './report-style.ts';
import { differenceTable, methodTable, table, trainingTable } from './tables.ts';

/** What a report calls the data. */
const origins = {
  rebuilt: 'LaMP-shaped tasks rebuilt from public sources',
  lamp: "LaMP's own files",
} as const;

/** The report as an HTML document. */
export function renderReport(report: Report): string {
  const kinds = [...new Set(report.tasks.map(({ origin }) => origins[origin]))];
  const title = `Evaluation: ${kinds.join(' and ')}`;
  const percent = (report.confidence * 100).toFixed(0);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${reportStyle}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
<p>Intervals are ${percent} % bootstrap intervals over users (${report.draws} draws, seeded). Differences are paired: both methods
answer the same queries. Users are those of the split “${escapeHtml(String(report.settings['split'] ?? ''))}”, which neither the
language model nor the plug was trained on${report.settings['split'] === 'all' ? ', if the files hold unseen users only' : ''}.</p>
${report.tasks.map((task) => taskSection(task, report)).join('\n')}
${skippedSection(report)}
<h2>Settings</h2>
${table(
  ['Setting', 'Value'],
  Object.entries(report.settings).map(([name, value]) => [
    `<th scope="row">${escapeHtml(name)}</th>`,
    `<td class="text">${escapeHtml(String(value ?? 'all'))}</td>`,
  ]),
)}
</body>
</html>
`;
}

function taskSection(task: TaskSummary, { training }: Report): string {
  const costs = trainingTable(task, training);
  const tables = ['none', 'persona', 'shuffled'].flatMap((baseline) => differenceTable(task, baseline) ?? []);
  const answers = task.choices === null ? 'free text' : `${task.choices} possible answers`;
  return `<section>
<h2>${escapeHtml(task.task)}</h2>
<p>${task.queries} queries of ${task.users} users, ${answers}, from ${escapeHtml(task.source)} (${escapeHtml(origins[task.origin])}).</p>
${methodTable(task)}
${tables.length === 0 ? '' : `<h3>Paired differences</h3><p>Bold: the interval does not contain 0; green is better, red is worse.</p>${tables.join('\n')}`}
${costs === null ? '' : `<h3>Training for a user</h3><p>Means over users; KiB of the adapters that were kept. An adapter is kept where the user's held-out items got better; without one the method answers as an untrained one.</p>${costs}`}
${figuresOf(task).map(figure).join('\n')}
${descriptions(task)}
</section>`;
}

function figure({ caption, svg }: Figure): string {
  return `<figure>${svg}<figcaption>${escapeHtml(caption)}</figcaption></figure>`;
}

function descriptions({ methods }: TaskSummary): string {
  const entries = methods.map(
    ({ method, description }) => `<dt>${escapeHtml(method)}</dt><dd>${escapeHtml(description)}</dd>`,
  );
  return `<details><summary>What the methods are</summary><dl>${entries.join('')}</dl></details>`;
}

function skippedSection({ skipped }: Report): string {
  if (skipped.length === 0) return '';
  const rows = skipped.map(({ task, method, reason }) => [
    `<th scope="row">${escapeHtml(method)}</th>`,
    `<td class="text">${escapeHtml(task)}</td>`,
    `<td class="text">${escapeHtml(reason)}</td>`,
  ]);
  return `<h2>Not measured</h2>${table(['Method', 'Task', 'Why'], rows)}`;
}
