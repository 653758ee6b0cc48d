// The whole engine over the shipped packages in Node, on wasm: the same code that runs in the worker of a page, with
// packages from a folder and a history in memory.
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import * as v from 'valibot';
import { inMemoryHistory } from '../history/in-memory-history.ts';
import { openGoldenFiles } from '../testing/golden/golden-files.ts';
import { goldenModels } from '../testing/golden/golden-models.ts';
import { loadEngine } from './load-engine.ts';
import type { GenerateEvent, GenerateRequest, Personalizer } from './personalizer.ts';

const pair = v.object({ none: v.string(), persona: v.string() });
const schema = v.object({
  cases: v.pipe(
    v.array(
      v.object({
        name: v.string(),
        task: v.string(),
        history: v.array(v.looseObject({ id: v.string(), task: v.string() })),
        input: v.string(),
        at: v.string(),
        answers: pair,
        gate: v.number(),
      }),
    ),
    v.minLength(1),
  ),
});

const { source, missing } = goldenModels('all-minilm-l6-v2', 'nano-llm', 'plug', 'golden');

async function openOnWasm(onProgress = (): void => undefined): Promise<Personalizer> {
  const options = { models: 'unused:', embedderDevice: 'wasm', languageModelDevice: 'wasm' } as const;
  const context = { signal: new AbortController().signal, onProgress };
  return await loadEngine(options, context, { models: source, store: inMemoryHistory() });
}

async function promptTokens(engine: Personalizer, request: GenerateRequest): Promise<number> {
  for await (const event of engine.generate(request)) if (event.type === 'end') return event.usage.promptTokens;
  throw new Error('the stream had no end');
}

describe.skipIf(missing !== null)('the shipped models in Node', () => {
  test('give the golden answers with and without persona', { timeout: 240_000 }, async () => {
    const golden = await openGoldenFiles(source);
    const { cases } = v.parse(schema, await golden.json('end-to-end.json'));
    await using engine = await openOnWasm();
    for (const { name, task, history, input, at, answers, gate } of cases) {
      await engine.forgetEverything();
      await engine.importHistory(history.map((item) => JSON.stringify(item)).join('\n'));
      for (const persona of ['none', 'always'] as const) {
        const events: GenerateEvent[] = [];
        for await (const event of engine.generate({ task, input, at, persona })) events.push(event);
        const [first] = events;
        const last = events.at(-1);
        if (first?.type !== 'explanation' || last?.type !== 'end') throw new Error('no explanation or no end');
        expect(last.text, `${name}: ${persona}`).toBe(answers[persona === 'none' ? 'none' : 'persona']);
        // Within .05: the embedder's 8-bit kernels of two runtimes round activations differently (cosine .9996), and where the
        // gate is undecided that moves it by .01 to .02. The gate itself is held to 1e-5, on equal vectors, in src/persona.
        if (persona === 'always') expect(first.explanation.gate, `${name}: gate`).toBeCloseTo(gate, 1);
      }
    }
  });

  test(
    'show earlier items that fit, those nearest in meaning first, and stay within the context',
    { timeout: 240_000 },
    async () => {
      await using engine = await openOnWasm();
      const samples = new URL('../../public/samples/', import.meta.url);
      await engine.importHistory(await readFile(new URL('paper-title-one.jsonl', samples), 'utf8'));
      const [first, ...others] = await engine.items('paper_title');
      if (first === undefined) throw new Error('no sample history');
      const request = { task: 'paper_title', input: first.input, persona: 'none', maximumNewTokens: 4 } as const;
      const contextWindow = 1024;
      const [controls, room] = [3, contextWindow - 3 - request.maximumNewTokens];
      const plain = await promptTokens(engine, request);
      for (const method of ['bm25', 'dense', 'recency'] as const) {
        const { retrieved } = await engine.explain({ ...request, retrieval: { method, count: 50 } });
        // Abstracts are long: some of the 24 fit, not all.
        expect(retrieved.length).toBeGreaterThan(0);
        expect(retrieved.length).toBeLessThan(others.length);
        const [best] = retrieved;
        // The very same abstract: nothing is nearer. Within 1e-3: MiniLM's vectors are of unit length in float32.
        if (method !== 'recency') expect(best?.item).toEqual(first);
        if (method === 'dense') expect(best?.score).toBeCloseTo(1, 3);
        const tokens = await promptTokens(engine, { ...request, retrieval: { method, count: 50 } });
        expect(tokens).toBeGreaterThan(plain);
        expect(tokens).toBeLessThanOrEqual(Math.max(room, plain - controls + Math.floor(0.4 * room)) + controls);
      }
      const both = { ...request, persona: 'always', profile: true, retrieval: { method: 'bm25', count: 1 } } as const;
      const { profile, retrieved, isPersonaUsed } = await engine.explain(both);
      expect([retrieved.length, isPersonaUsed]).toEqual([1, true]);
      expect(profile).toMatch(/^The user writes about \d+ words, often with: "/u);
      expect(await promptTokens(engine, both)).toBeLessThanOrEqual(contextWindow - request.maximumNewTokens);
    },
  );

  test('say which package is missing, and close what was opened', async () => {
    const store = inMemoryHistory();
    const options = { models: 'unused:', embedderDevice: 'wasm', packages: { plug: 'absent' } } as const;
    const context = { signal: new AbortController().signal, onProgress: () => undefined };
    await expect(loadEngine(options, context, { models: source, store })).rejects.toMatchObject({
      code: 'model-missing',
    });
    await expect(store.list()).rejects.toMatchObject({ code: 'closed' });
  });
});
