// What every asynchronous call takes.
import type { OnProgress } from './progress.ts';

export interface CallOptions {
  /** Aborted, the call rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface LongCallOptions extends CallOptions {
  readonly onProgress?: OnProgress;
}
