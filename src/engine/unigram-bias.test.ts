// When unigram adaptation is used, and that what it counted is forgotten with the items.
import { expect, test } from 'vitest';
import { runToEnd } from '../lib/run-to-end.ts';
import { fakeEngineParts } from '../testing/fake-personalizer.ts';
import { hashEmbedder } from '../testing/hash-embedder.ts';
import { randomPlug } from '../testing/random-plug.ts';
import { scriptedLanguageModel } from '../testing/scripted-language-model.ts';
import { createEngine } from './create-engine.ts';
import { createEngineContext } from './engine-context.ts';
import { prepareAnswer, type PreparedAnswer } from './generate.ts';
import { adaptedWords } from './unigram-bias.ts';
import type { GenerateRequest } from './personalizer.ts';

const { signal } = new AbortController();
const request = { task: 'news_headline', input: 'a draft', at: '2026-01-01' } as const;

function start() {
  const [embedder, languageModel] = [hashEmbedder(), scriptedLanguageModel()];
  const plug = randomPlug({
    embedder: embedder.identity.fingerprint,
    languageModel: languageModel.fingerprint,
    dim: embedder.identity.dim,
    hiddenSize: languageModel.hiddenSize,
    vocabularySize: 260,
  });
  const parts = fakeEngineParts({ embedder, languageModel, plug });
  const context = createEngineContext({ ...parts, clock: () => 0 });
  const engine = createEngine(parts);
  return {
    engine,
    encode: (text: string) => languageModel.tokenizer.encode(text),
    prepare: async (changes: Partial<GenerateRequest> = {}): Promise<PreparedAnswer> =>
      await runToEnd(prepareAnswer(context, { ...request, ...changes }, signal)),
  };
}

const item = (name: string, task = 'news_headline') => ({ id: name, task, input: `draft ${name}`, output: `${name}!` });

test('every token of the outputs and their end is raised, and no other', async () => {
  const { engine, encode, prepare } = start();
  await engine.remember(item('abba'));
  const { logitBias } = await prepare();
  expect(new Set(logitBias.keys())).toEqual(new Set([...encode('ab!'), 0]));
  const [a = 0, b = 0] = encode('a!');
  expect(logitBias.get(a)).toBeGreaterThan(logitBias.get(b) ?? Infinity);
});

test('nothing is raised without a persona, on request, or for other tasks', async () => {
  const { engine, prepare } = start();
  expect((await prepare()).logitBias.size).toBe(0);
  await engine.remember(item('a'));
  await engine.remember(item('b', 'news_category'));
  await engine.remember(item('c', 'a task of its own'));
  expect((await prepare()).logitBias.size).toBeGreaterThan(0);
  expect((await prepare({ persona: 'none' })).logitBias.size).toBe(0);
  expect((await prepare({ unigramAdaptation: false })).logitBias.size).toBe(0);
  expect((await prepare({ task: 'news_category' })).logitBias.size).toBe(0);
  expect((await prepare({ task: 'a task of its own' })).logitBias.size).toBe(0);
});

test('among choices those that the user has given are raised too', async () => {
  const { engine, prepare } = start();
  await engine.remember(item('a'));
  const free = await prepare();
  const chosen = await prepare({ choices: ['a!', 'b!'] });
  expect(free.logitBias.size).toBeGreaterThan(0);
  expect(chosen.logitBias).toEqual(free.logitBias);
});

test('after forgetting they are, bit for bit, those of a history that never held the item, in any order', async () => {
  const [forgot, never] = [start(), start()];
  for (const name of ['abc', 'bcd', 'cde']) await forgot.engine.remember(item(name));
  await forgot.prepare();
  await forgot.engine.forget('bcd');
  for (const name of ['cde', 'abc']) await never.engine.remember(item(name));
  expect((await forgot.prepare()).logitBias).toEqual((await never.prepare()).logitBias);
});

test('the words that became likeliest are reported, whole', () => {
  const tokens: Readonly<Record<string, number[]>> = { ' Rome': [1], ' 2024': [2, 3], ' calm': [4] };
  const bias = new Map([
    [1, 0.5],
    [2, 3],
    [3, 1],
  ]);
  const encode = (text: string): number[] => tokens[text] ?? [];
  expect(adaptedWords(bias, ['Rome, 2024', 'A calm Rome'], { encode })).toEqual([
    { text: '2024', factor: Math.exp(2) },
    { text: 'Rome', factor: Math.exp(0.5) },
  ]);
  expect(adaptedWords(new Map(), ['Rome'], { encode })).toEqual([]);
});
