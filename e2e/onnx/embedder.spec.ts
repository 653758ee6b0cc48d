// The embedder in a real browser under the strict policy: wasm, and WebGPU forced (a software adapter on test machines).
import { expect, test } from '@playwright/test';

const address = `http://127.0.0.1:${process.env['PERSONA_PLUG_PAGES_PORT'] ?? '4300'}/e2e/onnx/`;

test.beforeEach(async ({ page }) => {
  await page.goto(address);
  await page.waitForFunction(() => 'onnxTestPage' in globalThis);
});

test('on wasm its vectors are those of the float32 model', async ({ page }) => {
  const { device, selfTest, milliseconds, stages } = await page.evaluate(() => onnxTestPage.loadEmbedder('wasm'));
  console.log(`embedder on wasm: loaded and self-tested in ${milliseconds.toFixed(0)} ms`, selfTest);
  expect(device.kind).toBe('wasm');
  expect(selfTest.passed).toBe(true);
  expect(stages).toEqual(['download', 'load', 'self-test']);
  const cosines = await page.evaluate(() => onnxTestPage.embedderCosines(512, 20));
  expect(cosines.length).toBeGreaterThanOrEqual(12);
  // 8-bit weights against float32: measured ≥ .995.
  expect(Math.min(...cosines)).toBeGreaterThanOrEqual(0.99);
});

test('on WebGPU its vectors are those of the float32 model', async ({ page }) => {
  // A software adapter takes about five seconds for 20 tokens.
  test.setTimeout(300_000);
  const { device, selfTest, milliseconds } = await page.evaluate(() => onnxTestPage.loadEmbedder('webgpu'));
  console.log(
    `embedder on WebGPU (${device.adapter}): loaded and self-tested in ${milliseconds.toFixed(0)} ms`,
    selfTest,
  );
  expect(device.kind).toBe('webgpu');
  expect(selfTest.passed).toBe(true);
  const cosines = await page.evaluate(() => onnxTestPage.embedderCosines(18, 3));
  expect(cosines.length).toBeGreaterThanOrEqual(2);
  expect(Math.min(...cosines)).toBeGreaterThanOrEqual(0.99);
});

test('auto takes wasm on a software adapter, and gives the reason', async ({ page }) => {
  const { device } = await page.evaluate(() => onnxTestPage.loadEmbedder('auto'));
  test.skip(device.adapter !== null && !device.isFallbackAdapter, 'this machine has a hardware adapter');
  expect(device).toMatchObject({ kind: 'wasm', isFallbackAdapter: true });
  expect(device.reason).toContain('software');
});
