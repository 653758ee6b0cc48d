// What training needs of a language model: its loss on an example, and the gradients of a few small parameters.
import type { Example } from './example.ts';
import type { Parameters } from '../adapter/parameters.ts';

export interface LossAndGradients {
  /** Mean negative log-likelihood of the example's targets, nats. */
  readonly loss: number;
  readonly gradients: Parameters;
}

/** A frozen language model that can be differentiated. */
export interface GradientModel extends Disposable {
  /** @throws PersonaPlugError `runtime-failed`. */
  lossAndGradients(example: Example, parameters: Parameters): Promise<LossAndGradients>;
  loss(example: Example, parameters: Parameters): Promise<number>;
}
