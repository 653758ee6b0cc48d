// Training in a real browser: jax-js in a worker of its own under the strict policy, with what a person may do to it.
import { expect, type Page, test } from '@playwright/test';
import { seededRandom } from '../../src/lib/seeded-random.ts';
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

test('killed with SIGKILL at twenty random steps and resumed each time, it ends with the very same numbers', async () => {
  test.setTimeout(600_000);
  const seed = Number(process.env['PERSONA_PLUG_KILL_SEED'] ?? Date.now() % 1_000_000);
  const random = seededRandom(seed);
  const page = await open();
  const whole = await page.evaluate(async () => {
    await tuningTestPage.fill('whole', 8);
    await tuningTestPage.fill('killed', 8);
    return await tuningTestPage.runLong('whole', false);
  });
  expect(whole.state.trained).not.toBeNull();

  // The last steps are left out: while the signal is on its way the training goes on.
  const candidates = whole.steps.slice(0, -10);
  const kills = Array.from({ length: 20 }, () => candidates.splice(Math.floor(random() * candidates.length), 1))
    .flat()
    .toSorted((a, b) => a - b);
  console.log(`SIGKILL at steps ${kills.join(' ')} of ${whole.steps.length} (PERSONA_PLUG_KILL_SEED=${seed})`);
  expect(kills).toHaveLength(20);
  let before = 0;
  for (const [index, at] of kills.entries()) {
    const killed = index === 0 ? page : await open();
    const reached = await killed.evaluate(
      async ([step, isResumed]) => await tuningTestPage.runLongUntil('killed', step, isResumed),
      [at, index > 0] as const,
    );
    // Nothing that was seen is lost but the step whose checkpoint was not written yet: that one is done again.
    expect(reached.first, `resumed after the kill at ${before}`).toBeGreaterThanOrEqual(before);
    before = reached.step;
    // Anywhere between two steps: in a gradient, or while a checkpoint is written.
    await new Promise((resolve) => setTimeout(resolve, 100 * random()));
    await browser.kill();
  }
  const last = await open();
  const resumed = await last.evaluate(async () => await tuningTestPage.runLong('killed', true));
  expect(resumed.steps[0]).toBeGreaterThanOrEqual(before);
  expect(resumed.steps.at(-1)).toBe(whole.steps.at(-1));
  expect(resumed.state, `killed at ${kills.join(' ')}`).toEqual(whole.state);
});

test('paused it keeps its place, given up it leaves no trace, and the page stays responsive', async () => {
  const page = await open();
  await page.evaluate(async () => await tuningTestPage.fill('ends'));
  const paused = await page.evaluate(async () => await tuningTestPage.run('ends', 'pause'));
  expect(paused.events.at(-1)).toMatchObject({ type: 'end', outcome: { type: 'paused' } });
  expect(paused.state).toMatchObject({ trained: null, records: 1 });
  expect(paused.longestGap).toBeLessThan(1_000);
  const abandoned = await page.evaluate(async () => await tuningTestPage.run('ends', 'abort'));
  expect(abandoned.thrown).toBe('enough');
  expect(abandoned.state).toEqual({ trained: null, records: 0 });
});

test('a history is trained on once at a time, in all tabs', async () => {
  const page = await open();
  await page.evaluate(async () => await tuningTestPage.fill('two'));
  expect(await page.evaluate(async () => await tuningTestPage.second('two'))).toEqual({
    same: 'invalid-argument',
    other: 'storage-blocked',
  });
});

for (const [kind, peftType, rate] of [
  ['lora', 'LORA', 0.003],
  ['ia3', 'IA3', 0.03],
] as const) {
  test(`what was trained as ${kind} is listed, taken out for peft, and deleted`, async () => {
    const page = await open();
    const result = await page.evaluate(
      async (asked) => {
        await tuningTestPage.fill(asked.kind);
        return await tuningTestPage.adapter(asked.kind, asked.kind, asked.rate);
      },
      { kind, rate },
    );
    expect(result).toMatchObject({
      stored: [{ kind, state: 'ready', stale: null, base: 'persona', result: { pass: expect.any(Number) } }],
      peftType,
      isDropped: true,
      left: [],
    });
  });
}

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
