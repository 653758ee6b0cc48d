// Personal weights are out of the model as soon as an item of theirs is forgotten, whoever forgets it and whatever else is going on.
import { expect, test } from 'vitest';
import { inMemoryHistory } from '../history/in-memory-history.ts';
import type { HistoryStore } from '../history/history-store.ts';
import { fakeEngineParts } from '../testing/fake-personalizer.ts';
import { keepReadyAdapter } from '../testing/ready-adapter.ts';
import { createEngine } from './create-engine.ts';
import type { GenerateEvent, Personalizer } from './personalizer.ts';

const task = 'notes';

async function keepLora(store: HistoryStore, items: readonly string[], languageModel: string): Promise<void> {
  const isKept = await keepReadyAdapter(store, {
    task,
    kind: 'lora',
    base: 'none',
    plug: 'any',
    languageModel,
    itemIds: items,
    tensors: new Map([['layers.0.q.A', { shape: [1, 1], data: new Float32Array(1) }]]),
  });
  expect(isKept).toBe(true);
}

/** An engine whose model says which adapter it has, with a LoRA of two items. */
async function engineWithLora() {
  const store = inMemoryHistory();
  const parts = fakeEngineParts({ store });
  const set: (string | null)[] = [];
  const engine = createEngine({
    ...parts,
    languageModel: { ...parts.languageModel, useAdapter: async (adapter) => void set.push(adapter?.id ?? null) },
  });
  const { id: a } = await engine.remember({ task, input: 'a draft', output: 'a title' });
  const { id: b } = await engine.remember({ id: 'b', task, input: 'another draft', output: 'another title' });
  await keepLora(store, [a, b], parts.languageModel.fingerprint);
  return { engine, store, a, set };
}

async function adapters(engine: Personalizer, onEvent?: (event: GenerateEvent) => Promise<void>): Promise<string[][]> {
  const seen: string[][] = [];
  for await (const event of engine.generate({ task, input: 'new', persona: 'none' })) {
    if (event.type === 'explanation') seen.push([...event.explanation.adapters]);
    await onEvent?.(event);
  }
  return seen;
}

test('forgetting an item takes the weights out before it resolves', async () => {
  const { engine, a, set } = await engineWithLora();
  expect(await adapters(engine)).toEqual([['lora']]);
  await engine.forget(a);
  expect(set).toEqual(['one', null]);
  expect(await adapters(engine)).toEqual([[]]);
});

test('so do changing one, importing another version of it, and forgetting everything', async () => {
  for (const act of [
    async (engine: Personalizer) => void (await engine.remember({ id: 'b', task, input: 'changed', output: 'it' })),
    async (engine: Personalizer) =>
      void (await engine.importHistory(JSON.stringify({ id: 'b', task, input: 'changed', output: 'it' }))),
    async (engine: Personalizer) => await engine.forgetEverything(),
  ]) {
    const { engine, set } = await engineWithLora();
    await adapters(engine);
    await act(engine);
    expect(set).toEqual(['one', null]);
  }
});

test('so does another who has the history open', async () => {
  const { engine, store, a, set } = await engineWithLora();
  await adapters(engine);
  await store.delete(a);
  await expect.poll(() => set).toEqual(['one', null]);
});

test('an answer that is being written ends as it began, and forgetting does not wait for it', async () => {
  const { engine, a, set } = await engineWithLora();
  let wasForgotten = false;
  await adapters(engine, async ({ type }) => {
    if (type === 'delta' && !wasForgotten) wasForgotten = await engine.forget(a);
    if (type === 'end') expect(set).toEqual(['one']);
  });
  expect(wasForgotten).toBe(true);
  await expect.poll(() => set).toEqual(['one', null]);
});

test('an answer that waits for its turn while an item is forgotten is made without what was trained on it, and says so', async () => {
  const { engine, a, set } = await engineWithLora();
  const waiting: Promise<string[][]>[] = [];
  await adapters(engine, async ({ type }) => {
    if (type !== 'delta' || waiting.length > 0) return;
    waiting.push(adapters(engine));
    await engine.forget(a);
  });
  expect(await Promise.all(waiting)).toEqual([[[]]]);
  expect(set.at(-1)).toBeNull();
});

test('weights that an answer sets after their item was forgotten go with that answer', async () => {
  const { engine, a, set } = await engineWithLora();
  await adapters(engine, async ({ type }) => {
    if (type === 'explanation') await engine.forget(a);
  });
  await expect.poll(() => set).toEqual(['one', null]);
});
