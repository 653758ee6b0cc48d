// The LLM on onnxruntime-web in a real browser: parity with torch on wasm and WebGPU, streaming, abort.
import { expect, test } from '@playwright/test';
import type { DevicePreference } from '../../src/lib/device.ts';

const address = `http://127.0.0.1:${process.env['PERSONA_PLUG_PAGES_PORT'] ?? '4300'}/e2e/onnx/`;

test.beforeEach(async ({ page }) => {
  await page.goto(address);
  await page.waitForFunction(() => 'onnxTestPage' in globalThis);
});

const devices: readonly { device: DevicePreference; greedyTokens: number }[] = [
  { device: 'wasm', greedyTokens: 16 },
  // A software adapter decodes some ten tokens a second.
  { device: 'webgpu', greedyTokens: 6 },
];

for (const { device, greedyTokens } of devices) {
  test(`on ${device} logits and greedy tokens are those of torch`, async ({ page }) => {
    const loaded = await page.evaluate((wanted) => onnxTestPage.loadLanguageModel(wanted), device);
    expect(loaded.device.kind).toBe(device);
    const results = await page.evaluate((tokens) => onnxTestPage.compareLanguageModel(tokens), greedyTokens);
    console.log(`LLM on ${device}: loaded in ${loaded.milliseconds.toFixed(0)} ms`);
    for (const { name, largestError, largestErrorInTolerances, expectedTokens } of results) {
      console.log(
        `  ${name}: largest error ${largestError.toExponential(1)} (${largestErrorInTolerances.toFixed(3)} tolerances), ${expectedTokens.length} decisive tokens`,
      );
    }
    expect(results.length).toBeGreaterThanOrEqual(6);
    for (const result of results) {
      expect(result.largestErrorInTolerances, result.name).toBeLessThanOrEqual(1);
      expect(result.tokens, result.name).toEqual(result.expectedTokens);
    }
    expect(results.some(({ expectedTokens }) => expectedTokens.length > 0)).toBe(true);
  });
}

test('an abort stops the stream within one token', async ({ page }) => {
  await page.evaluate(() => onnxTestPage.loadLanguageModel('wasm'));
  const { came, reason } = await page.evaluate(() => onnxTestPage.abortAfter(5));
  expect(reason).toBe('the reader has seen enough');
  expect(came).toBeGreaterThanOrEqual(5);
  expect(came).toBeLessThanOrEqual(7);
});

test('the times on wasm are told', async ({ page }) => {
  const { milliseconds } = await page.evaluate(() => onnxTestPage.loadLanguageModel('wasm'));
  const first = await page.evaluate(() => onnxTestPage.timeLanguageModel(100, 20));
  const second = await page.evaluate(() => onnxTestPage.timeLanguageModel(100, 20));
  console.log(
    `LLM on wasm: load ${milliseconds.toFixed(0)} ms; 100-token prompt: first token ${first.firstToken.toFixed(0)} ms cold, ${second.firstToken.toFixed(0)} ms warm; ${second.perToken.toFixed(1)} ms a token`,
  );
  expect(second.tokens).toEqual(first.tokens);
});
