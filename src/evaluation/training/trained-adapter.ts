// What came out of training on one user's items, and what it cost.
import type { AdapterRecord } from '../../adapter/adapter-record.ts';

/** `no-gain`: the held-out loss never fell; `too-few-items`: there was nothing to hold out. Then nothing is kept. */
export type TrainingResult = 'kept' | 'no-gain' | 'too-few-items';

export interface TrainedAdapter {
  readonly result: TrainingResult;
  /** Null unless it is kept. */
  readonly record: AdapterRecord | null;
  /** Items before her first query: what could be trained on. */
  readonly items: number;
  /** Optimizer steps. */
  readonly steps: number;
  /** Of wall-clock time, compiling and held-out losses included, embedding not. */
  readonly seconds: number;
  /** Mean loss of the held-out items before and after, nats a token; null where none was measured or kept. */
  readonly startLoss: number | null;
  readonly loss: number | null;
}
