// What tuning keeps beside the items: a run that is under way, and what a finished one has learned. It was made of items, so it
// goes with any one of them: a parameter that has seen a forgotten text still knows of it.

/** Kinds of tunings: rows of a prompt, low-rank changes of weights, rescaled activations ((IA)³). */
export const tuningKinds = ['prompt', 'lora', 'ia3'] as const;
export type TuningKind = (typeof tuningKinds)[number];

/** One tuning of a task. There is at most one that runs and one that is done, of each kind. */
export interface TuningRecord {
  readonly task: string;
  readonly kind: TuningKind;
  readonly state: 'running' | 'done';
  /** Names the run: a checkpoint that comes late must not bring back what was dropped or started anew meanwhile. */
  readonly run: string;
  /** The ids of the items that it is made of. */
  readonly items: readonly string[];
  /** JSON; the store does not look into it. */
  readonly description: string;
  /** Safetensors; the store does not look into them. */
  readonly tensors: Uint8Array<ArrayBuffer>;
}

/** The tunings of a history, see `HistoryStore`. */
export interface TuningRecords {
  /**
   * Stores a running tuning; one that ran before for the same task and kind is dropped. False, and nothing is stored, when an
   * item of it is not there.
   */
  startTuning(record: TuningRecord): Promise<boolean>;
  /**
   * Stores how far a run has come; `done` takes its place and that of the last one that was done. False, and nothing is stored,
   * when the run is not there any more: dropped, started anew, or one of its items forgotten or changed.
   */
  keepTuning(record: TuningRecord): Promise<boolean>;
  /** The one that is done; null where there is none. */
  tuning(task: string, kind: TuningKind): Promise<TuningRecord | null>;
  /** All tunings of a task. */
  tunings(task: string): Promise<TuningRecord[]>;
  /** Removes tunings; without a state both. Returns how many there were. */
  dropTunings(task: string, kind: TuningKind, state?: TuningRecord['state']): Promise<number>;
}
