// The history in a real browser: one transaction or nothing, migrations, exact forgetting, other tabs, a full disk.
import { expect, test } from '@playwright/test';

const address = `http://127.0.0.1:${process.env['PERSONA_PLUG_PAGES_PORT'] ?? '4300'}/e2e/history/`;

test.beforeEach(async ({ page }) => {
  await page.goto(address);
  await page.waitForFunction(() => 'historyTestPage' in globalThis);
});

test('IndexedDB holds the contract of a history', async ({ page }) => {
  const { passed, broken } = await page.evaluate(async () => await historyTestPage.runContract());
  expect(broken).toEqual([]);
  expect(passed.length).toBeGreaterThanOrEqual(13);
});

test('an import that is aborted while embedding leaves nothing', async ({ page }) => {
  const result = await page.evaluate(async () => await historyTestPage.abortWhileEmbedding('abort', 100));
  expect(result).toMatchObject({ ok: false, message: 'enough' });
  const counts = await page.evaluate(async () => await historyTestPage.countRecords('abort'));
  expect(counts).toMatchObject({ items: 0, vectors: 0, projections: 0 });
});

test('an import that is aborted inside its transaction leaves what was there, and nothing else', async ({ page }) => {
  await page.evaluate(async () => await historyTestPage.importItems('rollback', 3, 'old'));
  const before = await page.evaluate(async () => await historyTestPage.exportAll('rollback'));
  const result = await page.evaluate(async () => await historyTestPage.abortWhileWriting('rollback', 3_000));
  expect(result).toMatchObject({ ok: false, message: 'enough', stages: 'store 0' });
  expect(await page.evaluate(async () => await historyTestPage.exportAll('rollback'))).toBe(before);
  const counts = await page.evaluate(async () => await historyTestPage.countRecords('rollback'));
  expect(counts).toMatchObject({ items: 3, vectors: 3 });
});

test('importing twice changes nothing', async ({ page }) => {
  const run = async (): Promise<unknown> =>
    await page.evaluate(async () => await historyTestPage.importItems('twice', 50));
  expect(await run()).toEqual({ added: 50, replaced: 0, unchanged: 0, partlyEmbedded: 0 });
  const before = await page.evaluate(async () => await historyTestPage.exportAll('twice'));
  expect(await run()).toEqual({ added: 0, replaced: 0, unchanged: 50, partlyEmbedded: 0 });
  expect(await page.evaluate(async () => await historyTestPage.exportAll('twice'))).toBe(before);
});

test('forget deletes the item, its vectors and its projection', async ({ page }) => {
  await page.evaluate(async () => await historyTestPage.importItems('forget', 5));
  const result = await page.evaluate(async () => await historyTestPage.forgetOne('forget', 'item-00002'));
  expect(result).toMatchObject({
    before: { items: 5, vectors: 5, projections: 5 },
    isForgotten: true,
    after: { items: 4, vectors: 4, projections: 4 },
  });
});

test('after forgetting, the persona is bit for bit that of a history that never held the item', async ({ page }) => {
  const [forgot, never] = await page.evaluate(async () => {
    await historyTestPage.importItems('forgot', 6);
    const both = await historyTestPage.personaText('forgot');
    await historyTestPage.forgetOne('forgot', 'item-00005');
    await historyTestPage.importItems('never', 5);
    const texts = [await historyTestPage.personaText('forgot'), await historyTestPage.personaText('never')];
    if (texts.includes(both)) throw new Error('the item made no difference');
    return texts;
  });
  expect(forgot).toBe(never);
});

test('a database of version 1 is migrated with every item, bit for bit', async ({ page }) => {
  await page.evaluate(async () => await historyTestPage.writeVersion1('migration'));
  expect(await page.evaluate(async () => await historyTestPage.migrate('migration'))).toEqual({
    isEqual: true,
    kept: 1,
  });
  const counts = await page.evaluate(async () => await historyTestPage.countRecords('migration'));
  expect(counts).toEqual({ items: 3, vectors: 3, projections: 1, tunings: 0, version: 4 });
});

test('adapters of a database of version 3 get their settings, and an unreadable one is dropped', async ({ page }) => {
  await page.evaluate(async () => await historyTestPage.writeVersion3('tunings'));
  const adapters = await page.evaluate(async () => await historyTestPage.adapters('tunings'));
  const models = { version: 1, base: 'persona', plug: 'p', languageModel: 'l' };
  expect(adapters).toEqual([
    { kind: 'lora', state: 'ready', bytes: 3, settings: { ...models, options: { kind: 'lora' }, startedAt: 5 } },
    {
      kind: 'lora',
      state: 'running',
      bytes: 3,
      settings: { ...models, options: { kind: 'lora', seed: 7 }, startedAt: null },
    },
  ]);
});

test('a tab that holds an older version is reported, and waited for', async ({ page }) => {
  const held = await page.evaluate(async () => await historyTestPage.blocked('held', false));
  expect(held).toMatchObject({ ok: false, code: 'storage-blocked', events: ['blocked'] });
  const madeWay = await page.evaluate(async () => await historyTestPage.blocked('made way', true));
  expect(madeWay).toMatchObject({ ok: true, events: [] });
});

test('a history makes way for a newer tab, and says so', async ({ page }) => {
  const result = await page.evaluate(async () => await historyTestPage.newerTab('newer'));
  expect(result).toMatchObject({
    ok: false,
    code: 'storage-blocked',
    events: ['closed-for-upgrade'],
    reopened: { ok: false, code: 'storage-failed' },
  });
});

test('a full disk is a clear error, and nothing is half-written', async ({ page, context }) => {
  const devtools = await context.newCDPSession(page);
  const { origin } = new URL(address);
  // Before the first write: Chromium remembers for a while how much room there is.
  await devtools.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 2_000_000 });
  await page.evaluate(async () => await historyTestPage.importItems('full', 2));
  const result = await page.evaluate(async () => await historyTestPage.importUntilFull('full'));
  await devtools.send('Storage.overrideQuotaForOrigin', { origin });
  expect(result).toMatchObject({ ok: false, code: 'storage-quota' });
  const counts = await page.evaluate(async () => await historyTestPage.countRecords('full'));
  expect(counts).toMatchObject({ items: 2, vectors: 2 });
});
