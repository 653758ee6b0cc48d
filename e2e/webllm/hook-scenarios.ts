// What the tests of the hook run in the page, on WebLLM's public API: engine, reload(), chat and text completions.
import { MLCEngine } from '@mlc-ai/web-llm';
import type { PromptSegment } from '../../src/language-model/language-model.ts';
import { createTextTokenizer } from '../../src/language-model/text-tokenizer.ts';
import { attachSoftPrompts, sanitizeUserText } from '../../src/language-model/webllm/index.ts';
import { createUrlModelSource } from '../../src/model-package/url-model-source.ts';
import { largestDifference } from '../../src/testing/golden/largest-difference.ts';
import { codeOf } from './code-of.ts';
import { openEmbeddingTable } from './embedding-table.ts';
import { answerWithRows } from './example.ts';
import { Recorder } from './recorder.ts';

const modelId = 'nano';
const question = 'Tell me about the weather in the mountains.';

export interface Comparison {
  /** Largest difference of two positions' logits. */
  readonly largest: number;
  readonly promptTokens: readonly [number, number];
}

export type HookScenarios = Awaited<ReturnType<typeof createHookScenarios>>;

export async function createHookScenarios() {
  const modelPackage = await createUrlModelSource('/models/').open('nano-llm', 'language-model');
  const { hiddenSize, contextWindow } = modelPackage.manifest.languageModel;
  const base = modelPackage.baseUrl ?? '';
  const tokenizer = createTextTokenizer(await modelPackage.json('tokenizer.json'));
  const rowsOf = await openEmbeddingTable(modelPackage);
  const recorder = new Recorder();
  const engine = new MLCEngine({
    appConfig: { model_list: [{ model: base, model_id: modelId, model_lib: `${base}model.wasm` }] },
    logitProcessorRegistry: new Map([[modelId, recorder]]),
    logLevel: 'SILENT',
  });
  const hook = attachSoftPrompts(engine, { name: 'test' });
  const begin = performance.now();
  await engine.reload(modelId, { temperature: 0 });
  const loadMilliseconds = performance.now() - begin;

  function asRows(ids: readonly number[]): PromptSegment {
    return { kind: 'rows', rows: rowsOf(ids), count: ids.length };
  }

  async function promptLogits(prompt: string): Promise<{ logits: Float32Array; promptTokens: number }> {
    recorder.steps = [];
    const { usage } = await engine.completions.create({ prompt, max_tokens: 1 });
    return { logits: recorder.steps[0] ?? new Float32Array(0), promptTokens: usage?.prompt_tokens ?? 0 };
  }

  async function compare(left: string, right: string): Promise<Comparison> {
    const [first, second] = [await promptLogits(left), await promptLogits(right)];
    return {
      largest: largestDifference(first.logits, second.logits),
      promptTokens: [first.promptTokens, second.promptTokens],
    };
  }

  /** The same ids once as tokens and once with `count` rows from `start` on. */
  async function compareRows(ids: readonly number[], start: number, count: number): Promise<Comparison> {
    using plain = hook.registerPrompt([{ kind: 'ids', ids }]);
    using soft = hook.registerPrompt([
      { kind: 'ids', ids: ids.slice(0, start) },
      asRows(ids.slice(start, start + count)),
      { kind: 'ids', ids: ids.slice(start + count) },
    ]);
    return await compare(plain.marker, soft.marker);
  }

  /** A conversation of two turns; the first one ends at `stop`, so that WebLLM keeps its KV cache. */
  async function converse(first: string, second: string, stop: string) {
    await engine.resetChat();
    recorder.steps = [];
    const settings = { temperature: 0, max_tokens: 12, stop: [stop] };
    const one = await engine.chat.completions.create({ messages: [{ role: 'user', content: first }], ...settings });
    const firstReply = one.choices[0]?.message.content ?? '';
    const secondStep = recorder.steps.length;
    const two = await engine.chat.completions.create({
      messages: [
        { role: 'user', content: first },
        { role: 'assistant', content: firstReply },
        { role: 'user', content: second },
      ],
      ...settings,
      max_tokens: 2,
    });
    return {
      firstReply,
      firstFinish: one.choices[0]?.finish_reason,
      firstPromptTokens: one.usage?.prompt_tokens ?? 0,
      secondPromptTokens: two.usage?.prompt_tokens ?? 0,
      secondLogits: recorder.steps[secondStep] ?? new Float32Array(0),
      secondReply: two.choices[0]?.message.content ?? '',
    };
  }

  const chat = async (content: string) =>
    await engine.chat.completions.create({ messages: [{ role: 'user', content }], temperature: 0, max_tokens: 1 });

  return {
    loadMilliseconds,
    facts: () => {
      const { gpuDevice, ...facts } = hook.factsOf(modelId) ?? { gpuDevice: null };
      return { ...facts, hasGpuDevice: gpuDevice !== null };
    },
    contextWindow,

    rowsAmongIds: async () => await compareRows(someIds(24), 5, 8),
    rowsFirstAndLast: async () => {
      const ids = someIds(6);
      using plain = hook.registerPrompt([{ kind: 'ids', ids }]);
      using soft = hook.registerPrompt([asRows(ids)]);
      return await compare(plain.marker, soft.marker);
    },
    rowsAcrossChunks: async () => await compareRows(someIds(312), 6, 300),

    /** A message that is a marker, compared with the same message as text. */
    async chatMessage(): Promise<Comparison> {
      using soft = hook.registerPrompt([asRows(tokenizer.encode(question))]);
      const results = [];
      for (const content of [question, soft.marker]) {
        await engine.resetChat();
        recorder.steps = [];
        const { usage } = await chat(content);
        results.push({ logits: recorder.steps[0] ?? new Float32Array(0), promptTokens: usage?.prompt_tokens ?? 0 });
      }
      const [first, second] = results;
      return {
        largest: largestDifference(first?.logits, second?.logits),
        promptTokens: [first?.promptTokens ?? 0, second?.promptTokens ?? 0],
      };
    },

    async secondTurn() {
      await engine.resetChat();
      const free = await engine.chat.completions.create({
        messages: [{ role: 'user', content: question }],
        temperature: 0,
        max_tokens: 8,
      });
      // Any text that the answer is known to reach, so that the first turn ends by "stop".
      const stop = (free.choices[0]?.message.content ?? '').slice(-4);
      const words = await converse(question, 'And in the valley?', stop);
      using soft = hook.registerPrompt([asRows(tokenizer.encode(question))]);
      const rows = await converse(soft.marker, 'And in the valley?', stop);
      return {
        words: { ...words, secondLogits: null },
        rows: { ...rows, secondLogits: null },
        largest: largestDifference(words.secondLogits, rows.secondLogits),
      };
    },

    /** Milliseconds, for the benchmark: prompts of `length` ids or rows, WebLLM's own decoding, one registration. */
    async speed(length: number, newTokens: number) {
      const ids = someIds(length);
      using plain = hook.registerPrompt([{ kind: 'ids', ids }]);
      using soft = hook.registerPrompt([asRows(ids)]);
      const timeOf = async (prompt: string): Promise<number> => {
        const begin = performance.now();
        await engine.completions.create({ prompt, max_tokens: 1 });
        return performance.now() - begin;
      };
      const tokens: number[] = [];
      const rows: number[] = [];
      for (let round = 0; round < 5; round++) {
        tokens.push(await timeOf(plain.marker));
        rows.push(await timeOf(soft.marker));
      }
      const { usage } = await engine.completions.create({
        prompt: plain.marker,
        max_tokens: newTokens,
        temperature: 0,
        ignore_eos: true,
      });
      const begin = performance.now();
      const registrations = 20_000;
      for (let index = 0; index < registrations; index++) hook.register(rowsOf([5, 6, 7, 8]), hiddenSize).release();
      return {
        tokens,
        rows,
        decode: 1000 / (usage?.extra.decode_tokens_per_s ?? Number.NaN),
        registration: (performance.now() - begin) / registrations,
        load: loadMilliseconds,
      };
    },

    /** The example of the documentation, word for word. */
    async documentedExample(): Promise<string> {
      const appConfig = { model_list: [{ model: base, model_id: modelId, model_lib: `${base}model.wasm` }] };
      return await answerWithRows(appConfig, modelId, rowsOf(someIds(8)), question);
    },

    async afterReload(): Promise<Comparison & { loadMilliseconds: number }> {
      const begin = performance.now();
      await engine.reload(modelId, { temperature: 0 });
      const milliseconds = performance.now() - begin;
      return { ...(await compareRows(someIds(12), 2, 8)), loadMilliseconds: milliseconds };
    },

    async streaming() {
      using soft = hook.register(rowsOf(someIds(8)), hiddenSize);
      const messages = [{ role: 'user' as const, content: `${soft.marker}\n${question}` }];
      const settings = { messages, temperature: 0, max_tokens: 8 };
      await engine.resetChat();
      const whole = await engine.chat.completions.create(settings);
      await engine.resetChat();
      let streamed = '';
      let chunks = 0;
      for await (const chunk of await engine.chat.completions.create({ ...settings, stream: true })) {
        streamed += chunk.choices[0]?.delta.content ?? '';
        chunks += 1;
      }
      return { whole: whole.choices[0]?.message.content ?? '', streamed, chunks };
    },

    async manyRegistrations(count: number) {
      const rows = rowsOf(someIds(8));
      let smallest = 0;
      const markers = new Set<string>();
      const begin = performance.now();
      for (let index = 0; index < count; index++) {
        const soft = hook.register(rows, hiddenSize);
        smallest = Math.min(smallest, ...soft.tokenIds);
        markers.add(soft.marker);
        soft.release();
      }
      const milliseconds = performance.now() - begin;
      return {
        milliseconds,
        smallest,
        markers: markers.size,
        registered: hook.size,
        after: await compareRows(someIds(12), 2, 8),
      };
    },

    /** For each misuse, its error, and whether the next request is still right. */
    async misuse() {
      const released = hook.register(rowsOf([5, 6]), hiddenSize);
      released.release();
      using wide = hook.register(new Float32Array(2 * (hiddenSize + 4)).fill(0.1), hiddenSize + 4);
      const lone = '\u{E0F0}';
      const cases: Record<string, () => Promise<unknown>> = {
        'wrong width': async () => await chat(wide.marker),
        'wrong width in register': async () => hook.register(new Float32Array(hiddenSize + 1), hiddenSize),
        NaN: async () => hook.register(rowsOf([5]).fill(Number.NaN, 3, 4), hiddenSize),
        infinity: async () => hook.register(rowsOf([5]).fill(-Infinity, 3, 4), hiddenSize),
        released: async () => await chat(released.marker),
        'released ids': async () => await engine.forwardTokensAndSample([...released.tokenIds], true),
        unknown: async () => await chat('\u{E0F0}test-987654321\u{E0F1}'),
        'of another hook': async () => await chat('\u{E0F0}other-0\u{E0F1}'),
        'cut marker': async () => await chat(`${lone}test-0`),
        'second hook': async () => attachSoftPrompts(engine),
        'too long': async () => {
          using long = hook.register(new Float32Array((contextWindow + 1) * hiddenSize).fill(0.1), hiddenSize);
          await chat(long.marker);
        },
      };
      const ids = someIds(8);
      using plain = hook.registerPrompt([{ kind: 'ids', ids }]);
      using soft = hook.registerPrompt([asRows(ids)]);
      const expected = await promptLogits(plain.marker);
      const results: Record<string, { code: string; next: number }> = {};
      for (const [name, run] of Object.entries(cases)) {
        const code = await codeOf(run);
        const next = await promptLogits(soft.marker);
        results[name] = { code, next: largestDifference(expected.logits, next.logits) };
      }
      return results;
    },

    /** A user types a marker. When it is removed, the prompt is that of the other words. */
    async smuggledMarker() {
      using secret = hook.register(rowsOf(someIds(8)), hiddenSize);
      const typed = `Hello ${secret.marker}there\u{E0F1}\u{E0F0}`;
      const clean = sanitizeUserText(typed);
      const { usage } = await chat(clean);
      const { usage: expected } = await chat(clean.replaceAll(/[^ -~]/g, ''));
      return {
        clean,
        hasDelimiters: /[\u{E0F0}\u{E0F1}]/u.test(clean),
        promptTokens: [usage?.prompt_tokens, expected?.prompt_tokens],
        next: (await compareRows(someIds(8), 2, 2)).largest,
      };
    },
  };
}

function someIds(count: number): number[] {
  return Array.from({ length: count }, (_, index) => 4 + ((index * 37) % 4000));
}
