// The engine's logic over a memory store and fakes: what it stores, when it embeds, how it ends.
import { describe, expect, test } from 'vitest';
import { inMemoryHistory } from '../history/in-memory-history.ts';
import { PersonaPlugError } from '../lib/errors.ts';
import type { Progress } from '../lib/progress.ts';
import { fakeEngineParts } from '../testing/fake-personalizer.ts';
import { hashEmbedder } from '../testing/hash-embedder.ts';
import { randomPlug } from '../testing/random-plug.ts';
import { scriptedLanguageModel } from '../testing/scripted-language-model.ts';
import { createEngine } from './create-engine.ts';
import type { EngineParts } from './engine-context.ts';
import type { Explanation, GenerateEvent, Personalizer } from './personalizer.ts';

function start(replaced: Partial<EngineParts> = {}): { engine: Personalizer; parts: EngineParts; embedded: string[] } {
  const embedded: string[] = [];
  const parts = fakeEngineParts({ embedder: hashEmbedder({ onEmbed: (text) => embedded.push(text) }), ...replaced });
  return { engine: createEngine(parts), parts, embedded };
}

const item = (name: string, fields: Record<string, string> = {}): { task: string; input: string; output: string } => ({
  task: 'news_headline',
  input: `draft ${name}`,
  output: `headline ${name}`,
  ...fields,
});

const jsonl = (...names: string[]): string =>
  names.map((name) => JSON.stringify({ id: name, ...item(name) })).join('\n');

const reasonOf = async (explained: Promise<Explanation>): Promise<string> => (await explained).reason;

async function collect(events: AsyncIterable<GenerateEvent>): Promise<GenerateEvent[]> {
  const all: GenerateEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

describe('remember', () => {
  test('embeds input and output once and stores both with the item', async () => {
    const { engine, parts, embedded } = start();
    const stored = await engine.remember(item('a'));
    expect(stored.id).toMatch(/^[0-9a-f]{64}$/u);
    expect(embedded).toEqual(['draft a', 'headline a']);
    expect((await parts.store.get(stored.id))?.vectors?.input).toEqual(await parts.embedder.embed('draft a'));
    embedded.length = 0;
    await engine.remember(item('a'));
    expect(embedded).toEqual([]);
    expect(await engine.items()).toHaveLength(1);
  });

  test('refuses what is no item and stores nothing', async () => {
    const { engine } = start();
    await expect(engine.remember(item('a', { output: ' ' }))).rejects.toMatchObject({ code: 'invalid-argument' });
    await expect(engine.remember(item('a', { date: 'today' }))).rejects.toThrow('"date" must be YYYY-MM-DD');
    expect(await engine.items()).toEqual([]);
  });

  test('is not stuck behind a long answer', async () => {
    const { engine } = start({ languageModel: scriptedLanguageModel({ answer: () => 'x'.repeat(500) }) });
    let isAnswered = false;
    const answering = collect(engine.generate({ task: 'own', input: 'write much', maximumNewTokens: 500 })).then(
      (events) => {
        isAnswered = true;
        return events;
      },
    );
    await engine.remember(item('a'));
    expect(isAnswered).toBe(false);
    expect((await answering).at(-1)).toMatchObject({ type: 'end', usage: { newTokens: 500 } });
  });
});

describe('forgetting', () => {
  test('gives, bit for bit, the persona of a history that never held the item', async () => {
    const [forgot, never] = [start(), start()];
    await forgot.engine.importHistory(jsonl('a', 'b', 'c'));
    const request = { task: 'news_headline', input: 'draft b again' } as const;
    // Fills the cache of projections, which must not outlive the item.
    await collect(forgot.engine.generate(request));
    expect(await forgot.engine.forget('b')).toBe(true);
    expect(await forgot.engine.forget('b')).toBe(false);
    await never.engine.importHistory(jsonl('c', 'a'));
    expect(await forgot.engine.explain(request)).toEqual(await never.engine.explain(request));
    const prompts = await Promise.all([promptOf(forgot.parts, request), promptOf(never.parts, request)]);
    expect(prompts[0]).toEqual(prompts[1]);
  });

  test('everything also stops what is still being stored', async () => {
    const { engine } = start();
    await engine.remember(item('a'));
    const importing = engine.importHistory(jsonl(...Array.from({ length: 50 }, (_, index) => `i${index}`)));
    const outcome = importing.then(
      () => 'imported',
      (error: unknown) => (error instanceof DOMException ? error.name : error),
    );
    await new Promise((resolve) => setTimeout(resolve, 5));
    await engine.forgetEverything();
    expect(await outcome).toBe('AbortError');
    expect(await engine.items()).toEqual([]);
    await engine.remember(item('b'));
    expect(await engine.items()).toHaveLength(1);
  });
});

async function promptOf(parts: EngineParts, request: { task: string; input: string }): Promise<unknown> {
  let seen: unknown;
  const languageModel = scriptedLanguageModel({
    answer: ({ segments }) => {
      seen = segments;
      return '';
    },
  });
  await collect(createEngine({ ...parts, languageModel }).generate(request));
  return seen;
}

describe('import', () => {
  test('is idempotent: the second time nothing is embedded and nothing changes', async () => {
    const { engine, embedded } = start();
    expect(await engine.importHistory(jsonl('a', 'b'))).toEqual({
      added: 2,
      replaced: 0,
      unchanged: 0,
      partlyEmbedded: 0,
    });
    expect(embedded).toHaveLength(4);
    const before = await engine.exportHistory({ includeVectors: true });
    expect(await engine.importHistory(jsonl('b', 'a'))).toEqual({
      added: 0,
      replaced: 0,
      unchanged: 2,
      partlyEmbedded: 0,
    });
    expect(embedded).toHaveLength(4);
    expect(await engine.exportHistory({ includeVectors: true })).toBe(before);
  });

  test('a fault on the last line leaves everything as it was, and embeds nothing', async () => {
    const { engine, embedded } = start();
    await engine.remember(item('old'));
    embedded.length = 0;
    await expect(engine.importHistory(`${jsonl('a', 'b')}\n{"task":"x"}`)).rejects.toMatchObject({
      code: 'invalid-import',
      details: { line: 3 },
    });
    expect(embedded).toEqual([]);
    expect(await engine.items()).toHaveLength(1);
  });

  test('an abort while embedding leaves nothing behind, and rejects with the reason', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const { engine } = start();
    const names = Array.from({ length: 20 }, (_, index) => `i${index}`);
    const importing = engine.importHistory(jsonl(...names), {
      signal: controller.signal,
      onProgress: ({ stage, done }) => {
        if (stage === 'embed' && done === 10) controller.abort(reason);
      },
    });
    await expect(importing).rejects.toBe(reason);
    expect(await engine.items()).toEqual([]);
  });

  test('a failed embedding leaves nothing behind', async () => {
    const embedder = hashEmbedder({
      onEmbed(text) {
        if (text === 'headline c') throw new PersonaPlugError('runtime-failed', 'broken');
      },
    });
    const { engine } = start({ embedder });
    await expect(engine.importHistory(jsonl('a', 'b', 'c'))).rejects.toMatchObject({ code: 'runtime-failed' });
    expect(await engine.items()).toEqual([]);
  });

  test('reports progress with the time that is left', async () => {
    const reports: Progress[] = [];
    let time = 0;
    const { engine } = start({ stopwatch: () => (time += 10) });
    await engine.importHistory(jsonl('a', 'b', 'c'), { onProgress: (progress) => reports.push(progress) });
    const embed = reports.filter(({ stage }) => stage === 'embed');
    expect(embed.map(({ done, total }) => [done, total])).toEqual([
      [0, 3],
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
    expect(embed[0]?.millisecondsLeft).toBeNull();
    expect(embed[2]?.millisecondsLeft).toBeGreaterThan(0);
    expect(embed[3]?.millisecondsLeft).toBe(0);
    expect(reports.at(-1)).toMatchObject({ stage: 'store', done: 3, total: 3 });
  });

  test('takes vectors of this embedder as they are, and embeds those of another anew', async () => {
    const [source, same] = [start(), start()];
    await source.engine.importHistory(jsonl('a', 'b'));
    const text = await source.engine.exportHistory({ includeVectors: true });
    await same.engine.importHistory(text);
    expect(same.embedded).toEqual([]);
    expect(await same.engine.exportHistory({ includeVectors: true })).toBe(text);
    const texts: string[] = [];
    const embedder = hashEmbedder({ fingerprint: 'ab'.repeat(32), onEmbed: (one) => texts.push(one) });
    const other = start({ embedder });
    await other.engine.importHistory(text);
    expect(texts).toHaveLength(4);
  });
});

describe('an answer', () => {
  test('explains first, then streams, then ends', async () => {
    const { engine } = start({ languageModel: scriptedLanguageModel({ answer: () => ' Hello ' }) });
    await engine.importHistory(jsonl('a', 'b', 'c'));
    const events = await collect(engine.generate({ task: 'news_headline', input: 'draft a' }));
    expect(events.map(({ type }) => type)).toEqual(['explanation', ...Array<string>(7).fill('delta'), 'end']);
    expect(events.at(-1)).toMatchObject({
      text: ' Hello ',
      answer: 'Hello',
      usage: { newTokens: 7, finishReason: 'end-token' },
    });
    const [first] = events;
    if (first?.type !== 'explanation') throw new Error('no explanation');
    const { explanation } = first;
    expect(explanation.isPersonaUsed).toBe(true);
    const weights = explanation.items.map(({ weight }) => weight);
    expect(weights).toEqual([...weights].sort((a, b) => b - a));
    expect(weights.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
  });

  test('has, without a persona, the prompt of an empty history, token for token', async () => {
    const prompts: string[] = [];
    const languageModel = scriptedLanguageModel({
      answer: ({ segments }) => {
        prompts.push(JSON.stringify(segments));
        return '';
      },
    });
    const { engine, parts } = start({ languageModel });
    const request = { task: 'news_headline', input: 'draft a' };
    await collect(engine.generate(request));
    await engine.importHistory(jsonl('a'));
    await collect(engine.generate({ ...request, persona: 'none' }));
    const plug = randomPlug({
      embedder: parts.embedder.identity.fingerprint,
      languageModel: languageModel.fingerprint,
      gateThreshold: 1,
    });
    await collect(createEngine({ ...parts, plug }).generate(request));
    expect(new Set(prompts).size).toBe(1);
    await collect(createEngine({ ...parts, plug }).generate({ ...request, persona: 'always' }));
    expect(new Set(prompts).size).toBe(2);
  });

  test('says why no persona was used', async () => {
    const { engine, parts } = start();
    const request = { task: 'news_headline', input: 'draft a' };
    expect(await reasonOf(engine.explain(request))).toBe('The history has no item of the task "news_headline".');
    await engine.remember(item('a'));
    expect(await reasonOf(engine.explain({ ...request, persona: 'none' }))).toBe('The request asked for no persona.');
    const { fingerprint } = parts.embedder.identity;
    const shut = randomPlug({
      embedder: fingerprint,
      languageModel: parts.languageModel.fingerprint,
      gateThreshold: 1,
    });
    expect(await reasonOf(createEngine({ ...parts, plug: shut }).explain(request))).toMatch(/of no use .* < 1/u);
  });

  test('takes the fixed choices of its task, or those of the request', async () => {
    const { engine } = start({ languageModel: scriptedLanguageModel({ answer: () => 'Tech' }) });
    const end = async (request: Parameters<Personalizer['generate']>[0]): Promise<GenerateEvent | undefined> =>
      (await collect(engine.generate(request))).at(-1);
    expect(await end({ task: 'news_category', input: 'A phone' })).toMatchObject({ text: 'Tech', answer: 'Tech' });
    expect(await end({ task: 'news_category', input: 'A phone', choices: ['no', 'yes'] })).toMatchObject({
      answer: 'no',
    });
  });

  test('stops within a token of an abort, and the next answer is right', async () => {
    const { engine } = start({ languageModel: scriptedLanguageModel({ answer: () => 'abcdefgh' }) });
    const controller = new AbortController();
    const reason = new Error('enough');
    let text = '';
    const reading = async (): Promise<void> => {
      for await (const event of engine.generate({ task: 'own', input: 'x' }, { signal: controller.signal })) {
        if (event.type === 'delta') text += event.text;
        if (text === 'abc') controller.abort(reason);
      }
    };
    await expect(reading()).rejects.toBe(reason);
    expect(text).toBe('abc');
    expect((await collect(engine.generate({ task: 'own', input: 'x' }))).at(-1)).toMatchObject({ text: 'abcdefgh' });
  });

  test('that is left early frees the language model for the next', async () => {
    const { engine } = start({ languageModel: scriptedLanguageModel({ answer: () => 'abcdefgh' }) });
    for await (const event of engine.generate({ task: 'own', input: 'x' })) if (event.type === 'delta') break;
    expect((await collect(engine.generate({ task: 'own', input: 'x' }))).at(-1)).toMatchObject({ text: 'abcdefgh' });
  });

  test('waits for the one before; waiting can be aborted', async () => {
    const { engine } = start({ languageModel: scriptedLanguageModel({ answer: () => 'x'.repeat(50) }) });
    const order: string[] = [];
    const run = async (name: string, signal?: AbortSignal): Promise<void> => {
      for await (const event of engine.generate({ task: 'own', input: 'x' }, signal === undefined ? {} : { signal })) {
        if (event.type === 'delta' && order.at(-1) !== name) order.push(name);
      }
    };
    const controller = new AbortController();
    const runs = [run('a'), run('b', controller.signal).catch(() => order.push('b gave up')), run('c')];
    controller.abort();
    await Promise.all(runs);
    expect(order).toEqual(['b gave up', 'a', 'c']);
  });

  test.each([
    [{ task: '', input: 'x' }, '"task"'],
    [{ task: 'own', input: ' ' }, '"input"'],
    [{ task: 'own', input: 'x'.repeat(100_001) }, '100001 characters'],
    [{ task: 'own', input: 'x', at: 'now' }, '"at"'],
    [{ task: 'own', input: 'x', maximumNewTokens: 0 }, '"maximumNewTokens"'],
    [{ task: 'own', input: 'x', choices: [] }, '"choices"'],
    [{ task: 'own', input: 'x', temperature: -1 }, '"temperature"'],
    [{ task: 'own', input: 'x', topP: 0 }, '"topP"'],
    [{ task: 'own', input: 'x', stopStrings: [''] }, '"stopStrings"'],
  ])('is refused for %j', async (request, field) => {
    const { engine } = start();
    await expect(collect(engine.generate(request))).rejects.toThrow(field);
    await expect(engine.explain(request)).rejects.toMatchObject({ code: 'invalid-argument' });
  });
});

test('items of another embedder are embedded anew, once, with progress', async () => {
  const store = inMemoryHistory();
  const old = start({ store, embedder: hashEmbedder({ fingerprint: 'ab'.repeat(32) }) });
  await old.engine.importHistory(jsonl('a', 'b'));
  const { engine, embedded } = start({ store });
  const request = { task: 'news_headline', input: 'draft a', at: '2026-01-01' };
  const events = await collect(engine.generate(request));
  expect(events.filter(({ type }) => type === 'progress')).toHaveLength(3);
  expect(embedded).toHaveLength(5);
  const fresh = start();
  await fresh.engine.importHistory(jsonl('a', 'b'));
  expect(await engine.explain(request)).toEqual(await fresh.engine.explain(request));
  expect(embedded).toHaveLength(6);
});

test('the status names models, devices and items per task', async () => {
  const { engine } = start();
  await engine.importHistory(jsonl('a', 'b'));
  expect(await engine.status()).toMatchObject({
    embedder: { name: 'hash-embedder', selfTestPassed: true },
    languageModel: { runtime: 'onnx' },
    plug: { tasks: ['news_category', 'news_headline', 'paper_title'] },
    items: { news_headline: 2 },
  });
});

test('a plug of other models is refused', () => {
  const parts = fakeEngineParts({ plug: randomPlug({ embedder: 'x', languageModel: 'y' }) });
  expect(() => createEngine(parts)).toThrow(PersonaPlugError);
});

test('closing ends every part, also when one fails', async () => {
  const embedder = {
    ...hashEmbedder(),
    [Symbol.asyncDispose]: async (): Promise<void> => await Promise.reject(new Error('stuck')),
  };
  const { engine, parts } = start({ embedder });
  await expect(engine[Symbol.asyncDispose]()).rejects.toThrow('stuck');
  await expect(parts.store.list()).rejects.toMatchObject({ code: 'closed' });
});

test('a closed engine refuses and ends what runs', async () => {
  const { engine } = start({ languageModel: scriptedLanguageModel({ answer: () => 'x'.repeat(1000) }) });
  const running = collect(engine.generate({ task: 'own', input: 'x', maximumNewTokens: 1000 }));
  await new Promise((resolve) => setTimeout(resolve, 5));
  await engine[Symbol.asyncDispose]();
  await expect(running).rejects.toMatchObject({ code: 'closed' });
  await expect(engine.items()).rejects.toMatchObject({ code: 'closed' });
});
