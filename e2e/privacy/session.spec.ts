// A whole session, recorded outside of the browser: only GETs without a body, of build and model files.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@playwright/test';
import { proxyFlags, startRecordingProxy } from '../../scripts/recording-proxy.mjs';
import { DemoBrowser, site } from '../site/demo-browser.ts';

const samples = fileURLToPath(new URL('../../public/samples/', import.meta.url));

/** Files of the build, of the models, and the samples that a click fetches. */
const known =
  /^\/(?:|favicon\.svg|assets\/[\w.-]+|samples\/[\w-]+\.jsonl|models\/index\.json|models\/[\w.-]+\/resolve\/[0-9a-f]{16}\/[\w.-]+)$/;

test('import, ask, forget, export: the recorder sees only GETs of build and model files', async () => {
  const history = (await readFile(path.join(samples, 'news-desk.jsonl'), 'utf8')).split('\n').slice(0, 16).join('\n');
  const proxy = await startRecordingProxy(site);
  await using browser = await DemoBrowser.create();
  const { page } = await browser.open({ webgpu: 'off', query: '', flags: proxyFlags(proxy) });
  expect(proxy.requests.length).toBeGreaterThan(10);
  await page.locator('input[type=file]').setInputFiles({
    name: 'mine.jsonl',
    mimeType: 'application/x-ndjson',
    buffer: Buffer.from(history),
  });
  await expect(page.getByText(/^16 items/u)).toBeVisible({ timeout: 60_000 });
  await page.getByLabel('The new input').fill('The ferry with my secret on board is late.');
  await page.getByRole('button', { name: 'Answer twice' }).click();
  await expect(page.locator('#answer-persona')).toHaveAttribute('data-state', 'done', { timeout: 60_000 });
  await page
    .getByRole('button', { name: /^Forget: / })
    .first()
    .click();
  await expect(page.getByText(/^15 items/u)).toBeVisible();
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export' }).click();
  await download;
  await page.getByRole('button', { name: 'Forget everything' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Forget everything' }).click();
  await expect(page.getByText(/^0 items/u)).toBeVisible();
  await page.waitForTimeout(1_000);

  expect(proxy.foreign()).toEqual([]);
  for (const { method, url, bodyBytes } of proxy.requests) {
    expect([method, bodyBytes]).toEqual(['GET', 0]);
    const { pathname, search } = new URL(url);
    expect(pathname).toMatch(known);
    expect(search.replace(/^\?$/, '')).toBe('');
  }
  await proxy.close();
});
