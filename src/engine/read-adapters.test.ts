// Which of several trained adapters an answer is made with.
import { expect, test } from 'vitest';
import { inMemoryHistory } from '../history/in-memory-history.ts';
import type { HistoryStore } from '../history/history-store.ts';
import { fakeEngineParts } from '../testing/fake-personalizer.ts';
import { keepReadyAdapter } from '../testing/ready-adapter.ts';
import { createEngine } from './create-engine.ts';

const task = 'notes';
const { languageModel } = fakeEngineParts();
const numbers = { lora: ['layers.0.q.A', [1, 1]], ia3: ['layers.0.k', [1]] } as const;

async function keep(
  store: HistoryStore,
  kind: keyof typeof numbers,
  finishedAt: number,
  fingerprint = languageModel.fingerprint,
): Promise<void> {
  const [name, shape] = numbers[kind];
  const isKept = await keepReadyAdapter(store, {
    task,
    kind,
    base: 'none',
    plug: 'any',
    languageModel: fingerprint,
    itemIds: [],
    run: `${kind} ${finishedAt}`,
    finishedAt,
    tensors: new Map([[name, { shape, data: Float32Array.of(0.5) }]]),
  });
  expect(isKept).toBe(true);
}

/** An engine whose model says which adapter it was given last. */
function engineOn(store: HistoryStore) {
  const parts = fakeEngineParts({ store });
  let used: string | null = null;
  const engine = createEngine({
    ...parts,
    languageModel: { ...parts.languageModel, useAdapter: async (adapter) => void (used = adapter?.id ?? null) },
  });
  return async (mode: 'auto' | 'none' = 'auto'): Promise<{ used: string | null; adapters: readonly string[] }> => {
    let adapters: readonly string[] = [];
    const request = { task, input: 'new', persona: 'none' } as const;
    for await (const event of engine.generate({ ...request, adapters: mode })) {
      if (event.type === 'explanation') ({ adapters } = event.explanation);
    }
    return { used, adapters };
  };
}

test('the adapter that was trained last is used, alone, and is named', async () => {
  const store = inMemoryHistory();
  const ask = engineOn(store);
  expect(await ask()).toEqual({ used: null, adapters: [] });
  await keep(store, 'lora', 1);
  expect(await ask()).toEqual({ used: 'lora 1', adapters: ['lora'] });
  await keep(store, 'ia3', 2);
  expect(await ask()).toEqual({ used: 'ia3 2', adapters: ['ia3'] });
  await keep(store, 'lora', 3);
  expect(await ask()).toEqual({ used: 'lora 3', adapters: ['lora'] });
  expect(await ask('none')).toEqual({ used: null, adapters: [] });
  await store.dropAdapters(task, 'lora');
  expect(await ask()).toEqual({ used: 'ia3 2', adapters: ['ia3'] });
});

test('one of another language model does not count, however new it is', async () => {
  const store = inMemoryHistory();
  const ask = engineOn(store);
  await keep(store, 'lora', 1);
  await keep(store, 'ia3', 2, 'another');
  expect(await ask()).toEqual({ used: 'lora 1', adapters: ['lora'] });
});
