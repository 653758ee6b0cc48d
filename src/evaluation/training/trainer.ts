// What the evaluation needs to train adapters on users' items.
import type { GradientModel } from '../../tuning/gradient-model.ts';
import type { LlamaWeights } from '../../tuning/llama-weights.ts';
import type { AdapterCache } from './adapter-cache.ts';

/** The main language model in a form that gives gradients. */
export interface Gradients {
  weights(): Promise<LlamaWeights>;
  /** A model that the caller must not dispose of. `loraScale`: α / r. */
  model(loraScale: number): Promise<GradientModel>;
}

export interface Trainer {
  readonly gradients: Gradients;
  readonly cache: AdapterCache;
}
