// What the tests of the language model run in a worker.
import type {
  GenerateTokensOptions,
  GenerationUsage,
  LanguageModel,
  PromptSegment,
} from '../../src/language-model/language-model.ts';
import { webllmLanguageModel } from '../../src/language-model/webllm/webllm-language-model.ts';
import { PersonaPlugError } from '../../src/lib/errors.ts';
import type { Progress } from '../../src/lib/progress.ts';
import { createUrlModelSource } from '../../src/model-package/url-model-source.ts';
import { adapterLossScenario } from './adapter-loss-scenario.ts';
import { adapterScenario } from './adapter-scenario.ts';
import { codeOf } from './code-of.ts';
import { damagedFilesScenario } from './damaged-files-scenario.ts';
import { goldenScenario } from './golden-scenario.ts';

export type ModelScenarios = Awaited<ReturnType<typeof createModelScenarios>>;

interface Answer {
  readonly text: string;
  readonly tokens: readonly number[];
  readonly usage: GenerationUsage;
}

const categories = ['Arts & Culture', 'Business', 'Black Voices', 'Sports', 'Science', 'World News', 'U.S. News'];

/** A temperature at which no answer ends early, with a seed so that the tokens are the same each time. */
const hot = { temperature: 3, seed: 1 };

/** The devices that WebLLM asks for, so that a test can lose them. */
const devices: GPUDevice[] = [];
// oxlint-disable-next-line typescript/unbound-method -- the proxy calls it on the adapter
GPUAdapter.prototype.requestDevice = new Proxy(GPUAdapter.prototype.requestDevice, {
  async apply(requestDevice, adapter, [descriptor]) {
    const device = await requestDevice.call(adapter, descriptor);
    devices.push(device);
    return device;
  },
});

export async function createModelScenarios() {
  const source = createUrlModelSource(new URL('/models/', globalThis.location.origin).href);
  const modelPackage = await source.open('nano-llm', 'language-model');
  const { tokenizer: tokenizerFile, hiddenSize, contextWindow } = modelPackage.manifest.languageModel;
  const progress: Progress[] = [];
  const loadBegin = performance.now();
  const model = await webllmLanguageModel(modelPackage, { onProgress: (step) => void progress.push(step) });
  const loadMilliseconds = performance.now() - loadBegin;
  const loadSteps = progress.filter(({ stage }) => stage === 'load').map(({ done }) => done);
  const { tokenizer } = model;

  // The beginning of a sentence, so that no model ends its answer at once.
  const begin = tokenizer.controlToken('<|bos|>');
  const opening = tokenizer.encode('In the winter the villages in the mountains were');
  const prompt: PromptSegment[] = [{ kind: 'ids', ids: [begin, ...opening] }];
  const softPrompt: PromptSegment[] = [
    { kind: 'ids', ids: [begin] },
    { kind: 'rows', rows: Float32Array.from({ length: 4 * hiddenSize }, (_, index) => Math.sin(index)), count: 4 },
    { kind: 'ids', ids: opening },
  ];

  async function answer(
    given: readonly PromptSegment[],
    options: Partial<GenerateTokensOptions> = {},
    from: LanguageModel = model,
  ): Promise<Answer> {
    const stream = from.generate(given, { maximumNewTokens: 12, ...options });
    let text = '';
    const tokens: number[] = [];
    for (;;) {
      const step = await stream.next();
      if (step.done === true) return { text, tokens, usage: step.value };
      text += step.value.text;
      tokens.push(step.value.token);
    }
  }

  return {
    async facts() {
      const scopes = ['webllm/model', 'webllm/config', 'webllm/wasm'];
      const kept = await Promise.all(scopes.map(async (scope) => (await (await caches.open(scope)).keys()).length));
      return {
        loadMilliseconds,
        loadSteps,
        device: model.device,
        hiddenSize: model.hiddenSize,
        contextWindow: model.contextWindow,
        leftInCaches: kept.reduce((sum, count) => sum + count, 0),
      };
    },

    adapter: async (asked: Parameters<typeof adapterScenario>[2]) => await adapterScenario(model, modelPackage, asked),

    adapterLoss: async (ids: number[]) =>
      await adapterLossScenario(model, modelPackage, ids, async () => {
        // The newest device is that of the engine, since every load requests its own.
        const device = devices.at(-1);
        device?.destroy();
        await device?.lost;
      }),

    golden: async () => await goldenScenario(model, await source.open('golden', 'golden'), answer),

    async streaming() {
      const { text, tokens, usage } = await answer(softPrompt);
      const again = await answer(softPrompt);
      const [withRows] = await model.logits(softPrompt, []);
      const [without] = await model.logits(prompt, []);
      const differs = withRows?.some((value, index) => Math.abs(value - (without?.[index] ?? 0)) > 0.01);
      return { text, decoded: tokenizer.decode(tokens), usage, isEqual: again.text === text, differs };
    },

    /** Special tokens in a text are encoded as text, and real special ids reach the model unchanged. */
    async specialTokensInText() {
      const ids = tokenizer.encode('<|end|><|assistant|>');
      const [left] = await model.logits([{ kind: 'ids', ids: [1, 2, ...ids, 3] }], []);
      const [right] = await model.logits([{ kind: 'ids', ids: [1, 2, 0, 3, 3] }], []);
      return { ids, differs: left?.some((value, index) => value !== right?.[index]) };
    },

    async sampling() {
      const settings = { temperature: 1, topP: 0.95, maximumNewTokens: 8 };
      const [one, same, other] = [
        await answer(prompt, { ...settings, seed: 5 }),
        await answer(prompt, { ...settings, seed: 5 }),
        await answer(prompt, { ...settings, seed: 6 }),
      ];
      return { one: one.tokens, same: same.tokens, other: other.tokens };
    },

    /** An answer that a bias leads to one token, and one without the bias. */
    async logitBias() {
      const [word = 0] = tokenizer.encode(' bridge');
      const plain = await answer(prompt, { maximumNewTokens: 3 });
      const led = await answer(prompt, { maximumNewTokens: 3, logitBias: new Map([[word, 100]]) });
      const after = await answer(prompt, { maximumNewTokens: 3 });
      return { word, plain: plain.tokens, led: led.tokens, after: after.tokens };
    },

    async stopString() {
      const free = await answer(softPrompt, hot);
      const stop = free.text.slice(2, 6);
      const stopped = await answer(softPrompt, { ...hot, stopStrings: [stop] });
      return { free: free.text, stop, text: stopped.text, finishReason: stopped.usage.finishReason };
    },

    /** The answer, and one that is computed here step by step from the logits. */
    async choices() {
      const { text, usage } = await answer(prompt, { choices: categories });
      const ids = categories.map((choice) => [...tokenizer.encode(choice), 0]);
      const taken: number[] = [];
      for (;;) {
        const starts = ids.filter((choice) => taken.every((token, index) => choice[index] === token));
        const allowed = [...new Set(starts.map((choice) => choice[taken.length] ?? 0))].sort((a, b) => a - b);
        const logits = (await model.logits(prompt, taken)).at(-1) ?? new Float32Array(0);
        const best = allowed.reduce((a, b) => ((logits[b] ?? 0) > (logits[a] ?? 0) ? b : a));
        if (best === 0) break;
        taken.push(best);
      }
      return {
        text,
        finishReason: usage.finishReason,
        expected: tokenizer.decode(taken),
        isChoice: categories.includes(text),
      };
    },

    async abort() {
      const before = await answer(softPrompt, { ...hot, maximumNewTokens: 4 });
      const controller = new AbortController();
      const reason = new Error('enough');
      let afterAbort = 0;
      let count = 0;
      let thrown: unknown = null;
      try {
        for await (const _ of model.generate(softPrompt, { ...hot, maximumNewTokens: 64, signal: controller.signal })) {
          count += 1;
          if (controller.signal.aborted) afterAbort += 1;
          // In the middle of the next token.
          if (count === 3) setTimeout(() => controller.abort(reason), 5);
        }
      } catch (error) {
        thrown = error;
      }
      const next = await answer(softPrompt, { ...hot, maximumNewTokens: 4 });
      const already = await codeOf(() => answer(prompt, { signal: AbortSignal.abort(reason) }), reason);
      return { isReason: thrown === reason, count, afterAbort, already, isNextRight: next.text === before.text };
    },

    /** A stream that is dropped half-way ends its turn; two at once wait for each other. */
    async concurrency() {
      const [alone, aloneSoft] = [await answer(prompt), await answer(softPrompt)];
      for await (const _ of model.generate(prompt, { maximumNewTokens: 64 })) break;
      const [first, second] = await Promise.all([answer(prompt), answer(softPrompt)]);
      return { isEqual: first.text === alone.text && second.text === aloneSoft.text };
    },

    async misuse() {
      const before = await answer(prompt, { maximumNewTokens: 3 });
      const codes = {
        'too long': await codeOf(() => answer([{ kind: 'ids', ids: Array(contextWindow + 1).fill(5) }])),
        'wrong width': await codeOf(() => answer([oneRow(0.1, hiddenSize + 1), ...prompt])),
        NaN: await codeOf(() => answer([oneRow(Number.NaN, hiddenSize), ...prompt])),
        'negative id': await codeOf(() => answer([{ kind: 'ids', ids: [-1] }])),
        empty: await codeOf(() => answer([])),
      };
      const after = await answer(prompt, { maximumNewTokens: 3 });
      return { codes, isNextRight: after.text === before.text };
    },

    async deviceLoss() {
      const before = await answer(softPrompt, { ...hot, maximumNewTokens: 6 });
      let code = 'none';
      try {
        let count = 0;
        for await (const _ of model.generate(softPrompt, { ...hot, maximumNewTokens: 32 })) {
          count += 1;
          if (count === 2) devices[0]?.destroy();
        }
      } catch (error) {
        code = PersonaPlugError.isInstance(error) ? error.code : String(error);
      }
      const begin = performance.now();
      const after = await answer(softPrompt, { ...hot, maximumNewTokens: 6 });
      return { code, isNextRight: after.text === before.text, milliseconds: performance.now() - begin };
    },

    async loadAbort() {
      const controller = new AbortController();
      const reason = new Error('not now');
      const loading = webllmLanguageModel(modelPackage, {
        signal: controller.signal,
        onProgress: ({ stage }) => {
          if (stage === 'load') controller.abort(reason);
        },
      });
      return await codeOf(() => loading, reason);
    },

    damagedFiles: async () => await damagedFilesScenario(tokenizerFile),

    /** A model that the application supplies: WebLLM downloads and caches it, and this package checks the sums. */
    async ownRecord() {
      const base = modelPackage.baseUrl ?? '';
      const { files, fingerprint } = modelPackage.manifest;
      const sums = Object.fromEntries(
        files.map(({ path, sha256 }) => [path === 'model.wasm' ? 'library' : path, sha256]),
      );
      const wanted = ['params_shard_0.bin', 'tokenizer.json', 'library', 'mlc-chat-config.json'];
      const sha256 = Object.fromEntries(wanted.map((name) => [name, sums[name] ?? '']));
      const record = { model: base, model_id: 'own', model_lib: `${base}model.wasm` };
      const own = { record, tokenizer, endTokens: [0], fingerprint };
      const refused = await codeOf(() =>
        webllmLanguageModel({ ...own, sha256: { ...sha256, 'params_shard_0.bin': '0'.repeat(64) } }),
      );
      const loaded = await webllmLanguageModel({ ...own, sha256 });
      const theirs = await answer(softPrompt, { maximumNewTokens: 4 }, loaded);
      const ours = await answer(softPrompt, { maximumNewTokens: 4 });
      await loaded[Symbol.asyncDispose]();
      return { refused, isEqual: theirs.text === ours.text, promptTokens: theirs.usage.promptTokens };
    },

    /** Milliseconds, for the benchmark: the same prompt as the hook's `speed`, decoded by this package. */
    async speed(length: number, newTokens: number) {
      const ids = Array.from({ length }, (_, index) => 4 + ((index * 37) % 4000));
      const times: number[] = [];
      const begin = performance.now();
      for await (const _ of model.generate([{ kind: 'ids', ids }], {
        maximumNewTokens: newTokens,
        temperature: 2,
        seed: 1,
      }))
        times.push(performance.now() - begin);
      const [first = 0] = times;
      return {
        load: loadMilliseconds,
        first,
        decode: ((times.at(-1) ?? 0) - first) / (times.length - 1),
        tokens: times.length,
      };
    },

    async close() {
      const running = codeOf(() => answer(prompt, { ...hot, maximumNewTokens: 64 }));
      await new Promise((resolve) => setTimeout(resolve, 50));
      await model[Symbol.asyncDispose]();
      await model[Symbol.asyncDispose]();
      return { running: await running, after: await codeOf(() => answer(prompt)) };
    },
  };
}

function oneRow(value: number, width: number): PromptSegment {
  return { kind: 'rows', rows: new Float32Array(width).fill(value), count: 1 };
}
