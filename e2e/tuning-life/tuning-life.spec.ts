// What happens to adapters: items are forgotten, tabs hide and watch, disks fill, loops are left, answers go first.
import { expect, type Page, test } from '@playwright/test';
import { createKillableBrowser, type KillableBrowser } from '../history/killable-browser.ts';

const origin = `http://127.0.0.1:${process.env['PERSONA_PLUG_PAGES_PORT'] ?? '4300'}`;
const address = `${origin}/e2e/tuning-life/`;

/** Two cores and a model that trains: nothing here is measured. */
const patience = { timeout: 120_000 };

let browser: KillableBrowser;
test.beforeEach(async () => {
  browser = await createKillableBrowser('off');
});
test.afterEach(async () => {
  await browser.remove();
});

async function open(): Promise<Page> {
  return await ready(await browser.open(address));
}

async function ready(page: Page): Promise<Page> {
  await page.waitForFunction(() => 'tuningLifePage' in globalThis);
  return page;
}

test('forgetting erases an adapter in the same step, also when the browser is killed meanwhile', async () => {
  const seen: string[] = [];
  for (const wait of [0, 1, 2, 4, 8, 16]) {
    const name = `killed after ${wait}`;
    const first = await open();
    await first.evaluate(async (name) => {
      await tuningLifePage.fill(name);
      await tuningLifePage.keepReady(name, ['i1', 'i2']);
    }, name);
    void first.evaluate(async (name) => await tuningLifePage.forget(name, 'i1'), name).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, wait));
    await browser.kill();
    const second = await open();
    const rest = await second.evaluate(async (name) => await tuningLifePage.rest(name, 'i1'), name);
    const [before, after] = [
      { isItemThere: true, state: 'ready', bytes: 200_000, knowsItem: true, settings: true },
      { isItemThere: false, state: 'stale', bytes: 0, knowsItem: false, settings: true },
    ];
    expect([before, after]).toContainEqual(rest);
    seen.push(JSON.stringify(rest) === JSON.stringify(after) ? 'forgotten' : 'not yet');
    await browser.kill();
  }
  console.log(`killed while forgetting, after 0 to 16 ms: ${seen.join(', ')}`);
});

test('a stale adapter is told of with its reason, in other tabs too, and is trained again or deleted', async () => {
  const page = await open();
  await page.evaluate(async () => {
    await tuningLifePage.fill('life');
    await tuningLifePage.train('life', 'start');
  });
  const other = await page.context().newPage();
  await other.goto(address);
  await ready(other);
  await other.evaluate(async () => await tuningLifePage.watch('life'));
  const [made] = await page.evaluate(async () => await tuningLifePage.stored('life'));
  expect(made).toMatchObject({
    state: 'ready',
    stale: null,
    itemIds: ['i0', 'i1', 'i2', 'i3', 'i4', 'i5'],
    options: { kind: 'prompt', seed: 0, rate: 0.05 },
    startedAt: expect.any(Number),
  });
  const before = Date.now();
  await page.evaluate(async () => await tuningLifePage.forget('life', 'i2'));
  await other.waitForFunction(() => tuningLifePage.watched() > 0);
  const [stale] = await other.evaluate(async () => await tuningLifePage.stored('life'));
  expect(stale).toMatchObject({
    state: 'stale',
    stale: { reason: 'forgotten' },
    bytes: 0,
    result: null,
  });
  expect(stale?.stale?.at).toBeGreaterThanOrEqual(before);
  expect(stale?.itemIds).toHaveLength(5);
  expect(stale?.options).toEqual(made?.options);
  const again = await other.evaluate(async () => await tuningLifePage.train('life', 'retrain'));
  expect(again.at(-1)).toMatchObject({ type: 'end', outcome: { type: 'ready', result: { trainedItems: 3 } } });
  const [ready1] = await page.evaluate(async () => await tuningLifePage.stored('life'));
  expect(ready1).toMatchObject({ state: 'ready', options: { rate: 0.05 } });
  await page.evaluate(async () => await tuningLifePage.forget('life', 'i3'));
  expect(await page.evaluate(async () => await tuningLifePage.drop('life'))).toBe(true);
  expect(await page.evaluate(async () => await tuningLifePage.stored('life'))).toEqual([]);
  await page.evaluate(async () => {
    await tuningLifePage.keepReady('life', ['i0']);
    await tuningLifePage.clear('life');
  });
  expect(await page.evaluate(async () => await tuningLifePage.stored('life'))).toEqual([]);
});

test('an item that another tab forgets ends a training that is under way at once', async () => {
  const page = await open();
  await page.evaluate(async () => {
    await tuningLifePage.fill('ended');
    tuningLifePage.follow('ended');
  });
  await page.waitForFunction(() => (tuningLifePage.followed(0)?.steps ?? 0) >= 2, null, patience);
  const other = await page.context().newPage();
  await other.goto(address);
  await ready(other);
  await other.evaluate(async () => await tuningLifePage.forget('ended', 'i1'));
  await page.waitForFunction(() => tuningLifePage.followed(0)?.error !== null, null, patience);
  expect(await page.evaluate(() => tuningLifePage.followed(0)?.error)).toMatchObject({ code: 'closed' });
  expect(await page.evaluate(async () => await tuningLifePage.stored('ended'))).toMatchObject([{ state: 'stale' }]);
});

test('leaving the loop pauses the worker, which can go on at once', async () => {
  const page = await open();
  const { states, first, last } = await page.evaluate(async () => {
    await tuningLifePage.fill('left');
    return await tuningLifePage.leave('left', 3);
  });
  expect(states).toEqual(['running']);
  expect(first?.type === 'step' ? first.step : 0).toBeGreaterThanOrEqual(4);
  expect(last).toMatchObject({ type: 'end', outcome: { type: 'ready' } });
});

test('closing the personalizer ends its training, whose last checkpoint stays', async () => {
  const page = await open();
  await page.evaluate(async () => await tuningLifePage.fill('closed'));
  const { end, late } = await page.evaluate(async () => await tuningLifePage.close('closed'));
  expect([end?.code, late?.code]).toEqual(['closed', 'closed']);
  expect(await page.evaluate(async () => await tuningLifePage.stored('closed'))).toMatchObject([{ state: 'running' }]);
});

test('a training worker that dies ends the training, and the next one is made anew', async () => {
  const page = await open();
  const ends = await page.evaluate(async () => await tuningLifePage.dead('dead'));
  expect(ends.map((end) => end?.code)).toEqual(['closed', 'closed']);
});

test('a hidden tab pauses the training where that is asked for, and only there', async () => {
  const page = await open();
  await page.evaluate(async () => await tuningLifePage.fill('hidden'));
  const paused = await page.evaluate(async () => await tuningLifePage.hide('hidden', 'pause'));
  expect(paused).toMatchObject({ type: 'end', outcome: { type: 'paused' } });
  expect(await page.evaluate(async () => await tuningLifePage.stored('hidden'))).toMatchObject([{ state: 'running' }]);
  const went = await page.evaluate(async () => await tuningLifePage.hide('hidden', 'continue'));
  expect(went).toMatchObject({ type: 'end', outcome: { type: 'ready' } });
});

test('a training holds still while an answer is written, and goes on afterwards', async () => {
  const page = await open();
  await page.evaluate(async () => {
    await tuningLifePage.fill('yields');
    tuningLifePage.follow('yields');
  });
  await page.waitForFunction(() => (tuningLifePage.followed(0)?.steps ?? 0) >= 1, null, patience);
  const { first, last, after } = await page.evaluate(async () => await tuningLifePage.answerMeanwhile(0));
  expect(first).toBeGreaterThan(0);
  expect(last).toBe(first);
  expect(after).toBeGreaterThan(last);
});

test('a full disk costs checkpoints, not the training', async () => {
  const page = await open();
  const devtools = await page.context().newCDPSession(page);
  // Before the first write: Chromium remembers for a while how much room there is.
  await devtools.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 6_000_000 });
  await page.evaluate(async () => {
    await tuningLifePage.fill('full');
    tuningLifePage.follow('full');
  });
  await page.waitForFunction(() => (tuningLifePage.followed(0)?.checkpoints ?? 0) >= 2, null, patience);
  expect(await page.evaluate(async () => await tuningLifePage.fillDisk())).toBe('QuotaExceededError');
  const full = await page.evaluate(() => tuningLifePage.followed(0));
  await page.waitForFunction(
    (steps) => (tuningLifePage.followed(0)?.steps ?? 0) >= steps + 4,
    full?.steps ?? 0,
    patience,
  );
  const later = await page.evaluate(() => tuningLifePage.followed(0));
  const lost = (later?.steps ?? 0) - (full?.steps ?? 0) - ((later?.checkpoints ?? 0) - (full?.checkpoints ?? 0));
  console.log(`full disk: ${lost} checkpoints were not written over ${(later?.steps ?? 0) - (full?.steps ?? 0)} steps`);
  expect(lost).toBeGreaterThan(0);
  await page.evaluate(async () => await tuningLifePage.emptyDisk());
  await devtools.send('Storage.overrideQuotaForOrigin', { origin });
  await page.waitForFunction(
    () => tuningLifePage.followed(0)?.end !== null || tuningLifePage.followed(0)?.error !== null,
  );
  expect(await page.evaluate(() => tuningLifePage.followed(0))).toMatchObject({ end: 'ready', error: null });
  expect(await page.evaluate(async () => await tuningLifePage.stored('full'))).toMatchObject([{ state: 'ready' }]);
});

test('too little memory is refused with what is needed, what there is, and a remedy', async () => {
  const page = await open();
  await page.evaluate(async () => await tuningLifePage.fill('small'));
  const refused = await page.evaluate(async () => await tuningLifePage.memory('small'));
  expect(refused).toMatchObject({ code: 'memory-insufficient', details: { available: 50_000_000 } });
  expect(refused?.message).toMatch(/\d+ MiB.*\b48 MiB/u);
  expect(await page.evaluate(async () => await tuningLifePage.stored('small'))).toEqual([]);
});
