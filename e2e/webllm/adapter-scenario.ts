// A personal LoRA in WebLLM's weights: merged, refused where it does not fit, and taken out again.
import type { LanguageModel, PromptSegment } from '../../src/language-model/language-model.ts';
import type { LanguageModelManifest } from '../../src/model-package/manifest.ts';
import type { ModelPackage } from '../../src/model-package/model-source.ts';
import { goldenLora } from '../../src/testing/golden-lora.ts';
import { codeOf } from './code-of.ts';

/** An answer's mean loss without, with, and again without the golden adapter; and how far the last logits are from the first. */
export async function adapterScenario(
  model: LanguageModel,
  modelPackage: ModelPackage<LanguageModelManifest>,
  ids: number[],
  answer: number[],
) {
  const { languageModel } = modelPackage.manifest;
  const asked: PromptSegment[] = [{ kind: 'ids', ids }];
  const matrices = goldenLora(languageModel, 8);
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
  await model.useAdapter?.({ kind: 'lora', id: 'golden', rank: 8, scale: 1, matrices });
  const merged = await run();
  const wrong = { kind: 'lora', id: 'wrong', rank: 3, scale: 1, matrices } as const;
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

function areEqual(left: Float32Array[], right: Float32Array[]): boolean {
  return left.every((row, step) => row.every((logit, token) => logit === right[step]?.[token]));
}
