// What a personal prompt does to the prompt that the language model sees.
import { expect, test } from 'vitest';
import { inMemoryHistory } from '../history/in-memory-history.ts';
import type { HistoryStore } from '../history/history-store.ts';
import type { PromptSegment } from '../language-model/language-model.ts';
import type { Adapter } from '../adapter/adapter.ts';
import { keepReadyAdapter } from '../testing/ready-adapter.ts';
import { fakeEngineParts } from '../testing/fake-personalizer.ts';
import { instructionRows } from '../persona/instruction.ts';
import { hashEmbedder } from '../testing/hash-embedder.ts';
import { randomPlug } from '../testing/random-plug.ts';
import { createEngine } from './create-engine.ts';
import type { EngineParts } from './engine-context.ts';
import type { Explanation, GenerateRequest } from './personalizer.ts';

const task = 'notes';
const { plug, languageModel } = fakeEngineParts();

async function keep(
  store: HistoryStore,
  fields: Partial<Pick<Adapter, 'base' | 'plug' | 'languageModel'>>,
  fill: number,
  id: string,
): Promise<void> {
  const count = fields.base === 'instruction' ? plug.instructionRows : plug.personaRows;
  const data = new Float32Array(count * plug.hiddenSize).fill(fill);
  const isKept = await keepReadyAdapter(store, {
    task,
    kind: 'prompt',
    base: 'persona',
    plug: plug.fingerprint,
    languageModel: languageModel.fingerprint,
    itemIds: [id],
    tensors: new Map([['prompt', { shape: [count, plug.hiddenSize], data }]]),
    ...fields,
  });
  expect(isKept).toBe(true);
}

/** An engine with one item, and the rows segments of the prompts that its language model got. */
async function engineWith(replaced: Partial<EngineParts> = {}) {
  const store = inMemoryHistory();
  const parts = fakeEngineParts({ store, ...replaced });
  const prompts: PromptSegment[][] = [];
  const engine = createEngine({
    ...parts,
    languageModel: {
      ...parts.languageModel,
      async *generate(...[prompt, options]: Parameters<typeof parts.languageModel.generate>) {
        prompts.push([...prompt]);
        return yield* parts.languageModel.generate(prompt, options);
      },
    },
  });
  const { id } = await engine.remember({ task, input: 'a draft', output: 'a title' });
  async function ask(more: Partial<GenerateRequest>): Promise<{ explanation: Explanation; prompt: PromptSegment[] }> {
    let explanation: Explanation | null = null;
    for await (const event of engine.generate({ task, input: 'another', at: '2024-01-01', ...more })) {
      if (event.type === 'explanation') ({ explanation } = event);
    }
    if (explanation === null) throw new Error('no explanation');
    return { explanation, prompt: prompts.at(-1) ?? [] };
  }
  return { engine, store, id, ask };
}

const rowsOf = (prompt: readonly PromptSegment[]): Float32Array[] =>
  prompt.flatMap((segment) => (segment.kind === 'rows' ? [segment.rows] : []));

test('a prompt trained on personas is added to the persona, and to nothing where there is none', async () => {
  const { store, id, ask } = await engineWith();
  const before = await ask({ persona: 'always' });
  const none = await ask({ persona: 'none' });
  await keep(store, {}, 0.5, id);
  const after = await ask({ persona: 'always' });
  expect(before.explanation.adapters).toEqual([]);
  expect(after.explanation.adapters).toEqual(['prompt']);
  const [instruction, persona] = rowsOf(before.prompt);
  expect(rowsOf(after.prompt)).toEqual([instruction, persona?.map((value) => value + 0.5)]);
  expect(await ask({ persona: 'none' })).toEqual(none);
  expect(await ask({ persona: 'always', adapters: 'none' })).toEqual(before);
});

test('a prompt trained without a persona starts from the instruction, and leaves personas alone', async () => {
  const { store, id, ask } = await engineWith();
  const before = await ask({ persona: 'always' });
  await keep(store, { base: 'instruction' }, 0.25, id);
  expect(await ask({ persona: 'always' })).toEqual(before);
  const { explanation, prompt } = await ask({ persona: 'none' });
  expect(explanation.adapters).toEqual(['prompt']);
  expect(rowsOf(prompt)).toEqual([plug.parametersOf(task).instruction.map((value) => value + 0.25)]);
});

test('where there is no persona the rows follow the query, as they did in training', async () => {
  const embedder = hashEmbedder();
  const following = randomPlug({
    embedder: embedder.identity.fingerprint,
    languageModel: languageModel.fingerprint,
    dim: embedder.identity.dim,
    hiddenSize: languageModel.hiddenSize,
    instructionRank: 3,
  });
  const { store, id, ask } = await engineWith({ embedder, plug: following });
  await keep(store, { base: 'instruction', plug: following.fingerprint }, 0, id);
  const [rows] = rowsOf((await ask({ persona: 'none' })).prompt);
  expect(rows).toEqual(instructionRows(following, task, await embedder.embed('another')));
  expect(rows).not.toEqual(following.parametersOf(task).instruction);
});

test('with the gate shut and a soft prompt the query is embedded once', async () => {
  const embedded: string[] = [];
  const store = inMemoryHistory();
  const engine = createEngine({
    ...fakeEngineParts({ store, embedder: hashEmbedder({ onEmbed: (text) => embedded.push(text) }) }),
    plug: { ...plug, gateThreshold: 2 },
  });
  const { id } = await engine.remember({ task, input: 'a draft', output: 'a title' });
  await keep(store, { base: 'instruction' }, 0.25, id);
  embedded.length = 0;
  const { isPersonaUsed, adapters } = await engine.explain({ task, input: 'another' });
  expect({ isPersonaUsed, adapters, embedded }).toEqual({
    isPersonaUsed: false,
    adapters: ['prompt'],
    embedded: ['another'],
  });
});

test('an adapter of other models does not count, and a forgotten item takes it along', async () => {
  const { engine, store, id, ask } = await engineWith();
  const before = await ask({ persona: 'always' });
  await keep(store, { languageModel: 'another' }, 1, id);
  expect(await ask({ persona: 'always' })).toEqual(before);
  await keep(store, {}, 1, id);
  expect((await ask({ persona: 'always' })).explanation.adapters).toEqual(['prompt']);
  await engine.forget(id);
  await engine.remember({ task, input: 'a draft', output: 'a title' });
  expect(await ask({ persona: 'always' })).toEqual(before);
});

test('an export with vectors carries it to another history, bit for bit; without them it can be trained again', async () => {
  const { engine, store, id, ask } = await engineWith();
  await keep(store, {}, 0.5, id);
  const before = await ask({ persona: 'always' });
  const text = await engine.exportHistory({ includeVectors: true });

  const same = await engineWith();
  await same.engine.forgetEverything();
  await same.engine.importHistory(text);
  expect(await same.ask({ persona: 'always' })).toEqual(before);
  expect(await same.engine.exportHistory({ includeVectors: true })).toBe(text);
  expect((await same.engine.status()).adapters).toEqual([{ task, kind: 'prompt', state: 'ready' }]);
  // Twice changes nothing.
  await same.engine.importHistory(text);
  expect(await same.engine.exportHistory({ includeVectors: true })).toBe(text);

  const bare = await engineWith();
  await bare.engine.forgetEverything();
  await bare.engine.importHistory(await engine.exportHistory());
  expect((await bare.ask({ persona: 'always' })).explanation.adapters).toEqual([]);
  expect((await bare.engine.status()).adapters).toEqual([{ task, kind: 'prompt', state: 'stale' }]);
  const [left] = await bare.store.adapters();
  expect(left?.settings).toBe((await store.adapters())[0]?.settings);
  await bare.engine.forgetEverything();
  expect(await bare.store.adapters()).toEqual([]);
});
