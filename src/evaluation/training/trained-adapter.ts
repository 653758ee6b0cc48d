// The result of training on one user's items, and its cost.
import type { AdapterRecord } from '../../adapter/adapter-record.ts';

/** `no-gain`: the held-out loss never fell; `too-few-items`: there was nothing to hold out. In both cases no adapter is kept. */
export type TrainingResult = 'kept' | 'no-gain' | 'too-few-items';

export interface TrainedAdapter {
  readonly result: TrainingResult;
  /** Null unless it is kept. */
  readonly record: AdapterRecord | null;
  /** The number of items that could be trained on. */
  readonly items: number;
  /** Optimizer steps. */
  readonly steps: number;
  /** Wall-clock time, with compiling and held-out losses, without embedding. */
  readonly seconds: number;
  /** Mean loss of the held-out items before and after, nats a token; null where none was measured or kept. */
  readonly startLoss: number | null;
  readonly loss: number | null;
}
