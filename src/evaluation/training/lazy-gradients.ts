// Loads weights and jax-js when the first method trains. One model serves all users, so that its kernels are compiled once.
import type { LanguageModelManifest } from '../../model-package/manifest.ts';
import type { ModelPackage } from '../../model-package/model-source.ts';
import type { GradientModel } from '../../tuning/gradient-model.ts';
import { type LlamaWeights, readLlamaWeights } from '../../tuning/llama-weights.ts';
import type { Gradients } from './trainer.ts';

/** Owns the models that it gives: they are disposed of with it. */
export function lazyGradients(modelPackage: ModelPackage<LanguageModelManifest>): Gradients & AsyncDisposable {
  let weights: Promise<LlamaWeights> | null = null;
  const models = new Map<number, GradientModel>();
  const read = async (): Promise<LlamaWeights> => await (weights ??= readLlamaWeights(modelPackage));
  return {
    weights: read,
    async model(loraScale) {
      let model = models.get(loraScale);
      if (model === undefined) {
        const { loadJax } = await import('../../tuning/jax/load-jax.ts');
        const { jaxGradientModel } = await import('../../tuning/jax/jax-gradient-model.ts');
        model = jaxGradientModel(await loadJax('wasm'), await read(), { loraScale });
        models.set(loraScale, model);
      }
      return { ...model, [Symbol.dispose]: () => undefined };
    },
    async [Symbol.asyncDispose]() {
      for (const model of models.values()) model[Symbol.dispose]();
      models.clear();
    },
  };
}
