// The language model on onnxruntime-web in a real browser: parity with torch on wasm and WebGPU, streaming, abort.
import { expect, test, type Page } from '@playwright/test';
import type { DevicePreference } from '../../src/lib/device.ts';

const address = `http://127.0.0.1:${process.env['PERSONA_PLUG_PAGES_PORT'] ?? '4300'}/e2e/onnx/`;

test.beforeEach(async ({ page }) => {
  await page.goto(address);
  await page.waitForFunction(() => 'onnxTestPage' in globalThis);
});

/** Loads the model and compares golden cases, one line of figures each. */
async function compare(page: Page, device: DevicePreference, names: readonly string[], streamed: readonly string[]) {
  const loaded = await page.evaluate((wanted) => onnxTestPage.loadLanguageModel(wanted), device);
  expect(loaded.device.kind).toBe(device);
  console.log(`LLM on ${device}: loaded in ${loaded.milliseconds.toFixed(0)} ms`);
  for (const name of names) {
    const start = performance.now();
    const result = await page.evaluate(
      ([wanted, isStreamed]) => onnxTestPage.compareLanguageModel(wanted, isStreamed),
      [name, streamed.includes(name)] as const,
    );
    console.log(
      `  ${name}: largest error ${result.largestError.toExponential(1)} (${result.largestErrorInTolerances.toFixed(3)} of the tolerance), ` +
        `tokens ${result.tokens.join(' ')} (${(performance.now() - start).toFixed(0)} ms)`,
    );
    expect(result.largestErrorInTolerances, name).toBeLessThanOrEqual(1);
    expect(result.tokens, name).toEqual(result.expectedTokens);
  }
}

test('on wasm logits and greedy tokens are those of torch', async ({ page }) => {
  const names = await page.evaluate(() => onnxTestPage.goldenNames());
  expect(names.length).toBeGreaterThanOrEqual(6);
  await compare(page, 'wasm', names, names);
});

test('on WebGPU logits and greedy tokens are those of torch', async ({ page }) => {
  test.setTimeout(400_000);
  const names = await page.evaluate(() => onnxTestPage.goldenNames());
  // A software adapter prefills about 12 tokens a second: short prompts, and one whose rows lie across the end of a chunk.
  const wanted = names.filter((name) => name.startsWith('news_category') || name.startsWith('rows across'));
  expect(wanted.length).toBeGreaterThanOrEqual(3);
  await compare(
    page,
    'webgpu',
    wanted,
    wanted.filter((name) => name.endsWith('persona')),
  );
});

test('a device that is lost on WebGPU is an error with a code, and a model that is created again works', async ({
  page,
}) => {
  test.setTimeout(300_000);
  await page.evaluate(() => onnxTestPage.loadLanguageModel('webgpu'));
  expect(await page.evaluate(() => onnxTestPage.loseDevice())).toBe('device-lost');
  await page.evaluate(() => onnxTestPage.loadLanguageModel('webgpu'));
  const { tokens } = await page.evaluate(() => onnxTestPage.timeLanguageModel(2, 1));
  expect(tokens).toHaveLength(1);
});

test('an abort stops the stream within one token', async ({ page }) => {
  await page.evaluate(() => onnxTestPage.loadLanguageModel('wasm'));
  const { cameAfter, reason } = await page.evaluate(() => onnxTestPage.abortAfter(5));
  expect(reason).toBe('the reader has seen enough');
  expect(cameAfter).toBeLessThanOrEqual(1);
});

test('the times on wasm are printed', async ({ page }) => {
  const { milliseconds } = await page.evaluate(() => onnxTestPage.loadLanguageModel('wasm'));
  const first = await page.evaluate(() => onnxTestPage.timeLanguageModel(100, 20));
  const second = await page.evaluate(() => onnxTestPage.timeLanguageModel(100, 20));
  console.log(
    `LLM on wasm: load ${milliseconds.toFixed(0)} ms; 100-token prompt: first token ${first.firstToken.toFixed(0)} ms cold, ${second.firstToken.toFixed(0)} ms warm; ${second.perToken.toFixed(1)} ms a token`,
  );
  expect(second.tokens).toEqual(first.tokens);
});
