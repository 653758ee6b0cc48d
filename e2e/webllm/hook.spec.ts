// The hook in a real Chromium, on WebLLM as it is published. The model is loaded once (and once more for the reload test).
import { expect, test, type Page } from '@playwright/test';
import { testPage } from './pages.ts';

/** Rows equal to token embeddings run through the same kernels; only the concatenation could differ. */
const tolerance = 1e-5;

test.describe.configure({ mode: 'serial' });

let page: Page;

test.beforeAll(async ({ browser }) => {
  page = await browser.newPage();
  page.on('pageerror', (error) => console.error('[page]', error.message));
  await page.goto(testPage);
  const loaded = await page.evaluate(async () => {
    const { loadMilliseconds, facts } = await globalThis.hookScenarios();
    return { loadMilliseconds, facts: facts() };
  });
  console.log(`loaded in ${Math.round(loaded.loadMilliseconds)} ms`, loaded.facts);
});

test.afterAll(async () => await page.close());

test('rows that equal real token rows give the same logits', async () => {
  for (const scenario of ['rowsAmongIds', 'rowsFirstAndLast', 'chatMessage'] as const) {
    const { largest, promptTokens } = await page.evaluate(
      async (name) => await (await globalThis.hookScenarios())[name](),
      scenario,
    );
    console.log(`${scenario}: largest difference ${largest}`);
    expect.soft(largest, scenario).toBeLessThanOrEqual(tolerance);
    expect.soft(promptTokens[0], scenario).toBe(promptTokens[1]);
    expect.soft(promptTokens[0], scenario).toBeGreaterThan(1);
  }
});

test('300 rows across the border of a prefill chunk', async () => {
  const result = await page.evaluate(async () => await (await globalThis.hookScenarios()).rowsAcrossChunks());
  console.log(`rows across chunks: largest difference ${result.largest}`);
  expect(result.largest).toBeLessThanOrEqual(tolerance);
  expect(result.promptTokens).toEqual([312, 312]);
});

test('a second turn on a kept KV cache', async () => {
  const { words, rows, largest } = await page.evaluate(
    async () => await (await globalThis.hookScenarios()).secondTurn(),
  );
  expect(rows).toEqual(words);
  expect(rows.firstFinish).toBe('stop');
  // Only the second turn was run: the KV cache of the first one, with its rows, was kept.
  expect(rows.secondPromptTokens).toBeLessThan(rows.firstPromptTokens);
  expect(largest).toBeLessThanOrEqual(tolerance);
});

test('streaming gives the text of the whole answer', async () => {
  const { whole, streamed, chunks } = await page.evaluate(
    async () => await (await globalThis.hookScenarios()).streaming(),
  );
  expect(streamed).toBe(whole);
  expect(chunks).toBeGreaterThan(1);
});

test('100,000 registrations and releases neither leak nor leave the int32 range', async () => {
  const result = await page.evaluate(async () => await (await globalThis.hookScenarios()).manyRegistrations(100_000));
  expect(result.markers).toBe(100_000);
  expect(result.registered).toBe(0);
  expect(result.smallest).toBeGreaterThanOrEqual(-(2 ** 31));
  expect(result.after.largest).toBeLessThanOrEqual(tolerance);
});

test('misuse has an error with a code, and the next request is right', async () => {
  const results = await page.evaluate(async () => await (await globalThis.hookScenarios()).misuse());
  expect(Object.fromEntries(Object.entries(results).map(([name, { code }]) => [name, code]))).toEqual({
    'wrong width': 'invalid-prompt',
    'wrong width in register': 'invalid-prompt',
    NaN: 'invalid-prompt',
    infinity: 'invalid-prompt',
    released: 'closed',
    'released ids': 'closed',
    unknown: 'not-found',
    'of another hook': 'not-found',
    'cut marker': 'invalid-prompt',
    'second hook': 'invalid-argument',
    'too long': 'ContextWindowSizeExceededError',
  });
  for (const [name, { next }] of Object.entries(results)) expect.soft(next, name).toBeLessThanOrEqual(tolerance);
});

test('a marker in user text is removed', async () => {
  const result = await page.evaluate(async () => await (await globalThis.hookScenarios()).smuggledMarker());
  expect(result.hasDelimiters).toBe(false);
  expect(result.promptTokens[0]).toBe(result.promptTokens[1]);
  expect(result.next).toBeLessThanOrEqual(tolerance);
});

test('the hook still works after reload()', async () => {
  const result = await page.evaluate(async () => await (await globalThis.hookScenarios()).afterReload());
  expect(result.largest).toBeLessThanOrEqual(tolerance);
});

test('the example of the documentation runs', async () => {
  const answer = await page.evaluate(async () => await (await globalThis.hookScenarios()).documentedExample());
  expect(typeof answer).toBe('string');
});
