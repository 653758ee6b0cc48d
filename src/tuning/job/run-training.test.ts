// A training over the shipped language model on jax-js and a history in memory: what a person may do to it, and what then is left.
import { vectorVersion } from '../../embedder/text-chunks.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import type { HistoryStore } from '../../history/history-store.ts';
import { inMemoryHistory } from '../../history/in-memory-history.ts';
import { createTextTokenizer } from '../../language-model/text-tokenizer.ts';
import { PersonaPlugError } from '../../lib/errors.ts';
import { readSafetensors } from '../../model-package/safetensors.ts';
import { readPlug } from '../../persona/plug.ts';
import { createTaskRegistry } from '../../tasks/task-registry.ts';
import { goldenModels } from '../../testing/golden/golden-models.ts';
import { seededRandom } from '../../lib/seeded-random.ts';
import { jaxGradientModel } from '../jax/jax-gradient-model.ts';
import { loadJax } from '../jax/load-jax.ts';
import { readLlamaWeights } from '../llama-weights.ts';
import { readWeightAdapter } from '../../adapter/weight-adapter.ts';
import { checkTrainingOptions } from '../../adapter/training-options.ts';
import { readAdapter, writeSettings } from '../../adapter/adapter-record.ts';
import type { TrainingEvent, TrainingRequest } from '../../adapter/training-run.ts';
import { runTraining, type TrainingControl } from './run-training.ts';
import type { TrainingOrder, TrainingParts } from './open-training.ts';

const { source, missing } = goldenModels('nano-llm', 'plug');
const task = 'news_headline';

/** Headlines of one voice: something that can be learned. */
const headlines = ['bridge', 'school', 'market', 'harbour', 'library', 'station', 'garden', 'theatre'].map(
  (place, index) => ({
    item: {
      id: `i${index}`,
      date: `2024-01-0${index + 1}`,
      task,
      input: `The ${place} opens again.`,
      output: `At last! The ${place}!`,
    },
    seed: index,
  }),
);

describe.skipIf(missing !== null)('a training', () => {
  let parts: Omit<TrainingParts, 'store'>;

  beforeAll(async () => {
    const modelPackage = await source.open('nano-llm', 'language-model');
    const plugPackage = await source.open('plug', 'plug');
    const { manifest } = modelPackage;
    const weights = await readLlamaWeights(modelPackage);
    parts = {
      weights,
      languageModel: manifest.fingerprint,
      plug: readPlug(plugPackage.manifest, readSafetensors(await plugPackage.bytes(plugPackage.manifest.plug.weights))),
      tasks: createTaskRegistry(),
      tokenizer: createTextTokenizer(await modelPackage.json(manifest.languageModel.tokenizer)),
      promptTemplate: manifest.languageModel.promptTemplate,
      endToken: manifest.languageModel.endTokens[0] ?? 0,
      createModel: async (loraScale) => jaxGradientModel(await loadJax('wasm'), weights, { loraScale }),
      checkpointInterval: 0,
    };
  });

  async function filledHistory(): Promise<HistoryStore> {
    const store = inMemoryHistory();
    const { dim, embedder } = parts.plug;
    const unit = (seed: number): Float32Array<ArrayBuffer> => {
      const random = seededRandom(seed);
      const values = Float32Array.from({ length: dim }, () => random() - 0.5);
      const norm = Math.hypot(...values);
      return values.map((value) => value / norm);
    };
    await store.put(
      headlines.map(({ item, seed }) => ({
        item,
        vectors: {
          embedder,
          version: vectorVersion,
          backend: 'wasm' as const,
          dim,
          input: unit(2 * seed),
          output: unit(2 * seed + 1),
        },
      })),
    );
    return store;
  }

  async function run(
    store: HistoryStore,
    order: TrainingOrder,
    control: TrainingControl = {},
    onEvent: (event: TrainingEvent) => boolean | Promise<boolean> = () => true,
  ): Promise<TrainingEvent[]> {
    const events: TrainingEvent[] = [];
    for await (const event of runTraining({ ...parts, store }, order, control)) {
      events.push(event);
      if (!(await onEvent(event))) break;
    }
    return events;
  }

  const short: TrainingRequest = { task, options: { kind: 'prompt', passes: 2, batchSize: 3, rate: 0.01 } };
  const trained = async (store: HistoryStore): Promise<Uint8Array | undefined> =>
    (await store.adapters(task)).find(({ state }) => state === 'ready')?.tensors;

  test('a personal prompt lowers the loss of items that it has not seen, and says so', async () => {
    const store = await filledHistory();
    const events = await run(store, { task, options: { kind: 'prompt', passes: 6, batchSize: 1, rate: 0.1 } });
    const losses = events.flatMap((event) => (event.type === 'step' ? [event.loss] : []));
    // Six passes over six items; after them the item that was held out is learned too.
    expect(mean(losses.slice(30, 36))).toBeLessThan(0.9 * mean(losses.slice(0, 6)));
    expect(losses.at(-1)).toBeLessThan(losses[36] ?? 0);
    const last = events.at(-1);
    if (last?.type !== 'end' || last.outcome.type !== 'ready') throw new Error(`ended with ${JSON.stringify(last)}`);
    const { result } = last.outcome;
    expect(result.loss).toBeLessThan(result.startLoss);
    expect(result).toMatchObject({ trainedItems: 6, heldOutItems: 1 });
    const record = await store.adapter(task, 'prompt');
    if (record === null) throw new Error('nothing was kept');
    expect(readAdapter(record)).toMatchObject({ base: 'persona', state: 'ready', result });
    expect(readSafetensors(record.tensors).get('prompt')?.shape).toEqual([
      parts.plug.personaRows,
      parts.plug.hiddenSize,
    ]);
    expect(record.tensors.byteLength).toBeLessThanOrEqual(65_536);
    const times = events.flatMap((event) => (event.type === 'step' ? [event.millisecondsLeft] : []));
    expect(times[0]).toBeNull();
    expect(times.at(-1)).toBe(0);
  });

  test('killed after any step and resumed, it ends with the very same numbers', async () => {
    const undisturbed = await filledHistory();
    const steps = (await run(undisturbed, short)).filter(({ type }) => type === 'step').length;
    const expected = await trained(undisturbed);
    expect(expected).toBeDefined();
    for (const [store, at] of [
      [await filledHistory(), 1],
      [await filledHistory(), steps - 1],
    ] as const) {
      let seen = 0;
      // Stopped between a step and its checkpoint: the step is lost, and done again.
      await run(store, short, {}, ({ type }) => type !== 'step' || ++seen < at);
      expect(await trained(store)).toBeUndefined();
      await run(store, { task, resume: 'prompt' });
      expect(await trained(store)).toEqual(expected);
    }
  });

  test('paused, it says where, and goes on from there', async () => {
    const store = await filledHistory();
    const pause = new AbortController();
    const events = await run(store, short, { pause: pause.signal }, ({ type }) => {
      if (type === 'step') pause.abort();
      return true;
    });
    expect(events.at(-1)).toEqual({ type: 'end', outcome: { type: 'paused', step: 1 } });
    const rest = await run(store, { task, resume: 'prompt' });
    expect(rest.find(({ type }) => type === 'step')).toMatchObject({ step: 2 });
    expect(await store.adapters(task)).toMatchObject([{ state: 'ready' }]);
  });

  test('a disk that is full at the very end says so, and resumed from its last checkpoint it has the very same numbers', async () => {
    const undisturbed = await filledHistory();
    await run(undisturbed, short);
    const store = await filledHistory();
    const full: HistoryStore = {
      ...store,
      async keepAdapter(record) {
        if (record.state === 'ready') throw new PersonaPlugError('storage-quota', 'The disk is full.');
        return await store.keepAdapter(record);
      },
    };
    await expect(run(full, short)).rejects.toMatchObject({ code: 'storage-quota' });
    expect(await store.adapters(task)).toMatchObject([{ state: 'running' }]);
    const left = await run(store, { task, resume: 'prompt' });
    expect(left.filter(({ type }) => type === 'step')).toEqual([]);
    expect(left.at(-1)).toMatchObject({ type: 'end', outcome: { type: 'ready' } });
    expect(await trained(store)).toEqual(await trained(undisturbed));
  });

  test('given up, it leaves no trace, and what was trained before stays', async () => {
    const store = await filledHistory();
    await run(store, short);
    const before = await trained(store);
    const reason = new Error('enough');
    const controller = new AbortController();
    const abandoned = run(store, short, { signal: controller.signal }, ({ type }) => {
      if (type === 'step') controller.abort(reason);
      return true;
    });
    await expect(abandoned).rejects.toBe(reason);
    expect(await store.adapters(task)).toHaveLength(1);
    expect(await trained(store)).toEqual(before);
    await expect(run(store, { task, resume: 'prompt' })).rejects.toMatchObject({ code: 'not-found' });
  });

  test('an item that is forgotten meanwhile takes the training with it', async () => {
    const store = await filledHistory();
    const ended = run(store, short, {}, async ({ type }) => {
      if (type === 'step') await store.delete('i2');
      return true;
    });
    await expect(ended).rejects.toMatchObject({ code: 'closed' });
    const left = headlines.map(({ item }) => item.id).filter((id) => id !== 'i2');
    expect(await store.adapters(task)).toMatchObject([
      { state: 'stale', items: left, description: '', tensors: new Uint8Array(0), stale: { reason: 'forgotten' } },
    ]);
    await expect(run(store, { task, resume: 'prompt' })).rejects.toMatchObject({ code: 'not-found' });
  });

  test('trained again, a stale adapter is that of a history which never held the item', async () => {
    const [forgot, never] = [await filledHistory(), await filledHistory()];
    const asked: TrainingRequest = { ...short, base: 'instruction', options: { ...short.options, seed: 7 } };
    await run(forgot, asked);
    const withIt = await trained(forgot);
    await forgot.delete('i2');
    expect(await trained(forgot)).toBeUndefined();
    await run(forgot, { task, retrain: 'prompt' });
    await never.delete('i2');
    await run(never, asked);
    const again = await forgot.adapter(task, 'prompt');
    if (again === null) throw new Error('nothing was kept');
    expect(again.tensors).toEqual((await never.adapters(task))[0]?.tensors);
    expect(again.tensors).not.toEqual(withIt);
    expect(readAdapter(again)).toMatchObject({
      base: 'instruction',
      plug: parts.plug.fingerprint,
      languageModel: parts.languageModel,
      options: { ...asked.options, kind: 'prompt' },
      startedAt: expect.any(Number),
    });
    expect(await forgot.adapters(task)).toHaveLength(1);
  });

  test('what cannot be trained again says so, and a retraining without a gain ends the offer', async () => {
    const store = await filledHistory();
    await expect(run(store, { task, retrain: 'prompt' })).rejects.toMatchObject({ code: 'not-found' });
    const settings = writeSettings({
      base: 'persona',
      plug: parts.plug.fingerprint,
      languageModel: parts.languageModel,
      options: checkTrainingOptions({ kind: 'prompt', passes: 1, rate: 1e-30 }),
      startedAt: 0,
    });
    const record = { task, kind: 'prompt', state: 'running', run: 'earlier', items: ['i2'], settings } as const;
    await store.startAdapter({ ...record, description: 'text', tensors: Uint8Array.of(1) });
    await store.delete('i2');
    const events = await run(store, { task, retrain: 'prompt' });
    expect(events.at(-1)).toMatchObject({ type: 'end', outcome: { type: 'no-gain' } });
    expect(await store.adapters(task)).toEqual([]);
  });

  test('a training that makes nothing better keeps nothing', async () => {
    const store = await filledHistory();
    // Steps too small for float32: nothing gets better.
    const events = await run(store, { task, options: { kind: 'prompt', passes: 1, rate: 1e-30 } });
    expect(events.at(-1)).toMatchObject({ type: 'end', outcome: { type: 'no-gain' } });
    expect(await store.adapters(task)).toEqual([]);
  });

  test('LoRA learns too, and fits into 400 KiB', async () => {
    const store = await filledHistory();
    const events = await run(store, { task, options: { kind: 'lora', passes: 3, batchSize: 1, rate: 0.003 } });
    expect(events.at(-1)).toMatchObject({ type: 'end', outcome: { type: 'ready' } });
    expect((await trained(store))?.byteLength).toBeLessThanOrEqual(409_600);
  });

  test.each(['persona', 'none'] as const)('(IA)³ learns too, on the base %s, and fits into 64 KiB', async (base) => {
    const store = await filledHistory();
    const options = { kind: 'ia3', passes: 2, batchSize: 1, rate: 0.03 } as const;
    const events = await run(store, { task, base, options });
    const last = events.at(-1);
    if (last?.type !== 'end' || last.outcome.type !== 'ready') throw new Error(`ended with ${JSON.stringify(last)}`);
    expect(last.outcome.result.loss).toBeLessThan(last.outcome.result.startLoss);
    const record = await store.adapter(task, 'ia3');
    if (record === null) throw new Error('nothing was kept');
    expect(record.tensors.byteLength).toBeLessThanOrEqual(65_536);
    expect(readWeightAdapter(record)).toMatchObject({ kind: 'ia3', id: record.run });
  });

  test('vectors of another embedder, or of an older version, are refused before anything is stored', async () => {
    const store = await filledHistory();
    const entry = await store.get('i3');
    if (entry?.vectors === undefined || entry.vectors === null) throw new Error('no vectors');
    await store.replaceVectors([{ item: entry.item, vectors: { ...entry.vectors, embedder: 'another' } }]);
    await expect(run(store, short)).rejects.toMatchObject({ code: 'invalid-argument', details: { item: 'i3' } });
    const { version: _, ...old } = entry.vectors;
    await store.replaceVectors([{ item: entry.item, vectors: old }]);
    await expect(run(store, short)).rejects.toMatchObject({ code: 'invalid-argument', details: { item: 'i3' } });
    expect(await store.adapters(task)).toEqual([]);
  });
});

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
