// Forgetting is exact: afterwards everything is bit for bit as if the item had never been there.
import { expect, test } from '@playwright/test';
import { DemoBrowser, goldenCases, site, toJsonl, waitUntilReady } from './demo-browser.ts';
import { ask, explain, exportWithVectors, forget, importText, items } from './page-calls.ts';

test('forget gives the persona, bit for bit, of a history that never held the item', async () => {
  const golden = (await goldenCases()).find(({ history }) => history.length >= 20);
  if (golden === undefined) throw new Error('research-models/golden has no case of 20 items.');
  const question = { task: golden.task, input: golden.input, at: golden.at };
  await using browser = await DemoBrowser.create();
  const { page } = await browser.open({ webgpu: 'off', query: 'storage=held' });
  await importText(page, toJsonl(golden.history));
  const before = await explain(page, question);
  const heaviest = before.items[0]?.item;
  if (heaviest === undefined) throw new Error('The persona has no items.');

  await ask(page, question);
  // The visitor's own button, on the heaviest item.
  await page.getByRole('region', { name: 'What drove it' }).getByRole('button', { name: 'Forget' }).first().click();
  await expect.poll(async () => (await items(page)).some(({ id }) => id === heaviest.id)).toBe(false);
  const forgotten = await explain(page, question);
  const answers = await ask(page, question);
  const held = await exportWithVectors(page);
  expect(await forget(page, heaviest.id)).toBe(false);

  await page.goto(`${site}?storage=never`);
  await waitUntilReady(page);
  await importText(page, toJsonl(golden.history.filter(({ id }) => id !== heaviest.id)));
  expect(await exportWithVectors(page)).toBe(held);
  // Numbers survive the way out of the page unchanged: equal here is equal to the last bit.
  expect(await explain(page, question)).toEqual(forgotten);
  const never = await ask(page, question);
  expect([never.none.text, never.persona.text]).toEqual([answers.none.text, answers.persona.text]);
  expect(forgotten.items.map(({ weight }) => weight)).not.toEqual(before.items.slice(1).map(({ weight }) => weight));
});
