// What was forgotten has no part in an answer that starts afterwards, also when it was asked for before.
import { expect, test } from 'vitest';
import type { PromptSegment } from '../language-model/language-model.ts';
import { fakeEngineParts } from '../testing/fake-personalizer.ts';
import { scriptedLanguageModel } from '../testing/scripted-language-model.ts';
import { createEngine } from './create-engine.ts';
import type { GenerateEvent, GenerateRequest, Personalizer } from './personalizer.ts';

const task = 'news_headline';
const secret = 'the vault below the bakery';
const request: GenerateRequest = {
  task,
  input: 'what lies below the bakery',
  at: '2026-01-01',
  persona: 'always',
  profile: true,
  retrieval: { method: 'bm25', count: 2 },
};
const others = [
  { id: 'a', task, input: 'bread from the oven', output: 'Bread at Last' },
  { id: 'b', task, input: 'the tram line opens', output: 'Tram at Last' },
];

/** An engine whose model keeps its prompts. */
function start(): { engine: Personalizer; prompts: (readonly PromptSegment[])[] } {
  const prompts: (readonly PromptSegment[])[] = [];
  const languageModel = scriptedLanguageModel({
    answer: ({ segments }) => {
      prompts.push(segments);
      return 'An answer';
    },
  });
  return { engine: createEngine(fakeEngineParts({ languageModel })), prompts };
}

async function eventsOf(engine: Personalizer): Promise<GenerateEvent[]> {
  const events: GenerateEvent[] = [];
  for await (const event of engine.generate(request)) events.push(event);
  return events;
}

/** The events of an answer that waits for another one while `forget` is awaited. */
async function askedBefore(engine: Personalizer, forget: () => Promise<unknown>): Promise<GenerateEvent[]> {
  let waiting: Promise<GenerateEvent[]> | null = null;
  for await (const { type } of engine.generate(request)) {
    if (type !== 'delta' || waiting !== null) continue;
    waiting = eventsOf(engine);
    // Long enough for all that does not wait for its turn.
    await new Promise((resolve) => setTimeout(resolve, 20));
    await forget();
  }
  return (await waiting) ?? [];
}

const withoutTimes = (events: readonly GenerateEvent[]): unknown[] =>
  events.map((event) => (event.type === 'end' ? { ...event, timing: null } : event));

test('a waiting answer shows and uses nothing of an item that is forgotten meanwhile', async () => {
  const [forgot, never] = [start(), start()];
  for (const { engine } of [forgot, never]) for (const item of others) await engine.remember(item);
  await forgot.engine.remember({ id: 'secret', task, input: secret, output: 'A Vault' });
  const events = await askedBefore(forgot.engine, async () => await forgot.engine.forget('secret'));
  expect(JSON.stringify(events)).not.toContain('vault');
  expect(withoutTimes(events)).toEqual(withoutTimes(await eventsOf(never.engine)));
  expect(forgot.prompts.at(-1)).toEqual(never.prompts.at(-1));
});

test('nor of anything after everything was forgotten', async () => {
  const [forgot, never] = [start(), start()];
  for (const item of others) await forgot.engine.remember(item);
  const events = await askedBefore(forgot.engine, async () => await forgot.engine.forgetEverything());
  expect(withoutTimes(events)).toEqual(withoutTimes(await eventsOf(never.engine)));
  expect(forgot.prompts.at(-1)).toEqual(never.prompts.at(-1));
});
