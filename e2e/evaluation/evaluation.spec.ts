// The evaluation measures the same in a real browser as in Node.
import { expect, test } from '@playwright/test';
import { evaluate, loadEvaluationModels, methods, type Prediction } from '../../src/evaluation/index.ts';
import { createFolderModelSource } from '../../src/model-package/folder-model-source.ts';
import { modelFolders } from '../../src/testing/golden/golden-models.ts';
import { tinyMethods, tinyTask } from './tiny-task.ts';

const address = `http://127.0.0.1:${process.env['PERSONA_PLUG_PAGES_PORT'] ?? '4300'}/e2e/evaluation/`;

async function measureInNode(): Promise<Prediction[]> {
  const source = createFolderModelSource(...modelFolders());
  await using loaded = await loadEvaluationModels({ models: source, device: 'wasm' });
  const chosen = methods.filter(({ name }) => tinyMethods.includes(name));
  const predictions: Prediction[] = [];
  const { models } = loaded;
  for await (const event of evaluate({ models, tasks: [tinyTask()], methods: chosen, split: 'all' })) {
    if (event.type === 'prediction') predictions.push(event.prediction);
  }
  return predictions;
}

test('a page and Node measure the same', async ({ page }) => {
  test.setTimeout(300_000);
  await page.goto(address);
  await page.waitForFunction(() => 'evaluationTestPage' in globalThis);
  const { predictions, summary } = await page.evaluate(async () => await evaluationTestPage.measure());
  const expected = await measureInNode();
  expect(predictions).toHaveLength(2 * tinyMethods.length);
  for (const [index, { nll, gate, ...rest }] of predictions.entries()) {
    const { nll: nllInNode, gate: gateInNode, ...others } = expected[index] ?? {};
    expect(rest).toEqual(others);
    // The same wasm kernels on the same machine, but another build of them for the vectors.
    expect(nll ?? 0).toBeCloseTo(nllInNode ?? Number.NaN, 3);
    expect(gate ?? 0).toBeCloseTo(gateInNode ?? 0, 4);
  }
  expect(summary).toMatchObject({ task: 'news_category', users: 2, queries: 2 });
  expect(summary.methods.map(({ method }) => method).sort()).toEqual(tinyMethods.toSorted());
});
