// The plots of a task, each with a caption that says what it shows. The tables hold the same numbers.
import type { Interval } from '../../metrics/bootstrap.ts';
import type { MetricName } from '../../../tasks/task-metrics.ts';
import type { TaskSummary } from '../../summary/summarize.ts';
import { draw, Plot } from './draw.ts';

/** An SVG with its caption, and a name for its file. */
export interface Figure {
  readonly name: string;
  readonly caption: string;
  readonly svg: string;
}

interface Bar {
  readonly name: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

const accent = '#4269d0';
const warning = '#d1495b';

function barOf(name: string, { value, low, high }: Interval): Bar {
  return { name, value, low: low ?? value, high: high ?? value };
}

/** All plots of a task for which there are numbers. */
export function figuresOf(task: TaskSummary): Figure[] {
  return [...methodFigures(task), ...gainFigures(task), ...gateFigures(task), ...newUserFigures(task)];
}

/** Every method's likelihood, and what it gains over the prompt alone. */
function methodFigures({ task, methods, differences }: TaskSummary): Figure[] {
  const own = methods.flatMap(({ method, metrics: { nll } }) => (nll === undefined ? [] : [barOf(method, nll)]));
  const toNone = differences
    .filter(({ baseline, metric }) => baseline === 'none' && metric === 'nll')
    .map(({ method, interval }) => barOf(method, interval));
  return [
    ...(own.length === 0
      ? []
      : [
          {
            name: 'nll',
            caption:
              'Negative log-likelihood of the gold answer, nats an answer, with its interval. Further left is better.',
            svg: intervals(`Negative log-likelihood by method on ${task}`, own, '← better · nats an answer', null),
          },
        ]),
    ...(toNone.length === 0
      ? []
      : [
          {
            name: 'difference-to-none',
            caption: 'Paired difference to the prompt alone. Left of the line the method is better than no history.',
            svg: intervals(`Difference to none by method on ${task}`, toNone, '← better than none · nats an answer', 0),
          },
        ]),
  ];
}

function intervals(description: string, bars: readonly Bar[], label: string, reference: number | null): string {
  return draw(description, {
    marginLeft: 140,
    height: 60 + 24 * bars.length,
    x: { label, labelArrow: 'none', grid: true },
    y: { label: null, domain: bars.map(({ name }) => name) },
    marks: [
      ...(reference === null ? [] : [Plot.ruleX([reference], { stroke: 'currentColor', strokeOpacity: 0.5 })]),
      Plot.ruleY(bars, { x1: 'low', x2: 'high', y: 'name', stroke: accent, strokeWidth: 2 }),
      Plot.dot(bars, { x: 'value', y: 'name', fill: accent, r: 4 }),
    ],
  });
}

/** The persona's gain by how many items there were, and by user. */
function gainFigures({ task, gainByHistorySize, gainByUser }: TaskSummary): Figure[] {
  const bins = gainByHistorySize.map(({ from, to, gain }) => barOf(from === to ? `${from}` : `${from}–${to}`, gain));
  const users = gainByUser.map(({ gain }, index) => ({ rank: index + 1, gain }));
  if (bins.length === 0) return [];
  return [
    {
      name: 'gain-by-history-size',
      caption: "The gain of the user's persona over the prompt alone, by the number of items in the history.",
      svg: draw(`Gain by history size on ${task}`, {
        height: 320,
        x: { label: 'items before the query', domain: bins.map(({ name }) => name), type: 'point' },
        y: { label: '↑ gain, nats an answer', grid: true },
        marks: [
          Plot.ruleY([0], { stroke: 'currentColor', strokeOpacity: 0.5 }),
          Plot.ruleX(bins, { x: 'name', y1: 'low', y2: 'high', stroke: accent, strokeWidth: 2 }),
          Plot.dot(bins, { x: 'name', y: 'value', fill: accent, r: 4 }),
        ],
      }),
    },
    {
      name: 'gain-by-user',
      caption: `The gain of the persona for each user: ${users.filter(({ gain }) => gain > 0).length} of ${users.length} users gain.`,
      svg: draw(`Gain by user on ${task}`, {
        height: 260,
        x: { label: 'users, by their gain →', ticks: [] },
        y: { label: '↑ mean gain, nats an answer', grid: true },
        marks: [
          Plot.ruleY([0], { stroke: 'currentColor', strokeOpacity: 0.5 }),
          Plot.ruleX(users, {
            x: 'rank',
            y: 'gain',
            stroke: ({ gain }: { gain: number }) => (gain > 0 ? accent : warning),
            strokeWidth: Math.max(1, Math.min(12, 500 / users.length)),
          }),
        ],
      }),
    },
  ];
}

const decisionNames = ['kept rightly', 'kept wrongly', 'kept', 'dropped rightly', 'dropped wrongly', 'dropped'];
const decisionColours = [accent, warning, '#9aa7c7', '#6cc5b0', '#efb118', '#b9d8d0'];

/** How well the gate's value predicts a gain, and what the gate decided for each kind of history. */
function gateFigures({ task, gate }: TaskSummary): Figure[] {
  if (gate === null) return [];
  const points = gate.calibration.map((bin) => ({ ...barOf('', bin.helped), gate: bin.gate }));
  const parts = gate.decisions.flatMap(({ history, kept, keptWrongly, dropped, droppedWrongly }) => [
    ...partsOf(history, 'kept', kept, keptWrongly),
    ...partsOf(history, 'dropped', dropped, droppedWrongly),
  ]);
  const calibration: Figure = {
    name: 'gate-calibration',
    caption:
      "The gate's value (tenths of the queries) against the share of queries where the user's persona beat the prompt alone.",
    svg: draw(`Calibration of the gate on ${task}`, {
      width: 420,
      height: 380,
      x: { label: 'gate →', domain: [0, 1], grid: true },
      y: { label: '↑ persona beat none', domain: [0, 1], grid: true },
      marks: [
        Plot.line(
          [
            [0, 0],
            [1, 1],
          ],
          { stroke: 'currentColor', strokeOpacity: 0.5, strokeDasharray: '4 4' },
        ),
        Plot.ruleX(points, { x: 'gate', y1: 'low', y2: 'high', stroke: accent, strokeWidth: 2 }),
        Plot.dot(points, { x: 'gate', y: 'value', fill: accent, r: 4 }),
      ],
    }),
  };
  const decisions: Figure = {
    name: 'gate-decisions',
    caption:
      'Decisions of the gate for each kind of history. Wrongly: the other decision would have given the better likelihood.',
    svg: draw(`Decisions of the gate on ${task}`, {
      marginLeft: 90,
      height: 70 + 36 * gate.decisions.length,
      x: { label: 'share of queries →', domain: [0, 1], percent: false },
      y: { label: null, domain: gate.decisions.map(({ history }) => history) },
      color: { domain: decisionNames, range: decisionColours },
      marks: [
        Plot.barX(parts, { x: 'share', y: 'history', fill: 'decision' }),
        Plot.text(
          parts.filter(({ share }) => share >= 0.14),
          Plot.stackX({
            x: 'share',
            y: 'history',
            z: 'decision',
            text: ({ decision, share }: Part) => `${decision} ${(share * 100).toFixed(0)} %`,
            fill: 'white',
            stroke: '#333',
            strokeWidth: 3,
          }),
        ),
      ],
    }),
  };
  return points.length === 0 ? [decisions] : [calibration, decisions];
}

interface Part {
  readonly history: string;
  readonly decision: string;
  readonly share: number;
}

function partsOf(history: string, name: 'kept' | 'dropped', all: number, wrongly: number | null): Part[] {
  const parts =
    wrongly === null
      ? [{ history, decision: name, share: all }]
      : [
          { history, decision: `${name} rightly`, share: all - wrongly },
          { history, decision: `${name} wrongly`, share: wrongly },
        ];
  return parts.filter(({ share }) => share > 0);
}

/** The metrics of a new user, by number of items. */
function newUserFigures({ task, newUser }: TaskSummary): Figure[] {
  const shown: readonly (readonly [MetricName, string])[] = [
    ['nll', '↓ nats an answer'],
    ['accuracy', '↑ accuracy'],
    ['mae', '↓ mean absolute error'],
    ['rouge1', '↑ ROUGE-1'],
  ];
  return shown.flatMap(([metric, label]) => {
    const points = newUser.flatMap(({ items, metrics }) => {
      const interval = metrics[metric];
      return interval === undefined ? [] : [barOf(String(items), interval)];
    });
    if (points.length < 2) return [];
    return [
      {
        name: `new-user-${metric}`,
        caption: `The persona of the user's newest items only: ${metric} by the number of these items (0: no history).`,
        svg: draw(`${metric} by newest items on ${task}`, {
          height: 280,
          marginLeft: 60,
          x: { label: 'newest items →', domain: points.map(({ name }) => name), type: 'point' },
          y: { label, grid: true },
          marks: [
            Plot.line(points, { x: 'name', y: 'value', stroke: accent }),
            Plot.ruleX(points, { x: 'name', y1: 'low', y2: 'high', stroke: accent, strokeWidth: 2 }),
            Plot.dot(points, { x: 'name', y: 'value', fill: accent, r: 4 }),
          ],
        }),
      },
    ];
  });
}
