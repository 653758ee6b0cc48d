// What is measured, and what comes out.

/** One shape of a training step. */
export interface TuningCase {
  /** For the table: what such an item is. */
  readonly name: string;
  readonly kind: 'prompt' | 'lora';
  /** Positions, answer included. */
  readonly length: number;
  /** Tokens of the answer. */
  readonly answer: number;
  /** Items whose gradients make one step. */
  readonly batch: number;
}

export interface TuningMeasurement {
  readonly cases: readonly TuningCase[];
  /** Steps a case; the first one comes on top. */
  readonly steps: number;
  /** jax-js's own threads, which the product does without: its workers come from blob URLs. */
  readonly threads: boolean;
}

export interface TuningFigures extends TuningCase {
  /** The first step of a shape: everything is compiled. */
  readonly firstMilliseconds: number;
  /** Median of a step: the gradients of its items, and AdamW. */
  readonly stepMilliseconds: number;
  /** Median of one example's loss alone: the peer of the same run. */
  readonly forwardMilliseconds: number;
}

export interface MeasuredTuning {
  readonly figures: readonly TuningFigures[];
  readonly loadMilliseconds: number;
  readonly isIsolated: boolean;
  /** Workers that jax-js has started for itself. */
  readonly ownWorkers: number;
}
