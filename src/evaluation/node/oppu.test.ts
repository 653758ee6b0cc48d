// Adapters of single users in the whole command, over a tiny task file and the models that ship: what is trained, what it costs, what
// it changes, and that no adapter is trained twice.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { goldenModels, modelFolders } from '../../testing/golden/golden-models.ts';
import { type Prediction, predictionSchema } from '../prediction.ts';
import { type TrainingCost, trainingCostSchema } from '../training/training-cost.ts';
import { readLines } from './json-lines.ts';
import { main } from './main.ts';

const { missing } = goldenModels('all-minilm-l6-v2', 'nano-llm', 'plug');
const models = modelFolders().flatMap((folder) => ['--models', path.resolve(folder)]);

/** The method whose answers a method gives where nothing was trained, or where the trained rows have no place in the prompt. */
const untrained = {
  'oppu-prompt': 'none',
  'oppu-prompt-shuffled': 'none',
  'oppu-prompt+persona': 'persona',
  'oppu-lora': 'none',
  'oppu-lora+persona': 'persona',
  'oppu-lora+bm25-1': 'bm25-1',
} as const;

/** One user with a style that can be learnt, one with too few items. */
function writeTasks(): string {
  const folder = path.join(mkdtempSync(path.join(tmpdir(), 'oppu-')), 'tasks');
  mkdirSync(folder);
  const places = ['bridge', 'school', 'market', 'harbour', 'library', 'station', 'garden', 'theatre'];
  const itemsOf = (count: number) =>
    places.slice(0, count).map((place, index) => ({
      id: String(index),
      date: `2024-01-0${index + 1}`,
      input: `The ${place} opens again.`,
      output: `At last! The ${place}!`,
    }));
  const users = [
    { user: 'ann', items: itemsOf(8) },
    { user: 'bob', items: itemsOf(4) },
  ];
  writeFileSync(path.join(folder, 'news_headline.jsonl'), users.map((user) => JSON.stringify(user)).join('\n'));
  return folder;
}

describe.skipIf(missing !== null)(`oppu methods${missing === null ? '' : ` (${missing})`}`, () => {
  const tasks = writeTasks();
  const place = (name: string): string => path.join(tasks, '..', name);

  async function run(
    out: string,
    options: readonly string[] = [],
    stopAfter = Infinity,
  ): Promise<{ code: number; output: string; predictions: Prediction[]; costs: TrainingCost[] }> {
    const lines: string[] = [];
    const controller = new AbortController();
    const names = ['none', 'persona', 'bm25-1', ...Object.keys(untrained)];
    const argv = [...models, '--tasks', tasks, '--split', 'all', '--queries', '2', '--out', place(out)];
    const code = await main([...argv, '--methods', names.join(','), '--cache', place('cache'), ...options], {
      say: (sentence) => lines.push(sentence),
      progress(done) {
        if (done === stopAfter) controller.abort(new Error('stopped'));
      },
      signal: controller.signal,
    });
    return {
      code,
      output: lines.join('\n'),
      predictions: readLines(place(`${out}/predictions.jsonl`), predictionSchema, 'prediction'),
      costs: readLines(place(`${out}/costs.jsonl`), trainingCostSchema, 'cost'),
    };
  }

  test('each user has one adapter, reported with its cost and its gain', { timeout: 900_000 }, async () => {
    // Stopped when the first user's first query has been answered by all methods.
    const stopped = await run('out', [], 9);
    expect(stopped.code).toBe(130);
    expect(stopped.costs).toHaveLength(6);
    const kept = readdirSync(place('cache')).filter((name) => name.startsWith('tuning-'));

    const { code, output, predictions, costs } = await run('out');
    expect(code).toBe(0);
    expect(predictions).toHaveLength(2 * 2 * 9);
    expect(predictions.slice(0, 9)).toEqual(stopped.predictions);
    // No adapter is trained or reported twice.
    expect(costs.slice(0, 6)).toEqual(stopped.costs);
    expect(output).not.toContain('of ann on');
    const all = readdirSync(place('cache')).filter((name) => name.startsWith('tuning-'));
    // LoRA alone and LoRA with BM25 share one adapter, and so do ann's control and bob's own prompt.
    expect([kept.length, all.length]).toEqual([5, 9]);

    checkCosts(costs);
    checkAnswers(predictions, costs);
    checkReport(place('out'));

    // With an empty cache, the same numbers again.
    const methods = ['--methods', 'oppu-prompt', '--users', '1'];
    const again = await run('again', [...methods, '--cache', place('other-cache')]);
    const before = predictions.filter(({ user, method }) => user === 'ann' && method === 'oppu-prompt');
    expect(again.predictions).toEqual(before);
  });
});

const isControl = ({ method }: TrainingCost): boolean => method.endsWith('-shuffled');

function checkCosts(costs: readonly TrainingCost[]): void {
  const of = (user: string): TrainingCost[] => costs.filter((cost) => cost.user === user);
  expect(of('ann').map(({ method }) => method)).toEqual(Object.keys(untrained));
  for (const { items, seconds, steps, bytes, result, startLoss, loss } of of('ann').filter((one) => !isControl(one))) {
    // The items before the first query, not before the last.
    expect(items).toBe(6);
    expect(seconds).toBeGreaterThan(0);
    expect(steps).toBeGreaterThan(0);
    expect(bytes > 0).toBe(result === 'kept');
    if (result === 'kept') expect(loss).toBeLessThan(startLoss ?? 0);
  }
  // At least one adapter is kept, or the following would test nothing.
  expect(of('ann').filter(({ result }) => result === 'kept').length).toBeGreaterThan(0);
  expect(of('bob')).toHaveLength(6);
  // The control trains on the other user's items without those that hold the inputs of the user's own queries.
  expect(of('ann').find(isControl)).toMatchObject({ items: 2, result: 'too-few-items' });
  expect(of('bob').find(isControl)?.items).toBe(4);
  for (const cost of of('bob').filter((one) => !isControl(one)))
    expect(cost).toMatchObject({ items: 2, result: 'too-few-items', steps: 0, bytes: 0 });
}

function checkAnswers(predictions: readonly Prediction[], costs: readonly TrainingCost[]): void {
  for (const [method, base] of Object.entries(untrained)) {
    for (const { user, query, nll, isTuned, isPersonaUsed } of predictions.filter((one) => one.method === method)) {
      const plain = predictions.find((one) => one.user === user && one.query === query && one.method === base);
      const isKept = costs.some((cost) => cost.user === user && cost.method === method && cost.result === 'kept');
      // A soft prompt on top of a persona has no place where the gate is closed.
      const hasPlace = method !== 'oppu-prompt+persona' || isPersonaUsed === true;
      expect(isTuned, `${method} of ${user}`).toBe(isKept && hasPlace);
      if (isTuned === true) expect(nll, `${method} of ${user}`).not.toBe(plain?.nll);
      else expect(nll, `${method} of ${user}`).toBe(plain?.nll);
    }
  }
}

function checkReport(folder: string): void {
  const report = v.parse(
    v.object({ training: v.array(v.object({ method: v.string(), users: v.number(), seconds: v.number() })) }),
    JSON.parse(readFileSync(path.join(folder, 'report.json'), 'utf8')),
  );
  expect(report.training.map(({ method, users }) => [method, users])).toEqual(
    Object.keys(untrained).map((method) => [method, 2]),
  );
  const html = readFileSync(path.join(folder, 'report.html'), 'utf8');
  expect(html).toContain('<h3>Training');
  expect(html).not.toMatch(/NaN|undefined/u);
}
