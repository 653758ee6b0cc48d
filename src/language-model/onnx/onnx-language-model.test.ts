// The shipped language model on onnxruntime-web's wasm in Node: torch's golden values, and properties that must hold for every model.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openGoldenFiles, type GoldenLanguageModelCase } from '../../testing/golden/golden-files.ts';
import { goldenModels } from '../../testing/golden/golden-models.ts';
import { compareWithGolden } from '../../testing/golden/golden-parity.ts';
import type { GenerateTokensOptions, GenerationUsage, LanguageModel, PromptSegment } from '../language-model.ts';
import { sequenceLogProbabilities } from '../decoding/sequence-log-probabilities.ts';
import { largestDifference } from '../../testing/golden/largest-difference.ts';
import { onnxLanguageModel } from './onnx-language-model.ts';

const { source: models } = goldenModels('golden');
const open = () => models.open('nano-llm', 'language-model');

let model: LanguageModel;
let golden: readonly GoldenLanguageModelCase[];

beforeAll(async () => {
  model = await onnxLanguageModel(await open(), { device: 'wasm' });
  golden = await (await openGoldenFiles(models)).languageModelCases();
});

afterAll(() => model[Symbol.asyncDispose]());

/** Ids of a chat turn in the model's template. */
function turn(text: string): PromptSegment[] {
  const { tokenizer } = model;
  const [bos, user, assistant] = ['<|bos|>', '<|user|>', '<|assistant|>'].map((name) => tokenizer.controlToken(name));
  return [{ kind: 'ids', ids: [bos ?? 0, user ?? 0, ...tokenizer.encode(text), assistant ?? 0] }];
}

/** Runs a whole answer. */
async function answer(
  prompt: readonly PromptSegment[],
  options: Partial<GenerateTokensOptions> = {},
): Promise<{ text: string; tokens: number[]; usage: GenerationUsage }> {
  const stream = model.generate(prompt, { maximumNewTokens: 24, ...options });
  const tokens: number[] = [];
  let text = '';
  for (;;) {
    const step = await stream.next();
    if (step.done) return { text, tokens, usage: step.value };
    tokens.push(step.value.token);
    text += step.value.text;
  }
}

/** Rows of the embedding table, from bfloat16 weights. */
async function tokenRows(ids: readonly number[]): Promise<Float32Array> {
  const opened = await open();
  const shard = await opened.bytes('params_shard_0.bin');
  const cache = JSON.stringify(await opened.json('tensor-cache.json'));
  const record = /\{[^{}]*"name":"model\.embed_tokens\.weight"[^{}]*\}/.exec(cache)?.[0] ?? '{}';
  const offset = Number(/"byteOffset":(\d+)/.exec(record)?.[1]);
  const { hiddenSize } = model;
  const view = new DataView(shard.buffer);
  const rows = new Uint32Array(ids.length * hiddenSize);
  for (const [row, id] of ids.entries()) {
    for (let at = 0; at < hiddenSize; at++) {
      rows[row * hiddenSize + at] = view.getUint16(offset + 2 * (id * hiddenSize + at), true) << 16;
    }
  }
  return new Float32Array(rows.buffer);
}

/** A short prompt of the kind that the model knows. */
const prompt = () => turn('Generate a headline for the following article: The bridge opens again on Monday.');

/** A temperature at which all tokens are nearly equally likely, so that an answer does not end by itself. */
const wild = { temperature: 50, seed: 11 };

describe('parity with torch', () => {
  test('logits and decisive greedy tokens, with and without persona, across the chunk', async () => {
    expect(golden.length).toBeGreaterThanOrEqual(6);
    for (const goldenCase of golden) {
      const { name, largestErrorInTolerances, tokens, expectedTokens } = await compareWithGolden(model, goldenCase);
      expect(largestErrorInTolerances, name).toBeLessThanOrEqual(1);
      expect(tokens, name).toEqual(expectedTokens);
    }
  });
});

describe('soft rows', () => {
  test('equal to token embeddings give the same logits', async () => {
    const ids = [1, 2, ...model.tokenizer.encode('A row of the table is the token itself.'), 3];
    const asTokens = await model.logits([{ kind: 'ids', ids }], []);
    const asRows = await model.logits(
      [
        { kind: 'ids', ids: ids.slice(0, 2) },
        { kind: 'rows', rows: await tokenRows(ids.slice(2, 6)), count: 4 },
        { kind: 'ids', ids: ids.slice(6) },
      ],
      [],
    );
    expect(largestDifference(asTokens[0], asRows[0])).toBeLessThanOrEqual(1e-5);
  });
});

describe('KV cache', () => {
  test('a continuation gives the logits of the longer prompt, also across the chunk of 256', async () => {
    const ids = Array.from({ length: 300 }, (_, index) => 4 + ((index * 37) % 5000));
    for (const cut of [298, 255, 250]) {
      const [last] = (await model.logits([{ kind: 'ids', ids: ids.slice(0, cut) }], ids.slice(cut))).slice(-1);
      const [whole] = await model.logits([{ kind: 'ids', ids }], []);
      expect(largestDifference(last, whole)).toBeLessThanOrEqual(1e-4);
    }
  });

  test('streams the greedy tokens of the logits', async () => {
    const prompt = turn('Generate a headline for the following article: Rain fell on the coast all week.');
    const { tokens } = await answer(prompt, { maximumNewTokens: 8 });
    const rows = await model.logits(prompt, tokens);
    for (const [index, token] of tokens.entries())
      expect(rows[index]?.indexOf(Math.max(...(rows[index] ?? [])))).toBe(token);
  });

  test('two answers at once do not mix', async () => {
    const [one, other] = [turn('The first question'), turn('Another question, about ships')];
    const alone = [await answer(one), await answer(other)];
    expect(await Promise.all([answer(one), answer(other)])).toEqual(alone);
  });
});

describe('generate', () => {
  test('ends at the requested length, and reports it', async () => {
    const { tokens, usage } = await answer(prompt(), { ...wild, maximumNewTokens: 2 });
    expect(tokens).toHaveLength(2);
    expect(usage).toMatchObject({ newTokens: 2, finishReason: 'length' });
    expect(usage.promptTokens).toBeGreaterThan(10);
  });

  test('a logit bias changes the answer, and not the next one', async () => {
    const plain = await answer(prompt(), { maximumNewTokens: 3 });
    const [word = 0] = model.tokenizer.encode(' bridge');
    const led = await answer(prompt(), { maximumNewTokens: 3, logitBias: new Map([[word, 100]]) });
    expect(led.tokens[0]).toBe(word);
    expect(led.tokens.slice(1)).not.toContain(word);
    expect((await answer(prompt(), { maximumNewTokens: 3 })).tokens).toEqual(plain.tokens);
  });

  test('equal seeds give equal answers, other seeds others', async () => {
    const options = { temperature: 1.2, topP: 0.95 };
    const [first, again, other] = [
      await answer(prompt(), { ...options, seed: 5 }),
      await answer(prompt(), { ...options, seed: 5 }),
      await answer(prompt(), { ...options, seed: 6 }),
    ];
    expect(again).toEqual(first);
    expect(other.tokens).not.toEqual(first.tokens);
  });

  test('the deltas are the text of the tokens, and a stop string is never emitted', async () => {
    const options = { ...wild, maximumNewTokens: 16 };
    const { text, tokens } = await answer(prompt(), options);
    expect(text).toBe(model.tokenizer.decode(tokens));
    const stop = text.slice(4, 7);
    const stopped = await answer(prompt(), { ...options, stopStrings: [stop] });
    expect(stopped.text).toBe(text.slice(0, text.indexOf(stop)));
    expect(stopped.usage.finishReason).toBe('stop-string');
  });

  test('gives the choice that greedy decoding under the trie finds token by token', async () => {
    const choices = ['Arts & Culture', 'Business', 'Food & Drink', 'World News', 'Weird News', 'Women', 'Wo'];
    const { text, usage } = await answer(prompt(), { choices });
    expect(choices).toContain(text);
    expect(usage.finishReason).toBe('choice');

    // Computed here with a full run for each token.
    const encoded = choices.map((choice) => [...model.tokenizer.encode(choice), 0]);
    const taken: number[] = [];
    while (taken.at(-1) !== 0) {
      const [logits] = (await model.logits(prompt(), taken)).slice(-1);
      const allowed = encoded
        .filter((ids) => taken.every((token, index) => ids[index] === token))
        .map((ids) => ids[taken.length] ?? 0);
      taken.push(allowed.reduce((best, token) => ((logits?.[token] ?? 0) > (logits?.[best] ?? 0) ? token : best)));
    }
    expect(text).toBe(model.tokenizer.decode(taken));
  });

  test('an abort ends it with its reason: before it starts, in the prefill, between tokens', async () => {
    const reason = new Error('enough');
    await expect(answer(prompt(), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);

    const long = [{ kind: 'ids', ids: Array.from({ length: 900 }, (_, index) => 4 + (index % 3000)) }] as const;
    const whole = performance.now();
    await answer(long, { maximumNewTokens: 1 });
    const wholeTime = performance.now() - whole;
    const inPrefill = new AbortController();
    const start = performance.now();
    setTimeout(() => inPrefill.abort(reason), 5);
    await expect(answer(long, { maximumNewTokens: 1, signal: inPrefill.signal })).rejects.toBe(reason);
    expect(performance.now() - start).toBeLessThan(wholeTime);

    const between = new AbortController();
    let came = 0;
    const reading = (async () => {
      for await (const _ of model.generate(prompt(), {
        ...wild,
        maximumNewTokens: 200,
        signal: between.signal,
      })) {
        came += 1;
        if (came === 3) between.abort(reason);
      }
    })();
    await expect(reading).rejects.toBe(reason);
    expect(came).toBe(3);
    // Afterwards the model works as before.
    expect(await answer(prompt())).toEqual(await answer(prompt()));
  });

  test('lets other tasks run between tokens', async () => {
    let ticks = 0;
    const timer = setInterval(() => (ticks += 1), 1);
    await answer(prompt(), { ...wild, maximumNewTokens: 16 });
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(3);
  });

  test('fills the window exactly to its last position', async () => {
    const ids = Array.from({ length: model.contextWindow - 3 }, (_, index) => 4 + (index % 3000));
    const { usage } = await answer([{ kind: 'ids', ids }], { ...wild, maximumNewTokens: 50 });
    expect(usage).toMatchObject({ newTokens: 3, finishReason: 'length' });
    await expect(answer([{ kind: 'ids', ids: [...ids, 5, 5, 5] }])).rejects.toMatchObject({ code: 'invalid-prompt' });
  });

  test('refuses prompts and options that cannot be run', async () => {
    const wrongWidth: PromptSegment = { kind: 'rows', rows: new Float32Array(7), count: 1 };
    await expect(answer([wrongWidth])).rejects.toMatchObject({ code: 'invalid-prompt' });
    await expect(answer(prompt(), { maximumNewTokens: 0 })).rejects.toMatchObject({ code: 'invalid-argument' });
    await expect(answer(prompt(), { choices: [] })).rejects.toMatchObject({ code: 'invalid-argument' });
    await expect(model.logits(prompt(), [-1])).rejects.toMatchObject({ code: 'invalid-prompt' });
  });
});

describe('sequenceLogProbabilities', () => {
  test('sum to one over the vocabulary', async () => {
    const row = Float32Array.of(-3, 0.5, 2, 88, 87.5, 1e-3);
    const fake = { logits: () => Promise.resolve(Array.from(row, () => row)) };
    const all = await sequenceLogProbabilities(fake, [], [0, 1, 2, 3, 4, 5]);
    expect(all.reduce((sum, logProbability) => sum + Math.exp(logProbability), 0)).toBeCloseTo(1, 9);
  });

  test('are the same token by token and together', async () => {
    const prompt = turn('A question');
    const both = await sequenceLogProbabilities(model, prompt, [20, 30]);
    const [second] = await sequenceLogProbabilities(model, [...prompt, { kind: 'ids', ids: [20] }], [30]);
    expect(both[1]).toBeCloseTo(second ?? 0, 4);
  });
});
