// The whole command over a tiny task file, with the models that ship: a killed run can be continued, and the report is complete.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { goldenModels, modelFolders } from '../../testing/golden/golden-models.ts';
import { keyOf, type Prediction, predictionSchema } from '../prediction.ts';
import { main } from './main.ts';

const { missing } = goldenModels('all-minilm-l6-v2', 'nano-llm', 'plug');
const models = modelFolders().flatMap((folder) => ['--models', path.resolve(folder)]);
const repository = fileURLToPath(new URL('../../..', import.meta.url));

/** Three users with six articles each, written here. */
const articles = {
  ann: ['Politics', 'a vote on the harbour bill', 'the mayor and the bridge', 'a speech on taxes'],
  bob: ['Food & Drink', 'bread without kneading', 'soup for cold days', 'the best plums'],
  cat: ['Sports', 'the derby ends in a draw', 'a new coach', 'the longest race'],
} as const;

function writeTasks(): string {
  const folder = path.join(mkdtempSync(path.join(tmpdir(), 'evaluate-')), 'tasks');
  mkdirSync(folder);
  const line = (user: string, outputOf: (input: string, index: number) => string): string => {
    const [, ...inputs] = articles[user as keyof typeof articles];
    const items = [...inputs, ...inputs.map((input) => `${input}, again`)].map((input, index) => ({
      id: String(index),
      date: `2020-01-0${index + 1}`,
      input,
      output: outputOf(input, index),
    }));
    return JSON.stringify({ user, items });
  };
  const users = Object.keys(articles);
  const lines = users.map((user) => line(user, () => articles[user as keyof typeof articles][0]));
  writeFileSync(path.join(folder, 'news_category.jsonl'), lines.join('\n'));
  const titles = users.map((user) => line(user, (input, index) => `${input} (${index})`));
  writeFileSync(path.join(folder, 'news_headline.jsonl'), titles.join('\n'));
  return folder;
}

async function run(
  argv: readonly string[],
  signal = new AbortController().signal,
): Promise<{ code: number; output: string }> {
  const lines: string[] = [];
  const code = await main([...models, ...argv], {
    say: (sentence) => lines.push(sentence),
    progress: () => undefined,
    signal,
  });
  return { code, output: lines.join('\n') };
}

function predictionsOf(folder: string): Prediction[] {
  const text = readFileSync(path.join(folder, 'predictions.jsonl'), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => v.parse(predictionSchema, JSON.parse(line)));
}

const sorted = (predictions: readonly Prediction[]): Prediction[] =>
  predictions.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));

/** Starts the command in a process of its own and kills it when it has written some lines. */
async function runAndKill(argv: readonly string[], out: string): Promise<number> {
  const child = spawn(process.execPath, ['scripts/evaluate.mjs', ...models, ...argv], {
    cwd: repository,
    stdio: 'ignore',
  });
  const ended = new Promise<void>((resolve) => {
    child.on('close', () => resolve());
  });
  const file = path.join(out, 'predictions.jsonl');
  const lines = (): number => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0);
  while (lines() < 5 && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 10));
  child.kill('SIGKILL');
  await ended;
  return lines();
}

describe.skipIf(missing !== null)(`npm run evaluate${missing === null ? '' : ` (${missing})`}`, () => {
  test('a killed run that is continued has the same predictions, and a report', { timeout: 900_000 }, async () => {
    const tasks = writeTasks();
    const methods =
      'none,persona,shuffled,bm25-1,profile,neighbours,persona-open,shuffled-open,empty,irrelevant,instruction';
    const argv = (out: string): string[] => [
      '--tasks',
      tasks,
      '--split',
      'all',
      '--queries',
      '2',
      '--methods',
      methods,
      '--history-sizes',
      '0,2',
      '--generated-queries',
      '2',
      '--cache',
      path.join(tasks, '../cache'),
      '--out',
      out,
    ];
    const [whole, killed] = [path.join(tasks, '../whole'), path.join(tasks, '../killed')];
    const { code, output } = await run(argv(whole));
    expect(code).toBe(0);
    const expected = predictionsOf(whole);
    // 2 tasks, 3 users, 2 queries; `instruction` is measured only where its package is there.
    const measured = new Set(expected.map(({ method }) => method));
    expect(expected).toHaveLength(12 * measured.size);
    expect([...measured]).toEqual(
      expect.arrayContaining([...methods.split(',').slice(0, -1), 'persona@0', 'persona@2']),
    );
    if (!measured.has('instruction')) expect(output).toMatch(/instruction .*news_category.*plug-instruction/u);

    const before = await runAndKill(argv(killed), killed);
    expect(before).toBeGreaterThanOrEqual(5);
    expect(before).toBeLessThan(expected.length);
    const again = await run(argv(killed));
    expect(again.output).toMatch(new RegExp(`^${expected.length} .*[1-9]`, 'mu'));
    expect(sorted(predictionsOf(killed))).toEqual(sorted(expected));

    checkPredictions(expected);
    checkReport(whole);
    await expect(run([...argv(whole), '--seed', '1'])).rejects.toMatchObject({
      code: 'invalid-argument',
      details: { settings: 'seed' },
    });
  });

  test('Ctrl-C keeps the predictions that were made', { timeout: 300_000 }, async () => {
    const tasks = writeTasks();
    const out = path.join(tasks, '../stopped');
    const controller = new AbortController();
    const argv = [...models, '--tasks', tasks, '--split', 'all', '--methods', 'none,persona', '--out', out];
    const code = await main(argv, {
      say: () => undefined,
      progress: (done) => {
        if (done === 3) controller.abort(new Error('stopped'));
      },
      signal: controller.signal,
    });
    expect(code).toBe(130);
    expect(predictionsOf(out)).toHaveLength(3);
  });

  test('wrong arguments are refused by name', { timeout: 120_000 }, async () => {
    const tasks = writeTasks();
    const out = path.join(tasks, '../out');
    const wrong: readonly (readonly [readonly string[], string, RegExp])[] = [
      [['--tasks', tasks], 'invalid-argument', /--out .*npm run evaluate/su],
      [['--tasks', tasks, '--out', out, '--methods', 'magic'], 'invalid-argument', /magic.*none, /u],
      [['--tasks', tasks, '--out', out, '--task', 'movie_tag'], 'not-found', /movie_tag.*news_category\.jsonl/u],
      [['--tasks', path.join(tasks, 'absent'), '--out', out], 'not-found', /absent.*--tasks/u],
      [['--tasks', tasks, '--out', out, '--plug', 'x=/absent'], 'model-missing', /x .*\/absent.*NAME=DIR/u],
    ];
    for (const [argv, code, named] of wrong)
      await expect(run(argv)).rejects.toMatchObject({ code, message: expect.stringMatching(named) });
  });
});

function checkPredictions(predictions: readonly Prediction[]): void {
  const of = (method: string): Prediction[] => predictions.filter((prediction) => prediction.method === method);
  for (const [index, none] of of('none').entries()) {
    // An empty history gives exactly the numbers of no history.
    expect(of('empty')[index]).toMatchObject({ query: none.query, nll: none.nll, gate: 0, isPersonaUsed: false });
    expect(of('persona@0')[index]?.nll).toBe(none.nll);
  }
  for (const [index, gated] of of('persona').entries()) {
    expect(gated.historySize).toBeGreaterThanOrEqual(4);
    const open = of('persona-open')[index];
    expect(open?.gate).toBe(gated.gate);
    expect(gated.nll).toBe((gated.isPersonaUsed === true ? open : of('none')[index])?.nll);
  }
  const [choices, text] = ['news_category', 'news_headline'].map((task) =>
    predictions.filter((one) => one.task === task),
  );
  expect(choices?.every(({ answer }) => typeof answer === 'string')).toBe(true);
  expect(new Set(text?.filter(({ answer }) => answer !== undefined).map(({ user, query }) => user + query)).size).toBe(
    2,
  );
  expect(text?.filter(({ method }) => method === 'neighbours').every(({ nll }) => nll === null)).toBe(true);
}

function checkReport(folder: string): void {
  const html = readFileSync(path.join(folder, 'report.html'), 'utf8');
  expect(html).toContain('LaMP-shaped tasks rebuilt from public sources');
  // The file loads nothing: no script, and no address but those of the SVG namespace.
  expect(html).not.toMatch(/<script|<link|<img|src=|@import|url\((?!#)/u);
  expect(
    [...html.matchAll(/https?:\/\/[^"'\s<]+/gu)]
      .map(([address]) => address)
      .filter((address) => !address.startsWith('http://www.w3.org/')),
  ).toEqual([]);
  // Per task: two of methods, two of gains, two of the gate, new user.
  expect(html.match(/<figure><svg/gu)?.length).toBeGreaterThanOrEqual(14);
  expect(html).not.toMatch(/NaN|undefined/u);
  const markdown = readFileSync(path.join(folder, 'report.md'), 'utf8');
  const plots = [...markdown.matchAll(/\]\((plots\/[^)]+\.svg)\)/gu)].map(([, plot]) => plot ?? '');
  expect(plots.length).toBeGreaterThanOrEqual(14);
  for (const plot of plots) expect(readFileSync(path.join(folder, plot), 'utf8')).toMatch(/^<svg[^>]+xmlns=/u);
  const report = JSON.parse(readFileSync(path.join(folder, 'report.json'), 'utf8'));
  expect(report).toMatchObject({
    confidence: 0.99,
    draws: 10_000,
    tasks: [
      { queries: 6, users: 3 },
      { queries: 6, users: 3 },
    ],
  });
}
