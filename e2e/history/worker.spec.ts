// The worker border in a real browser: dedicated and shared workers, and what a page learns of a worker's death.
import { expect, test } from '@playwright/test';

const address = `http://127.0.0.1:${process.env['PERSONA_PLUG_PAGES_PORT'] ?? '4300'}/e2e/history/`;

test.beforeEach(async ({ page }) => {
  await page.goto(address);
  await page.waitForFunction(() => 'historyTestPage' in globalThis);
});

test('a dedicated worker serves a Personalizer', async ({ page }) => {
  const result = await page.evaluate(async () => await historyTestPage.worker('works'));
  expect(result).toEqual({ items: 1, events: ['explanation', 'delta', 'end'] });
});

test('a shared worker serves several clients', async ({ page }) => {
  expect(await page.evaluate(async () => await historyTestPage.sharedWorker())).toEqual({ seen: 1, still: 1 });
});

test('a page that goes away in the middle of an answer holds up nobody', async ({ page, context }) => {
  const other = await context.newPage();
  await other.goto(address);
  await other.waitForFunction(() => 'historyTestPage' in globalThis);
  await other.evaluate(async () => await historyTestPage.startSlowAnswer());
  const answering = page.evaluate(async () => await historyTestPage.sharedAnswer());
  await page.waitForTimeout(500);
  await other.close();
  // The slow answer alone would take forty seconds.
  expect((await answering).milliseconds).toBeLessThan(10_000);
});

test('pending and later calls of a terminated worker reject with a clear error', async ({ page }) => {
  const result = await page.evaluate(async () => await historyTestPage.worker('terminated'));
  expect(result).toMatchObject({
    pending: { ok: false, code: 'closed' },
    later: { ok: false, code: 'closed' },
  });
});

test('a worker file that is not there is a clear error', async ({ page }) => {
  const result = await page.evaluate(async () => await historyTestPage.worker('absent'));
  expect(result).toMatchObject({ ok: false, code: 'closed' });
});
