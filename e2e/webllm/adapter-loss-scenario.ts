// The GPU device is lost while a LoRA is merged into the weights: the model that is loaded again must be unmerged until the LoRA is merged
// again.
import type { LanguageModel, PromptSegment } from '../../src/language-model/language-model.ts';
import type { ModelPackage } from '../../src/model-package/model-source.ts';
import type { LanguageModelManifest } from '../../src/model-package/manifest.ts';
import { goldenLoraAdapter } from '../../src/testing/golden/golden-lora.ts';
import { codeOf } from './code-of.ts';

/** `loseDevice` destroys the model's device, and resolves when the loss is reported. */
export async function adapterLossScenario(
  model: LanguageModel,
  { manifest }: ModelPackage<LanguageModelManifest>,
  ids: number[],
  loseDevice: () => Promise<void>,
) {
  const asked: PromptSegment[] = [{ kind: 'ids', ids }];
  const continuation = ids.slice(0, 3);
  const logits = async (): Promise<Float32Array[]> => await model.logits(asked, continuation);
  const adapter = goldenLoraAdapter(manifest.languageModel);

  const unmerged = await logits();
  await model.useAdapter?.(adapter);
  const merged = await logits();

  // Lost between answers; the next request uses no adapter.
  await loseDevice();
  await model.useAdapter?.(null);
  const reloaded = await logits();
  await model.useAdapter?.(adapter);
  const mergedAgain = await logits();

  // Lost between answers, and the next request uses the same adapter without setting it again.
  await loseDevice();
  const keptOverLoss = await logits();

  // Lost in the middle of an answer that does not end before.
  const logitBias = new Map(manifest.languageModel.endTokens.map((token) => [token, -100]));
  const code = await codeOf(async () => {
    let count = 0;
    for await (const _ of model.generate(asked, { maximumNewTokens: 32, temperature: 3, seed: 1, logitBias })) {
      count += 1;
      if (count === 2) void loseDevice();
    }
  });
  const afterBrokenAnswer = await logits();
  await model.useAdapter?.(null);
  const takenOut = await logits();

  return {
    code,
    isDifferent: !areEqual(unmerged, merged),
    isReloadUnmerged: areEqual(unmerged, reloaded),
    isMergedAgain: areEqual(merged, mergedAgain),
    isKeptOverLoss: areEqual(merged, keptOverLoss),
    isRightAfterBrokenAnswer: areEqual(merged, afterBrokenAnswer),
    isTakenOut: areEqual(unmerged, takenOut),
  };
}

function areEqual(left: readonly Float32Array[], right: readonly Float32Array[]): boolean {
  return (
    left.length === right.length &&
    left.every((row, step) => row.every((logit, token) => Object.is(logit, right[step]?.[token])))
  );
}
