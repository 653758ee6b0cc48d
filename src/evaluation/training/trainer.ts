// What a models needs to train on users' items.
import type { GradientModel } from '../../tuning/gradient-model.ts';
import type { LlamaWeights } from '../../tuning/llama-weights.ts';
import type { AdapterKeeper } from './adapter-cache.ts';

/** The main language model as something that can be differentiated. */
export interface Gradients {
  weights(): Promise<LlamaWeights>;
  /** A model that its user does not own. `loraScale`: α / r. */
  model(loraScale: number): Promise<GradientModel>;
}

export interface Trainer {
  readonly gradients: Gradients;
  readonly keeper: AdapterKeeper;
}
