// The page of the benchmark: times the package and the bare runtime on the same input, in one run.
import { createEmbedderTokenizer, frameTokens } from '../src/tokenizer/embedder-tokenizer.ts';
import { createPersonalizer, type DevicePreference, type HistoryItemInput, type Personalizer } from '../src/index.ts';
import { widenBfloat16 } from '../src/language-model/onnx/widen-bfloat16.ts';
import { createTextTokenizer } from '../src/language-model/text-tokenizer.ts';
import { createUrlModelSource } from '../src/model-package/url-model-source.ts';
import { createOnnxSession, type OnnxSession } from '../src/onnx-runtime/onnx-session.ts';

type Backend = Exclude<DevicePreference, 'auto'>;

interface BenchSetup {
  readonly embedder: Backend;
  readonly languageModel: Backend;
  readonly runtime?: 'webllm' | 'onnx';
}

const models = '/models/';
let personalizer: Personalizer | null = null;

function opened(): Personalizer {
  if (personalizer === null) throw new Error('load() comes first');
  return personalizer;
}

async function timed<T>(work: () => Promise<T>): Promise<{ milliseconds: number; value: T }> {
  const start = performance.now();
  const value = await work();
  return { milliseconds: performance.now() - start, value };
}

/** Distinct short items with inputs of 20 to 32 tokens, like the description of an article. */
function item(index: number): HistoryItemInput {
  const places = ['harbour', 'old mill', 'town hall', 'east bridge', 'central library', 'tram depot', 'fish market'];
  const acts = [
    'reopens after a long repair',
    'draws a record crowd',
    'loses its roof in the storm',
    'gets a new director',
  ];
  const place = places[index % places.length] ?? 'square';
  const act = acts[Math.floor(index / places.length) % acts.length] ?? 'changes';
  return {
    id: `bench-${index}`,
    date: `2024-${String((index % 12) + 1).padStart(2, '0')}-${String((index % 28) + 1).padStart(2, '0')}`,
    task: 'news_headline',
    input: `The ${place} ${act}, and residents of district ${index} say that they had waited for it since last spring.`,
    output: `District ${index}: The ${place} ${act}`,
  };
}

/** The longest time for which the page's main thread was blocked. */
function watchMainThread(): () => number {
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }, 10);
  return () => {
    clearInterval(timer);
    return Math.max(longest, performance.now() - last);
  };
}

async function bareEmbedder(device: Backend): Promise<(text: string) => Promise<number>> {
  const source = createUrlModelSource(models);
  const modelPackage = await source.open('all-minilm-l6-v2', 'embedder');
  const { graph, tokenizer, maximumTokens } = modelPackage.manifest.embedder;
  const session = await createOnnxSession({ device, name: 'bare embedder', graph: await modelPackage.bytes(graph) });
  const encoder = createEmbedderTokenizer(await modelPackage.json(tokenizer));
  return async (text) => {
    const ids = encoder.frame(encoder.encode(text).slice(0, maximumTokens - frameTokens));
    const ones = ids.map(() => 1);
    const zeros = ids.map(() => 0);
    const inputs = {
      input_ids: session.int64(ids, [1, ids.length]),
      attention_mask: session.int64(ones, [1, ids.length]),
      token_type_ids: session.int64(zeros, [1, ids.length]),
    };
    const { milliseconds, value } = await timed(async () => await session.run(inputs));
    for (const tensor of [...Object.values(inputs), ...Object.values(value)]) tensor.dispose();
    return milliseconds;
  };
}

async function bareLanguageModel(
  device: Backend,
): Promise<(text: string) => Promise<{ milliseconds: number; tokens: number }>> {
  const source = createUrlModelSource(models);
  const modelPackage = await source.open('nano-llm', 'language-model');
  const { languageModel } = modelPackage.manifest;
  const { onnx } = languageModel;
  if (onnx === undefined || onnx.form === 'decoder') throw new Error('nano-llm has no graph over token ids');
  const externalData = await Promise.all(
    onnx.externalData.map(async (path) => {
      const data = await modelPackage.bytes(path);
      return { path, data: onnx.externalDtype === 'bfloat16' ? widenBfloat16(data) : data };
    }),
  );
  const session: OnnxSession = await createOnnxSession({
    device,
    name: 'bare language model',
    graph: await modelPackage.bytes(onnx.graph),
    externalData,
  });
  const tokenizer = createTextTokenizer(await modelPackage.json(languageModel.tokenizer));
  return async (text) => {
    const ids = tokenizer.encode(text);
    const { layers, kvHeads, headDim, hiddenSize } = languageModel;
    const inputs = {
      input_ids: session.int64(ids, [ids.length]),
      soft_rows: session.float32(new Float32Array(ids.length * hiddenSize), [ids.length, hiddenSize]),
      is_soft: session.bool(
        ids.map(() => false),
        [ids.length],
      ),
      first_logit: session.int64([ids.length - 1], [1]),
      past_key_values: session.float32(new Float32Array(0), [layers, 2, kvHeads, 0, headDim]),
    };
    const { milliseconds, value } = await timed(async () => await session.run(inputs));
    for (const tensor of [...Object.values(inputs), ...Object.values(value)]) tensor.dispose();
    return { milliseconds, tokens: ids.length };
  };
}

const bench = {
  async load({ embedder, languageModel, runtime }: BenchSetup) {
    const worker = new Worker(new URL('./persona.worker.ts', import.meta.url), { type: 'module' });
    const { milliseconds, value } = await timed(
      async () =>
        await createPersonalizer({
          worker,
          models,
          embedderDevice: embedder,
          languageModelDevice: languageModel,
          ...(runtime === undefined ? {} : { languageModelRuntime: runtime }),
          storageName: `bench-${crypto.randomUUID()}`,
        }),
    );
    personalizer = value;
    return { milliseconds, status: await value.status() };
  },

  /** `remember` of one item, and the bare runtime on its two texts, alternating. */
  async remember(count: number, device: Backend) {
    const bare = await bareEmbedder(device);
    const ours: number[] = [];
    const peers: number[] = [];
    for (let index = 0; index < count + 1; index += 1) {
      const { input, output } = item(index);
      const { milliseconds } = await timed(async () => await opened().remember(item(index)));
      const peer = (await bare(input)) + (await bare(output));
      if (index === 0) continue; // The first call of each warms the kernels up.
      ours.push(milliseconds);
      peers.push(peer);
    }
    return { ours, peers };
  },

  /** The first token of an answer with a persona, and the bare runtime's prefill of the same text, alternating. */
  async firstToken(count: number, device: Backend) {
    const bare = await bareLanguageModel(device);
    const ours: number[] = [];
    const peers: number[] = [];
    let tokens = 0;
    let perSecond = 0;
    for (let index = 0; index < count + 1; index += 1) {
      const { input } = item(1000 + index);
      const start = performance.now();
      let first = 0;
      let last = 0;
      let deltas = 0;
      for await (const event of opened().generate({
        task: 'news_headline',
        input,
        maximumNewTokens: 16,
        persona: 'always',
      })) {
        if (event.type !== 'delta') continue;
        last = performance.now();
        if (deltas === 0) first = last;
        deltas += 1;
      }
      const peer = await bare(`Generate a headline for the following article: ${input}`);
      if (index === 0) continue;
      ours.push(first - start);
      peers.push(peer.milliseconds);
      tokens = peer.tokens;
      perSecond = ((deltas - 1) / (last - first)) * 1000;
    }
    return { ours, peers, tokens, perSecond };
  },

  /** An import of many items: time, the page's longest stall, and that an abort leaves nothing behind. */
  async importMany(count: number) {
    await opened().forgetEverything();
    const jsonl = Array.from({ length: count }, (_, index) => JSON.stringify(item(index))).join('\n');
    const controller = new AbortController();
    const aborted = await opened()
      .importHistory(jsonl, {
        signal: controller.signal,
        onProgress: ({ stage, done }) => {
          if (stage === 'embed' && done >= 5) controller.abort();
        },
      })
      .then(
        () => false,
        () => true,
      );
    const left = (await opened().items()).length;
    const stall = watchMainThread();
    let reports = 0;
    let hasTimeLeft = false;
    const { milliseconds, value } = await timed(
      async () =>
        await opened().importHistory(jsonl, {
          onProgress: ({ millisecondsLeft }) => {
            reports += 1;
            hasTimeLeft ||= millisecondsLeft !== null;
          },
        }),
    );
    return {
      milliseconds,
      added: value.added,
      longestStall: stall(),
      reports,
      hasTimeLeft,
      aborted,
      leftAfterAbort: left,
    };
  },
};

export type Bench = typeof bench;
Object.assign(globalThis, { bench });
