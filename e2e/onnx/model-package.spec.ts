// Model files in a real browser: kept in the Cache API, checked at each read, and fetched again when the cached copy is damaged.
import { createHash } from 'node:crypto';
import { expect, test } from '@playwright/test';

const address = `http://127.0.0.1:${process.env['PERSONA_PLUG_PAGES_PORT'] ?? '4300'}/e2e/onnx/`;
const file = 'self-test.json';

test.beforeEach(async ({ page }) => {
  await page.goto(address);
  await page.waitForFunction(() => 'onnxTestPage' in globalThis);
});

test('a cached file is not fetched again unless it is damaged', async ({ page }) => {
  const fetched: string[] = [];
  page.on('request', (request) => void (request.url().endsWith(file) && fetched.push(request.url())));
  const read = () => page.evaluate((path) => onnxTestPage.readModelFile(path), file);
  const first = await read();
  expect(first).toEqual({ bytes: expect.any(Number) });
  expect(await read()).toEqual(first);
  expect(fetched).toHaveLength(1);
  expect(await page.evaluate((path) => onnxTestPage.damageKeptFile(path), file)).toBe(1);
  expect(await read()).toEqual(first);
  expect(fetched).toHaveLength(2);
  expect(await read()).toEqual(first);
  expect(fetched).toHaveLength(2);
});

test('a file that is damaged on the server is named, with both hashes', async ({ page }) => {
  const damaged = '{"texts":[],"vectors":[]}';
  await page.route(`**/${file}`, (route) => route.fulfill({ body: damaged, contentType: 'application/json' }));
  expect(await page.evaluate((path) => onnxTestPage.readModelFile(path), file)).toEqual({
    code: 'model-integrity',
    details: {
      file: `all-minilm-l6-v2/${file}`,
      expected: expect.stringMatching(/^[0-9a-f]{64}$/),
      found: createHash('sha256').update(damaged).digest('hex'),
      expectedBytes: expect.any(Number),
      foundBytes: damaged.length,
    },
  });
});

test('the page sends only GETs without a body, to its own origin', async ({ page }) => {
  const others: string[] = [];
  page.on('request', (request) => {
    const isPlain = request.method() === 'GET' && request.postData() === null;
    if (!isPlain || new URL(request.url()).origin !== new URL(address).origin)
      others.push(`${request.method()} ${request.url()}`);
  });
  await page.evaluate(() => onnxTestPage.loadEmbedder('wasm'));
  await page.evaluate(() => onnxTestPage.loadLanguageModel('wasm'));
  expect(others).toEqual([]);
});
