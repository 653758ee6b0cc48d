// An adapter in WebLLM's weights: merged, refused where it does not fit, and taken out again.
import * as v from 'valibot';
import type { LanguageModel, PromptSegment } from '../../src/language-model/language-model.ts';
import type { WeightAdapter } from '../../src/adapter/weight-adapter.ts';
import type { LanguageModelManifest } from '../../src/model-package/manifest.ts';
import type { ModelPackage } from '../../src/model-package/model-source.ts';
import { goldenIa3 } from '../../src/testing/golden/golden-ia3.ts';
import { goldenLoraAdapter } from '../../src/testing/golden/golden-lora.ts';
import { codeOf } from './code-of.ts';

/** An answer's mean loss without, with, and again without the golden adapter; and how far the last logits are from the first. */
export async function adapterScenario(
  model: LanguageModel,
  modelPackage: ModelPackage<LanguageModelManifest>,
  { kind, ids, answer }: { kind: WeightAdapter['kind']; ids: number[]; answer: number[] },
) {
  const asked: PromptSegment[] = [{ kind: 'ids', ids }];
  const { adapter, wrong } = await (kind === 'lora' ? lora(modelPackage) : ia3(modelPackage));
  const run = async (): Promise<{ loss: number; logits: Float32Array[] }> => {
    const rows = await model.logits(asked, answer.slice(0, -1));
    const losses = rows.map((row, step) => {
      const highest = row.reduce((most, logit) => Math.max(most, logit), -Infinity);
      const sum = row.reduce((total, logit) => total + Math.exp(logit - highest), 0);
      return highest + Math.log(sum) - (row[answer[step] ?? 0] ?? 0);
    });
    return { loss: losses.reduce((total, loss) => total + loss, 0) / losses.length, logits: rows };
  };
  const before = await run();
  await model.useAdapter?.(adapter);
  const merged = await run();
  const refused = await codeOf(async () => await model.useAdapter?.(wrong));
  const still = await run();
  await model.useAdapter?.(null);
  const after = await run();
  return {
    losses: [before.loss, merged.loss, after.loss],
    refused,
    isUndone: areEqual(before.logits, after.logits),
    isKept: areEqual(merged.logits, still.logits),
  };
}

interface Adapters {
  readonly adapter: WeightAdapter;
  /** Adapters that do not fit the model. */
  readonly wrong: WeightAdapter;
}

async function lora({ manifest }: ModelPackage<LanguageModelManifest>): Promise<Adapters> {
  const adapter = goldenLoraAdapter(manifest.languageModel);
  return { adapter, wrong: { ...adapter, id: 'wrong', rank: 3 } };
}

async function ia3(modelPackage: ModelPackage<LanguageModelManifest>): Promise<Adapters> {
  const { languageModel } = modelPackage.manifest;
  const schema = v.object({ intermediate_size: v.number() });
  const { intermediate_size: feedForwardSize } = v.parse(schema, await modelPackage.json('config.json'));
  const vectors = goldenIa3({ ...languageModel, feedForwardSize });
  const shape = [feedForwardSize / 2];
  // The last matrix to be merged does not fit: those before it must not have been written.
  const last = `layers.${languageModel.layers - 1}.down`;
  const misfit = new Map(vectors).set(last, { shape, data: new Float32Array(feedForwardSize / 2) });
  return {
    adapter: { kind: 'ia3', id: 'golden ia3', vectors },
    wrong: { kind: 'ia3', id: 'wrong ia3', vectors: misfit },
  };
}

function areEqual(left: Float32Array[], right: Float32Array[]): boolean {
  return left.every((row, step) => row.every((logit, token) => logit === right[step]?.[token]));
}
