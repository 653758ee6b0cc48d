// Adapters merged into WebLLM's weights on the GPU, against the losses of torch and of jax-js with the same numbers.
import { expect, type Page, test, type Worker } from '@playwright/test';
import { goldenIa3 } from '../../src/testing/golden/golden-ia3.ts';
import { goldenModels } from '../../src/testing/golden/golden-models.ts';
import { openGoldenTuning } from '../../src/testing/golden/golden-tuning.ts';
import { createExample } from '../../src/tuning/example.ts';
import { jaxGradientModel } from '../../src/tuning/jax/jax-gradient-model.ts';
import { loadJax } from '../../src/tuning/jax/load-jax.ts';
import { readLlamaWeights } from '../../src/tuning/llama-weights.ts';
import { testPage } from './pages.ts';

async function openWorker(page: Page): Promise<Worker> {
  await page.goto(testPage);
  const started = page.waitForEvent('worker');
  await page.evaluate(() => globalThis.startModelWorker());
  const worker = await started;
  await expect.poll(async () => await worker.evaluate(() => typeof globalThis.modelScenarios)).toBe('function');
  return worker;
}

test("a merged LoRA gives torch's loss, and without it every logit is as before, bit for bit", async ({ page }) => {
  const goldenCase = openGoldenTuning()?.cases.find(({ kind }) => kind === 'lora');
  if (goldenCase === undefined) throw new Error('research-models/golden holds no gradients of a LoRA: export it again');
  const worker = await openWorker(page);
  const ids = goldenCase.segments.flatMap((segment) => ('ids' in segment ? segment.ids : []));
  const { losses, refused, isUndone, isKept } = await worker.evaluate(
    async (asked) => await (await globalThis.modelScenarios()).adapter(asked),
    { kind: 'lora' as const, ids, answer: goldenCase.answer },
  );
  const [before = 0, merged = 0, after = 0] = losses;
  console.log(`loss ${before.toFixed(4)} without, ${merged.toFixed(4)} with (torch: ${goldenCase.loss.toFixed(4)})`);
  expect(Math.abs(merged - goldenCase.loss)).toBeLessThan(2e-3);
  expect(Math.abs(before - merged)).toBeGreaterThan(0.01);
  expect(after).toBe(before);
  expect(isUndone).toBe(true);
  expect(refused).toBe('model-mismatch');
  expect(isKept).toBe(true);
});

test("a merged (IA)³ gives jax-js's loss, and without it every logit is as before, bit for bit", async ({ page }) => {
  const ids = [1, 2, ...Array.from({ length: 20 }, (_, index) => 4 + ((index * 97) % 8000)), 3];
  const answer = [500, 600, 0];
  const expected = await ia3Loss(ids, answer);
  const worker = await openWorker(page);
  const { losses, refused, isUndone, isKept } = await worker.evaluate(
    async (asked) => await (await globalThis.modelScenarios()).adapter(asked),
    { kind: 'ia3' as const, ids, answer },
  );
  const [before = 0, merged = 0, after = 0] = losses;
  console.log(`loss ${before.toFixed(4)} without, ${merged.toFixed(4)} with (jax-js: ${expected.toFixed(4)})`);
  expect(Math.abs(merged - expected)).toBeLessThan(2e-3);
  expect(Math.abs(before - merged)).toBeGreaterThan(0.01);
  expect(after).toBe(before);
  expect(isUndone).toBe(true);
  expect(refused).toBe('model-mismatch');
  expect(isKept).toBe(true);
});

/** The loss of an answer with the golden vectors in jax-js, where they are not merged. */
async function ia3Loss(ids: number[], answer: number[]): Promise<number> {
  const weights = await readLlamaWeights(await goldenModels('nano-llm').source.open('nano-llm', 'language-model'));
  using model = jaxGradientModel(await loadJax('wasm'), weights);
  const example = createExample(weights, { prompt: [{ kind: 'ids', ids }], answer, trainableSegment: null });
  return await model.loss(example, goldenIa3(weights.shape));
}

test('after a lost device the model is loaded unmerged, and the adapter is merged again, bit for bit', async ({
  page,
}) => {
  const worker = await openWorker(page);
  const ids = [1, 2, ...Array.from({ length: 20 }, (_, index) => 4 + ((index * 97) % 8000)), 3];
  const found = await worker.evaluate(
    async (prompt) => await (await globalThis.modelScenarios()).adapterLoss(prompt),
    ids,
  );
  expect(found).toEqual({
    code: 'device-lost',
    isDifferent: true,
    isReloadUnmerged: true,
    isMergedAgain: true,
    isKeptOverLoss: true,
    isRightAfterBrokenAnswer: true,
    isTakenOut: true,
  });
});
