// What was learned for one user and one task, as everybody but the store sees it.
import type { AdapterBase, AdapterKind } from './adapter-kind.ts';
import type { TrainingOptions } from './training-options.ts';

/**
 * `running`: under way, paused or interrupted, to be resumed; `ready`: used by answers; `stale`: an item of it was forgotten or
 * changed, its parameters are erased, and it waits to be trained again or deleted.
 */
export type AdapterState = 'running' | 'ready' | 'stale';

/** Why the parameters of an adapter are not there: an item of it was forgotten or changed, or an import brought none. */
export interface StaleMark {
  readonly reason: 'forgotten' | 'changed' | 'imported';
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** How well a training did. */
export interface AdapterResult {
  /** Items of the passes. */
  readonly trainedItems: number;
  /** Items that were held out from the passes and learned last. */
  readonly heldOutItems: number;
  /** Mean loss of the held-out items before the first step, nats a token. */
  readonly startLoss: number;
  /** The same after the best pass, before the held-out items were learned. */
  readonly loss: number;
  /** The pass that was the best, counted from 1. */
  readonly pass: number;
  /** α / r of LoRA. */
  readonly loraScale: number;
  /** Milliseconds since 1970. */
  readonly finishedAt: number;
}

/** Names an adapter: there is at most one of each kind in each state. */
export interface AdapterName {
  readonly task: string;
  readonly kind: AdapterKind;
  readonly state: AdapterState;
}

/** One adapter of a task. */
export interface Adapter extends AdapterName {
  /** Null unless the state is `stale`. */
  readonly stale: StaleMark | null;
  readonly base: AdapterBase;
  /** The plug's fingerprint. */
  readonly plug: string;
  /** The language model's fingerprint: an adapter means nothing to another model. */
  readonly languageModel: string;
  /** What was asked for, with the defaults filled in. */
  readonly options: Required<TrainingOptions>;
  /** Milliseconds since 1970; null where an earlier version of this package did not write it down. */
  readonly startedAt: number | null;
  /** The items that it was made of; of a stale one those that are left. */
  readonly itemIds: readonly string[];
  /** Bytes of its parameters: 0 where it is stale. */
  readonly bytes: number;
  /** Null unless the state is `ready`. */
  readonly result: AdapterResult | null;
}
