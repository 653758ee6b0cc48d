// SIGKILL to the whole browser right after an import was acknowledged: it must be there when the profile is opened again.
import { expect, type Page, test } from '@playwright/test';
import { createKillableBrowser, type KillableBrowser } from './killable-browser.ts';

const address = `http://127.0.0.1:${process.env['PERSONA_PLUG_PAGES_PORT'] ?? '4300'}/e2e/history/`;

let browser: KillableBrowser;
test.beforeEach(async () => {
  browser = await createKillableBrowser('off');
});
test.afterEach(async () => {
  await browser.remove();
});

async function open(): Promise<Page> {
  const page = await browser.open(address);
  await page.waitForFunction(() => 'historyTestPage' in globalThis);
  return page;
}

test('an acknowledged import survives, vectors and all', async () => {
  const first = await open();
  const acknowledged = await first.evaluate(async () => {
    await historyTestPage.importItems('killed', 40, 'early');
    const text = await historyTestPage.exportAll('killed');
    await historyTestPage.importItems('killed', 3, 'last');
    return text;
  });
  await browser.kill();

  const second = await open();
  const after = await second.evaluate(async () => await historyTestPage.exportAll('killed'));
  const lines = after.trimEnd().split('\n');
  expect(lines).toHaveLength(43);
  expect(lines.filter((line) => line.includes('"last-'))).toHaveLength(3);
  expect(lines.filter((line) => line.includes('"early-')).join('\n')).toBe(acknowledged.trimEnd());
});

test('an import that was not acknowledged is there as a whole or not at all', async () => {
  const first = await open();
  await first.evaluate(async () => await historyTestPage.importItems('killed', 2, 'old'));
  void first.evaluate(async () => await historyTestPage.importItems('killed', 400, 'new')).catch(() => undefined);
  await first.waitForTimeout(60);
  await browser.kill();

  const second = await open();
  const counts = await second.evaluate(async () => await historyTestPage.countRecords('killed'));
  expect([2, 402]).toContain(counts['items']);
  expect(counts['vectors']).toBe(counts['items']);
});
