// Scores of the shipped models in Node, on wasm: probabilities must be probabilities, and the greedy answer that of generate.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { onnxEmbedder } from '../embedder/onnx-embedder.ts';
import type { Embedder } from '../embedder/embedder.ts';
import { inMemoryHistory } from '../history/in-memory-history.ts';
import type { LanguageModel } from '../language-model/language-model.ts';
import { onnxLanguageModel } from '../language-model/onnx/onnx-language-model.ts';
import { sequenceLogProbabilities } from '../language-model/decoding/sequence-log-probabilities.ts';
import { readSafetensors } from '../model-package/safetensors.ts';
import { readPlug } from '../persona/plug.ts';
import { newsCategories } from '../tasks/news-category.ts';
import { createTaskRegistry } from '../tasks/task-registry.ts';
import { goldenModels } from '../testing/golden/golden-models.ts';
import { createEngine } from './create-engine.ts';
import { createEngineContext, type EngineContext } from './engine-context.ts';
import { prepareAnswer } from './generate.ts';
import type { GenerateRequest, Personalizer } from './personalizer.ts';
import { scoreAnswer } from './score-answer.ts';

const { source, missing } = goldenModels('all-minilm-l6-v2', 'nano-llm', 'plug');
const { signal } = new AbortController();

describe.skipIf(missing !== null)('scores of the shipped models', () => {
  let [embedder, languageModel]: [Embedder | null, LanguageModel | null] = [null, null];
  let context: EngineContext | null = null;
  let engine: Personalizer | null = null;

  beforeAll(async () => {
    embedder = await onnxEmbedder(await source.open('all-minilm-l6-v2', 'embedder'), { device: 'wasm' });
    const modelPackage = await source.open('nano-llm', 'language-model');
    languageModel = await onnxLanguageModel(modelPackage, { device: 'wasm' });
    const plugPackage = await source.open('plug', 'plug');
    const { manifest } = plugPackage;
    const shared = {
      store: inMemoryHistory(),
      plug: readPlug(manifest, readSafetensors(await plugPackage.bytes(manifest.plug.weights))),
      languageModel,
      promptTemplate: modelPackage.manifest.languageModel.promptTemplate,
      tasks: createTaskRegistry(),
    };
    context = createEngineContext({ ...shared, embedder, clock: () => Date.UTC(2026, 0, 1) });
    engine = createEngine({ ...shared, embedder });
    await engine.remember({ task: 'news_category', input: 'The senate votes on the budget', output: 'Politics' });
    await engine.remember({ task: 'news_category', input: 'A diary of small joys in the garden', output: 'Wellness' });
  }, 120_000);
  afterAll(async () => await engine?.[Symbol.asyncDispose]());

  function opened(): { context: EngineContext; engine: Personalizer } {
    if (context === null || engine === null) throw new Error('not loaded');
    return { context, engine };
  }

  async function generated(request: GenerateRequest): Promise<string> {
    for await (const event of opened().engine.generate(request)) if (event.type === 'end') return event.text;
    throw new Error('the stream had no end');
  }

  const inputs = ['How to sleep better in a noisy city', 'The president signs a bill', 'Ten films to see this winter'];

  test('the probabilities of all choices sum to 1, with and without persona', { timeout: 120_000 }, async () => {
    for (const persona of ['none', 'always'] as const) {
      const request = { task: 'news_category', input: inputs[0] ?? '', persona } as const;
      let sum = 0;
      for (const choice of newsCategories) {
        sum += Math.exp((await scoreAnswer(opened().context, request, choice, { signal })).logProbability);
      }
      // Each choice is a run of its own length, whose kernels round differently: 29 times about 1e-6.
      expect(sum, persona).toBeCloseTo(1, 4);
    }
  });

  test('the greedy answer is that of generate, and what it saw is told', { timeout: 120_000 }, async () => {
    for (const input of inputs) {
      for (const persona of ['none', 'always'] as const) {
        const request = { task: 'news_category', input, persona } as const;
        const scored = await scoreAnswer(opened().context, request, 'Travel', { signal, withAnswer: true });
        expect(scored.answer, `${persona}: ${input}`).toBe(await generated(request));
        expect(scored.explanation.isPersonaUsed).toBe(persona === 'always');
      }
    }
    const request = { task: 'news_headline', input: inputs[0] ?? '', persona: 'none', maximumNewTokens: 12 } as const;
    const scored = await scoreAnswer(opened().context, request, 'Sleep well', { signal, withAnswer: true });
    expect(scored.answer).toBe(await generated(request));
  });

  test('text is scored token by token, its end included', async () => {
    const request = { task: 'news_headline', input: 'The river rose overnight', persona: 'none' } as const;
    const { logProbability, tokens, answer } = await scoreAnswer(opened().context, request, 'High water', { signal });
    const preparing = prepareAnswer(opened().context, request, signal);
    let step = await preparing.next();
    while (step.done !== true) step = await preparing.next();
    const { languageModel: model } = opened().context;
    const ids = [...model.tokenizer.encode('High water'), ...model.endTokens.slice(0, 1)];
    const expected = await sequenceLogProbabilities(model, step.value.prompt, ids);
    expect(tokens).toBe(ids.length);
    expect(logProbability).toBeCloseTo(
      expected.reduce((a, b) => a + b, 0),
      10,
    );
    expect(answer).toBeNull();
  });

  test('choices of the request count; an output that is none of them is refused', async () => {
    const request = { task: 'news_category', input: inputs[1] ?? '', choices: ['Politics', 'Sports'] } as const;
    const both = ['Politics', 'Sports'].map(
      async (choice) => (await scoreAnswer(opened().context, request, choice, { signal })).logProbability,
    );
    const [politics = Number.NaN, sports = Number.NaN] = await Promise.all(both);
    expect(Math.exp(politics) + Math.exp(sports)).toBeCloseTo(1, 4);
    await expect(scoreAnswer(opened().context, request, 'Travel', { signal })).rejects.toMatchObject({
      code: 'invalid-argument',
    });
    const alone = { ...request, choices: ['Travel'] };
    expect((await scoreAnswer(opened().context, alone, 'Travel', { signal })).logProbability).toBe(0);
  });

  test('among choices unigram adaptation counts, as in an answer', { timeout: 120_000 }, async () => {
    const { engine, context } = opened();
    await engine.remember({ task: 'news_headline', input: 'The river rose overnight', output: 'Trouble at the quay' });
    const choices = ['Trouble at the quay', 'Trouble in the hills', 'A calm night'];
    const request = { task: 'news_headline', input: 'Storms tonight', persona: 'always', choices } as const;
    const likelihoods = async (changes: Partial<GenerateRequest>): Promise<number[]> => {
      const found: number[] = [];
      for (const choice of choices) {
        const { logProbability } = await scoreAnswer(context, { ...request, ...changes }, choice, { signal });
        found.push(Math.exp(logProbability));
      }
      return found;
    };
    const [raised, plain] = [await likelihoods({}), await likelihoods({ unigramAdaptation: false })];
    for (const all of [raised, plain]) expect(all.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 4);
    expect(raised[0]).toBeGreaterThan(1.05 * (plain[0] ?? 1));
    for (const choice of choices) {
      const scored = await scoreAnswer(context, request, choice, { signal, withAnswer: true });
      expect(scored.answer, choice).toBe(await generated(request));
    }
  });
});
