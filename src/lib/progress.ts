// The progress that every long job reports.

/** One report of a long job. `done` and `total` count `unit`s; `total` is null while unknown. */
export interface Progress {
  readonly stage: 'download' | 'verify' | 'load' | 'self-test' | 'embed' | 'store' | 'migrate' | 'prefill';
  /** What the stage works on, in words: a file, a model, a task. */
  readonly label: string;
  readonly done: number;
  readonly total: number | null;
  readonly unit: 'bytes' | 'items' | 'steps';
  /** Estimated milliseconds left; null where there is no estimate yet. */
  readonly millisecondsLeft: number | null;
}

/** Receives progress. Called often; must return at once. */
export type OnProgress = (progress: Progress) => void;
