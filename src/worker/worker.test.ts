// Client and server of the protocol over real message channels, with an engine over fakes behind them.
import { afterEach, describe, expect, test } from 'vitest';
import type { EngineOptions, GenerateEvent, Personalizer } from '../engine/personalizer.ts';
import { inMemoryHistory } from '../history/in-memory-history.ts';
import { PersonaPlugError } from '../lib/errors.ts';
import type { Progress } from '../lib/progress.ts';
import { keepReadyAdapter } from '../testing/ready-adapter.ts';
import { fakePersonalizer } from '../testing/fake-personalizer.ts';
import { hashEmbedder } from '../testing/hash-embedder.ts';
import { scriptedLanguageModel } from '../testing/scripted-language-model.ts';
import { connect, type ConnectOptions } from './connect.ts';
import { clientMessage, type Port, protocolVersion, readWorkerMessage } from './protocol.ts';
import { type EngineServer, serveEngine } from './serve-engine.ts';
import type { LoadEngine } from './shared-engine.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

function channelTo(server: EngineServer): MessagePort {
  const { port1, port2 } = new MessageChannel();
  cleanups.push(() => port1.close());
  server.addPort(port2);
  return port1;
}

function serve(load: LoadEngine = async () => await Promise.resolve(fakePersonalizer())): EngineServer {
  return serveEngine({ load, locks: null });
}

async function open(
  server: EngineServer,
  options: Partial<EngineOptions> = {},
  connectOptions: ConnectOptions = {},
): Promise<Personalizer> {
  return await connect(
    channelTo(server),
    { models: 'http://localhost/models/', ...options },
    { locks: null, ...connectOptions },
  );
}

const item = { task: 'news_headline', input: 'a draft', output: 'a headline' };
const jsonl = (count: number): string =>
  Array.from({ length: count }, (_, index) => JSON.stringify({ ...item, id: `i${index}` })).join('\n');

async function collect(events: AsyncIterable<GenerateEvent>): Promise<GenerateEvent[]> {
  const all: GenerateEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

test('every call of a Personalizer goes through', async () => {
  const me = await open(serve());
  const { partlyEmbedded, ...stored } = await me.remember(item);
  expect(stored).toMatchObject(item);
  expect(partlyEmbedded).toBe(false);
  expect(await me.items()).toEqual([stored]);
  expect(await me.items('other')).toEqual([]);
  const text = await me.exportHistory({ includeVectors: true });
  expect(text).toContain('"vectors"');
  expect(await me.status()).toMatchObject({ items: { news_headline: 1 } });
  const retrieval = { method: 'recency', count: 3 } as const;
  expect(await me.explain({ task: 'news_headline', input: 'x', retrieval, profile: true })).toMatchObject({
    items: [{ item: stored, weight: 1 }],
    retrieved: [{ item: stored, score: 1 }],
    profile: 'The user writes about 2 words',
  });
  const events = await collect(me.generate({ task: 'news_headline', input: 'x' }));
  expect(events[0]).toMatchObject({ type: 'explanation', explanation: { isPersonaUsed: true } });
  expect(events.at(-1)).toMatchObject({ type: 'end' });
  expect(await me.forget(stored.id)).toBe(true);
  expect(await me.importHistory(text)).toEqual({ added: 1, replaced: 0, unchanged: 0, partlyEmbedded: 0 });
  await me.forgetEverything();
  expect(await me.items()).toEqual([]);
  await me[Symbol.asyncDispose]();
  await expect(me.items()).rejects.toMatchObject({ code: 'closed' });
});

test('adapters are listed, watched, taken out for peft and dropped through the worker', async () => {
  const store = inMemoryHistory();
  const me = await open(serve(async () => await Promise.resolve(fakePersonalizer({ store }))));
  const { adapters } = me;
  const changes = adapters.watch()[Symbol.asyncIterator]();
  expect(await changes.next()).toEqual({ value: undefined, done: false });
  const models = { base: 'none', plug: 'p', languageModel: 'l' } as const;
  const named = { task: 'notes', kind: 'lora' } as const;
  const tensors = new Map([['layers.0.q.A', { shape: [1, 2], data: Float32Array.of(0.5, 1) }]]);
  await keepReadyAdapter(store, { ...named, ...models, itemIds: [], tensors });
  expect(await changes.next()).toEqual({ value: undefined, done: false });
  expect(await adapters.list('other')).toEqual([]);
  expect(await adapters.list()).toMatchObject([{ ...named, ...models, state: 'ready', result: { pass: 1 } }]);
  const files = await adapters.exportPeft({ ...named, baseModel: 'nano-llm' });
  expect(JSON.parse(files.config)).toMatchObject({ peft_type: 'LORA', base_model_name_or_path: 'nano-llm' });
  expect(await adapters.drop({ ...named, state: 'stale' })).toBe(false);
  expect(await adapters.drop(named)).toBe(true);
  await expect(adapters.exportPeft({ ...named, baseModel: 'nano-llm' })).rejects.toMatchObject({
    code: 'not-found',
    details: named,
  });
  await me[Symbol.asyncDispose]();
  await expect(untilEnd(changes)).rejects.toMatchObject({ code: 'closed' });
});

test('watching ends with the signal, and with the loop', async () => {
  const me = await open(serve());
  const controller = new AbortController();
  const reason = new Error('enough');
  for await (const _change of me.adapters.watch()) break;
  const changes = me.adapters.watch({ signal: controller.signal })[Symbol.asyncIterator]();
  await changes.next();
  controller.abort(reason);
  await expect(changes.next()).rejects.toBe(reason);
});

test('without a training worker a training is refused', async () => {
  for (const me of [await open(serve()), fakePersonalizer()]) {
    const run = me.adapters.train({ task: 'notes', options: { kind: 'prompt' } });
    await expect(untilEnd(run[Symbol.asyncIterator]())).rejects.toMatchObject({ code: 'invalid-argument' });
  }
});

async function untilEnd(events: AsyncIterator<unknown>): Promise<void> {
  for (let next = await events.next(); next.done !== true; next = await events.next());
}

test('errors keep code, details, message and the texts of their causes', async () => {
  const cause = new TypeError('the root', { cause: new Error('of it all') });
  const embedder = hashEmbedder({
    onEmbed() {
      throw new PersonaPlugError('device-lost', 'The device is gone. Reload.', {
        cause,
        details: { device: 'webgpu', n: 3 },
      });
    },
  });
  const me = await open(serve(async () => await Promise.resolve(fakePersonalizer({ embedder }))));
  const error: unknown = await me.remember(item).catch((thrown: unknown) => thrown);
  if (!PersonaPlugError.isInstance(error)) throw new Error('another error');
  expect(error).toMatchObject({
    code: 'device-lost',
    message: 'The device is gone. Reload.',
    details: { device: 'webgpu', n: 3 },
  });
  expect(error.cause).toMatchObject({ message: 'TypeError: the root ← Error: of it all' });
  await expect(me.importHistory('nonsense')).rejects.toMatchObject({ code: 'invalid-import', details: { line: 1 } });
});

test('progress arrives, of loading and of an import', async () => {
  const loading: Progress[] = [];
  const server = serve(async (_, { onProgress }) => {
    onProgress({ stage: 'download', label: 'model', done: 1, total: 2, unit: 'bytes', millisecondsLeft: null });
    return await Promise.resolve(fakePersonalizer());
  });
  const me = await open(server, {}, { onProgress: (progress) => loading.push(progress) });
  expect(loading).toMatchObject([{ stage: 'download', label: 'model' }]);
  const importing: Progress[] = [];
  await me.importHistory(jsonl(3), { onProgress: (progress) => importing.push(progress) });
  expect(importing.map(({ stage, done }) => `${stage} ${done}`)).toEqual([
    'embed 0',
    'embed 1',
    'embed 2',
    'embed 3',
    'store 0',
    'store 3',
  ]);
});

describe('an abort', () => {
  test('really stops the language model, and rejects with the reason', async () => {
    let tokens = 0;
    const languageModel = scriptedLanguageModel({ answer: () => 'x'.repeat(3000) });
    const counted = {
      ...languageModel,
      async *generate(...parameters: Parameters<typeof languageModel.generate>) {
        const stream = languageModel.generate(...parameters);
        for (let step = await stream.next(); ; step = await stream.next()) {
          if (step.done === true) return step.value;
          tokens += 1;
          yield step.value;
        }
      },
    };
    const me = await open(serve(async () => await Promise.resolve(fakePersonalizer({ languageModel: counted }))));
    const controller = new AbortController();
    const reason = new Error('enough');
    let seen = 0;
    const reading = async (): Promise<void> => {
      const request = { task: 'own', input: 'x', maximumNewTokens: 3000 };
      for await (const event of me.generate(request, { signal: controller.signal })) {
        if (event.type === 'delta') seen += 1;
        if (seen === 3) controller.abort(reason);
      }
    };
    await expect(reading()).rejects.toBe(reason);
    expect(seen).toBe(3);
    // The cancel overtakes all but the tokens of its own way.
    await me.items();
    const atCancel = tokens;
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(tokens - atCancel).toBeLessThanOrEqual(1);
    expect(tokens).toBeLessThan(1000);
  });

  test('leaving the loop early stops it too', async () => {
    const me = await open(serve());
    for await (const event of me.generate({ task: 'own', input: 'x'.repeat(40) })) if (event.type === 'delta') break;
    expect((await collect(me.generate({ task: 'own', input: 'x' }))).at(-1)).toMatchObject({ type: 'end' });
  });

  test('of an import leaves nothing behind', async () => {
    const me = await open(serve());
    const controller = new AbortController();
    const reason = new Error('enough');
    const importing = me.importHistory(jsonl(200), {
      signal: controller.signal,
      onProgress: ({ done }) => {
        if (done === 5) controller.abort(reason);
      },
    });
    await expect(importing).rejects.toBe(reason);
    expect(await me.items()).toEqual([]);
  });

  test('before the call sends nothing', async () => {
    const me = await open(serve());
    const reason = new Error('enough');
    await expect(me.remember(item, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await expect(collect(me.generate({ task: 'own', input: 'x' }, { signal: AbortSignal.abort(reason) }))).rejects.toBe(
      reason,
    );
  });

  test('of loading lets the engine be loaded again', async () => {
    let loads = 0;
    const server = serve(async (_, { signal }) => {
      loads += 1;
      if (loads > 1) return fakePersonalizer();
      return await new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
    });
    const controller = new AbortController();
    const reason = new Error('enough');
    const opening = open(server, {}, { signal: controller.signal });
    await expect.poll(() => loads).toBe(1);
    controller.abort(reason);
    await expect(opening).rejects.toBe(reason);
    await expect((await open(server)).items()).resolves.toEqual([]);
  });
});

describe('several clients', () => {
  test('share one engine; the last one to leave ends it', async () => {
    let loads = 0;
    let isDisposed = false;
    const history = inMemoryHistory();
    const store = {
      ...history,
      async [Symbol.asyncDispose]() {
        isDisposed = true;
        await history[Symbol.asyncDispose]();
      },
    };
    const server = serve(async () => {
      loads += 1;
      return await Promise.resolve(fakePersonalizer({ store }));
    });
    const [a, b] = await Promise.all([open(server), open(server)]);
    await a.remember(item);
    expect(await b.items()).toHaveLength(1);
    expect(loads).toBe(1);
    await a[Symbol.asyncDispose]();
    expect(await b.items()).toHaveLength(1);
    expect(isDisposed).toBe(false);
    await b[Symbol.asyncDispose]();
    expect(isDisposed).toBe(true);
  });

  test('with other options are refused while the first is there', async () => {
    const server = serve();
    const first = await open(server, { storageName: 'one' });
    await expect(open(server, { storageName: 'two' })).rejects.toMatchObject({ code: 'invalid-argument' });
    await first[Symbol.asyncDispose]();
    await expect((await open(server, { storageName: 'two' })).items()).resolves.toEqual([]);
  });

  test('requests of one port run at once: remember overtakes a long answer', async () => {
    const languageModel = scriptedLanguageModel({ answer: () => 'x'.repeat(300) });
    const me = await open(serve(async () => await Promise.resolve(fakePersonalizer({ languageModel }))));
    let isAnswered = false;
    const answering = collect(me.generate({ task: 'own', input: 'x', maximumNewTokens: 300 })).then(() => {
      isAnswered = true;
      return isAnswered;
    });
    await me.remember(item);
    expect(isAnswered).toBe(false);
    await answering;
  });
});

describe('a worker that fails', () => {
  test('to load the engine says why, and can be asked again', async () => {
    let loads = 0;
    const server = serve(async () => {
      loads += 1;
      if (loads === 1) throw new PersonaPlugError('model-missing', 'There is no plug.', { details: { file: 'plug' } });
      return await Promise.resolve(fakePersonalizer());
    });
    await expect(open(server)).rejects.toMatchObject({ code: 'model-missing', details: { file: 'plug' } });
    await expect((await open(server)).items()).resolves.toEqual([]);
  });

  test('to answer at all is reported after the timeout', async () => {
    const { port1 } = new MessageChannel();
    cleanups.push(() => port1.close());
    const connecting = connect(port1, { models: 'http://localhost/' }, { helloTimeout: 30, locks: null });
    await expect(connecting).rejects.toMatchObject({
      code: 'closed',
      message: expect.stringMatching(/30 ms.*servePersonaWorker/u),
    });
  });

  test('with an error that nothing caught rejects what is pending', async () => {
    const channel = new MessageChannel();
    cleanups.push(() => channel.port1.close());
    serve(async () => await new Promise(() => undefined)).addPort(channel.port2);
    const worker = Object.assign(new EventTarget(), {
      postMessage: (message: unknown) => channel.port1.postMessage(message),
    }) as Port & EventTarget;
    channel.port1.addEventListener('message', ({ data }) =>
      worker.dispatchEvent(new MessageEvent('message', { data })),
    );
    channel.port1.start();
    const connecting = connect(worker, { models: 'http://localhost/' }, { locks: null });
    setTimeout(() => worker.dispatchEvent(Object.assign(new Event('error'), { message: 'out of memory' })), 20);
    await expect(connecting).rejects.toMatchObject({
      code: 'closed',
      message: expect.stringContaining('out of memory'),
    });
  });
});

test('a page of another build is told to reload', async () => {
  const port = channelTo(serve());
  const answered = new Promise((resolve) => {
    port.addEventListener('message', ({ data }) => resolve(readWorkerMessage(data)));
  });
  port.start();
  port.postMessage({ ...clientMessage('c', 1, { type: 'call', call: { method: 'status' } }), version: 99 });
  expect(await answered).toMatchObject({
    type: 'error',
    request: 1,
    error: { code: 'internal', details: { client: 99, worker: protocolVersion } },
  });
});

test('messages of others on the same port are left alone', async () => {
  const port = channelTo(serve());
  port.postMessage('hello');
  port.postMessage({ type: 'call', call: { method: 'forgetEverything' } });
  const me = await connect(port, { models: 'http://localhost/' }, { locks: null });
  expect(await me.items()).toEqual([]);
});
