// Unigram adaptation against training: the bias of real outputs with real weights, in float64 on both sides.
import { describe, expect, test } from 'vitest';
import * as v from 'valibot';
import { createTextTokenizer } from '../language-model/text-tokenizer.ts';
import { readSafetensors } from '../model-package/safetensors.ts';
import { openGoldenFiles, tensorSchema as tensor } from '../testing/golden/golden-files.ts';
import { goldenModels } from '../testing/golden/golden-models.ts';
import { unigramBias } from './unigram-adaptation.ts';
import { readPlug } from './plug.ts';

const ids = v.array(v.number());
const schema = v.object({
  cases: v.pipe(
    v.array(
      v.object({
        name: v.string(),
        task: v.string(),
        strength: v.number(),
        mass: v.number(),
        outputs: v.array(v.string()),
        answers: v.array(ids),
        weights: tensor,
        tokens: ids,
        background: tensor,
        bias: v.array(v.number()),
        raised: v.number(),
        total: v.number(),
      }),
    ),
    v.minLength(4),
  ),
});

const { source, missing } = goldenModels('nano-llm', 'plug', 'golden');

describe.skipIf(missing !== null)('the unigram adaptation of training', () => {
  test('is that of TypeScript', async () => {
    const modelPackage = await source.open('nano-llm', 'language-model');
    const { tokenizer: path, endTokens } = modelPackage.manifest.languageModel;
    const tokenizer = createTextTokenizer(await modelPackage.json(path));
    const plugPackage = await source.open('plug', 'plug');
    const { manifest } = plugPackage;
    const plug = readPlug(manifest, readSafetensors(await plugPackage.bytes(manifest.plug.weights)));
    const golden = await openGoldenFiles(source);
    const { cases } = v.parse(schema, await golden.json('marginals.json'));
    for (const { name, task, outputs, answers, tokens, ...expected } of cases) {
      const tokenized = outputs.map((output) => [...tokenizer.encode(output), ...endTokens.slice(0, 1)]);
      expect(tokenized, name).toEqual(answers);
      const { unigramAdaptation } = plug.parametersOf(task);
      if (unigramAdaptation === null) throw new Error(`${task} has no unigram adaptation`);
      expect(unigramAdaptation, name).toMatchObject({ strength: expected.strength, mass: expected.mass });
      const background = golden.tensor(expected.background);
      expect(
        Float32Array.from(tokens, (token) => unigramAdaptation.background[token] ?? Number.NaN),
        name,
      ).toEqual(background);
      const weights = golden.tensor(expected.weights);
      const bias = unigramBias(
        unigramAdaptation,
        tokenized.map((answer, index) => ({ weight: weights[index] ?? Number.NaN, answer })),
        ({ answer }) => answer,
      );
      expect(bias.size, name).toBe(expected.raised);
      for (const [index, token] of tokens.entries()) {
        expect(bias.get(token) ?? 0, name).toBeCloseTo(expected.bias[index] ?? Number.NaN, 12);
      }
      const total = [...bias.values()].reduce((sum, value) => sum + value, 0);
      expect(total / expected.total, name).toBeCloseTo(1, 12);
    }
  });
});
