// The report as Markdown with plots beside it, for documents that are kept under version control.
import type { Interval } from '../../metrics/bootstrap.ts';
import { type MetricName, metricNames } from '../../../tasks/task-metrics.ts';
import type { TaskSummary } from '../../summary/summarize.ts';
import type { Report } from './report.ts';
import { figuresOf } from './plots.ts';

/** A plot as a file: a self-contained SVG on white, for light and for dark pages. */
export interface PlotFile {
  readonly name: string;
  readonly svg: string;
}

/** The Markdown, and the plots that it shows from the folder `plots/`. */
export function renderMarkdown(report: Report): { markdown: string; plots: PlotFile[] } {
  const plots: PlotFile[] = [];
  const sections = report.tasks.map((task) => {
    const images = figuresOf(task).map(({ name, caption, svg }) => {
      const file = `${task.task}-${name}.svg`;
      plots.push({ name: file, svg: standingAlone(svg) });
      return `![${caption}](plots/${file})\n\n${caption}`;
    });
    return [
      `## ${task.task}`,
      `${task.queries} queries of ${task.users} users.`,
      methodTable(task),
      differenceTable(task),
      ...trainingTable(task, report),
      ...images,
    ].join('\n\n');
  });
  const percent = (report.confidence * 100).toFixed(0);
  const intro =
    `Intervals are ${percent} % bootstrap intervals over users (${report.draws} draws). Differences are paired. ` +
    `Users: split \`${String(report.settings['split'] ?? '')}\`.`;
  return { markdown: `${[intro, ...sections].join('\n\n')}\n`, plots };
}

function standingAlone(svg: string): string {
  const named = svg.includes('xmlns=') ? svg : svg.replace('<svg', '<svg xmlns="http://www.w3.org/2000/svg"');
  return `${named.replace('<svg', '<svg style="background:white;color:black"')}\n`;
}

function methodTable({ methods }: TaskSummary): string {
  const metrics = metricNames.filter((name) => methods.some((method) => method.metrics[name] !== undefined));
  return table(
    ['method', ...metrics, 'persona used'],
    methods.map(({ method, metrics: own, personaShare }) => [
      `\`${method}\``,
      ...metrics.map((name) => cell(own[name])),
      personaShare === null ? '–' : `${(personaShare * 100).toFixed(0)} %`,
    ]),
  );
}

function differenceTable({ methods, differences }: TaskSummary): string {
  const shown = [...new Set(differences.map(({ baseline }) => baseline))].map((baseline) => ({
    baseline,
    of: (method: string, metric: MetricName): string =>
      cell(
        differences.find((entry) => entry.baseline === baseline && entry.method === method && entry.metric === metric)
          ?.interval,
      ),
  }));
  return table(
    ['NLL of the method minus that of', ...shown.map(({ baseline }) => `\`${baseline}\``)],
    methods.map(({ method }) => [`\`${method}\``, ...shown.map(({ of }) => of(method, 'nll'))]),
  );
}

/** The cost of training for a user; no table where nothing was trained. */
function trainingTable({ task }: TaskSummary, { training }: Report): string[] {
  const own = training.filter((summary) => summary.task === task);
  if (own.length === 0) return [];
  const rows = own.map(({ method, users, kept, items, steps, seconds, bytes, difference }) => [
    `\`${method}\``,
    `${kept} of ${users}`,
    ...[items, steps, seconds].map((value) => value.toFixed(1)),
    bytes === null ? '–' : (bytes / 1024).toFixed(1),
    cell(difference ?? undefined),
  ]);
  return [table(['training for a user', 'kept', 'items', 'steps', 'seconds', 'KiB', 'NLL minus that of `none`'], rows)];
}

function cell(interval: Interval | undefined): string {
  if (interval === undefined) return '–';
  const { value, low, high } = interval;
  return low === null || high === null
    ? value.toFixed(3)
    : `${value.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`;
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [heads, heads.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
