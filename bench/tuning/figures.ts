// What is measured of one length.

export interface TuningFigures {
  readonly kind: 'prompt' | 'lora';
  /** Positions, padding included. */
  readonly length: number;
  /** The first gradient: everything is compiled. */
  readonly firstMilliseconds: number;
  /** Median of a gradient and its AdamW step. */
  readonly stepMilliseconds: number;
  /** Median of the same example's loss alone: the peer of the same run. */
  readonly forwardMilliseconds: number;
}
