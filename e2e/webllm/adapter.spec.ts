// A personal LoRA merged into WebLLM's weights on the GPU, held to the loss that torch has with the same matrices.
import { expect, type Page, test, type Worker } from '@playwright/test';
import { openGoldenTuning } from '../../src/testing/golden-tuning.ts';
import { testPage } from './pages.ts';

async function openWorker(page: Page): Promise<Worker> {
  await page.goto(testPage);
  const started = page.waitForEvent('worker');
  await page.evaluate(() => globalThis.startModelWorker());
  const worker = await started;
  await expect.poll(async () => await worker.evaluate(() => typeof globalThis.modelScenarios)).toBe('function');
  return worker;
}

test('merged it is the model that torch has, and taken out every logit is what it was, bit for bit', async ({
  page,
}) => {
  const goldenCase = openGoldenTuning()?.cases.find(({ kind }) => kind === 'lora');
  if (goldenCase === undefined) throw new Error('models/golden holds no gradients of a LoRA: export it again');
  const worker = await openWorker(page);
  const ids = goldenCase.segments.flatMap((segment) => ('ids' in segment ? segment.ids : []));
  const { losses, refused, isUndone, isKept } = await worker.evaluate(
    async ([prompt, answer]) => await (await globalThis.modelScenarios()).adapter(prompt, answer),
    [ids, goldenCase.answer] as [number[], number[]],
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

test('a lost device takes the merged adapter with it: loaded anew the model is unmerged, and merges again, bit for bit', async ({
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
