// Retrieval and profile through the whole engine: what stands in the prompt, what is told about it, and that nothing forgotten is
// ever in either.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fakeEngineParts } from '../testing/fake-personalizer.ts';
import { hashEmbedder } from '../testing/hash-embedder.ts';
import { scriptedLanguageModel } from '../testing/scripted-language-model.ts';
import { createEngine } from './create-engine.ts';
import type { Explanation, GenerateRequest, Personalizer, RetrievalOptions } from './personalizer.ts';

interface Seen {
  readonly engine: Personalizer;
  readonly embedded: string[];
  /** Asks, and returns what the model read and what the user is told. */
  readonly ask: (
    request: GenerateRequest,
  ) => Promise<{ prompt: string; hasPersona: boolean; explanation: Explanation }>;
}

function start(contextWindow = 4096): Seen {
  const embedded: string[] = [];
  let seen = { prompt: '', hasPersona: false };
  const languageModel = scriptedLanguageModel({
    contextWindow,
    answer: ({ text, hasPersona }) => {
      seen = { prompt: text, hasPersona };
      return '';
    },
  });
  const embedder = hashEmbedder({ onEmbed: (text) => embedded.push(text) });
  const engine = createEngine(fakeEngineParts({ embedder, languageModel }));
  return {
    engine,
    embedded,
    async ask(request) {
      for await (const event of engine.generate(request)) {
        if (event.type === 'explanation') expect(event.explanation).toEqual(await engine.explain(request));
      }
      return { ...seen, explanation: await engine.explain(request) };
    },
  };
}

const history = [
  { id: 'a', date: '2024-01-01', input: 'the tram line opens', output: 'Tram at Last' },
  { id: 'b', date: '2024-01-02', input: 'bread from the oven', output: 'Bread at Last' },
  { id: 'c', date: '2024-01-03', input: 'a tram stop burns', output: 'Stop, Tram' },
  { id: 'd', input: 'nothing of note', output: 'Quiet' },
];
const task = 'news_headline';
const ofTask = (name: string): string => history.map((item) => JSON.stringify({ ...item, task: name })).join('\n');
/** Tokens of the scripted model. */
const length = (text: string): number => new TextEncoder().encode(text).length;
const ids = ({ retrieved }: Explanation): string[] => retrieved.map(({ item }) => item.id);

describe('retrieved items', () => {
  test.each([
    ['bm25', ['a', 'c']],
    ['dense', ['a']],
    ['recency', ['c', 'b']],
  ] as const)('by %s stand before the request, best first, and are told with their scores', async (method, best) => {
    const { engine, ask } = start();
    await engine.importHistory(ofTask(task));
    const { prompt, explanation } = await ask({
      task,
      input: 'the tram line opens late',
      retrieval: { method, count: 2 },
    });
    expect(ids(explanation)).toHaveLength(2);
    expect(ids(explanation)).toEqual(expect.arrayContaining([...best]));
    expect(ids(explanation)[0]).toBe(best[0]);
    const words = explanation.retrieved.map(({ item }) => `"${item.output}" is the title for "${item.input}"`);
    expect(prompt).toBe(
      `${words.join(', and ')}. Generate a headline for the following article: the tram line opens late`,
    );
    const scores = explanation.retrieved.map(({ score }) => score);
    expect(scores).toEqual(scores.toSorted((x, y) => y - x));
  });

  test.each(['none', 'auto', 'always'] as const)('are the same with persona "%s"', async (persona) => {
    const { engine, ask } = start();
    await engine.importHistory(ofTask(task));
    const request = {
      task,
      input: 'a tram line',
      persona,
      profile: true,
      retrieval: { method: 'bm25', count: 3 },
    } as const;
    const { prompt, hasPersona, explanation } = await ask(request);
    expect(hasPersona).toBe(persona !== 'none');
    expect(explanation.items).toHaveLength(persona === 'none' ? 0 : 4);
    expect(ids(explanation)).toEqual(['c', 'a', 'b']);
    expect(prompt).toMatch(/^The user writes about 2 words.*\. "Stop, Tram" is the title for/u);
  });

  test('work for a task that no plug knows', async () => {
    const { engine, ask } = start();
    await engine.importHistory(ofTask('own'));
    const { prompt } = await ask({ task: 'own', input: 'bread?', retrieval: { method: 'bm25', count: 1 } });
    // No token is shared ("bread?" is not "bread"): the newest of equals.
    expect(prompt).toBe('"Stop, Tram" is the answer for "a tram stop burns". bread?');
  });

  test('are only of the same task, and none of an empty history', async () => {
    const { engine, ask } = start();
    await engine.importHistory(ofTask('other'));
    for (const method of ['bm25', 'dense', 'recency'] as const) {
      const { prompt, explanation } = await ask({ task, input: 'x', profile: true, retrieval: { method, count: 4 } });
      expect(prompt).toBe('Generate a headline for the following article: x');
      expect(explanation).toMatchObject({ retrieved: [], profile: null });
    }
  });

  test('cost an embedding only where vectors are compared', async () => {
    const { engine, embedded } = start();
    await engine.importHistory(ofTask(task));
    embedded.length = 0;
    const request = { task, input: 'a tram', persona: 'none', profile: true } as const;
    await engine.explain({ ...request, retrieval: { method: 'bm25', count: 1 } });
    await engine.explain({ ...request, retrieval: { method: 'recency', count: 1 } });
    expect(embedded).toEqual([]);
    await engine.explain({ ...request, retrieval: { method: 'dense', count: 1 } });
    expect(embedded).toEqual(['a tram']);
  });

  test('without the options the prompt is that of before', async () => {
    const { engine, ask } = start();
    await engine.importHistory(ofTask(task));
    const { prompt, explanation } = await ask({ task, input: 'x' });
    expect(prompt).toBe('Generate a headline for the following article: x');
    expect(explanation).toMatchObject({ retrieved: [], profile: null });
  });
});

describe('the profile', () => {
  test('counts the answers where there are choices, those of the request first', async () => {
    const { engine } = start();
    const lines = ['Tech', 'Tech', 'Sports'].map((output, index) =>
      JSON.stringify({ id: `${index}`, task: 'news_category', input: 'x', output }),
    );
    await engine.importHistory(lines.join('\n'));
    const request = { task: 'news_category', input: 'y', profile: true };
    expect((await engine.explain(request)).profile).toBe('The user\'s most frequent answers: "Tech" (2), "Sports" (1)');
    expect((await engine.explain({ ...request, choices: ['Sports', 'Crime'] })).profile).toBe(
      'The user\'s most frequent answers: "Sports" (1)',
    );
  });
});

describe('the room of the prompt', () => {
  const retrieval: RetrievalOptions = { method: 'recency', count: 50 };
  const controls = 3;

  test('leaves at least 60 % to the request, or all that it needs, and drops items from the end', async () => {
    const items = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 6 });
    const sizes = fc.tuple(items, fc.integer({ min: 1, max: 400 }), fc.integer({ min: 60, max: 400 }), fc.boolean());
    await fc.assert(
      fc.asyncProperty(sizes, async ([lengths, inputLength, room, profile]) => {
        const { engine, ask } = start(room + controls + 10);
        const lines = lengths.map((size, index) =>
          JSON.stringify({
            id: `${index}`,
            task: 'own',
            date: `2024-01-0${index + 1}`,
            input: 'x'.repeat(size),
            output: 'o',
          }),
        );
        await engine.importHistory(lines.join('\n'));
        const input = 'q'.repeat(inputLength);
        const request = { task: 'own', input, persona: 'none', maximumNewTokens: 10, profile, retrieval } as const;
        const { prompt, explanation } = await ask(request);
        expect(length(prompt)).toBeLessThanOrEqual(room);
        const shown = /q*$/u.exec(prompt)?.[0].length ?? 0;
        expect(shown).toBeGreaterThanOrEqual(Math.min(inputLength, Math.ceil(0.6 * room)));
        const newestFirst = lengths.map((_, index) => `${index}`).toReversed();
        expect(ids(explanation)).toEqual(newestFirst.slice(0, ids(explanation).length));
        // The next item would not have fit.
        const next = lengths.toReversed()[ids(explanation).length];
        if (next !== undefined) {
          const isFirst = ids(explanation).length === 0;
          const added = length('"o" is the answer for ""') + next + (isFirst ? 2 : 6);
          const earlier = length(prompt) - shown + added;
          expect(earlier + inputLength > room && earlier > Math.floor(0.4 * room)).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('a profile that does not fit is left out, and says so', async () => {
    const { engine, ask } = start(controls + 10 + 40);
    await engine.importHistory(ofTask('own'));
    const request = {
      task: 'own',
      input: 'q'.repeat(40),
      maximumNewTokens: 10,
      persona: 'none',
      profile: true,
    } as const;
    const { prompt, explanation } = await ask(request);
    expect(prompt).toBe('q'.repeat(40));
    expect(explanation.profile).toBeNull();
  });
});

test('forgetting gives, bit for bit, the prompt and the scores of a history that never held the item', async () => {
  const word = fc.constantFrom('tram', 'line', 'bread', 'the', 'oven');
  const words = fc.array(word, { minLength: 1, maxLength: 6 }).map((all) => all.join(' '));
  const item = fc.record({ input: words, output: words, date: fc.constantFrom('2024-01-01', '2024-01-02', undefined) });
  await fc.assert(
    fc.asyncProperty(
      fc.array(item, { minLength: 2, maxLength: 6 }),
      fc.constantFrom('bm25', 'dense', 'recency'),
      words,
      async (items, method, input) => {
        const lines = items.map((one, index) => JSON.stringify({ id: `${index}`, task, ...one }));
        const [forgot, never] = [start(), start()];
        await forgot.engine.importHistory(lines.toReversed().join('\n'));
        const request = { task, input, at: '2024-02-01', profile: true, retrieval: { method, count: 3 } } as const;
        await forgot.ask(request);
        await forgot.engine.forget('0');
        await never.engine.importHistory(lines.slice(1).join('\n'));
        const answer = await forgot.ask(request);
        expect(answer).toEqual(await never.ask(request));
        expect(ids(answer.explanation)).not.toContain('0');
      },
    ),
    { numRuns: 40 },
  );
});

// What reaches the engine from a form or from JavaScript knows no types.
const anyRequest = (fields: unknown): GenerateRequest => ({
  task,
  input: 'x',
  ...(fields as Partial<GenerateRequest>),
});

describe('bad values', () => {
  test.each([
    [{ retrieval: { method: 'bm25', count: 0 } }, '"retrieval.count" is 0. Give a whole number from 1 to 50.'],
    [{ retrieval: { method: 'bm25', count: 51 } }, '"retrieval.count" is 51.'],
    [{ retrieval: { method: 'bm25', count: 1.5 } }, '"retrieval.count" is 1.5.'],
    [{ retrieval: { method: 'bm25', count: '4' } }, '"retrieval.count" is "4".'],
    [{ retrieval: { method: 'magic', count: 4 } }, '"retrieval.method" is "magic". Use "bm25", "dense" or "recency".'],
    [{ retrieval: { count: 4 } }, '"retrieval" is "{\\"count\\":4}". Give { method, count }, or leave the field out.'],
    [{ retrieval: null }, '"retrieval" is "null".'],
    [{ retrieval: 'bm25' }, '"retrieval" is "bm25".'],
    [{ profile: 'yes' }, '"profile" is "yes". Use true or false.'],
  ])('%j', async (fields, message) => {
    const { engine, ask } = start();
    await expect(ask(anyRequest(fields))).rejects.toThrow(message);
    await expect(engine.explain(anyRequest(fields))).rejects.toMatchObject({ code: 'invalid-argument' });
  });
});
