// SIGKILL to the whole browser right after an import was acknowledged: it must be there when the profile is opened again.
import { mkdtemp, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type BrowserContext, chromium, expect, type Page, test } from '@playwright/test';
import { browserFlags, findBrowser } from '../../scripts/browser.mjs';

const address = `http://127.0.0.1:${process.env['PERSONA_PLUG_PAGES_PORT'] ?? '4300'}/e2e/history/`;

let profile = '';
test.beforeEach(async () => {
  profile = await mkdtemp(path.join(tmpdir(), 'persona-plug-profile-'));
});
test.afterEach(async () => {
  await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
});

async function open(): Promise<{ context: BrowserContext; page: Page }> {
  const executablePath = findBrowser();
  const context = await chromium.launchPersistentContext(profile, {
    ...(executablePath === null ? {} : { executablePath }),
    args: browserFlags('off'),
  });
  const page = await context.newPage();
  await page.goto(address);
  await page.waitForFunction(() => 'historyTestPage' in globalThis);
  return { context, page };
}

/** The browser's own process: Chromium's lock on its profile names it (`host-pid`). */
async function processOf(): Promise<number> {
  const target = await readlink(path.join(profile, 'SingletonLock'));
  return Number(target.slice(target.lastIndexOf('-') + 1));
}

/** SIGKILL leaves the browser no moment to write anything. */
async function kill(pid: number): Promise<void> {
  process.kill(pid, 'SIGKILL');
  for (let attempt = 0; attempt < 100; attempt++) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`process ${pid} outlived SIGKILL`);
}

test('an acknowledged import survives, vectors and all', async () => {
  const first = await open();
  const acknowledged = await first.page.evaluate(async () => {
    await historyTestPage.importItems('killed', 40, 'early');
    const text = await historyTestPage.exportAll('killed');
    await historyTestPage.importItems('killed', 3, 'last');
    return text;
  });
  await kill(await processOf());
  await first.context.close().catch(() => undefined);
  await rm(path.join(profile, 'SingletonLock'), { force: true });

  const second = await open();
  const after = await second.page.evaluate(async () => await historyTestPage.exportAll('killed'));
  await second.context.close();
  const lines = after.trimEnd().split('\n');
  expect(lines).toHaveLength(43);
  expect(lines.filter((line) => line.includes('"last-'))).toHaveLength(3);
  expect(lines.filter((line) => line.includes('"early-')).join('\n')).toBe(acknowledged.trimEnd());
});

test('an import that was not acknowledged is there as a whole or not at all', async () => {
  const first = await open();
  await first.page.evaluate(async () => await historyTestPage.importItems('killed', 2, 'old'));
  void first.page.evaluate(async () => await historyTestPage.importItems('killed', 400, 'new')).catch(() => undefined);
  await first.page.waitForTimeout(60);
  await kill(await processOf());
  await first.context.close().catch(() => undefined);
  await rm(path.join(profile, 'SingletonLock'), { force: true });

  const second = await open();
  const counts = await second.page.evaluate(async () => await historyTestPage.countRecords('killed'));
  await second.context.close();
  expect([2, 402]).toContain(counts['items']);
  expect(counts['vectors']).toBe(counts['items']);
});
