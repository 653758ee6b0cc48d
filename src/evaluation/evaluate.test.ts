// `evaluate` over queries that are written here, with the models that ship.
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { createFolderModelSource } from '../model-package/folder-model-source.ts';
import { goldenModels, modelFolders } from '../testing/golden/golden-models.ts';
import type { EvaluationTask } from './data/evaluation-task.ts';
import { evaluate, type EvaluationEvent } from './evaluate.ts';
import type { EvaluationModels } from './evaluation-models.ts';
import { type LoadedEvaluationModels, loadEvaluationModels } from './load-evaluation-models.ts';
import type { Method } from './method.ts';
import { none } from './methods/none.ts';
import { personaOpen } from './methods/persona-open.ts';
import { oppu, oppuShuffled } from './methods/oppu.ts';

const { missing } = goldenModels('all-minilm-l6-v2', 'nano-llm', 'plug');

/** One user with one query, and a history with the dates that are given. */
function taskWith(queryDate: string | null, dates: readonly (string | null)[]): EvaluationTask {
  const history = dates.map((date, index) => ({
    id: `${index}`,
    date,
    task: 'news_headline',
    input: `The ${['bridge', 'school', 'market'][index % 3]} opens again.`,
    output: ['At last! A bridge!', 'No school like it.', 'Markets, markets'][index % 3] ?? '',
  }));
  const query = { id: 'q', date: queryDate, input: 'The harbour opens again.', output: 'At last! A harbour!', history };
  const users = [{ user: 'ann', queries: [query] }];
  return { task: 'news_headline', source: 'here', origin: 'rebuilt', kind: 'text', choices: null, users };
}

describe.skipIf(missing !== null)(`evaluate${missing === null ? '' : ` (${missing})`}`, () => {
  let loaded: LoadedEvaluationModels;
  beforeAll(async () => {
    const models = createFolderModelSource(...modelFolders());
    loaded = await loadEvaluationModels({ models, device: 'wasm' });
  }, 120_000);
  afterAll(() => loaded[Symbol.asyncDispose]());
  afterEach(() => {
    vi.useRealTimers();
  });

  async function run(
    task: EvaluationTask,
    methods: readonly Method[],
    models: EvaluationModels = loaded.models,
  ): Promise<EvaluationEvent[]> {
    const events: EvaluationEvent[] = [];
    for await (const event of evaluate({ models, tasks: [task], methods, split: 'all' })) events.push(event);
    return events;
  }

  async function nllOn(day: string, task: EvaluationTask): Promise<number | null> {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date(day) });
    const last = (await run(task, [personaOpen])).at(-1);
    return last?.type === 'prediction' ? last.prediction.nll : null;
  }

  test('the numbers of an undated query do not depend on the day of the run', { timeout: 120_000 }, async () => {
    const histories = [
      ['2018-01-01', '2021-06-01', '2023-12-31'],
      [null, '2021-06-01', null],
      [null, null, null],
    ];
    for (const dates of histories) {
      const first = await nllOn('2024-01-01', taskWith(null, dates));
      expect(first).toBeGreaterThan(0);
      expect(await nllOn('2050-07-31', taskWith(null, dates)), dates.join()).toBe(first);
    }
    // Where there are dates they do matter, or the comparison above would show nothing.
    const [dates = []] = histories;
    const at = await nllOn('2024-01-01', taskWith('2024-01-01', dates));
    expect(await nllOn('2024-01-01', taskWith('2050-07-31', dates))).not.toBe(at);
    expect(await nllOn('2050-07-31', taskWith('2024-01-01', dates))).toBe(at);
  });

  test('a LoRA is skipped, with the reason, on a graph that takes none', { timeout: 120_000 }, async () => {
    const { models } = loaded;
    const languageModels = new Map(
      [...models.languageModels].map(([name, { model, ...rest }]) => [
        name,
        { ...rest, model: { ...model, adapterKinds: [] } },
      ]),
    );
    const task = taskWith(null, [null, null, null]);
    const methods = [none, oppu('lora'), oppu('lora', 'bm25-4'), oppu('prompt')];
    const events = await run(task, methods, { ...models, languageModels });
    const skipped = events.filter((event) => event.type === 'skipped');
    expect(skipped.map(({ method }) => method)).toEqual(['oppu-lora', 'oppu-lora+bm25-4']);
    expect(skipped[0]?.reason).toMatch(/nano-llm .*lora/u);
    // The other methods are measured; three items are too few to train on.
    const measured = events.flatMap((event) => (event.type === 'prediction' ? [event.prediction] : []));
    expect(measured.map(({ method, nll }) => [method, nll])).toEqual([
      ['none', measured[0]?.nll],
      ['oppu-prompt', measured[0]?.nll],
    ]);
  });

  test('a control is skipped where there is no other user', async () => {
    const [event] = await run(taskWith(null, [null]), [oppuShuffled('prompt'), none]);
    expect(event).toMatchObject({ type: 'skipped', method: 'oppu-prompt-shuffled' });
  });
});
