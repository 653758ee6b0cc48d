// The page as a visitor has it: by keyboard alone, by a screen reader's rules, in both colour schemes.
import { AxeBuilder } from '@axe-core/playwright';
import { expect, type Locator, type Page, test } from '@playwright/test';
import { site, waitUntilReady } from './demo-browser.ts';

const address = `${site}?embedder=wasm&llm=wasm`;

/** Presses Tab until the element with this name has the focus. */
async function tabTo(page: Page, name: RegExp): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate(() => {
      const element = document.activeElement;
      if (element === null) return '';
      const labels =
        element instanceof HTMLInputElement || element instanceof HTMLSelectElement ? element.labels : null;
      return element.getAttribute('aria-label') ?? labels?.[0]?.textContent ?? element.textContent ?? '';
    });
    if (name.test(focused)) return;
  }
  throw new Error(`Tab never reaches ${String(name)}.`);
}

function historyPanel(page: Page): Locator {
  return page.getByRole('region', { name: 'Your history' });
}

const history = ['A boat', 'A goat', 'A coat', 'A moat']
  .map((input, index) =>
    JSON.stringify({
      id: `${index}`,
      date: `2024-01-0${index + 1}`,
      task: 'news_headline',
      input,
      output: `${input}: What Now`,
    }),
  )
  .join('\n');

test('everything can be done by keyboard', async ({ page }) => {
  await page.goto(address);
  await waitUntilReady(page);
  const chooser = page.waitForEvent('filechooser');
  await tabTo(page, /Import a file/);
  await page.keyboard.press('Space');
  await (
    await chooser
  ).setFiles({ name: 'mine.jsonl', mimeType: 'application/x-ndjson', buffer: Buffer.from(history) });
  await expect(historyPanel(page)).toHaveAttribute('data-items', '4');

  await tabTo(page, /Task/);
  await tabTo(page, /^$/);
  await page.keyboard.type('A boat is late.');
  await page.keyboard.press('Control+Enter');
  await expect(page.locator('#answer-persona')).toHaveAttribute('data-state', 'done');
  const weights = page.getByRole('region', { name: 'What drove it' }).getByRole('listitem');
  await expect(weights).toHaveCount(4);
  await tabTo(page, /^Forget: /);
  await page.keyboard.press('Enter');
  await expect(weights).toHaveCount(3);

  await page.evaluate(() => document.querySelector<HTMLElement>('.skip')?.focus());
  await tabTo(page, /Forget everything/);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(historyPanel(page)).toHaveAttribute('data-items', '3');
  await page.keyboard.press('Enter');
  await tabTo(page, /Forget everything/);
  await page.keyboard.press('Enter');
  await expect(historyPanel(page)).toHaveAttribute('data-items', '0');
});

test('earlier items can be shown in the prompt, and stand beside the answer', async ({ page }) => {
  await page.goto(address);
  await waitUntilReady(page);
  await page.evaluate(async (text) => await globalThis.personaPlugDemo?.importText(text), history);
  const method = page.getByLabel('Earlier items in the prompt');
  await expect(page.getByLabel('How many')).toHaveCount(0);
  await method.selectOption('Same words (BM25)');
  await page.getByLabel('How many').selectOption('4');
  await page.getByLabel('The new input').fill('A coat');
  await page.getByRole('button', { name: 'Answer twice' }).click();
  await expect(page.locator('#answer-persona')).toHaveAttribute('data-state', 'done');
  const shown = page.getByRole('region', { name: 'Shown in the prompt' }).getByRole('listitem');
  await expect(shown).toHaveCount(4);
  await expect(shown.first()).toContainText('A coat: What Now');
  await expect(shown.first()).toContainText(/BM25 \d+\.\d\d/u);
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);

  // What is forgotten is gone from the prompt too.
  await page.getByRole('button', { name: /^Forget: A coat/u }).click();
  await expect(shown).toHaveCount(3);
  await expect(shown.filter({ hasText: 'A coat' })).toHaveCount(0);

  await method.selectOption('None');
  await page.getByRole('button', { name: 'Answer twice' }).click();
  await expect(page.locator('#answer-persona')).toHaveAttribute('data-state', 'done');
  await expect(shown).toHaveCount(0);
});

test('a wrong line is named, and nothing is imported', async ({ page }) => {
  await page.goto(address);
  await waitUntilReady(page);
  await page.locator('input[type=file]').setInputFiles({
    name: 'broken.jsonl',
    mimeType: 'application/x-ndjson',
    buffer: Buffer.from(`${history}\n{"task": "news_headline"}`),
  });
  const alert = page.getByRole('alert');
  await expect(alert).toContainText('broken.jsonl');
  await expect(alert).toContainText('invalid-import');
  await expect(alert).toContainText(/line 5/i);
  await expect(historyPanel(page)).toHaveAttribute('data-items', '0');
});

test('an unknown device in the address is named', async ({ page }) => {
  await page.goto(`${site}?llm=quantum`);
  const alert = page.getByRole('alert');
  await expect(alert).toContainText('invalid-argument');
  await expect(alert).toContainText('llm=quantum');
  await expect(alert.getByRole('button', { name: 'Load again' })).toBeVisible();
});

test('an export is a file that another browser can import', async ({ page }) => {
  await page.goto(address);
  await waitUntilReady(page);
  await page.evaluate(async (text) => await globalThis.personaPlugDemo?.importText(text), history);
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export' }).click();
  const stream = await (await download).createReadStream();
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  expect(text.trimEnd().split('\n')).toHaveLength(4);
  const again = await page.evaluate(async (jsonl) => await globalThis.personaPlugDemo?.importText(jsonl), text);
  expect(again).toMatchObject({ ok: true, result: { added: 0, replaced: 0, unchanged: 4 } });
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`axe finds nothing (${colorScheme})`, async ({ page }, testInfo) => {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.goto(address);
    await waitUntilReady(page);
    expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
    await page.evaluate(async (text) => await globalThis.personaPlugDemo?.importText(text), history);
    await page.evaluate(
      async () => await globalThis.personaPlugDemo?.ask({ task: 'news_headline', input: 'A boat is late.' }),
    );
    await page.evaluate(async () => await fetch('https://example.invalid/').catch(() => undefined));
    await historyPanel(page).locator('summary').click();
    await expect(page.getByRole('region', { name: 'Requests' }).getByRole('listitem')).toHaveCount(1);
    expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
    await page.screenshot({ path: testInfo.outputPath(`${colorScheme}.png`), fullPage: true });
    await page.getByRole('button', { name: 'Forget everything' }).click();
    expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
  });
}
