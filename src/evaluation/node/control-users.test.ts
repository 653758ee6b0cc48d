// The user whose history `irrelevant` uses must not depend on what else is measured: the whole command over three tiny tasks.
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { goldenModels, modelFolders } from '../../testing/golden/golden-models.ts';
import { type Prediction, predictionSchema } from '../prediction.ts';
import { readLines } from './json-lines.ts';
import { main } from './main.ts';

const { missing } = goldenModels('all-minilm-l6-v2', 'nano-llm', 'plug');
const models = modelFolders().flatMap((folder) => ['--models', path.resolve(folder)]);

/** Histories of another length in every task, so that the length shows which task a user is of. */
const lengths = { news_category: 3, news_headline: 4, paper_title: 5 } as const;

function writeTasks(): string {
  const folder = path.join(mkdtempSync(path.join(tmpdir(), 'control-users-')), 'tasks');
  mkdirSync(folder);
  for (const [task, length] of Object.entries(lengths)) {
    const lines = ['ann', 'bob', 'cat'].map((user) => {
      const items = Array.from({ length: length + 1 }, (_, index) => ({
        id: `${index}`,
        date: `2024-02-0${index + 1}`,
        input: `The ${user} club meets for the ${index + 1}. time.`,
        output: task === 'news_category' ? 'Politics' : `Meeting ${index + 1}`,
      }));
      return JSON.stringify({ user: `${user}-${task}`, items });
    });
    writeFileSync(path.join(folder, `${task}.jsonl`), lines.join('\n'));
  }
  return folder;
}

async function headlines(tasks: string, out: string, chosen: readonly string[]): Promise<Prediction[]> {
  const folder = path.join(tasks, '..', out);
  const argv = ['--tasks', tasks, ...chosen.flatMap((task) => ['--task', task]), '--split', 'all', '--queries', '1'];
  const code = await main([...argv, ...models, '--methods', 'irrelevant', '--no-generate', '--out', folder], {
    say: () => undefined,
    progress: () => undefined,
    signal: new AbortController().signal,
  });
  expect(code).toBe(0);
  const predictions = readLines(path.join(folder, 'predictions.jsonl'), predictionSchema, 'prediction');
  return predictions.filter(({ task }) => task === 'news_headline');
}

describe.skipIf(missing !== null)(`irrelevant histories${missing === null ? '' : ` (${missing})`}`, () => {
  test('are the same whichever tasks are measured', { timeout: 900_000 }, async () => {
    const tasks = writeTasks();
    const all = await headlines(tasks, 'all', []);
    expect(all.map(({ historySize }) => historySize)).toEqual([3, 3, 3]);
    expect(await headlines(tasks, 'two', ['news_headline', 'paper_title'])).toEqual(all);
    expect(await headlines(tasks, 'one', ['news_headline'])).toEqual(all);
  });
});
