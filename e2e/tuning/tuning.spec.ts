// Tuning in a real browser: jax-js in a worker of its own under the strict policy, with what a person may do to it.
import { expect, type Page, test } from '@playwright/test';
import { createKillableBrowser, type KillableBrowser } from '../history/killable-browser.ts';

const address = `http://127.0.0.1:${process.env['PERSONA_PLUG_PAGES_PORT'] ?? '4300'}/e2e/tuning/`;

let browser: KillableBrowser;
test.beforeEach(async () => {
  browser = await createKillableBrowser('off');
});
test.afterEach(async () => {
  await browser.remove();
});

async function open(): Promise<Page> {
  const page = await browser.open(address);
  await page.waitForFunction(() => 'tuningTestPage' in globalThis);
  return page;
}

test('killed with SIGKILL at a random step and resumed, it ends with the very same numbers', async () => {
  const first = await open();
  const whole = await first.evaluate(async () => {
    await tuningTestPage.fill('whole');
    return await tuningTestPage.run('whole', 'done');
  });
  expect(whole.events.at(-1)).toMatchObject({ type: 'end', outcome: { type: 'done' } });
  expect(whole.state.done).not.toBeNull();

  const at = 2 + Math.floor(Math.random() * 10);
  await first.evaluate(async (step) => {
    await tuningTestPage.fill('killed');
    await tuningTestPage.runUntil('killed', step);
  }, at);
  await browser.kill();

  const second = await open();
  const resumed = await second.evaluate(async () => await tuningTestPage.run('killed', 'done', true));
  const firstStep = resumed.events.find(({ type }) => type === 'step');
  // The step whose checkpoint was not written yet is done again.
  expect(firstStep).toMatchObject({ step: expect.any(Number) });
  if (firstStep?.type === 'step') expect([at, at + 1]).toContain(firstStep.step);
  expect(resumed.state, `killed at step ${at}`).toEqual(whole.state);
});

test('paused it keeps its place, given up it leaves no trace, and the page stays responsive', async () => {
  const page = await open();
  await page.evaluate(async () => await tuningTestPage.fill('ends'));
  const paused = await page.evaluate(async () => await tuningTestPage.run('ends', 'pause'));
  expect(paused.events.at(-1)).toMatchObject({ type: 'end', outcome: { type: 'paused' } });
  expect(paused.state).toMatchObject({ done: null, records: 1 });
  expect(paused.longestGap).toBeLessThan(1_000);
  const abandoned = await page.evaluate(async () => await tuningTestPage.run('ends', 'abort'));
  expect(abandoned.thrown).toBe('enough');
  expect(abandoned.state).toEqual({ done: null, records: 0 });
});

test('two tabs do not train on one history at once', async () => {
  const page = await open();
  await page.evaluate(async () => await tuningTestPage.fill('two'));
  expect(await page.evaluate(async () => await tuningTestPage.second('two'))).toBe('storage-blocked');
});

test('a LoRA is listed, taken out for peft, and deleted', async () => {
  const page = await open();
  await page.evaluate(async () => await tuningTestPage.fill('lora'));
  const result = await page.evaluate(async () => await tuningTestPage.lora('lora'));
  expect(result).toMatchObject({
    stored: [{ kind: 'lora', state: 'done', items: 6, description: { base: 'persona' } }],
    peftType: 'LORA',
    isDropped: true,
    left: [],
  });
});

test('WebGPU trains as wasm does', async () => {
  await browser.remove();
  browser = await createKillableBrowser('software');
  const page = await open();
  const [wasm, webgpu] = await page.evaluate(async () => {
    await tuningTestPage.fill('wasm');
    await tuningTestPage.fill('webgpu');
    return [await tuningTestPage.losses('wasm', 'wasm'), await tuningTestPage.losses('webgpu', 'webgpu')];
  });
  console.log(
    `losses on wasm ${wasm.map((loss) => loss.toFixed(4)).join(' ')}, on WebGPU ${webgpu.map((loss) => loss.toFixed(4)).join(' ')}`,
  );
  expect(webgpu).toHaveLength(wasm.length);
  // Adam turns a rounding error of a tiny gradient into a whole step: losses stay near, parameters need not.
  for (const [index, loss] of wasm.entries()) expect(Math.abs((webgpu[index] ?? Infinity) - loss)).toBeLessThan(0.02);
});
