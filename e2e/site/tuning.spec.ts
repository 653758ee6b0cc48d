// The training panel, used by clicks: with its progress, its result in figures, and the way to delete it.
import { AxeBuilder } from '@axe-core/playwright';
import { expect, type Locator, type Page, test } from '@playwright/test';
import { site, toJsonl, waitUntilReady } from './demo-browser.ts';
import { importText } from './page-calls.ts';

const places = ['bridge', 'school', 'market', 'harbour', 'library', 'station', 'museum', 'garden'];
const history = places.map((place, index) => ({
  id: `i${index}`,
  date: `2024-01-0${index + 1}`,
  task: 'news_headline',
  input: `The ${place} opens again.`,
  output: `At last! The ${place}!`,
}));

async function open(page: Page, length = history.length): Promise<Locator> {
  await page.goto(`${site}?embedder=wasm&llm=wasm`);
  await waitUntilReady(page);
  await importText(page, toJsonl(history.slice(0, length)));
  return page.getByRole('region', { name: 'Train on my items' });
}

test('a personal prompt is trained, paused, resumed, used and deleted', async ({ page }, testInfo) => {
  const panel = await open(page);
  await panel.getByLabel('Passes, at most').selectOption('4');
  // The page's own thread stays free meanwhile.
  await page.evaluate(() => {
    let beat = performance.now();
    const gaps = { longest: 0 };
    setInterval(() => {
      gaps.longest = Math.max(gaps.longest, performance.now() - beat);
      beat = performance.now();
    }, 5);
    Object.assign(globalThis, { gaps });
  });
  await panel.getByRole('button', { name: 'Train a personal prompt' }).press('Enter');
  await expect(panel.getByRole('progressbar')).toBeVisible();
  await expect(panel.getByText(/^Step \d+ of \d+/u)).toBeVisible({ timeout: 60_000 });
  await expect(panel.getByRole('img', { name: /Loss curve/u })).toBeVisible();
  await expect(panel.getByRole('button', { name: 'Pause' })).toBeFocused();
  await panel.getByRole('button', { name: 'Pause' }).press('Enter');
  await panel.getByRole('button', { name: 'Resume' }).click();
  const kept = panel.getByRole('article', { name: 'Kept: personal prompt' });
  await expect(kept).toContainText(/\d\.\d{3} before, \d\.\d{3} after/u, { timeout: 90_000 });
  await expect(kept).toContainText(/6 trained on, 1 held out/u);
  await expect(kept).toContainText('KiB');
  const longest = await page.evaluate(() => (globalThis as unknown as { gaps: { longest: number } }).gaps.longest);
  expect(longest).toBeLessThan(2_000);
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
  await panel.screenshot({ path: testInfo.outputPath('kept.png') });

  // It is there for the next visit, and in the answers as long as it is there.
  await page.reload();
  await waitUntilReady(page);
  await expect(kept).toContainText(/\d\.\d{3} before/u);
  await page.getByLabel('The new input').fill('The boat opens again.');
  await page.getByRole('button', { name: 'Answer twice' }).click();
  await expect(page.locator('#answer-persona')).toHaveAttribute('data-state', 'done', { timeout: 60_000 });
  const isOpen = (await page.locator('.gate').getAttribute('data-open')) === 'true';
  await expect(page.getByRole('region', { name: 'The two answers' })).toHaveAttribute(
    'data-adapters',
    isOpen ? 'prompt' : '',
  );
  await panel.getByRole('button', { name: 'Delete the personal prompt' }).click();
  await expect(kept).toHaveCount(0);
  expect(await page.evaluate(() => globalThis.personaPlugDemo?.requests().foreign)).toEqual([]);
});

test('too few items are refused, and what is stopped leaves nothing', async ({ page }) => {
  const panel = await open(page, 3);
  await panel.getByRole('button', { name: 'Train a personal prompt' }).click();
  await expect(panel.getByRole('alert')).toContainText('invalid-argument', { timeout: 60_000 });
  await panel.getByRole('button', { name: 'Dismiss' }).click();

  await importText(page, toJsonl(history));
  for (const [kind, button] of [
    ['lora', 'Train a LoRA'],
    ['ia3', 'Train an (IA)³'],
  ] as const) {
    await panel.getByLabel('What is trained').selectOption(kind);
    await panel.getByRole('button', { name: button }).click();
    await expect(panel.getByText(/^Step \d+ of \d+/u)).toBeVisible({ timeout: 60_000 });
    await panel.getByRole('button', { name: 'Stop and keep nothing' }).click();
    await expect(panel.getByRole('progressbar')).toHaveCount(0);
    await expect(panel.getByRole('article')).toHaveCount(0);
  }
});

test('a forgotten item switches what was trained on it off, to be trained again or deleted by click', async ({
  page,
}, testInfo) => {
  const panel = await open(page);
  // Who never trained loads nothing for it.
  const scripts = async (): Promise<string[]> =>
    await page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name));
  expect((await scripts()).filter((name) => /\/training[\w.-]*\.js/u.test(name))).toEqual([]);
  await panel.getByRole('button', { name: 'Train a personal prompt' }).click();
  const kept = panel.getByRole('article', { name: 'Kept: personal prompt' });
  await expect(kept).toContainText(/6 trained on, 1 held out/u, { timeout: 120_000 });
  await page.evaluate(async () => await globalThis.personaPlugDemo?.forget('i3'));
  const stale = panel.getByRole('article', { name: 'Stale: personal prompt' });
  await expect(stale).toHaveAttribute('data-reason', 'forgotten');
  await expect(stale).toContainText(/\b7 of its items\b/u);
  await expect(kept).toHaveCount(0);
  // Its losses follow from the item, too.
  await expect(panel.getByRole('img', { name: /Loss curve/u })).toHaveCount(0);
  await page.getByRole('button', { name: 'Dismiss' }).click();
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
    await panel.screenshot({ path: testInfo.outputPath(`stale-${colorScheme}.png`) });
  }

  // The offer is there for the next visit; training again takes its place.
  await page.reload();
  await waitUntilReady(page);
  await stale.getByRole('button', { name: 'Train the personal prompt again' }).click();
  await expect(kept).toContainText(/5 trained on, 1 held out/u, { timeout: 120_000 });
  await expect(stale).toHaveCount(0);

  await page.evaluate(async () => await globalThis.personaPlugDemo?.forget('i4'));
  await stale.getByRole('button', { name: 'Delete the stale personal prompt' }).click();
  await expect(stale).toHaveCount(0);
  await expect(panel.getByRole('article')).toHaveCount(0);
});

test('a worker that the browser does not start is told of in the panel', async ({ page }) => {
  await page.addInitScript(() => {
    const Original = globalThis.Worker;
    globalThis.Worker = class extends Original {
      constructor(address: string | URL, options?: WorkerOptions) {
        if (options?.name === 'training') throw new DOMException('No more workers.', 'SecurityError');
        super(address, options);
      }
    };
  });
  const panel = await open(page);
  await panel.getByRole('button', { name: 'Train a personal prompt' }).click();
  const alert = panel.getByRole('alert');
  await expect(alert).toContainText('runtime-failed');
  await expect(alert).toContainText('No more workers.');
  await panel.getByRole('button', { name: 'Dismiss' }).click();
  await expect(panel.getByRole('button', { name: 'Train a personal prompt' })).toBeEnabled();
});
