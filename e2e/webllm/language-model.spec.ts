// The WebLLM language model in a worker of a real Chromium. The model is loaded once, again after the device is lost, and once from an
// application's own record.
import { expect, test, type Page, type Worker } from '@playwright/test';
import { testPage } from './pages.ts';

test.describe.configure({ mode: 'serial' });

let page: Page;
let worker: Worker;
const requests: string[] = [];

test.beforeAll(async ({ browser }) => {
  page = await browser.newPage();
  page.on('pageerror', (error) => console.error('[page]', error.message));
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(testPage);
  const started = page.waitForEvent('worker');
  await page.evaluate(() => globalThis.startModelWorker());
  worker = await started;
  await expect.poll(async () => await worker.evaluate(() => typeof globalThis.modelScenarios)).toBe('function');
});

test.afterAll(async () => await page.close());

test('loads checked files, each fetched once, and leaves none behind', async () => {
  const facts = await worker.evaluate(async () => await (await globalThis.modelScenarios()).facts());
  console.log(`loaded in ${Math.round(facts.loadMilliseconds)} ms on ${facts.device.adapter}`);
  expect(facts.device).toMatchObject({ kind: 'webgpu', isFallbackAdapter: true });
  expect(facts.leftInCaches).toBe(0);
  expect(facts.loadSteps.at(-1)).toBe(100);
  expect(facts.loadSteps).toEqual(facts.loadSteps.toSorted((left, right) => left - right));
  for (const file of ['params_shard_0.bin', 'model.wasm', 'tokenizer.json']) {
    expect(
      requests.filter((url) => url.endsWith(`/${file}`)),
      file,
    ).toHaveLength(1);
  }
});

test('logits and greedy tokens are those of training', async () => {
  const golden = await worker.evaluate(async () => await (await globalThis.modelScenarios()).golden());
  expect(golden.results.length).toBeGreaterThan(0);
  expect(golden.decoded).toEqual(golden.expected);
  for (const { name, largest, beyond, tokens, margins, found } of golden.results) {
    console.log(`${name}: largest difference ${largest.toExponential(1)}, ${found.length} tokens`);
    // float32 sums in another order than torch's; a wrong kernel is off by 0.1 and more.
    expect.soft(beyond, name).toBeLessThanOrEqual(0);
    const unsure = margins.findIndex((margin) => margin < 10 * 2e-3);
    const sure = unsure < 0 ? tokens.length : unsure;
    expect.soft(found.slice(0, sure), name).toEqual(tokens.slice(0, sure));
  }
});

test('streams the text of the tokens, the same for the same prompt, and another one with rows', async () => {
  const { text, decoded, usage, isEqual, differs } = await worker.evaluate(
    async () => await (await globalThis.modelScenarios()).streaming(),
  );
  expect(text).toBe(decoded);
  expect(isEqual).toBe(true);
  expect(differs).toBe(true);
  expect(usage.promptTokens).toBeGreaterThan(8);
});

test('special tokens in a text are encoded as text', async () => {
  const { ids, differs } = await worker.evaluate(
    async () => await (await globalThis.modelScenarios()).specialTokensInText(),
  );
  expect(ids).not.toContain(0);
  expect(ids).not.toContain(3);
  expect(differs).toBe(true);
});

test('equal seeds give equal tokens', async () => {
  const { one, same, other } = await worker.evaluate(async () => await (await globalThis.modelScenarios()).sampling());
  expect(same).toEqual(one);
  expect(other).not.toEqual(one);
});

test('a logit bias changes the answer, and not the next one', async () => {
  const { word, plain, led, after } = await worker.evaluate(
    async () => await (await globalThis.modelScenarios()).logitBias(),
  );
  expect(led[0]).toBe(word);
  expect(led.slice(1)).not.toContain(word);
  expect(after).toEqual(plain);
});

test('a stop string ends the answer before it', async () => {
  const { free, stop, text, finishReason } = await worker.evaluate(
    async () => await (await globalThis.modelScenarios()).stopString(),
  );
  expect(text).toBe(free.slice(0, free.indexOf(stop)));
  expect(finishReason).toBe('stop-string');
});

test('choices are decoded greedily under their trie', async () => {
  const { text, expected, finishReason, isChoice } = await worker.evaluate(
    async () => await (await globalThis.modelScenarios()).choices(),
  );
  expect(isChoice).toBe(true);
  expect(text).toBe(expected);
  expect(finishReason).toBe('choice');
});

test('an abort stops within one token, with its reason, and the next answer is right', async () => {
  const result = await worker.evaluate(async () => await (await globalThis.modelScenarios()).abort());
  expect(result).toMatchObject({ isReason: true, already: 'reason', isNextRight: true });
  expect(result.afterAbort).toBeLessThanOrEqual(1);
  expect(result.count).toBeLessThanOrEqual(4);
});

test('requests wait for each other, and a dropped stream blocks none', async () => {
  const { isEqual } = await worker.evaluate(async () => await (await globalThis.modelScenarios()).concurrency());
  expect(isEqual).toBe(true);
});

test('bad prompts have errors with a code, and the next answer is right', async () => {
  const { codes, isNextRight } = await worker.evaluate(async () => await (await globalThis.modelScenarios()).misuse());
  for (const [name, code] of Object.entries(codes)) expect.soft(code, name).toBe('invalid-prompt');
  expect(isNextRight).toBe(true);
});

test('a damaged file is named before anything is loaded', async () => {
  const results = await worker.evaluate(async () => await (await globalThis.modelScenarios()).damagedFiles());
  for (const [file, found] of Object.entries(results)) {
    expect.soft(found, file).toEqual({ code: 'model-integrity', file: `nano-llm/${file}` });
  }
});

test('an abort during the load rejects with its reason', async () => {
  expect(await worker.evaluate(async () => await (await globalThis.modelScenarios()).loadAbort())).toBe('reason');
});

test('a lost device is reported, and the next call loads the model again', async () => {
  const result = await worker.evaluate(async () => await (await globalThis.modelScenarios()).deviceLoss());
  expect(result).toMatchObject({ code: 'device-lost', isNextRight: true });
});

test("an application's own model record, with SHA-256 sums of all its files", async () => {
  const result = await worker.evaluate(async () => await (await globalThis.modelScenarios()).ownRecord());
  expect(result).toMatchObject({ refused: 'model-integrity', isEqual: true });
});

test('closing ends the running answer, and no request went to another origin', async () => {
  expect(await worker.evaluate(async () => await (await globalThis.modelScenarios()).close())).toEqual({
    running: 'closed',
    after: 'closed',
  });
  const { origin } = new URL(testPage);
  expect(requests.filter((url) => new URL(url).origin !== origin)).toEqual([]);
});
