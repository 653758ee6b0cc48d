// Stop really stops the model: no piece comes after it, and the next question does not wait for the rest of the last.
import { expect, type Page, test } from '@playwright/test';
import type { Question } from '../../site/question.ts';
import type { PersonaPlugDemo } from '../../site/script-interface.ts';
import { DemoBrowser, toJsonl } from './demo-browser.ts';
import { ask, importText } from './page-calls.ts';

declare const personaPlugDemo: PersonaPlugDemo;

const wanted = 500;

/** A question that the model talks on about: sampled hot, by the first seed that gives a long answer. */
async function longQuestion(page: Page): Promise<Question> {
  for (let seed = 1; seed <= 40; seed++) {
    const question: Question = {
      task: 'free_writing',
      input: 'Once upon a time there was a ferry',
      temperature: 4,
      seed,
      maximumNewTokens: wanted,
    };
    const { none } = await ask(page, question);
    if ((none.usage?.newTokens ?? 0) >= wanted) return question;
  }
  throw new Error('No seed gives a long answer.');
}

test('abort in the middle of a stream stops within a token', async () => {
  await using browser = await DemoBrowser.create();
  const { page } = await browser.open({ webgpu: 'off', query: '' });
  await importText(page, toJsonl([{ task: 'free_writing', input: 'A boat', output: 'The boat sails.' }]));
  const question = await longQuestion(page);
  const whole = await ask(page, question);

  const stopped = await page.evaluate(async (value) => {
    const asked = personaPlugDemo.ask(value);
    while (personaPlugDemo.answers().none.text === '') await new Promise((resolve) => setTimeout(resolve, 1));
    personaPlugDemo.stop();
    const atStop = personaPlugDemo.answers().none.text;
    const result = await asked;
    const start = performance.now();
    // One token: whatever this takes beyond its own work is what the stopped answer still did.
    const next = await personaPlugDemo.ask({ ...value, maximumNewTokens: 1 });
    return { atStop, result, answers: personaPlugDemo.answers(), next, nextMilliseconds: performance.now() - start };
  }, question);

  expect(stopped.result).toMatchObject({ ok: false, code: 'AbortError' });
  expect(stopped.atStop.length).toBeLessThan(whole.none.text.length / 2);
  expect(stopped.next).toMatchObject({ ok: true });
  expect(stopped.answers.none.text.length).toBeLessThan(whole.none.text.length / 2);
  const baseline = await page.evaluate(async (value) => {
    const start = performance.now();
    await personaPlugDemo.ask({ ...value, maximumNewTokens: 1 });
    return performance.now() - start;
  }, question);
  const rest = whole.none.timing?.total ?? 0;
  expect(stopped.nextMilliseconds - baseline).toBeLessThan(rest / 3);
});

test('the Stop button leaves what was written and says so', async () => {
  await using browser = await DemoBrowser.create();
  const { page } = await browser.open({ webgpu: 'off', query: '' });
  await importText(page, toJsonl([{ task: 'free_writing', input: 'A boat', output: 'The boat sails.' }]));
  const question = await longQuestion(page);
  // From within the page: a click by the test's own road may come after the end.
  const clicked = await page.evaluate(async (value) => {
    void personaPlugDemo.ask(value);
    while (personaPlugDemo.answers().none.text === '') await new Promise((resolve) => setTimeout(resolve, 1));
    const button = document.querySelector<HTMLButtonElement>('.ask .primary');
    button?.click();
    return button?.textContent;
  }, question);
  expect(clicked).toBe('Stop');
  await expect(page.locator('#answer-none')).toHaveAttribute('data-state', 'stopped');
  await expect(page.locator('#answer-none')).not.toBeEmpty();
  await expect(page.locator('#answer-persona')).toHaveAttribute('data-state', 'stopped');
  await expect(page.getByRole('button', { name: 'Answer twice' })).toBeEnabled();
});
