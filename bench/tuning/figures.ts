// The cases and the results of the training benchmark.

/** One shape of a training step. */
export interface TuningCase {
  /** What such an item is, for the table. */
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
  /** Steps that are timed in each case, after a first one. */
  readonly steps: number;
  /** Whether jax-js may start threads. The package does not allow them, since they are workers from blob URLs. */
  readonly threads: boolean;
}

export interface TuningFigures extends TuningCase {
  /** The first step of a shape, which compiles everything. */
  readonly firstMilliseconds: number;
  /** Median time of a step: the gradients of its items, and AdamW. */
  readonly stepMilliseconds: number;
  /** Median time of one example's loss without gradients, in the same run. */
  readonly forwardMilliseconds: number;
}

export interface MeasuredTuning {
  readonly figures: readonly TuningFigures[];
  readonly loadMilliseconds: number;
  readonly isIsolated: boolean;
  /** Workers that jax-js has started for itself. */
  readonly ownWorkers: number;
}
